/* SPDX-License-Identifier: Apache-2.0 */
/* Events of one address and port, folded into spans of time that somebody had it. */
#include <stdio.h>
#include <string.h>

#include "whohad.h"

static enum whohad_kind
kind_of(unsigned event)
{
	if (log_event_is_session(event))
		return WHOHAD_SESSION;
	return event == RECORD_MAPPING_CREATE || event == RECORD_MAPPING_DELETE ? WHOHAD_MAPPING :
	                                                                          WHOHAD_BLOCK;
}

bool
whohad_concerns(const struct whohad_query *q, const struct log_entry *e)
{
	if (log_event_is_of_all(e->event))
		return true;
	return e->external == q->external && log_event_is_assignment(e->event) &&
	       e->port_first <= q->port && q->port <= e->port_last &&
	       (q->proto == 0 || q->proto == e->proto || (e->proto == 0 && whohad_of_blocks(q)));
}

bool
whohad_decides(const struct log_entry *e)
{
	return e->event == RECORD_START ||
	       (log_event_is_assignment(e->event) && kind_of(e->event) == WHOHAD_BLOCK);
}

void
whohad_fold_begin(struct whohad_fold *f, const struct whohad_query *q, struct whohad *out,
                  uint64_t begin_ms)
{
	memset(f, 0, sizeof(*f));
	f->q = q;
	f->out = out;
	f->last_ms = begin_ms;
}

static void
rests_on(struct whohad_answer *a, const struct log_entry *e, const char *stem)
{
	if (a->records == WHOHAD_RECORDS)
		return;
	struct whohad_record *r = &a->record[a->records++];
	r->entry = *e;
	snprintf(r->stem, sizeof(r->stem), "%s", stem);
}

/* span_end: the span is over; it is an answer if it holds the moment. */
static void
span_end(struct whohad_fold *f, struct whohad_span *s, enum whohad_end end, uint64_t to_ms)
{
	struct whohad *out = f->out;
	uint64_t from = s->a.from_ms != 0 ? s->a.from_ms : s->a.since_ms;
	s->is_open = false;
	s->a.end = end;
	s->a.to_ms = to_ms;
	if (f->q->until_ms < from || (end != WHOHAD_HELD && f->q->at_ms >= to_ms))
		return;
	if (out->answers < WHOHAD_ANSWERS)
		out->answer[out->answers++] = s->a;
	else
		out->answers_lost++;
}

/* all_end: a block takes its mappings and sessions with it, whose own ends are missing then; NULL:
 * everything ends. */
static void
all_end(struct whohad_fold *f, const struct whohad_span *but, enum whohad_end end, uint64_t ms)
{
	for (unsigned i = 0; i < WHOHAD_SPANS; i++)
		if (f->span[i].is_open && &f->span[i] != but) {
			f->span[i].a.is_cut = but != NULL;
			span_end(f, &f->span[i], end, ms);
		}
}

/* on_start: whatever was held ended with the data plane, between its last word and the next's. */
static void
on_start(struct whohad_fold *f, const struct log_entry *e)
{
	for (unsigned i = 0; i < WHOHAD_SPANS; i++)
		f->span[i].a.heard_ms = e->sequence;
	all_end(f, NULL, WHOHAD_RESTARTED, e->time_ms);
	f->last_ms = e->time_ms;
}

/* span_find: the open one that this event is about, of whatever subscriber. */
static struct whohad_span *
span_find(struct whohad_fold *f, const struct log_entry *e)
{
	enum whohad_kind kind = kind_of(e->event);
	for (unsigned i = 0; i < WHOHAD_SPANS; i++) {
		struct whohad_span *s = &f->span[i];
		if (s->is_open && s->a.kind == kind && s->a.proto == e->proto)
			return s;
	}
	return NULL;
}

static bool
is_same(const struct whohad_span *s, const struct log_entry *e)
{
	return s->a.subscriber == e->subscriber && s->a.realm == e->realm &&
	       s->a.port_first == e->port_first && s->a.inside_port == e->inside_port;
}

static struct whohad_span *
span_begin(struct whohad_fold *f, const struct log_entry *e, const struct log_names *names,
           const char *stem)
{
	struct whohad_span *s = f->span;
	for (unsigned i = 0; i < WHOHAD_SPANS && s->is_open; i++)
		s = &f->span[i];
	*s = (struct whohad_span){.is_open = true, .depth = 1, .a = {
		.kind = kind_of(e->event), .subscriber = e->subscriber,
		.port_first = e->port_first, .port_last = e->port_last,
		.inside_port = e->inside_port, .proto = e->proto, .realm = e->realm,
		.worker = e->worker, .from_ms = e->time_ms, .since_ms = e->time_ms,
		.names = *names,
	}};
	rests_on(&s->a, e, stem);
	return s;
}

/* on_create: made, or said to be still held. */
static void
on_create(struct whohad_fold *f, const struct log_entry *e, const struct log_names *names,
          const char *stem)
{
	struct whohad_span *s = span_find(f, e);
	bool interim = e->event == RECORD_BLOCK_INTERIM;
	uint64_t from = interim ? e->sequence : e->time_ms;
	if (s != NULL && is_same(s, e) && interim && s->a.from_ms == from) {
		s->a.proven_ms = e->time_ms;
		return;
	}
	if (s != NULL && is_same(s, e) && s->a.kind == WHOHAD_SESSION) {
		s->depth++;
		return;
	}
	if (kind_of(e->event) == WHOHAD_BLOCK)
		all_end(f, NULL, WHOHAD_REPLACED, from);
	else if (s != NULL)
		span_end(f, s, WHOHAD_REPLACED, from);
	s = span_begin(f, e, names, stem);
	s->a.from_ms = from;
	s->a.proven_ms = e->time_ms;
}

static void
on_delete(struct whohad_fold *f, const struct log_entry *e, const struct log_names *names,
          const char *stem)
{
	struct whohad_span *s = span_find(f, e);
	if (s != NULL && !is_same(s, e)) {
		span_end(f, s, WHOHAD_REPLACED, e->time_ms);
		s = NULL;
	}
	if (s != NULL && --s->depth != 0)
		return;
	if (s != NULL) {
		rests_on(&s->a, e, stem);
	} else {
		s = span_begin(f, e, names, stem);
		s->a.from_ms = 0;
		s->a.since_ms = f->last_ms;
	}
	if (s->a.kind == WHOHAD_BLOCK)
		all_end(f, s, WHOHAD_RELEASED, e->time_ms);
	span_end(f, s, WHOHAD_RELEASED, e->time_ms);
	f->last_ms = e->time_ms;
}

void
whohad_gap_add(struct whohad *out, const struct whohad_gap *gap)
{
	if (out->gaps < WHOHAD_GAPS)
		out->gap[out->gaps++] = *gap;
	else
		out->gaps_lost++;
}

static void
on_gap(struct whohad_fold *f, const struct log_entry *e)
{
	whohad_gap_add(f->out, &(struct whohad_gap){e->sequence, e->time_ms, e->subscriber,
	                                            e->worker});
}

/* on_clock: what a clock that was set forward never showed. */
static void
on_clock(struct whohad_fold *f, const struct log_entry *e)
{
	f->out->is_leapt |= e->sequence < f->q->at_ms && f->q->at_ms < e->time_ms &&
	                    e->time_ms >> EPOCH_SHIFT == e->sequence >> EPOCH_SHIFT;
}

/* is_holding: is there a span that holds the moment, and has not ended yet? */
static bool
is_holding(const struct whohad_fold *f)
{
	for (unsigned i = 0; i < WHOHAD_SPANS; i++) {
		const struct whohad_answer *a = &f->span[i].a;
		uint64_t from = a->from_ms != 0 ? a->from_ms : a->since_ms;
		if (f->span[i].is_open && from <= f->q->until_ms)
			return true;
	}
	return false;
}

/* next_see: what the first event after the moment says of who had it until then. */
static void
next_see(struct whohad_fold *f, const struct log_entry *e)
{
	if (f->next_ms != 0 || e->event == RECORD_GAP || e->event == RECORD_CLOCK ||
	    e->time_ms <= f->q->until_ms)
		return;
	f->next_ms = e->time_ms;
	f->is_next_free = e->event == RECORD_BLOCK_CREATE;
}

void
whohad_fold_event(struct whohad_fold *f, const struct log_entry *e,
                  const struct log_names *names, const char *stem)
{
	if (!whohad_concerns(f->q, e))
		return;
	next_see(f, e);
	switch (e->event) {
	case RECORD_GAP:
		on_gap(f, e);
		break;
	case RECORD_START:
		on_start(f, e);
		break;
	case RECORD_CLOCK:
		on_clock(f, e);
		break;
	case RECORD_BLOCK_DELETE:
	case RECORD_MAPPING_DELETE:
	case RECORD_SESSION_DELETE:
		on_delete(f, e, names, stem);
		break;
	default:
		on_create(f, e, names, stem);
	}
	if (whohad_decides(e) && e->time_ms > f->q->until_ms)
		f->is_settled = !is_holding(f);
}

/* is_hidden: is a gap, that could hide something of this worker, between these moments? */
static bool
is_hidden(const struct whohad *w, uint64_t from_ms, uint64_t to_ms, const uint8_t *worker)
{
	if (w->gaps_lost != 0)
		return true;
	for (unsigned i = 0; i < w->gaps; i++) {
		const struct whohad_gap *g = &w->gap[i];
		bool concerns = worker == NULL || g->worker == RECORD_DAEMON ||
		                g->worker == *worker;
		if (concerns && g->from_ms <= to_ms && g->to_ms >= from_ms)
			return true;
	}
	return false;
}

/* gaps_keep: of the gaps those that lie between these moments. */
static void
gaps_keep(struct whohad *w, uint64_t from_ms, uint64_t to_ms)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < w->gaps; i++)
		if (w->gap[i].to_ms >= from_ms && w->gap[i].from_ms <= to_ms)
			w->gap[kept++] = w->gap[i];
	w->gaps = kept;
}

/* is_enclosed: is a mapping within a block that is an answer too? */
static bool
is_enclosed(const struct whohad *w, const struct whohad_answer *a)
{
	for (unsigned i = 0; i < w->answers && a->kind == WHOHAD_MAPPING; i++)
		if (w->answer[i].kind == WHOHAD_BLOCK)
			return true;
	return false;
}

/*
 * is_explained: where a begin or an end is missing, is there a gap that may have it? Else it was
 * not logged then, as the configuration wanted (nat.log), and there may have been others. A mapping
 * that began before the log may be younger than the log if its block tells who had the port.
 */
static bool
is_explained(const struct whohad *w, const struct whohad_answer *a, uint64_t at, bool reaches_back)
{
	if ((a->end == WHOHAD_REPLACED || a->is_cut) && at > a->proven_ms)
		return is_hidden(w, at, a->to_ms, &a->worker);
	if (a->from_ms == 0 && (reaches_back || is_enclosed(w, a)))
		return is_hidden(w, a->since_ms, at, &a->worker);
	return true;
}

/*
 * is_certain: what is beyond all that is known may be otherwise, but for what ends later. Else it
 * was held when it was made or last said to be, and nothing is missing from then to the moment; or
 * it was given back, and nothing is missing from the moment to then. With its data plane it ended
 * some time after that was heard of last.
 */
static bool
is_certain(const struct whohad *w, const struct whohad_answer *a, const struct whohad_query *q,
           bool reaches_back)
{
	uint64_t at = q->at_ms, until = q->until_ms;
	bool ends = a->to_ms != 0 && a->to_ms < until;
	if ((w->is_beyond && a->end == WHOHAD_HELD) || w->is_leapt ||
	    !is_explained(w, a, at, reaches_back))
		return false;
	/* Somebody else in what is left of a moment that lasts? */
	if ((a->from_ms > at && is_hidden(w, at, a->from_ms, &a->worker)) ||
	    (ends && is_hidden(w, a->to_ms, until, &a->worker)))
		return false;
	uint64_t last = ends ? a->to_ms : until;
	if (a->end == WHOHAD_RESTARTED && at > a->heard_ms && at > a->proven_ms)
		return false;
	if (a->end == WHOHAD_RELEASED && !is_hidden(w, at, a->to_ms, &a->worker))
		return a->from_ms != 0 || at >= w->log_first_ms;
	return a->from_ms != 0 &&
	       (last <= a->proven_ms || !is_hidden(w, a->proven_ms, last, &a->worker));
}

static bool
is_within(const struct whohad *w, uint64_t at)
{
	return w->log_first_ms != 0 && at >= w->log_first_ms;
}

/* is_silence: nobody had it, and what the log says before or after the moment leaves no doubt. */
static bool
is_silence(const struct whohad_fold *f, bool reaches_back)
{
	const struct whohad *w = f->out;
	uint64_t at = f->q->at_ms;
	if (w->answers != 0 || w->is_beyond || w->is_leapt || w->bad != 0)
		return false;
	return (reaches_back && !is_hidden(w, 0, f->q->until_ms, NULL)) ||
	       (f->is_next_free && is_within(w, at) && !is_hidden(w, at, f->next_ms, NULL));
}

/*
 * is_all: is nobody missing beside the answers? A block is of one subscriber, whatever the
 * protocol. Mappings without one are of a protocol each: of another one nothing may be hidden then.
 */
static bool
is_all(const struct whohad_fold *f, bool reaches_back)
{
	const struct whohad *w = f->out;
	for (unsigned i = 0; i < w->answers; i++)
		if (w->answer[i].kind == WHOHAD_BLOCK)
			return w->answer[i].is_certain;
	if (w->answers == 0 || !w->answer[0].is_certain)
		return false;
	return f->q->proto != 0 || (reaches_back && !is_hidden(w, 0, f->q->until_ms, NULL));
}

void
whohad_fold_end(struct whohad_fold *f, bool reaches_back)
{
	struct whohad *out = f->out;
	uint64_t at = f->q->at_ms, oldest = f->q->until_ms;
	uint64_t known = f->q->known_ms != 0 ? f->q->known_ms : out->log_last_ms;
	out->is_beyond = known != 0 && at > known;
	all_end(f, NULL, WHOHAD_HELD, 0);
	for (unsigned i = 0; i < out->answers; i++) {
		struct whohad_answer *a = &out->answer[i];
		uint64_t from = a->from_ms != 0 ? a->from_ms : a->since_ms;
		a->is_certain = is_certain(out, a, f->q, reaches_back);
		oldest = from < oldest ? from : oldest;
	}
	bool all = is_all(f, reaches_back);
	whohad_conflicts(out);
	out->is_complete = out->answers_lost == 0 && (all || is_silence(f, reaches_back));
	out->is_as_now = out->answers == 0 && f->next_ms == 0 && !out->is_beyond &&
	                 !out->is_leapt && out->bad == 0 && is_within(out, at) &&
	                 !is_hidden(out, at, UINT64_MAX, NULL);
	gaps_keep(out, out->answers != 0 ? oldest : 0, f->q->until_ms);
}

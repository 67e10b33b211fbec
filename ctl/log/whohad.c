/* SPDX-License-Identifier: Apache-2.0 */
/* Which segments a search opens, and in which order. */
#include "whohad.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *stem;
	const struct log_file *file; /* NULL: the segment in use */
	const struct log_index *index;
	struct log_index own;
	unsigned epoch;              /* in which it begins */
	uint64_t start_ms;           /* of the data plane that was heard of last before */
	bool is_read;                /* its index could be opened, or made */
	unsigned asked;              /* the last epoch asked of it, from 1; 0: none */
};

struct walk {
	struct whohad_query q;       /* its moments are orders */
	int folder;
	struct log_list list;
	struct part *part;           /* oldest first */
	size_t n;
	const struct whohad_live *live;
	struct epochs epochs;
	struct whohad *out;          /* of one epoch */
	unsigned asked, opened;
};

static bool
part_open(struct walk *w, struct part *p)
{
	if (p->file != NULL && log_segment_open_for(&p->own, w->folder, p->file, 0) == 0)
		p->index = &p->own;
	p->is_read = p->index != NULL;
	return p->is_read;
}

/* part_follows: segments have numbers without a hole; one that cannot be read is one too. */
static bool
part_follows(const struct walk *w, size_t i)
{
	uint64_t last = 0, number = 0;
	if (i == 0)
		return true;
	log_stem_number(w->part[i - 1].stem, &last);
	log_stem_number(w->part[i].stem, &number);
	return w->part[i - 1].is_read && number == (last + 1) % LOG_STEM_NUMBERS;
}

/* parts_open: all of them: where the clock was set back any may speak of the moment. */
static void
parts_open(struct walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct part *p = &w->part[i];
		p->start_ms = w->epochs.start_ms;
		if (part_open(w, p))
			p->epoch = epochs_part(&w->epochs, i, p->index, part_follows(w, i));
	}
}

/* part_check: what an index says of the address is as it was saved, or it is made anew. */
static void
part_check(struct walk *w, struct part *p)
{
	if (p->index != &p->own || log_index_check(p->index, w->q.external))
		return;
	log_index_fini(&p->own);
	p->is_read = log_segment_open_for(&p->own, w->folder, p->file, w->q.external) == 0;
	p->index = p->is_read ? &p->own : NULL;
}

/* part_look: => false when it cannot be read, which counts as a bad line. */
static bool
part_look(struct walk *w, struct part *p)
{
	w->opened += p->asked == 0;
	if (p->asked == 0)
		part_check(w, p);
	if (p->asked != w->asked)
		w->out->bad += p->is_read ? p->index->head.bad : 1;
	p->asked = w->asked;
	return p->is_read;
}

typedef void event_fn(void *arg, const struct log_entry *e, const struct log_names *names,
                      const char *stem);

/* part_begin: the order before which what is missing in front of a segment was made. */
static uint64_t
part_begin(const struct walk *w, size_t i)
{
	for (; i < w->n; i++) {
		const struct part *p = &w->part[i];
		unsigned next = p->epoch + 1;
		if (!p->is_read || p->index->head.first_ms == 0)
			continue;
		bool ends = next < w->epochs.n && w->epochs.e[next].part == i;
		return epoch_order(p->epoch, ends ? w->epochs.e[p->epoch].last_ms :
		                                    p->index->head.first_ms);
	}
	return UINT64_MAX;
}

/* part_last: the order after which what is missing behind the segments before one was made. */
static uint64_t
part_last(const struct walk *w, size_t i)
{
	while (i-- > 0) {
		const struct part *p = &w->part[i];
		if (p->is_read && p->index->head.last_ms != 0)
			return epoch_order(p->epoch, p->index->head.last_ms);
	}
	return 0;
}

/* ordered: an entry with orders for times. */
static struct log_entry
ordered(const struct walk *w, size_t i, const struct log_entry *e)
{
	const struct part *p = &w->part[i];
	struct log_entry o = *e;
	unsigned k = epochs_at(&w->epochs, p->epoch, i, e->line);
	bool is_mark = epochs_is_mark(e->event);
	bool has_since = e->event == RECORD_GAP || e->event == RECORD_BLOCK_INTERIM;
	o.time_ms = e->time_ms != 0 ? epoch_order(k, e->time_ms) : part_begin(w, i + 1);
	if (e->event == RECORD_GAP && e->sequence == 0)
		o.sequence = part_last(w, i);
	else if (is_mark && e->sequence != 0) /* what was right before it */
		o.sequence = epoch_order(e->sequence > e->time_ms && k > 0 ? k - 1 : k,
		                         e->sequence);
	else if (has_since)
		o.sequence = epochs_since(&w->epochs, k, e->sequence,
		                          e->time_ms != 0 ? e->time_ms : UINT64_MAX);
	return o;
}

/* part_events: what concerns the question, in the order of the log. */
static void
part_events(const struct walk *w, size_t i, event_fn *fn, void *arg)
{
	const struct part *p = &w->part[i];
	size_t a = 0, b = 0, n_a, n_b = 0;
	const struct log_entry *of_all = log_index_find(p->index, 0, &n_a), *of_it = NULL;
	uint64_t start_ms = p->start_ms;
	if (p->index->is_sorted)
		of_it = log_index_find(p->index, w->q.external, &n_b);
	while (a < n_a || b < n_b) {
		bool first = b == n_b || (a < n_a && of_all[a].line < of_it[b].line);
		const struct log_entry *e = first ? &of_all[a++] : &of_it[b++];
		bool is_again = e->event == RECORD_START && e->time_ms == start_ms;
		if (!whohad_concerns(&w->q, e) || is_again) /* that ended nothing */
			continue;
		start_ms = e->event == RECORD_START ? e->time_ms : start_ms;
		struct log_entry o = ordered(w, i, e);
		fn(arg, &o, log_index_names(p->index, e), p->stem);
	}
}

struct decision {
	uint64_t at_ms;
	bool is_made;
};

static void
look_for_decision(void *arg, const struct log_entry *e, const struct log_names *names,
                  const char *stem)
{
	struct decision *d = arg;
	d->is_made |= e->time_ms <= d->at_ms && whohad_decides(e);
}

/* first_part: where the fold begins; *reached: something there decides what was before. */
static size_t
first_part(struct walk *w, bool *reached)
{
	struct decision d = {.at_ms = w->q.at_ms};
	size_t i = w->n;
	while (i > 0 && !d.is_made) {
		struct part *p = &w->part[--i];
		if (part_look(w, p) &&
		    epoch_order(p->epoch, p->index->head.first_ms) <= w->q.at_ms)
			part_events(w, i, look_for_decision, &d);
	}
	*reached = d.is_made;
	return i;
}

static void
fold_event(void *arg, const struct log_entry *e, const struct log_names *names, const char *stem)
{
	whohad_fold_event(arg, e, names, stem);
}

/* absent_add: the records between the last segment that could be read and this one. */
static void
absent_add(struct walk *w, size_t i)
{
	struct whohad_gap gap = {.worker = RECORD_DAEMON, .from_ms = part_last(w, i),
	                         .to_ms = part_begin(w, i)};
	whohad_gap_add(w->out, &gap);
}

/* numbers_add: what is missing between segments though none says so. */
static void
numbers_add(struct walk *w, struct whohad_numbers *n, const struct part *p)
{
	struct whohad_gap gap[LOG_WORKERS];
	unsigned gaps = whohad_numbers_part(n, p->index, gap);
	for (unsigned i = 0; i < gaps; i++) {
		gap[i].from_ms = epochs_since(&w->epochs, p->epoch, gap[i].from_ms, gap[i].to_ms);
		gap[i].to_ms = epoch_order(p->epoch, gap[i].to_ms);
		whohad_gap_add(w->out, &gap[i]);
	}
}

/* tail_add: what comes after all segments: others that are not here, and what waits. */
static void
tail_add(struct walk *w, bool is_settled)
{
	struct whohad_gap waits = {.worker = RECORD_DAEMON, .to_ms = UINT64_MAX};
	uint64_t number = 0;
	const struct whohad_live *live = w->live;
	bool is_last = w->n != 0 && w->part[w->n - 1].is_read;
	if (w->n != 0)
		log_stem_number(w->part[w->n - 1].stem, &number);
	bool next = live == NULL || live->next_number == 0 ||
	            live->next_number % LOG_STEM_NUMBERS == (number + 1) % LOG_STEM_NUMBERS;
	if (w->n != 0 && !is_settled && (!is_last || !next))
		absent_add(w, w->n);
	unsigned last = w->epochs.n != 0 ? w->epochs.n - 1 : 0;
	if (live != NULL && live->waits != 0) {
		waits.lost = live->waits;
		waits.from_ms = epoch_order(last, live->waits_ms);
		whohad_gap_add(w->out, &waits);
	}
	if (live != NULL && live->silent_ms != 0) {
		waits.lost = 0;
		waits.from_ms = epoch_order(last, live->silent_ms);
		whohad_gap_add(w->out, &waits);
	}
}

/* fold_run: everything of the moment in one epoch. */
static void
fold_run(struct walk *w)
{
	struct whohad_numbers numbers = {.last = {NULL}};
	struct whohad_fold fold;
	bool reached;
	size_t first = first_part(w, &reached);
	uint64_t begin = first < w->n && w->part[first].is_read ?
	                 epoch_order(w->part[first].epoch, w->part[first].index->head.first_ms) : 0;
	whohad_fold_begin(&fold, &w->q, w->out, begin);
	for (size_t i = first; i < w->n && !fold.is_settled; i++) {
		const struct part *p = &w->part[i];
		if (!part_look(w, &w->part[i]))
			continue;
		if (i > first && !part_follows(w, i)) {
			absent_add(w, i);
			memset(&numbers, 0, sizeof(numbers));
		}
		numbers_add(w, &numbers, p);
		part_events(w, i, fold_event, &fold);
	}
	tail_add(w, fold.is_settled);
	whohad_fold_end(&fold, reached);
}

/* bounds: of all the log. */
static void
bounds(struct walk *w)
{
	const struct epochs *ep = &w->epochs;
	w->out->log_first_ms = w->out->log_last_ms = 0;
	if (ep->n == 0)
		return;
	w->out->log_first_ms = ep->e[0].first_ms;
	w->out->log_last_ms = epoch_order(ep->n - 1, ep->e[ep->n - 1].last_ms);
}

/* walk_epoch: the question about one time that the clock showed the moment. */
static void
walk_epoch(struct walk *w, const struct whohad_query *q, unsigned epoch)
{
	unsigned last = w->epochs.n != 0 ? w->epochs.n - 1 : 0;
	memset(w->out, 0, sizeof(*w->out));
	w->q = *q;
	w->q.at_ms = epoch_order(epoch, q->at_ms);
	w->q.until_ms = epoch_order(epoch, q->until_ms);
	w->q.known_ms = q->known_ms != 0 ? epoch_order(last, q->known_ms) : 0;
	bounds(w);
	fold_run(w);
}

static int
walk_run(struct walk *w, const struct whohad_query *q, struct whohad *out)
{
	parts_open(w);
	struct whohad *one = malloc(sizeof(*one));
	if (one == NULL)
		return -ENOMEM;
	for (unsigned k = 0; k < w->epochs.n || k == 0; k++) {
		if (w->epochs.n != 0 && !epochs_of(&w->epochs, k, q->at_ms, q->until_ms))
			continue;
		w->out = w->asked++ == 0 ? out : one;
		walk_epoch(w, q, k);
		if (w->asked != 1)
			whohad_merge(out, one);
	}
	free(one);
	for (unsigned i = 0; i < out->answers; i++)
		out->answer[i].is_certain &= !w->epochs.is_more;
	out->is_complete &= !w->epochs.is_more;
	out->segments = (unsigned)w->n;
	out->opened = w->opened;
	whohad_plain(out);
	return 0;
}

static int
parts_make(struct walk *w, const struct whohad_live *live)
{
	size_t files = w->list.n;
	w->part = calloc(files + 1, sizeof(*w->part));
	if (w->part == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < files; i++) {
		const struct log_file *f = &w->list.file[i];
		bool in_use = live != NULL && live->index != NULL &&
		              strcmp(f->stem, live->stem) == 0;
		if (!in_use && (f->has_plain || f->has_gz))
			w->part[w->n++] = (struct part){.stem = f->stem, .file = f};
	}
	if (live != NULL && live->index != NULL && live->index->head.lines != 0)
		w->part[w->n++] = (struct part){.stem = live->stem, .index = live->index};
	return 0;
}

int
whohad_search(const struct whohad_query *q, int folder, const struct whohad_live *live,
              struct whohad *out)
{
	struct walk w = {.q = *q, .folder = folder, .live = live, .out = out};
	struct whohad_query whole = *q;
	if (whole.until_ms < whole.at_ms)
		whole.until_ms = whole.at_ms;
	memset(out, 0, sizeof(*out));
	int rc = folder >= 0 ? log_list_make(&w.list, folder) : 0;
	if (rc == 0)
		rc = parts_make(&w, live);
	if (rc == 0)
		rc = walk_run(&w, &whole, out);
	for (size_t i = 0; i < w.n; i++)
		if (w.part[i].index == &w.part[i].own)
			log_index_fini(&w.part[i].own);
	free(w.part);
	log_list_free(&w.list);
	return rc;
}

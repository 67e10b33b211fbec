/* SPDX-License-Identifier: Apache-2.0 */
/* The question and the answers of nat.whohad as JSON; also for searches without a daemon. */
#include <stdio.h>
#include <string.h>

#include "ctl/log/timetext.h"
#include "internal.h"

#define NS_A_MS 1000000ull

bool
api_whohad_query(const json_t *params, uint64_t now_ns, struct whohad_query *q, char *err,
                 size_t err_size)
{
	const char *at = param_string(params, "at"), *proto = param_string(params, "protocol");
	union addr a;
	uint8_t family;
	uint64_t ns = now_ns, span_ns = 1;
	bool good = false;
	int p = proto != NULL ? log_proto_parse(proto, strlen(proto)) : 0;
	*q = (struct whohad_query){0};
	if (!param_address(params, "external.address", &a, &family) || family != FAMILY_V4)
		snprintf(err, err_size, "external.address: wanted an IPv4 address");
	else if (at != NULL && !time_parse_span(at, strlen(at), &ns, &span_ns))
		snprintf(err, err_size, "at: wanted a moment such as 2026-11-20T17:00:00Z or "
		         "2026-11-20T18:00:00+01:00");
	else if (p < 0)
		snprintf(err, err_size, "protocol: wanted tcp, udp, icmp or a number");
	else
		good = true;
	if (good)
		*q = (struct whohad_query){
			.external = a.w[0], .proto = (uint8_t)p, .at_ms = ns / NS_A_MS,
			.port = (uint16_t)param_integer(params, "external.port", 0),
			.known_ms = now_ns / NS_A_MS,
			.until_ms = (ns + span_ns - 1) / NS_A_MS,
		};
	/* What of a moment is still to come says nothing of the rest. */
	if (good && q->at_ms <= q->known_ms && q->until_ms > q->known_ms)
		q->until_ms = q->known_ms;
	return good;
}

static json_t *
moment(uint64_t ms)
{
	return ms != 0 ? name_time(ms * NS_A_MS) : json_null();
}

static const char *const kind_names[] = {"block", "mapping", "session"};
static const char *const end_names[] = {"held", "released", "replaced", "restarted"};

static json_t *
answer_json(const struct whohad_answer *a)
{
	char inside[API_NAME], proto[API_NAME];
	json_t *o = json_pack("{s:s, s:i, s:s, s:i, s:i, s:s, s:i, s:o, s:o, s:s, s:b, s:s}",
		"subscriber", name_v4(a->subscriber, inside), "realm", a->realm, "kind",
		kind_names[a->kind], "port_first", a->port_first, "port_last", a->port_last,
		"pool", a->names.pool, "worker", a->worker, "from", moment(a->from_ms), "to",
		moment(a->to_ms), "end", end_names[a->end], "certain", a->is_certain, "source",
		"log");
	if (a->names.realm[0] != '\0')
		json_object_set_new(o, "realm_name", json_string(a->names.realm));
	if (a->from_ms == 0)
		json_object_set_new(o, "not_before", moment(a->since_ms));
	if (a->end == WHOHAD_RESTARTED)
		json_object_set_new(o, "heard", moment(a->heard_ms));
	if (a->proto != 0)
		json_object_set_new(o, "protocol", json_string(name_protocol(a->proto, proto)));
	if (a->inside_port != 0)
		json_object_set_new(o, "inside_port", json_integer(a->inside_port));
	return o;
}

static void
records_add(json_t *list, unsigned number, const struct whohad_answer *a)
{
	for (unsigned i = 0; i < a->records; i++) {
		const struct log_entry *e = &a->record[i].entry;
		bool interim = e->event == RECORD_BLOCK_INTERIM;
		json_array_append_new(list, json_pack("{s:i, s:o, s:s, s:i, s:o, s:s, s:I}",
			"answer", (int)number, "time", moment(e->time_ms), "event",
			record_event_name(e->event), "worker", e->worker, "sequence",
			interim ? json_null() : json_integer((json_int_t)e->sequence), "segment",
			a->record[i].stem, "line", (json_int_t)e->line + 1));
	}
}

static json_t *
gaps_json(const struct whohad *w)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < w->gaps; i++)
		json_array_append_new(list, json_pack("{s:o, s:o, s:I, s:o}", "from",
			moment(w->gap[i].from_ms), "to", w->gap[i].to_ms != UINT64_MAX ?
			moment(w->gap[i].to_ms) : json_null(), "lost",
			(json_int_t)w->gap[i].lost, "worker", w->gap[i].worker == RECORD_DAEMON ?
			json_null() : json_integer(w->gap[i].worker)));
	return list;
}

static void
note(json_t *list, const char *text)
{
	json_array_append_new(list, json_pack("{s:s}", "text", text));
}

static bool
is_restart_in_doubt(const struct whohad_query *q, const struct whohad *w)
{
	for (unsigned i = 0; i < w->answers; i++) {
		const struct whohad_answer *a = &w->answer[i];
		if (a->end == WHOHAD_RESTARTED && q->at_ms > a->heard_ms &&
		    q->at_ms > a->proven_ms)
			return true;
	}
	return false;
}

/* is_by_protocol: do answers that are all true name several subscribers? */
static bool
is_by_protocol(const struct whohad *w)
{
	for (unsigned i = 1; i < w->answers; i++)
		if (w->answer[i].subscriber != w->answer[0].subscriber ||
		    w->answer[i].realm != w->answer[0].realm ||
		    strcmp(w->answer[i].names.realm, w->answer[0].names.realm) != 0)
			return !w->is_ambiguous;
	return false;
}

static json_t *
notes_json(const struct whohad_query *q, const struct whohad *w, size_t live)
{
	json_t *list = json_array();
	if (w->log_first_ms == 0)
		note(list, "the log is empty");
	else if (q->at_ms < w->log_first_ms)
		note(list, "the log does not reach back that far");
	if (w->is_beyond)
		note(list, q->known_ms != 0 ? "that moment is still to come" :
		           "the log ends before that moment");
	if (w->gaps != 0 || w->gaps_lost != 0)
		note(list, "records are missing that could say otherwise; see the gaps");
	if (is_restart_in_doubt(q, w))
		note(list, "its data plane ended some time before the next one began, and may have "
		     "ended before that moment");
	if (w->is_twice)
		note(list, "the clock was set back over that moment: it showed it more than once");
	if (w->is_leapt)
		note(list, "the clock was set forward over that moment: it never showed it");
	if (w->is_ambiguous && !w->is_twice)
		note(list, "several had it at that moment: ask with a protocol, or a fraction of "
		     "the second");
	if (is_by_protocol(w))
		note(list, "it was of another subscriber by protocol: ask with one");
	if (w->bad != 0)
		note(list, "some lines or segments that were looked at cannot be read");
	if (w->answers_lost != 0)
		note(list, "there are more answers");
	if (w->answers == 0 && w->is_complete && live == 0)
		note(list, "nobody had it");
	return list;
}

json_t *
api_whohad_json(const struct whohad_query *q, const struct whohad *w, size_t live)
{
	char external[API_NAME], proto[API_NAME];
	json_t *answers = json_array(), *records = json_array();
	for (unsigned i = 0; i < w->answers; i++) {
		json_array_append_new(answers, answer_json(&w->answer[i]));
		records_add(records, i + 1, &w->answer[i]);
	}
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:b, s:b, s:o, s:o,"
		"s:{s:o, s:o, s:i, s:i}}",
		"external", name_v4(q->external, external), "external_port", q->port, "protocol",
		q->proto != 0 ? name_protocol(q->proto, proto) : "any", "at", moment(q->at_ms),
		"answers", answers, "records", records, "complete", w->is_complete, "ambiguous",
		w->is_ambiguous, "notes",
		notes_json(q, w, live), "gaps", gaps_json(w), "log", "first",
		moment(w->log_first_ms), "last", moment(w->log_last_ms), "segments",
		(int)w->segments, "opened", (int)w->opened);
}

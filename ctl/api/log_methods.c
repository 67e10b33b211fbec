/* SPDX-License-Identifier: Apache-2.0 */
/* log.sinks and nat.whohad: where records go, and what they answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "ctl/log/archive.h"
#include "internal.h"
#include "methods.h"

json_t *
log_sinks_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	if (api->log_link.sinks == NULL)
		return rpc_fail(err, API_NOT_FOUND, "there is no log here");
	api->log_link.drain(api->log_link.ctx);
	return api->log_link.sinks(api->log_link.ctx);
}

/* Who holds it now, according to the data plane. */
struct now {
	const struct whohad_query *q;
	json_t *list;
};

static void
now_add(struct now *n, const char *kind, be32 subscriber, unsigned realm, unsigned first,
        unsigned last)
{
	char inside[API_NAME];
	json_array_append_new(n->list, json_pack("{s:s, s:i, s:s, s:i, s:i}", "subscriber",
		name_v4(subscriber, inside), "realm", (int)realm, "kind", kind, "port_first",
		(int)first, "port_last", (int)last));
}

static bool
now_block(void *arg, const void *data)
{
	struct now *n = arg;
	const struct cmd_block *b = data;
	unsigned port = n->q->port, first = b->first, last = first + b->ports - 1u;
	if (b->external != n->q->external || !whohad_of_blocks(n->q) || port < first ||
	    port > last)
		return false;
	now_add(n, "block", b->subscriber, b->realm, first, last);
	return true;
}

static bool
now_mapping(void *arg, const void *data)
{
	struct now *n = arg;
	const struct cmd_mapping *m = data;
	if (m->external != n->q->external || ntohs(m->external_port) != n->q->port ||
	    (n->q->proto != 0 && n->q->proto != m->proto))
		return false;
	now_add(n, "mapping", m->inside, m->realm, n->q->port, n->q->port);
	return true;
}

/* now_json: => a list, or NULL when the data plane does not answer. */
static json_t *
now_json(struct api *api, const struct whohad_query *q)
{
	struct rpc_error err = {0};
	struct now n = {q, json_array()};
	struct listing blocks = {.kind = CMD_BLOCKS, .row = now_block, .arg = &n,
	                         .row_size = sizeof(struct cmd_block)};
	struct listing mappings = {.kind = CMD_MAPPINGS, .row = now_mapping, .arg = &n,
	                           .row_size = sizeof(struct cmd_mapping)};
	struct cmd_nat_filter *f = &mappings.filter.nat;
	f->external = q->external;
	f->external_mask = UINT32_MAX;
	f->port_first = f->port_last = q->port;
	blocks.filter = mappings.filter;
	f->proto = q->proto;
	if (api_list_all(api, &blocks, &err) == 0 && api_list_all(api, &mappings, &err) == 0)
		return n.list;
	json_decref(n.list);
	json_decref(err.errors);
	return NULL;
}

/* is_held: does the data plane say now what the answer says? */
static bool
is_held(const json_t *now, const json_t *answer)
{
	static const char *const same[] = {"subscriber", "realm", "kind", "port_first"};
	const json_t *row;
	size_t i;
	json_array_foreach((json_t *)now, i, row) {
		unsigned equal = 0;
		for (unsigned k = 0; k < 4; k++)
			equal += json_equal(json_object_get(row, same[k]),
			                    json_object_get(answer, same[k]));
		if (equal == 4)
			return true;
	}
	return false;
}

/* realms_name: in rows of now. A number that the log has without a name may have been another one's
 * then, in another data plane. */
static void
realms_name(struct api *api, json_t *now)
{
	json_t *row;
	size_t i;
	json_array_foreach(now, i, row)
		api_realm_put(api, row, (unsigned)json_integer_value(
			json_object_get(row, "realm")));
}

/* has_held: is there an answer that nothing has ended? Else the data plane, which has to look
 * through its blocks, is not asked. */
static bool
has_held(const struct whohad *w)
{
	for (unsigned i = 0; i < w->answers; i++)
		if (w->answer[i].end == WHOHAD_HELD)
			return true;
	return false;
}

/* held_now: mark the answers that nothing has ended. */
static void
held_now(json_t *result, const json_t *now)
{
	json_t *answers = json_object_get(result, "answers"), *a;
	size_t i;
	json_array_foreach(answers, i, a) {
		const char *end = json_string_value(json_object_get(a, "end"));
		if (strcmp(end, "held") == 0)
			json_object_set_new(a, "held_now", json_boolean(is_held(now, a)));
	}
}

/* live_answers: of a question that the log knows nothing of, about now or a moment since which
 * nothing changed. */
static void
live_answers(json_t *result, const json_t *now)
{
	json_t *answers = json_object_get(result, "answers"), *row;
	size_t i;
	json_array_foreach((json_t *)now, i, row) {
		json_t *a = json_deep_copy(row);
		json_object_update_new(a, json_pack("{s:n, s:n, s:s, s:b, s:s}", "from", "to",
			"end", "held", "certain", 1, "source", "live"));
		json_array_append_new(answers, a);
	}
}

/* is_unkept: does a configuration that was in force at the moment still wait for the disk? */
static bool
is_unkept(const struct log_link *l, const struct whohad_query *q)
{
	uint64_t since_ms = l->unkept_ms != NULL ? l->unkept_ms(l->ctx) : 0;
	uint64_t until_ms = q->until_ms > q->at_ms ? q->until_ms : q->at_ms;
	return since_ms != 0 && until_ms + ARCHIVE_LATE_MS >= since_ms;
}

/*
 * fixed_answers: what the configuration says without a log: that of then, if it was kept. That in
 * force may have been another then, so what it says is not certain.
 */
static void
fixed_answers(struct api *api, json_t *result, const struct whohad_query *q, const struct whohad *w,
              bool is_now)
{
	struct rpc_error err = {0};
	const struct log_link *l = &api->log_link;
	struct whohad_archive a = {l->folder != NULL ? l->folder(l->ctx) : -1, !w->is_beyond,
	                           w->log_last_ms,
	                           w->is_twice || w->is_leapt || is_unkept(l, q)};
	if (is_now || !api_whohad_then(result, q, &a))
		api_whohad_fixed(result, q, api_image(api, &err), is_now);
	json_decref(err.errors);
}

json_t *
nat_whohad_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct whohad_query q;
	struct whohad w = {.answers = 0};
	char text[256];
	const struct log_link *l = &api->log_link;
	if (l->search == NULL)
		return rpc_fail(err, API_NOT_FOUND, "there is no log here");
	if (!api_whohad_query(params, l->now_ns(l->ctx), &q, text, sizeof(text)))
		return rpc_fail(err, RPC_PARAMS, "%s", text);
	l->drain(l->ctx);
	int rc = l->search(l->ctx, &q, &w);
	if (rc != 0 && rc != -ENOENT)
		return rpc_fail(err, RPC_INTERNAL, "the log cannot be searched: %s", strerror(-rc));
	bool is_now = param_get(params, "at") == NULL, asks_now = w.is_as_now && !w.is_complete;
	json_t *now = is_now || asks_now || has_held(&w) ? now_json(api, &q) : NULL;
	if (now != NULL && asks_now) {
		l->drain(l->ctx); /* what was said while the data plane was asked */
		l->search(l->ctx, &q, &w);
		w.is_complete |= w.is_as_now;
	}
	json_t *result = api_whohad_json(&q, &w, json_array_size(now));
	realms_name(api, now);
	if (now != NULL)
		held_now(result, now);
	if (w.answers == 0 && (is_now || w.is_as_now))
		live_answers(result, now);
	if (now != NULL)
		json_object_set_new(result, "now", now);
	fixed_answers(api, result, &q, &w, is_now);
	return result;
}

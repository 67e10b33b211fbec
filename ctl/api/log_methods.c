/* SPDX-License-Identifier: Apache-2.0 */
/* log.sinks and nat.whohad: where records go, and what they answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

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
	const struct cmd_subscriber *s = data;
	unsigned port = n->q->port;
	if (s->external != n->q->external || !whohad_of_blocks(n->q))
		return false;
	for (unsigned i = 0; i < s->blocks && i < NAT_MAX_BLOCKS; i++) {
		unsigned first = s->block_first[i], last = s->block_last[i];
		if (first <= port && port <= last)
			now_add(n, "block", s->address, s->realm, first, last);
	}
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
	struct listing blocks = {.kind = CMD_SUBSCRIBERS, .row = now_block, .arg = &n,
	                         .row_size = sizeof(struct cmd_subscriber)};
	struct listing mappings = {.kind = CMD_MAPPINGS, .row = now_mapping, .arg = &n,
	                           .row_size = sizeof(struct cmd_mapping)};
	blocks.filter.dst.w[0] = mappings.filter.dst.w[0] = q->external;
	mappings.filter.dport = htons(q->port);
	mappings.filter.proto = q->proto;
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

/* realms_name: in rows that have a realm's number. */
static void
realms_name(struct api *api, json_t *rows)
{
	json_t *row;
	size_t i;
	json_array_foreach(rows, i, row)
		api_realm_put(api, row, (unsigned)json_integer_value(
			json_object_get(row, "realm")));
}

/* held_now: mark the answers that nothing has ended. => is there one? */
static bool
held_now(json_t *result, const json_t *now)
{
	json_t *answers = json_object_get(result, "answers"), *a;
	bool any = false;
	size_t i;
	json_array_foreach(answers, i, a) {
		const char *end = json_string_value(json_object_get(a, "end"));
		if (strcmp(end, "held") != 0)
			continue;
		json_object_set_new(a, "held_now", json_boolean(is_held(now, a)));
		any = true;
	}
	return any;
}

/* live_answers: of a question about now that the log knows nothing of. */
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

/* remove_note: a sentence that is not true any more. */
static void
remove_note(json_t *result, const char *text)
{
	json_t *notes = json_object_get(result, "notes");
	for (size_t i = json_array_size(notes); i-- > 0;) {
		const json_t *note = json_object_get(json_array_get(notes, i), "text");
		if (strcmp(json_string_value(note), text) == 0)
			json_array_remove(notes, i);
	}
}

/* Does a row of the configuration speak of the protocol? Ranges are of translated ports. */
static bool
is_fixed_for(const json_t *row, const struct whohad_query *q)
{
	char name[API_NAME];
	const char *of = json_string_value(json_object_get(row, "protocol"));
	const char *kind = json_string_value(json_object_get(row, "kind"));
	if (of == NULL)
		return false;
	if (q->proto == 0)
		return true;
	if (strcmp(of, "any") != 0)
		return strcmp(of, name_protocol(q->proto, name)) == 0;
	return strcmp(kind, "deterministic") != 0 || whohad_of_blocks(q);
}

/*
 * fixed_answers: what the configuration in force says without a log. What it was at another moment
 * is not known here, so then they are not certain.
 */
static void
fixed_answers(struct api *api, json_t *result, const struct whohad_query *q, bool is_now)
{
	struct rpc_error err = {0};
	const struct image_header *h = api_image(api, &err);
	json_t *fixed = h != NULL ? api_nat_reverse(h, q->external, q->port) : NULL, *row;
	size_t i;
	json_decref(err.errors);
	json_array_foreach(json_object_get(fixed, "answers"), i, row) {
		if (!is_fixed_for(row, q))
			continue;
		json_object_update_new(row, json_pack("{s:n, s:n, s:s, s:b, s:s}", "from", "to",
			"end", "held", "certain", is_now, "source", "configuration"));
		json_array_append(json_object_get(result, "answers"), row);
		remove_note(result, "nobody had it");
	}
	json_decref(fixed);
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
	json_t *result = api_whohad_json(&q, &w), *now = now_json(api, &q);
	bool held = held_now(result, now);
	if (!held && param_get(params, "at") == NULL && w.answers == 0)
		live_answers(result, now);
	realms_name(api, json_object_get(result, "answers"));
	realms_name(api, now);
	if (now != NULL)
		json_object_set_new(result, "now", now);
	fixed_answers(api, result, &q, param_get(params, "at") == NULL);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The requests of the JSON socket (JSON-RPC 2.0), independent of any socket: the daemon
 *            and the replay program both answer them through api_call.
 * Invariant  1. A change is applied whole or refused whole: every change makes a new document,
 *               compiles it and gives it to the plane; only then is it the configuration.
 *            2. Error codes: JSON-RPC's own, and -32000 (not running), -32001 (configuration),
 *               -32002 (not found), -32003 (refused by the data plane); data.errors has the paths.
 *            3. What takes long leaves (struct api_aside) around what it computes from what is
 *               its own. Meanwhile the API may be called, but not for what takes long.
 * Owner      One thread at a time.
 * See        docs/api.md. No DPDK here: the plane is behind struct plane_link.
 */
#ifndef MR_API_H
#define MR_API_H

#include <jansson.h>

#include "ctl/log/whohad.h"
#include "lib/command.h"
#include "lib/record.h"
#include "lib/stats.h"

/* How requests reach a data plane: over its socket (daemon) or by a call (replay). */
struct plane_link {
	void *ctx;
	/* apply: => 0 and *generation, or -errno and err. */
	int (*apply)(void *ctx, const void *image, size_t size, uint64_t *generation, char *err,
	             size_t err_size);
	/* query: the reply's records into out (at most room bytes). => 0 or -errno; -EINPROGRESS:
	 * the plane is at an image, ask again later. */
	int (*query)(void *ctx, const struct command *cmd, struct reply *reply, void *out,
	             size_t room);
	/* image: of the generation that runs, or NULL. statistics: or NULL while not connected. */
	const struct image_header *(*image)(void *ctx);
	const struct stats_segment *(*statistics)(void *ctx);
};

/* How requests reach the log (in the daemon), and what it is. */
struct log_link {
	void *ctx;
	void (*drain)(void *ctx);       /* what was recorded before now is searched then */
	json_t *(*sinks)(void *ctx);    /* {sinks, gaps, lost}; new reference */
	/* search: => 0 or -errno; -ENOENT: no directory is in use. */
	int (*search)(void *ctx, const struct whohad_query *q, struct whohad *out);
	uint64_t (*now_ns)(void *ctx);
	/* folder: of the log, where configurations are kept too (ctl/log/archive.h); -1, NULL:
	 * there is none. */
	int (*folder)(void *ctx);
	/* unkept_ms: since when one that was in force may not be there yet; 0: all are. */
	uint64_t (*unkept_ms)(void *ctx);
};

struct api;
struct api *api_create(const struct plane_link *link);
void api_destroy(struct api *api);
/* api_set_store: save keeps api_document on disk, before the answer. => 0, or -errno, which the
 * answer says. Without it nothing is kept. */
void api_set_store(struct api *api, int (*save)(void *ctx), void *ctx);
/* api_set_log: without it there is no log. */
void api_set_log(struct api *api, struct log_link link);

/*
 * How what takes long lets others go on: leave before it computes, enter after. api_takes_long: may
 * the request (or one of a batch) do so? api_link_changed and api_health_apply may, too. None of
 * them begins while another one has left. api_met_busy: did a call since the last question find
 * the plane at an image? Then its answer is no good: call again later.
 */
struct api_aside {
	void *ctx;
	void (*leave)(void *ctx);
	void (*enter)(void *ctx);
};
void api_set_aside(struct api *api, const struct api_aside *aside);
/* api_leave, api_enter: by that; nothing where leave and enter are NULL. */
static inline void
api_leave(const struct api_aside *a)
{
	if (a->leave != NULL)
		a->leave(a->ctx);
}

static inline void
api_enter(const struct api_aside *a)
{
	if (a->enter != NULL)
		a->enter(a->ctx);
}

bool api_takes_long(const json_t *request);
bool api_met_busy(struct api *api);
/* api_stop: no more tables are made: what is being applied is refused, if it has not been given.
 * Of any thread. */
void api_stop(struct api *api);

/* api_parse: a line of text. => request, or NULL and *response says what is wrong. */
json_t *api_parse(const char *line, size_t size, json_t **response);
/* api_call: one request object (or batch) to its response; NULL for a notification. */
json_t *api_call(struct api *api, const json_t *request);
/* api_call_text: the same for a line of text; malformed JSON gives a parse error response. */
json_t *api_call_text(struct api *api, const char *line, size_t size);

/* api_records: log records that were drained; the latest are kept for `log.list`. */
void api_records(struct api *api, const struct record *rec, size_t n);

/* api_record_json: one record as `log.list` shows it. New reference. */
json_t *api_record_json(struct api *api, const struct record *rec);

/* api_whohad_json: what a search found, as `nat.whohad` shows it; live: how many have it now, where
 * that is an answer or nothing is known of it. New reference. */
json_t *api_whohad_json(const struct whohad_query *q, const struct whohad *w, size_t live);
/* api_whohad_fixed: what an image says without a log, added to that.
 * api_whohad_then: what the configurations of then say, of which WHOHAD_CONFIGURATIONS are read:
 * each costs as much as one that is applied. Where there are more nothing is certain. => false:
 * none is there. */
enum { WHOHAD_CONFIGURATIONS = 64 };
void api_whohad_fixed(json_t *result, const struct whohad_query *q, const struct image_header *h,
                      bool is_certain);
struct whohad_archive {
	int folder;           /* of the log, or -1 */
	bool is_in_use;       /* a daemon writes there */
	uint64_t log_last_ms; /* of the last record there */
	bool is_in_doubt;     /* the clock showed the moment several times, or never */
};
bool api_whohad_then(json_t *result, const struct whohad_query *q, const struct whohad_archive *w);
/* api_whohad_query: from the parameters of nat.whohad. => false and a message. */
bool api_whohad_query(const json_t *params, uint64_t now_ns, struct whohad_query *q, char *err,
                      size_t err_size);

/*
 * api_nat_forward, api_nat_reverse: what an image alone says of an inside address (in a realm, or
 * -1: in each that has an interface), of an external port: static mappings, deterministic ranges.
 * New references. api_nat_ask: either, from the
 * parameters of nat.forward or nat.reverse. => false and a message.
 */
json_t *api_nat_forward(const struct image_header *h, int realm, be32 inside);
json_t *api_nat_reverse(const struct image_header *h, be32 external, uint16_t port);
bool api_nat_ask(const struct image_header *h, const json_t *params, json_t **result, char *text,
                 size_t size);

/*
 * api_offer: a document (borrowed) for the next api_link_changed. wins: it replaces what the
 * plane runs, if that differs; otherwise it is for a plane that runs nothing. A change ends it.
 */
void api_offer(struct api *api, const json_t *doc, bool wins);

/* api_link_changed: the plane came or went; take its configuration as ours if it has one, or give
 * it ours. => 0, or -errno and err. */
int api_link_changed(struct api *api, char *err, size_t err_size);

/* api_health: the health of the backends; api_health_apply: make it known to the plane, if it says
 * something else. => 1 if it did, 0, or -errno and err: to be tried again. */
struct health *api_health(struct api *api);
int api_health_apply(struct api *api, char *err, size_t err_size);

/* api_turn: what time brings (drain.h); api_health_apply is to follow. api_next_turn: when it has
 * something to do, UINT64_MAX: not before something else happens. */
void api_turn(struct api *api);
uint64_t api_next_turn(const struct api *api);

/* api_set_clock: where the time comes from, if not from the machine (nanoseconds since 1970). */
void api_set_clock(struct api *api, uint64_t (*clock)(void *ctx), void *ctx);

/* The document in force (borrowed), for saving; NULL before the first config.apply. */
const json_t *api_document(const struct api *api);
/* api_changes: grows with every change of the document in force. */
uint64_t api_changes(const struct api *api);

/* Method table, for `rpc.methods`, docs/api.md and the client. */
struct api_method {
	const char *name;
	const char *params; /* one line: "service, address, port?"; "a{}" is an object */
	const char *help;
};
const struct api_method *api_methods(size_t *n);

/* A parameter has one meaning in all methods that take it. Dotted: a member of an object. */
enum api_type { API_STRING, API_ADDRESS, API_INTEGER, API_BOOL, API_OBJECT };
struct api_param {
	const char *name;   /* "filter.address" */
	enum api_type type;
	long long min, max; /* of an integer */
	const char *help;
};
const struct api_param *api_params(size_t *n);

/* A method's parameters, one after the other: => the text after this one, NULL after the last. */
struct api_param_use {
	char name[48];
	bool optional;
	enum api_type type;
	const struct api_param *param; /* NULL for an object given whole */
};
const char *api_param_next(const char *params, struct api_param_use *use);
/* api_params_good: what a method checks before it runs, for who answers in its place. => false and
 * a message. */
bool api_params_good(const char *spec, const json_t *params, char *text, size_t size);

#endif

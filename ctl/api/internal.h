/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the files of the API share: its state, errors, parameters, text, paging.
 * Invariant  1. A method gives a result, or NULL with err->code set; never both.
 *            2. api->doc changes in api_adopt only, so not while a change has left.
 * Owner      One thread.
 * Limits     API_PAGE_MAX rows a listing, API_QUERIES commands for it; API_LOG records kept;
 *            API_BATCH_MAX requests a batch.
 */
#ifndef MR_API_INTERNAL_H
#define MR_API_INTERNAL_H

#include <stdatomic.h>

#include "api.h"
#include "ctl/config/config.h"
#include "ctl/config/addrtext.h"
#include "health.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"

enum { API_PAGE_MAX = 1000, API_PAGE = 100, API_QUERIES = 4, API_LOG = 1 << 15,
       API_LOG_POOLS = 1024, API_BATCH_MAX = 100, API_NAME = 64 };

enum rpc_code {
	RPC_PARSE = -32700,
	RPC_REQUEST = -32600,
	RPC_METHOD = -32601,
	RPC_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	API_NOT_RUNNING = -32000,
	API_CONFIG = -32001,
	API_NOT_FOUND = -32002,
	API_REFUSED = -32003,
	API_CHANGED = -32004,
};

struct rpc_error {
	int code;
	char message[512];
	json_t *errors; /* [{path, message}] or NULL */
};

struct api {
	struct plane_link link;
	struct log_link log_link;
	int (*save)(void *ctx); /* or NULL */
	void *save_ctx;
	json_t *doc;            /* in force, or last known to be */
	json_t *offer;          /* for api_link_changed */
	bool offer_wins;
	struct api_aside aside;
	bool is_long;           /* the call, or turn, may leave */
	bool is_away;           /* it has left */
	bool met_busy;          /* a query did not reach the plane: see api_met_busy */
	atomic_bool stop;       /* no more tables are wanted */
	uint64_t changes;
	uint64_t generation;    /* highest one made or seen */
	struct health health;
	uint64_t (*clock)(void *ctx); /* NULL: the machine's */
	void *clock_ctx;
	struct record *log;     /* ring of API_LOG; pools by their numbers in log_pool */
	uint64_t log_count;     /* records ever */
	char log_pool[API_LOG_POOLS][IMAGE_NAME]; /* rows of an image are others in the next */
	uint32_t log_pools;
	uint16_t log_pool_of[NAT_MAX_POOLS]; /* where a row's name was found last */
	uint8_t rows_digest[16]; /* backend_row was made for this image */
	uint64_t rows_generation;
	uint16_t backend_row[LB_MAX_IDS]; /* id to 1 + row in IMG_LB_BACKENDS */
	struct lb_walk *walk;   /* lb_live.h; NULL: none yet */
	uint64_t buf[COMMAND_REPLY_MAX / 8]; /* records of a reply */
};

typedef json_t *method_fn(struct api *api, const json_t *params, struct rpc_error *err);

/* rpc_fail: fill err. => NULL, so that a method can return it. */
json_t *rpc_fail(struct rpc_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
json_t *rpc_fail_config(struct rpc_error *err, int code, const struct config_errors *errs);

/* params.c */
int params_check(const char *spec, const json_t *params, struct rpc_error *err);
const json_t *param_get(const json_t *params, const char *name); /* dotted; NULL if absent */
const char *param_string(const json_t *params, const char *name);
long long param_integer(const json_t *params, const char *name, long long otherwise);
bool param_bool(const json_t *params, const char *name);
/* param_address: => false if absent (it was checked before). */
bool param_address(const json_t *params, const char *name, union addr *a, uint8_t *family);
int param_cursor(const json_t *params, uint64_t *cursor, struct rpc_error *err);

/* names.c: numbers to words; addresses are parsed by ctl/config/addrtext.h */
const char *name_address(const union addr *a, uint8_t family, char buf[API_NAME]);
const char *name_v4(be32 a, char buf[API_NAME]);
const char *name_endpoint(const union addr *a, uint8_t family, be16 port, char buf[API_NAME]);
const char *name_mac(const uint8_t mac[6], char buf[API_NAME]);
const char *name_protocol(unsigned proto, char buf[API_NAME]);
const char *name_policy(unsigned policy);
const char *name_handoff(unsigned cause); /* NULL: no such cause */
const char *name_backend_state(unsigned state);
const char *name_scheduler(unsigned scheduler);
void name_digest(const struct image_header *h, char buf[33]);
int name_parse_protocol(const char *s); /* => number or -1 */
int name_parse_policy(const char *s);
int name_parse_state(const char *s);
/* name_realm_put: a realm's name into an object that has its number; none for the outside. Names
 * are those of an image, or NULL, or of the running one. => object. */
json_t *name_realm_put(const struct image_header *h, json_t *object, unsigned realm);
json_t *api_realm_put(struct api *api, json_t *object, unsigned realm);
/* name_parse_realm: the number of a name, or of a number that a realm has. => -1: there is none. */
int name_parse_realm(const struct image_header *h, const char *s);
/* api_param_realm: the number of the realm that params want, -1: any. => 0, or -1 and err. */
int api_param_realm(struct api *api, const json_t *params, int *realm, struct rpc_error *err);
/* name_known: one more into a list of names for a message, which is cut when it is full. */
void name_known(char *list, size_t size, const char *name);
json_t *name_time(uint64_t ns); /* seconds, as a JSON number */

/* query.c */
typedef bool row_fn(void *arg, const void *row); /* => false: not wanted, does not count */
struct listing {
	uint32_t kind, row_size;
	uint64_t count;     /* out, of api_count */
	struct cmd_filter filter;
	uint64_t cursor;    /* in: where to go on; out: 0 at the end */
	uint32_t limit;
	row_fn *row;
	void *arg;
};
/* api_list: page through a listing. => 0, or -1 and err. */
int api_list(struct api *api, struct listing *l, struct rpc_error *err);
/* api_count: as api_list, but rows are only counted, in the data plane; limit does not matter. */
int api_count(struct api *api, struct listing *l, struct rpc_error *err);
/* api_command: one command without rows. => the reply's cursor, 0: failed, and err. */
uint64_t api_command(struct api *api, uint32_t kind, uint64_t cursor,
                     const struct cmd_filter *filter, struct rpc_error *err);
/* api_list_all: as api_list to its end, without a limit of rows. */
int api_list_all(struct api *api, struct listing *l, struct rpc_error *err);
/* api_listing_result: {name: rows, cursor: text or null}; steals rows. */
json_t *api_listing_result(const char *name, json_t *rows, uint64_t cursor);
/* api_cursor_put: the cursor, 0: the end, into a result. => object. */
json_t *api_cursor_put(json_t *object, uint64_t cursor);
/* api_image, api_statistics: of the plane, or NULL and err. */
const struct image_header *api_image(struct api *api, struct rpc_error *err);
const struct stats_segment *api_statistics(struct api *api, struct rpc_error *err);
/* api_backend_by_id: the row of the image in force, or NULL. */
const struct img_lb_backend *api_backend_by_id(struct api *api, uint32_t id);

/* aside.c: around what is computed without the API's state; only where api->is_long. */
void aside_leave(struct api *api);
void aside_enter(struct api *api);
bool aside_is_long(const char *method);

/* apply.c: give a document (borrowed) to the plane. => {generation, changed} or NULL. */
json_t *api_apply(struct api *api, const json_t *doc, bool dry_run, struct rpc_error *err);

/* api_now: nanoseconds since 1970. */
uint64_t api_now(const struct api *api);
/*
 * health_apply: what is known of health into the data plane, if it says something else.
 * => 1 if it did, 0, or -1 and err (and it is to be tried again).
 */
int health_apply(struct api *api, struct rpc_error *err);

/* subscriber_methods.c: rows as JSON; the name of a row of IMG_NAT_POOLS, or nothing. */
json_t *nat_mapping_json(struct api *api, const struct cmd_mapping *m);
json_t *nat_subscriber_json(struct api *api, const struct cmd_subscriber *s);
const char *nat_pool_name(struct api *api, uint32_t pool);

/* system_methods.c: by what number the name of a row's pool is kept; API_LOG_POOLS: it is not. */
uint16_t log_pool_number(struct api *api, uint16_t row);

/* pool_methods.c: pools with the sums of the addresses that are wanted, or those addresses. */
json_t *pool_rows(struct api *api, const struct cmd_nat_filter *f, bool addresses,
                  struct rpc_error *err);

/* pool_is_known: name NULL: none is asked for. => false and err. */
bool pool_is_known(struct api *api, const char *name, struct rpc_error *err);

/* edit.c: objects of a document; => borrowed, or NULL and err. */
json_t *edit_copy(struct api *api, struct rpc_error *err); /* new reference, deep */
json_t *edit_array(json_t *doc, const char *section, const char *name, bool create);
json_t *edit_service(json_t *doc, const char *name, size_t *index, struct rpc_error *err);
json_t *edit_pool(json_t *doc, const char *name, struct rpc_error *err);
/* edit_backend: the backend that params name (address, port?) in a service. */
json_t *edit_backend(json_t *service, const json_t *params, size_t *index,
                     struct rpc_error *err);
/*
 * edit_cut: take an address, prefix or range out of a pool's list ("addresses", "drain"); entries
 * that it is a part of are divided. all: every address of it must be there. => 0, or -1 and err.
 */
int edit_cut(json_t *pool, const char *name, const char *text, bool all, struct rpc_error *err);
/* edit_holds: is all of an address, prefix or range in the list already? */
bool edit_holds(const json_t *list, const char *text);
/* edit_apply: apply an edited document, and give up our reference to it. */
json_t *edit_apply(struct api *api, json_t *doc, struct rpc_error *err);

/* stats.c, service.c: sums over contexts. */
struct backend_sum {
	uint64_t opened, ended, live, packets[2], bytes[2];
	uint64_t answered, refused, unanswered; /* handshakes */
	uint64_t unfinished, repeated /* or of fullnat: no local port was free */;
	uint64_t half, stateless;
};
void backend_sum(const struct stats_segment *s, uint32_t id, struct backend_sum *sum);
void backend_sum_context(const struct stats_segment *s, uint32_t context, uint32_t id,
                         struct backend_sum *sum);
/* backend_waits: its answers by time, and how many. */
uint64_t backend_waits(const struct stats_segment *s, uint32_t id, uint64_t waited[STATS_WAITS]);
json_t *stats_handoffs(const struct stats *s, bool all);
void stats_total(const struct stats_segment *seg, struct stats *sum);
/* stats_ports_wait: for how many seconds yet no dynamic port is given, after a start. */
double stats_ports_wait(const struct stats_segment *seg);
json_t *stats_nic_json(const struct stats_nic *n);

#endif

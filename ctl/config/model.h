/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The configuration as rows of the image, while it is made and checked for what the
 *            option table cannot say: what refers to what, and what clashes.
 * Layout     Each section is an array of its image rows; routes and claims remember where in the
 *            document they come from.
 * Invariant  1. After model_create without errors every number that names a row is in range.
 *            2. Numbers of interfaces, devices and timer sets are those of the previous image,
 *               where it has them.
 * Owner      One call of config_check or config_compile.
 * See        docs/config.md; lib/image.h.
 */
#ifndef MR_CONFIG_MODEL_H
#define MR_CONFIG_MODEL_H

#include "addrtext.h"
#include "config.h"
#include "errors.h"
#include "ids.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"
#include "prune.h"

struct rows {
	void *data;
	size_t size, n, room;
};

/* Where in the document: "nics[a].addresses[b]" and so on. */
enum origin_kind {
	ORIGIN_NIC,
	ORIGIN_ROUTE,
	ORIGIN_POOL,
	ORIGIN_SERVICE,
	ORIGIN_LOCAL,
	ORIGIN_STATIC,
};

struct origin {
	enum origin_kind kind;
	uint32_t a, b;
};

struct model_route {
	struct img_route r;
	struct origin origin;
};

/* A static mapping, and its entry of nat.static. */
struct model_static {
	struct img_nat_static r;
	size_t origin;
};

/* An address or range that belongs to us: nobody else may have it. */
enum { REALM_ALL = 255 };

struct claim {
	union addr first, last;
	uint8_t family;
	uint8_t realm; /* of an interface's; REALM_ALL: ours in all of them */
	struct origin origin;
	uint32_t around; /* + 1: of sorted ones, that which this one lies within; 0: none */
};

/* A way to a backend, and where in the document it stands. */
struct model_way {
	struct img_lb_way r;
	uint32_t service;        /* row */
	uint32_t at, backend_at; /* lb.services[at].backends[backend_at] */
	bool has_source;
	uint8_t family;          /* of it */
};

struct model {
	struct config_errors *errs;
	json_t *doc;                         /* with defaults filled in */
	const struct image_header *previous; /* or NULL */
	bool failed;                         /* memory ran out */
	const struct prune *pruned;          /* or NULL: the document has no errors of form */
	struct ids ids;
	struct id_space timer_ids;
	struct img_plane plane;
	struct rows quics, realms;
	struct rows devs, nics, addresses, connected, routes, neighbours, timers, claims;
	struct img_nat_conf nat;
	struct rows pools, pool_addresses, rules, nat_ports, holes, insides, statics, statics_out;
	struct rows services, backends, locals, ways;
	struct rows lists, ranges4, ranges6, guards, askers;
};

/*
 * model_create: check the whole document and make its rows, without stable ids.
 * => false with errors. model_destroy is due in both cases.
 */
bool model_create(struct model *m, const json_t *doc, const struct image_header *previous,
                  struct config_errors *errs);
void model_destroy(struct model *m);

/* rows_add: a zeroed row at the end, or NULL and m->failed. rows_at: row i. */
void *rows_add(struct model *m, struct rows *r);
static inline void *
rows_at(const struct rows *r, size_t i)
{
	return (uint8_t *)r->data + i * r->size;
}

/* Parts of model_create, in their order. */
void model_workers(struct model *m);
void model_realms(struct model *m);
void model_nics(struct model *m);
void model_timers(struct model *m);
void model_nat(struct model *m);
void model_ranges(struct model *m);
void model_static(struct model *m);
void model_lb(struct model *m);
/* model_choice: how a service chooses. model_persistence: room for what it is to remember. */
void model_choice(struct model *m, struct img_lb_service *s, const json_t *json, size_t at);
void model_persistence(struct model *m, bool wanted);
void model_checks(struct model *m);
/* of model_lb: a service's and a backend's options of TCP and QUIC; the capacity that they need. */
void model_transport(struct model *m, struct img_lb_service *s, const json_t *json, size_t at);
void model_server_id(struct model *m, const struct img_lb_service *s, struct img_lb_backend *b,
                     const json_t *json, const char *path);
void model_shifts(struct model *m);
void model_askers(struct model *m); /* model_askers_apart: against the claims */
void model_askers_apart(struct model *m);
void model_claims(struct model *m);
void model_backends(struct model *m); /* against the claims */
void model_static_routes(struct model *m);
void model_neighbours(struct model *m);
void model_routes(struct model *m);
void model_steering(struct model *m);
void model_log(struct model *m);
void model_ways(struct model *m); /* against the routes */

/* service_ways: those to the backends of the last row of services; lb.services[at]. */
void service_ways(struct model *m, const struct img_lb_service *s, const json_t *service,
                  size_t at);

/* nic_find: row of an interface, or 0 and an error "path.key: there is no …". */
uint8_t nic_find(struct model *m, const char *name, const char *path);
/* realm_of: what an object names as its realm, or the fallback, and an error at the object's path
 * if there is none of that name (base NULL: said elsewhere). */
uint8_t realm_of(struct model *m, const json_t *object, const char *base, uint8_t fallback);
/* nic_realm: of an interface's row. */
uint8_t nic_realm(const struct model *m, uint8_t nic);
/* nic_in: the interface of a realm in whose connected network the address is, or 0. With REALM_ALL
 * of any realm, and *other is one of another that is as near, or 0. nic_of: of the outside. */
uint8_t nic_in(const struct model *m, uint8_t realm, const union addr *a, uint8_t family,
               uint8_t *other);
uint8_t nic_of(const struct model *m, const union addr *a, uint8_t family);
/* nic_reaches: is the address a neighbour on this interface? */
bool nic_reaches(const struct model *m, uint8_t nic, const union addr *a, uint8_t family);

/* rule_passes: is it a rule of nat with the action `pass`? Says what is missing and useless.
 * rule_pass_fill: what such a rule has beyond others. rule_covers: does `early` match whatever
 * destination `late` does? */
bool rule_passes(struct model *m, const json_t *rule, size_t i);
void rule_pass_fill(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r);
void rule_destination(const json_t *rule, struct img_nat_rule *r);
bool rule_covers(const struct img_nat_rule *early, const struct img_nat_rule *late);

/* timers_row: number of the timer set of an object's own timeouts over base (0 nat, 1 lb). */
uint8_t timers_row(struct model *m, const json_t *timeouts, unsigned base, const char *path);

/* claim_add: this belongs to us, in all realms; claim_nic: in one. claim_find: whose is the address
 * in a realm? => NULL if nobody's; claims are sorted (model_claims). */
void claim_add(struct model *m, const union addr *first, const union addr *last, uint8_t family,
               enum origin_kind kind, size_t a, size_t b);
void claim_nic(struct model *m, uint8_t realm, const union addr *a, uint8_t family, size_t nic,
               size_t i);
const struct claim *claim_find(const struct model *m, uint8_t realm, const union addr *a,
                               uint8_t family);

/* route_add: route_host: of one address of ours. => NULL when memory runs out. */
struct img_route *route_add(struct model *m, enum route_kind kind, const struct prefix *prefix,
                            uint8_t nic, struct origin origin);
struct img_route *route_host(struct model *m, enum route_kind kind, const union addr *a,
                             uint8_t family, uint8_t nic, struct origin origin);
/* route_broadcast: the broadcast address of a connected network; all other routes go before it. */
void route_broadcast(struct model *m, const struct prefix *net, uint8_t nic,
                     struct origin origin);

/* origin_path: as path of the document. origin_text: the text found there. */
void origin_path(struct origin o, struct config_path *path);
const char *origin_text(const struct model *m, struct origin o);

/* model_ids: stable ids of pool addresses, services and backends. */
void model_ids(struct model *m);

static inline const json_t *
model_get(const struct model *m, const char *section, const char *key)
{
	return json_object_get(json_object_get(m->doc, section), key);
}

static inline const char *
get_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static inline int64_t
get_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

#endif

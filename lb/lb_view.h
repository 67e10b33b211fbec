/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the balancer derives from a generation: which service has (address, protocol,
 *            port), which endpoints are nat-mode backends, which worker a local address is of.
 * Layout     Services (lb/service.h), an open-addressed table of rows of backends (plus one; 0 is
 *            empty), half full at most, the class and the worker of each local address, the row
 *            and what becomes of the flows of each backend id; the rows stay in the image.
 * Invariant  1. lb_view_service finds the most specific service that the packet matches.
 *            2. lb_view_endpoint is true exactly for (address, port, protocol) of a backend of a
 *               service in mode nat; a backend that keeps the port has all ports of its service.
 *            3. A local port has one owner among the workers.
 *            4. The flows of n_stale backends do not go on; fate says so of their ids, and of no
 *               others.
 *            5. limit[row] is a worker's share of the backend's max_flows, rounded up.
 * Owner      Constant, part of a generation; any worker reads.
 * Lifetime   Rows are good as long as the generation.
 * See        docs/design.md, "Policies".
 */
#ifndef MR_LB_VIEW_H
#define MR_LB_VIEW_H

#include "lb/gauge.h"
#include "lb/lists.h"
#include "lb/place.h"
#include "lb/service.h"
#include "lb/tables.h"
#include "lib/generation.h"
#include "lib/policy.h"
#include "lib/tuple.h"
#include "quic.h"

enum { LB_LOCAL_SHARED = 0xff /* owner of a local address whose port blocks are divided */ };
static_assert((int)MAX_WORKERS < (int)LB_LOCAL_SHARED, "a worker's number is not the mark of none");

struct lb_view {
	const struct img_lb_service *services;
	const struct img_lb_backend *backends;
	const struct img_lb_local *locals;
	struct lb_tables tables;
	uint32_t n_services, n_backends, n_locals;
	const struct steer *steer;
	struct lb_services service;
	struct lb_index by_endpoint; /* of rows of backends in mode nat */
	uint64_t endpoint_ports;     /* lb_port_bit of each that is in there */
	uint16_t *local_class;       /* steer_class of each local address */
	uint32_t *limit;             /* flows that a worker may have, by row of the backend */
	uint16_t *row_of;            /* row + 1 of each backend id; 0: there is none */
	uint8_t *fate;               /* enum stale, two bits for each backend id */
	uint32_t n_stale;
	bool has_kept_ports;         /* some backend has no port of its own */
	const struct img_lb_asker *askers;
	uint32_t n_askers;
	const struct img_lb_quic *quics;
	struct aes *quic_key;        /* of each of them */
	struct lb_index by_server;   /* of rows of backends with a server ID */
	struct lb_lists *lists;      /* of prefixes */
	struct lb_guard *guard;      /* shares of one worker */
	uint16_t *guard_of;          /* + 1, of a row of services; 0: none */
	uint8_t *local_owner;        /* worker of each local address, or LB_LOCAL_SHARED */
	uint8_t *live;               /* of each service: some service of its prefix takes flows */
	bool has_length[2][129];     /* some service of the family has a prefix of that length */
	struct way *way;             /* by backend id; NULL: no backend needs one */
	uint32_t n_ways;
	struct way_index way_index;
	size_t size;                 /* of this block, tables included */
};

/* lb_view_create: of a checked image. => NULL when memory runs out. */
struct lb_view *lb_view_create(const struct image_header *h, const struct steer *steer);
void lb_view_destroy(struct lb_view *v);

/* lb_view_service: the service a tuple is addressed to, or NULL. */
const struct img_lb_service *lb_view_service(const struct lb_view *v, const struct tuple *t);
/* lb_port_bit: most ports have another bit than the few that backends listen on. */
static inline uint64_t
lb_port_bit(be16 port)
{
	return 1ull << ((port ^ port >> 8) & 63);
}

/* lb_view_endpoint: does the tuple come from a nat-mode backend's own address and port? */
bool lb_view_endpoint(const struct lb_view *v, const struct tuple *t);

/* lb_view_by_id: the backend of this id in the generation, or NULL. */
static inline const struct img_lb_backend *
lb_view_by_id(const struct lb_view *v, uint32_t id)
{
	uint16_t row = id < LB_MAX_IDS ? v->row_of[id] : 0;
	return row != 0 ? &v->backends[row - 1] : NULL;
}

/* lb_view_is_live: has a service that the address is of a backend for new flows? */
bool lb_view_is_live(const struct lb_view *v, const union addr *a, uint8_t family);

/* lb_view_endpoint_of: the row of that backend; NULL: it is none. */
const struct img_lb_backend *lb_view_endpoint_of(const struct lb_view *v, const struct tuple *t);

/* lb_view_guard: what guards a service, or NULL. */
static inline const struct lb_guard *
lb_view_guard(const struct lb_view *v, const struct img_lb_service *s)
{
	uint16_t g = v->guard_of[s - v->services];
	return g != 0 ? &v->guard[g - 1] : NULL;
}

/*
 * lb_view_quic: the backend that a datagram's connection ID names, if it is alive. => NULL: it
 * is unroutable.
 */
const struct img_lb_backend *lb_view_quic(const struct lb_view *v, const struct img_lb_service *s,
                                          const uint8_t *payload, uint32_t size);

/* lb_view_fate: of the flows of a backend. */
static inline enum stale
lb_view_fate(const struct lb_view *v, uint32_t id)
{
	return id < LB_MAX_IDS ? (enum stale)(v->fate[id / 4] >> id % 4 * 2 & 3) : STALE_NOT;
}

#endif

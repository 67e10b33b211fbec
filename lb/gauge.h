/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How much of a service one worker lets in: new connections a second, of a service and
 *            of one source prefix; flows, and half-open flows among them.
 * Layout     A gauge for each service id, a service id for each backend id. Token buckets are one
 *            number: when the bucket is full again. Those of sources stand in a hash of lines of
 *            four; the fullest of a line, which has least to forget, gives way to a new source.
 * Invariant  1. flows and half of a gauge are the numbers of the service's live flows here, and of
 *               those with FLOW_HALF, those that are being opened included: so a burst of
 *               them does not get past a bound. Whatever bounds there are or were.
 *            2. A worker lets in its share of a limit, rounded up: all together no more than the
 *               limit and one a worker. A source of one address is of one worker, which has all.
 *            3. A refused connection takes no token, and a service has none taken for one that its
 *               source is refused.
 * Owner      One worker. Time is an argument.
 *            4. Answers to what was forwarded for want of room in the flow table are believed for
 *               LB_FULL_MS after the last such packet.
 * Limits     capacity sources a worker; beyond it a source may find its bucket full too early.
 * See        docs/lb.md, "Defence".
 */
#ifndef MR_LB_GAUGE_H
#define MR_LB_GAUGE_H

#include "lb/guard_image.h"
#include "lib/tuple.h"

/* A limit of connections a second as a bucket knows it. */
struct lb_rate {
	uint64_t interval_ns; /* for one token; 0: no limit */
	uint64_t depth_ns;    /* for all of them */
};

/* A guard as one worker applies it. */
struct lb_guard {
	uint32_t half, flows; /* UINT32_MAX: no bound */
	struct lb_rate rate, source;
	uint16_t allow, deny;
	uint8_t source_plen;
	bool is_bounded;      /* half or flows */
	bool is_stateless;
};

/* lb_guard_of: the share of one of n workers in a guard of a service of this family. */
struct lb_guard lb_guard_of(const struct img_lb_guard *g, uint8_t family, unsigned n_workers);

struct lb_gauge {
	uint32_t flows, half;
	uint64_t full_ns; /* of the service's bucket */
};

struct lb_source {
	uint64_t key;     /* hash of service and prefix; 0: nobody */
	uint64_t full_ns;
};

enum { SOURCE_WAYS = 4, LB_FULL_MS = 60000 };

struct lb_limits {
	struct lb_source *source;
	uint32_t source_sets;     /* a power of two; 0: there are none */
	uint64_t seed;
	uint32_t full_ms;         /* the flow table had no room, was_full */
	bool was_full;
	uint16_t service_of[LB_MAX_IDS]; /* by backend id */
	struct lb_gauge gauge[LB_MAX_SERVICE_IDS];
};

size_t lb_limits_memsize(uint32_t sources);
/* lb_limits_create: room for so many sources. => NULL when memory runs out. */
struct lb_limits *lb_limits_create(uint32_t sources, uint64_t seed, int node);
void lb_limits_destroy(struct lb_limits *l);

/* lb_source_admit: a token of the client's prefix. => Is there one? */
bool lb_source_admit(struct lb_limits *l, const struct lb_guard *g, uint32_t service,
                     const struct tuple *t, uint64_t now_ns);
/* lb_service_admit: a token of the service. */
bool lb_service_admit(struct lb_limits *l, const struct lb_guard *g, uint32_t service,
                      uint64_t now_ns);

/*
 * lb_is_over: has the service here as many flows as it may, or as many half-open ones? Handshakes
 * that are to be finished (not a SYN, not UDP) may be as many again.
 */
static inline bool
lb_is_over(const struct lb_limits *l, const struct lb_guard *g, uint32_t service, bool is_third)
{
	const struct lb_gauge *v = &l->gauge[service];
	uint64_t half = (uint64_t)g->half << is_third;
	return v->flows >= g->flows || (g->half != UINT32_MAX && v->half >= half);
}

/* lb_note_full: a packet is forwarded without a flow since the table is full. */
static inline void
lb_note_full(struct lb_limits *l, uint32_t now_ms)
{
	l->full_ms = now_ms;
	l->was_full = true;
}

/* lb_was_full: may there be connections that were begun so? */
static inline bool
lb_was_full(const struct lb_limits *l, uint32_t now_ms)
{
	return l->was_full && now_ms - l->full_ms < LB_FULL_MS;
}

/* lb_gauge_move: flows of this backend are the service's. */
static inline void
lb_gauge_move(struct lb_limits *l, uint32_t service, uint32_t backend)
{
	l->service_of[backend % LB_MAX_IDS] = (uint16_t)service;
}

/* lb_gauge_take: a flow is being opened. lb_gauge_put: it has ended, or did not come to be. */
static inline void
lb_gauge_take(struct lb_limits *l, uint32_t service, uint32_t backend, bool half)
{
	struct lb_gauge *v = &l->gauge[service];
	lb_gauge_move(l, service, backend);
	v->flows++;
	v->half += half;
}

static inline struct lb_gauge *
lb_gauge_of(struct lb_limits *l, uint32_t backend)
{
	return &l->gauge[l->service_of[backend % LB_MAX_IDS]];
}

static inline void
lb_gauge_put(struct lb_limits *l, uint32_t backend, bool half)
{
	struct lb_gauge *v = lb_gauge_of(l, backend);
	v->flows--;
	v->half -= half;
}

#endif

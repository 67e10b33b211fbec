/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which (local address, local port) one worker uses towards which backend: the source
 *            of fullnat flows. One port serves any number of backends at once.
 * Layout     A set of 64-bit keys: 48 bits of hash of the pair (local address, backend address,
 *            port, protocol), then the local port. Open-addressed, a line holds the eight ports
 *            that differ in their low bits, so that a scan reads each line once. Beside it a small
 *            cache of pairs that were found to have no free port.
 * Invariant  1. No key is in the set twice, so no two flows of a worker share a reply tuple.
 *            2. A free port of a pair is found exactly when there is one (two pairs share their 48
 *               bits with probability 2^-48; they then share their ports, and nothing breaks).
 *            3. An entry of the cache is a pair without a free port in this generation.
 *            4. A client's local address depends on the client and the service alone, as long as
 *               that address has a free port here: not on the number of workers, nor on history.
 * Owner      One worker.
 * Limits     capacity keys, fixed at init; lb_local_take says 0 beyond it.
 * See        docs/design.md, "Policies".
 */
#ifndef MR_LB_LOCAL_H
#define MR_LB_LOCAL_H

#include "lb/lb_view.h"

enum { LOCAL_TRIES = 8, LOCAL_FULL = 1024 };

struct lb_locals {
	uint64_t *slot; /* 0: empty */
	uint32_t mask;
	uint32_t used, capacity;
	uint64_t random;
	uint16_t worker;
	uint64_t full[LOCAL_FULL]; /* pairs without a free port; 0: none */
};

/* lb_locals_memsize: bytes for so many ports in use. */
size_t lb_locals_memsize(uint32_t capacity);
/* lb_locals_init: room for capacity ports in use. => 0 or -ENOMEM. */
int lb_locals_init(struct lb_locals *l, uint32_t capacity, uint16_t worker, uint64_t seed,
                   int node);
void lb_locals_fini(struct lb_locals *l);

/*
 * lb_local_take: choose reply->dst and dport, given its src, sport, proto and family: a local
 * address of the client's class, then another, then any. => false: none free.
 */
bool lb_local_take(struct lb_locals *l, const struct lb_view *v, const struct img_lb_service *s,
                   const union addr *client, struct tuple *reply);
/* lb_local_put: the flow with this reply tuple has ended. */
void lb_local_put(struct lb_locals *l, const struct tuple *reply);
/* lb_locals_reload: port ranges may be others now. */
void lb_locals_reload(struct lb_locals *l);

#endif

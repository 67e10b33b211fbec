/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Where in its service's table a client's connection falls, for the schedulers that
 *            hash: of whoever chooses, and of whoever is asked what would be chosen.
 * Invariant  1. It depends on the client, what it speaks to and the service's configuration alone:
 *               no secret, no history, the same on all workers and instances.
 *            2. With persistence the client is its address under the mask: a network is led to one
 *               backend from the start.
 * See        lb/choice.h, lb/lb_table.h. No DPDK header here: the control daemon includes this.
 */
#ifndef MR_LB_PLACE_H
#define MR_LB_PLACE_H

#include "lb/maglev.h"
#include "lib/tuple.h"

/*
 * lb_client_hash: what says where in the table a client's connection falls. No secret: every
 * instance of Millrace takes the same place, and it says nothing about the flow table's hash. The
 * port goes through both multiplications: through the last alone, the ports that a client takes one
 * after the other went round the table in equal steps, and for some clients all to few backends.
 */
static inline uint64_t
lb_client_hash(const union addr *a, be16 port)
{
	uint64_t h = mix64(a->q[0] ^ 0x8bb84b93962eacc9u, a->q[1] ^ port ^ 0x2d358dccaa6c78a5u);
	return mix64(h ^ 0x4b33a62ed433d4a3u, 0x9fb21c651e98df25u);
}

/* lb_place_hash: of which both halves are good: of two choices each takes one. */
uint64_t lb_place_hash(const struct img_lb_service *s, const struct tuple *t);

/*
 * lb_place_slots: where the choice begins. => 1 slot, 2 for two-choices, of which the less loaded
 * is taken, or 0: it goes by turns and load.
 */
unsigned lb_place_slots(const struct img_lb_service *s, const struct tuple *t, uint32_t slot[2]);

#endif

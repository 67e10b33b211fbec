/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Pools that give their ports one by one: any subscriber may get any port of an address
 *            that nobody has.
 * Layout     A subscriber has a share of an address: a block of all ports (nat/block.h), by which
 *            its mappings know whose they are. Taken ports stand in the rows of the address, as
 *            those of blocks do; what may be given at all in a row of the generation (rules_given).
 * Invariant  1. A port is found exactly when one is free: given by the pool, taken by nobody, in no
 *               block of somebody (from when the pool had blocks), and no static mapping's.
 *            2. Without wishes each free port has an equal chance, however few there are.
 *            3. is_full has a protocol's bit only while no port of it has become free.
 * Owner      One worker.
 * Limits     A search is at most SINGLE_TRIES draws and two walks over a row of 64-bit words,
 *            whatever is taken; none where it is known that nothing is free. An address with static
 *            ports pays a binary search for each free port of a walk.
 * See        RFC 6056 section 3.3, RFC 6888 REQ-13.
 */
#ifndef MR_NAT_SINGLE_H
#define MR_NAT_SINGLE_H

#include "nat/want.h"

enum { SINGLE_TRIES = 12 };

/* single_has: is a port of p->wanted_proto free at an address of this generation? */
bool single_has(struct pool *p, const struct steer *steer, const struct img_nat_address *a,
                uint64_t *random);
/* single_take: a port for share `number`, by its pool's wishes. => 0: none is free. */
uint16_t single_take(struct pool *p, uint32_t number, struct want w, uint64_t *random);
/* single_this: that very port. => 0: it is not free. */
uint16_t single_this(struct pool *p, uint32_t number, struct want w);
/* single_use: so many ports of an address more are taken, in what is known of its pool. */
void single_use(struct pool *p, const struct pool_slot *slot, enum nat_proto proto, uint32_t more);

#endif

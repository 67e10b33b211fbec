/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The Maglev lookup table: MAGLEV_SIZE slots over weighted backends.
 * Invariant  1. The table depends on the set of (key, weight) alone, not on its order or history.
 *            2. A backend with weight > 0 has at least one slot; with weight 0 none.
 *            3. Equal weights differ by at most one slot.
 *            4. A change of the set moves the slots that must move and 2 % of all besides at most
 *               (test_maglev says how many, for 2 to 1000 backends).
 *            5. maglev_order holds 1 to 3 too; and of any part of it, a backend has its share by
 *               weight but for two slots, as soon as everyone has had one.
 * Limits     up to MAGLEV_MAX_BACKENDS backends; weights up to 65535. Two backends with one key are
 *            refused.
 * See        Eisenbud et al., "Maglev", NSDI 2016, section 3.4; the table of the balancer in
 *            docs/rfc.md. No DPDK header here: the compiler includes this.
 */
#ifndef MR_MAGLEV_H
#define MR_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "lb/lb_image.h"

enum { MAGLEV_MAX_BACKENDS = LB_NO_BACKEND };

struct maglev_backend {
	uint64_t key;    /* identity: hash of address and port */
	uint32_t weight; /* 0: takes no new flows */
};

/* maglev_key: identity of a backend (address and port, family-independent layout). */
uint64_t maglev_key(const union addr *a, uint8_t family, be16 port);

/*
 * maglev_build: fill slots[MAGLEV_SIZE] with numbers of backends (0..n-1), all LB_NO_BACKEND when
 * no weight is above 0. => 0, -EINVAL for bad n or weights, -ENOMEM.
 */
int maglev_build(const struct maglev_backend *b, size_t n, uint16_t *slots);

/* maglev_order: the same backends by turns, by weight, from slot 0 on: weighted round robin. */
int maglev_order(const struct maglev_backend *b, size_t n, uint16_t *slots);

/* maglev_slot: the slot of a connection's hash, without a division. */
static inline uint32_t
maglev_slot(uint32_t hash)
{
	return (uint32_t)(((uint64_t)hash * MAGLEV_SIZE) >> 32);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Asks for the memory that opening and ending a flow will read, a step at a time over a
 *            burst (lib/policy.h), and draws the port that a new mapping will try first.
 * Invariant  1. Nothing is decided here, and nothing written but hints, who is new and which ports
 *               were drawn: what is drawn here open() does not draw again, so a packet that comes
 *               alone has the port that it would have had without.
 *            2. Hints are only that: open() may find that what they say is no longer so.
 * Owner      One worker.
 */
#ifndef MR_NAT_WARM_H
#define MR_NAT_WARM_H

#include "lib/policy.h"
#include "nat/mapping.h"

/*
 * miss.hint: which steps are taken, and what one found for the next. For open() of an outbound
 * packet: its subscriber at that time, or the one that there will be (nat/newcomer.h), or 0; with
 * the hash of the mapping's inside key under it in HINT_FOUND; and a free port of the first block
 * that has one, or of the block that will be the first, or 0: the block's slot in the upper half,
 * with the hash of the external key in HINT_EXTERNAL.
 */
enum { HINT_WAY, HINT_FOUND, HINT_SUBSCRIBER, HINT_PORT, HINT_EXTERNAL,
       HINT_BLOCK = HINT_EXTERNAL, HINT_NEWCOMER = HINT_EXTERNAL };

/* The hint of a flow that ends: the hashes of its mapping's keys, or 0 where others use it too. */
enum { PARTING_INSIDE, PARTING_EXTERNAL };

/* warm_external: the hash of a new mapping's external key. */
static inline uint64_t
warm_external(const struct mapping_table *t, const uint64_t hint[HINTS], const struct mapping *m)
{
	uint32_t slot = mapping_block(t, m)->slot;
	if ((uint16_t)hint[HINT_PORT] == m->port && hint[HINT_PORT] >> 32 == slot)
		return hint[HINT_EXTERNAL];
	return mapping_hash(t, true, slot, m->proto, m->port);
}

void warm_open(void *state, struct miss *const *all, unsigned count, unsigned stage);
void warm_ended(void *state, struct leaving *const *all, unsigned count, unsigned stage);

#endif

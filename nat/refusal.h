/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Says in the log who was refused, and by what: each subscriber at its limit by name, a
 *            pool without addresses once for all who want one.
 * Layout     Who was named is kept in sets of one cache line, eight tags with the time until which
 *            there is nothing to be said again.
 * Invariant  1. A subscriber is named once in REFUSAL_EVERY_S for each kind of refusal, unless
 *               eight others of its set were since.
 *            2. REFUSALS_SECOND subscribers a second at most; one that was not named then is when
 *               it is refused later, and each refusal that was due is counted: refusals_unsaid.
 *            3. Of a pool without addresses there is one record a second, and of each table that is
 *               full (RFC 8158 section 5.2); they name whom they refused.
 *            4. Where the log refuses what has no room in it, that room is not taken from ends.
 *            5. What it takes does not grow, neither with flows nor with subscribers.
 * Owner      One worker.
 * Limits     Tags have 32 bits: a subscriber may take another one's silence for its own, once in
 *            some hundred million.
 * See        RFC 8158 section 5.7; RFC 6888 REQ-4; docs/nat.md, "Limits of a subscriber".
 */
#ifndef MR_NAT_REFUSAL_H
#define MR_NAT_REFUSAL_H

#include "lib/tuple.h"
#include "nat/nat_image.h"

enum refusal_kind {
	REFUSED_ADDRESS,  /* the pool has no address for a newcomer */
	REFUSED_BLOCK,    /* nothing is left of the address for who has a part of it */
	REFUSED_PORTS,    /* it has as many blocks as it may */
	REFUSED_MAPPINGS,
	REFUSED_FLOWS,
	REFUSED_RATE,
	REFUSED_FRAGMENTS, /* so many of it wait for their first one */
	REFUSED_MAPPING_TABLE, /* it, and those that follow: what all share */
	REFUSED_SUBSCRIBER_TABLE,
	REFUSED_PERMISSION_TABLE,
	REFUSED_FLOW_TABLE,
	REFUSED_FRAGMENT_TABLE,
	REFUSED_KINDS,
};

enum { REFUSAL_EVERY_S = 60, REFUSALS_SECOND = 100, REFUSAL_WAYS = 8, REFUSAL_SETS = 2048 };
static_assert(REFUSAL_WAYS * REFUSAL_SETS > 2 * REFUSAL_EVERY_S * REFUSALS_SECOND,
              "whoever can be named within the time has room");

struct refusal_named {
	uint32_t tag;
	uint32_t until_s;
};
static_assert(REFUSAL_WAYS * sizeof(struct refusal_named) == 64, "a set is a line");

struct refusals {
	struct refusal_named set[REFUSAL_SETS][REFUSAL_WAYS];
	uint64_t pool_quiet_ms[NAT_MAX_POOLS]; /* until when, of pools without addresses */
	uint64_t quiet_ms[REFUSED_KINDS];      /* of tables */
	uint64_t spare[4];
};
static_assert(sizeof(struct refusals) % 64 == 0, "what follows it in memory is aligned too");

struct refusal {
	be32 subscriber, external;
	uint64_t limit;
	uint16_t pool;
	uint8_t kind; /* enum refusal_kind */
	uint8_t proto, realm;
};

struct nat;
struct wish;
struct miss;
struct pool_slot;

void refusal_say(struct nat *n, const struct refusal *r);
/* refusal_of: of a packet from inside. slot: its subscriber's address, or NULL: it has none. */
void refusal_of(struct nat *n, enum refusal_kind kind, const struct wish *w,
                const struct pool_slot *slot, uint64_t limit);
/* refusal_of_fragment: see crowded in lib/policy.h. Of who matches a rule that translates. */
void refusal_of_fragment(struct nat *n, const struct miss *m, uint32_t limit, bool of_all);
/* refusal_of_flow: see refused in lib/policy.h. Of who matches a rule. */
bool refusal_of_flow(struct nat *n, const struct miss *m, unsigned drop, uint8_t *code);

#endif

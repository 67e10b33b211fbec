/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a device is to do so that packets arrive at their home: which key, which table,
 *            which rules; from what arrives there and what the device offers.
 * Layout     An inside key brings home by source, an outside key by destination (one family). Of
 *            the keys that one is taken under which, with rules for the rest, the least is left to
 *            hand-off, then the one with the fewest rules.
 * Invariant  1. A pure function: the same on every start. 2. arrives = by_rss + by_rules + left, no
 *            kind of traffic in two of them.
 * Limits     STEER_RULES rules a device: kinds of traffic that need more are left to hand-off.
 * See        docs/design.md, "Steering"; lib/nic_steer.h.
 */
#ifndef MR_STEER_PLAN_H
#define MR_STEER_PLAN_H

#include "lib/nic_steer.h"
#include "steer_arrivals.h"

enum steer_strength {
	STEER_ALONE,      /* one worker: nothing to steer */
	STEER_BY_RSS,     /* 1 */
	STEER_BY_RULES,   /* 2: RSS and rules */
	STEER_BY_HANDOFF, /* 3: some of it, or all */
};

struct steer_plan {
	uint8_t strength; /* enum steer_strength */
	uint16_t arrives, by_rss, by_rules, left; /* bits of enum steer_traffic */
	uint16_t crowded; /* of left: for want of room for rules */
	uint16_t whole;   /* of by_rules: by one rule for all of the family */
	struct steer_setup setup;
};

void steer_plan_make(struct steer_plan *p, const struct generation *g,
                     const struct steer_arrivals *a, unsigned dev, const struct steer_offer *o);

/* steer_offer_reta_bits: log2 of the table that a device can be given, 0: none, or none that would
 * do: all homes are as coarse as the smallest table, and so is the work's division. */
uint8_t steer_offer_reta_bits(const struct steer_offer *o, uint16_t workers);

/* steer_plan_refused: these kinds of traffic the device did not take rules for after all. */
void steer_plan_refused(struct steer_plan *p, uint16_t traffic);

/* What rules are made from. */
struct steer_site {
	const struct generation *g;
	const struct steer_arrivals *a;
	const struct steer_offer *o;
	unsigned dev;
};

/* steer_key_serves: kinds of traffic that a key brings home by hashing. */
uint16_t steer_key_serves(const struct steer_site *s, enum steer_key key);
/* steer_rules_add: rules for a kind of traffic. => false: the device takes none for it, or there is
 * no room (*crowded). */
bool steer_rules_add(const struct steer_site *s, enum steer_traffic t, struct steer_setup *out,
                     bool *crowded);
/* steer_rules_family: one rule an interface, for all of a family. => as steer_rules_add. */
bool steer_rules_family(const struct steer_site *s, uint8_t family, enum steer_key key,
                        struct steer_setup *out);

static inline bool
steer_is_v6(unsigned traffic)
{
	return traffic == STEER_CLIENT6 || traffic == STEER_REPLY6 || traffic == STEER_LOCAL6;
}

#endif

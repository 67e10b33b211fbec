/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Flows that have no mapping: those of static mappings; (nat/other.h) of other
 *            protocols; (nat/pass.h) those that pass untouched.
 * Invariant  1. flow.owner of such a flow is one of enum unmapped_owner, which no mapping's number
 *               reaches.
 *            2. Packets of both directions of a static mapping are at home where its inside address
 *               is; so what arrives by a pool address's rule is handed over.
 *            3. After a generation in which static mappings or deterministic pools are others, the
 *               flows that they no longer explain end, and so do those of dynamic mappings on ports
 *               that are theirs; likewise pairs that no rule lets out any more.
 * Owner      One worker.
 * See        docs/nat.md, "Static mappings"; nat/static.h.
 */
#ifndef MR_NAT_UNMAPPED_H
#define MR_NAT_UNMAPPED_H

#include "nat/nat_filter.h"
#include "nat/state.h"

enum unmapped_owner {
	OWNER_MAPPINGS = 1 << 29, /* numbers below are those of mappings */
	OWNER_STATIC = OWNER_MAPPINGS,
	OWNER_PAIR, /* nat/other.h */
	OWNER_PASS, /* nat/pass.h */
};
static_assert((unsigned)IMG_MAX_CAPACITY < (unsigned)OWNER_MAPPINGS,
              "no mapping has such a number");

static inline bool
owner_is_mapping(uint32_t owner)
{
	return owner < OWNER_MAPPINGS;
}

/* unmapped_home: the worker of a packet that a static mapping explains, or HOME_NOT_MINE. */
int unmapped_home(const struct nat_rules *r, const struct miss *m);
/* unmapped_open: => VERDICT_PASS: no static mapping explains it. */
enum verdict unmapped_open(const struct nat *n, const struct miss *m, struct flow_spec *spec);

/* unmapped_facts: of a flow without a mapping, as listings and choices know mappings. */
struct nat_facts unmapped_facts(const struct flow *f, const struct tuple4 t[2]);

/* unmapped_is_stale: is it a flow that the generation in force would not translate so? */
bool unmapped_is_stale(const struct nat *n, const struct flow *f, const struct tuple4 t[2]);

/* unmapped_alias: the outside address of an inside one that has it for all that it does. */
bool unmapped_alias(const struct generation *g, uint8_t realm, const union addr *inside,
                    uint8_t family, union addr *outside);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How results of checks become a verdict: a pure function of the state, the rule, one
 *            result and the time.
 * Invariant  1. The first result decides. Then `fall` failures one after the other make it down,
 *               `rise` passes make it up.
 *            2. Who goes down `changes` times within period_s is held: it comes up when no check
 *               has failed for hold_s, and `rise` have passed, and its falls are forgotten.
 *            3. A clock that goes back makes times longer, never verdicts wrong.
 * Owner      Values.
 * See        docs/health.md; ctl/config/checks.h.
 */
#ifndef MR_VERDICT_H
#define MR_VERDICT_H

#include "ctl/config/checks.h"

enum health_verdict { HEALTH_UNCHECKED, HEALTH_UP, HEALTH_DOWN };

struct health_state {
	uint8_t verdict;      /* enum health_verdict */
	bool held;            /* down, by damping */
	uint8_t run;          /* results in a row that speak against the verdict */
	uint8_t falls;        /* used of fell_ns */
	uint64_t since_ns;    /* of the verdict */
	uint64_t clean_ns;    /* while down: since when no check has failed; 0: the last one did */
	uint64_t fell_ns[CHECK_MAX_FALLS];
};

enum health_change { HEALTH_SAME, HEALTH_ROSE, HEALTH_FELL, HEALTH_FELL_HELD };

struct health_step {
	struct health_state state;
	enum health_change change;
};

struct health_step health_step(struct health_state s, const struct check_rule *rule, bool good,
                               uint64_t now_ns);

/* health_is_down: what the state means for traffic. */
bool health_is_down(const struct health_state *s, const struct check_rule *rule);

#endif

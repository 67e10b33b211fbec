/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Steering in words, for the log at start and for `millctl steering`: what a device
 *            offers, what was chosen, why, and what that costs.
 */
#ifndef MR_STEER_SAY_H
#define MR_STEER_SAY_H

#include "lib/command.h"
#include "steer_plan.h"

/* What came of a plan. */
struct steer_result {
	uint32_t rules, refused;
	const char *refusal;    /* the driver's words about a rule, or "" */
	const char *rss_error;  /* the driver's words about key or table, or NULL */
};

/* steer_say: everything of *out but its counters and device. */
void steer_say(struct cmd_steering *out, const struct steer_plan *p, const struct steer_offer *o,
               const struct steer_result *r, uint16_t workers);

/* steer_say_lies: it does not do what it promised; replaces the cost. */
void steer_say_lies(struct cmd_steering *out, uint64_t missteered, uint64_t mishashed);

/* steer_say_gone: its driver says that it was pulled out. */
void steer_say_gone(struct cmd_steering *out);

#endif

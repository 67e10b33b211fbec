/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Passive health: a backend whose handshakes fail, as the data plane sees them, is down
 *            for a time.
 * Invariant  1. passive_step is a function of its arguments alone. A backend goes down when
 *               `failures` handshakes of the window have failed, and `share` percent of them all;
 *               it is up again `hold` later, or at once when the rule is gone.
 *            2. It is not taken down when it is the only healthy one of its service; and those
 *               that only this holds down are up again when no other is healthy.
 *            3. What was counted before it came up again counts no more.
 *            4. Checks and what was forced go their own way: what passive health says is added to
 *               what they say.
 * Owner      A target of struct health.
 * See        docs/health.md, "Handshakes of clients"; pace.h.
 */
#ifndef MR_API_PASSIVE_H
#define MR_API_PASSIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct passive_rule {
	uint32_t failures;      /* 0: there is none */
	uint32_t share;         /* percent */
	uint32_t window_s, hold_s;
};

struct passive_state {
	uint64_t down_ns;       /* since when it is down; 0: it is not */
	uint64_t failed, of;    /* that did it */
};

enum passive_change { PASSIVE_SAME, PASSIVE_FELL, PASSIVE_ROSE };

/* passive_step: `failed` of `of` handshakes of the window failed; spare: another one is healthy. */
enum passive_change passive_step(struct passive_state *s, const struct passive_rule *rule,
                                 uint64_t failed, uint64_t of, bool spare, uint64_t now_ns);

struct api;
struct health;
struct health_target;

/* passive_turn: judge all backends, by the latest samples if there are new ones. passive_next:
 * when there is something to judge, UINT64_MAX: never. */
void passive_turn(struct api *api, bool sampled, uint64_t now_ns);
uint64_t passive_next(const struct health *h);
/* passive_is_down: under this rule. passive_reason: "passive: 3 of 4 handshakes failed". */
bool passive_is_down(const struct passive_state *s, const struct passive_rule *rule);
void passive_reason(const struct passive_state *s, char *out, size_t size);

#endif

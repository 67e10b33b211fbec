/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How long a worker is away from its devices: the time from one turn's beginning to the
 *            next one's, where it did not sleep between them.
 * Invariant  1. A turn within TURN_LATE_NS costs three comparisons; only after a longer one the
 *               system is asked.
 *            2. A late turn is counted once: as the worker's own, or as one in which the system
 *               gave the core to somebody else (turns_preempted). The longest one is an own one.
 * Owner      The worker's thread.
 * Limits     TURN_WINDOW_NS: the longest turn that is told is of the latest such time that is over.
 */
#ifndef MR_TURN_H
#define MR_TURN_H

#include <stdint.h>

#include "lib/stats.h"

#define TURN_LATE_NS ((uint64_t)100000)
#define TURN_WINDOW_NS ((uint64_t)1000000000)

struct turn_watch {
	uint64_t last_ns;     /* the beginning of the turn before; 0: it slept since */
	uint64_t window_ns;   /* when the window began */
	uint64_t longest_ns;  /* in this window */
	uint64_t switches;    /* involuntary ones of this thread that are known */
};

/* turn_late: account for a late turn; switches: of the thread until now. */
void turn_late(struct turn_watch *t, struct stats *s, uint64_t ns, uint64_t switches);
/* turn_window: tell of the one that is over, and begin another. */
void turn_window(struct turn_watch *t, struct stats *s, uint64_t now_ns);
/* turn_switches: how often the system took the core from this thread. */
uint64_t turn_switches(void);

/* turn_begins: at the beginning of each turn. */
static inline void
turn_begins(struct turn_watch *t, struct stats *s, uint64_t now_ns)
{
	uint64_t ns = t->last_ns != 0 ? now_ns - t->last_ns : 0;
	t->last_ns = now_ns;
	if (__builtin_expect(ns > TURN_LATE_NS, 0))
		turn_late(t, s, ns, turn_switches());
	else if (ns > t->longest_ns)
		t->longest_ns = ns;
	if (__builtin_expect(now_ns - t->window_ns >= TURN_WINDOW_NS, 0))
		turn_window(t, s, now_ns);
}

/* turn_sleeps: what comes until the next turn is no work. */
static inline void
turn_sleeps(struct turn_watch *t)
{
	t->last_ns = 0;
}

#endif

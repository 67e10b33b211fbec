/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The time of all threads of millrace: nanoseconds like CLOCK_REALTIME, read from the
 *            cycle counter, drawn towards the system's clock once a second.
 * Layout     A straight line (cycles, nanoseconds, slope) behind a sequence number.
 * Invariant  1. What one thread reads never goes back (the line is continuous, its slope positive).
 *            2. A step of the system's clock is followed at CLOCK_SLEW parts of a million, so that
 *               timers never jump.
 * Owner      The main lcore sets, all read.
 */
#ifndef MR_CLOCK_H
#define MR_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

enum { CLOCK_SLEW = 10000, CLOCK_SHIFT = 32 };

struct clock_line {
	_Atomic uint32_t sequence; /* odd while it changes */
	_Atomic uint64_t cycles, ns, slope; /* time = ns + ((now - cycles) * slope >> 32) */
	uint64_t hz;
};

/* clock_init: at this count of cycles it is real_ns. => hz is above 0. */
void clock_init(struct clock_line *c, uint64_t hz, uint64_t cycles, uint64_t real_ns);

/* clock_at: the time at a count of cycles that is not before the last clock_sync by a second. */
uint64_t clock_at(const struct clock_line *c, uint64_t cycles);

/* clock_sync: it is real_ns; go there within about a second. */
void clock_sync(struct clock_line *c, uint64_t cycles, uint64_t real_ns);

#endif

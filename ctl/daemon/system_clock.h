/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a clock of the system shows, in nanoseconds.
 */
#ifndef MR_DAEMON_SYSTEM_CLOCK_H
#define MR_DAEMON_SYSTEM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* now_ns: of the day. */
static inline uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

#endif

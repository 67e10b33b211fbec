/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Whether the system's clock was set, seen by one that nobody sets (CLOCK_BOOTTIME).
 * Owner      Values.
 * Limits     LOG_CLOCK_STEP_MS between two looks; what is less is taken for its being slewed.
 * See        docs/log.md, "A clock that is set".
 */
#ifndef MR_DAEMON_LOG_CLOCK_H
#define MR_DAEMON_LOG_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_CLOCK_STEP_MS = 500 };

struct log_clock {
	uint64_t real_ns, boot_ns; /* at the last look; 0: there was none */
};

/* log_clock_look: => was it set since the last look? would_ns: what it would show if not. */
bool log_clock_look(struct log_clock *c, uint64_t real_ns, uint64_t boot_ns, uint64_t *would_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Whether workers turn. */
#include "pulse.h"

static_assert(MAX_WORKERS <= 64, "a bit each");

uint64_t
pulse_watch(struct pulse *p, const struct stats_segment *stats, unsigned workers, uint64_t now_ns)
{
	uint64_t late = 0;
	for (unsigned i = 0; i < workers; i++) {
		uint64_t seen = stats_context(stats, 1 + i)->now_ns;
		if (seen != 0 && seen + PULSE_LATE_NS < now_ns)
			late |= 1ull << i;
	}
	uint64_t changed = late ^ p->late;
	p->late = late;
	return changed;
}

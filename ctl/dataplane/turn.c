/* SPDX-License-Identifier: Apache-2.0 */
/* Late turns of a worker, and whose fault they were. */
#include "turn.h"

#include <sys/resource.h>

uint64_t
turn_switches(void)
{
	struct rusage u = {0};
	getrusage(RUSAGE_THREAD, &u);
	return (uint64_t)u.ru_nivcsw;
}

void
turn_late(struct turn_watch *t, struct stats *s, uint64_t ns, uint64_t switches)
{
	if (switches != t->switches) {
		t->switches = switches;
		s->turns_preempted++;
		return;
	}
	s->turns_late++;
	if (ns > t->longest_ns)
		t->longest_ns = ns;
}

void
turn_window(struct turn_watch *t, struct stats *s, uint64_t now_ns)
{
	s->turn_longest_ns = t->longest_ns;
	t->longest_ns = 0;
	t->window_ns = now_ns;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A plane's start and a generation on top of it, from the document to the workers. */
#include <stdio.h>

#include <rte_cycles.h>

#include "cases.h"

/* ns: a document compiled, checked, derived and picked up. Its start stands in the note. */
void
case_start(struct bench *b, struct result *out)
{
	struct timing t = timing_of(b->machine, TIMING_GROUPS);
	for (unsigned i = 0; i < TIMING_GROUPS && !out->failed; i++) {
		uint64_t begin = rte_rdtsc();
		bench_expect(out, "applied", rig_apply(b->rig, &b->rig_options), true);
		rig_turn(b->rig, 0);
		timing_add(&t, rte_rdtsc() - begin, 1);
		plane_poll(&b->rig->plane, rig_now(b->rig));
	}
	result_time(out, &t, b->tick_ns);
	out->absolute = true;
	if (!out->failed)
		snprintf(out->note, sizeof(out->note), "start %.2f s, apply %.3f s",
		         (double)b->rig->start_ticks * b->tick_ns / 1e9, out->ns / 1e9);
}

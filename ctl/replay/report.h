/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a replay tells at its end: counters, drops by reason, what is left, records,
 *            answers to requests; as JSON and as tables.
 * Invariant  1. Equal runs give equal bytes: the order of members is fixed, and nothing of the
 *               machine, the clock on the wall or file names is in it.
 * Owner      One thread.
 * See        docs/replay.md, "The report".
 */
#ifndef MR_REPLAY_REPORT_H
#define MR_REPLAY_REPORT_H

#include <stdio.h>

#include "ctl/replay/inputs.h"
#include "ctl/replay/sim.h"

struct run {
	uint64_t seed;
	uint64_t first_ns, last_ns, end_ns; /* first and last packet, end of the clock */
};

/* report_make: new reference; control (borrowed) is the array of answers. */
json_t *report_make(const struct sim *s, const struct inputs *ins, const struct run *run,
                    json_t *control);
/* report_write: => 0, or -errno. */
int report_write(const json_t *report, const char *path);
/* report_print: tables for people. */
void report_print(const json_t *report, FILE *to);

#endif

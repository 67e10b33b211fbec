/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The results as a table for people and as JSON for scripts.
 */
#ifndef MR_BENCH_REPORT_H
#define MR_BENCH_REPORT_H

#include "cases.h"

/* What the machine could do at one number of flows. */
struct report_size {
	uint64_t flows;
	struct machine machine;
};

struct report {
	struct report_size size[16];
	unsigned n_sizes;
	struct result result[128];
	unsigned at_size[128]; /* which size a result belongs to */
	unsigned n_results;
};

void report_machine(struct report *r, uint64_t flows, const struct machine *m);
void report_result(struct report *r, const struct result *res);
/* report_json: {"f_ns", "cases": […]} into a file. => 0 or -errno. */
int report_json(const struct report *r, const char *file);
/* report_failed: how many cases did not run the way that they mean to time. */
unsigned report_failed(const struct report *r);

#endif

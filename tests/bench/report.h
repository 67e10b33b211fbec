/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The results as a table for people and as JSON for scripts.
 * Limits     REPORT_SIZES numbers of flows, REPORT_RESULTS rows; more are printed, not kept.
 */
#ifndef MR_BENCH_REPORT_H
#define MR_BENCH_REPORT_H

#include "cases.h"

enum { REPORT_SIZES = 16, REPORT_RESULTS = 1024 };

/* What the machine could do at one number of flows. */
struct report_size {
	uint64_t flows;
	struct machine machine;
};

struct report {
	struct report_size size[REPORT_SIZES];
	unsigned n_sizes;
	struct result result[REPORT_RESULTS];
	unsigned at_size[REPORT_RESULTS]; /* which size a result belongs to */
	unsigned n_results;
};

void report_machine(struct report *r, uint64_t flows, const struct machine *m);
/* report_machine_end: F once more, after the cases of the size that was reported last. */
void report_machine_end(struct report *r, const struct machine *m);
void report_result(struct report *r, const struct result *res);
/* report_json: {"f_ns", "machine": […], "cases": […]} into a file. => 0 or -errno. */
int report_json(const struct report *r, const char *file);
/* report_failed: how many cases did not run the way that they mean to time. */
unsigned report_failed(const struct report *r);

#endif

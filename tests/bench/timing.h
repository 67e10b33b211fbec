/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Ticks of many short runs in a few groups: the median of the groups is the figure, the
 *            best of them tells what the machine can do when nothing disturbs it. After each group
 *            F is measured, so that each has the F of its own time.
 * Limits     TIMING_GROUPS groups; fewer when there are fewer runs than that.
 */
#ifndef MR_BENCH_TIMING_H
#define MR_BENCH_TIMING_H

#include "machine.h"

enum { TIMING_GROUPS = 9 };

struct timing {
	uint64_t total;          /* units that will come in all */
	uint64_t done, ticks;    /* units so far; ticks since the last group ended */
	uint64_t group_began;    /* units done then */
	double group[TIMING_GROUPS]; /* ticks a unit */
	double f[TIMING_GROUPS];     /* the same in multiples of F; 0: that was not measured */
	unsigned n;
	struct machine *machine;
};

/* timing_of: of so many units, with F of that machine beside. */
static inline struct timing
timing_of(struct machine *m, uint64_t total)
{
	return (struct timing){.total = total, .machine = m};
}

/* timing_add: so many units took these ticks. */
void timing_add(struct timing *t, uint64_t ticks, uint64_t units);
/* timing_median, timing_min: ticks a unit; 0 when nothing was added. */
double timing_median(struct timing *t);
double timing_min(const struct timing *t);
/* timing_f, timing_f_min: the same two in multiples of F. */
double timing_f(struct timing *t);
double timing_f_min(const struct timing *t);

/* bench_median: of n values, which are sorted in place. */
double bench_median(double *v, unsigned n);

#endif

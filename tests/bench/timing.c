/* SPDX-License-Identifier: Apache-2.0 */
/* Medians and minima of groups; see timing.h. */
#include "timing.h"

#include <stdlib.h>

static int
double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

double
bench_median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), double_order);
	return v[n / 2];
}

void
timing_add(struct timing *t, uint64_t ticks, uint64_t units)
{
	t->ticks += ticks;
	t->done += units;
	uint64_t group = t->done - t->group_began;
	if (group * TIMING_GROUPS < t->total || t->n == TIMING_GROUPS)
		return;
	double each = (double)t->ticks / (double)group, f = machine_beside(t->machine);
	t->group[t->n] = each;
	t->f[t->n++] = f > 0 ? each / f : 0;
	t->group_began = t->done;
	t->ticks = 0;
}

static double
least_of(const double *v, unsigned n)
{
	double least = n > 0 ? v[0] : 0;
	for (unsigned i = 1; i < n; i++)
		least = v[i] < least ? v[i] : least;
	return least;
}

double
timing_median(struct timing *t)
{
	return t->n > 0 ? bench_median(t->group, t->n) : 0;
}

double
timing_min(const struct timing *t)
{
	return least_of(t->group, t->n);
}

double
timing_f(struct timing *t)
{
	return t->n > 0 ? bench_median(t->f, t->n) : 0;
}

double
timing_f_min(const struct timing *t)
{
	return least_of(t->f, t->n);
}

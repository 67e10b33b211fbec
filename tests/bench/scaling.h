/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The scaling case: a rig of two workers, its flows filled by home.
 * Owner      Two threads, pinned to cores 0 and 1, each with its worker and half of the buffers.
 */
#ifndef MR_BENCH_SCALING_H
#define MR_BENCH_SCALING_H

#include "cases.h"

/* case_scaling: ratio = (two workers against one) / (two cores' F against one). */
void case_scaling(struct rig *r, struct traffic *t, unsigned rounds, struct result *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The addresses and ports that a pool leaves out (exclude, exclude_ends, exclude_ports).
 * Invariant  1. The runs of an entry are ascending, apart, and hold no address that is left out.
 * Owner      Values of one compilation.
 * Limits     POOL_MAX_CUTS entries of `exclude`, NAT_MAX_HOLES less one of `exclude_ports`.
 */
#ifndef MR_CONFIG_MODEL_POOL_H
#define MR_CONFIG_MODEL_POOL_H

#include "model.h"

enum { POOL_MAX_CUTS = 256 };

/* Addresses first..last in host order. */
struct pool_run {
	uint32_t first, last;
};

struct pool_cut {
	struct pool_run run[POOL_MAX_CUTS];
	unsigned n;
	bool ends; /* the first and last address of a prefix are left out too */
};

void pool_cut_read(struct pool_cut *cut, const json_t *pool);
/* pool_run_next: the next run of an entry of `addresses`; begin with zeros. => false: no more. */
bool pool_run_next(const struct pool_cut *cut, const char *entry, struct pool_run *run);
/* pool_cut_count: addresses of first..last that `exclude` names. */
uint64_t pool_cut_count(const struct pool_cut *cut, uint32_t first, uint32_t last);

/* pool_holes: rows of the ports that are left out. => p has its range of ports. */
void pool_holes(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p);

#endif

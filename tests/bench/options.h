/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The command line of millrace-bench.
 * Limits     OPTIONS_MAX_SIZES numbers of flows, each 256 to 100 M.
 */
#ifndef MR_BENCH_OPTIONS_H
#define MR_BENCH_OPTIONS_H

#include "needs.h"

enum { OPTIONS_MAX_SIZES = 16, OPTIONS_MIN_FLOWS = 256, OPTIONS_MAX_FLOWS = 100000000,
       OPTIONS_MAX_SUBSCRIBERS = 2000000 };

struct options {
	uint64_t flows[OPTIONS_MAX_SIZES];
	unsigned n_flows, rounds;
	unsigned subscribers; /* inside addresses that share the flows; 0: one for 100 */
	const char *report;
	uint64_t cases;      /* bit i: bench_cases[i] is to run */
	enum pages pages;
	bool no_hash, callgrind;
	bool sizes_given;    /* the user's: what does not fit is an error */
};

/* options_parse: => 0; 1: help was asked for and printed; -1: an error, a sentence was printed. */
int options_parse(int argc, char **argv, struct options *o);

#endif

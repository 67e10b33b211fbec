/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The cases of the bench: each fills in a result, in ns a packet (or a flow).
 * Invariant  A case checks that its packets went the way that it means to time (sent, dropped,
 *            opened); a result whose check failed says so and fails the run.
 */
#ifndef MR_BENCH_CASES_H
#define MR_BENCH_CASES_H

#include "traffic.h"

struct result {
	const char *name;
	uint64_t flows;
	double ns;             /* a packet; life, open, expire: a flow */
	double cold_ns;        /* with headers out of the caches; 0: not measured */
	double bytes_per_flow; /* everything that grows with flows; 0: not of this case */
	double p50_ns, p99_ns, p999_ns, p9999_ns, max_ns; /* latency only */
	double idle_p999_ns, idle_max_ns;                 /* the empty loop's own */
	double ratio;          /* scaling: two workers against one; flood: speed kept */
	bool failed;
	char note[96];
};

struct bench {
	struct rig *rig;
	struct traffic *traffic;
	uint64_t flows;
	uint64_t rnd;
	unsigned rounds;       /* of RIG_PACKETS packets, at the least */
	size_t memory;         /* of the plane's tables */
};

/* bench_fill: open every flow and let the responder answer. => ns an opening, or -1. */
double bench_fill(struct bench *b);

void case_hit(struct bench *b, struct result *out);
void case_lookup(struct bench *b, struct result *out);
void case_open(struct bench *b, struct result *out);
void case_life(struct bench *b, struct result *out);
void case_expire(struct bench *b, struct result *out);
void case_inbound_mapping(struct bench *b, struct result *out);
void case_scan_miss(struct bench *b, struct result *out);
void case_syn_flood(struct bench *b, struct result *out);
void case_handoff(struct bench *b, struct result *out);
void case_latency(struct bench *b, struct result *out);

#endif

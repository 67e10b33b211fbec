/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The cases of the bench, one table (cases.c): each fills in one result or more, in ns a
 *            packet (or a flow).
 * Invariant  1. A case checks that its packets went the way that it means to time (sent, dropped,
 *               opened); a result whose check failed says so and fails the run.
 *            2. What a case times, and only that, is counted in --callgrind mode (rig->counted).
 */
#ifndef MR_BENCH_CASES_H
#define MR_BENCH_CASES_H

#include "timing.h"
#include "traffic.h"

enum { BATCH = RIG_PACKETS / 2, ROWS_MAX = 32 };

/* What a flow takes, by part, as the data plane reckons it at start; the rest is rounding up to
 * pages, and what does not grow with flows. All are of the flows that there is room for: a case has
 * more of it than flows stand, by its slack, and all of it can be used (syn-flood has no slack). */
enum bench_memory { BENCH_FLOWS, BENCH_INDEX, BENCH_NAT, BENCH_LB, BENCH_OTHER, BENCH_REST,
	            BENCH_MEMORY_PARTS };

struct result {
	const char *name;      /* NULL: a row that is not used */
	const char *part;      /* of parts, layouts: what the row is of */
	uint64_t flows;
	uint64_t units;        /* packets or flows that ns is a mean over */
	double ns;             /* a packet; life, open, expire: a flow */
	double ns_min;         /* the best of the groups that ns is the median of */
	double f, f_min;       /* the same in multiples of the F beside each; 0: not timed so */
	double cumulative_ns;  /* parts: up to here */
	double cold_ns;        /* with headers out of the caches; 0: not measured */
	double bytes_per_flow; /* all that the case's plane took / room; 0: it has none */
	uint64_t room;         /* flows, of both families */
	double memory[BENCH_MEMORY_PARTS]; /* of these, if memory[BENCH_FLOWS] is not 0 */
	double load, second;   /* layouts: slots in use, lookups that took another line: shares */
	double p50_ns, p99_ns, p999_ns, p9999_ns, max_ns; /* latency only */
	double idle_p999_ns, idle_max_ns;                 /* the empty loop's own */
	double ratio;          /* scaling: two workers against one; floods: speed kept */
	bool absolute;         /* seconds, that have nothing to do with F */
	bool failed;
	char note[96];
};

struct bench {
	struct rig *rig;
	struct traffic *traffic;
	struct memory_need need; /* of the plane's tables, reckoned */
	size_t memory;           /* taken */
	uint64_t flows;
	uint64_t rnd;
	unsigned rounds;         /* of RIG_PACKETS packets, at the least */
	double tick_ns;          /* of the TSC; 0 in --callgrind mode */
	struct machine *machine;
	struct rig_options rig_options;
};

struct bench_case {
	const char *name, *help;
	enum traffic_kind kind;
	const char *mode;        /* of the balancer's service; NULL: nat */
	void (*run)(struct bench *b, struct result *out); /* out[0].name is set */
	unsigned workers;        /* 0: it needs no data plane */
	bool fill;               /* all flows stand before it runs */
	bool time_only;          /* means nothing in --callgrind mode */
	unsigned slack;          /* capacity beyond the flows, in percent */
	unsigned per_subscriber; /* flows of one inside address; 0: 100 */
	unsigned idle_s;         /* TCP timers; 0: 7440 */
	unsigned backends;       /* of the balancer; 0: 3 */
	bool guard;              /* the balancer's service has one: rig.h */
	bool grows;              /* its flow table becomes larger: bench_grown */
	bool blocks;             /* room for a flow in every port block of the pool */
};

extern const struct bench_case bench_cases[];
extern const unsigned bench_n_cases;

/* bench_share: from now on the flows are those of so many inside addresses, 0: a hundredth. */
void bench_share(unsigned subscribers);

/* bench_rig_options: the plane that a case asks for with so many flows. */
struct rig_options bench_rig_options(const struct bench_case *c, uint64_t flows);

/* bench_grown: how large a table of so many flows becomes in case grow. */
uint64_t bench_grown(uint64_t flows);

/* bench_open: plane, flows and what they take. => false and a sentence on stderr. */
bool bench_open(struct bench *b, const struct bench_case *c, struct machine *m,
                uint64_t flows, unsigned rounds);
void bench_close(struct bench *b);

/* bench_fill: open every flow, timed if t is not NULL, and have it answered. => all sent? */
bool bench_fill(struct bench *b, struct timing *t);

/* bench_batch: packets of flows from, from+1, … in one direction, run and (if learn) learnt. */
uint64_t bench_batch(struct bench *b, uint64_t from, unsigned n, unsigned dir, uint8_t flags,
                     bool learn);
/* bench_batch_size: what is left of `total` at `at`, a batch or an eighth of them at most. */
unsigned bench_batch_size(uint64_t at, uint64_t total);
/* bench_put_hit: buffer k is a packet of a random flow, in a random direction, for its home. */
void bench_put_hit(struct bench *b, unsigned k);
/* bench_home: the worker that a NIC that steers would give flow i to. */
unsigned bench_home(const struct bench *b, uint64_t i);
/* bench_run_all: every worker's queues. => ticks. */
uint64_t bench_run_all(struct bench *b);
/* result_time: ns, f, the best of both, and units of what was timed. */
void result_time(struct result *out, struct timing *t, double tick_ns);
/* bench_expect: fails the result unless got is want. */
void bench_expect(struct result *out, const char *what, uint64_t got, uint64_t want);

/* bench_memory: bytes a flow of the case's plane; fails the result where tables take more than the
 * bound (from a million flows on: fixed parts weigh more with few). bench_memory_parts: by part. */
void bench_memory(const struct bench *b, struct result *out);
void bench_memory_parts(const struct bench *b, struct result *out);

void case_start(struct bench *b, struct result *out);
void case_hit(struct bench *b, struct result *out);
void case_grow(struct bench *b, struct result *out);
void case_lookup(struct bench *b, struct result *out);
void case_parts(struct bench *b, struct result *out);
void case_layouts(struct bench *b, struct result *out);
void case_open(struct bench *b, struct result *out);
void case_life(struct bench *b, struct result *out);
void case_expire(struct bench *b, struct result *out);
void case_inbound_mapping(struct bench *b, struct result *out);
void case_scan_miss(struct bench *b, struct result *out);
void case_syn_flood(struct bench *b, struct result *out);
void case_pool_full(struct bench *b, struct result *out);
void case_lb_flood(struct bench *b, struct result *out);
void case_lb_full(struct bench *b, struct result *out);
void case_lb_denied(struct bench *b, struct result *out);
void case_handoff(struct bench *b, struct result *out);
void case_latency(struct bench *b, struct result *out);
void case_scaling(struct bench *b, struct result *out);

/* layouts_memsize: bytes that case_layouts takes. */
size_t layouts_memsize(uint64_t flows);

#endif

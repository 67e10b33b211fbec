/* SPDX-License-Identifier: Apache-2.0 */
/* millrace-bench: the production pipeline and its parts, beside what the machine can do. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "lib/mem.h"
#include "report.h"
#include "scaling.h"

static const char usage[] =
	"usage: millrace-bench [--flows N[,N…]] [--case NAME[,NAME…]] [--rounds N]\n"
	"                      [--report FILE] [--no-hash] [--callgrind]\n"
	"  --flows      numbers of flows, with k and M (default 1k,64k,1M,10M)\n"
	"  --case       nat-hit lb-hit lookup open life expire inbound-mapping scan-miss\n"
	"               syn-flood handoff latency scaling (default: all)\n"
	"  --rounds     rounds of 256 packets a sample, nine samples a case (default 256)\n"
	"  --no-hash    do not measure rte_hash (it needs EAL and memory of its own)\n"
	"  --callgrind  few packets, no clocks: for counting instructions under valgrind\n"
	"  --report     JSON\n";

struct options {
	uint64_t flows[16];
	unsigned n_flows, rounds;
	const char *cases, *report;
	int no_hash, callgrind;
};

static struct report report;
enum { ESTABLISHED_S = 7440, LIFE_S = 10 };

static bool
wanted(const struct options *o, const char *name)
{
	if (o->cases == NULL)
		return true;
	size_t n = strlen(name);
	for (const char *p = o->cases; (p = strstr(p, name)) != NULL; p += n)
		if ((p == o->cases || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

static size_t
memory_now(void)
{
	struct mem_usage u = mem_usage();
	return u.huge_1g + u.huge_2m + u.ordinary;
}

/* The smallest pool whose ports are twice the flows: each of 2^(32-n) addresses has 64512. */
static unsigned
pool_prefix(uint64_t flows)
{
	unsigned n = 30;
	while (n > 20 && ((uint64_t)1 << (32 - n)) * 64512 < flows + flows / 3)
		n--;
	return n;
}

static bool
bench_open(struct bench *b, const struct options *o, const struct machine *m, uint64_t flows,
           uint64_t capacity, enum traffic_kind kind, unsigned workers, unsigned idle_s)
{
	struct rig_options ro = {.flows = capacity, .workers = workers,
	                         .pool_prefix = pool_prefix(capacity), .idle_s = idle_s,
	                         .subscribers = (unsigned)(capacity / 100 + 70000)};
	*b = (struct bench){.flows = flows, .rnd = 7, .rounds = o->rounds};
	size_t before = memory_now();
	b->rig = rig_create(&ro, m);
	b->memory = memory_now() - before;
	b->traffic = traffic_create(kind, flows, 100);
	if (b->rig == NULL || b->traffic == NULL)
		fprintf(stderr, "millrace-bench: no memory for %llu flows\n",
		        (unsigned long long)flows);
	return b->rig != NULL && b->traffic != NULL;
}

static void
bench_close(struct bench *b)
{
	traffic_destroy(b->traffic);
	if (b->rig != NULL)
		rig_destroy(b->rig);
}

struct bench_case {
	const char *name;
	enum traffic_kind kind;
	void (*run)(struct bench *b, struct result *out);
	bool fill;       /* all flows stand before it runs */
	unsigned slack;  /* capacity beyond the flows, in percent */
	unsigned idle_s; /* TCP timers; 0: 7440 */
};

static const struct bench_case cases[] = {
	{"open", TRAFFIC_NAT, case_open, false, 5, 0},
	{"nat-hit", TRAFFIC_NAT, case_hit, true, 5, 0},
	{"lb-hit", TRAFFIC_LB, case_hit, true, 5, 0},
	{"lookup", TRAFFIC_NAT, case_lookup, true, 5, 0},
	{"latency", TRAFFIC_NAT, case_latency, true, 5, 0},
	{"inbound-mapping", TRAFFIC_NAT, case_inbound_mapping, true, 25, 0},
	{"scan-miss", TRAFFIC_NAT, case_scan_miss, true, 5, 0},
	{"syn-flood", TRAFFIC_NAT, case_syn_flood, true, 0, 0},
	{"expire", TRAFFIC_NAT, case_expire, true, 5, 0},
	{"life", TRAFFIC_NAT, case_life, false, 50, LIFE_S},
};

static void
case_run(const struct bench_case *c, const struct options *o, const struct machine *m,
         uint64_t flows)
{
	struct bench b;
	struct result res = {.name = c->name, .flows = flows};
	if (!bench_open(&b, o, m, flows, flows + flows * c->slack / 100, c->kind, 1,
	                c->idle_s != 0 ? c->idle_s : ESTABLISHED_S) ||
	    (c->fill && bench_fill(&b) < 0)) {
		res.failed = true;
		snprintf(res.note, sizeof(res.note), "could not open the flows");
	} else {
		c->run(&b, &res);
	}
	report_result(&report, &res);
	bench_close(&b);
}

/* The cases of two workers. */
static void
pair_run(const char *name, const struct options *o, const struct machine *m, uint64_t flows)
{
	struct bench b;
	struct result res = {.name = name, .flows = flows};
	if (!bench_open(&b, o, m, flows, 2 * flows, TRAFFIC_NAT, 2, ESTABLISHED_S) ||
	    bench_fill(&b) < 0) {
		res.failed = true;
		snprintf(res.note, sizeof(res.note), "could not open the flows");
	} else if (strcmp(name, "handoff") == 0) {
		case_handoff(&b, &res);
	} else {
		case_scaling(b.rig, b.traffic, o->rounds, &res);
	}
	report_result(&report, &res);
	bench_close(&b);
}

static int
size_run(const struct options *o, uint64_t flows)
{
	struct machine m = {.tick_ns = 1, .f_ns = 1};
	if (!o->callgrind && machine_measure(&m, flows) < 0) {
		fprintf(stderr, "millrace-bench: no memory for %llu lines\n",
		        (unsigned long long)flows);
		return 1;
	}
	if (!o->no_hash && !o->callgrind && machine_hash(&m, (uint32_t)flows) < 0)
		fprintf(stderr, "millrace-bench: rte_hash could not take %llu keys\n",
		        (unsigned long long)flows);
	report_machine(&report, flows, &m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (wanted(o, cases[i].name))
			case_run(&cases[i], o, &m, flows);
	if (wanted(o, "handoff"))
		pair_run("handoff", o, &m, flows);
	if (wanted(o, "scaling") && !o->callgrind)
		pair_run("scaling", o, &m, flows);
	return 0;
}

static bool
flows_parse(const char *text, struct options *o)
{
	o->n_flows = 0;
	for (const char *p = text; *p != '\0' && o->n_flows < 16;) {
		char *end;
		uint64_t n = strtoull(p, &end, 10);
		n *= *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1;
		end += *end == 'k' || *end == 'M';
		if (end == p || n < 32 || n > 100000000 || (*end != ',' && *end != '\0'))
			return false;
		o->flows[o->n_flows++] = n;
		p = *end == ',' ? end + 1 : end;
	}
	return o->n_flows > 0;
}

static int
options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"flows", required_argument, NULL, 'f'}, {"case", required_argument, NULL, 'c'},
		{"rounds", required_argument, NULL, 'r'}, {"report", required_argument, NULL, 'o'},
		{"no-hash", no_argument, NULL, 'n'}, {"callgrind", no_argument, NULL, 'g'},
		{"help", no_argument, NULL, 'h'}, {0},
	};
	*o = (struct options){.rounds = 256};
	flows_parse("1k,64k,1M,10M", o);
	for (int k; (k = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (k == 'f' && !flows_parse(optarg, o))
			return -1;
		if (k == 'c')
			o->cases = optarg;
		if (k == 'r')
			o->rounds = (unsigned)strtoul(optarg, NULL, 10);
		if (k == 'o')
			o->report = optarg;
		o->no_hash |= k == 'n';
		o->callgrind |= k == 'g';
		if (k == 'h' || k == '?')
			return -1;
	}
	return optind == argc && o->rounds > 0 ? 0 : -1;
}

static void
eal_start(const char *name)
{
	char *args[] = {(char *)(uintptr_t)name, "--in-memory", "--no-pci", "--no-telemetry",
	                "--log-level=error", "-l0", "-m", "3072", NULL};
	if (rte_eal_init(8, args) < 0)
		fprintf(stderr, "millrace-bench: EAL did not start: rte_hash is not measured\n");
}

int
main(int argc, char **argv)
{
	struct options o;
	if (options_parse(argc, argv, &o) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (!o.no_hash && !o.callgrind)
		eal_start(argv[0]);
	for (unsigned i = 0; i < o.n_flows; i++)
		if (size_run(&o, o.flows[i]) != 0)
			return 1;
	if (o.report != NULL && report_json(&report, o.report) < 0) {
		fprintf(stderr, "millrace-bench: cannot write %s\n", o.report);
		return 1;
	}
	return report_failed(&report) != 0;
}

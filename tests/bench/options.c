/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments to options; see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 256, ROUNDS_QUICK = 16, ROUNDS_CALLGRIND = 2 };

static const char usage[] =
	"usage: millrace-bench [options]\n"
	"What the data plane costs, a packet or a flow, in ns and in F: a random 64-byte line of\n"
	"memory, prefetched, measured in the same run.\n\n"
	"  --flows N[,N…]     numbers of flows, with k and M (default 1k,64k,1M,10M)\n"
	"  --case NAME[,…]    only these cases (default: all)\n"
	"  --quick            1k and 1M flows, few rounds, no rte_hash: half a minute\n"
	"  --rounds N         rounds of 1024 packets in each of nine groups (default 256)\n"
	"  --subscribers N    so many inside addresses behind 4096 pool addresses, with k or M\n"
	"  --pages 4k|2m|1g   only pages of this size (default: the largest there are)\n"
	"  --no-hash          do not measure rte_hash_lookup_bulk_data\n"
	"  --report FILE      the results as JSON as well\n"
	"  --callgrind        few packets, no clock: for counting instructions under valgrind\n"
	"  --help             this text\n\n"
	"cases:\n";

static void
help(void)
{
	fputs(usage, stdout);
	for (unsigned i = 0; i < bench_n_cases; i++)
		printf("  %-17s  %s\n", bench_cases[i].name, bench_cases[i].help);
}

static int
wrong(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "millrace-bench: %s: '%s': expected %s (try --help)\n", option, value,
	        expected);
	return -1;
}

static int
flows_parse(const char *text, struct options *o)
{
	static const char expected[] = "numbers from 256 to 100M, with k or M, and commas between";
	o->n_flows = 0;
	for (const char *p = text; o->n_flows < OPTIONS_MAX_SIZES;) {
		char *end;
		uint64_t n = strtoull(p, &end, 10);
		if (end == p || n > OPTIONS_MAX_FLOWS)
			return wrong("--flows", text, expected);
		n *= *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1;
		end += *end == 'k' || *end == 'M';
		if (n < OPTIONS_MIN_FLOWS || n > OPTIONS_MAX_FLOWS || (*end != ',' && *end != '\0'))
			return wrong("--flows", text, expected);
		o->flows[o->n_flows++] = n;
		if (*end == '\0')
			return 0;
		p = end + 1;
	}
	return wrong("--flows", text, "16 numbers at most");
}

static int
case_find(const char *name, size_t n)
{
	for (unsigned i = 0; i < bench_n_cases; i++)
		if (strlen(bench_cases[i].name) == n && memcmp(bench_cases[i].name, name, n) == 0)
			return (int)i;
	return -1;
}

static int
cases_parse(const char *text, struct options *o)
{
	o->cases = 0;
	for (const char *p = text;;) {
		size_t n = strcspn(p, ",");
		int i = case_find(p, n);
		if (i < 0)
			return wrong("--case", text, "names of cases and commas between");
		o->cases |= (uint64_t)1 << i;
		if (p[n] == '\0')
			return 0;
		p += n + 1;
	}
}

static int
number_parse(const char *option, const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || n < 1 || n > 1000000)
		return wrong(option, text, "a number from 1 to 1000000");
	*out = (unsigned)n;
	return 0;
}

static int
subscribers_parse(const char *text, struct options *o)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (end != text && n <= OPTIONS_MAX_SUBSCRIBERS)
		n *= *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1;
	end += *end == 'k' || *end == 'M';
	if (end == text || *end != '\0' || n < 1 || n > OPTIONS_MAX_SUBSCRIBERS)
		return wrong("--subscribers", text, "a number from 1 to 2M");
	o->subscribers = (unsigned)n;
	return 0;
}

static void
quick_set(struct options *o)
{
	o->flows[0] = 1000;
	o->flows[1] = 1000000;
	o->n_flows = 2;
	o->rounds = ROUNDS_QUICK;
	o->no_hash = true;
}

static int
option_take(int key, const char *arg, struct options *o)
{
	switch (key) {
	case 'f': o->sizes_given = true; return flows_parse(arg, o);
	case 'c': return cases_parse(arg, o);
	case 'r': return number_parse("--rounds", arg, &o->rounds);
	case 's': return subscribers_parse(arg, o);
	case 'p': return pages_parse(arg, &o->pages) ? 0 : wrong("--pages", arg, "4k, 2m or 1g");
	case 'o': o->report = arg; return 0;
	case 'q': quick_set(o); return 0;
	case 'n': o->no_hash = true; return 0;
	case 'g': o->callgrind = true; o->rounds = ROUNDS_CALLGRIND; return 0;
	case 'h': help(); return 1;
	default: fputs("try --help\n", stderr); return -1;
	}
}

/* Cases that only have times are nothing to count. */
static void
callgrind_set(struct options *o)
{
	o->no_hash = true;
	for (unsigned i = 0; i < bench_n_cases; i++)
		if (bench_cases[i].time_only)
			o->cases &= ~((uint64_t)1 << i);
}

int
options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"flows", required_argument, NULL, 'f'}, {"case", required_argument, NULL, 'c'},
		{"rounds", required_argument, NULL, 'r'}, {"report", required_argument, NULL, 'o'},
		{"pages", required_argument, NULL, 'p'}, {"quick", no_argument, NULL, 'q'},
		{"subscribers", required_argument, NULL, 's'},
		{"no-hash", no_argument, NULL, 'n'}, {"callgrind", no_argument, NULL, 'g'},
		{"help", no_argument, NULL, 'h'}, {0},
	};
	*o = (struct options){.rounds = ROUNDS, .cases = UINT64_MAX};
	flows_parse("1k,64k,1M,10M", o);
	for (int k; (k = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		int rc = option_take(k, optarg, o);
		if (rc != 0)
			return rc;
	}
	if (optind != argc)
		return wrong("argument", argv[optind], "options only");
	if (o->callgrind)
		callgrind_set(o);
	return 0;
}

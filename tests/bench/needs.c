/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: asked before it is taken, and of which pages. See needs.h. */
#include "needs.h"

#include <stdio.h>
#include <string.h>

#include "lib/mem.h"

static const double GB = 1 << 30;

/* What makes the packets; with two workers also which flows are whose, and lines for each. */
static uint64_t
generator_memsize(const struct bench_case *c, uint64_t flows)
{
	uint64_t ends = flows * sizeof(struct traffic_end);
	if (c->workers < 2)
		return ends;
	return ends + 2 * flows * sizeof(uint64_t) + machine_memsize(flows);
}

bool
needs_fit(const struct bench_case *c, uint64_t flows)
{
	struct memory_need need = {0};
	struct rig_options ro = bench_rig_options(c, flows);
	uint64_t other = c->workers == 0 ? layouts_memsize(flows) : generator_memsize(c, flows);
	uint64_t lines = machine_memsize(flows), there = memory_free(mem_huge_used());
	ro.grown = c->grows ? bench_grown(flows) : 0;
	if (c->workers != 0 && !rig_need(&ro, &need))
		return false;
	uint64_t sum = need.sum + other + lines;
	if (sum <= there)
		return true;
	fprintf(stderr, "millrace-bench: %s with %llu flows needs %.1f GB (tables %.1f, the bench "
	        "itself %.1f), %.1f GB are free\n", c->name, (unsigned long long)flows,
	        (double)sum / GB, (double)need.sum / GB, (double)other / GB, (double)there / GB);
	return false;
}

bool
pages_parse(const char *text, enum pages *out)
{
	static const char *const names[] = {
		[PAGES_4K] = "4k", [PAGES_2M] = "2m", [PAGES_1G] = "1g",
	};
	for (unsigned i = PAGES_4K; i <= PAGES_1G; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum pages)i;
			return true;
		}
	}
	return false;
}

static unsigned long
pages_free(unsigned long kb)
{
	char path[128];
	unsigned long n = 0;
	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%lukB/free_hugepages", kb);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	bool found = fscanf(f, "%lu", &n) == 1;
	fclose(f);
	return found ? n : 0;
}

/* mem_alloc takes the largest pages that there are: so 2 MB ones only while no larger ones are. */
bool
pages_use(enum pages pages)
{
	unsigned long small = pages_free(2048), large = pages_free(1048576);
	if (pages == PAGES_4K)
		mem_use_ordinary();
	if (pages == PAGES_2M && (small == 0 || large != 0)) {
		fprintf(stderr, "millrace-bench: --pages 2m: %lu pages of 2 MB and %lu of 1 GB are "
		        "free; wanted are some, and none of 1 GB (they would be taken first): see "
		        "/sys/kernel/mm/hugepages\n", small, large);
		return false;
	}
	if (pages == PAGES_1G && large == 0) {
		fputs("millrace-bench: --pages 1g: no page of 1 GB is free: write their number to "
		      "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages, best at boot\n",
		      stderr);
		return false;
	}
	return true;
}

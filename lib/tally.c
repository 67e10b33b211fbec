/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of flows that have carried more than their own counters hold. */
#include "tally.h"

enum { PAIR_LOAD = 14 };

static uint32_t
lines_for(uint32_t flows)
{
	return flows / TALLY_ONE_OF + TALLY_LEAST;
}

size_t
tally_memsize(uint32_t flows)
{
	uint32_t n = lines_for(flows);
	return index_size(index_buckets(n, PAIR_LOAD)) +
	       (n + (size_t)1) * sizeof(struct tally_line);
}

void
tally_init(struct tally *t, void *mem, uint32_t flows)
{
	uint32_t n = lines_for(flows), buckets = index_buckets(n, PAIR_LOAD);
	*t = (struct tally){.index = {mem, buckets}, .capacity = n,
	                    .size = tally_memsize(flows)};
	t->line = (struct tally_line *)(void *)((uint8_t *)mem + index_size(buckets));
	for (uint32_t i = n; i > 0; i--) {
		t->line[i].next = t->free;
		t->free = i;
	}
}

static uint64_t
hash_of(const struct flow *f)
{
	uint64_t x = ((uint64_t)(uintptr_t)f >> 6) * 0x9e3779b97f4a7c15u;
	return x ^ x >> 32;
}

/* The number of the flow's line; 0: it has none. */
static uint32_t
find(const struct tally *t, const struct flow *f)
{
	struct index_search s;
	uint32_t n = index_first(&s, t->index, hash_of(f));
	while (n != 0 && t->line[n].f != f)
		n = index_next(&s);
	return n;
}

/* A line for it. => 0: there is none. */
static uint32_t
add(struct tally *t, const struct flow *f)
{
	uint32_t n = t->free;
	if (n == 0 || !index_add(t->index, hash_of(f), n))
		return 0;
	t->free = t->line[n].next;
	t->line[n] = (struct tally_line){.f = f};
	t->used++;
	return n;
}

void
tally_take(struct tally *t, struct flow *f, unsigned dir)
{
	uint32_t n = find(t, f);
	uint64_t bytes = f->counts[dir];
	f->counts[dir] = 0;
	if (n == 0)
		n = add(t, f);
	if (n == 0) {
		t->lost++;
		return;
	}
	t->line[n].packets[dir] += (uint64_t)1 << (64 - FLOW_BYTES_BITS);
	t->line[n].bytes[dir] += bytes;
}

void
tally_uncount(struct tally *t, struct flow *f, unsigned dir, uint32_t bytes)
{
	uint32_t n;
	if (flow_packets(f, dir) != 0) {
		f->counts[dir] -= ((uint64_t)1 << FLOW_BYTES_BITS) + bytes;
	} else if ((n = find(t, f)) != 0) { /* it was the one that ran over */
		t->line[n].packets[dir]--;
		t->line[n].bytes[dir] -= bytes;
	}
}

void
tally_add(const struct tally *t, const struct flow *at, struct flow_totals *sum)
{
	uint32_t n = find(t, at);
	for (unsigned d = 0; n != 0 && d < 2; d++) {
		sum->packets[d] += t->line[n].packets[d];
		sum->bytes[d] += t->line[n].bytes[d];
	}
}

void
tally_drop(struct tally *t, const struct flow *f)
{
	uint32_t n = find(t, f);
	if (n == 0)
		return;
	index_del(t->index, hash_of(f), n);
	t->line[n] = (struct tally_line){.next = t->free};
	t->free = n;
	t->used--;
}

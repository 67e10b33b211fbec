/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles to nanoseconds, along a line that is adjusted without a jump. */
#include "clock.h"

static const uint64_t second_ns = 1000000000;

static uint64_t
slope_of(uint64_t hz)
{
	return (uint64_t)(((unsigned __int128)second_ns << CLOCK_SHIFT) / hz);
}

static uint64_t
along(uint64_t from, uint64_t cycles, uint64_t slope)
{
	return from + (uint64_t)(((unsigned __int128)cycles * slope) >> CLOCK_SHIFT);
}

void
clock_init(struct clock_line *c, uint64_t hz, uint64_t cycles, uint64_t real_ns)
{
	atomic_init(&c->sequence, 0);
	atomic_init(&c->cycles, cycles);
	atomic_init(&c->ns, real_ns);
	atomic_init(&c->slope, slope_of(hz));
	c->hz = hz;
}

uint64_t
clock_at(const struct clock_line *c, uint64_t cycles)
{
	for (;;) {
		uint32_t before = atomic_load_explicit(&c->sequence, memory_order_acquire);
		uint64_t base = atomic_load_explicit(&c->cycles, memory_order_relaxed);
		uint64_t ns = atomic_load_explicit(&c->ns, memory_order_relaxed);
		uint64_t slope = atomic_load_explicit(&c->slope, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		uint32_t after = atomic_load_explicit(&c->sequence, memory_order_relaxed);
		if (before == after && (before & 1) == 0)
			return cycles > base ? along(ns, cycles - base, slope) : ns;
	}
}

void
clock_sync(struct clock_line *c, uint64_t cycles, uint64_t real_ns)
{
	uint64_t ns = clock_at(c, cycles), nominal = slope_of(c->hz);
	int64_t behind = (int64_t)(real_ns - ns);
	const int64_t most = (int64_t)(second_ns / 1000000 * CLOCK_SLEW);
	if (behind > most)
		behind = most;
	if (behind < -most)
		behind = -most;
	int64_t change = (int64_t)((__int128)nominal * behind / (int64_t)second_ns);
	uint32_t sequence = atomic_load_explicit(&c->sequence, memory_order_relaxed);
	atomic_store_explicit(&c->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&c->cycles, cycles, memory_order_relaxed);
	atomic_store_explicit(&c->ns, ns, memory_order_relaxed);
	atomic_store_explicit(&c->slope, (uint64_t)((int64_t)nominal + change),
	                      memory_order_relaxed);
	atomic_store_explicit(&c->sequence, sequence + 2, memory_order_release);
}

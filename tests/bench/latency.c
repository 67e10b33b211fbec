/* SPDX-License-Identifier: Apache-2.0 */
/* How long a packet is in the worker: from the device's receive to its transmit function. */
#include <stdlib.h>

#include <rte_cycles.h>

#include "cases.h"

enum { SAMPLES = 1 << 20 };

struct meter {
	uint64_t since;       /* when the burst in work was received */
	uint32_t *ticks;      /* of each packet */
	uint32_t n;
};

static struct meter meter;
static struct dev_ops timed_ops;
static const struct dev_ops *plain_ops;

static uint16_t
timed_rx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	meter.since = rte_rdtsc();
	return plain_ops->rx(d, queue, bufs, n);
}

static uint16_t
timed_tx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	uint64_t now = rte_rdtsc();
	for (unsigned i = 0; i < n && meter.n < SAMPLES; i++)
		meter.ticks[meter.n++] = (uint32_t)(now - meter.since);
	return plain_ops->tx(d, queue, bufs, n);
}

static int
tick_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static double
quantile(const struct bench *b, double q)
{
	uint32_t i = (uint32_t)(q * (meter.n - 1));
	return meter.ticks[i] * b->tick_ns;
}

/* The empty loop: the same number of looks at the clock, each as long after the last as a burst
 * takes; what is more than that is the machine's own. */
static void
idle_measure(struct bench *b, uint32_t target)
{
	uint64_t last = rte_rdtsc();
	for (meter.n = 0; meter.n < SAMPLES; last = rte_rdtsc()) {
		while (rte_rdtsc() - last < target)
			;
		meter.ticks[meter.n++] = (uint32_t)(rte_rdtsc() - last) - target;
	}
	qsort(meter.ticks, meter.n, sizeof(uint32_t), tick_order);
}

static void
offer(struct bench *b)
{
	unsigned burst = 1 + (unsigned)(bench_random(&b->rnd) % BURST);
	for (unsigned k = 0; k < burst; k++)
		bench_put_hit(b, k);
	rig_run(b->rig, 0);
}

void
case_latency(struct bench *b, struct result *out)
{
	meter = (struct meter){.ticks = malloc(SAMPLES * sizeof(uint32_t))};
	if (meter.ticks == NULL) {
		out->failed = true;
		return;
	}
	plain_ops = b->rig->plane.devs[0].ops;
	timed_ops = *plain_ops;
	timed_ops.rx = timed_rx;
	timed_ops.tx = timed_tx;
	for (unsigned d = 0; d < RIG_DEVS; d++)
		b->rig->plane.devs[d].ops = &timed_ops;
	while (meter.n < SAMPLES)
		offer(b);
	for (unsigned d = 0; d < RIG_DEVS; d++)
		b->rig->plane.devs[d].ops = plain_ops;
	qsort(meter.ticks, meter.n, sizeof(uint32_t), tick_order);
	uint32_t median = meter.ticks[meter.n / 2];
	out->p50_ns = quantile(b, 0.5);
	out->p99_ns = quantile(b, 0.99);
	out->p999_ns = quantile(b, 0.999);
	out->p9999_ns = quantile(b, 0.9999);
	out->max_ns = quantile(b, 1);
	out->ns = out->p50_ns;
	out->ns_min = quantile(b, 0);
	idle_measure(b, median);
	out->idle_p999_ns = quantile(b, 0.999);
	out->idle_max_ns = quantile(b, 1);
	free(meter.ticks);
}

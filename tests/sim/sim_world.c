/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the simulated NICs: documents, turns, packets that are sent back. */
#include "sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "ctl/config/config.h"
#include "lib/mem.h"
#include "tests/test.h"

enum { BUFFERS = 57000, WARM_TURNS = 4, TURN_NS = 1000 };

static const uint8_t peer[6] = {0x52, 0x54, 0, 0, 0, 0x77};

void
sim_text(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, SIM_JSON - used, format, args);
	va_end(args);
}

static void
usual_nics(const struct sim_world *w, char *text)
{
	sim_text(text, "\"nics\": ["
	         "{\"name\": \"inside\", \"device\": \"%s\", \"addresses\": [\"10.255.0.1/24\"]}, "
	         "{\"name\": \"outside\", \"device\": \"%s\", \"addresses\": [\"198.51.100.2/24\", "
	         "\"2001:db8:1::2/64\"]}, {\"name\": \"farm\", \"device\": \"%s\", \"addresses\": "
	         "[\"10.1.0.1/16\", \"2001:db8:f::1/64\"]}], \"routes\": ["
	         "{\"prefix\": \"0.0.0.0/0\", \"via\": \"198.51.100.1\"}, "
	         "{\"prefix\": \"::/0\", \"via\": \"2001:db8:1::1\"}, "
	         "{\"prefix\": \"100.64.0.0/10\", \"via\": \"10.255.0.2\"}]",
	         w->nic[SIM_INSIDE]->name, w->nic[SIM_OUTSIDE]->name, w->nic[SIM_FARM]->name);
}

static void *
compile(struct sim_world *w, unsigned flows, uint64_t generation, size_t *size)
{
	static char json[2 * SIM_JSON], nics[SIM_JSON];
	char cores[256] = "0";
	struct config_errors errs = {0};
	for (unsigned i = 1; i < w->workers; i++)
		snprintf(cores + strlen(cores), sizeof(cores) - strlen(cores), ",%u", i);
	nics[0] = '\0';
	w->nics(w, nics);
	snprintf(json, sizeof(json),
	         "{\"workers\": {\"count\": %u, \"main_core\": 0, \"cores\": [%s], "
	         "\"buffers\": %d, \"flows\": {\"ipv4\": %u, \"ipv6\": %u}}, %s, %s}",
	         w->workers, cores, BUFFERS, flows, flows, nics, w->policy);
	json_t *doc = config_parse(json, strlen(json), &errs);
	void *image = doc == NULL ? NULL : config_compile(doc, w->image, generation, size, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		printf("%s: %s\n", errs.e[i].path, errs.e[i].message);
	json_decref(doc);
	return image;
}

void
sim_world_open(struct sim_world *w, const struct sim_model *const model[SIM_DEVICES],
               unsigned workers, unsigned flows, const char *policy)
{
	sim_world_open_on(w, model, workers, flows, policy, usual_nics);
}

void
sim_world_open_on(struct sim_world *w, const struct sim_model *const model[SIM_DEVICES],
                  unsigned workers, unsigned flows, const char *policy,
                  void (*nics)(const struct sim_world *w, char *text))
{
	char err[256] = "";
	int status;
	memset(w, 0, sizeof(*w));
	mem_use_huge(0);
	w->workers = workers;
	w->nics = nics;
	w->now = 1700000000000000000u;
	snprintf(w->policy, sizeof(w->policy), "%s", policy);
	for (unsigned i = 0; i < SIM_DEVICES; i++) {
		w->nic[i] = sim_nic_create(model[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w->nic[i]);
	}
	w->image = compile(w, flows, 1, &w->image_size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->image);
	w->devices = devices_open(&w->plane, w->image, BUFFERS / SIM_DEVICES, &status, err,
	                          sizeof(err));
	if (w->devices == NULL)
		printf("devices_open: %s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->devices);
	w->plane.derive_mac = 1;
	status = plane_open(&w->plane, w->image, 7, false, w->now, err, sizeof(err));
	if (status != 0)
		printf("plane_open: %s\n", err);
	CU_ASSERT_EQUAL_FATAL(status, 0);
	devices_follow(w->devices, w->plane.gen);
}

void
sim_world_close(struct sim_world *w)
{
	plane_close(&w->plane);
	devices_close(w->devices);
	for (unsigned i = 0; i < SIM_DEVICES; i++) {
		CU_ASSERT_EQUAL(w->nic[i]->n_rules, 0);
		CU_ASSERT_EQUAL(w->nic[i]->ambiguous, 0);
		sim_nic_destroy(w->nic[i]);
	}
	free(w->image);
}

void
sim_world_turn(struct sim_world *w)
{
	uint32_t work = 1;
	for (unsigned turns = 0; work != 0 || turns < WARM_TURNS; turns++) {
		work = 0;
		w->now += TURN_NS;
		for (unsigned i = 0; i < w->plane.n_workers; i++)
			if ((w->asleep >> i & 1) == 0)
				work += worker_poll(w->plane.worker[i], w->now);
		work += plane_poll(&w->plane, w->now);
	}
}

void
sim_world_apply(struct sim_world *w, unsigned flows, const char *policy)
{
	sim_world_change(w, flows, policy);
	sim_world_turn(w);
}

void
sim_world_change(struct sim_world *w, unsigned flows, const char *policy)
{
	char err[256] = "";
	size_t size;
	snprintf(w->policy, sizeof(w->policy), "%s", policy);
	void *image = compile(w, flows, w->plane.gen->number + 1, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	int status = plane_apply(&w->plane, image, size, w->now, err, sizeof(err));
	if (status != 0)
		printf("plane_apply: %s\n", err);
	CU_ASSERT_EQUAL_FATAL(status, 0);
	devices_follow(w->devices, w->plane.gen);
	free(w->image);
	w->image = image;
}

static void
put(struct sim_world *w, unsigned dev, struct rte_mbuf *m)
{
	if (sim_nic_put(w->nic[dev], m))
		return;
	rte_pktmbuf_free(m);
	w->lost++;
}

static void
swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];
	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* A frame becomes its answer: addresses, ports and MAC addresses change sides; sums stay right. */
static void
answer(struct rte_mbuf *m)
{
	uint8_t *d = rte_pktmbuf_mtod(m, uint8_t *), *ip = d + (d[12] == 0x81 ? 18 : 14);
	bool v4 = ip[0] >> 4 == 4;
	uint8_t *l4 = ip + (v4 ? 20 : 40);
	swap(d, d + 6, 6);
	swap(ip + (v4 ? 12 : 8), ip + (v4 ? 16 : 24), v4 ? 4 : 16);
	swap(l4, l4 + 2, 2);
}

unsigned
sim_world_bounce(struct sim_world *w, unsigned dev)
{
	static struct rte_mbuf *m[SIM_BATCH * 2];
	unsigned n = sim_nic_take(w->nic[dev], m, SIM_BATCH * 2);
	for (unsigned i = 0; i < n; i++) {
		answer(m[i]);
		put(w, dev, m[i]);
	}
	sim_world_turn(w);
	return n;
}

unsigned
sim_world_drain(struct sim_world *w, unsigned dev)
{
	static struct rte_mbuf *m[SIM_BATCH * 2];
	unsigned n = sim_nic_take(w->nic[dev], m, SIM_BATCH * 2);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

void
sim_world_put(struct sim_world *w, unsigned dev, const uint8_t *frame, size_t size)
{
	struct dev *d = &w->plane.devs[dev];
	struct rte_mbuf *m = d->ops->alloc(d);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame, size);
	m->data_len = (uint16_t)size;
	m->pkt_len = m->data_len;
	put(w, dev, m);
}

void
sim_world_send(struct sim_world *w, const struct sim_kind *k, unsigned i)
{
	struct frame f = {.ttl = 64};
	uint8_t bytes[FRAME_MAX];
	memcpy(f.dmac, w->plane.devs[k->in].mac, 6);
	memcpy(f.smac, peer, 6);
	k->first(&f, i);
	sim_world_put(w, k->in, bytes, frame_make(bytes, &f));
}

uint64_t
sim_world_flows(struct sim_world *w, const struct sim_kind *k, unsigned first, unsigned end,
                unsigned bounces)
{
	uint64_t out = 0;
	for (unsigned base = first; base < end; base += SIM_BATCH) {
		unsigned last = base + SIM_BATCH < end ? base + SIM_BATCH : end;
		for (unsigned i = base; i < last; i++)
			sim_world_send(w, k, i);
		sim_world_turn(w);
		for (unsigned b = 0; b < bounces; b++)
			out += sim_world_bounce(w, b % 2 == 0 ? k->out : k->in);
		out += sim_world_drain(w, bounces % 2 == 0 ? k->out : k->in);
	}
	return out;
}

unsigned
sim_world_buffers(const struct sim_world *w, unsigned dev)
{
	return rte_mempool_in_use_count(w->plane.devs[dev].ctx);
}

static const struct stats *
worker_stats(const struct sim_world *w, unsigned i)
{
	return stats_context(w->plane.shared.stats, 1 + i);
}

uint64_t
sim_world_moves(const struct sim_world *w)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w->workers; i++)
		n += worker_stats(w, i)->handed_off;
	return n;
}

uint64_t
sim_world_handoffs(const struct sim_world *w)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w->workers; i++)
		n += worker_stats(w, i)->handed_off - worker_stats(w, i)->handoff[HANDOFF_PUNT];
	return n;
}

uint64_t
sim_world_cause(const struct sim_world *w, unsigned cause)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w->workers; i++)
		n += worker_stats(w, i)->handoff[cause];
	return n;
}

uint64_t
sim_world_drops(const struct sim_world *w)
{
	uint64_t n = w->lost;
	for (unsigned i = 0; i <= w->workers; i++)
		for (unsigned d = 0; d < DROP_MAX; d++)
			n += stats_context(w->plane.shared.stats, i)->dropped[d];
	return n;
}

uint64_t
sim_world_live(const struct sim_world *w)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w->workers; i++)
		n += worker_stats(w, i)->flows_v4 + worker_stats(w, i)->flows_v6;
	return n;
}

uint64_t
sim_world_opened(const struct sim_world *w)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w->workers; i++)
		n += worker_stats(w, i)->flows_opened;
	return n;
}

double
sim_world_spread(const struct sim_world *w)
{
	uint64_t most = 0;
	for (unsigned i = 0; i < w->workers; i++) {
		const struct stats *s = worker_stats(w, i);
		uint64_t n = s->flows_v4 + s->flows_v6;
		most = n > most ? n : most;
	}
	return (double)most * w->workers / (double)sim_world_live(w);
}

int
sim_main(const char *name, const struct test_case *cases, size_t n)
{
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "--file-prefix=mr_%s_%d", name, getpid());
	char *argv[] = {"sim", "--no-huge", "--no-shconf", "-m", "512", "--no-pci",
	                "--no-telemetry", "--log-level=error", "--iova-mode=va", "--lcores=0",
	                prefix, NULL};
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0) {
		printf("EAL does not start\n");
		return 77;
	}
	int failed = test_main(name, cases, n);
	rte_eal_cleanup();
	return failed;
}

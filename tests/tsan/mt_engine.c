/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine on several threads, for ThreadSanitizer (and as a plain test): three workers, and the
 * main thread with the slow path, new generations and listings. Frames arrive on queues at random,
 * so most change workers; what leaves is answered. At the end every packet is accounted for.
 * MR_NO_LISTS leaves out the listings, whose reads are meant to race.
 */
#include <pthread.h>

#include "tests/plane_world.h"
#include "tests/test.h"

enum {
	WORKERS = 3, BUFFERS = 4096, RING = 2048, STEPS = 600, FEW = 5, EACH = 24, SUBSCRIBERS = 60,
	APPLY_EVERY = 40, LIST_EVERY = 25, SETTLE = 1000, ROOM = 512,
};

/* A device of rings, whose pool is a ring too: any thread may alloc and free. */
struct ring_dev {
	struct rte_ring *rx[WORKERS], *tx[WORKERS];
};

static struct rte_ring *pool;
static uint8_t *buffers;
static const size_t stride = sizeof(struct rte_mbuf) + BUF_HEADROOM + ROOM;

static struct rte_ring *
ring_new(unsigned size)
{
	ssize_t bytes = rte_ring_get_memsize(size);
	struct rte_ring *r = aligned_alloc(64, ((size_t)bytes + 63) / 64 * 64);
	CU_ASSERT_EQUAL_FATAL(rte_ring_init(r, "test", size, 0), 0);
	return r;
}

static uint16_t
dev_rx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	struct ring_dev *r = d->ctx;
	return (uint16_t)rte_ring_dequeue_burst(r->rx[queue], (void **)bufs, n, NULL);
}

static uint16_t
dev_tx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	struct ring_dev *r = d->ctx;
	return (uint16_t)rte_ring_enqueue_burst(r->tx[queue], (void **)bufs, n, NULL);
}

static struct rte_mbuf *
dev_alloc(struct dev *d)
{
	void *p;
	if (rte_ring_dequeue(pool, &p) != 0)
		return NULL;
	struct rte_mbuf *m = p;
	memset(m, 0, sizeof(*m));
	m->buf_addr = m + 1;
	m->buf_len = BUF_HEADROOM + ROOM;
	m->data_off = BUF_HEADROOM;
	m->refcnt = 1;
	m->nb_segs = 1;
	m->port = d->id;
	return m;
}

static void
dev_free(struct rte_mbuf **bufs, uint16_t n)
{
	CU_ASSERT_EQUAL(rte_ring_enqueue_bulk(pool, (void **)bufs, n, NULL), n);
}

static void
devices_make(struct plane *p, struct ring_dev rings[2])
{
	static const struct dev_ops ops = {dev_rx, dev_tx, dev_alloc, dev_free};
	pool = ring_new(2 * BUFFERS);
	buffers = aligned_alloc(64, stride * BUFFERS);
	for (unsigned i = 0; i < BUFFERS; i++)
		rte_ring_enqueue(pool, buffers + i * stride);
	p->n_devs = 2;
	for (uint16_t i = 0; i < 2; i++) {
		for (unsigned q = 0; q < WORKERS; q++) {
			rings[i].rx[q] = ring_new(RING);
			rings[i].tx[q] = ring_new(RING);
		}
		p->devs[i] = (struct dev){
			.ops = &ops, .ctx = &rings[i], .id = i, .port_id = i, .rx_queues = WORKERS,
			.tx_queues = WORKERS, .mtu_max = 1500,
			.mac = {2, 0, 0, 0, 0, (uint8_t)(i + 1)},
			.mac_filter = 1, .link_up = 1, .name = "rings"};
		atomic_store(&p->devs[i].steered, 0xff); /* so that the watch is at work, too */
	}
}

#define DOCUMENT(pool, backends) "{\"workers\": {\"count\": 3, \"main_core\": 0, " \
	"\"cores\": [0, 1, 2], \"buffers\": 4096, \"flows\": {\"ipv4\": 20000, \"ipv6\": 2000}}," \
	WORLD_NICS "," WORLD_ROUTES ",\"nat\": {\"pools\": [{\"name\": \"public\", " \
	"\"addresses\": [" pool "], \"block_size\": 64}], \"rules\": [{\"name\": \"homes\", " \
	"\"nic\": \"inside\", \"source\": \"100.64.0.0/10\", \"pool\": \"public\"}]}, " \
	"\"lb\": {\"services\": [{\"name\": \"web\", \"address\": \"192.0.2.10\", " \
	"\"port\": 80, \"protocol\": \"udp\", \"backends\": [" backends "]}]}}"

static const char *const documents[] = {
	DOCUMENT("\"203.0.113.0/28\"", "{\"address\": \"10.0.0.11\"}"),
	DOCUMENT("\"203.0.113.0/28\", \"203.0.112.0/28\"",
	         "{\"address\": \"10.0.0.11\"}, {\"address\": \"10.0.0.12\"}"),
};

static struct world w;
static _Atomic uint64_t now;
static _Atomic int stop;
static uint64_t rng = 4711;

static void *
worker_thread(void *arg)
{
	struct worker *worker = arg;
	while (atomic_load(&stop) == 0)
		worker_poll(worker, atomic_load(&now));
	return NULL;
}

static void
arrive(unsigned dev, const struct frame *f)
{
	struct ring_dev *r = w.plane.devs[dev].ctx;
	struct rte_mbuf *m = dev_alloc(&w.plane.devs[dev]);
	if (m == NULL)
		return; /* all are under way */
	memcpy(buf_data(m), f->d, f->size);
	m->data_len = (uint16_t)f->size;
	m->pkt_len = f->size;
	if (rte_ring_enqueue(r->rx[test_random(&rng) % WORKERS], m) != 0)
		dev_free(&m, 1);
}

static void
swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];
	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* IPv4 UDP that left is answered, once in two times; everything goes back to the pool. */
static unsigned
take(unsigned dev)
{
	struct ring_dev *r = w.plane.devs[dev].ctx;
	struct frame f;
	void *p;
	unsigned n = 0;
	for (unsigned q = 0; q < WORKERS; q++) {
		while (rte_ring_dequeue(r->tx[q], &p) == 0) {
			struct rte_mbuf *m = p;
			f.size = m->data_len;
			memcpy(f.d, buf_data(m), f.size);
			dev_free(&m, 1);
			n++;
			uint8_t *ip = frame_l3(&f);
			if (ip[0] != 0x45 || ip[9] != 17 || test_random(&rng) % 2 == 0)
				continue;
			swap(f.d, f.d + 6, 6);
			swap(ip + 12, ip + 16, 4);
			swap(ip + 20, ip + 22, 2);
			arrive(dev, &f);
		}
	}
	return n;
}

static void
traffic(void)
{
	struct frame f;
	char src[32];
	unsigned i = (unsigned)(test_random(&rng) % SUBSCRIBERS);
	unsigned port = 1024 + (unsigned)(test_random(&rng) % 20);
	if (i % 3 != 0) {
		snprintf(src, sizeof(src), "100.64.1.%u", i + 1);
		frame_udp(&f, &w, INSIDE, src, i % 7 == 0 ? "192.0.2.10" : "8.8.8.8", port, 80);
		arrive(0, &f);
	} else {
		snprintf(src, sizeof(src), "9.9.9.%u", i + 1);
		frame_udp(&f, &w, OUTSIDE, src, i % 2 ? "192.0.2.10" : "203.0.113.3", port, 80);
		arrive(1, &f);
	}
}

static void
list(uint32_t kind)
{
	static uint8_t out[COMMAND_REPLY_MAX];
	struct command c = {.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = kind,
	                    .limit = 100};
	struct reply reply;
	plane_command(&w.plane, &c, w.now, &reply, out, sizeof(out));
	CU_ASSERT_EQUAL(reply.status, 0);
}

static unsigned
step(unsigned i)
{
	static unsigned applied;
	for (unsigned k = 0; k < EACH; k++)
		traffic();
	w.now += 2000000;
	atomic_store(&now, w.now);
	plane_poll(&w.plane, w.now);
	take(0);
	take(1);
	if (i % APPLY_EVERY == APPLY_EVERY - 1)
		applied += world_apply(&w, documents[i / APPLY_EVERY % 2 == 0]) == 0;
	if (i % LIST_EVERY == 0 && getenv("MR_NO_LISTS") == NULL) {
		list(CMD_FLOWS);
		list(CMD_MAPPINGS);
		list(CMD_SUBSCRIBERS);
		list(CMD_POOLS);
		list(CMD_NEIGHBOURS);
	}
	return applied;
}

static uint64_t
sum(size_t offset)
{
	uint64_t n = 0, v;
	for (unsigned i = 0; i <= WORKERS; i++) {
		memcpy(&v, (uint8_t *)stats_context(w.plane.shared.stats, i) + offset, sizeof(v));
		n += v;
	}
	return n;
}
#define SUM(field) sum(offsetof(struct stats, field))

/* The threads end; what is under way ends by this one's hand. */
static void
settle(pthread_t threads[WORKERS])
{
	uint32_t work = 1;
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned turn = 0; turn < SETTLE && work != 0; turn++) {
		work = plane_poll(&w.plane, w.now);
		for (unsigned i = 0; i < WORKERS; i++)
			work += worker_poll(w.plane.worker[i], w.now);
	}
	CU_ASSERT_EQUAL(work, 0);
}

static void
open_plane(struct ring_dev rings[2])
{
	memset(&w, 0, sizeof(w));
	mem_use_huge(0);
	w.now = WORLD_START;
	atomic_store(&now, w.now);
	devices_make(&w.plane, rings);
	w.plane.derive_mac = 1;
	w.image = world_compile(documents[0], NULL, 1, &w.image_size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w.image);
	CU_ASSERT_EQUAL_FATAL(plane_open(&w.plane, w.image, 7, false, w.now, w.err, sizeof(w.err)),
	                      0);
}

static void
close_plane(struct ring_dev rings[2])
{
	while (take(0) + take(1) != 0)
		continue;
	for (unsigned d = 0; d < 2; d++) {
		for (unsigned q = 0; q < WORKERS; q++) {
			void *p;
			while (rte_ring_dequeue(rings[d].rx[q], &p) == 0)
				rte_ring_enqueue(pool, p);
		}
	}
	plane_close(&w.plane);
	CU_ASSERT_EQUAL(rte_ring_count(pool), BUFFERS);
	for (unsigned d = 0; d < 2; d++) {
		for (unsigned q = 0; q < WORKERS; q++) {
			free(rings[d].rx[q]);
			free(rings[d].tx[q]);
		}
	}
	free(pool);
	free(buffers);
	free(w.image);
}

static void
several_threads(void)
{
	static struct ring_dev rings[2];
	pthread_t threads[WORKERS];
	unsigned applied = 0;
	open_plane(rings);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, worker_thread, w.plane.worker[i]);
	/* Where workers get no time, generations wait for them: longer then. */
	for (unsigned i = 0; i < STEPS || (applied <= FEW && i < STEPS * 100); i++)
		applied = step(i);
	settle(threads);
	world_check_identity(&w);
	CU_ASSERT(applied > FEW);
	CU_ASSERT(SUM(flows_opened) > 100 && SUM(handoff[HANDOFF_HOME]) > 1000);
	CU_ASSERT(SUM(forwarded) > 1000);
	printf("%llu received, %llu forwarded, %llu handed to their home, %llu flows, "
	       "%u generations\n", (unsigned long long)SUM(received),
	       (unsigned long long)SUM(forwarded), (unsigned long long)SUM(handoff[HANDOFF_HOME]),
	       (unsigned long long)SUM(flows_opened), applied);
	close_plane(rings);
}

static const struct test_case cases[] = {{"several threads", several_threads}};
TEST_MAIN("mt_engine", cases)

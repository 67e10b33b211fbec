/* SPDX-License-Identifier: Apache-2.0 */
/* A data plane without its threads: opened, given generations, turned, closed. */
#include "plane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/say.h"
#include "memory.h"
#include "plane_image.h"
#include "slow.h"

enum { MAX_NODES = 8 };

/* The NUMA node of a CPU, or -1. */
static int
node_of_core(uint16_t core)
{
	char path[64];
	for (int node = 0; node < MAX_NODES; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%d", core, node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return -1;
}

static struct rte_ring *
ring_create(const char *name, unsigned flags, int node)
{
	ssize_t size = rte_ring_get_memsize(RING_SIZE);
	struct rte_ring *r = size > 0 ? mem_alloc((size_t)size, node) : NULL;
	if (r != NULL && rte_ring_init(r, name, RING_SIZE, flags) != 0) {
		mem_free(r, (size_t)size);
		return NULL;
	}
	return r;
}

/* Buffers that nobody will take any more go back first. */
static void
ring_destroy(struct plane *p, struct rte_ring *r)
{
	void *m;
	if (r == NULL)
		return;
	while (rte_ring_sc_dequeue(r, &m) == 0) {
		struct rte_mbuf *buf = m;
		p->devs[buf->port < p->n_devs ? buf->port : 0].ops->free(&buf, 1);
	}
	mem_free(r, (size_t)rte_ring_get_memsize(RING_SIZE));
}

static int
rings_open(struct plane *p, const struct img_plane *plane)
{
	char name[16];
	p->shared.punt = ring_create("punt", RING_F_SC_DEQ, node_of_core(plane->main_core));
	for (unsigned i = 0; i < p->n_workers; i++) {
		snprintf(name, sizeof(name), "in%u", i);
		p->shared.in[i] = ring_create(name, RING_F_SC_DEQ, node_of_core(plane->core[i]));
		if (p->shared.in[i] == NULL)
			return -ENOMEM;
	}
	return p->shared.punt != NULL ? 0 : -ENOMEM;
}

/* Workers register themselves. */
static int
qsbr_open(struct plane *p)
{
	p->shared.qsbr = mem_alloc(rte_rcu_qsbr_get_memsize(p->n_workers), -1);
	if (p->shared.qsbr == NULL || rte_rcu_qsbr_init(p->shared.qsbr, p->n_workers) != 0)
		return -ENOMEM;
	return 0;
}

static int
nexthops_open(struct plane *p)
{
	void *mem = mem_alloc(nexthop_memsize(), -1);
	if (mem == NULL)
		return -ENOMEM;
	nexthop_init(&p->shared.nexthops, mem);
	return 0;
}

/* Memory of our own, or of a memfd that cannot change its size. */
static void *
segment_open(const char *name, size_t size, bool share, int *fd)
{
	*fd = -1;
	if (!share)
		return mem_alloc(size, -1);
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)size) != 0 ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		return NULL;
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	return m != MAP_FAILED ? m : NULL;
}

static void
segment_close(void *m, size_t size, int *fd)
{
	if (*fd < 0) {
		mem_free(m, m != NULL ? size : 0);
		return;
	}
	if (m != NULL)
		munmap(m, size);
	close(*fd);
	*fd = -1;
}

static int
segments_open(struct plane *p, bool share, uint64_t now_ns)
{
	uint32_t contexts = 1u + p->n_workers;
	p->shared.stats = segment_open("millrace-stats", stats_segment_size(contexts), share,
	                               &p->stats_fd);
	p->shared.records = segment_open("millrace-records", record_segment_size(p->n_workers),
	                                 share, &p->records_fd);
	if (p->shared.stats == NULL || p->shared.records == NULL)
		return -ENOMEM;
	stats_segment_init(p->shared.stats, contexts);
	p->shared.stats->pid = share ? (uint64_t)getpid() : 0;
	p->shared.stats->start_time_ns = now_ns;
	record_segment_init(p->shared.records, p->n_workers);
	return 0;
}

static int
policies_open(struct plane *p, struct worker *w, const struct img_plane *plane, int node)
{
	struct policy_env env = {
		.worker = w->id, .n_workers = p->n_workers, .plane = plane,
		.stats = stats_context(p->shared.stats, 1u + w->id),
		.backends = stats_backends(p->shared.stats, 1u + w->id),
		.records = &p->shared.records->ring[w->id],
		.cookies = &w->cookies, .tally = &w->tally, .say = say, .whose = w,
		.seed = p->shared.seed + w->id, .node = node,
	};
	for (unsigned i = 0; i < PLANE_POLICIES; i++) {
		void *state = plane_policies[i].create(&env);
		if (state == NULL)
			return -ENOMEM;
		if (worker_policy_add(w, plane_policies[i].ops, state) != (int)i)
			return -EINVAL;
	}
	return 0;
}

static int
workers_open(struct plane *p, const struct img_plane *plane, bool pinned)
{
	for (uint16_t i = 0; i < p->n_workers; i++) {
		int node = pinned ? node_of_core(plane->core[i]) : -1;
		p->worker[i] = worker_create(&p->shared, i, plane, node);
		if (p->worker[i] == NULL)
			return -ENOMEM;
		int r = policies_open(p, p->worker[i], plane, node);
		if (r != 0)
			return r;
	}
	return 0;
}

static void
publish(struct plane *p, struct generation *g, uint64_t now_ns)
{
	slow_reload(p->slow, g, now_ns);
	p->gen = g;
	atomic_store_explicit(&p->shared.gen, g, memory_order_release);
}

static int
tables_open(struct plane *p, const struct image_header *first, bool share, uint64_t now_ns)
{
	uint32_t n;
	const struct img_plane *plane = image_rows(first, IMG_PLANE, &n);
	int r = rings_open(p, plane);
	r = r != 0 ? r : qsbr_open(p);
	r = r != 0 ? r : nexthops_open(p);
	r = r != 0 ? r : segments_open(p, share, now_ns);
	r = r != 0 ? r : workers_open(p, plane, share);
	if (r == 0)
		p->slow = slow_create(&p->shared, p->derive_mac);
	return r != 0 ? r : p->slow != NULL ? 0 : -ENOMEM;
}

int
plane_open(struct plane *p, const struct image_header *first, uint64_t seed, bool share,
           uint64_t now_ns, char *err, size_t err_size)
{
	uint32_t n;
	p->stats_fd = p->records_fd = -1;
	int r = plane_image_check(first, first->size, err, err_size);
	if (r != 0)
		return r;
	p->n_workers = ((const struct img_plane *)image_rows(first, IMG_PLANE, &n))->workers;
	p->shared.devs = p->devs;
	p->shared.n_devs = p->n_devs;
	p->shared.n_workers = p->n_workers;
	p->shared.seed = seed;
	r = tables_open(p, first, share, now_ns);
	if (r != 0)
		snprintf(err, err_size,
		         "no memory for tables of this size (workers.flows, nat.capacity): %s; "
		         "each has to fit the free huge pages or the free ordinary memory",
		         strerror(-r));
	struct generation *g = r != 0 ? NULL :
		plane_generation_create(first, p->devs, p->n_devs, NULL, err, err_size);
	if (g == NULL) {
		plane_close(p);
		return r != 0 ? r : -ENOMEM;
	}
	publish(p, g, now_ns);
	return 0;
}

static void
worker_close(struct worker *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->n_policies; i++)
		plane_policies[i].destroy(w->policy[i].state);
	worker_destroy(w);
}

void
plane_close(struct plane *p)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		worker_close(p->worker[i]);
	slow_destroy(p->slow);
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		ring_destroy(p, p->shared.in[i]);
	ring_destroy(p, p->shared.punt);
	for (unsigned i = 0; i < p->n_retired; i++)
		plane_generation_destroy(p->retired[i].gen);
	if (p->gen != NULL)
		plane_generation_destroy(p->gen);
	mem_free(p->shared.nexthops.entry, nexthop_memsize());
	if (p->shared.qsbr != NULL)
		mem_free(p->shared.qsbr, rte_rcu_qsbr_get_memsize(p->n_workers));
	segment_close(p->shared.stats, stats_segment_size(1u + p->n_workers), &p->stats_fd);
	segment_close(p->shared.records, record_segment_size(p->n_workers), &p->records_fd);
	memset(p->worker, 0, sizeof(p->worker));
	p->shared = (struct shared){0};
	p->slow = NULL;
	p->gen = NULL;
	p->n_retired = 0;
}

/* Generations that no worker can see any more. => how many went. */
static uint32_t
retired_free(struct plane *p)
{
	unsigned n = 0;
	while (n < p->n_retired &&
	       rte_rcu_qsbr_check(p->shared.qsbr, p->retired[n].token, false) == 1)
		plane_generation_destroy(p->retired[n++].gen);
	p->n_retired -= n;
	memmove(p->retired, p->retired + n, p->n_retired * sizeof(p->retired[0]));
	return n;
}

int
plane_apply(struct plane *p, const void *image, size_t size, uint64_t now_ns, char *err,
            size_t err_size)
{
	retired_free(p);
	int r = plane_image_check(image, size, err, err_size);
	if (r == 0)
		r = plane_image_fits(p->gen->image, image, p->devs, p->n_devs, err, err_size);
	if (r != 0)
		return r;
	if (p->n_retired == MAX_RETIRED) {
		snprintf(err, err_size,
		         "the workers have not taken up the configurations before this one; "
		         "try again");
		return -EAGAIN;
	}
	uint32_t n;
	int growing = plane_grow_prepare(p, image_rows(image, IMG_PLANE, &n), err, err_size);
	if (growing < 0)
		return growing;
	struct generation *g = plane_generation_create(image, p->devs, p->n_devs, p->gen, err,
	                                               err_size);
	if (g == NULL && growing != 0)
		plane_grow_cancel(p);
	if (g == NULL)
		return -ENOMEM;
	if (growing != 0)
		plane_grow_offer(p);
	struct generation *old = p->gen;
	publish(p, g, now_ns);
	p->retired[p->n_retired].gen = old;
	p->retired[p->n_retired++].token = rte_rcu_qsbr_start(p->shared.qsbr);
	return 0;
}

uint32_t
plane_poll(struct plane *p, uint64_t now_ns)
{
	uint32_t work = p->n_retired != 0 ? retired_free(p) : 0;
	plane_grow_settle(p);
	return work + slow_poll(p->slow, now_ns);
}

uint64_t
plane_next_timer(const struct plane *p)
{
	return slow_next_timer(p->slow);
}

void
plane_missteered(const struct plane *p, uint16_t dev, uint64_t *missteered, uint64_t *mishashed)
{
	*missteered = *mishashed = 0;
	for (unsigned i = 1; i <= p->n_workers; i++) {
		const struct stats *s = stats_context(p->shared.stats, i);
		*missteered += s->missteered[dev];
		*mishashed += s->mishashed[dev];
	}
}

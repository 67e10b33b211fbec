/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A small balancer configuration for tests: six services of both families and modes,
 *            compiled to an image and a bare generation around it.
 * Layout     Rows of struct lb_world may be changed between world_rows and world_build.
 * Owner      One test program.
 */
#ifndef MR_LB_WORLD_H
#define MR_LB_WORLD_H

#include <arpa/inet.h>

#include "lb/lb.h"
#include "lb/lb_image.h"
#include "lb/lb_view.h"
#include "lb/lb_table.h"
#include "lb/maglev.h"
#include "lib/pkt.h"
#include "test.h"

enum { W_NAT, W_FULLNAT, W_UDP, W_EMPTY, W_NAT6, W_FULLNAT6, W_SERVICES };
enum { W_BACKENDS = 10, W_LOCALS = 3, W_TABLES = W_SERVICES };
enum { W_IDS = 1024 };
enum { W_PORT_FIRST = 1000, W_PORTS = 64 };

struct lb_world {
	struct img_plane plane;
	struct timer_set timers[2];
	struct img_lb_service service[W_SERVICES];
	struct img_lb_backend backend[W_BACKENDS];
	struct img_lb_local local[W_LOCALS];
	struct img_route route[W_SERVICES + W_LOCALS];
	uint16_t slots[W_TABLES * MAGLEV_SIZE];
	struct img_lb_way way[W_BACKENDS];
	uint32_t n_ways;
	const struct img_lb_quic *quic; /* n_quic of them */
	uint32_t n_quic;
	struct img_lb_asker asker[2];
	uint32_t n_askers;
	struct image_header *image;
	size_t size;
	struct generation *gen;
	struct stats stats;
	struct cookies cookies;
	struct stats_backend *counters; /* by id */
};

static inline union addr
world_addr(const char *text, uint8_t family)
{
	union addr a = {.q = {0, 0}};
	inet_pton(family == FAMILY_V4 ? AF_INET : AF_INET6, text, &a);
	return a;
}

static inline void
world_service(struct lb_world *w, unsigned row, const char *address, uint8_t family,
              uint8_t proto, uint16_t port, uint8_t mode)
{
	struct img_lb_service *s = &w->service[row];
	*s = (struct img_lb_service){.address = world_addr(address, family), .family = family,
		.proto = proto, .port = htons(port), .id = 100 + row, .slots = row, .mode = mode,
		.timers = 1, .plen = (uint8_t)addr_bits(family), .port_last = htons(port)};
	snprintf(s->name, sizeof(s->name), "service%u", row);
	w->route[row] = (struct img_route){.prefix = s->address, .family = family,
		.plen = (uint8_t)addr_bits(family), .kind = ROUTE_SERVICE};
}

/* world_backends: the next n backends, 10.1.S.1… or 2001:db8:1:S::1…, port 8000 + service. */
static inline void
world_backends(struct lb_world *w, unsigned row, uint32_t first, uint32_t n)
{
	struct img_lb_service *s = &w->service[row];
	s->first_backend = first;
	s->backends = n;
	for (uint32_t i = 0; i < n; i++) {
		char text[64];
		const char *format = s->family == FAMILY_V4 ? "10.1.%u.%u" : "2001:db8:1:%u::%u";
		snprintf(text, sizeof(text), format, row, i + 1);
		w->backend[first + i] = (struct img_lb_backend){.family = s->family,
			.address = world_addr(text, s->family),
			.port = htons((uint16_t)(8000 + row)), .id = 500 + first + i,
			.weight = 1 + i, .service = row};
	}
}

static inline void
world_local(struct lb_world *w, unsigned row, const char *address, uint8_t family)
{
	struct img_lb_local *l = &w->local[row];
	*l = (struct img_lb_local){.address = world_addr(address, family), .family = family,
		.port_first = W_PORT_FIRST, .port_last = W_PORT_FIRST + W_PORTS - 1};
	w->route[W_SERVICES + row] = (struct img_route){.prefix = l->address, .family = family,
		.plen = (uint8_t)addr_bits(family), .kind = ROUTE_LB_LOCAL, .arg = row};
}

/* world_rows: the configuration as written above the enums, everything ready. */
static inline void
world_rows(struct lb_world *w)
{
	memset(w, 0, sizeof(*w));
	w->plane = (struct img_plane){.workers = 1, .flows_v4 = 3000, .flows_v6 = 1000,
		.endpoints = 4000, .persistence = 1000};
	world_service(w, W_NAT, "192.0.2.1", FAMILY_V4, 6, 80, LB_MODE_NAT);
	world_service(w, W_FULLNAT, "192.0.2.1", FAMILY_V4, 6, 443, LB_MODE_FULLNAT);
	world_service(w, W_UDP, "192.0.2.1", FAMILY_V4, 17, 53, LB_MODE_NAT);
	world_service(w, W_EMPTY, "192.0.2.2", FAMILY_V4, 6, 80, LB_MODE_NAT);
	world_service(w, W_NAT6, "2001:db8::1", FAMILY_V6, 6, 80, LB_MODE_NAT);
	world_service(w, W_FULLNAT6, "2001:db8::1", FAMILY_V6, 6, 443, LB_MODE_FULLNAT);
	world_backends(w, W_NAT, 0, 3);
	world_backends(w, W_FULLNAT, 3, 2);
	world_backends(w, W_UDP, 5, 1);
	world_backends(w, W_EMPTY, 6, 1);
	world_backends(w, W_NAT6, 7, 2);
	world_backends(w, W_FULLNAT6, 9, 1);
	w->backend[6].weight = 0;
	w->backend[6].state = LB_DRAIN;
	world_local(w, 0, "10.8.0.1", FAMILY_V4);
	world_local(w, 1, "10.8.0.2", FAMILY_V4);
	world_local(w, 2, "2001:db8:8::1", FAMILY_V6);
	w->service[W_FULLNAT].locals = 2;
	w->service[W_FULLNAT6].first_local = 2;
	w->service[W_FULLNAT6].locals = 1;
}

/* world_way: the service has another mode now, and its backends ways; in the order of backends. */
static inline void
world_way(struct lb_world *w, unsigned row, uint8_t mode)
{
	struct img_lb_service *s = &w->service[row];
	s->mode = mode;
	for (uint32_t i = 0; i < s->backends; i++)
		w->way[w->n_ways++] = (struct img_lb_way){.backend = s->first_backend + i,
			.source = world_addr(s->family == FAMILY_V4 ? "10.9.0.1" : "2001:db8:9::1",
			                     s->family), .port = htons(6080), .dscp = 9};
}

static inline void
world_tables(struct lb_world *w)
{
	for (unsigned row = 0; row < W_SERVICES; row++) {
		const struct img_lb_service *s = &w->service[row];
		const struct img_lb_backend *b = &w->backend[s->first_backend];
		uint16_t *slots = w->slots + (size_t)row * MAGLEV_SIZE;
		CU_ASSERT_EQUAL_FATAL(lb_table_make(s, b, slots), 0);
	}
}

/* world_image: rows to an image, without asking whether they are any good. */
static inline void
world_image(struct lb_world *w)
{
	struct image_builder b;
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_PLANE, &w->plane, sizeof(w->plane), 1);
	image_build_rows(&b, IMG_TIMERS, w->timers, sizeof(w->timers[0]), 2);
	image_build_rows(&b, IMG_ROUTES, w->route, sizeof(w->route[0]), W_SERVICES + W_LOCALS);
	image_build_rows(&b, IMG_LB_SERVICES, w->service, sizeof(w->service[0]), W_SERVICES);
	image_build_rows(&b, IMG_LB_BACKENDS, w->backend, sizeof(w->backend[0]), W_BACKENDS);
	image_build_rows(&b, IMG_LB_LOCALS, w->local, sizeof(w->local[0]), W_LOCALS);
	image_build_rows(&b, IMG_LB_SLOTS, w->slots, sizeof(w->slots[0]), W_TABLES * MAGLEV_SIZE);
	if (w->n_ways != 0)
		image_build_rows(&b, IMG_LB_WAYS, w->way, sizeof(w->way[0]), w->n_ways);
	if (w->n_quic != 0)
		image_build_rows(&b, IMG_LB_QUIC, w->quic, sizeof(*w->quic), w->n_quic);
	if (w->n_askers != 0)
		image_build_rows(&b, IMG_LB_ASKERS, w->asker, sizeof(w->asker[0]), w->n_askers);
	free(w->image);
	w->image = image_build_end(&b, &w->size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->image);
}

/* world_build: tables, image, and a generation for so many workers in place of the one before. */
static inline void
world_build(struct lb_world *w, uint16_t workers, bool split)
{
	char err[256] = "";
	world_tables(w);
	if (w->gen != NULL)
		lb_policy.view_destroy(w->gen, POLICY_LB);
	w->plane.workers = workers;
	world_image(w);
	if (lb_image_check(w->image, err, sizeof(err)) != 0)
		printf("  %s\n", err);
	CU_ASSERT_EQUAL_FATAL(err[0], 0);
	if (w->gen == NULL)
		w->gen = calloc(1, sizeof(*w->gen));
	w->gen->image = w->gen->source = w->image;
	w->gen->plane = &w->plane;
	steer_init(&w->gen->steer, workers, split ? 0 : STEER_RETA_BITS, split, 3);
	CU_ASSERT_EQUAL_FATAL(lb_policy.view_create(w->gen, POLICY_LB), 0);
}

static inline void
world_free(struct lb_world *w)
{
	if (w->gen != NULL)
		lb_policy.view_destroy(w->gen, POLICY_LB);
	free(w->gen);
	free(w->counters);
	free(w->image);
	free(w);
}

static inline struct lb_world *
world_new(void)
{
	struct lb_world *w = aligned_alloc(_Alignof(struct lb_world), sizeof(*w));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	world_rows(w);
	w->counters = aligned_alloc(64, STATS_BACKENDS * sizeof(*w->counters));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->counters);
	/* Of those of the ids that there are: no test pays for all. */
	memset(w->counters, 0, W_IDS * sizeof(*w->counters));
	return w;
}

/* world_policy: the state of one worker. */
static inline void *
world_policy(struct lb_world *w, uint16_t worker)
{
	static const uint64_t secret[2] = {7, 8};
	cookies_init(&w->cookies, secret);
	struct policy_env env = {.worker = worker, .n_workers = w->plane.workers,
		.plane = &w->plane, .stats = &w->stats, .backends = w->counters, .seed = 4711,
		.cookies = &w->cookies,
		.node = -1};
	void *lb = lb_create(&env);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lb);
	return lb;
}

/* world_miss: a packet, with the route that a linear search finds. */
static inline struct miss
world_miss(const struct lb_world *w, const struct tuple *t)
{
	static uint8_t octets[64];
	static const struct pkt p = {.l3 = octets, .l3_len = sizeof(octets)};
	struct miss m = {.tuple = *t, .gen = w->gen, .nic = 1, .pkt = &p};
	for (unsigned i = 0; i < W_SERVICES + W_LOCALS; i++)
		if (w->route[i].family == t->family && addr_equal(&w->route[i].prefix, &t->dst))
			m.route = &w->route[i];
	return m;
}

/* world_client: packet number n of many clients, to a service. */
static inline struct miss
world_client(const struct lb_world *w, unsigned row, uint32_t n)
{
	const struct img_lb_service *s = &w->service[row];
	struct tuple t = {.dst = s->address, .dport = s->port, .family = s->family,
		.proto = s->proto, .sport = htons((uint16_t)(1024 + n % 60000))};
	if (s->family == FAMILY_V4)
		t.src = addr_from_v4(htonl(0xc6336400u + n / 60000 * 256 + n % 251));
	else
		t.src = (union addr){.w = {htonl(0x20010db8), htonl(7), 0, htonl(n)}};
	return world_miss(w, &t);
}

/* world_event: the same a second after the start, with this event. */
static inline struct miss
world_event(const struct lb_world *w, unsigned row, uint32_t n, uint8_t event)
{
	struct miss m = world_client(w, row, n);
	m.event = event;
	m.now_ns = 1000000000;
	return m;
}

#endif

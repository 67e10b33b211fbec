/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer's lookups: services, endpoints of backends, backends by id. */
#include "lb_world.h"

static struct lb_world *w;
static const struct lb_view *view;

static void
setup(uint16_t workers, bool split)
{
	w = world_new();
	world_build(w, workers, split);
	view = w->gen->view[POLICY_LB];
}

static void
test_service(void)
{
	setup(1, false);
	for (unsigned row = 0; row < W_SERVICES; row++) {
		struct miss m = world_client(w, row, row);
		const struct img_lb_service *s = lb_view_service(view, &m.tuple);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->id, w->service[row].id);
		struct tuple t = m.tuple;
		t.dport ^= 1;
		CU_ASSERT_PTR_NULL(lb_view_service(view, &t));
		t = m.tuple;
		t.proto = t.proto == 6 ? 17 : 6;
		CU_ASSERT_PTR_NULL(lb_view_service(view, &t));
		t = m.tuple;
		t.dst.b[0] ^= 1;
		CU_ASSERT_PTR_NULL(lb_view_service(view, &t));
		t = m.tuple;
		t.family = FAMILY_V4 + FAMILY_V6 - t.family;
		CU_ASSERT_PTR_NULL(lb_view_service(view, &t));
	}
	world_free(w);
}

static void
test_endpoint(void)
{
	setup(1, false);
	for (unsigned row = 0; row < W_BACKENDS; row++) {
		const struct img_lb_backend *b = &w->backend[row];
		const struct img_lb_service *s = &w->service[b->service];
		struct tuple t = {.src = b->address, .sport = b->port, .family = b->family,
			.proto = s->proto};
		CU_ASSERT_EQUAL(lb_view_endpoint(view, &t), s->mode == LB_MODE_NAT);
		t.sport ^= 1;
		CU_ASSERT_FALSE(lb_view_endpoint(view, &t));
		t.sport ^= 1;
		t.proto = t.proto == 6 ? 17 : 6;
		CU_ASSERT_FALSE(lb_view_endpoint(view, &t));
		t.proto = IPPROTO_L4_ICMP;
		CU_ASSERT_FALSE(lb_view_endpoint(view, &t));
	}
	world_free(w);
}

/* Longest walk through the endpoints. */
static unsigned
longest_run(const struct lb_index *x)
{
	unsigned run = 0, most = 0;
	for (uint32_t i = 0; i <= 2 * x->mask + 1; i++) {
		run = x->slot[i & x->mask] != 0 ? run + 1 : 0;
		most = run > most ? run : most;
	}
	return most;
}

/* One server behind a thousand services, each at the service's port: found at all of them, and in a
 * few steps. */
static void
test_kept_ports(void)
{
	enum { MANY = 1000, FIRST = 2000, FEW = 40 };
	static struct img_lb_service s[MANY];
	static struct img_lb_backend b[MANY];
	struct tuple t = {.family = FAMILY_V4, .proto = 6};
	struct image_builder builder;
	struct steer steer;
	size_t size;
	t.src = world_addr("10.1.0.9", FAMILY_V4);
	for (unsigned i = 0; i < MANY; i++) {
		be16 port = htons((uint16_t)(FIRST + i));
		s[i] = (struct img_lb_service){
			.address = world_addr("192.0.2.1", FAMILY_V4), .family = FAMILY_V4,
			.plen = 32, .proto = 6, .port = port, .port_last = port,
			.mode = LB_MODE_NAT, .first_backend = i, .backends = 1, .id = i};
		b[i] = (struct img_lb_backend){.address = t.src, .family = FAMILY_V4, .id = i,
			.weight = 1, .service = i};
	}
	image_build_begin(&builder, 1);
	image_build_rows(&builder, IMG_LB_SERVICES, s, sizeof(s[0]), MANY);
	image_build_rows(&builder, IMG_LB_BACKENDS, b, sizeof(b[0]), MANY);
	struct image_header *h = image_build_end(&builder, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	steer_init(&steer, 1, STEER_RETA_BITS, false, 3);
	struct lb_view *v = lb_view_create(h, &steer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	for (unsigned port = FIRST - 1; port <= FIRST + MANY; port++) {
		t.sport = htons((uint16_t)port);
		CU_ASSERT_EQUAL(lb_view_endpoint(v, &t), port >= FIRST && port < FIRST + MANY);
	}
	CU_ASSERT(longest_run(&v->by_endpoint) < FEW);
	lb_view_destroy(v);
	free(h);
}

/* One server behind two services: its endpoint is one. */
static void
test_endpoint_shared(void)
{
	w = world_new();
	w->backend[6].address = w->backend[0].address;
	w->backend[6].port = w->backend[0].port;
	world_build(w, 1, false);
	view = w->gen->view[POLICY_LB];
	struct tuple t = {.src = w->backend[0].address, .sport = w->backend[0].port,
		.family = FAMILY_V4, .proto = 6};
	CU_ASSERT_TRUE(lb_view_endpoint(view, &t));
	world_free(w);
}

/* Backends by their ids, and what each worker may give them: a share of max_flows, rounded up. */
static void
test_by_id(void)
{
	static const uint32_t most[] = {0, 1, 5, 6, 7, 1000000000};
	static const uint32_t share[] = {UINT32_MAX, 1, 1, 1, 2, 166666667};
	w = world_new();
	for (unsigned i = 0; i < 6; i++)
		w->backend[i].max_flows = most[i];
	world_build(w, 6, false);
	view = w->gen->view[POLICY_LB];
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(view->limit[i], share[i]);
	for (uint32_t id = 0; id < LB_MAX_IDS + 5; id++) {
		const struct img_lb_backend *b = lb_view_by_id(view, id);
		CU_ASSERT_EQUAL_FATAL(b != NULL, id >= 500 && id < 500 + W_BACKENDS);
		if (b != NULL)
			CU_ASSERT_EQUAL_FATAL(b->id, id);
	}
	world_free(w);
}

static void
test_owner(void)
{
	setup(5, false);
	for (unsigned i = 0; i < W_LOCALS; i++)
		CU_ASSERT_EQUAL(view->local_owner[i], steer_worker(&w->gen->steer,
			&w->local[i].address, w->local[i].family));
	world_free(w);
	setup(5, true);
	for (unsigned i = 0; i < W_LOCALS; i++)
		CU_ASSERT_EQUAL(view->local_owner[i], LB_LOCAL_SHARED);
	world_free(w);
}

/* Part of what instances agree upon: it must not change. */
static void
test_client_hash(void)
{
	uint32_t sum = 0;
	for (uint32_t n = 0; n < 1000; n++) {
		union addr a = addr_from_v4(htonl(0x0a000000 + n));
		uint64_t h = lb_client_hash(&a, htons((uint16_t)(n + 1)));
		sum = sum * 31 + (uint32_t)(h ^ h >> 32);
	}
	printf("  %x", sum);
	CU_ASSERT_EQUAL(sum, 0xe3aa694b);
}

static const struct test_case cases[] = {
	{"services are found exactly", test_service},
	{"endpoints are found exactly", test_endpoint},
	{"one endpoint of two services", test_endpoint_shared},
	{"one server behind a thousand services", test_kept_ports},
	{"backends by id, with their limits", test_by_id},
	{"owners of local addresses", test_owner},
	{"the client hash is the same everywhere", test_client_hash},
};

TEST_MAIN("lb_view", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer's lookups: services, endpoints of backends, backends of clients. */
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

static const struct img_lb_backend *
choose(const struct lb_view *v, const struct miss *m)
{
	return lb_view_backend(v, &w->service[W_NAT], &m->tuple);
}

/* Clients spread over backends in proportion to the weights, 1 to 2 to 3. */
static void
test_spread(void)
{
	enum { CLIENTS = 60000 };
	uint32_t count[3] = {0};
	setup(1, false);
	for (uint32_t n = 0; n < CLIENTS; n++) {
		struct miss m = world_client(w, W_NAT, n);
		const struct img_lb_backend *b = choose(view, &m);
		CU_ASSERT_PTR_NOT_NULL_FATAL(b);
		CU_ASSERT_FATAL(b->id >= 500 && b->id < 503);
		count[b->id - 500]++;
	}
	for (unsigned i = 0; i < 3; i++) {
		double share = CLIENTS * (i + 1) / 6.0;
		printf("  %u", count[i]);
		CU_ASSERT(count[i] > share * 0.95 && count[i] < share * 1.05);
	}
	world_free(w);
}

/* The table names only what takes new flows; should it not, the next slot's backend serves. */
static void
test_not_ready(void)
{
	setup(1, false);
	struct img_lb_backend rows[3];
	memcpy(rows, &w->backend[0], sizeof(rows));
	struct lb_view v = *view;
	v.backends = w->backend;
	for (unsigned down = 1; down < 8; down++) {
		for (unsigned i = 0; i < 3; i++) {
			w->backend[i].state = down >> i & 1 ? LB_DOWN : LB_READY;
			w->backend[i].weight = down == 5 && i == 0 ? 0 : 1;
		}
		for (uint32_t n = 0; n < 500; n++) {
			struct miss m = world_client(w, W_NAT, n);
			const struct img_lb_backend *b = choose(&v, &m);
			if (down == 7)
				CU_ASSERT_PTR_NULL_FATAL(b);
			if (down != 7)
				CU_ASSERT_FATAL(b != NULL && b->state == LB_READY);
		}
	}
	world_free(w);
}

static void
test_empty(void)
{
	setup(1, false);
	struct miss m = world_client(w, W_EMPTY, 1);
	CU_ASSERT_PTR_NULL(lb_view_backend(view, &w->service[W_EMPTY], &m.tuple));
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
		sum = sum * 31 + lb_client_hash(&a, htons((uint16_t)(n + 1)));
	}
	printf("  %x", sum);
	CU_ASSERT_EQUAL(sum, 0xf4779f73);
}

static const struct test_case cases[] = {
	{"services are found exactly", test_service},
	{"endpoints are found exactly", test_endpoint},
	{"one endpoint of two services", test_endpoint_shared},
	{"clients follow the weights", test_spread},
	{"backends that are not ready are passed over", test_not_ready},
	{"a service without backends", test_empty},
	{"owners of local addresses", test_owner},
	{"the client hash is the same everywhere", test_client_hash},
};

TEST_MAIN("lb_view", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Generations: what is derived from an image. */
#include <stdlib.h>
#include <string.h>

#include "lib/generation.h"
#include "lib/mem.h"
#include "lib/tuple.h"
#include "tests/image_fixture.h"
#include "tests/test.h"

static struct dev devs[2] = {{.mac = {2, 1, 1, 1, 1, 1}}, {.mac = {2, 2, 2, 2, 2, 2}}};

static struct generation *
fixture_generation(const struct generation *previous)
{
	size_t size;
	struct image_header *h = fixture_image(&size);
	struct generation *g = generation_create(h, devs, 2, previous);
	free(h);
	return g;
}

static void
derived(void)
{
	struct generation *g = fixture_generation(NULL);
	CU_ASSERT_EQUAL(g->number, FIXTURE_GENERATION);
	CU_ASSERT_EQUAL(g->n_nics, 3);
	CU_ASSERT_EQUAL(memcmp(g->nic[1].mac, devs[0].mac, 6), 0);
	CU_ASSERT_EQUAL(g->nic[2].mac[5], 9);
	CU_ASSERT_EQUAL(g->nic[2].vlan_be, __builtin_bswap16(7));
	CU_ASSERT_EQUAL(g->nic[1].realm, 1);
	CU_ASSERT(g->nic[1].valid && g->nic[2].valid && !g->nic[0].valid && !g->nic[3].valid);
	CU_ASSERT_EQUAL(g->vlan_nic[0][0], 1);
	CU_ASSERT_EQUAL(g->vlan_nic[1][7], 2);
	CU_ASSERT_EQUAL(g->vlan_nic[1][0], NIC_NONE);
	CU_ASSERT_EQUAL(g->steer.n_workers, 2);
	CU_ASSERT_EQUAL(g->n_timers, 2);
	CU_ASSERT_PTR_NULL(g->view[0]);
	generation_destroy(g);
}

/* A removed interface's row takes no traffic and wants no device. */
static void
unused_row(void)
{
	struct image_builder b;
	size_t size;
	char err[256];
	const struct img_nic nics[] = {
		{.name = ""}, {.name = "", .dev = 9}, {.name = "only", .mtu = 1500}};
	image_build_begin(&b, 1);
	fixture_plane(&b);
	image_build_rows(&b, IMG_DEVS, &(struct img_dev){"net_null0"}, sizeof(struct img_dev), 1);
	image_build_rows(&b, IMG_NICS, nics, sizeof(nics[0]), 3);
	struct image_header *h = image_build_end(&b, &size);
	CU_ASSERT_EQUAL_FATAL(image_check(h, size, err, sizeof(err)), 0);
	struct generation *g = generation_create(h, devs, 1, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	CU_ASSERT(!g->nic[1].valid && g->nic[2].valid);
	CU_ASSERT_EQUAL(g->vlan_nic[0][0], 2);
	generation_destroy(g);
	free(h);
}

static void
device_missing(void)
{
	size_t size;
	struct image_header *h = fixture_image(&size);
	CU_ASSERT_PTR_NULL(generation_create(h, devs, 1, NULL));
	free(h);
}

/* route_gen moves when routes, interfaces, addresses or neighbours do, and only then. */
static void
route_generation(void)
{
	static const uint32_t moving[] = {IMG_ROUTES, IMG_NICS, IMG_ADDRESSES, IMG_NEIGHBOURS};
	static const uint32_t resting[] = {IMG_TIMERS, IMG_DOCUMENT};
	struct generation *first = fixture_generation(NULL), *same = fixture_generation(first);
	CU_ASSERT_EQUAL(first->route_gen, 1);
	CU_ASSERT_EQUAL(same->route_gen, 1);
	for (unsigned i = 0; i < 6; i++) {
		size_t size;
		uint32_t n;
		struct image_header *h = fixture_image(&size);
		uint8_t *rows =
			(uint8_t *)(uintptr_t)image_rows(h, i < 4 ? moving[i] : resting[i - 4], &n);
		rows[0] ^= 1;
		struct generation *g = generation_create(h, devs, 2, first);
		CU_ASSERT_EQUAL(g->route_gen, i < 4 ? 2 : 1);
		generation_destroy(g);
		free(h);
	}
	generation_destroy(same);
	generation_destroy(first);
}

static void
routes_of_the_fixture(void)
{
	static const struct {
		uint8_t address[4];
		int kind;
	} rows[] = {
		{{10, 0, 0, 1}, ROUTE_LOCAL}, {{10, 0, 0, 2}, ROUTE_CONNECTED},
		{{10, 0, 1, 1}, ROUTE_UNREACHABLE}, {{192, 0, 2, 9}, ROUTE_CONNECTED},
		{{8, 8, 8, 8}, ROUTE_VIA}, {{255, 255, 255, 255}, ROUTE_VIA},
	};
	struct generation *g = fixture_generation(NULL);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		union addr a = {.w = {0}};
		memcpy(a.b, rows[i].address, 4);
		const struct img_route *r = route_find(g, 0, &a, FAMILY_V4);
		CU_ASSERT_PTR_NOT_NULL_FATAL(r);
		CU_ASSERT_EQUAL(r->kind, rows[i].kind);
	}
	union addr v6 = {.b = {0x20, 1, 0xd, 0xb8, 0, 1, 9}}, elsewhere = {.b = {0x20, 2}};
	CU_ASSERT_EQUAL(route_find(g, 0, &v6, FAMILY_V6)->plen, 48);
	v6.b[5] = 2;
	CU_ASSERT_EQUAL(route_find(g, 0, &v6, FAMILY_V6)->plen, 33);
	CU_ASSERT_PTR_NULL(route_find(g, 0, &elsewhere, FAMILY_V6));
	generation_destroy(g);
}

/* A realm of its own routes, what is ours everywhere, and the outside behind it. */
static void
realms(void)
{
	struct image_builder b;
	size_t size;
	char err[256] = "";
	const struct img_nic nics[] = {
		{.name = ""}, {.name = "red", .realm = 5, .mtu = 1500},
		{.name = "out", .dev = 1, .mtu = 1500}};
	const union addr service = fixture_v4(192, 0, 2, 0), host = fixture_v4(192, 0, 2, 9);
	const struct img_route routes[] = {
		{.prefix = service, .family = FAMILY_V4, .plen = 24, .kind = ROUTE_SERVICE},
		{.family = FAMILY_V4, .kind = ROUTE_VIA, .nic = 2, .gateway = host},
		{.prefix = host, .family = FAMILY_V4, .plen = 32, .kind = ROUTE_CONNECTED,
		 .nic = 1, .realm = 5},
		{.prefix = fixture_v4(10, 0, 0, 0), .family = FAMILY_V4, .plen = 8,
		 .kind = ROUTE_CONNECTED, .nic = 1, .realm = 5},
		{.prefix = fixture_v4(128, 0, 0, 0), .family = FAMILY_V4, .plen = 1,
		 .kind = ROUTE_CONNECTED, .nic = 1, .realm = 5},
	};
	image_build_begin(&b, 1);
	fixture_plane(&b);
	image_build_rows(&b, IMG_DEVS, (struct img_dev[]){{"net_null0"}, {"net_null1"}},
	                 sizeof(struct img_dev), 2);
	image_build_rows(&b, IMG_NICS, nics, sizeof(nics[0]), 3);
	image_build_rows(&b, IMG_ROUTES, routes, sizeof(routes[0]), 5);
	struct image_header *h = image_build_end(&b, &size);
	CU_ASSERT_EQUAL_FATAL(image_check(h, size, err, sizeof(err)), 0);
	struct generation *g = generation_create(h, devs, 2, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	const struct img_route *r = g->routes;
	union addr ten = fixture_v4(10, 1, 1, 1), one = fixture_v4(1, 1, 1, 1);
	union addr ours = fixture_v4(192, 0, 2, 7), far = fixture_v4(200, 1, 1, 1);
	CU_ASSERT_PTR_EQUAL(route_find(g, 5, &ten, FAMILY_V4), &r[3]);
	CU_ASSERT_PTR_EQUAL(route_find(g, 0, &ten, FAMILY_V4), &r[1]);
	CU_ASSERT_PTR_NULL(route_find(g, 5, &one, FAMILY_V4));
	CU_ASSERT_PTR_NULL(route_find(g, 6, &ten, FAMILY_V4));
	CU_ASSERT_PTR_EQUAL(route_find(g, REALM_NAMED, &ten, FAMILY_V4), &r[1]);
	CU_ASSERT_PTR_EQUAL(route_from(g, 5, &one, FAMILY_V4), &r[1]);
	CU_ASSERT_PTR_NULL(route_back(g, 5, &one, FAMILY_V4));
	CU_ASSERT_PTR_EQUAL(route_from(g, 5, &ours, FAMILY_V4), &r[0]);
	CU_ASSERT_PTR_EQUAL(route_back(g, 5, &ours, FAMILY_V4), &r[0]);
	CU_ASSERT_PTR_EQUAL(route_from(g, 5, &host, FAMILY_V4), &r[2]);
	CU_ASSERT_PTR_EQUAL(route_from(g, 5, &far, FAMILY_V4), &r[4]);
	CU_ASSERT_EQUAL(route_realm(g, &r[3]), 5);
	CU_ASSERT_EQUAL(route_realm(g, &r[1]), 0);
	CU_ASSERT_EQUAL(route_realm(g, NULL), 0);
	generation_destroy(g);
	free(h);
}

static const struct test_case cases[] = {
	{"realms", realms},
	{"what is derived", derived},
	{"an unused row", unused_row},
	{"a device is missing", device_missing},
	{"route generation", route_generation},
	{"routes of the fixture", routes_of_the_fixture},
};

int
main(void)
{
	mem_use_huge(0);
	return test_main("generation", cases, sizeof(cases) / sizeof(cases[0]));
}

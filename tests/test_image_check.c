/* SPDX-License-Identifier: Apache-2.0 */
/* Checking images: what is bent is refused, or still safe to run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/generation.h"
#include "lib/mem.h"
#include "tests/image_fixture.h"
#include "tests/test.h"

static char err[256];

/* One field at a time made wrong; the sentence names the section. */
enum field {
	WORKERS,
	NO_FLOWS,
	MANY_FLOWS,
	CLASS_BITS,
	DEVICE_OPEN,
	DEVICE_TWICE,
	NIC_NAME,
	NIC_NAME_OPEN,
	NIC_TWICE,
	NIC_UNUSED,
	NIC_DEV,
	NIC_VLAN,
	NIC_SAME_VLAN,
	NIC_MTU, NIC_MSS, UNCLAIMED, RESET_FINAL,
	NIC_MAC,
	ADDRESS_FAMILY,
	ADDRESS_PLEN,
	ADDRESS_NIC,
	ADDRESS_WORDS,
	ROUTE_ORDER,
	ROUTE_TWICE,
	ROUTE_HOST_BITS,
	ROUTE_PLEN,
	ROUTE_NIC,
	ROUTE_NO_NIC,
	ROUTE_KIND,
	ROUTE_NO_GATEWAY,
	ROUTE_POOL_ARG,
	NEIGHBOUR_NIC,
	NEIGHBOUR_MAC,
	TIMER,
};

static void *
row(struct image_header *h, uint32_t kind, uint32_t i, size_t row_size)
{
	uint32_t n;
	return (uint8_t *)(uintptr_t)image_rows(h, kind, &n) + i * row_size;
}

static void
bend(struct image_header *h, enum field field)
{
	struct img_plane *plane = row(h, IMG_PLANE, 0, 0);
	struct img_dev *dev = row(h, IMG_DEVS, 0, 0);
	struct img_nic *nic = row(h, IMG_NICS, 0, 0);
	struct img_address *address = row(h, IMG_ADDRESSES, 0, 0);
	struct img_route *route = row(h, IMG_ROUTES, 0, 0), swap = route[0];
	struct img_neighbour *neighbour = row(h, IMG_NEIGHBOURS, 0, 0);
	struct timer_set *timers = row(h, IMG_TIMERS, 0, 0);
	switch (field) {
	case WORKERS: plane->workers = 65; break;
	case NO_FLOWS: plane->flows_v4 = 0; break;
	case MANY_FLOWS: plane->flows_v6 = 1u << 29; break;
	case CLASS_BITS: plane->steer_class_bits = 10; break;
	case DEVICE_OPEN: memset(dev[1].device, 'x', sizeof(dev[1].device)); break;
	case DEVICE_TWICE: dev[1] = dev[0]; break;
	case NIC_NAME: memcpy(nic[1].name, "a b", 4); break;
	case NIC_NAME_OPEN: memset(nic[2].name, 'x', sizeof(nic[2].name)); break;
	case NIC_TWICE: memcpy(nic[2].name, nic[1].name, sizeof(nic[2].name)); break;
	case NIC_UNUSED: nic[2].name[0] = 0; break;
	case NIC_DEV: nic[2].dev = 2; break;
	case NIC_VLAN: nic[2].vlan = 4095; break;
	case NIC_SAME_VLAN: nic[2].dev = nic[1].dev; nic[2].vlan = nic[1].vlan; break;
	case NIC_MTU: nic[1].mtu = 575; break;
	case NIC_MSS: nic[1].mss[1] = 515; break;
	case UNCLAIMED: plane->routes_unclaimed = 4; break;
	case RESET_FINAL: plane->reset_is_final = 2; break;
	case NIC_MAC: nic[1].flags = IMG_NIC_MAC; nic[1].mac[0] = 1; break;
	case ADDRESS_FAMILY: address->family = 5; break;
	case ADDRESS_PLEN: address->plen = 33; break;
	case ADDRESS_NIC: address->nic = 3; break;
	case ADDRESS_WORDS: address->address.w[3] = 1; break;
	case ROUTE_ORDER: route[0] = route[1]; route[1] = swap; break;
	case ROUTE_TWICE: route[1] = route[0]; break;
	case ROUTE_HOST_BITS: route[1].prefix.b[3] = 1; break;
	case ROUTE_PLEN: route[0].plen = 255; break;
	case ROUTE_NIC: route[0].nic = 64; break;
	case ROUTE_NO_NIC: route[1].nic = 0; break;
	case ROUTE_KIND: route[0].kind = ROUTE_BROADCAST + 1; break;
	case ROUTE_NO_GATEWAY: route[1].kind = ROUTE_VIA; break;
	case ROUTE_POOL_ARG: route[0].kind = ROUTE_POOL; break;
	case NEIGHBOUR_NIC: neighbour->nic = 0; break;
	case NEIGHBOUR_MAC: neighbour->mac[0] = 0xff; break;
	case TIMER: timers->idle_ms[CONN_TCP_EST] = 0x80000000u; break;
	}
}

static void
bent_is_refused(void)
{
	static const struct {
		enum field field;
		const char *says;
	} rows[] = {
		{WORKERS, "plane: 65 workers"},
		{NO_FLOWS, "plane: flows_v4"},
		{MANY_FLOWS, "plane: flows_v6"},
		{CLASS_BITS, "plane: steering"},
		{DEVICE_OPEN, "devices: row 1"},
		{DEVICE_TWICE, "devices: row 1"},
		{NIC_NAME, "interfaces: row 1"},
		{NIC_NAME_OPEN, "interfaces: row 2"},
		{NIC_TWICE, "interfaces: inside is there twice"},
		{NIC_UNUSED, "addresses: row 1: interface 2"},
		{NIC_DEV, "interfaces: outside: device 2"},
		{NIC_VLAN, "interfaces: outside: VLAN 4095"},
		{NIC_SAME_VLAN, "interfaces: outside: device and VLAN of inside"},
		{NIC_MTU, "interfaces: inside: MTU 575"},
		{NIC_MSS, "interfaces: inside: segments of 515"},
		{UNCLAIMED, "plane: steering, huge_pages, routes_unclaimed"},
		{RESET_FINAL, "plane: steering, huge_pages, routes_unclaimed or reset_is_final"},
		{NIC_MAC, "interfaces: inside: bad flags"},
		{ADDRESS_FAMILY, "addresses: row 0"},
		{ADDRESS_PLEN, "addresses: row 0"},
		{ADDRESS_NIC, "addresses: row 0: interface 3"},
		{ADDRESS_WORDS, "addresses: row 0"},
		{ROUTE_ORDER, "routes: row 1: not sorted"},
		{ROUTE_TWICE, "routes: row 1: not sorted"},
		{ROUTE_HOST_BITS, "routes: row 1: bad prefix"},
		{ROUTE_PLEN, "routes: row 0: bad prefix"},
		{ROUTE_NIC, "routes: row 0: interface"},
		{ROUTE_NO_NIC, "routes: row 1: interface"},
		{ROUTE_KIND, "routes: row 0: bad kind"},
		{ROUTE_NO_GATEWAY, "routes: row 1: no gateway"},
		{ROUTE_POOL_ARG, "routes: row 0: address"},
		{NEIGHBOUR_NIC, "neighbours: row 0"},
		{NEIGHBOUR_MAC, "neighbours: row 0"},
		{TIMER, "timers: row 0"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size;
		struct image_header *h = fixture_image(&size);
		bend(h, rows[i].field);
		fixture_close(h, size);
		CU_ASSERT_EQUAL(image_check(h, size, err, sizeof(err)), -EINVAL);
		if (strncmp(err, rows[i].says, strlen(rows[i].says)) != 0)
			printf("%u: %s\n", i, err);
		CU_ASSERT_EQUAL(strncmp(err, rows[i].says, strlen(rows[i].says)), 0);
		free(h);
	}
}

/* Sizes other than its own: cut off anywhere, or with more behind. */
static void
every_length(void)
{
	size_t size;
	struct image_header *h = fixture_image(&size);
	for (size_t n = 0; n < size; n++) {
		struct image_header *cut = malloc(n + 1);
		memcpy(cut, h, n);
		CU_ASSERT_EQUAL(image_check(cut, n, err, sizeof(err)), -EINVAL);
		free(cut);
	}
	free(h);
}

static void
every_byte_flip_is_noticed(void)
{
	size_t size;
	struct image_header *h = fixture_image(&size);
	for (size_t i = 0; i < size; i++) {
		((uint8_t *)h)[i] ^= 0x40;
		CU_ASSERT_EQUAL(image_check(h, size, err, sizeof(err)), -EINVAL);
		((uint8_t *)h)[i] ^= 0x40;
	}
	free(h);
}

/* Use what was accepted: every look-up that a data plane makes. */
static void
run_image(const struct image_header *h)
{
	struct dev devs[MAX_DEVS] = {0};
	struct generation *g = generation_create(h, devs, MAX_DEVS, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	for (uint32_t i = 0; i < g->n_routes; i++) {
		const struct img_route *r = &g->routes[i];
		CU_ASSERT_PTR_NOT_NULL(route_find(g, r->realm, &r->prefix, r->family));
		CU_ASSERT(r->nic < MAX_NICS && r->plen <= addr_bits(r->family));
	}
	for (unsigned i = 1; i < g->n_nics; i++)
		CU_ASSERT(!g->nic[i].valid || g->vlan_nic[g->nic[i].dev][g->nics[i].vlan] == i);
	for (uint32_t i = 0; i < g->n_addresses; i++)
		CU_ASSERT(steer_worker(&g->steer, &g->addresses[i].address, FAMILY_V4) <
		          g->plane->workers);
	generation_destroy(g);
}

/* As an enemy would: any byte, and the checksum put right again. */
static void
mutants_are_refused_or_run(void)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	size_t size;
	struct image_header *h = fixture_image(&size);
	unsigned accepted = 0, refused = 0;
	for (size_t i = 0; i < size; i++) {
		uint8_t *byte = (uint8_t *)h + i, was = *byte;
		for (unsigned k = 0; k < sizeof(values); k++) {
			*byte = values[k];
			fixture_close(h, size);
			if (image_check(h, size, err, sizeof(err)) == 0) {
				run_image(h);
				accepted++;
			} else {
				refused++;
			}
			*byte = was;
		}
	}
	CU_ASSERT(accepted > 0 && refused > 0);
	free(h);
}

static const struct test_case cases[] = {
	{"what is bent is refused", bent_is_refused},
	{"every length", every_length},
	{"every byte flip is noticed", every_byte_flip_is_noticed},
	{"mutants are refused or run", mutants_are_refused_or_run},
};

int
main(void)
{
	mem_use_huge(0);
	return test_main("image_check", cases, sizeof(cases) / sizeof(cases[0]));
}

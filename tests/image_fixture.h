/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A small image that is valid in every core section, for the tests that bend or run it:
 *            two devices, interfaces "inside" (10.0.0.1/24) and "outside" (192.0.2.1/24, VLAN 7).
 */
#ifndef MR_IMAGE_FIXTURE_H
#define MR_IMAGE_FIXTURE_H

#include <string.h>

#include "lib/image.h"

enum { FIXTURE_GENERATION = 42 };

static inline union addr
fixture_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (union addr){.b = {a, b, c, d}};
}

static inline void
fixture_network(struct image_builder *b)
{
	static const struct img_dev devs[] = {{"net_null0"}, {"net_null1"}};
	static const struct img_nic nics[] = {
		{.name = ""},
		{.name = "inside", .dev = 0, .realm = 1, .mtu = 1500},
		{.name = "outside", .dev = 1, .vlan = 7, .mtu = 1500, .flags = 1,
		 .mac = {2, 0, 0, 0, 0, 9}},
	};
	const struct img_address addresses[] = {
		{.address = fixture_v4(10, 0, 0, 1), .family = 4, .plen = 24, .nic = 1},
		{.address = fixture_v4(192, 0, 2, 1), .family = 4, .plen = 24, .nic = 2},
	};
	const struct img_neighbour neighbours[] = {
		{fixture_v4(192, 0, 2, 254), FAMILY_V4, 2, {2, 0, 0, 0, 0, 1}},
	};
	image_build_rows(b, IMG_DEVS, devs, sizeof(devs[0]), 2);
	image_build_rows(b, IMG_NICS, nics, sizeof(nics[0]), 3);
	image_build_rows(b, IMG_ADDRESSES, addresses, sizeof(addresses[0]), 2);
	image_build_rows(b, IMG_NEIGHBOURS, neighbours, sizeof(neighbours[0]), 1);
}

static inline void
fixture_routes(struct image_builder *b)
{
	const union addr gateway = fixture_v4(192, 0, 2, 254);
	const union addr long6 = {.b = {0x20, 1, 0xd, 0xb8, 0, 1}};
	const union addr short6 = {.b = {0x20, 1, 0xd, 0xb8}};
	const union addr none = {.w = {0}};
	const struct img_route routes[] = {
		{fixture_v4(10, 0, 0, 1), FAMILY_V4, 32, ROUTE_LOCAL, 1, 0, none, 0, {0}},
		{fixture_v4(10, 0, 0, 0), FAMILY_V4, 24, ROUTE_CONNECTED, 1, 0, none, 0, {0}},
		{fixture_v4(192, 0, 2, 0), FAMILY_V4, 24, ROUTE_CONNECTED, 2, 0, none, 0, {0}},
		{fixture_v4(10, 0, 0, 0), FAMILY_V4, 8, ROUTE_UNREACHABLE, 0, 0, none, 0, {0}},
		{fixture_v4(0, 0, 0, 0), FAMILY_V4, 0, ROUTE_VIA, 2, 0, gateway, 0, {0}},
		{long6, FAMILY_V6, 48, ROUTE_CONNECTED, 1, 0, none, 0, {0}},
		{short6, FAMILY_V6, 33, ROUTE_CONNECTED, 2, 0, none, 0, {0}},
	};
	image_build_rows(b, IMG_ROUTES, routes, sizeof(routes[0]),
	                 sizeof(routes) / sizeof(routes[0]));
}

/* fixture_plane: plane and timers, which every image has. */
static inline void
fixture_plane(struct image_builder *b)
{
	const struct img_plane plane = {
		.workers = 2, .flows_v4 = 1000, .flows_v6 = 100, .mappings = 1000,
		.subscribers = 100, .pool_addresses = 16, .buffers = 1024, .steer_class_bits = 3,
	};
	struct timer_set timers[2];
	for (unsigned s = 0; s < 16; s++)
		timers[0].idle_ms[s] = timers[1].idle_ms[s] = 1000 * (s + 1);
	image_build_rows(b, IMG_PLANE, &plane, sizeof(plane), 1);
	image_build_rows(b, IMG_TIMERS, timers, sizeof(timers[0]), 2);
}

/* fixture_image: => free() it. */
static inline struct image_header *
fixture_image(size_t *size)
{
	struct image_builder b;
	image_build_begin(&b, FIXTURE_GENERATION);
	fixture_plane(&b);
	fixture_network(&b);
	fixture_routes(&b);
	image_build_rows(&b, IMG_DOCUMENT, "{}", 1, 2);
	return image_build_end(&b, size);
}

/* fixture_close: put the checksum right after a change. */
static inline void
fixture_close(struct image_header *h, size_t size)
{
	h->checksum = 0;
	h->checksum = crc32c(0, h, size);
}

#endif

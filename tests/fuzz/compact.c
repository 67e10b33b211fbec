/* SPDX-License-Identifier: Apache-2.0 */
/* Generation images in few bytes, and the seal that lets mutations past the checksum. */
#include "fuzz.h"
#include "lb/guard_image.h"
#include "nat/nat_image.h"

enum { SLOTS_MAX = 16 /* tables in a compact image */, ROWS_MAX = 4096 };

static const struct {
	uint8_t kind;
	uint16_t row_size;
} kinds[] = {
	{IMG_PLANE, sizeof(struct img_plane)},
	{IMG_DEVS, sizeof(struct img_dev)},
	{IMG_NICS, sizeof(struct img_nic)},
	{IMG_ADDRESSES, sizeof(struct img_address)},
	{IMG_ROUTES, sizeof(struct img_route)},
	{IMG_NEIGHBOURS, sizeof(struct img_neighbour)},
	{IMG_TIMERS, sizeof(struct timer_set)},
	{IMG_NAT_CONF, sizeof(struct img_nat_conf)},
	{IMG_NAT_POOLS, sizeof(struct img_nat_pool)},
	{IMG_NAT_ADDRESSES, sizeof(struct img_nat_address)},
	{IMG_NAT_RULES, sizeof(struct img_nat_rule)},
	{IMG_LB_SERVICES, sizeof(struct img_lb_service)},
	{IMG_LB_BACKENDS, sizeof(struct img_lb_backend)},
	{IMG_LB_LOCALS, sizeof(struct img_lb_local)},
	{IMG_LB_GUARDS, sizeof(struct img_lb_guard)},
	{IMG_LB_LISTS, sizeof(struct img_lb_list)},
	{IMG_LB_RANGES4, sizeof(struct img_lb_range4)},
	{IMG_LB_RANGES6, sizeof(struct img_lb_range6)},
};

static size_t
row_size_of(uint8_t kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].row_size;
	return 1;
}

static void
tables_unpack(struct input *in, uint32_t tables, struct image_builder *b)
{
	size_t n = (size_t)(tables < SLOTS_MAX ? tables : SLOTS_MAX) * MAGLEV_SIZE;
	uint16_t *slots = calloc(n + 1, sizeof(*slots));
	MUST(slots != NULL);
	for (size_t at = 0; at < n; at += MAGLEV_SIZE) {
		uint32_t value = input_u16(in);
		for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
			slots[at + i] = value == LB_NO_BACKEND ? LB_NO_BACKEND :
				(uint16_t)(i % (value + 1));
	}
	image_build_rows(b, IMG_LB_SLOTS, slots, sizeof(*slots), n);
	free(slots);
}

static void
section_unpack(struct input *in, struct image_builder *b)
{
	uint8_t kind = input_u8(in), more = input_u8(in);
	uint32_t n = input_u16(in) % ROWS_MAX;
	size_t row_size = row_size_of(kind) + more;
	if (kind == IMG_LB_SLOTS && more == 0) {
		tables_unpack(in, n, b);
		return;
	}
	uint8_t *rows = calloc(n + 1, row_size);
	MUST(rows != NULL);
	input_bytes(in, rows, n * row_size);
	image_build_rows(b, kind, rows, row_size, n);
	free(rows);
}

struct image_header *
compact_unpack(struct input *in, size_t *size)
{
	struct image_builder b;
	image_build_begin(&b, 1);
	for (unsigned i = 0; i < IMAGE_MAX_SECTIONS && in->left != 0; i++)
		section_unpack(in, &b);
	return image_build_end(&b, size);
}

/* table_value: the two bytes that stand for a table as a compiler made it. */
static uint16_t
table_value(const uint16_t *slot)
{
	uint16_t highest = 0;
	if (slot[0] == LB_NO_BACKEND)
		return LB_NO_BACKEND;
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		if (slot[i] != LB_NO_BACKEND && slot[i] > highest)
			highest = slot[i];
	return highest;
}

size_t
compact_pack(const struct image_header *h, uint8_t *out, size_t room)
{
	size_t at = 0;
	for (uint32_t i = 0; i < h->sections; i++) {
		const struct image_section *s = &h->section[i];
		const uint8_t *rows = (const uint8_t *)h + s->offset;
		bool tables = s->kind == IMG_LB_SLOTS;
		size_t n = tables ? s->rows / MAGLEV_SIZE : s->rows;
		size_t bytes = tables ? n * 2 : s->rows * s->row_size;
		if (s->kind == IMG_DOCUMENT || s->kind == IMG_IDS)
			continue;
		if (at + 4 + bytes > room || n >= ROWS_MAX)
			return 0;
		out[at++] = (uint8_t)s->kind;
		out[at++] = 0;
		out[at++] = (uint8_t)n;
		out[at++] = (uint8_t)(n >> 8);
		for (size_t t = 0; tables && t < n; t++) {
			uint16_t v = table_value((const uint16_t *)rows + t * MAGLEV_SIZE);
			memcpy(out + at + 2 * t, &v, sizeof(v));
		}
		if (!tables)
			memcpy(out + at, rows, bytes);
		at += bytes;
	}
	return at;
}

void
image_seal(struct image_header *h, size_t size)
{
	h->magic = IMAGE_MAGIC;
	h->version = IMAGE_VERSION;
	h->size = size;
	h->checksum = 0;
	h->checksum = crc32c(0, h, size);
}

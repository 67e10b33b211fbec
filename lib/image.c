/* SPDX-License-Identifier: Apache-2.0 */
/* Images: finding sections, and building, for those who make them. */
#include "image.h"

#include <stdlib.h>

enum { IMAGE_ALIGN = 64 };

__attribute__((target("sse4.2"))) uint32_t
crc32c(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t c = (uint32_t)~crc;
	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), p += sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, p, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; size > 0; size--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (uint32_t)~c;
}

static const struct image_section *
section_find(const struct image_header *h, uint32_t kind)
{
	for (uint32_t i = 0; i < h->sections; i++)
		if (h->section[i].kind == kind)
			return &h->section[i];
	return NULL;
}

const void *
image_rows(const struct image_header *h, uint32_t kind, uint32_t *n)
{
	const struct image_section *s = section_find(h, kind);
	*n = s != NULL ? (uint32_t)s->rows : 0;
	return s != NULL ? (const uint8_t *)h + s->offset : NULL;
}

bool
image_section_is(const struct image_header *h, uint32_t kind, size_t row_size)
{
	const struct image_section *s = section_find(h, kind);
	return s == NULL || s->row_size == row_size;
}

/* Room for size bytes at the end, zeroed. => Their offset; on failure 0 and b->failed is set. */
static size_t
grow(struct image_builder *b, size_t size)
{
	if (b->failed || size > IMAGE_MAX - b->size) {
		b->failed = 1;
		return 0;
	}
	size_t at = b->size, need = b->size + size;
	if (need > b->room) {
		size_t room = need > 2 * b->room ? need : 2 * b->room;
		uint8_t *data = realloc(b->data, room);
		if (data == NULL) {
			b->failed = 1;
			return 0;
		}
		b->data = data;
		b->room = room;
	}
	memset(b->data + at, 0, size);
	b->size = need;
	return at;
}

void
image_build_begin(struct image_builder *b, uint64_t generation)
{
	*b = (struct image_builder){0};
	grow(b, sizeof(struct image_header));
	if (b->failed)
		return;
	struct image_header *h = (void *)b->data;
	h->magic = IMAGE_MAGIC;
	h->version = IMAGE_VERSION;
	h->generation = generation;
}

void
image_build_rows(struct image_builder *b, uint32_t kind, const void *rows, size_t row_size,
                 size_t n)
{
	size_t size;
	if (b->failed || row_size > UINT32_MAX || n > UINT32_MAX ||
	    __builtin_mul_overflow(row_size, n, &size) ||
	    ((struct image_header *)b->data)->sections == IMAGE_MAX_SECTIONS) {
		b->failed = 1;
		return;
	}
	grow(b, -b->size % IMAGE_ALIGN);
	size_t at = grow(b, size);
	if (b->failed)
		return;
	if (size != 0 && rows != NULL)
		memcpy(b->data + at, rows, size);
	struct image_header *h = (void *)b->data;
	h->section[h->sections++] = (struct image_section){
		.kind = kind, .row_size = (uint32_t)row_size, .offset = at, .rows = n,
	};
}

void
image_build_more(struct image_builder *b, struct image_header *h)
{
	*b = (struct image_builder){.data = (uint8_t *)h, .size = h->size, .room = h->size};
}

static void
checksum(struct image_header *h)
{
	h->checksum = 0;
	h->checksum = crc32c(0, h, h->size);
}

void *
image_build_end(struct image_builder *b, size_t *size)
{
	if (b->failed) {
		free(b->data);
		*b = (struct image_builder){0};
		return NULL;
	}
	struct image_header *h = (void *)b->data;
	h->size = b->size;
	checksum(h);
	*size = b->size;
	*b = (struct image_builder){0};
	return h;
}

static size_t
section_size(const struct image_section *s)
{
	return (s->rows * s->row_size + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

size_t
image_lean_size(const struct image_header *h, uint32_t kind)
{
	size_t size = sizeof(*h);
	for (uint32_t i = 0; i < h->sections; i++)
		if (h->section[i].kind != kind)
			size += section_size(&h->section[i]);
	return size;
}

struct image_header *
image_lean(const struct image_header *h, uint32_t kind, void *out)
{
	struct image_header *lean = out;
	size_t at = sizeof(*h);
	memcpy(lean, h, sizeof(*h));
	memset(lean->section, 0, sizeof(lean->section));
	lean->sections = 0;
	for (uint32_t i = 0; i < h->sections; i++) {
		struct image_section s = h->section[i];
		size_t bytes = s.rows * s.row_size;
		if (s.kind == kind)
			continue;
		memcpy((uint8_t *)out + at, (const uint8_t *)h + s.offset, bytes);
		memset((uint8_t *)out + at + bytes, 0, section_size(&s) - bytes);
		s.offset = at;
		at += section_size(&s);
		lean->section[lean->sections++] = s;
	}
	lean->size = at;
	checksum(lean);
	return lean;
}

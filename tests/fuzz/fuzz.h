/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the fuzzers share: a cursor over the input, promises that must hold, and a
 *            generation image in few bytes (so that mutations hit what matters).
 * Layout     Compact image: one section after the other, each {kind, row size too much, rows low,
 *            rows high} and its rows; where the input ends, rows are zero. Of IMG_LB_SLOTS a row
 *            is a whole table in two bytes: slot i names backend i modulo (value + 1), none if the
 *            value is 0xffff.
 * See        tests/fuzz/run.
 */
#ifndef MR_FUZZ_H
#define MR_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image.h"

#define MUST(x)                                                                                \
	do {                                                                                   \
		if (!(x)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                               \
		}                                                                              \
	} while (0)

struct input {
	const uint8_t *p;
	size_t left;
};

/* input_bytes: the next n bytes, zeros where the input has ended. */
static inline void
input_bytes(struct input *in, void *out, size_t n)
{
	size_t have = n < in->left ? n : in->left;
	if (have != 0)
		memcpy(out, in->p, have);
	memset((uint8_t *)out + have, 0, n - have);
	in->p += have;
	in->left -= have;
}

static inline uint8_t
input_u8(struct input *in)
{
	uint8_t v;
	input_bytes(in, &v, sizeof(v));
	return v;
}

static inline uint16_t
input_u16(struct input *in)
{
	uint16_t v;
	input_bytes(in, &v, sizeof(v));
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* compact_unpack: the image of a compact form, well sealed, its rows hostile. free() it. */
struct image_header *compact_unpack(struct input *in, size_t *size);
/* compact_pack: => bytes written, 0 when room is too small. */
size_t compact_pack(const struct image_header *h, uint8_t *out, size_t room);
/* image_seal: make magic, version, size and checksum right, whatever else is wrong. */
void image_seal(struct image_header *h, size_t size);

#endif

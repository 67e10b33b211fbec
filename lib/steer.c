/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home of an address. Bit i of the input adds key bits i..i+31 (all counted from the most
 * significant) to a Toeplitz hash, so the low 9 bits of the hash see key bits i+23..i+31. An IPv4
 * source is input bits 0..31, its windows are bits 23..62, and a destination's begin at 55. A key
 * that is zero but for bits 31..54 thus hashes the source alone.
 */
#include "steer.h"

/*
 * Key bits 31..54, bit 31 first. With these any 9 neighbouring bits of an address run through all
 * buckets, and its lowest k bits through all values of the bucket's highest k.
 */
enum { PATTERN = 0xbb39a5, PATTERN_BITS = 24, PATTERN_AT = 31 };

/* Key bits 23..62 as a number: what lies above bit b of it is what input bit 31 - b adds. */
#define WINDOWS ((uint64_t)PATTERN << 8)

void
steer_init(struct steer *s, uint16_t n_workers, uint8_t class_bits, uint8_t split_blocks,
           uint8_t block_shift)
{
	*s = (struct steer){
		.n_workers = n_workers, .class_bits = class_bits, .split_blocks = split_blocks,
		.block_shift = block_shift,
	};
	/* Pools that share their addresses do not bind subscribers to classes. */
	s->bits = split_blocks ? STEER_RETA_BITS : class_bits;
	steer_coarsen(s, s->bits);
}

void
steer_coarsen(struct steer *s, unsigned bits)
{
	if (bits < s->bits)
		s->bits = (uint8_t)bits;
	for (unsigned b = 0; b < STEER_RETA; b++)
		s->worker[b] = (uint8_t)((b >> (STEER_RETA_BITS - s->bits)) * s->n_workers >>
		                         s->bits);
}

/* Bit k of the hash is the parity of those input bits whose window has a 1 there. */
static unsigned
hash_word(be32 w)
{
	uint32_t x = __builtin_bswap32(w);
	unsigned r = 0;
	for (unsigned k = 0; k < STEER_RETA_BITS; k++)
		r |= (unsigned)__builtin_parity(x & (uint32_t)(WINDOWS >> k)) << k;
	return r;
}

uint16_t
steer_bucket(const union addr *a, uint8_t family)
{
	unsigned r = hash_word(a->w[0]);
	if (family == FAMILY_V6)
		r ^= hash_word(a->w[3]);
	return (uint16_t)r;
}

uint16_t
steer_class(const struct steer *s, const union addr *a, uint8_t family)
{
	return steer_bucket(a, family) >> (STEER_RETA_BITS - s->class_bits);
}

uint16_t
steer_worker_of(const struct steer *s, const union addr *a, uint8_t family)
{
	if (s->n_workers == 1)
		return 0;
	return s->worker[steer_bucket(a, family)];
}

uint16_t
steer_worker_port_of(const struct steer *s, const union addr *a, uint8_t family, uint16_t port)
{
	if (s->split_blocks)
		return (port >> s->block_shift) % s->n_workers;
	return steer_worker(s, a, family);
}

static void
key_set_pattern(uint8_t key[STEER_KEY], unsigned at)
{
	for (unsigned i = 0; i < PATTERN_BITS; i++)
		if (PATTERN >> (PATTERN_BITS - 1 - i) & 1)
			key[(at + i) / 8] |= (uint8_t)(0x80u >> (at + i) % 8);
}

/* A table of 2^n < 512 entries sees fewer bits of the hash: by moving the key they are the
 * bucket's highest. */
static unsigned
key_shift(unsigned reta_bits)
{
	return reta_bits < STEER_RETA_BITS ? STEER_RETA_BITS - reta_bits : 0;
}

void
steer_key_inside(uint8_t key[STEER_KEY], unsigned reta_bits)
{
	memset(key, 0, STEER_KEY);
	unsigned at = PATTERN_AT + key_shift(reta_bits);
	key_set_pattern(key, at);
	key_set_pattern(key, at + 96);
}

void
steer_key_outside(uint8_t key[STEER_KEY], uint8_t family, unsigned reta_bits)
{
	memset(key, 0, STEER_KEY);
	unsigned at = PATTERN_AT + key_shift(reta_bits) + addr_bits(family);
	key_set_pattern(key, at);
	if (family == FAMILY_V6)
		key_set_pattern(key, at + 96);
}

void
steer_key_make(uint8_t *bytes, uint16_t size, enum steer_key key, unsigned reta_bits)
{
	uint8_t k[STEER_KEY] = {0};
	if (key == STEER_KEY_INSIDE)
		steer_key_inside(k, reta_bits);
	else if (key != STEER_KEY_NONE)
		steer_key_outside(k, key == STEER_KEY_OUTSIDE4 ? FAMILY_V4 : FAMILY_V6, reta_bits);
	memset(bytes, 0, size);
	memcpy(bytes, k, size < STEER_KEY ? size : STEER_KEY);
}

uint16_t
steer_reta(const struct steer *s, unsigned entry, unsigned reta_bits)
{
	unsigned bucket = (entry << key_shift(reta_bits)) & (STEER_RETA - 1);
	return s->worker[bucket];
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       SipHash-2-4 over whole words of 64 bits: a hash that nobody can foretell without its
 *            key, for what is answered with.
 * Limits     The message is n words (little-endian); its length is part of the hash.
 * See        Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
#ifndef MR_SIPHASH_H
#define MR_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sip {
	uint64_t v[4];
};

static inline uint64_t
sip_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
sip_rounds(struct sip *s, unsigned n)
{
	uint64_t *v = s->v;
	for (unsigned i = 0; i < n; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = sip_rotate(v[1], 13) ^ v[0];
		v[3] = sip_rotate(v[3], 16) ^ v[2];
		v[0] = sip_rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = sip_rotate(v[3], 21) ^ v[0];
		v[1] = sip_rotate(v[1], 17) ^ v[2];
		v[2] = sip_rotate(v[2], 32);
	}
}

static inline void
sip_word(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	sip_rounds(s, 2);
	s->v[0] ^= word;
}

static inline uint64_t
siphash(const uint64_t key[2], const uint64_t *word, size_t n)
{
	struct sip s = {{
		key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u,
	}};
	for (size_t i = 0; i < n; i++)
		sip_word(&s, word[i]);
	sip_word(&s, (uint64_t)(n * 8) << 56);
	s.v[2] ^= 0xff;
	sip_rounds(&s, 4);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

#endif

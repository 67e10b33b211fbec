/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A tuple names one direction of a flow: source, destination, ports, as on the wire.
 * Layout     tuple4 is 12 bytes and tuple6 36, packed in pairs in a flow; struct tuple (40 bytes)
 *            holds either family with protocol and realm, for misses, policies and control.
 * Invariant  1. tuple_invert twice is the identity.
 *            2. Equal tuples have equal hashes.
 *            3. ICMP echo: the request has sport = identifier and dport = 0, the reply sport = 0
 *               and dport = identifier, so that a reply is the inverse of its request.
 * Owner      Values, no state.
 * See        docs/design.md, "A flow is two tuples".
 */
#ifndef MR_TUPLE_H
#define MR_TUPLE_H

#include "addr.h"

enum { IPPROTO_L4_ICMP = 1, IPPROTO_L4_TCP = 6, IPPROTO_L4_UDP = 17, IPPROTO_L4_ICMP6 = 58 };

struct tuple4 {
	be32 src, dst;
	be16 sport, dport;
};
static_assert(sizeof(struct tuple4) == 12, "two of them and 40 bytes of state are one line");

struct tuple6 {
	union addr src, dst;
	be16 sport, dport;
} __attribute__((packed, aligned(4)));
static_assert(sizeof(struct tuple6) == 36, "two of them and 40 bytes of state fit two lines");

struct tuple {
	union addr src, dst;
	be16 sport, dport;
	uint8_t family; /* FAMILY_V4 or FAMILY_V6 */
	uint8_t proto;  /* IP protocol number; ICMPv6 is 58 */
	uint8_t realm;  /* address space of the interface; 0 is the outside; or see REALM_NAMED */
	uint8_t zero;
};
static_assert(sizeof(struct tuple) == 40, "layout of records depends on it");

/* From here on no interface's: a policy's names for flows that it is asked for by each packet. */
enum { REALM_NAMED = 128 };

static inline struct tuple4
tuple4_invert(const struct tuple4 *t)
{
	return (struct tuple4){t->dst, t->src, t->dport, t->sport};
}

static inline struct tuple
tuple_invert(const struct tuple *t)
{
	struct tuple r = *t;
	r.src = t->dst;
	r.dst = t->src;
	r.sport = t->dport;
	r.dport = t->sport;
	return r;
}

static inline bool
tuple4_equal(const struct tuple4 *a, const struct tuple4 *b)
{
	uint64_t x, y;
	uint32_t p, q;
	memcpy(&x, &a->src, sizeof(x));
	memcpy(&y, &b->src, sizeof(y));
	memcpy(&p, &a->sport, sizeof(p));
	memcpy(&q, &b->sport, sizeof(q));
	return ((x ^ y) | (p ^ q)) == 0;
}

static inline bool
tuple6_equal(const struct tuple6 *a, const struct tuple6 *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline struct tuple4
tuple_to4(const struct tuple *t)
{
	return (struct tuple4){t->src.w[0], t->dst.w[0], t->sport, t->dport};
}

static inline struct tuple6
tuple_to6(const struct tuple *t)
{
	return (struct tuple6){t->src, t->dst, t->sport, t->dport};
}

/*
 * tuple_of4, tuple_of6: a tuple from its parts, written where it is to stand (what is copied in 16
 * bytes at once right after it was written in 8 waits for the store buffer).
 */
static inline void
tuple_of4(struct tuple *t, const struct tuple4 *key, uint8_t proto, uint8_t realm)
{
	t->src = addr_from_v4(key->src);
	t->dst = addr_from_v4(key->dst);
	t->sport = key->sport;
	t->dport = key->dport;
	t->family = FAMILY_V4;
	t->proto = proto;
	t->realm = realm;
	t->zero = 0;
}

static inline void
tuple_of6(struct tuple *t, const struct tuple6 *key, uint8_t proto, uint8_t realm)
{
	t->src = key->src;
	t->dst = key->dst;
	t->sport = key->sport;
	t->dport = key->dport;
	t->family = FAMILY_V6;
	t->proto = proto;
	t->realm = realm;
	t->zero = 0;
}

/* mix64: one 64x64 multiplication folded; the whole strength of the table hash. */
static inline uint64_t
mix64(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* tuple4_hash_base: what a realm and the seed put into the hash of each of its tuples. */
static inline uint64_t
tuple4_hash_base(uint8_t realm, uint64_t seed)
{
	return (uint64_t)realm << 40 ^ 0x9e3779b97f4a7c15u ^ seed >> 7;
}

/* tuple4_hash_words: tuple4_hash of a tuple's addresses and ports as they stand in memory. */
static inline uint64_t
tuple4_hash_words(uint64_t addresses, uint32_t ports, uint8_t proto, uint64_t base, uint64_t seed)
{
	uint64_t h = mix64(addresses ^ seed, ((uint64_t)proto << 32 | ports) ^ base);
	return mix64(h ^ seed, 0xd6e8feb86659fd93u);
}

/*
 * tuple4_hash, tuple6_hash: the table hash of a tuple under a secret seed (drawn at start, so
 * that nobody outside can aim packets at one bucket). All its bits are good.
 */
static inline uint64_t
tuple4_hash(const struct tuple4 *t, uint8_t proto, uint8_t realm, uint64_t seed)
{
	uint64_t addresses;
	uint32_t ports;
	memcpy(&addresses, &t->src, sizeof(addresses));
	memcpy(&ports, &t->sport, sizeof(ports));
	return tuple4_hash_words(addresses, ports, proto, tuple4_hash_base(realm, seed), seed);
}

static inline uint64_t
tuple6_hash(const struct tuple6 *t, uint8_t proto, uint8_t realm, uint64_t seed)
{
	uint64_t w[4];
	memcpy(w, t, sizeof(w));
	uint64_t p = ((uint64_t)t->sport << 48) | ((uint64_t)t->dport << 32) |
	             ((uint64_t)realm << 8) | proto;
	uint64_t h = mix64(w[0] ^ seed, w[1] ^ 0x9e3779b97f4a7c15u);
	h ^= mix64(w[2] ^ seed ^ 0xa0761d6478bd642fu, w[3] ^ 0xe7037ed1a0b428dbu);
	return mix64(h ^ p, seed ^ 0xd6e8feb86659fd93u);
}

/* tuple_hash: the same value as the family's own function. */
static inline uint64_t
tuple_hash(const struct tuple *t, uint64_t seed)
{
	if (t->family == FAMILY_V4) {
		struct tuple4 t4 = tuple_to4(t);
		return tuple4_hash(&t4, t->proto, t->realm, seed);
	}
	struct tuple6 t6 = tuple_to6(t);
	return tuple6_hash(&t6, t->proto, t->realm, seed);
}

#endif

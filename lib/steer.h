/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which worker is the home of an address: RETA[toeplitz(key, address)].
 * Layout     STEER_RETA buckets; the bucket of an address is the low 9 bits of its Toeplitz hash
 *            under the inside key (as a source) which by construction equal those under the outside
 *            key (as a destination).
 * Invariant  1. steer_bucket and steer_class depend on the address alone, not on the number of
 *               workers or the devices.
 *            2. steer_worker is below the number of workers.
 * Owner      Constant after init.
 * See        docs/design.md, "Steering"; DPDK rte_thash.h.
 */
#ifndef MR_STEER_H
#define MR_STEER_H

#include "addr.h"

enum { STEER_RETA_BITS = 9, STEER_RETA = 1 << STEER_RETA_BITS, STEER_KEY = 40 };

/* What arrives, by which of its addresses is at home: the source, or the destination. */
enum steer_traffic {
	STEER_SUBSCRIBER, /* of NAT: source */
	STEER_POOL,       /* to a pool address: destination, and port when blocks are divided */
	STEER_CLIENT4,    /* to a service: source */
	STEER_CLIENT6,
	STEER_REPLY4,     /* of a nat-mode backend: destination, the client */
	STEER_REPLY6,
	STEER_LOCAL4,     /* to a fullnat local address: destination, as STEER_POOL */
	STEER_LOCAL6,
	STEER_TRAFFICS
};

enum steer_key {
	STEER_KEY_NONE,     /* the driver's own */
	STEER_KEY_INSIDE,   /* the source, both families */
	STEER_KEY_OUTSIDE4, /* the destination, IPv4 */
	STEER_KEY_OUTSIDE6,
	STEER_KEYS
};

struct steer {
	uint16_t n_workers;
	uint8_t class_bits;  /* the bucket's highest bits that make its class */
	uint8_t split_blocks; /* 1: pool addresses are shared, port blocks are divided */
	uint8_t block_shift; /* log2 of the ports of a share, when split_blocks */
	uint8_t bits;        /* of the bucket, the highest, that a worker depends on */
	uint8_t worker[STEER_RETA];
};

/* steer_init: => class_bits <= STEER_RETA_BITS. */
void steer_init(struct steer *s, uint16_t n_workers, uint8_t class_bits, uint8_t split_blocks,
                uint8_t block_shift);

/*
 * steer_coarsen: let workers depend on the highest `bits` of the bucket only (a smaller number
 * holds): a NIC with a table of 2^bits entries cannot tell more. The same for all devices, since
 * an address has one home.
 */
void steer_coarsen(struct steer *s, unsigned bits);

/* steer_bucket: Toeplitz bucket of an address, 0..STEER_RETA-1. */
uint16_t steer_bucket(const union addr *a, uint8_t family);

/*
 * steer_class: the highest class_bits bits of the bucket; equal classes share a worker. Those, not
 * the lowest, because they follow an address's lowest bits: 2^k neighbouring aligned addresses
 * stand in 2^k classes.
 */
uint16_t steer_class(const struct steer *s, const union addr *a, uint8_t family);

/* steer_worker: home of a subscriber's, client's or (not split) pool address. */
uint16_t steer_worker_of(const struct steer *s, const union addr *a, uint8_t family);
static inline uint16_t
steer_worker(const struct steer *s, const union addr *a, uint8_t family)
{
	return s->n_workers == 1 ? 0 : steer_worker_of(s, a, family);
}

/* steer_worker_port: home of (pool or local address, port in host order). */
uint16_t steer_worker_port_of(const struct steer *s, const union addr *a, uint8_t family,
                              uint16_t port);
static inline uint16_t
steer_worker_port(const struct steer *s, const union addr *a, uint8_t family, uint16_t port)
{
	return s->n_workers == 1 ? 0 : steer_worker_port_of(s, a, family, port);
}

/*
 * steer_own_ports: of an address, those that one worker has at most, in whole words of bits.
 * steer_own_place: where a port stands among them, closed up.
 */
static inline uint32_t
steer_own_ports(const struct steer *s)
{
	uint32_t n = s->split_blocks ? s->n_workers : 1, units = 65536u >> s->block_shift;
	uint32_t ports = n == 1 ? 65536 : (units + n - 1) / n << s->block_shift;
	return (ports + 63) & ~63u;
}

static inline uint32_t
steer_own_place(const struct steer *s, uint16_t port)
{
	if (!s->split_blocks || s->n_workers == 1)
		return port;
	uint32_t low = port & ((1u << s->block_shift) - 1);
	return (uint32_t)(port >> s->block_shift) / s->n_workers << s->block_shift | low;
}

/*
 * steer_key_inside, steer_key_outside: Toeplitz keys for a NIC whose table has 2^reta_bits entries,
 * for devices where subscribers and clients are sources, and for those where pool addresses are
 * destinations (one family can be served). steer_reta: the worker of a table entry under them.
 */
void steer_key_inside(uint8_t key[STEER_KEY], unsigned reta_bits);
void steer_key_outside(uint8_t key[STEER_KEY], uint8_t family, unsigned reta_bits);
/* steer_key_make: any of them, with zeros up to size. */
void steer_key_make(uint8_t *bytes, uint16_t size, enum steer_key key, unsigned reta_bits);
uint16_t steer_reta(const struct steer *s, unsigned entry, unsigned reta_bits);

#endif

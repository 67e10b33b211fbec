/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which worker is the home of an address: RETA[toeplitz(key, address)].
 * Layout     STEER_RETA buckets; the bucket of an address is the low 9 bits of its Toeplitz hash
 *            under the inside key (as a source) which by construction equal those under the outside
 *            key (as a destination).
 * Invariant  1. steer_bucket depends on the address alone, not on the number of workers.
 *            2. steer_worker is below the number of workers.
 * Owner      Constant after init.
 * See        docs/design.md, "Steering"; DPDK rte_thash.h.
 */
#ifndef MR_STEER_H
#define MR_STEER_H

#include "addr.h"

enum { STEER_RETA_BITS = 9, STEER_RETA = 1 << STEER_RETA_BITS };

struct steer {
	uint16_t n_workers;
	uint8_t class_bits;  /* buckets are taken modulo 2^class_bits (pools with few addresses) */
	uint8_t split_blocks; /* 1: pool addresses are shared, port blocks are divided */
	uint8_t block_shift; /* log2 of the port block size, when split_blocks */
	uint8_t worker[STEER_RETA];
};

/* steer_init: => class_bits <= STEER_RETA_BITS. */
void steer_init(struct steer *s, uint16_t n_workers, uint8_t class_bits, uint8_t split_blocks,
                uint8_t block_shift);

/* steer_bucket: Toeplitz bucket of an address, 0..STEER_RETA-1. */
uint16_t steer_bucket(const union addr *a, uint8_t family);

/* steer_class: the bucket modulo 2^class_bits; equal classes share a worker. */
uint16_t steer_class(const struct steer *s, const union addr *a, uint8_t family);

/* steer_worker: home of a subscriber's, client's or (not split) pool address. */
uint16_t steer_worker(const struct steer *s, const union addr *a, uint8_t family);

/* steer_worker_port: home of (pool or local address, port in host order). */
uint16_t steer_worker_port(const struct steer *s, const union addr *a, uint8_t family,
                           uint16_t port);

#endif

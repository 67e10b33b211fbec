/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Log records of address translation, and the ring each worker puts them in.
 * Layout     48-byte records; a ring is a power-of-two array with a producer and a consumer count
 *            on lines of their own. The ring segment is shared memory; no DPDK header here.
 * Invariant  1. A record is written whole before head passes it (store-release).
 *            2. When the ring is full the record is lost and counted, the packet is not.
 *            3. sequence grows by one for every record made, lost ones included.
 * Owner      The worker writes records and head; the daemon writes tail. A wrong tail can lose
 *            records, never more.
 * See        RFC 8158 (events), RFC 6888 section 4.
 */
#ifndef MR_RECORD_H
#define MR_RECORD_H

#include <stdatomic.h>

#include "addr.h"

enum record_event { /* natEvent numbers of RFC 8158 where it has one */
	RECORD_ADDRESSES_EXHAUSTED = 3,
	RECORD_MAPPING_CREATE = 8,
	RECORD_MAPPING_DELETE = 9,
	RECORD_PORTS_EXHAUSTED = 12,
	RECORD_QUOTA_EXCEEDED = 13,
	RECORD_BLOCK_CREATE = 16,
	RECORD_BLOCK_DELETE = 17,
};

struct record {
	uint64_t time_ns;    /* of the worker's clock: CLOCK_REALTIME, or the capture's */
	uint64_t sequence;
	be32 subscriber;     /* inside address */
	be32 external;       /* pool address */
	uint16_t port_first; /* host order: the mapping's external port, or the block's first */
	uint16_t port_last;
	uint16_t inside_port; /* host order; 0 in block records */
	uint8_t event;       /* enum record_event */
	uint8_t proto;       /* 0 in block records */
	uint8_t realm;
	uint8_t worker;
	uint16_t pool;
	uint32_t zero;
	uint64_t spare;
};
static_assert(sizeof(struct record) == 48, "shared layout");

enum { RECORD_RING = 1 << 14 };

struct record_ring {
	_Atomic uint64_t head __attribute__((aligned(64)));
	_Atomic uint64_t tail __attribute__((aligned(64)));
	struct record slot[RECORD_RING] __attribute__((aligned(64)));
};

struct record_segment {
	uint32_t magic, version, rings, zero;
	uint64_t size;
	struct record_ring ring[] __attribute__((aligned(64)));
};

uint64_t record_segment_size(uint32_t rings);
void record_segment_init(struct record_segment *s, uint32_t rings);
/* record_put: => false when full (the caller counts log_lost). */
bool record_put(struct record_ring *r, const struct record *rec);
/* record_take: copy up to n out and pass them. => how many. */
uint32_t record_take(struct record_ring *r, struct record *out, uint32_t n);
const char *record_event_name(unsigned event);

#endif

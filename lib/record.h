/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Log records of address translation, and the ring each worker puts them in.
 * Layout     96-byte records; a ring is a power-of-two array with a producer and a consumer count
 *            on lines of their own. The ring segment is shared memory; no DPDK header here.
 * Invariant  1. A record is written whole before head passes it (store-release).
 *            2. When the ring is full the record is lost and counted, the packet is not.
 *            3. sequence grows by one for every record made, lost ones included.
 *            4. Whoever reads lost and then finds the ring empty knows that these were lost before
 *               every record still to come.
 * Owner      The worker writes records, head and lost; the daemon writes tail. A wrong tail can
 *            lose records, never more.
 * See        RFC 8158 (events), RFC 6888 section 4; docs/log.md.
 */
#ifndef MR_RECORD_H
#define MR_RECORD_H

#include <stdatomic.h>
#include <stddef.h>

#include "addr.h"

enum record_event { /* natEvent numbers of RFC 8158 where it has one */
	RECORD_ADDRESSES_EXHAUSTED = 3,
	RECORD_SESSION_CREATE = 4,
	RECORD_SESSION_DELETE = 5,
	RECORD_MAPPING_CREATE = 8,
	RECORD_MAPPING_DELETE = 9,
	RECORD_PORTS_EXHAUSTED = 12,
	RECORD_QUOTA_EXCEEDED = 13,
	RECORD_ADDRESS_CREATE = 14,
	RECORD_ADDRESS_DELETE = 15,
	RECORD_BLOCK_CREATE = 16,
	RECORD_BLOCK_DELETE = 17,
	RECORD_THRESHOLD = 18,
	/* What the daemon adds. */
	RECORD_BLOCK_INTERIM = 200, /* the block is still held, since since_ns */
	RECORD_GAP = 201,           /* `lost` (0: unknown) are missing since since_ns */
	RECORD_START = 202,         /* a data plane began with nothing */
	RECORD_RANGES = 203,        /* deterministic: subscriber to far have limit ports each */
	RECORD_CLOCK = 204,         /* the system's clock was set, when it showed since_ns */
};

enum record_threshold { /* natThresholdEvent numbers of RFC 8158 where it has one */
	THRESHOLD_POOL_HIGH = 1, THRESHOLD_POOL_LOW = 2, THRESHOLD_MAPPINGS_HIGH = 3,
	THRESHOLD_USER_HIGH = 4, THRESHOLD_SUBSCRIBERS_HIGH = 5,
	THRESHOLD_USER_LOW = 200, THRESHOLD_MAPPINGS_LOW = 201, THRESHOLD_SUBSCRIBERS_LOW = 202,
};

/* What is used up, of a quota: of one subscriber, or a table that all of a worker share. */
enum record_quota {
	QUOTA_PORTS = 1, QUOTA_MAPPINGS, QUOTA_FLOWS, QUOTA_FLOW_RATE,
	QUOTA_MAPPING_TABLE, QUOTA_SUBSCRIBER_TABLE, QUOTA_PERMISSION_TABLE, QUOTA_FLOW_TABLE,
	QUOTA_FRAGMENTS, QUOTA_FRAGMENT_TABLE, /* that wait for their first one */
};

struct record {
	uint64_t time_ns;    /* of the worker's clock: CLOCK_REALTIME, or the capture's */
	uint64_t sequence;   /* of its worker; 0: made by the daemon */
	union {
		uint64_t since_ns; /* interim: when it began; gap: time of the last one before;
		                    * start: when the one before was heard of last, 0: none was;
		                    * clock: what it showed before it was set */
		uint64_t packets_out;
		uint64_t used;     /* threshold: blocks of the worker's pool, mappings, or
		                    * subscribers */
	};
	union {
		uint64_t lost;     /* gap: how many */
		uint64_t packets_in;
		uint64_t limit;    /* threshold: how many of them that is; quota: what it is */
	};
	uint64_t bytes_out, bytes_in; /* session records at the end: out is from inside */
	be32 subscriber;     /* inside address */
	be32 external;       /* pool address */
	be32 far;            /* session records: destination */
	uint16_t port_first; /* host order: the mapping's external port, or the block's first */
	uint16_t port_last;
	uint16_t inside_port; /* host order; 0 in block records */
	uint16_t far_port;
	uint16_t pool;
	uint8_t event;       /* enum record_event */
	uint8_t proto;       /* 0 in block records */
	uint8_t realm;
	uint8_t worker;      /* RECORD_DAEMON: the daemon itself */
	uint8_t threshold;   /* enum record_threshold, of such an event */
	uint8_t quota;       /* enum record_quota, of such an event; 0: not known */
	uint16_t zero[2];
	uint64_t spare[2];
};
static_assert(sizeof(struct record) == 96, "shared layout");

enum { RECORD_DAEMON = 255 };

enum { RECORD_RING = 1 << 14 };

struct record_ring {
	_Atomic uint64_t head __attribute__((aligned(64)));
	_Atomic uint64_t lost; /* records that found no room */
	_Atomic uint64_t tail __attribute__((aligned(64)));
	struct record slot[RECORD_RING] __attribute__((aligned(64)));
};

struct record_segment {
	uint32_t magic, version, rings, zero;
	uint64_t size;
	/* What CLOCK_BOOTTIME shows beyond the workers' clock, said every second: that one follows
	 * a step of the system's clock slowly, records have to say what it shows. 0: not said. */
	_Atomic int64_t ahead_ns;
	struct record_ring ring[] __attribute__((aligned(64)));
};

static_assert(offsetof(struct record_segment, ring) == 64, "shared layout");

uint64_t record_segment_size(uint32_t rings);
void record_segment_init(struct record_segment *s, uint32_t rings);
/* record_put: => false when full (the caller counts log_lost). record_room: free slots. */
bool record_put(struct record_ring *r, const struct record *rec);
uint64_t record_room(const struct record_ring *r);
/* record_take: copy up to n out and pass them. => how many. */
uint32_t record_take(struct record_ring *r, struct record *out, uint32_t n);
const char *record_event_name(unsigned event); /* "?" when there is none */
/* record_event_number: of a name of so many bytes, 0 when there is none. */
unsigned record_event_number(const char *name, size_t size);

#endif

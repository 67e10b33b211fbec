/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The CGNAT sections of a generation image.
 * Layout     Rows of fixed size; names of other rows by number.
 * Invariant  nat_image_check: pool numbers are in range (of rules that translate), port ranges are
 *            not empty, block sizes are powers of two that fit the port range, address ids are
 *            unique and below the capacity, pool addresses are unique, excluded ports of a pool
 *            ascend, every pool route leads to the row of its own address, what needs permissions
 *            or a quarantine has room for it, static mappings are sorted both ways, overlap on
 *            neither side, and keep protocols, ranges of deterministic pools fit.
 * Limits     NAT_MAX_POOLS, NAT_MAX_RULES; addresses up to img_plane.pool_addresses.
 * See        lib/image.h. No DPDK header here: the compiler includes this.
 */
#ifndef MR_NAT_IMAGE_H
#define MR_NAT_IMAGE_H

#include "lib/image.h"

enum {
	NAT_MAX_POOLS = 256,
	NAT_MAX_RULES = 1024,
	NAT_MAX_PORTS = 32,
	NAT_MAX_HOLES = 64,   /* ranges of ports that a pool leaves out */
	NAT_MAX_BLOCKS = 16,  /* a subscriber may hold */
	NAT_MAX_SHARES = 10,  /* addresses of a subscriber, where ports are given one by one */
	NAT_MAX_RESERVE = 7,  /* blocks kept for a subscriber */
	NAT_MAX_FALLBACKS = 3, /* pools of a rule, beside its first */
	NAT_MAX_LANES = 7,     /* pools of rules that stand apart */
	NAT_MAX_ASKERS = 8,    /* who may ask for mappings of others */
	NAT_MIN_BLOCK = 16,   /* ports in the smallest block */
	NAT_MAX_STATICS = 65536, /* rows */
	NAT_MAX_INSIDES = 64, /* ranges of inside addresses of a deterministic pool */
	NAT_MAX_RANGE = 32768, /* ports of a subscriber's range there */
	NAT_MAX_QUARANTINE_MS = 24 * 3600 * 1000,
	NAT_MAX_LEASE_S = 30 * 24 * 3600,
	NAT_MAX_DRAIN_MS = 7 * 24 * 3600 * 1000,
};

enum nat_filtering { NAT_FILTER_EIF, NAT_FILTER_ADF, NAT_FILTER_APDF };
enum nat_action { NAT_TRANSLATE, NAT_PASS /* untouched */ };
enum nat_pool_flag {
	NAT_PORTS_IN_TURN = 1, NAT_BLOCKS_IN_TURN = 2, NAT_KEEP_PORT = 4, NAT_KEEP_PARITY = 8,
	NAT_PAIR_SOFT = 16, NAT_SINGLE = 32 /* ports one by one, without blocks */,
	NAT_POOL_FLAGS = 63,
	NAT_PORT_FLAGS = NAT_PORTS_IN_TURN | NAT_KEEP_PORT | NAT_KEEP_PARITY | NAT_SINGLE,
};
enum { NAT_REFUSE_HOST = 1, NAT_REFUSE_PROHIBITED = 13 }; /* ICMP codes */
enum nat_log { NAT_LOG_NONE, NAT_LOG_BLOCKS, NAT_LOG_MAPPINGS };

enum nat_other { NAT_OTHER_DROP, NAT_OTHER_PAIR }; /* protocols without ports that are known */

struct img_nat_asker { /* may ask for mappings of others: THIRD_PARTY of RFC 6887 */
	be32 source;   /* prefix */
	uint8_t plen;
	uint8_t nic;   /* interface of arrival */
	uint8_t realm; /* that the others are in */
	uint8_t zero;
};

struct img_nat_conf { /* one row */
	uint8_t log;             /* enum nat_log */
	uint8_t inbound_refresh; /* 1: inbound packets keep a mapping alive too (4787 REQ-6) */
	uint8_t log_refuses;     /* 1: no new block when the log has no room for it */
	uint8_t answer_syn;      /* 1: refuse an unsolicited SYN, late (5382 REQ-4); 0: silence */
	uint8_t refusal;         /* ICMP code when no mapping can be made (6888 REQ-11b: 1) */
	uint8_t log_addresses;   /* 1: which pool address a subscriber has, too (RFC 8158) */
	uint8_t start_waits;     /* 1: the quarantine holds for all ports after a start */
	uint8_t zero;
	/* Percent of a worker's table that is used: an event; high 0: none. */
	uint8_t mappings_high, mappings_low, subscribers_high, subscribers_low;
	uint32_t drain_ms;       /* what is left on an address that gives no more; 0: stays */
	uint32_t quarantine_ms;  /* before a freed port or block is given out again (6888 REQ-8) */
	uint32_t pcp_min_s, pcp_max_s; /* what a mapping that was asked for lasts */
	struct img_nat_asker asker[NAT_MAX_ASKERS];
	uint32_t askers;         /* of asker[] */
};

struct img_nat_pool {
	char name[IMAGE_NAME];
	uint32_t first_address, addresses; /* rows in IMG_NAT_ADDRESSES */
	uint16_t port_first, port_last;    /* host order, inclusive */
	uint16_t block_size;               /* ports, a power of two */
	uint16_t max_blocks;               /* a subscriber may hold, up to NAT_MAX_BLOCKS */
	uint8_t high, low;                 /* percent of blocks: an event; high 0: none */
	uint8_t flags;                     /* enum nat_pool_flag */
	uint8_t reserve;                   /* blocks kept for each subscriber that has one */
	uint32_t first_hole, holes;        /* rows in IMG_NAT_HOLES */
	/* Deterministic pools (nat/deterministic.h): */
	uint32_t first_inside, insides;    /* rows in IMG_NAT_INSIDE */
	uint16_t range_ports, range_hosts; /* ports of a range, 0: not so; ranges of an address */
	uint8_t inside_realm;              /* that the inside addresses are in */
	uint8_t zero[3];
};

struct img_nat_inside { /* inside addresses of a deterministic pool */
	uint32_t first, last; /* host order */
	uint32_t before;      /* how many the pool's rows before have */
};

struct img_nat_hole { /* ports that a pool does not give; of a pool ascending and apart */
	uint16_t first, last; /* host order, inclusive, within the pool's */
};

struct img_nat_address {
	be32 address;
	uint32_t id;     /* stable over generations: state is kept under it */
	uint16_t pool;   /* row in IMG_NAT_POOLS */
	uint16_t class;  /* steer_class of the address under img_plane's class bits */
	uint8_t drain;   /* 1: no new blocks from here (being removed) */
	uint8_t zero[3];
};

struct img_nat_rule { /* first match wins */
	char name[IMAGE_NAME];
	be32 source;     /* prefix of subscribers */
	uint8_t plen;
	uint8_t nic;     /* interface of arrival, or NIC_NONE for any that is not a pool's own */
	uint8_t filtering; /* enum nat_filtering */
	uint8_t timers;  /* row in IMG_TIMERS */
	uint16_t pool;   /* row in IMG_NAT_POOLS */
	uint8_t log_sessions; /* 1: their flows are logged, with destinations */
	uint8_t other;        /* enum nat_other */
	uint8_t fallbacks;    /* of fallback[]: pools for who gets no address of the first */
	uint16_t fallback[NAT_MAX_FALLBACKS];
	uint8_t apart;        /* 1: its destinations have mappings of their own (nat/lane.h) */
	uint8_t limited;      /* 1: one of high, max_flows and flow_cost is not 0 */
	uint8_t pcp;          /* 1: subscribers may ask for mappings, RFC 6887 */
	uint8_t zero;
	uint32_t max_mappings; /* a subscriber may hold (6888 REQ-4); 0: bounded by blocks only */
	uint32_t high, low;    /* mappings of a subscriber: an event; high 0: none */
	uint32_t max_flows;    /* a subscriber may have; 0: any number */
	uint32_t flow_cost;    /* 1/64 ms between flows that a subscriber opens; 0: no limit */
	uint32_t flow_burst;   /* the same for all that it may open at once; up to 2^30 */
	be32 destination;      /* prefix */
	/* What follows, but the prefix's length, is of NAT_PASS; of the others zero. */
	uint16_t first, last;  /* destination ports, host order; 0 to 65535: any, and no ports */
	uint8_t destination_plen;
	uint8_t action;        /* enum nat_action */
	uint8_t proto;         /* 0: any */
	uint8_t inbound;       /* 1: the destination may open connections too */
	/* Of both. */
	uint8_t realm;         /* that the source is in, plus one; 0: any */
	uint8_t zero2[3];
};

struct img_nat_ports { /* flows from inside to these ports; first match wins, before the rule's */
	uint16_t first, last; /* host order, inclusive */
	uint8_t proto;        /* TCP or UDP */
	uint8_t timers;       /* row in IMG_TIMERS */
	uint8_t zero[2];
};

/*
 * Endpoints as numbers, so that an interval of them is an address, a block of addresses or a range
 * of ports (nat/static.h). A row moves inside_first..inside_last to outside_first and on, and back.
 * Rows are sorted by inside_first; IMG_NAT_STATICS_OUT are their numbers (uint32_t), sorted by
 * outside_first. No two rows overlap on either side.
 */
struct img_nat_static {
	uint64_t inside_first, inside_last;
	uint64_t outside_first;
	uint8_t nic;     /* interface of arrival from inside, or NIC_NONE for any */
	uint8_t inbound; /* 1: connections from outside are let in; 0: answers only */
	uint8_t zero[6];
};

/* nat_image_check: the policy's part of checking an image. => 0 or -EINVAL and a sentence. */
int nat_image_check(const struct image_header *h, char *err, size_t err_size);

#endif

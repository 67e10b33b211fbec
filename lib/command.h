/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the control daemon and the data plane say to each other: fixed-size records over
 *            a Unix SEQPACKET socket, one request, one reply; file descriptors by SCM_RIGHTS.
 * Layout     struct command, then nothing; struct reply, then `count` records of `record_size`.
 * Invariant  1. The data plane checks every field as if an enemy had sent it.
 *            2. A listing is paged by cursor: 0 starts, the reply's cursor goes on, 0 ends it.
 * Limits     COMMAND_REPLY_MAX bytes a reply.
 * See        docs/design.md, "Processes". No DPDK header here.
 */
#ifndef MR_COMMAND_H
#define MR_COMMAND_H

#include "image.h"
#include "tuple.h"

enum { COMMAND_MAGIC = 0x4d524331, COMMAND_VERSION = 2, COMMAND_REPLY_MAX = 128 * 1024,
       COMMAND_ERR = 256, COMMAND_MAX_LIMIT = 65536 /* records that one may want */ };

enum command_kind {
	CMD_HELLO = 1,   /* => fds: statistics (read-only), records, image of the generation */
	CMD_APPLY,       /* fd: sealed memfd with an image => generation or error text */
	CMD_FLOWS,       /* filter, cursor => struct cmd_flow */
	CMD_MAPPINGS,    /* filter, cursor => struct cmd_mapping */
	CMD_SUBSCRIBERS, /* filter, cursor => struct cmd_subscriber */
	CMD_POOLS,       /* cursor => struct cmd_pool_address, one an address */
	CMD_NEIGHBOURS,  /* cursor => struct cmd_neighbour */
	CMD_NICS,        /* => struct cmd_nic */
	CMD_STEERING,    /* => struct cmd_steering, one a device */
	CMD_BLOCKS,      /* filter, cursor => struct cmd_block */
	CMD_CUT,         /* filter.nat, cursor: its generation; end these flows => cursor: number */
	CMD_CUT_SHOW,    /* => struct cmd_cut, the latest one */
	CMD_BACKENDS,    /* filter (worker, owner), cursor => struct cmd_backend: add them up */
	CMD_WAY_MTUS,    /* cursor => struct cmd_way_mtu */
	CMD_MAX
};

/* What is asked of address translation; a zero field matches everything. See nat/nat_filter.h. */
struct cmd_nat_filter {
	be32 inside, inside_mask;     /* subscriber */
	be32 external, external_mask; /* pool address */
	uint16_t inside_first, inside_last; /* ports in host order; last 0: any */
	uint16_t port_first, port_last;     /* external ones */
	uint16_t pool;                /* 1 + row in IMG_NAT_POOLS */
	uint16_t realm;               /* 1 + number */
	uint16_t worker;              /* 1 + number */
	uint8_t proto, zero;
};

/* A zero field matches everything. Mappings and subscribers: src and sport are the inside's, dst
 * and dport the external ones; any and any_port match either. */
struct cmd_filter {
	union addr src, dst;        /* of the initiator's tuple */
	union addr any;             /* matches any of the four addresses of a flow */
	uint8_t family, proto, policy, state; /* policy: 1 + number; state: enum conn_state */
	be16 sport, dport, any_port;
	uint16_t worker;            /* 1 + number */
	uint32_t owner;             /* 1 + owner (backend id with policy of the balancer) */
	be16 dport_last;            /* 0: dport alone */
	uint8_t dst_wide;           /* bits of dst that do not matter */
	uint8_t zero;
	struct cmd_nat_filter nat;
};

enum { CMD_COUNT = 1 }; /* command.flags: rows are counted, not sent; limit does not matter */

struct command {
	uint32_t magic, version;
	uint32_t kind;
	uint32_t limit;             /* records wanted, at most */
	uint64_t cursor;
	uint64_t size;              /* of the image, CMD_APPLY */
	uint32_t flags, zero;
	struct cmd_filter filter;
};

struct reply {
	uint32_t magic, version;
	uint32_t kind;
	int32_t status;             /* 0 or -errno, then err says why */
	uint64_t cursor;
	uint64_t generation;        /* that runs now; 0: none yet */
	uint32_t count, record_size;
	char err[COMMAND_ERR];
};

struct cmd_flow {
	struct tuple tuple[2];
	uint8_t policy, state, flags, worker;
	uint32_t owner;
	uint32_t idle_ms, left_ms;  /* since the last packet; until it expires */
	uint64_t packets[2], bytes[2];
};

/* Flows of a backend in the part of the tables that the page went over. */
struct cmd_backend {
	uint32_t owner, zero;
	uint64_t flows, active;     /* active: established TCP, answered UDP */
	uint64_t packets[2], bytes[2];
};

struct cmd_mapping {
	be32 inside, external;
	be16 inside_port, external_port; /* or ICMP identifiers */
	uint8_t proto, realm, worker, zero;
	uint32_t flows;             /* that use it */
	uint32_t pool;              /* row in IMG_NAT_POOLS */
	uint32_t lease_s;           /* it is kept on request for so long; 0: it is not */
};

struct cmd_subscriber {
	be32 address;
	be32 external;              /* paired pool address */
	uint8_t realm, worker;
	uint16_t blocks;
	uint16_t block_first[16];   /* first and last port of each block, host order */
	uint16_t block_last[16];
	uint16_t pool, zero;
	uint32_t mappings;
	uint32_t flows;
	uint32_t elsewhere;         /* blocks of other addresses (soft pairing), not in blocks */
};

struct cmd_pool_address {
	be32 address;
	uint32_t id;
	uint16_t pool, worker;      /* worker: its home, 0xffff when its blocks are divided */
	uint32_t blocks, blocks_used, blocks_quarantined;
	uint32_t ports_used[3];     /* TCP, UDP, ICMP */
};

struct cmd_block {
	be32 subscriber, external;
	uint16_t first, ports;      /* host order */
	uint16_t usable;            /* of ports, those that the pool gives */
	uint16_t taken[3];          /* TCP, UDP, ICMP: mapped or in quarantine */
	uint32_t mapped;
	uint16_t pool;              /* row in IMG_NAT_POOLS */
	uint8_t realm, worker;
};

struct cmd_cut {
	uint64_t number, flows;     /* ended so far */
	uint32_t workers, busy;     /* of them still at it */
	uint8_t is_short, zero[7];  /* 1: another generation came before its end */
};

struct cmd_neighbour {
	union addr address;
	uint8_t family, nic, mac[6];
	uint8_t state;              /* 0 dead, 1 up, 2 resolving */
	uint8_t is_static;
	uint16_t queued;            /* packets that wait */
	uint32_t age_ms;
};

/* What is learnt of the path to a backend: lib/way_mtu.h. */
struct cmd_way_mtu {
	union addr address;
	uint8_t family, zero;
	uint16_t mtu;               /* of outer packets */
	uint32_t left_ms;
};

struct cmd_nic {
	char name[IMAGE_NAME];
	char device[128];
	uint8_t mac[6];
	uint16_t vlan, mtu;
	uint8_t link_up, zero;
	uint16_t rx_queues, tx_queues;
	uint32_t speed_mbps;
};

struct cmd_steering {
	char device[128];
	char offers[256], choice[256], reason[256], cost[256]; /* sentences */
	char key[16];               /* inside, outside4, outside6, driver */
	uint8_t strength;           /* 1 RSS, 2 RSS and rules, 3 hand-off; 0: one worker */
	uint8_t lies;               /* packets arrive at other workers than it promised */
	uint16_t rx_queues, reta_size, zero;
	uint32_t rules, refused;    /* flow rules it has; that it did not take */
	uint64_t missteered, mishashed;
};

/* command_check: may this block be executed? => 0 or -EINVAL. */
int command_check(const void *data, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The seam to packet I/O: a device is something with queues of buffers. Production puts
 *            ethdev behind it (nic_ethdev.c), replay, tests and benches memory (nic_mem.c).
 * Layout     Buffers are struct rte_mbuf (header only use). One segment, never chained. What a
 *            buffer says of itself when it changes hands stands in `struct buf_meta` in hash.fdir.
 * Invariant  1. rx gives buffers to the caller; tx takes the first n it returns, the caller keeps
 *               the rest; free and alloc may be called by any thread.
 *            2. One thread only polls a given queue of a given device.
 * Owner      The device table is filled at start and constant while workers run.
 * Limits     MAX_DEVS devices, MAX_WORKERS queues each.
 */
#ifndef MR_NIC_H
#define MR_NIC_H

#include <stdatomic.h>

#include <rte_mbuf_core.h>

#include "addr.h"

enum {
	MAX_DEVS = 16,    /* devices (DPDK ports) */
	MAX_NICS = 64,    /* interfaces: device and VLAN; number 0 is none */
	MAX_WORKERS = 64,
	BURST = 64,
	BUF_HEADROOM = 128,
	BUF_ROOM = 2048 + BUF_HEADROOM, /* ordinary frames; jumbo devices say so at start */
	NIC_NONE = 0,
};

struct dev;

struct dev_ops {
	uint16_t (*rx)(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n);
	uint16_t (*tx)(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n);
	/* alloc: an empty buffer with BUF_HEADROOM, or NULL. */
	struct rte_mbuf *(*alloc)(struct dev *d);
	void (*free)(struct rte_mbuf **bufs, uint16_t n);
};

struct dev {
	const struct dev_ops *ops;
	void *ctx;
	uint16_t id;     /* index in the device table; rx sets mbuf->port to it */
	uint16_t port_id; /* ethdev's own number */
	uint16_t rx_queues, tx_queues;
	uint16_t mtu_max;
	uint8_t mac[6];
	uint8_t mac_filter; /* 1: software drops unicast frames for other stations */
	uint8_t link_up;
	uint32_t speed_mbps; /* of the link; 0: not known */
	_Atomic uint16_t steered; /* bits of enum steer_traffic that it is to bring home itself */
	uint8_t reta_bits;   /* log2 of its redirection table; 0: none. Constant when it is open */
	_Atomic uint8_t trouble; /* enum nic_trouble, as the driver said it last */
	char name[128];  /* the device string of the configuration */
};

enum nic_trouble {
	NIC_WELL,
	NIC_RESET, /* it has to be reset before it works again: a VF whose host was */
	NIC_GONE,  /* it was pulled out */
};

/* Why a buffer changes hands; counted by cause. */
enum handoff_cause {
	HANDOFF_HOME,    /* a worker's: its flow lives on another worker */
	HANDOFF_HAIRPIN, /* translated to one of our own pool addresses: enters again as outside */
	HANDOFF_FRAGMENT,
	HANDOFF_ICMP,
	HANDOFF_STRAY,   /* nobody claims it now: its flow may be older than the generation */
	HANDOFF_PUNT,    /* to the slow path, see enum punt */
	HANDOFF_TX,      /* complete frame: only to be sent, by buf_meta.nic */
	HANDOFF_MAX
};

/* What the slow path is asked to do with a punted packet. */
enum punt {
	PUNT_ARP,         /* ARP frame */
	PUNT_LOCAL,       /* IP to an address of ours (interface, service, multicast for ND) */
	PUNT_TTL,         /* answer Time Exceeded */
	PUNT_TOO_BIG,     /* answer Fragmentation Needed / Packet Too Big with meta.arg as MTU */
	PUNT_NEIGHBOUR,   /* already rewritten, L2 header not: resolve the next hop, then send */
	PUNT_NO_ROUTE,    /* answer Destination Unreachable, network */
	PUNT_UNREACHABLE, /* answer Destination Unreachable with ICMP code meta.arg */
	PUNT_RESET,       /* answer by RST, for which no next hop is resolved yet */
	PUNT_WAY,         /* as PUNT_NEIGHBOUR, to where the way of owner meta.arg leads */
	PUNT_WAY_MTU,     /* an error says that an outer packet of ours was too big */
	PUNT_MAX
};

struct buf_meta { /* lives in mbuf->hash, 8 bytes */
	uint8_t cause; /* enum handoff_cause */
	uint8_t punt;  /* enum punt */
	uint8_t nic;   /* interface of arrival, or NIC_NONE; HANDOFF_TX: it leaves by */
	uint8_t loops; /* times it has re-entered */
	uint16_t arg;  /* HANDOFF_TX: 1 when it was made here */
	uint8_t drop;  /* reason to count when the slow path is done with it */
	uint8_t from;  /* HANDOFF_TX, on the worker that queues it: interface of arrival */
};
static_assert(sizeof(struct buf_meta) == 8, "fits mbuf->hash");

static inline struct buf_meta *
buf_meta(struct rte_mbuf *m)
{
	return (struct buf_meta *)(void *)&m->hash;
}

static inline uint8_t *
buf_data(const struct rte_mbuf *m)
{
	return (uint8_t *)m->buf_addr + m->data_off;
}

#endif

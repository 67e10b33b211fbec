/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A whole engine in memory for tests: two devices, some interfaces and routes, n workers
 *            polled in turn by one thread, and a policy that is as simple as a NAT can be.
 * Layout     Interfaces: 1 "in" (device 0, realm 1, 10.0.0.1/16, 2001:db8:1::1/48), 2 "out"
 *            (device 1, 192.0.2.1/24, 2001:db8:2::1/48), 3 "vin" (device 0, VLAN 5, realm 1,
 *            10.5.0.1/16), 4 "small" (device 1, VLAN 9, MTU 600, 198.18.0.1/16). Default route to
 *            192.0.2.254; pool address 198.51.100.1; service address 198.51.100.9.
 *            The policy: IPv4 from realm 1 becomes 198.51.100.1, port (or identifier) plus 1000.
 *            From outside to the pool address a port of 7000 to 7999 opens a flow to 10.0.0.77,
 *            port minus 1000; port 9 is unreachable, others NAT_NO_MAPPING (held if 9000 to
 *            9999). IPv6 is tracked and not translated.
 *            tell, has_proxy: as the balancer has them, for TCP from realm 1; PROXY version 2 for
 *            UDP too.
 * Invariant  world_poll asserts the accounting identity of every worker after every turn.
 */
#ifndef MR_ENGINETEST_H
#define MR_ENGINETEST_H

#include "lib/nic_mem.h"
#include "lib/worker.h"
#include "packets.h"
#include "test.h"

enum { WORLD_BUFFERS = 2048, WORLD_IN = 1, WORLD_OUT = 2, WORLD_VIN = 3, WORLD_SMALL = 4 };
enum { WORLD_SHIFTS = 64 };
enum { WORLD_EST_MS = 60000, WORLD_IDLE_MS = 10000 };

struct world {
	struct shared shared;
	struct dev devs[2];
	struct nic_mem *mem;
	struct worker *worker[4];
	struct generation *gen;
	uint16_t n_workers;
	uint64_t now_ns;
	/* what the policy has seen */
	unsigned opened, undone, answered, ended, settled;
	unsigned names, asked; /* outbound packets go by so many flows in turn; 0: as usual */
	uint32_t owner;        /* of these, the first */
	int first_row;         /* to the owner and its reply's port, from which names are counted */
	bool fresh_ports;      /* their replies have another port each time */
	uint64_t waited_ns;    /* of the last answer, with its event and the state it met */
	uint8_t answer, answered_in;
	unsigned crowded[3]; /* fragments over a bound: of a datagram, a source, all */
	struct tuple crowd;  /* the last one's */
	uint8_t extra_flags; /* or-ed into new flows' flags */
	uint8_t tell;        /* enum tell of outbound TCP flows that begin with a SYN, and of UDP */
	bool has_proxy;      /* outbound SYNs are answered with cookies, as offer says */
	struct syn_offer offer;
	bool stateless;      /* the policy opens no flow where it could */
	void *mem_nexthops;
};

struct world_options {
	uint16_t workers; /* 0: 1 */
	uint16_t queues;  /* of each device, 0: as many as workers */
	uint32_t flows;   /* 0: 1024 */
	uint16_t devs_tx; /* transmit queues, 0: as queues */
};

struct world *world_create(struct world_options o);
/* world_destroy: asserts that every buffer has come back. */
void world_destroy(struct world *w);
/* world_regenerate: the same configuration as a new generation. */
void world_regenerate(struct world *w);
/* world_mac: a resolved next hop. Its MAC is 02:00 and the last four bytes of the address. */
void world_mac(struct world *w, uint8_t nic, uint8_t family, union addr a);

/* world_send: a frame arrives (dmac is filled in if zero); world_put: as it stands. */
void world_send(struct world *w, uint8_t nic, const struct frame *f);
void world_put(struct world *w, uint8_t dev, const uint8_t *frame, size_t size);
/* world_poll: turns of all workers until nothing moves. */
void world_poll(struct world *w);
void world_advance(struct world *w, uint64_t ms);

/* world_take: the next frame sent on a device. => its size, 0: none. */
size_t world_take(struct world *w, uint8_t dev, uint8_t *frame);
/* world_punted: the next punted packet. => false: none. */
bool world_punted(struct world *w, struct buf_meta *meta, uint8_t *frame, size_t *size);
/* world_drain: throw away all that was sent and punted. */
void world_drain(struct world *w);

uint64_t world_dropped(const struct world *w, unsigned reason); /* all workers */
uint64_t world_sum(const struct world *w, size_t offset);       /* of a struct stats counter */
#define WORLD_SUM(w, field) world_sum((w), offsetof(struct stats, field))

/* Frames that most tests want. */
struct frame world_frame(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                         uint8_t proto);

#endif

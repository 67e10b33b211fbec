/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The slow path: everything that is not forwarding a packet of a flow. ARP, neighbour
 *            discovery, echo to ourselves, ICMP errors, packets that wait for a MAC address.
 * Layout     slow.c takes from shared.punt and shares out; packet.h is the view of a buffer; out.c
 *            sends; neighbour.c resolves and holds; arp.c, nd.c, echo.c answer; icmp_make.c makes
 *            errors; announce.c tells the links of new addresses, pcp_announce.c
 *            of a new epoch.
 * Invariant  1. Context 0: received + taken_over = consumed + handed_off + held + sum(dropped).
 *            2. A packet made here is counted `generated` when a worker's ring took it and
 *               `generated_lost` when none did; it is in no other counter of context 0.
 *            3. An error about a translated packet is translated by a worker: it is counted as
 *               `received` and handed off here, for there is no other packet that it stems from.
 *            4. With derive_mac nothing is sent that no packet asked for.
 * Owner      The main lcore. Its only clock is now_ns.
 * Limits     SLOW_BURST punted packets a turn; see neighbour.h and announce.h.
 * See        docs/design.md, "Where a packet can end".
 */
#ifndef MR_SLOW_H
#define MR_SLOW_H

#include "lib/worker.h"

#include "announce.h"
#include "neighbour.h"
#include "packet.h"
#include "pcp_announce.h"
#include "ratelimit.h"

enum { SLOW_BURST = 64 };

/* How a punted packet ended: a drop reason (0 and up), or one of these. */
enum slow_end {
	SLOW_CONSUMED = -1, /* it was for us; the caller frees it */
	SLOW_TAKEN = -2,    /* sent on or held, counted already, no longer the caller's */
	SLOW_ANSWERED = -3, /* it was for us and the buffer has become the answer */
};

struct slow {
	struct shared *shared;
	const struct generation *gen;
	struct stats *stats;          /* of context 0 */
	struct neighbours *neighbours;
	struct announce announce;
	struct pcp_announce pcp;
	struct ratelimit icmp;
	uint64_t now_ns;
	uint8_t derive_mac; /* 1: next hops get a MAC from their address, nobody is asked */
};

/* slow_create: => NULL when memory is short. */
struct slow *slow_create(struct shared *shared, uint8_t derive_mac);
/* slow_destroy: => buffers that wait are given back. */
void slow_destroy(struct slow *s);

/* slow_reload: gen is the generation in force from now on, the former one still exists. */
void slow_reload(struct slow *s, const struct generation *gen, uint64_t now_ns);

/* slow_poll: one turn. => packets taken and sent. */
uint32_t slow_poll(struct slow *s, uint64_t now_ns);

/* slow_next_timer: when there is something to do without a packet. => ns, or UINT64_MAX. */
uint64_t slow_next_timer(const struct slow *s);

/* slow_drop: the packet ends here under a reason; its buffer is freed. */
void slow_drop(struct slow *s, struct rte_mbuf *m, unsigned reason);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The way out of the slow path: buffers for packets made here, Ethernet headers, and the
 *            ring of the worker that puts them on the wire.
 * Invariant  What a ring took is the worker's; what none took is still the caller's.
 * Owner      The main lcore.
 */
#ifndef MR_OUT_H
#define MR_OUT_H

#include "slow.h"

/* out_alloc: an empty buffer to leave through nic; data begins where the IP header or ARP goes,
 * with room before it for the L2 header. => NULL (counted as generated_lost). */
struct rte_mbuf *out_alloc(struct slow *s, uint8_t nic);
void out_free(struct slow *s, struct rte_mbuf *m);

/*
 * out_frame: m's data is a packet; write the Ethernet header of nic in front and hand it to a
 * worker to send. made_here: it counts as generated, else as handed off. => false: nothing happened
 * (no such interface, or the ring is full).
 */
bool out_frame(struct slow *s, struct rte_mbuf *m, uint8_t nic, const uint8_t mac[6],
               uint16_t ether_type, bool made_here);

/* out_made: out_frame for a packet made here; if it fails the buffer is freed and counted lost. */
void out_made(struct slow *s, struct rte_mbuf *m, uint8_t nic, const uint8_t mac[6],
              uint16_t ether_type);

/* out_lost: a packet made here goes nowhere. */
void out_lost(struct slow *s, struct rte_mbuf *m);

/* out_enter: an IP packet made here enters at a worker as if nic had received it; for the counters
 * it did, and was handed off (slow.h, invariant 3). */
void out_enter(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family);

/* out_loop: the same for what goes to an address that translates: it enters as a hairpin does, from
 * no interface. nic: that it was allocated for. */
void out_loop(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family);

/* out_route: where does a packet to dst in a realm go? => its interface and *hop, or NIC_NONE when
 * there is no way out (ours, unreachable, no route). */
uint8_t out_route(const struct slow *s, uint8_t realm, const union addr *dst, uint8_t family,
                  union addr *hop);

/* out_packet: an IP packet made here (data begins at its header) goes by route and next hop in the
 * realm of the interface in its buf_meta; to a link-local address out of that interface. */
void out_packet(struct slow *s, struct rte_mbuf *m, uint8_t family, const union addr *dst);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Packets of flows whose owner has a way of its own (lib/way.h): to it by its station
 *            address, under its own address, or inside another packet. Off the hit path's straight
 *            line: NEXTHOP_WAY is a next hop that is not up.
 * Invariant  1. The packet inside is the one that came, but for its TTL, which goes down by one and
 *               takes the header's checksum along (RFC 2003 section 3.1, RFC 2473 section 3.1);
 *               WAY_DSCP writes destination and DSCP too.
 *            2. The outer DS field is the inner one, ECN included (RFC 2983 section 3, RFC 6040
 *               section 4.1, normal mode).
 *            3. The outer header has DF if the inner one has, or is IPv6 (RFC 2003 section 3.1).
 *               Without DF it has an identification of its own (RFC 6864 section 4.3).
 *            4. Outer source port, source and flow label depend on the flow alone: all its packets,
 *               fragments and ICMP errors about it have the same.
 *            5. What is too big with the outer header is cut before it gets one, or, where DF or
 *               IPv6 forbid it, refused with the MTU that is left inside.
 *            6. Answers go past us. One that does not, since its client stands behind us too, is
 *               forwarded as it is if it comes from where the flow's owner is, its fragments and
 *               an error of the owner's too; from elsewhere it has a source of ours: IP_SOURCE, as
 *               everywhere (RFC 1812, 5.3.7).
 * Owner      The worker.
 *            7. What a router on the way says of its MTU goes for all workers (lib/way_mtu.h).
 *               IPv6 of 1280 octets inside IPv4 goes without DF if it does not fit (RFC 4213
 *               section 3.2.2).
 * Limits     No outer fragments are made: where an IPv6 path takes less than 1280 octets and the
 *            outer header, such packets do not arrive.
 * See        RFC 2003, 2473, 2784, 2983, 4213, 6040, 6438, 6864, 6935; docs/lb.md.
 */
#ifndef MR_ENCAP_H
#define MR_ENCAP_H

#include "pipeline.h"

/*
 * encap_to: a packet of direction 0 to an owner, to its end; it need not have a flow here. hash:
 * tuple_hash of the flow's tuple[0], whatever this packet is of it.
 */
void encap_to(struct worker *w, struct pkt *p, uint32_t owner, uint64_t hash);

/* encap_turn: between bursts: what has been learnt of paths since the last one? */
static inline void
encap_turn(struct worker *w)
{
	struct pipeline *pipe = w->pipe;
	uint64_t epoch = atomic_load_explicit(&w->shared->way_mtus.epoch, memory_order_acquire);
	uint64_t now = epoch << 32 | (uint32_t)w->gen->number;
	if (__builtin_expect(pipe->way_now == now, 1))
		return;
	pipe->way_now = now;
	pipe->way_stamp++;
}

/* way_hop_is: is the row the owner's, and good? */
static inline bool
way_hop_is(const struct pipeline *pipe, const struct way_hop *h, uint32_t owner)
{
	return ((h->owner ^ owner) | (h->stamp ^ pipe->way_stamp)) == 0;
}

/* encap_is_from_owner: does the packet come from where the owner is? */
bool encap_is_from_owner(const struct worker *w, const struct pkt *p, uint32_t owner);

/* encap_back: one of direction 1 of the flow, to its end. */
void encap_back(struct worker *w, struct pkt *p, const struct flow *f);

/* encap_send: a packet of the flow, of either direction. */
static inline void
encap_send(struct worker *w, struct pkt *p, const struct flow *f, unsigned d, uint64_t hash)
{
	if (__builtin_expect(d == 0, 1))
		encap_to(w, p, f->owner, hash);
	else
		encap_back(w, p, f);
}

/* encap_port: the outer source port of a flow, of its spread. */
static inline be16
encap_port(uint64_t spread)
{
	enum { DYNAMIC_PORTS = 0xc000 };
	return htobe16((uint16_t)(DYNAMIC_PORTS | (spread >> 40 & ~DYNAMIC_PORTS)));
}

/* encap_spread: what a flow's hash becomes outside, so that nobody sees the table's own. */
static inline uint64_t
encap_spread(uint64_t hash)
{
	return mix64(hash ^ 0x8bb84b93962eacc9u, 0x4b33a62ed433d4a3u);
}

#endif

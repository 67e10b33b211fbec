/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How the slow path sees a buffer: where the IP packet in it begins and ends, what it is
 *            and to whom. Nothing is taken on trust, whatever a worker has tested already.
 * Layout     A view points into its buffer and is good while nobody moves the data.
 * Invariant  l3 + l3_size and l4 + l4_size lie inside the buffer.
 * Limits     Extension headers as in lib/parse.h; more make no view.
 */
#ifndef MR_PACKET_H
#define MR_PACKET_H

#include "lib/nic.h"
#include "lib/tuple.h"
#include "lib/wire.h"

enum { PACKET_TTL = 64, ND_HOP_LIMIT = 255 };

struct packet {
	struct rte_mbuf *m;
	uint8_t *l2;
	uint8_t *l3;
	uint8_t *l4;
	uint16_t l3_size;  /* what the IP header says, Ethernet padding left out */
	uint16_t l4_size;
	uint8_t family, proto;
	uint8_t ttl, tos;
	uint16_t proto_at; /* offset in the IP packet of the byte that named proto */
	uint8_t fragment;  /* 1: a fragment, first or later */
	uint8_t later;     /* 1: a fragment, not the first */
	uint8_t multicast_l2; /* 1: the frame went to more than us */
	union addr src, dst;
};

/* packet_l2_size: bytes of Ethernet header and tag; 0 when the frame is shorter. */
uint16_t packet_l2_size(const struct rte_mbuf *m);
/* packet_view: => false when this is no whole IPv4 or IPv6 packet. */
bool packet_view(struct rte_mbuf *m, struct packet *p);
/* packet_view_pulled: the same where the buffer's data begins at the IP packet already. */
bool packet_view_pulled(struct rte_mbuf *m, struct packet *p);
/* packet_pull: cut the L2 header off, so that the buffer's data is the IP packet, no padding. */
void packet_pull(const struct packet *p);

/* packet_l4_valid: does the checksum of ICMP, ICMPv6, TCP or UDP hold? */
bool packet_l4_valid(const struct packet *p);

/*
 * packet_ip_write: an IP header without options at l3 for size bytes of payload, checksum in place.
 * => bytes of header: 20 or 40.
 */
uint16_t packet_ip_write(uint8_t *l3, uint8_t family, const union addr *src, const union addr *dst,
                         uint8_t proto, uint8_t ttl, uint8_t tos, uint16_t size);
/* packet_l4_seal: put the ICMP, ICMPv6 or TCP checksum of size bytes at l4 in its field. */
void packet_l4_seal(uint8_t *l4, uint16_t size, uint8_t family, const union addr *src,
                    const union addr *dst, uint8_t proto);

static inline uint16_t
packet_ip_size(uint8_t family)
{
	return family == FAMILY_V4 ? IP4_LEN : IP6_LEN;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Header layouts as they stand in a packet, and loads and stores at any address.
 * Layout     Packed, alignment 1: a packet may begin anywhere.
 * See        RFC 791, 8200, 9293, 768, 792, 4443; IEEE 802.1Q.
 */
#ifndef MR_WIRE_H
#define MR_WIRE_H

#include <endian.h>

#include "addr.h"

#define WIRE __attribute__((packed, aligned(1)))

enum {
	ETHER_LEN = 14, VLAN_LEN = 4, IP4_LEN = 20, IP6_LEN = 40, TCP_LEN = 20, UDP_LEN = 8,
	ICMP_LEN = 8, FRAG6_LEN = 8,
};
enum {
	ETHER_IP4 = 0x0800, ETHER_ARP = 0x0806, ETHER_VLAN = 0x8100, ETHER_IP6 = 0x86dd,
	ETHER_QINQ = 0x88a8,
};
enum { IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFFSET = 0x1fff };
enum { ICMP4_REPLY = 0, ICMP4_UNREACHABLE = 3, ICMP4_REQUEST = 8, ICMP4_TIME = 11,
       ICMP4_PARAM = 12 };
enum { ICMP6_UNREACHABLE = 1, ICMP6_PARAM = 4, ICMP6_REQUEST = 128, ICMP6_REPLY = 129,
       ICMP6_ND_FIRST = 133, ICMP6_ND_LAST = 137 };
enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_DEST = 60, MAX_EXTENSIONS = 8 };

struct ip4 {
	uint8_t version_ihl, tos;
	be16 total;
	be16 id, frag;
	uint8_t ttl, proto;
	be16 csum;
	be32 src, dst;
} WIRE;
static_assert(sizeof(struct ip4) == IP4_LEN, "RFC 791");

struct ip6 {
	be32 version_class_flow;
	be16 payload;
	uint8_t next, hops;
	union addr src, dst;
} WIRE;
static_assert(sizeof(struct ip6) == IP6_LEN, "RFC 8200");

static inline uint16_t
load16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
load64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void
store32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void
store64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

#endif

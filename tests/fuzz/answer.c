/* SPDX-License-Identifier: Apache-2.0 */
/* What the other side says to a frame that was sent to it: guessing ports would take for ever. */
#include <string.h>

#include "frames.h"
#include "lib/wire.h"

enum { ND_LEN = 32, ND_SOLICIT = 135, ND_ADVERTISE = 136 };
enum { QUOTE_MAX = 548, PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };

static const uint8_t peer[6] = {2, 0, 0, 0, 4, 1};

static void
swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t t = a[i];
		a[i] = b[i];
		b[i] = t;
	}
}

static void
answer_l4(uint8_t *l4, size_t size, uint8_t proto)
{
	if (size < ICMP_LEN)
		return;
	if (proto == PROTO_TCP || proto == PROTO_UDP)
		swap(l4, l4 + 2, 2);
	if (proto == PROTO_TCP && size >= TCP_LEN)
		l4[13] |= 0x10;
	if (proto == PROTO_ICMP && l4[0] == ICMP4_REQUEST)
		l4[0] = ICMP4_REPLY;
	if (proto == PROTO_ICMP6 && l4[0] == ICMP6_REQUEST)
		l4[0] = ICMP6_REPLY;
}

static void
answer_plain(uint8_t *ip, size_t size)
{
	size_t head = (size_t)(ip[0] & 15) * 4;
	if (ip[0] >> 4 == 4 && size >= IP4_LEN && head <= size) {
		swap(ip + 12, ip + 16, 4);
		ip[8] = 64;
		answer_l4(ip + head, size - head, ip[9]);
	} else if (ip[0] >> 4 == 6 && size >= IP6_LEN) {
		swap(ip + 8, ip + 24, 16);
		ip[7] = 64;
		answer_l4(ip + IP6_LEN, size - IP6_LEN, ip[6]);
	}
}

/* answer_nd: a solicitation becomes the advertisement of its target. */
static bool
answer_nd(uint8_t *ip, size_t size)
{
	uint8_t *nd = ip + IP6_LEN;
	if (size < IP6_LEN + ND_LEN || ip[0] >> 4 != 6 || ip[6] != PROTO_ICMP6)
		return false;
	if (nd[0] != ND_SOLICIT)
		return false;
	memcpy(ip + 24, ip + 8, 16);
	memcpy(ip + 8, nd + 8, 16);
	nd[0] = ND_ADVERTISE;
	nd[4] = 0x60; /* solicited, override */
	nd[24] = 2;   /* target link-layer address */
	memcpy(nd + 26, peer, sizeof(peer));
	return true;
}

/* answer_error: an ICMP error from the destination, with the packet in it. => its IP size, or 0. */
static size_t
answer_error(uint8_t *ip, size_t size)
{
	bool v6 = ip[0] >> 4 == 6;
	size_t head = (v6 ? IP6_LEN : IP4_LEN) + (size_t)ICMP_LEN;
	if (size < (v6 ? IP6_LEN : IP4_LEN))
		return 0;
	size = size < QUOTE_MAX ? size : QUOTE_MAX;
	memmove(ip + head, ip, size);
	memset(ip + head - ICMP_LEN, 0, ICMP_LEN);
	size_t payload = size + ICMP_LEN;
	if (v6) {
		ip[4] = (uint8_t)(payload >> 8);
		ip[5] = (uint8_t)payload;
		ip[6] = PROTO_ICMP6;
		swap(ip + 8, ip + 24, 16);
		ip[IP6_LEN] = ICMP6_UNREACHABLE;
	} else {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((payload + IP4_LEN) >> 8);
		ip[3] = (uint8_t)(payload + IP4_LEN);
		ip[6] = ip[7] = 0;
		ip[9] = PROTO_ICMP;
		swap(ip + 12, ip + 16, 4);
		ip[IP4_LEN] = ICMP4_UNREACHABLE;
	}
	ip[v6 ? 7 : 8] = 64;
	return head + size;
}

size_t
frames_answer(uint8_t *frame, size_t size, bool error)
{
	size_t at = ETHER_LEN;
	if (size < ETHER_LEN + VLAN_LEN)
		return size;
	if (frame[12] == 0x81 && frame[13] == 0)
		at += VLAN_LEN;
	if (size <= at)
		return size;
	swap(frame, frame + 6, 6);
	if (frame[at - 2] == 0x08 && frame[at - 1] == 6 && size >= at + 28) {
		frame[at + 7] = 2; /* the ARP reply to a request */
		swap(frame + at + 8, frame + at + 18, 10);
		memcpy(frame + at + 8, peer, sizeof(peer));
		return size;
	}
	if (answer_nd(frame + at, size - at))
		return size;
	if (!error) {
		answer_plain(frame + at, size - at);
		return size;
	}
	size_t wrapped = answer_error(frame + at, size - at);
	return wrapped != 0 ? at + wrapped : size;
}

bool
frames_are_link(const uint8_t *frame, size_t size)
{
	size_t at = size > ETHER_LEN + VLAN_LEN && frame[12] == 0x81 && frame[13] == 0 ?
		ETHER_LEN + VLAN_LEN : ETHER_LEN;
	if (size < at + IP6_LEN + 1)
		return size >= at && frame[at - 2] == 0x08 && frame[at - 1] == 0x06;
	return frame[at - 2] == 0x86 && frame[at + 6] == PROTO_ICMP6 &&
	       frame[at + IP6_LEN] >= ICMP6_ND_FIRST && frame[at + IP6_LEN] <= ICMP6_ND_LAST;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Frames for tests: made from a description with right checksums, and read back.
 * Layout     Independent of lib's parser and checksums on purpose: what is tested does not test
 *            itself.
 */
#ifndef MR_TEST_PACKETS_H
#define MR_TEST_PACKETS_H

#include <stddef.h>

#include "lib/addr.h"

enum { FRAME_MAX = 4096 };

/* Zeroes are sensible: TTL 64, no tag, 0 bytes of payload. Ports in host order. */
struct frame {
	uint8_t dmac[6], smac[6];
	uint16_t vlan;
	uint8_t family, proto, ttl, tos;
	union addr src, dst;
	uint16_t sport, dport;   /* echo: sport is the identifier, dport the sequence number */
	uint8_t tcp_flags;
	uint32_t seq, ack;       /* TCP, host order */
	uint8_t icmp_type, icmp_code;
	uint8_t options;         /* bytes of IPv4 options (no-operation), a multiple of 4 */
	uint8_t no_udp_csum;
	uint16_t id, frag;       /* IPv4: identifier; flags and offset */
	const void *payload;     /* or NULL: a pattern */
	uint16_t payload_size;
};

/* frame_make: the whole frame; frame_ip: from the IP header on. => bytes written to out. */
size_t frame_make(uint8_t *out, const struct frame *f);
size_t frame_ip(uint8_t *out, const struct frame *f);

/*
 * frame_error: an ICMP error (f: addresses, type, code and L2) that quotes n bytes of a packet;
 * word: the four bytes after the checksum, in host order (MTU).
 */
size_t frame_error(uint8_t *out, const struct frame *f, const uint8_t *quoted, size_t n,
                   uint32_t word);

/* frame_cut: bytes [from, from + n) of a frame's IP payload as a fragment of its own. IPv6 gets a
 * fragment header. => bytes written to out. */
size_t frame_cut(uint8_t *out, const uint8_t *frame, size_t from, size_t n, bool last);

struct frame_view {
	struct frame f;          /* payload points into the frame */
	const uint8_t *l3, *l4;
	size_t l3_size;
	bool ip_csum_right, l4_csum_right;
};
/* frame_view: => false: not a whole IP frame. Checksums of fragments' payload are not judged. */
bool frame_view(struct frame_view *v, const uint8_t *frame, size_t size);

/* sum16: the Internet checksum by RFC 1071's letter, 16 bits at a time. */
uint16_t sum16(const uint8_t *data, size_t size, uint32_t start);

union addr addr4(const char *text);
union addr addr6(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Frames of the day: a packet that carries the number of its session, made and read.
 * Layout     The number is the sequence number of a TCP segment, the first four bytes of a UDP
 *            datagram's payload.
 */
#ifndef MR_DAY_FRAMES_H
#define MR_DAY_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DAY_FRAME = 128, DAY_TCP = 6, DAY_UDP = 17 };
enum { DAY_FIN = 1, DAY_SYN = 2, DAY_RST = 4, DAY_PSH = 8, DAY_ACK = 16 };

struct day_packet {
	uint32_t src, dst;      /* host order */
	uint16_t sport, dport;
	uint8_t proto, flags;
	uint32_t session;
};

/* day_make: dev: the device that it is to arrive at. => bytes. */
size_t day_make(uint8_t out[DAY_FRAME], const struct day_packet *p, unsigned dev);
/* day_read: => false: no packet of the day. */
bool day_read(struct day_packet *p, const uint8_t *frame, size_t size);

#endif

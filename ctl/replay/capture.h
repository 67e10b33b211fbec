/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Captures of Ethernet frames: read from any file that libpcap knows (pcap, pcapng,
 *            micro- or nanoseconds, either byte order), written as pcap with nanoseconds.
 * Invariant  1. Times are nanoseconds since 1970, never beyond CAPTURE_MAX_S seconds, and within
 *               one capture they never go back: an earlier one is raised to its predecessor's.
 *            2. What is written depends on the arguments alone: equal frames give equal bytes.
 * Owner      One thread.
 * Lifetime   A frame's bytes are good until the next capture_next of the same capture.
 * Limits     A written time is kept modulo 2^32 seconds (the format's field).
 * See        libpcap's pcap-savefile(5); docs/replay.md.
 */
#ifndef MR_CAPTURE_H
#define MR_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CAPTURE_SNAPLEN = 262144,
	CAPTURE_LINK_ETHERNET = 1,
	CAPTURE_ERR = 256,
};
#define CAPTURE_MAX_S ((uint64_t)1 << 33)
#define CAPTURE_NS_PER_S 1000000000u

struct frame {
	const uint8_t *data;
	uint32_t size;      /* bytes that were captured */
	uint32_t wire_size; /* bytes the frame had */
	uint64_t time_ns;
};

struct capture;

/* capture_open: => NULL and a sentence in err: not readable, not a capture, not Ethernet. */
struct capture *capture_open(const char *path, char *err, size_t err_size);
/*
 * capture_next: => 1 and the next frame, 0 at the end, -1 when the rest of the file is damaged
 * (capture_error says how); after 0 or -1 it stays that.
 */
int capture_next(struct capture *c, struct frame *f);
const char *capture_error(const struct capture *c);
/* capture_raised: frames whose time went back and was raised. */
uint64_t capture_raised(const struct capture *c);
void capture_close(struct capture *c);

struct capture_out;

/* capture_out_create: a new file with its header. => NULL and a sentence in err. */
struct capture_out *capture_out_create(const char *path, char *err, size_t err_size);
void capture_out_write(struct capture_out *o, uint64_t time_ns, const void *data, uint32_t size);
/* capture_out_close: => 0, or -errno when anything could not be written. */
int capture_out_close(struct capture_out *o);

#endif

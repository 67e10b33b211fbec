/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The input of fuzz_parse: frames with what happens around them, and seeds of it.
 * Layout     For each frame {control, wait, size low, size high} and its bytes.
 * See        tests/fuzz/fuzz_parse.c.
 */
#ifndef MR_FRAMES_H
#define MR_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_control {
	FRAME_DEV = 3,          /* device; the last value: no frame, a day without any */
	FRAME_REPAIR = 1 << 2,  /* make MAC, IPv4 and ICMP checksums right before it arrives */
	FRAME_QUEUE = 1 << 3,   /* on the second queue */
	FRAME_SECONDS = 1 << 4, /* wait is seconds, else milliseconds */
	FRAME_RELOAD = 1 << 5,  /* another generation first */
	FRAME_LATER = 1 << 6,   /* do not poll after it: the next one is in the same burst */
	FRAME_ANSWER = 1 << 7,  /* the answer to what was last sent there; its bytes say how */
};
enum { FRAME_MAX = 2048, FRAME_HEAD = 4 };

/* The bytes of an answer: {enum frame_answer; where; what to flip from there on}. */
enum frame_answer {
	ANSWER_ERROR = 1, /* an ICMP error, else the reply */
	ANSWER_LINK = 2,  /* to the last ARP or ND frame, else to the last of the others */
};
enum { ANSWER_HEAD = 2 };

/* frames_repair: station, IPv4 header and ICMP checksums of a frame. */
void frames_repair(uint8_t *frame, size_t size, const uint8_t mac[6]);
/* frames_answer: turn a frame that was sent into what comes back (it may grow by 48 bytes). */
size_t frames_answer(uint8_t *frame, size_t size, bool error);
/* frames_are_link: is it ARP or neighbour discovery? */
bool frames_are_link(const uint8_t *frame, size_t size);
/* frames_make: call write for each seed. */
void frames_make(void (*write)(void *arg, const char *name, const void *data, size_t size),
                 void *arg);

#endif

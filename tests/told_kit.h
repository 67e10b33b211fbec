/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Datagrams that are told, for the tests of lib/told.h: what a client sends, how it
 *            leaves, and the PROXY header by the letter of the specification.
 */
#ifndef MR_TOLD_KIT_H
#define MR_TOLD_KIT_H

#include <arpa/inet.h>

#include "lib/tell.h"
#include "probe.h"

enum { IP4 = 20, IP6 = 40, UDP = 8, HEAD4 = 28, HEAD6 = 52, PAD = 4 };
enum { DF = 0x4000, MF = 0x2000, OFFSET = 0x1fff };

static inline struct world *
told_world(uint16_t workers)
{
	struct world *w = probe_world((struct world_options){.workers = workers});
	w->tell = TELL_PROXY2;
	return w;
}

static inline struct frame
question(uint8_t family, uint16_t port)
{
	struct frame f = family == 4 ? world_frame("10.0.0.10", port, "8.8.8.8", 53, 17) :
		world_frame("2001:db8:1::10", port, "2001:db8:2::10", 53, 17);
	f.frag = family == 4 ? DF : 0;
	return f;
}

/* As it leaves, but for the header. */
static inline struct frame
translated(struct frame f)
{
	if (f.family == 6)
		return f;
	f.src = addr4("198.51.100.1");
	f.sport = (uint16_t)(f.sport + 1000);
	return f;
}

/* The header by the letter of the specification. => octets. */
static inline size_t
head_make(uint8_t *head, const struct frame *f, bool is_padded)
{
	size_t a = f->family == 4 ? 4 : 16, n = 16;
	uint16_t ports[2] = {htons(f->sport), htons(f->dport)};
	memcpy(head, "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21", 13);
	head[13] = f->family == 4 ? 0x12 : 0x22;
	head[14] = 0;
	head[15] = (uint8_t)(2 * a + 4 + (is_padded ? PAD : 0));
	memcpy(head + n, f->src.b, a);
	memcpy(head + n + a, f->dst.b, a);
	memcpy(head + n + 2 * a, ports, 4);
	n += 2 * a + 4;
	if (!is_padded)
		return n;
	memcpy(head + n, "\x04\x00\x01\x00", PAD);
	return n + PAD;
}

#endif

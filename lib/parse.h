/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       From a frame to a struct pkt: Ethernet, one VLAN tag, IPv4 or IPv6, transport.
 * Invariant  1. No byte outside the buffer's data is read, whatever the frame holds.
 *            2. After PATH_FLOW or PATH_ASIDE the invariants of pkt.h hold.
 *            3. Parsing writes nothing into the packet.
 * Limits     MAX_EXTENSIONS IPv6 extension headers.
 * See        docs/design.md, "The hit path"; RFC 1812 section 5.3.7; RFC 1858, RFC 3128.
 */
#ifndef MR_PARSE_H
#define MR_PARSE_H

#include "generation.h"
#include "pkt.h"

enum path {
	PATH_FLOW,  /* look its tuple up */
	PATH_ASIDE, /* flags say why */
	PATH_DROP,  /* p->why is an enum drop_reason */
	PATH_PUNT,  /* p->why is an enum punt */
};

/*
 * parse_frame: a frame that a device received. => p->m is set, p->nic holds the interface that a
 * frame counts for when its own is not known. Not set here: hash, ref.
 */
enum path parse_frame(struct pkt *p, const struct generation *g, const struct dev *d);

/* parse_again: a frame taken over from another context; its buf_meta says where it came in. */
enum path parse_again(struct pkt *p, const struct generation *g);

/* parse_l3: an IP packet of type (host order) at p->l3, at most len bytes. */
enum path parse_l3(struct pkt *p, uint16_t type, uint32_t len);

/*
 * parse_chain6: step over IPv6 extension headers. => off stands at the transport header, next is
 * its protocol, frag the offset of a fragment header or 0; not ok: broken or too long. Stops behind
 * the header of a later fragment. The caller owns len bytes at h, at least IP6_LEN.
 */
struct chain6 {
	uint16_t off, frag;
	uint8_t next;
	bool ok;
};
struct chain6 parse_chain6(const uint8_t *h, uint32_t len);

#endif

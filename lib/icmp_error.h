/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       ICMP errors about packets of flows: the quoted packet becomes what its sender sent,
 *            the error goes to that sender.
 * Invariant  1. An error changes no flow: not its state, not its timer, not its counters.
 *            2. Only an error whose own checksum and whose quoted IPv4 header's checksum are right
 *               goes on; the quoted transport checksum is not looked at.
 *            3. Of the message nothing changes but addresses, ports, identifier and checksums:
 *               RFC 4884 extensions pass as they are.
 * Owner      The worker.
 * See        RFC 5508 section 4 (REQ-3 to REQ-7), RFC 4884; docs/design.md, "A flow is two tuples".
 */
#ifndef MR_ICMP_ERROR_H
#define MR_ICMP_ERROR_H

#include "pipeline.h"

/* icmp_error_handle: a packet with PKT_ERROR, to its end. */
void icmp_error_handle(struct worker *w, struct pkt *p);

/* icmp_hide_options: options that name addresses on the way become no-operations (RFC 5508 section
 * 7.3), and the checksum of the header is made anew. */
void icmp_hide_options(struct ip4 *h);

/* icmp_hide_way: the same of a packet of direction d, where its flow hides who sends it. */
static inline void
icmp_hide_way(const struct pkt *p, const struct flow *f, unsigned d)
{
	bool has_options = p->l4 != IP4_LEN && p->family == FAMILY_V4;
	if (__builtin_expect(has_options, 0) && (f->flags & (FLOW_HIDE_0 << d)) != 0)
		icmp_hide_options(pkt_ip4(p));
}

#endif

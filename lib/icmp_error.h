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

/* icmp_hide_way: a packet of direction d of a flow: where the flow hides who sends it, options that
 * name addresses on the way become no-operations (RFC 5508 section 7.3). */
void icmp_hide_way(const struct pkt *p, const struct flow *f, unsigned d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The maximum segment size of TCP connections that cross an interface is kept to what
 *            the configuration says: in SYN and SYN-ACK, where both ends announce theirs.
 * Invariant  1. A size is lowered, never raised; where there is no option none is added (its
 *               absence means 536, or 1220 in IPv6: RFC 9293 section 3.7.1).
 *            2. Whatever the options claim, nothing outside the header is read or written.
 *            3. The checksum changes by the difference (RFC 1624).
 * Owner      The worker. Packets with SYN are marked PKT_CARE by parsing where an interface has a
 *            limit, so that others do not ask.
 * See        docs/nat.md, "Maximum segment size".
 */
#ifndef MR_MSS_H
#define MR_MSS_H

#include "hop.h"

/* mss_clamp: `size` bytes of a TCP header and what follows are there. => true: it was lowered. */
bool mss_clamp(uint8_t *tcp, uint32_t size, uint16_t most);

/* mss_clamp_pkt: a packet that leaves by hop, under the limits of both of its interfaces. */
void mss_clamp_pkt(const struct worker *w, const struct pkt *p, struct hop hop);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Cutting an IPv4 packet that is larger than the MTU of the interface it leaves by.
 * Invariant  1. The fragments together carry the payload's bytes, each once, in order.
 *            2. Later fragments carry only the options that are marked for copying.
 *            3. The first fragment is the packet that came in; the others count as generated.
 * Limits     MAX_FRAGMENTS; more, or DF set: TOO_BIG. No buffer for one of them: NO_BUFFER, and
 *            none is sent.
 * See        RFC 791 section 3.2, RFC 4787 REQ-13a.
 */
#ifndef MR_FRAGMENT_H
#define MR_FRAGMENT_H

#include "tx.h"

enum { MAX_FRAGMENTS = 64 };

/* fragment_is_needed: is this frame's IP packet longer than the interface may send? */
static inline bool
fragment_is_needed(const struct rte_mbuf *m, const struct gen_nic *out)
{
	unsigned l2 = out->l2_len;
	return m->data_len > l2 + out->mtu;
}

/* fragment_frame: cut a complete frame and queue the pieces for way.nic. */
void fragment_frame(struct worker *w, struct rte_mbuf *m, struct tx_way way);

/*
 * fragment_cut: cut the IPv4 packet behind l2_len octets of m to an MTU. => the number of pieces,
 * piece[0] is m, the others are new of the device, with what stands before the packet in m before
 * theirs; or 0 and *reason, and m is as it was.
 */
unsigned fragment_cut(struct dev *d, struct rte_mbuf *m, unsigned l2_len, unsigned mtu,
                      struct rte_mbuf *piece[MAX_FRAGMENTS], unsigned *reason);
/* fragment_put: queue piece i of a packet, a whole frame by now. */
void fragment_put(struct worker *w, struct rte_mbuf *m, unsigned i, struct tx_way way);

#endif

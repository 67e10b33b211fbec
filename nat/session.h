/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Log records of single flows, of mappings whose rule asks for them (mapping.sessions).
 * Invariant  1. Each record of a beginning is followed by one of the end: with what the flow has
 *               carried, or nothing, if it did not come to be.
 * Limits     They are put where there is room; nothing waits or is refused for them.
 * Owner      One worker.
 * See        RFC 8158 sections 4.2.1 and 4.2.2; RFC 6888 REQ-12; docs/log.md.
 */
#ifndef MR_NAT_SESSION_H
#define MR_NAT_SESSION_H

#include "nat/state.h"

/* session_began: a flow of the mapping with far. */
void session_began(struct nat *n, const struct mapping *m, const union addr *far, be16 far_port);
/* session_ended: first: the tuple in which its initiator sends; f NULL: it was never made. */
void session_ended(struct nat *n, uint32_t mapping, const struct flow *f,
                   const struct tuple *first, bool is_outbound);

#endif

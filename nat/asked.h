/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The external port that a request asks for (nat/pcp.h), if it can be given.
 * Invariant  1. It is of a block that its subscriber has, or of one more that he may have: the one
 *               with that port, where his address is asked for too.
 *            2. One that rests is given to nobody but who had it (nat/rest.h).
 * Owner      One worker.
 * See        RFC 6887, 11.3; nat/want.h for what pools wish.
 */
#ifndef MR_NAT_ASKED_H
#define MR_NAT_ASKED_H

#include "nat/state.h"

/* asked_take: => the port is m's; false: it is another's, or nobody's to give. */
bool asked_take(struct nat *n, const struct wish *w, uint32_t subscriber, struct mapping *m);

#endif

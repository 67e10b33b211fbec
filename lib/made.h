/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Packets that a worker makes for a flow of its own, from one that it holds: a segment
 *            more to one of its ends.
 * Invariant  What made_begin gave is sent or counted as lost by made_send; nothing waits.
 * Owner      The worker.
 * Limits     MADE_MAX octets from the IP header on; what finds no buffer, no next hop or an MTU
 *            below it is not sent: whoever wanted it tries again.
 * See        lib/tx.h, invariant 1.
 */
#ifndef MR_MADE_H
#define MR_MADE_H

#include "hop.h"

enum { MADE_MAX = 512, MADE_ROOM = 32 /* before the IP header, for that of the link */ };

/* made_begin: q gets a buffer, to leave by nic; its l3 is where MADE_MAX octets have room. =>
 * false: there is none. */
bool made_begin(struct worker *w, struct pkt *q, uint8_t nic);

/* made_send: q is as it has to leave. */
void made_send(struct worker *w, const struct pkt *q, struct hop hop);

#endif

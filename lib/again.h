/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A SYN alone (EV_OPEN) of the initiator that finds a flow: in a connection it changes
 *            nothing; where both sides have closed, or one has reset, it is another connection.
 * Invariant  1. A policy that wants it so (opens_again) is asked for it as for any new connection,
 *               and the packet counts for that one; a flow of another policy goes on in its own
 *               mapping, in the state that the connection table has for a SYN.
 *            2. Within a connection that is not over a SYN ends no flow and asks nobody.
 * Owner      The worker.
 * See        lib/conn.h, invariant 3; RFC 9293 section 3.10.7.4; RFC 5961 section 4.
 */
#ifndef MR_AGAIN_H
#define MR_AGAIN_H

#include "pipeline.h"

/*
 * again_open: p is a SYN alone that has been counted for the flow p->ref. => false: it is to be
 * sent on as one of that flow. true: it was of another connection, and has ended; p->ref is the
 * new flow, or 0.
 */
bool again_open(struct worker *w, struct pkt *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Datagrams that a policy sends of its own accord, between bursts: nobody has asked now.
 * Invariant  1. The source is an address of ours in its realm now, or nothing is sent.
 *            2. Where the next hop's MAC address is not known the slow path asks for it, and the
 *               datagram waits there: for the counters this worker received and punted it.
 * Owner      The worker.
 * Limits     SPOKEN_MAX octets behind the UDP header. What finds no route, no buffer or no room is
 *            not sent (generated_lost): whoever has to be heard says it again.
 * See        lib/policy.h, struct spoken.
 */
#ifndef MR_SAY_H
#define MR_SAY_H

#include "made.h"

/* say: one of a policy's; `whose` is the worker. */
void say(void *whose, const struct spoken *what);

#endif

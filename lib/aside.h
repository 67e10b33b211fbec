/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Packets that the hit path does not take, after the hits of their burst: TTL 1, unknown
 *            transport protocols, link-local senders; fragments and ICMP errors go on to files of
 *            their own.
 * Owner      The worker.
 * See        docs/design.md, "The hit path" (set aside).
 */
#ifndef MR_ASIDE_H
#define MR_ASIDE_H

#include "pipeline.h"

/* aside_handle: a packet with one of PKT_ASIDE, to its end (or held). */
void aside_handle(struct worker *w, struct pkt *p);

#endif

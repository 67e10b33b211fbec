/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Fragments: which flow a datagram's first fragment belonged to, for the others, and
 *            those that came before their first one.
 * Layout     FRAG_SETS sets of FRAG_WAYS entries; held buffers in one array of FRAG_HELD_MAX.
 * Invariant  1. All fragments of a datagram meet at one worker (their meeting point, a function of
 *               what they have in common: home, where addresses alone say that); it knows from the
 *               first one where the flow is at home and passes all on, in order. So the result does
 *               not depend on the number of workers.
 *            2. Held fragments leave in the order in which they came, behind the first one, or are
 *               dropped as FRAG_NO_FIRST after FRAG_WAIT_MS.
 *            3. stats.held is the number of buffers held.
 *            4. An entry names a flow by reference and tuple, so a reused reference is noticed.
 * Owner      The worker.
 * Limits     FRAG_HELD_MAX buffers, FRAG_HELD_EACH of a datagram, FRAG_HELD_SOURCE of a
 *            source (of FRAG_SHARES by hash), FRAG_SETS * FRAG_WAYS datagrams;
 *            beyond: FRAG_FULL, and policies hear of the first three. A known datagram may push
 *            out the oldest known one of its set, a held one never does, so that a flood of
 *            later fragments harms no other datagram.
 * See        RFC 4787 REQ-14, RFC 6146 section 3.4 (FRAGMENT_MIN), RFC 6864;
 *            docs/design.md, "A flow is two tuples".
 */
#ifndef MR_FRAG_H
#define MR_FRAG_H

#include "pipeline.h"

enum {
	FRAG_SETS = 512, FRAG_WAYS = 8,
	FRAG_HELD_MAX = 1024, FRAG_HELD_EACH = 48,
	FRAG_HELD_SOURCE = 128, FRAG_SHARES = 1024,
	FRAG_WAIT_MS = 2000,   /* for the first fragment */
	FRAG_KNOWN_MS = 30000, /* for later ones after the first */
};

size_t frag_memsize(void);
/* frag_init: => mem is zeroed, frag_memsize bytes. frag_fini: what is held is freed, uncounted. */
void frag_init(struct frag_table *t, uint64_t seed);
void frag_fini(struct worker *w);

/* frag_handle: a packet with PKT_FIRST or PKT_LATER, to its end or into the table. */
void frag_handle(struct worker *w, struct pkt *p);

/* frag_expire: drop what has waited too long. => bounded by what is held. */
void frag_expire(struct worker *w);

#endif

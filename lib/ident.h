/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The identification of IPv4 datagrams that are fragments or may become such, where many
 *            hosts leave under one source address: two of them must not have the same one between
 *            two addresses, so we give it, as the source that we are.
 * Layout     A counter for the hash of (source, destination, protocol), as they leave.
 * Invariant  1. Datagrams with DF that are whole keep theirs: it says nothing (RFC 6864, 4.1).
 *            2. Where several workers send under an address (its ports are divided, or it is the
 *               outer one of a tunnel) each gives a residue class of its own.
 *            3. All fragments of a datagram get one: lib/frag.c remembers it.
 * Owner      The worker.
 * Limits     65536 between two addresses come again after that many datagrams, counters that two
 *            pairs share after fewer: at high rates the lifetime of RFC 6864 (120 s) is not kept,
 *            which nobody can with 16 bits.
 * See        RFC 6864 sections 4.3 and 5.3; RFC 7857 section 10.
 */
#ifndef MR_IDENT_H
#define MR_IDENT_H

#include "pipeline.h"

/* ident_init: counters begin where nobody expects. */
void ident_init(struct worker *w);

/*
 * ident_renew: if the packet of direction d needs it: a new identification into it and p->ident.
 * => It has not been rewritten yet.
 */
void ident_renew(struct worker *w, struct pkt *p, const struct flow *f, unsigned d);

/*
 * ident_next: the next one between two addresses; never 0, which is none. shared: other workers
 * send under this source too.
 */
be16 ident_next(struct worker *w, be32 src, be32 dst, uint8_t proto, bool shared);

/* ident_write: into the header, with its checksum. */
void ident_write(uint8_t *l3, be16 ident);

#endif

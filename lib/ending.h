/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The end of flows: policies are told, counters go up, entries are free again. Several
 *            at a time, so that what their policies read for it is asked for before it is read.
 * Invariant  1. Every policy that has parting() is asked in all its stages, over all the flows,
 *               before the first is told that it ended.
 * Owner      The worker of the flows.
 * Limits     EXPIRE_CHUNK flows at a time.
 * See        lib/policy.h, parting and ended; docs/design.md, "The tables".
 */
#ifndef MR_ENDING_H
#define MR_ENDING_H

#include "worker.h"

/* flows_ended: tell the policies and count; the caller removes them. Their lines in the index, by
 * the hashes of their tuples, are asked for. => n <= EXPIRE_CHUNK. */
void flows_ended(struct worker *w, const flow_ref *ref, const uint64_t (*hash)[2], unsigned n);

/* flows_end: and remove them. */
void flows_end(struct worker *w, const flow_ref *ref, unsigned n);

#endif

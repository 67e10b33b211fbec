/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Requests to an address of ours that a policy answers itself, on the worker that owns
 *            the asker: no flow, no slow path. The request becomes its answer in place.
 * Invariant  1. What is served leaves by hop_send, as a packet that is forwarded, or is dropped.
 *            2. A datagram whose checksum is wrong reaches no policy.
 * Owner      The worker.
 * Limits     UDP over IPv4 without options, whole; what else comes is the slow path's.
 * See        lib/policy.h, serves and serve.
 */
#ifndef MR_SERVE_H
#define MR_SERVE_H

#include "pipeline.h"

/* serve_find: the policy that answers this, or NULL; *home: the worker whose the request is. */
const struct policy *serve_find(const struct worker *w, const struct pkt *p, const struct miss *m,
                                int *home);

/* serve_answer: the packet ends, as its own answer or dropped. */
void serve_answer(struct worker *w, struct pkt *p, const struct policy *pol, const struct miss *m);

#endif

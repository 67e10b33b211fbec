/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The balancer as a policy of the engine: which backend serves a new connection, under
 *            which reply tuple, and which worker is its home.
 * Invariant  1. The backend of a new connection is what lb/choice.h says: of schedulers that hash
 *               it depends on the client, the service and the set of its backends alone, not on
 *               the worker, its history or a secret.
 *            2. A flow that exists keeps its backend, whatever becomes of the others, of weights
 *               and groups; only open() chooses. When its own backend is dead, or its drain over,
 *               stale() says what the service wants: it ends (so its next packet opens it
 *               elsewhere, once, and there it stays), is reset, or goes on.
 *            3. flow.owner is the backend's stable id; opened - ended of its counters is the number
 *               of its live flows on this worker.
 *            4. Replies of a flow have the flow's home (mode nat: by the client's address, fullnat:
 *               by local address and port).
 *            5. A TCP flow opened by a SYN counts once at most as answered, refused or unanswered:
 *               not if the client gave it up by RST, or it ended within LB_PATIENCE_MS of its
 *               last SYN for another reason than that its time was over; nor where backends answer
 *               clients themselves.
 * Owner      The state is one worker's.
 * Limits     fullnat: a (local address, port) once for each backend; then LB_NO_LOCAL_PORT.
 *            A service none of whose backends takes new flows answers TCP by RST and UDP by host
 *            unreachable (ICMP code 1), or nothing, as configured; one all of whose backends are
 *            full host unreachable (clients try again); an unknown port of a service address is
 *            answered by port unreachable (3).
 * See        docs/design.md, "Policies"; lb/maglev.h, lb/lb_image.h.
 */
#ifndef MR_LB_H
#define MR_LB_H

#include "lib/policy.h"

enum { LB_PATIENCE_MS = 1000 };

extern const struct policy_ops lb_policy;

/* lb_create: the balancer's state for one worker. => NULL when memory runs out. */
void *lb_create(const struct policy_env *env);
void lb_destroy(void *state);
/* lb_memsize: bytes that lb_create takes. */
size_t lb_memsize(const struct policy_env *env);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Transports whose ports are not known (ESP, GRE, SCTP, …), where a rule lets them out:
 *            by protocol, pool address and remote host. They have no mapping.
 * Invariant  1. A pool address speaks a protocol with a remote host for one inside host at a time:
 *               the reply's tuple is that flow's, and the flow table refuses a second one
 *               (DROP_NAT_PAIR_TAKEN).
 *            2. The pool address is that of the subscriber's mappings, if it has any here; else it
 *               is chosen by the subscriber's address alone, as that of a first block would be.
 *            3. Packets of both directions are at home where port 0 of the pool address is. For a
 *               subscriber that is one worker, whichever addresses drain, come or go.
 *            4. A pair ends with the rule, the pool address or the switch that it came from, and
 *               when a static mapping gets the protocol of its address, which has no pair then.
 * Owner      One worker.
 * See        docs/nat.md, "Other protocols".
 */
#ifndef MR_NAT_OTHER_H
#define MR_NAT_OTHER_H

#include "nat/state.h"

int other_home(const struct generation *g, const struct miss *m);
enum verdict other_open(struct nat *n, const struct miss *m, struct flow_spec *spec);

/* other_is_stale: is it a pair that no rule of the generation would let out so? */
bool other_is_stale(const struct generation *g, const struct flow *f, const struct tuple4 t[2]);

/* other_log: such a flow begins or ends: no block says who had the address for the protocol. */
void other_log(struct nat *n, enum record_event event, const struct tuple *inside,
               const struct tuple *outside);

#endif

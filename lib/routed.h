/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Traffic that no rule and no service claims, where the configuration says that it is
 *            routed: the last policy that is asked, and the way of a packet without a flow.
 * Layout     A connection gets a flow whose two tuples are inverse to each other: what takes the
 *            hit path leaves as it came, but for TTL and MAC addresses. What has no ports, finds no
 *            room in the flow table, or ends a connection that is not known, is routed all
 *            the same, by routed_send.
 * Invariant  1. Routing depends on no flow: with one and without a packet has the same next hop.
 *            2. What is to an address of ours is never routed.
 *            3. Where there are realms, packets from one are at home where their source is, those
 *               from the outside where their destination is: so the flow that knows into which
 *               realm an answer goes is found.
 * Limits     Without realms any worker opens such a flow, so where a NIC does not steer both
 *            directions to one, each may have a flow of its own, which knows one direction.
 * See        docs/nat.md, "What nobody claims"; lib/policy.h, HOME_ROUTE.
 */
#ifndef MR_ROUTED_H
#define MR_ROUTED_H

#include "pipeline.h"

extern const struct policy_ops routed_policy;

void *routed_create(const struct policy_env *env);
void routed_destroy(void *state);

/* routed_send: by its route, untouched, to its end. */
void routed_send(struct worker *w, struct pkt *p);

/* routed_flowless: the same of a packet that is flowless (lib/pkt.h), if a policy says so. */
void routed_flowless(struct worker *w, struct pkt *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Rules with the action `pass`: what they match crosses untouched (RFC 6888 REQ-6).
 * Layout     A connection has a flow whose tuples are inverse to each other, and no mapping: its
 *            owner is OWNER_PASS.
 * Invariant  1. Both directions are at home where the subscriber's address is.
 *            2. The destination opens a connection only where the rule says `inbound`. Some packets
 *               have no flow, so that nobody can say which is an answer: from there they come in
 *               under `inbound` only.
 *            3. What another rule translates never passes, with ports or without; nor, where
 *               what nobody claims is routed, do packets to a translated subscriber's own address,
 *               since its answers would go out as they are.
 * See        docs/nat.md, "Pass-through".
 */
#ifndef MR_NAT_PASS_H
#define MR_NAT_PASS_H

#include "lib/command.h"
#include "nat/rules.h"

/* pass_home: of a packet that has no ports, of whatever rule; pass_home_back: of one from the other
 * side of a rule that lets pass. */
int pass_home(const struct generation *g, const struct miss *m);
int pass_home_back(const struct generation *g, const struct miss *m);

/* pass_open: a flow that changes nothing, opened by a rule's subscriber or (inbound) to him. */
enum verdict pass_open(const struct nat_rules *r, const struct miss *m,
                       const struct img_nat_rule *rule, bool is_inbound, struct flow_spec *spec);

/* pass_chosen: does a filter want a flow of its subscriber to be cut? */
bool pass_chosen(const struct cmd_nat_filter *filter, const struct flow *f, uint16_t worker);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The CGNAT policy: NAPT44 for TCP, UDP and ICMP echo with endpoint-independent mapping,
 *            ports from blocks, one pool address a subscriber.
 * Invariant  1. An inside endpoint keeps its external endpoint as long as a flow uses it, whatever
 *               the destination (RFC 4787 REQ-1), and nobody else has it meanwhile (REQ-3).
 *            2. A subscriber's mappings are all on one pool address (REQ-2, RFC 7857 section 4),
 *               until that address is drained or removed: then new flows get a new one.
 *            3. A port, and a block, is not given out again before the quarantine is over
 *               (RFC 6888 REQ-8).
 *            4. Nothing is ever evicted to make room (RFC 6888 REQ-11).
 *            5. flow.owner is the number of its mapping, which it holds, or of enum unmapped_owner.
 * Owner      A state belongs to one worker; the main lcore reads it for the views below.
 * Limits     Each worker's share of img_plane.mappings, .subscribers and .permissions; then
 *            NAT_TABLE_FULL. The share of .quarantine: then the oldest port leaves it early.
 * See        docs/design.md, "Policies"; RFC 4787, 5382, 5508, 6056, 6888, 7857.
 */
#ifndef MR_NAT_H
#define MR_NAT_H

#include "lib/command.h"
#include "lib/policy.h"

extern const struct policy_ops nat_policy;

/* nat_create: all the memory that a worker's translation will ever use. => NULL: too little. */
void *nat_create(const struct policy_env *env);
void nat_destroy(void *state);
/* nat_memsize: bytes that nat_create takes. */
size_t nat_memsize(const struct policy_env *env);

/*
 * Listings, over the states of all workers in order. => how many rows are filled, at most room;
 * *cursor goes on, and is 0 when the end is reached. States are read while their workers run, so
 * a row is a snapshot of what may change meanwhile. out NULL: they are only counted. A page ends
 * early after so many entries of the tables.
 */
uint32_t nat_view_mappings(void *const *states, uint32_t n_states, const struct cmd_filter *filter,
                           uint64_t *cursor, struct cmd_mapping *out, uint32_t room);
uint32_t nat_view_subscribers(void *const *states, uint32_t n_states,
                              const struct cmd_filter *filter, uint64_t *cursor,
                              struct cmd_subscriber *out, uint32_t room);
uint32_t nat_view_blocks(void *const *states, uint32_t n_states, const struct cmd_filter *filter,
                         uint64_t *cursor, struct cmd_block *out, uint32_t room);
/* nat_view_pools: a row for each address of generation g, in the order of its image. */
uint32_t nat_view_pools(void *const *states, uint32_t n_states, const struct generation *g,
                        uint64_t *cursor, struct cmd_pool_address *out, uint32_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Permissions of address-dependent filtering: which remote hosts a mapping has spoken
 *            to, an address in a realm each, with the number of live flows that say so.
 * Layout     16 bytes, four a cache line. Kept for mappings with NAT_FILTER_ADF only.
 * Invariant  1. A permission lives exactly as long as an outbound flow of its mapping to its
 *               address does.
 * Owner      One worker.
 * Limits     nat.capacity.permissions; filter_permit says false when full, and the flow
 *            is refused: filtering never becomes another kind under load (RFC 4787 REQ-11).
 * See        RFC 4787 REQ-8.
 */
#ifndef MR_NAT_FILTER_H
#define MR_NAT_FILTER_H

#include <stdbool.h>

#include "lib/addr.h"
#include "nat/table.h"

struct permission {
	uint32_t next;
	uint32_t mapping;
	be32 remote;
	uint32_t flows : 24; /* a mapping has at most one a port of the remote host */
	uint32_t realm : 8;
};
static_assert(sizeof(struct permission) == 16, "four permissions a cache line");

struct filter {
	struct table t;
	uint64_t seed;
};

/* filter_permit: one more flow of mapping to remote. => false when full. */
bool filter_permit(struct filter *f, uint32_t mapping, uint8_t realm, be32 remote);
/* filter_revoke: one less. => it was permitted. */
void filter_revoke(struct filter *f, uint32_t mapping, uint8_t realm, be32 remote);
bool filter_is_permitted(const struct filter *f, uint32_t mapping, uint8_t realm, be32 remote);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Mapping Updates: clients of the Port Control Protocol are told, unasked, what has
 *            become of a mapping that they asked for and that was taken from them.
 * Layout     A ring of what was taken, each entry sent UPDATE_TIMES times, in the order in which
 *            they came; next[i] is the first that was not sent for the i-th time.
 * Invariant  1. What is told is how it is when it is sent: the mapping that the client has by then,
 *               with what is left of its time, or that he has none. So one that comes late takes
 *               back nothing.
 *            2. It goes to where the last answer about that mapping went, from the address that was
 *               asked, in the realm of then, with its nonce, with THIRD_PARTY where the request
 *               had it.
 * Owner      One worker.
 * Limits     UPDATE_MAX at a time, where there can be leases; who has no room for one ends no lease
 *            (nat/lease.h). UPDATE_TURN messages a millisecond.
 * See        RFC 6887, 14.2; nat/taken.h for when; lib/say.h for how.
 */
#ifndef MR_NAT_UPDATE_H
#define MR_NAT_UPDATE_H

#include "nat/lease.h"

enum { UPDATE_TIMES = 3, UPDATE_TURN = 8, UPDATE_MAX = 2048 };

struct update {
	uint8_t nonce[LEASE_NONCE];
	struct lease_remote remote; /* of a peer */
	struct lease_client client;
	be32 inside, external;      /* external: as it was */
	be16 inside_port, port;
	uint16_t side;              /* of the subscriber, nat/subscriber.h */
	uint8_t proto;              /* of IP */
	uint8_t kind;               /* enum lease_kind */
	uint8_t result;             /* enum pcp_result, while he has no mapping */
	uint32_t sent_ms;
};

struct updates {
	struct update *entry;
	uint32_t capacity; /* UPDATE_MAX, or 0 */
	uint32_t put;      /* so many came; of these next[0] were sent once, next[1] twice, … */
	uint32_t next[UPDATE_TIMES];
};
static_assert((UPDATE_MAX & (UPDATE_MAX - 1)) == 0, "counts wrap");

static inline bool
update_has_room(const struct updates *u)
{
	return u->capacity == 0 || u->put - u->next[UPDATE_TIMES - 1] < u->capacity;
}

/* update_of: a lease, as it is. */
struct update update_of(const struct nat *n, const struct lease *l);
/* update_lease: the lease that the client of one has now, or NULL; *mapping: its mapping. */
struct lease *update_lease(const struct nat *n, const struct update *u, uint32_t *mapping);
/* update_is_static: is its inside endpoint, behind that interface, a static mapping's? Which has
 * *outside, then. */
bool update_is_static(const struct nat *n, const struct update *u, uint64_t *outside);
/* update_put: its client is told. => there is room. */
void update_put(struct nat *n, const struct update *u);
/* update_turn: what is due, once a millisecond. */
void update_turn(struct nat *n);

#endif

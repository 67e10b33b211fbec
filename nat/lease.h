/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Leases: mappings that a subscriber has asked for and keeps for a time, with or without
 *            flows (nat/pcp.h); or keeps for one remote endpoint; and whom a lease lets in.
 * Layout     44 bytes, found by the number of its mapping. A hand goes over the table, some
 *            entries a millisecond, for those that are over, and once over all after each reload
 *            for those that the configuration has taken away (nat/taken.h).
 * Invariant  1. A mapping has one LEASE_MAP at most; mapping.leased says that it has one. It and
 *               each LEASE_PEER (mapping.peered: there is one) count in mapping.flows and out_flows
 *               like a flow from inside.
 *            2. A lease ends at its time (a turn of the hand later), by its owner's or by an
 *               operator's request, when the configuration takes it away, and never for want
 *               of room. A LEASE_FILTER (mapping.filtered: there is one) ends with its LEASE_MAP.
 *            3. Whose lease ends otherwise than by its time and his own request is told
 *               (nat/update.h); while there is no room to tell more, no more of them end.
 * Owner      One worker; the main lcore may look one up for listings.
 * Limits     nat.capacity.leases for all kinds together: what does not fit is refused, and nothing
 *            has changed. LEASE_FILTERS and LEASE_PEERS of a mapping. Lost at a restart, like all
 *            mappings: the epoch tells subscribers (RFC 6887, 8.5).
 */
#ifndef MR_NAT_LEASE_H
#define MR_NAT_LEASE_H

#include "nat/nat_filter.h"
#include "nat/table.h"

struct nat;

enum { LEASE_NONCE = 12, LEASE_FILTERS = 16, LEASE_PEERS = 16 };
enum lease_kind { LEASE_MAP, LEASE_PEER, LEASE_FILTER };

/* Whom it is about. A peer: an endpoint in a realm. A filter: a prefix, port 0: all of them. */
struct lease_remote {
	be32 address;
	be16 port;
	uint8_t bits; /* of a filter */
	uint8_t realm; /* of a peer */
};

/* Who has asked for it, to be told where that changes: as he asked last. */
struct lease_client {
	be32 address;
	be32 server; /* the address of ours that he asked */
	be16 port;
	uint8_t nic; /* of arrival; of what realm that was then: */
	uint8_t realm : 6;
	uint8_t is_third : 1;        /* for another than himself */
	uint8_t prefers_failure : 1;
};
static_assert(IMG_MAX_REALMS <= 1 << 6, "a realm fits");

struct lease {
	uint32_t next;
	uint32_t mapping;
	uint8_t nonce[LEASE_NONCE]; /* of who made it: nobody else may change it */
	uint32_t until_s : 30;      /* by lease_seconds, modulo 2^30 */
	uint32_t kind : 2;          /* enum lease_kind */
	struct lease_remote remote;
	struct lease_client client; /* of a filter: zero */
};
static_assert(sizeof(struct lease) == 44, "see Layout");

/* lease_mask: of a prefix of so many bits. */
static inline be32
lease_mask(uint8_t bits)
{
	return bits == 0 ? 0 : __builtin_bswap32(UINT32_MAX << (32 - bits));
}

struct leases {
	struct table t;
	uint64_t seed;
	uint32_t hand;      /* the entry looked at last */
	uint32_t turned_ms; /* when it last moved */
	uint32_t unchecked; /* entries that it has not seen since the last reload */
};

/* lease_find: the LEASE_MAP of a mapping; lease_find_peer: its LEASE_PEER for a peer; or NULL. */
struct lease *lease_find(const struct leases *l, uint32_t mapping);
struct lease *lease_find_peer(const struct leases *l, uint32_t mapping,
                              const struct lease_remote *peer);
/* lease_left: seconds that one lasts. lease_last: the last of a mapping's, 0: it has none; *count:
 * how many there are. Any thread may ask. */
uint32_t lease_left(const struct nat *n, const struct lease *l);
uint32_t lease_last(const struct nat *n, uint32_t mapping, uint32_t *count);

/* lease_has_room: for so many more entries. */
bool lease_has_room(const struct leases *l, uint32_t entries);
/* lease_make: => false: full, and nothing has changed. The mapping has none so far. */
bool lease_make(struct nat *n, uint32_t mapping, const uint8_t nonce[LEASE_NONCE],
                uint32_t seconds);
/* lease_make_peer: the same, for a peer that has none so far. => EDQUOT: it has LEASE_PEERS. */
int lease_make_peer(struct nat *n, uint32_t mapping, const struct lease_remote *peer,
                    const uint8_t nonce[LEASE_NONCE], uint32_t seconds);
/*
 * lease_filter: who is let in by a mapping's LEASE_MAP: these beside those of before, or instead of
 * them; nobody is named: all. => 0; EDQUOT: they are more than LEASE_FILTERS; ENOSPC: the table is
 * full; nothing has changed then.
 */
int lease_filter(struct nat *n, uint32_t mapping, const struct lease_remote *add, uint32_t count,
                 bool instead);
/* lease_filters: they themselves. => how many. */
uint32_t lease_filters(const struct leases *l, uint32_t mapping,
                       struct lease_remote r[LEASE_FILTERS]);
/* lease_lets: does a filter of the mapping let it in? */
bool lease_lets(const struct leases *l, uint32_t mapping, be32 address, be16 port);
void lease_extend(const struct nat *n, struct lease *l, uint32_t seconds);
/* lease_end: of a mapping or for a peer. The mapping goes too if it has no flow. */
void lease_end(struct nat *n, struct lease *l);

/* lease_reload: another generation is in force. lease_turn: look at so many entries, once a
 * millisecond. lease_cut: end those that a filter wants, of so many entries from *at on; told:
 * their clients, of each. => true: there are no more. */
void lease_reload(struct nat *n);
void lease_turn(struct nat *n, uint32_t steps);
bool lease_cut(struct nat *n, const struct cmd_nat_filter *what, bool told, uint32_t *at,
               uint32_t steps);

#endif

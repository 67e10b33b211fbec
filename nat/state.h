/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Everything the NAT of one worker owns, and the life of a mapping.
 * Invariant  1. stats->mappings, ->subscribers and ->blocks are the tables' used counts.
 *            2. A port that is taken and not mapped is in the quarantine once, stale entries
 *               (nat/rest.h) left out.
 * Owner      One worker.
 */
#ifndef MR_NAT_STATE_H
#define MR_NAT_STATE_H

#include "nat/filter.h"
#include "nat/lease.h"
#include "nat/log.h"
#include "nat/mapping.h"
#include "nat/newcomer.h"
#include "nat/pool.h"
#include "nat/quarantine.h"
#include "nat/refusal.h"
#include "nat/rest.h"
#include "nat/subscriber.h"
#include "nat/update.h"

/* Bits for the ports that are drawn ahead for a burst: of one address 1024 in a row differ. */
enum { DRAWN_WORDS = 16 };

struct nat {
	struct mapping_table mappings;
	struct subscriber_table subscribers;
	struct filter filter;
	struct leases leases;
	struct updates updates;
	struct rests rests;
	struct pool pool;
	struct quarantine quarantine;
	struct nat_recorder log;
	struct nat_clock clock;
	const struct generation *gen; /* in force here */
	uint64_t gen_number;
	uint32_t reloads;             /* marks subscribers whose address was looked at */
	uint32_t quarantine_ms;
	uint64_t began_ms;            /* when this worker had the time first, or 0 */
	uint64_t epoch_ms;            /* when it was, or when outside addresses came or went last:
	                               * the epoch of RFC 6887, 8.5 */
	uint64_t outside;             /* nat_rules.outside of the generation in force */
	uint64_t gives_from;          /* no dynamic port before that, in ms */
	uint64_t lane_name[NAT_MAX_LANES + 1]; /* hashes of pools' names, nat/lane.h */
	struct refusals *refusals;
	struct log_pace refusal_pace, threshold_pace; /* of subscribers */
	struct marks mapping_marks, subscriber_marks; /* of the tables' used, nat/threshold.h */
	uint8_t log_level;            /* enum nat_log */
	bool logs_mappings;           /* all of them, or those of shares */
	uint8_t inbound_refresh;
	bool log_addresses;
	uint16_t worker;
	bool has_changed;             /* static mappings, with the last generation */
	bool is_clearing;             /* all leases, and some have ended */
	bool has_drained;             /* an address whose drain is over, nat/drain.h */
	uint64_t drain_due;           /* when the next one is, in ms */
	uint64_t extras;              /* nat_rules.extras of the generation in force */
	uint64_t random;
	struct newcomers newcomers;   /* of the burst that is warmed, nat/newcomer.h */
	uint64_t drawn[DRAWN_WORDS];  /* ports that were drawn for it, a bit each (nat/warm.c) */
	struct stats *stats;
	const struct tally *tally;    /* the worker's, of what flows have carried */
	void (*say)(void *whose, const struct spoken *what); /* struct policy_env */
	void *whose;
	size_t size;                  /* of the allocation this is the head of */
};

/* An outbound packet that wants a mapping. */
struct wish {
	const struct miss *miss;
	const struct img_nat_rule *rule;
	uint8_t proto; /* enum nat_proto */
	uint16_t port; /* external, taken if it is free in one of the subscriber's blocks; 0: any */
	be32 external; /* if that is his address, in one more block too; 0: any */
};

static inline be32
wish_address(const struct wish *w)
{
	return w->miss->tuple.src.w[0];
}

/*
 * life_find_or_make: the mapping of an inside endpoint, made if there is none.
 * => its number, or 0 and *drop; what was made for nothing is undone.
 */
uint32_t life_find_or_make(struct nat *n, const struct wish *w, uint8_t *drop);

/* life_find: the mapping of an inside endpoint, or 0. */
uint32_t life_find(struct nat *n, const struct wish *w);

/*
 * life_end: free a mapping that no flow uses. was_seen: its port goes through the quarantine. hash:
 * of its keys, inside and external; NULL: not known.
 */
void life_end(struct nat *n, uint32_t mapping, bool was_seen, const uint64_t *hash);

/* nat_log_is_full: would the record of what begins now be lost, where the log refuses that? */
static inline bool
nat_log_is_full(const struct nat *n)
{
	return n->log_level != NAT_LOG_NONE && !log_has_room(&n->log);
}

/* life_join: a block comes to its subscriber. */
void life_join(struct nat *n, uint32_t subscriber, uint32_t number);

/* life_release: free ports that have been in quarantine long enough, at most max. */
void life_release_due(struct nat *n, uint32_t max);
static inline void
life_release(struct nat *n, uint32_t max)
{
	if (quarantine_is_due(&n->quarantine, n->quarantine_ms, n->clock.ms))
		life_release_due(n, max);
}

/* life_subscriber: whose a mapping is. */
static inline struct subscriber *
life_subscriber(const struct nat *n, const struct mapping *m)
{
	return subscriber_at(&n->subscribers, mapping_block(&n->mappings, m)->subscriber);
}

/* life_facts: what a filter asks of a mapping. */
struct nat_facts life_facts(const struct nat *n, const struct mapping *m);

/* life_slot, life_external: the pool address of a mapping. */
static inline const struct pool_slot *
life_slot(const struct nat *n, const struct mapping *m)
{
	return pool_slot_at(&n->pool, mapping_block(&n->mappings, m)->slot);
}

static inline be32
life_external(const struct nat *n, const struct mapping *m)
{
	return life_slot(n, m)->address;
}

#endif

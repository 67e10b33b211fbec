/* SPDX-License-Identifier: Apache-2.0 */
/* Leases that the generation or a command takes, and the mapping that one gets instead. */
#include "nat/taken.h"

#include "nat/drain.h"
#include "nat/pcp_request.h"
#include "nat/ranges.h"

/* The request that a lease stands for, as if it came now. => false: nobody may make it. */
static bool
ask_again(const struct nat *n, const struct update *u, struct miss *sent)
{
	struct miss m = {
		.tuple = {.src = addr_from_v4(u->inside), .family = FAMILY_V4,
			.realm = (uint8_t)u->side},
		.gen = n->gen, .now_ms = (uint32_t)n->clock.ms, .now_ns = n->clock.ns,
		.nic = u->client.nic,
	};
	if (u->client.is_third) {
		m.tuple.src = addr_from_v4(u->client.address);
		const struct img_nat_asker *a = pcp_asker(rules_of(n->gen), &m);
		if (a == NULL || a->realm != (uint8_t)u->side)
			return false;
		m = pcp_third(&m, a, u->inside);
	}
	*sent = pcp_sent(&m, u->proto, u->inside_port);
	struct lease_remote to = u->remote;
	if (u->kind == LEASE_PEER)
		pcp_sent_to(sent, &to);
	return true;
}

static const struct img_nat_rule *
rule_of(const struct nat *n, const struct update *u, struct miss *sent)
{
	return ask_again(n, u, sent) ?
		pcp_rule(rules_of(n->gen), sent, u->client.is_third) : NULL;
}

static bool
is_forbidden(const struct nat *n, const struct update *u)
{
	struct miss sent;
	return u->client.nic != NIC_NONE && rule_of(n, u, &sent) == NULL;
}

enum taken
taken_why(const struct nat *n, const struct lease *l, bool may)
{
	const struct pool_slot *slot = life_slot(n, mapping_at(&n->mappings, l->mapping));
	struct update u = update_of(n, l);
	uint64_t outside;
	if (update_is_static(n, &u, &outside)) /* its flows have ended for the same reason */
		return TAKEN_STATIC;
	if (may && is_forbidden(n, &u))
		return TAKEN_FORBIDDEN;
	return slot->pool == POOL_NONE || drain_is_over(n, slot) ? TAKEN_ADDRESS : TAKEN_NOT;
}

/* What it had beside its mapping. */
struct had {
	uint32_t seconds, filters;
	struct lease_remote filter[LEASE_FILTERS];
};

/* Another mapping for what was made by MAP, if there is one to be had. */
static void
move(struct nat *n, const struct update *u, const struct had *had)
{
	struct miss sent;
	uint8_t drop;
	const struct img_nat_rule *rule = rule_of(n, u, &sent);
	struct wish w = {.miss = &sent, .rule = rule, .proto = (uint8_t)nat_proto(u->proto),
		.port = be16toh(u->port)};
	if (rule == NULL || !pcp_is_at_home(n, &w))
		return;
	uint32_t number = life_find_or_make(n, &w, &drop);
	if (number == 0 || mapping_at(&n->mappings, number)->leased)
		return;
	if (!lease_has_room(&n->leases, 1 + had->filters) ||
	    !lease_make(n, number, u->nonce, had->seconds)) {
		pcp_leave(n, number, PCP_NO_RESOURCES);
		return;
	}
	lease_find(&n->leases, number)->client = u->client;
	lease_filter(n, number, had->filter, had->filters, true);
	mapping_at(&n->mappings, number)->timers = rule->timers;
}

void
taken_end(struct nat *n, struct lease *l, enum taken why)
{
	struct update u = update_of(n, l);
	struct had had = {.seconds = lease_left(n, l)};
	uint32_t number;
	if (u.kind == LEASE_MAP)
		had.filters = lease_filters(&n->leases, l->mapping, had.filter);
	lease_end(n, l);
	if (why == TAKEN_ADDRESS && update_lease(n, &u, &number) != NULL)
		return; /* he has another one */
	if (why == TAKEN_ADDRESS && u.client.prefers_failure)
		u.result = PCP_CANNOT_PROVIDE_EXTERNAL;
	else if (why == TAKEN_ADDRESS && u.kind == LEASE_MAP && u.client.nic != NIC_NONE)
		move(n, &u, &had);
	update_put(n, &u);
}

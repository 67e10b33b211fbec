/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow rules of a device for one kind of traffic. Where the device can spread under a key of the
 * rule's own, a prefix takes one rule; else each address goes to the queue of its home. Where port
 * blocks are divided between workers, an address and the bits of a port say the queue.
 */
#include <stdlib.h>

#include "lb/lb_image.h"
#include "nat/nat_image.h"
#include "steer_plan.h"

static uint16_t
queue_of(const struct steer_site *s, unsigned worker)
{
	return (uint16_t)(worker % s->o->rx_queues);
}

static bool
add(struct steer_setup *out, const struct steer_rule *r)
{
	if (out->n_rules == STEER_RULES)
		return false;
	out->rule[out->n_rules++] = *r;
	return true;
}

/* A copy for each interface of the device at which this traffic arrives; only: that one, if any. */
static bool
add_on_nics(const struct steer_site *s, struct steer_setup *out, struct steer_rule r, uint8_t only)
{
	const struct generation *g = s->g;
	for (unsigned i = 1; i < g->n_nics; i++) {
		if (!g->nic[i].valid || g->nic[i].dev != s->dev ||
		    (s->a->traffic[i] >> r.traffic & 1) == 0 || (only != NIC_NONE && only != i))
			continue;
		r.vlan = __builtin_bswap16(g->nic[i].vlan_be);
		if (!add(out, &r))
			return false;
	}
	return true;
}

/* The ports of a prefix, each block to its worker's queue. */
static bool
add_ports(const struct steer_site *s, struct steer_setup *out, struct steer_rule r)
{
	const struct steer *st = &s->g->steer;
	unsigned n = st->n_workers, shift = st->block_shift;
	bool sparse = s->o->can[STEER_CAN_SPARSE] && (n & (n - 1)) == 0;
	unsigned blocks = sparse ? n : 1u << (16 - shift);
	r.port_mask = (uint16_t)(sparse ? (n - 1) << shift : 0xffffu << shift);
	for (unsigned b = 0; b < blocks; b++) {
		r.port = (uint16_t)(b << shift);
		r.queue = queue_of(s, b % n);
		if (!add_on_nics(s, out, r, NIC_NONE))
			return false;
	}
	return true;
}

static bool
add_protocols(const struct steer_site *s, struct steer_setup *out, struct steer_rule r)
{
	static const uint8_t protos[] = {6, 17, 1};
	unsigned n = r.traffic == STEER_POOL && s->o->can[STEER_CAN_ICMP] ? 3 : 2;
	for (unsigned i = 0; i < n; i++) {
		r.proto = protos[i];
		if (!add_ports(s, out, r))
			return false;
	}
	return true;
}

/* One destination prefix of ours; a whole address if it goes to one queue. */
static bool
add_own(const struct steer_site *s, struct steer_setup *out, struct steer_rule r)
{
	const struct steer *st = &s->g->steer;
	if (st->split_blocks)
		return add_protocols(s, out, r);
	if (s->o->can[STEER_CAN_RSS])
		r.key = r.family == FAMILY_V4 ? STEER_KEY_OUTSIDE4 : STEER_KEY_OUTSIDE6;
	else
		r.queue = queue_of(s, steer_worker(st, &r.address, r.family));
	return add_on_nics(s, out, r, NIC_NONE);
}

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Addresses (host order, sorted, unique) as the fewest prefixes; or each as it is. */
static bool
add_addresses4(const struct steer_site *s, struct steer_setup *out, enum steer_traffic t,
               const uint32_t *a, uint32_t n)
{
	bool whole = s->g->steer.split_blocks || s->o->can[STEER_CAN_RSS];
	for (uint32_t i = 0, run; i < n; i += run) {
		unsigned bits = 0;
		run = 1;
		while (whole && bits < 31 && a[i] << (31 - bits) == 0 && i + 2 * run <= n &&
		       a[i + 2 * run - 1] - a[i] == 2 * run - 1) {
			run *= 2;
			bits++;
		}
		struct steer_rule r = {
			.address = addr_from_v4(__builtin_bswap32(a[i])), .family = FAMILY_V4,
			.plen = (uint8_t)(32 - bits), .traffic = (uint8_t)t};
		if (!add_own(s, out, r))
			return false;
	}
	return true;
}

static uint32_t
unique(uint32_t *a, uint32_t n)
{
	uint32_t k = 0;
	qsort(a, n, sizeof(*a), compare_u32);
	for (uint32_t i = 0; i < n; i++)
		if (k == 0 || a[k - 1] != a[i])
			a[k++] = a[i];
	return k;
}

static bool
rules_pool(const struct steer_site *s, struct steer_setup *out)
{
	uint32_t n;
	const struct img_nat_address *row = image_rows(s->g->image, IMG_NAT_ADDRESSES, &n);
	uint32_t *a = malloc((n + 1) * sizeof(*a));
	if (a == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		a[i] = __builtin_bswap32(row[i].address);
	bool ok = add_addresses4(s, out, STEER_POOL, a, unique(a, n));
	free(a);
	return ok;
}

static bool
rules_local(const struct steer_site *s, struct steer_setup *out, enum steer_traffic t)
{
	uint32_t n, n4 = 0, a[LB_MAX_LOCALS];
	const struct img_lb_local *row = image_rows(s->g->image, IMG_LB_LOCALS, &n);
	for (uint32_t i = 0; i < n && i < LB_MAX_LOCALS; i++) {
		struct steer_rule r = {.address = row[i].address, .family = FAMILY_V6, .plen = 128,
		                       .traffic = STEER_LOCAL6};
		if (row[i].family == FAMILY_V4)
			a[n4++] = __builtin_bswap32(row[i].address.w[0]);
		else if (t == STEER_LOCAL6 && !add_own(s, out, r))
			return false;
	}
	return t == STEER_LOCAL6 || add_addresses4(s, out, t, a, unique(a, n4));
}

static struct steer_rule
rule_to(const union addr *a, uint8_t family, bool is_source, enum steer_key key,
        enum steer_traffic t)
{
	return (struct steer_rule){.address = *a, .family = family, .is_source = is_source,
		.plen = (uint8_t)addr_bits(family), .key = (uint8_t)key, .traffic = (uint8_t)t};
}

static bool
rules_client(const struct steer_site *s, struct steer_setup *out, enum steer_traffic t)
{
	uint32_t n;
	const struct img_lb_service *row = image_rows(s->g->image, IMG_LB_SERVICES, &n);
	uint8_t family = t == STEER_CLIENT6 ? FAMILY_V6 : FAMILY_V4;
	for (uint32_t i = 0; i < n; i++) {
		struct steer_rule r = rule_to(&row[i].address, family, false, STEER_KEY_INSIDE, t);
		/* Sorted by prefix: services of one stand together. */
		bool again = i > 0 && addr_equal(&row[i].address, &row[i - 1].address) &&
		             row[i].plen == row[i - 1].plen && row[i - 1].family == family;
		r.plen = row[i].plen;
		if (row[i].family == family && !again && !add_on_nics(s, out, r, NIC_NONE))
			return false;
	}
	return true;
}

static bool
rules_reply(const struct steer_site *s, struct steer_setup *out, enum steer_traffic t)
{
	uint32_t n;
	const struct img_lb_service *service = image_rows(s->g->image, IMG_LB_SERVICES, &n);
	const struct img_lb_backend *row = image_rows(s->g->image, IMG_LB_BACKENDS, &n);
	uint8_t family = t == STEER_REPLY6 ? FAMILY_V6 : FAMILY_V4;
	enum steer_key key = t == STEER_REPLY6 ? STEER_KEY_OUTSIDE6 : STEER_KEY_OUTSIDE4;
	for (uint32_t i = 0; i < n; i++) {
		if (row[i].family != family || service[row[i].service].mode != LB_MODE_NAT)
			continue;
		uint8_t nic = steer_nic_of(s->g, &row[i].address, family);
		struct steer_rule r = rule_to(&row[i].address, family, true, key, t);
		if (nic != NIC_NONE && !add_on_nics(s, out, r, nic))
			return false;
	}
	return true;
}

static bool
rules_subscriber(const struct steer_site *s, struct steer_setup *out)
{
	uint32_t n;
	const struct img_nat_rule *row = image_rows(s->g->image, IMG_NAT_RULES, &n);
	for (uint32_t i = 0; i < n; i++) {
		union addr source = addr_from_v4(row[i].source);
		struct steer_rule r =
			rule_to(&source, FAMILY_V4, true, STEER_KEY_INSIDE, STEER_SUBSCRIBER);
		r.plen = row[i].plen;
		if (!add_on_nics(s, out, r, row[i].nic))
			return false;
	}
	return true;
}

static bool
is_possible(const struct steer_site *s, enum steer_traffic t)
{
	const uint8_t *can = s->o->can;
	bool own = t == STEER_POOL || t == STEER_LOCAL4 || t == STEER_LOCAL6;
	if (own && s->g->steer.split_blocks)
		return can[STEER_CAN_PORT] != 0;
	return can[STEER_CAN_RSS] != 0 || (own && can[STEER_CAN_QUEUE] != 0);
}

static bool
rules_of(const struct steer_site *s, enum steer_traffic t, struct steer_setup *out)
{
	if (t == STEER_SUBSCRIBER)
		return rules_subscriber(s, out);
	if (t == STEER_POOL)
		return rules_pool(s, out);
	if (t == STEER_CLIENT4 || t == STEER_CLIENT6)
		return rules_client(s, out, t);
	if (t == STEER_REPLY4 || t == STEER_REPLY6)
		return rules_reply(s, out, t);
	return rules_local(s, out, t);
}

bool
steer_rules_add(const struct steer_site *s, enum steer_traffic t, struct steer_setup *out,
                bool *crowded)
{
	uint32_t before = out->n_rules;
	*crowded = false;
	if (!is_possible(s, t))
		return false;
	if (rules_of(s, t, out))
		return true;
	*crowded = true;
	out->n_rules = before;
	return false;
}

bool
steer_rules_family(const struct steer_site *s, uint8_t family, enum steer_key key,
                   struct steer_setup *out)
{
	const struct generation *g = s->g;
	uint32_t before = out->n_rules;
	struct steer_rule r = {.family = family, .key = (uint8_t)key};
	if (!s->o->can[STEER_CAN_RSS])
		return false;
	for (unsigned t = 0; t < STEER_TRAFFICS; t++)
		if (steer_is_v6(t) == (family == FAMILY_V6))
			r.traffic = (uint8_t)t; /* any of the family: all stand or fall together */
	for (unsigned i = 1; i < g->n_nics; i++) {
		if (!g->nic[i].valid || g->nic[i].dev != s->dev)
			continue;
		r.vlan = __builtin_bswap16(g->nic[i].vlan_be);
		if (!add(out, &r)) {
			out->n_rules = before;
			return false;
		}
	}
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Steering by devices of DPDK: RSS and flow rules, in the words of ethdev. */
#include "nic_steer.h"

#include <stdio.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

enum { MAX_ITEMS = 5 };

static const uint64_t types4 = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |
	RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
	RTE_ETH_RSS_NONFRAG_IPV4_OTHER;
static const uint64_t types6 = RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 |
	RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |
	RTE_ETH_RSS_NONFRAG_IPV6_OTHER;

/* All TCP and UDP packets of a family: by the family's own type, or by one for each. */
static bool
hashes(uint64_t types, uint64_t ip, uint64_t tcp, uint64_t udp)
{
	return (types & ip) != 0 || ((types & tcp) != 0 && (types & udp) != 0);
}

void
nic_steer_offer(const struct dev *d, struct steer_offer *o)
{
	struct rte_eth_dev_info info;
	*o = (struct steer_offer){.rx_queues = d->rx_queues};
	if (rte_eth_dev_info_get(d->port_id, &info) != 0)
		return;
	snprintf(o->driver, sizeof(o->driver), "%s", info.driver_name);
	o->rss_types = info.flow_type_rss_offloads & (types4 | types6);
	o->hashes4 = hashes(o->rss_types, RTE_ETH_RSS_IPV4, RTE_ETH_RSS_NONFRAG_IPV4_TCP,
	                    RTE_ETH_RSS_NONFRAG_IPV4_UDP);
	o->hashes6 = hashes(o->rss_types, RTE_ETH_RSS_IPV6, RTE_ETH_RSS_NONFRAG_IPV6_TCP,
	                    RTE_ETH_RSS_NONFRAG_IPV6_UDP);
	o->key_size = info.hash_key_size;
	o->reta_size = info.reta_size;
	o->max_queues = info.max_rx_queues;
}

int
nic_steer_hash(const struct dev *d, const struct steer_setup *s)
{
	uint8_t key[STEER_KEY_MAX];
	memcpy(key, s->key_bytes, sizeof(key));
	struct rte_eth_rss_conf conf = {
		.rss_key = key, .rss_key_len = (uint8_t)s->key_size, .rss_hf = s->rss_types};
	return rte_eth_dev_rss_hash_update(d->port_id, &conf);
}

int
nic_steer_reta(const struct dev *d, const struct steer_setup *s)
{
	struct rte_eth_rss_reta_entry64 reta[STEER_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	for (unsigned i = 0; i < s->reta_size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];
		group->mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = s->reta[i];
	}
	return rte_eth_dev_rss_reta_update(d->port_id, reta, s->reta_size);
}

/* A rule as rte_flow takes it. Holds what pattern and actions point to. */
struct flow_words {
	struct rte_flow_attr attr;
	struct rte_flow_item item[MAX_ITEMS];
	struct rte_flow_action action[2];
	struct rte_flow_item_vlan vlan, vlan_mask;
	struct rte_flow_item_ipv4 ip4, ip4_mask;
	struct rte_flow_item_ipv6 ip6, ip6_mask;
	struct rte_flow_item_tcp tcp, tcp_mask;
	struct rte_flow_item_udp udp, udp_mask;
	struct rte_flow_item_icmp icmp, icmp_mask;
	struct rte_flow_action_queue queue;
	struct rte_flow_action_rss rss;
	uint8_t key[STEER_KEY_MAX];
	unsigned n;
};

static void
item_add(struct flow_words *w, enum rte_flow_item_type type, const void *spec, const void *mask)
{
	w->item[w->n++] = (struct rte_flow_item){.type = type, .spec = spec, .mask = mask};
}

static void
prefix_mask(uint8_t *mask, unsigned bytes, unsigned plen)
{
	for (unsigned i = 0; i < bytes; i++) {
		unsigned bits = plen > 8 * i ? plen - 8 * i : 0;
		mask[i] = (uint8_t)(bits >= 8 ? 0xff : 0xff00u >> bits);
	}
}

static void
add_address(struct flow_words *w, const struct steer_rule *r)
{
	bool v6 = r->family == FAMILY_V6, any = r->plen == 0;
	if (v6) {
		uint8_t *to = r->is_source ? w->ip6.hdr.src_addr : w->ip6.hdr.dst_addr;
		memcpy(to, r->address.b, 16);
		prefix_mask(r->is_source ? w->ip6_mask.hdr.src_addr : w->ip6_mask.hdr.dst_addr, 16,
		            r->plen);
		item_add(w, RTE_FLOW_ITEM_TYPE_IPV6, any ? NULL : &w->ip6,
		         any ? NULL : &w->ip6_mask);
		return;
	}
	union addr mask = {.q = {0, 0}};
	prefix_mask(mask.b, 4, r->plen);
	*(r->is_source ? &w->ip4.hdr.src_addr : &w->ip4.hdr.dst_addr) = r->address.w[0];
	*(r->is_source ? &w->ip4_mask.hdr.src_addr : &w->ip4_mask.hdr.dst_addr) = mask.w[0];
	item_add(w, RTE_FLOW_ITEM_TYPE_IPV4, any ? NULL : &w->ip4, any ? NULL : &w->ip4_mask);
}

static void
add_port(struct flow_words *w, const struct steer_rule *r)
{
	be16 port = __builtin_bswap16(r->port), mask = __builtin_bswap16(r->port_mask);
	w->tcp.hdr.dst_port = w->udp.hdr.dst_port = w->icmp.hdr.icmp_ident = port;
	w->tcp_mask.hdr.dst_port = w->udp_mask.hdr.dst_port = w->icmp_mask.hdr.icmp_ident = mask;
	if (r->proto == IPPROTO_TCP)
		item_add(w, RTE_FLOW_ITEM_TYPE_TCP, &w->tcp, &w->tcp_mask);
	else if (r->proto == IPPROTO_UDP)
		item_add(w, RTE_FLOW_ITEM_TYPE_UDP, &w->udp, &w->udp_mask);
	else if (r->proto == IPPROTO_ICMP)
		item_add(w, RTE_FLOW_ITEM_TYPE_ICMP, &w->icmp, &w->icmp_mask);
}

static void
add_action(struct flow_words *w, const struct steer_rule *r, const struct steer_setup *s)
{
	w->action[1].type = RTE_FLOW_ACTION_TYPE_END;
	if (r->key == STEER_KEY_NONE) {
		w->queue.index = r->queue;
		w->action[0] = (struct rte_flow_action){RTE_FLOW_ACTION_TYPE_QUEUE, &w->queue};
		return;
	}
	uint16_t size = s->key_size != 0 ? s->key_size : STEER_KEY;
	steer_key_make(w->key, size, r->key, s->spread_bits);
	w->rss = (struct rte_flow_action_rss){
		.types = s->rss_types & (r->family == FAMILY_V4 ? types4 : types6),
		.key = w->key, .key_len = size, .queue = s->spread,
		.queue_num = 1u << s->spread_bits};
	w->action[0] = (struct rte_flow_action){RTE_FLOW_ACTION_TYPE_RSS, &w->rss};
}

static void
flow_words(struct flow_words *w, const struct steer_rule *r, const struct steer_setup *s)
{
	memset(w, 0, sizeof(*w));
	w->attr.ingress = 1;
	item_add(w, RTE_FLOW_ITEM_TYPE_ETH, NULL, NULL);
	if (r->vlan != 0) {
		w->vlan.tci = __builtin_bswap16(r->vlan);
		w->vlan_mask.tci = __builtin_bswap16(0x0fff);
		item_add(w, RTE_FLOW_ITEM_TYPE_VLAN, &w->vlan, &w->vlan_mask);
	}
	add_address(w, r);
	add_port(w, r);
	item_add(w, RTE_FLOW_ITEM_TYPE_END, NULL, NULL);
	add_action(w, r, s);
}

static bool
is_taken(const struct dev *d, const struct steer_rule *r, const struct steer_setup *s)
{
	struct flow_words w;
	struct rte_flow_error err;
	flow_words(&w, r, s);
	return rte_flow_validate(d->port_id, &w.attr, w.item, w.action, &err) == 0;
}

void
nic_steer_probe(const struct dev *d, struct steer_offer *o)
{
	/* 192.0.2.1 is of a network for documentation. */
	const struct steer_rule to = {.address = addr_from_v4(__builtin_bswap32(0xc0000201)),
	                              .family = FAMILY_V4, .plen = 32};
	struct steer_rule rule[STEER_ABILITIES] = {to, to, to, to, to};
	static struct steer_setup s; /* only its types and an empty spread */
	s.spread_bits = d->reta_bits < STEER_RETA_BITS ? d->reta_bits : STEER_RETA_BITS;
	s.rss_types = o->rss_types;
	s.key_size = o->key_size <= STEER_KEY_MAX ? o->key_size : 0;
	rule[STEER_CAN_PORT].proto = rule[STEER_CAN_SPARSE].proto = IPPROTO_UDP;
	rule[STEER_CAN_PORT].port_mask = 0xffc0;
	rule[STEER_CAN_SPARSE].port_mask = 0x0040;
	rule[STEER_CAN_ICMP].proto = IPPROTO_ICMP;
	rule[STEER_CAN_ICMP].port_mask = 0xffc0;
	rule[STEER_CAN_RSS].key = STEER_KEY_OUTSIDE4;
	for (unsigned i = 0; i < STEER_ABILITIES; i++)
		o->can[i] = is_taken(d, &rule[i], &s);
}

/* A rule that the device does not take; said by err, or NULL: it was not asked any more. */
static void
refuse(struct nic_steer *st, const struct steer_rule *r, const struct rte_flow_error *err)
{
	st->refused++;
	st->refused_traffic |= (uint16_t)(1u << r->traffic);
	if (err != NULL)
		snprintf(st->refusal, sizeof(st->refusal), "%s",
		         err->message != NULL ? err->message : rte_strerror(rte_errno));
}

/* => the rule's handle, or NULL: refused. */
static struct rte_flow *
rule_make(const struct dev *d, const struct steer_rule *r, const struct steer_setup *s,
          struct rte_flow_error *err)
{
	struct flow_words w;
	*err = (struct rte_flow_error){0};
	flow_words(&w, r, s);
	if (rte_flow_validate(d->port_id, &w.attr, w.item, w.action, err) != 0)
		return NULL;
	return rte_flow_create(d->port_id, &w.attr, w.item, w.action, err);
}

static bool
rule_is_wanted(const struct steer_rule *r, const struct steer_setup *s)
{
	uint32_t low = 0, high = s->n_rules;
	while (low < high) {
		uint32_t half = low + (high - low) / 2;
		int order = memcmp(r, &s->rule[half], sizeof(*r));
		if (order == 0)
			return true;
		if (order < 0)
			high = half;
		else
			low = half + 1;
	}
	return false;
}

static void
rule_destroy(const struct dev *d, struct nic_steer *st, void *handle)
{
	struct rte_flow_error err;
	st->stuck += rte_flow_destroy(d->port_id, handle, &err) != 0;
}

/*
 * New rules before the old ones go, so that what both cover is steered all the time: both lead to
 * the same homes, which do not change while we run. Refusals do not count yet. Both lists are
 * sorted: one walk. => how many were refused.
 */
static uint32_t
rules_add(const struct dev *d, const struct nic_steer *st, const struct steer_setup *s,
          void **handle)
{
	uint32_t refused = 0;
	struct rte_flow_error err;
	for (uint32_t i = 0, at = 0; i < s->n_rules; i++) {
		int order = 1;
		while (at < st->n && (order = memcmp(&st->rule[at], &s->rule[i],
		                                     sizeof(s->rule[i]))) < 0)
			at++;
		if (at < st->n && order == 0)
			handle[i] = st->handle[at++];
		else if (refused < STEER_GIVE_UP)
			handle[i] = rule_make(d, &s->rule[i], s, &err);
		else
			handle[i] = NULL;
		refused += handle[i] == NULL;
	}
	return refused;
}

static void
rules_prune(const struct dev *d, struct nic_steer *st, const struct steer_setup *s)
{
	for (uint32_t i = 0; i < st->n; i++)
		if (!rule_is_wanted(&st->rule[i], s))
			rule_destroy(d, st, st->handle[i]);
}

/* Those that were refused, once more: there is room now, or what they contradicted is gone. */
static void
rules_retry(const struct dev *d, struct nic_steer *st, const struct steer_setup *s, void **handle)
{
	uint32_t running = 0; /* refusals of one kind of traffic, one after another */
	for (uint32_t i = 0; i < s->n_rules; i++) {
		struct rte_flow_error err;
		const struct steer_rule *r = &s->rule[i];
		if (handle[i] != NULL)
			continue;
		if (i > 0 && s->rule[i - 1].traffic != r->traffic)
			running = 0;
		if (running < STEER_GIVE_UP) {
			handle[i] = rule_make(d, r, s, &err);
			running = handle[i] == NULL ? running + 1 : 0;
			if (handle[i] == NULL)
				refuse(st, r, &err);
		} else {
			refuse(st, r, NULL);
		}
	}
}

void
nic_steer_rules(const struct dev *d, struct nic_steer *st, const struct steer_setup *s)
{
	static void *handle[STEER_RULES];
	uint32_t refused = rules_add(d, st, s, handle);
	rules_prune(d, st, s);
	st->refused = 0;
	st->refused_traffic = 0;
	if (refused != 0)
		rules_retry(d, st, s, handle);
	st->n = 0;
	for (uint32_t i = 0; i < s->n_rules; i++) {
		if (handle[i] == NULL)
			continue;
		st->rule[st->n] = s->rule[i];
		st->handle[st->n++] = handle[i];
	}
}

void
nic_steer_rules_begin(const struct dev *d, struct nic_steer *st)
{
	struct rte_flow_error err;
	(void)rte_flow_flush(d->port_id, &err); /* many drivers have no rules at all */
	st->n = st->refused = st->stuck = 0;
	st->refused_traffic = 0;
}

void
nic_steer_rules_end(const struct dev *d, struct nic_steer *st)
{
	struct rte_flow_error err;
	bool had_rules = st->n != 0 || st->stuck != 0;
	for (uint32_t i = 0; i < st->n; i++)
		rule_destroy(d, st, st->handle[i]);
	if (had_rules)
		(void)rte_flow_flush(d->port_id, &err);
	st->n = st->stuck = 0;
}

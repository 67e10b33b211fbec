/* SPDX-License-Identifier: Apache-2.0 */
/* Fields, hashes and flow rules of the simulated NIC. */
#include "sim_rules.h"

#include <stdlib.h>
#include <string.h>

#include <rte_thash.h>

enum { HASH_WORDS = 9 };

int __wrap_rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                             const struct rte_flow_item items[],
                             const struct rte_flow_action actions[], struct rte_flow_error *err);
struct rte_flow *__wrap_rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                        const struct rte_flow_item items[],
                                        const struct rte_flow_action actions[],
                                        struct rte_flow_error *err);
int __wrap_rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *err);
int __wrap_rte_flow_flush(uint16_t port, struct rte_flow_error *err);

/* A rule as bytes to compare: fields under a mask. */
struct rte_flow {
	struct rte_flow *next;
	uint32_t priority;
	uint16_t queue, queues;  /* queues 0: to `queue` */
	uint16_t *list;
	uint8_t key[SIM_KEY];
	uint64_t types;
	uint8_t family, proto;   /* 0: any */
	struct sim_fields value, mask;
};

bool
sim_fields_read(struct sim_fields *f, const uint8_t *frame, uint32_t size)
{
	memset(f, 0, sizeof(*f));
	uint32_t at = 14;
	if (size >= 18 && frame[12] == 0x81 && frame[13] == 0) {
		f->vlan = (uint16_t)((frame[14] << 8 | frame[15]) & 0xfff);
		at = 18;
	}
	const uint8_t *ip = frame + at;
	if (size < at + 20)
		return false;
	uint32_t l4;
	if (frame[at - 2] == 0x08 && frame[at - 1] == 0) {
		f->family = 4;
		memcpy(f->src, ip + 12, 4);
		memcpy(f->dst, ip + 16, 4);
		f->proto = ip[9];
		f->is_fragment = ((ip[6] & 0x3f) | ip[7]) != 0;
		l4 = at + (ip[0] & 15u) * 4;
	} else if (frame[at - 2] == 0x86 && frame[at - 1] == 0xdd && size >= at + 40) {
		f->family = 6;
		memcpy(f->src, ip + 8, 16);
		memcpy(f->dst, ip + 24, 16);
		f->proto = ip[6];
		f->is_fragment = f->proto == 44;
		f->has_extensions = f->proto == 0 || f->proto == 43 || f->proto == 60;
		l4 = at + 40;
	} else {
		return false;
	}
	if (f->is_fragment || size < l4 + 8)
		return true;
	f->has_ports = f->proto == 6 || f->proto == 17;
	if (f->has_ports) {
		memcpy(&f->sport, frame + l4, 2);
		memcpy(&f->dport, frame + l4 + 2, 2);
	} else if (f->proto == 1) {
		memcpy(&f->ident, frame + l4 + 4, 2);
	}
	return true;
}

static void
swap16(uint16_t *a, uint16_t *b)
{
	uint16_t t = *a;
	*a = *b;
	*b = t;
}

void
sim_fields_order(struct sim_fields *f)
{
	uint8_t t[16];
	if (memcmp(f->src, f->dst, sizeof(t)) > 0) {
		memcpy(t, f->src, sizeof(t));
		memcpy(f->src, f->dst, sizeof(t));
		memcpy(f->dst, t, sizeof(t));
	}
	if (f->sport > f->dport)
		swap16(&f->sport, &f->dport);
}

/* Types as rte_ethdev.h names them: with ports where the type says TCP or UDP, else addresses. */
static bool
type_of(const struct sim_fields *f, uint64_t types, bool *with_ports)
{
	bool v4 = f->family == 4;
	uint64_t l4 = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_OTHER : RTE_ETH_RSS_NONFRAG_IPV6_OTHER;
	if (f->proto == 6)
		l4 = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_TCP : RTE_ETH_RSS_NONFRAG_IPV6_TCP;
	else if (f->proto == 17)
		l4 = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_UDP : RTE_ETH_RSS_NONFRAG_IPV6_UDP;
	*with_ports = !f->is_fragment && f->has_ports && (types & l4) != 0;
	if (!f->is_fragment && (types & l4) != 0)
		return true;
	if (f->is_fragment && (types & (v4 ? RTE_ETH_RSS_FRAG_IPV4 : RTE_ETH_RSS_FRAG_IPV6)) != 0)
		return true;
	return (types & (v4 ? RTE_ETH_RSS_IPV4 : RTE_ETH_RSS_IPV6)) != 0;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool
sim_hash(const struct sim_fields *f, uint64_t types, const uint8_t *key, uint32_t *hash)
{
	uint32_t input[HASH_WORDS], n = 0, words = f->family == 4 ? 1 : 4;
	bool with_ports;
	if (!type_of(f, types, &with_ports))
		return false;
	for (uint32_t i = 0; i < words; i++)
		input[n++] = word(f->src + 4 * i);
	for (uint32_t i = 0; i < words; i++)
		input[n++] = word(f->dst + 4 * i);
	if (with_ports)
		input[n++] = (uint32_t)__builtin_bswap16(f->sport) << 16 |
		             __builtin_bswap16(f->dport);
	*hash = rte_softrss(input, n, key);
	return true;
}

void
sim_hash_report(struct rte_mbuf *m, uint32_t hash)
{
	if (m == NULL)
		return;
	m->hash.rss = hash;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
}

static int
refuse(struct rte_flow_error *err, const char *why)
{
	if (err != NULL)
		err->message = why;
	rte_errno = ENOTSUP;
	return -ENOTSUP;
}

static void
read_ip(struct rte_flow *r, const struct rte_flow_item *it)
{
	r->family = it->type == RTE_FLOW_ITEM_TYPE_IPV4 ? 4 : 6;
	if (it->spec == NULL)
		return;
	if (r->family == 4) {
		const struct rte_flow_item_ipv4 *s = it->spec, *m = it->mask;
		memcpy(r->value.src, &s->hdr.src_addr, 4);
		memcpy(r->value.dst, &s->hdr.dst_addr, 4);
		memcpy(r->mask.src, &m->hdr.src_addr, 4);
		memcpy(r->mask.dst, &m->hdr.dst_addr, 4);
		return;
	}
	const struct rte_flow_item_ipv6 *s = it->spec, *m = it->mask;
	memcpy(r->value.src, s->hdr.src_addr, 16);
	memcpy(r->value.dst, s->hdr.dst_addr, 16);
	memcpy(r->mask.src, m->hdr.src_addr, 16);
	memcpy(r->mask.dst, m->hdr.dst_addr, 16);
}

static void
read_l4(struct rte_flow *r, const struct rte_flow_item *it)
{
	if (it->type == RTE_FLOW_ITEM_TYPE_TCP) {
		r->proto = 6;
		r->value.dport = ((const struct rte_flow_item_tcp *)it->spec)->hdr.dst_port;
		r->mask.dport = ((const struct rte_flow_item_tcp *)it->mask)->hdr.dst_port;
	} else if (it->type == RTE_FLOW_ITEM_TYPE_UDP) {
		r->proto = 17;
		r->value.dport = ((const struct rte_flow_item_udp *)it->spec)->hdr.dst_port;
		r->mask.dport = ((const struct rte_flow_item_udp *)it->mask)->hdr.dst_port;
	} else {
		r->proto = 1;
		r->value.ident = ((const struct rte_flow_item_icmp *)it->spec)->hdr.icmp_ident;
		r->mask.ident = ((const struct rte_flow_item_icmp *)it->mask)->hdr.icmp_ident;
	}
}

static uint16_t
vlan_of(const struct rte_flow_item_vlan *v)
{
	return __builtin_bswap16(v->tci);
}

static int
read_items(struct rte_flow *r, const struct rte_flow_item *it, struct rte_flow_error *err)
{
	if (it->type != RTE_FLOW_ITEM_TYPE_ETH || it->spec != NULL)
		return refuse(err, "pattern begins with an empty ETH");
	for (it++; it->type != RTE_FLOW_ITEM_TYPE_END; it++) {
		if (it->last != NULL || (it->spec != NULL) != (it->mask != NULL))
			return refuse(err, "ranges and default masks are not simulated");
		switch (it->type) {
		case RTE_FLOW_ITEM_TYPE_VLAN:
			r->value.vlan = vlan_of(it->spec);
			r->mask.vlan = vlan_of(it->mask);
			break;
		case RTE_FLOW_ITEM_TYPE_IPV4:
		case RTE_FLOW_ITEM_TYPE_IPV6:
			read_ip(r, it);
			break;
		case RTE_FLOW_ITEM_TYPE_TCP:
		case RTE_FLOW_ITEM_TYPE_UDP:
		case RTE_FLOW_ITEM_TYPE_ICMP:
			read_l4(r, it);
			break;
		default:
			return refuse(err, "item is not simulated");
		}
	}
	return 0;
}

static int
read_rss(struct rte_flow *r, const struct sim_nic *s, const struct rte_flow_action_rss *rss,
         struct rte_flow_error *err)
{
	if (!s->model->rule_rss)
		return refuse(err, "no RSS in rules");
	if (rss->key_len != s->model->key_size || (rss->types & ~s->model->rss_types) != 0 ||
	    rss->queue_num == 0 || (rss->queue_num & (rss->queue_num - 1)) != 0)
		return refuse(err, "key, types or number of queues");
	for (unsigned i = 0; i < rss->queue_num; i++)
		if (rss->queue[i] >= s->queues)
			return refuse(err, "queue is not configured");
	memcpy(r->key, rss->key, rss->key_len);
	r->types = rss->types;
	r->list = malloc(rss->queue_num * sizeof(*r->list));
	memcpy(r->list, rss->queue, rss->queue_num * sizeof(*r->list));
	r->queues = (uint16_t)rss->queue_num;
	return 0;
}

static int
read_action(struct rte_flow *r, const struct sim_nic *s, const struct rte_flow_action *a,
            struct rte_flow_error *err)
{
	if (a[1].type != RTE_FLOW_ACTION_TYPE_END)
		return refuse(err, "one action only");
	if (a->type == RTE_FLOW_ACTION_TYPE_RSS)
		return read_rss(r, s, a->conf, err);
	if (a->type != RTE_FLOW_ACTION_TYPE_QUEUE || !s->model->rule_queue)
		return refuse(err, "no such action");
	r->queue = ((const struct rte_flow_action_queue *)a->conf)->index;
	return r->queue < s->queues ? 0 : refuse(err, "queue is not configured");
}

/* Is the mask ones, then zeros? */
static bool
is_contiguous(uint16_t mask_be)
{
	uint16_t m = (uint16_t)~__builtin_bswap16(mask_be);
	return (m & (m + 1)) == 0;
}

static int
check_abilities(const struct rte_flow *r, const struct sim_model *m, struct rte_flow_error *err)
{
	if (r->proto == 1 && !m->rule_icmp)
		return refuse(err, "no ICMP in patterns");
	if (r->proto != 0 && !m->rule_port)
		return refuse(err, "no ports in patterns");
	if (!m->rule_sparse && (!is_contiguous(r->mask.dport) || !is_contiguous(r->mask.ident)))
		return refuse(err, "no such port masks");
	return 0;
}

static void
rule_free(struct rte_flow *r)
{
	free(r->list);
	free(r);
}

/* => the rule, not yet in force, or NULL. */
static struct rte_flow *
rule_read(struct sim_nic *s, const struct rte_flow_attr *attr, const struct rte_flow_item items[],
          const struct rte_flow_action actions[], struct rte_flow_error *err)
{
	struct rte_flow *r = calloc(1, sizeof(*r));
	r->priority = attr->priority;
	if (!attr->ingress || attr->egress || attr->transfer || attr->group != 0) {
		refuse(err, "ingress of group 0 only");
	} else if (read_items(r, items, err) == 0 && read_action(r, s, actions, err) == 0 &&
	           check_abilities(r, s->model, err) == 0) {
		return r;
	}
	rule_free(r);
	return NULL;
}

int
__wrap_rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                         const struct rte_flow_item items[],
                         const struct rte_flow_action actions[], struct rte_flow_error *err)
{
	struct sim_nic *s = sim_nic_of(port);
	struct rte_flow *r = s->is_gone ? NULL : rule_read(s, attr, items, actions, err);
	if (r == NULL)
		return -ENOTSUP;
	rule_free(r);
	s->validated++;
	return 0;
}

static bool
is_same_pattern(const struct rte_flow *a, const struct rte_flow *b)
{
	return a->priority == b->priority && a->family == b->family && a->proto == b->proto &&
	       memcmp(&a->value, &b->value, sizeof(a->value)) == 0 &&
	       memcmp(&a->mask, &b->mask, sizeof(a->mask)) == 0;
}

static bool
exists(const struct sim_nic *s, const struct rte_flow *rule)
{
	for (const struct rte_flow *r = s->rules; r != NULL; r = r->next)
		if (is_same_pattern(r, rule))
			return true;
	return false;
}

/* "No room" and collisions are said on creation, as the documentation allows. */
struct rte_flow *
__wrap_rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                       const struct rte_flow_item items[], const struct rte_flow_action actions[],
                       struct rte_flow_error *err)
{
	struct sim_nic *s = sim_nic_of(port);
	s->asked++;
	if (s->is_gone) {
		refuse(err, "it was pulled out");
		return NULL;
	}
	if (s->model->max_rules != 0 && s->n_rules >= s->model->max_rules) {
		refuse(err, "no room");
		return NULL;
	}
	struct rte_flow *r = rule_read(s, attr, items, actions, err);
	if (r == NULL)
		return NULL;
	if (exists(s, r)) {
		refuse(err, "a rule with this pattern exists");
		rule_free(r);
		return NULL;
	}
	r->next = s->rules;
	s->rules = r;
	s->n_rules++;
	return r;
}

int
__wrap_rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *err)
{
	struct sim_nic *s = sim_nic_of(port);
	if (s->model->keeps_rules)
		return refuse(err, "it is in use");
	for (struct rte_flow **at = &s->rules; *at != NULL; at = &(*at)->next) {
		if (*at != flow)
			continue;
		*at = flow->next;
		rule_free(flow);
		s->n_rules--;
		s->destroyed++;
		s->least_rules = s->n_rules < s->least_rules ? s->n_rules : s->least_rules;
		return 0;
	}
	return refuse(err, "no such rule");
}

void
sim_rules_flush(struct sim_nic *s)
{
	while (s->rules != NULL) {
		struct rte_flow *r = s->rules;
		s->rules = r->next;
		rule_free(r);
	}
	s->n_rules = 0;
}

int
__wrap_rte_flow_flush(uint16_t port, struct rte_flow_error *err)
{
	sim_rules_flush(sim_nic_of(port));
	return 0;
}

static bool
under_mask(const uint8_t *a, const uint8_t *b, const uint8_t *mask, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (((a[i] ^ b[i]) & mask[i]) != 0)
			return false;
	return true;
}

static bool
matches(const struct rte_flow *r, const struct sim_fields *f)
{
	if ((r->family != 0 && r->family != f->family) ||
	    (r->proto != 0 && (r->proto != f->proto || f->is_fragment)))
		return false;
	return ((r->value.vlan ^ f->vlan) & r->mask.vlan) == 0 &&
	       ((r->value.dport ^ f->dport) & r->mask.dport) == 0 &&
	       ((r->value.ident ^ f->ident) & r->mask.ident) == 0 &&
	       under_mask(r->value.src, f->src, r->mask.src, 16) &&
	       under_mask(r->value.dst, f->dst, r->mask.dst, 16);
}

static unsigned
bits_of(const struct rte_flow *r)
{
	unsigned n = 0;
	const uint8_t *p = (const uint8_t *)&r->mask;
	for (unsigned i = 0; i < sizeof(r->mask); i++)
		n += (unsigned)__builtin_popcount(p[i]);
	return n + (r->proto != 0) + (r->family != 0);
}

/* The rule's queue for a packet, without side effects. */
static uint16_t
queue_by(const struct rte_flow *r, const struct sim_fields *f, uint32_t *hash, bool *hashed)
{
	*hashed = r->queues != 0 && sim_hash(f, r->types, r->key, hash);
	if (r->queues == 0)
		return r->queue;
	return *hashed ? r->list[*hash & (r->queues - 1u)] : r->list[0];
}

bool
sim_rules_match(struct sim_nic *s, const struct sim_fields *f, uint16_t *queue, struct rte_mbuf *m)
{
	const struct rte_flow *best = NULL;
	uint32_t hash = 0, other;
	bool hashed, twin = false;
	for (const struct rte_flow *r = s->rules; r != NULL; r = r->next) {
		if (!matches(r, f))
			continue;
		bool open = best != NULL && r->priority == best->priority;
		twin = open && queue_by(r, f, &hash, &hashed) != queue_by(best, f, &other, &hashed);
		s->ambiguous += twin;
		if (best == NULL || r->priority < best->priority ||
		    (r->priority == best->priority && bits_of(r) > bits_of(best)))
			best = r;
	}
	if (best == NULL)
		return false;
	*queue = queue_by(best, f, &hash, &hashed);
	if (hashed)
		sim_hash_report(m, hash);
	return true;
}

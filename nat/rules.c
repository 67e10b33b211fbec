/* SPDX-License-Identifier: Apache-2.0 */
/* Derived tables of a generation, and the match of a packet with a rule. */
#include "nat/rules.h"

#include <errno.h>

#include "lib/mem.h"
#include "nat/bits.h"

/* A number that tells what was from what is; 0 of nothing. */
static uint64_t
mark(uint64_t sum, const void *rows, size_t size)
{
	const uint8_t *p = rows;
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;
		memcpy(&word, p + i, 8);
		sum = mix64(sum ^ word ^ 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu + i);
	}
	return sum;
}

/* The same for deterministic pools: all that ranges follow from. */
static void
mark_ranges(struct nat_rules *r)
{
	for (uint32_t i = 0; i < r->n_pools; i++) {
		const struct img_nat_pool *p = &r->pools[i];
		if (!det_is(p))
			continue;
		uint64_t shape[] = {p->port_first, p->range_ports, p->range_hosts};
		r->has_ranges = true;
		r->extras = mark(r->extras, shape, sizeof(shape));
		for (uint32_t k = 0; k < p->insides; k++) {
			const struct img_nat_inside *in = &r->insides[p->first_inside + k];
			uint64_t ends[] = {in->first, in->last};
			r->extras = mark(r->extras, ends, sizeof(ends));
		}
		for (uint32_t k = 0; k < p->addresses; k++) {
			uint64_t a = r->addresses[p->first_address + k].address;
			r->extras = mark(r->extras, &a, sizeof(a));
		}
	}
}

/* The same for pairs of addresses: rules that let them out or not, and pools. */
static void
mark_others(struct nat_rules *r)
{
	for (uint32_t i = 0; i < r->n_rules; i++) {
		r->has_others |= r->rules[i].other != NAT_OTHER_DROP;
		r->has_pcp |= r->rules[i].pcp != 0;
	}
	r->has_pcp |= r->conf.askers != 0;
	for (uint32_t i = 0; i < r->n_rules && r->has_others; i++) {
		const struct img_nat_rule *rule = &r->rules[i];
		uint64_t of[] = {
			(uint64_t)rule->destination << 32 | rule->source, rule->plen, rule->nic,
			rule->other, rule->pool, rule->action, rule->destination_plen, rule->proto,
		};
		r->extras = mark(r->extras, of, sizeof(of));
		uint64_t more[1 + NAT_MAX_FALLBACKS] = {rule->fallbacks};
		for (uint32_t j = 0; j < NAT_MAX_FALLBACKS; j++)
			more[1 + j] = rule->fallback[j];
		r->extras = mark(r->extras, more, sizeof(more));
	}
	for (uint32_t i = 0; i < r->n_addresses && r->has_others; i++) {
		uint64_t of[] = {r->addresses[i].address, r->addresses[i].pool};
		r->extras = mark(r->extras, of, sizeof(of));
	}
}

static void
mark_outside(struct nat_rules *r)
{
	for (uint32_t i = 0; i < r->n_addresses; i++) {
		uint64_t a = r->addresses[i].address;
		if (!r->addresses[i].drain)
			r->outside = mark(r->outside, &a, sizeof(a));
	}
}

static void
load_rows(struct nat_rules *r, const struct generation *g)
{
	uint32_t n;
	const struct img_nat_conf *conf = image_rows(g->image, IMG_NAT_CONF, &n);
	if (conf != NULL && n != 0)
		r->conf = *conf;
	r->pools = image_rows(g->image, IMG_NAT_POOLS, &r->n_pools);
	r->addresses = image_rows(g->image, IMG_NAT_ADDRESSES, &r->n_addresses);
	r->rules = image_rows(g->image, IMG_NAT_RULES, &r->n_rules);
	r->ports = image_rows(g->image, IMG_NAT_PORTS, &r->n_ports);
	r->holes = image_rows(g->image, IMG_NAT_HOLES, &n);
	r->statics = statics_of(g->image);
	r->insides = image_rows(g->image, IMG_NAT_INSIDE, &n);
	r->extras = mark(0, r->statics.row, r->statics.n * sizeof(*r->statics.row));
	mark_ranges(r);
	mark_others(r);
	mark_outside(r);
	r->n_ids = g->plane->pool_addresses;
	for (uint32_t i = 0; i < r->n_rules; i++)
		r->n_passes += r->rules[i].action == NAT_PASS;
	r->n_classes = 1u << g->steer.class_bits;
	r->n_workers = g->steer.n_workers;
	r->is_split = g->steer.split_blocks && r->n_workers > 1;
	r->given_words = steer_own_ports(&g->steer) / 64;
	for (uint32_t i = 0; i < r->n_pools; i++)
		r->n_given += (r->pools[i].flags & NAT_SINGLE) == 0 ? 0 :
		              r->given_words * (r->is_split ? r->n_workers : 1);
	r->has_singles = r->n_given != 0;
}

/* One allocation: the head, then the tables. */
static struct nat_rules *
rules_alloc(const struct nat_rules *from)
{
	size_t match = ((size_t)from->n_rules + 1) * sizeof(struct rule_match);
	size_t ids = (size_t)from->n_ids + 1, order = (size_t)from->n_addresses + 1;
	size_t classes = (size_t)from->n_pools * from->n_classes + 1;
	size_t blocks = (size_t)from->n_pools * from->n_workers;
	size_t words = (ids + order + classes + 2 * blocks + from->n_pools) * sizeof(uint32_t);
	size_t given = from->n_given * sizeof(uint64_t);
	struct nat_rules *r = mem_alloc(sizeof(*r) + given + match + words, -1);
	if (r == NULL)
		return NULL;
	*r = *from;
	r->size = sizeof(*r) + given + match + words;
	r->given = (uint64_t *)(void *)(r + 1);
	r->match = (struct rule_match *)(void *)(r->given + from->n_given);
	r->row_of_id = (uint32_t *)(void *)(r->match + from->n_rules + 1);
	r->order = r->row_of_id + ids;
	r->class_first = r->order + order;
	r->blocks = r->class_first + classes;
	r->pool_blocks = r->blocks + blocks;
	r->given_first = r->pool_blocks + blocks;
	return r;
}

static size_t
class_of(const struct nat_rules *r, uint32_t row)
{
	return (size_t)r->addresses[row].pool * r->n_classes + r->addresses[row].class;
}

/* Sort by (pool, class): count, add up, place. class_first[i] ends as the start of class i. */
static void
derive_classes(struct nat_rules *r)
{
	size_t n = (size_t)r->n_pools * r->n_classes;
	for (uint32_t i = 0; i < r->n_addresses; i++)
		r->class_first[class_of(r, i)]++;
	uint32_t sum = 0;
	for (size_t c = 0; c <= n; c++) {
		sum += r->class_first[c];
		r->class_first[c] = sum;
	}
	for (uint32_t i = r->n_addresses; i-- > 0;)
		r->order[--r->class_first[class_of(r, i)]] = i;
}

static be32
mask_of(unsigned plen)
{
	return __builtin_bswap32(plen == 0 ? 0 : 0xffffffffu << (32 - plen));
}

static void
derive_rules(struct nat_rules *r)
{
	for (uint32_t i = 0; i < r->n_rules; i++) {
		const struct img_nat_rule *row = &r->rules[i];
		r->match[i].mask = mask_of(row->plen);
		r->match[i].prefix = row->source;
		r->match[i].row = (uint16_t)i;
		bool is_plain = row->action == NAT_TRANSLATE && row->destination_plen == 0;
		r->match[i].nic = is_plain ? row->nic : NIC_NONE;
	}
}

uint32_t
rules_usable(const struct nat_rules *r, const struct img_nat_pool *pool, struct pool_span span)
{
	uint32_t n = span.last - span.first + 1;
	for (uint32_t i = 0; i < pool->holes; i++) {
		struct pool_span part = rules_hole(r, pool, i, span);
		if (part.first <= part.last)
			n -= part.last - part.first + 1;
	}
	return n;
}

/* Ports first..last of a pool's rows, given or not. */
static void
give(struct nat_rules *r, const struct steer *steer, uint32_t pool, struct pool_span span, bool is)
{
	union addr any = {.w = {0}};
	for (uint32_t port = span.first; port <= span.last; port++) {
		uint16_t w = r->is_split ?
			steer_worker_port(steer, &any, FAMILY_V4, (uint16_t)port) : 0;
		uint64_t *row = r->given + r->given_first[pool] + (size_t)w * r->given_words;
		uint32_t at = steer_own_place(steer, (uint16_t)port);
		if (is)
			bit_set(row, at);
		else
			bit_clear(row, at);
	}
}

/* The ports of a pool that gives them one by one, and how many each worker has of an address. */
static void
derive_given(struct nat_rules *r, const struct steer *steer, uint32_t pool, uint32_t *first)
{
	const struct img_nat_pool *p = &r->pools[pool];
	uint32_t rows = r->is_split ? r->n_workers : 1;
	r->given_first[pool] = *first;
	*first += r->given_words * rows;
	give(r, steer, pool, (struct pool_span){p->port_first, p->port_last}, true);
	for (uint32_t i = 0; i < p->holes; i++) {
		const struct img_nat_hole *h = &r->holes[p->first_hole + i];
		give(r, steer, pool, (struct pool_span){h->first, h->last}, false);
	}
	for (uint32_t w = 0; w < r->n_workers; w++)
		for (uint32_t i = 0; i < r->given_words; i++)
			r->blocks[(size_t)pool * r->n_workers + w] += (uint32_t)
				__builtin_popcountll(rules_given(r, pool, (uint16_t)w)[i]);
}

/* Blocks of one address of a pool, by worker. */
static void
derive_blocks(struct nat_rules *r, const struct steer *steer)
{
	union addr any = {.w = {0}};
	uint32_t given = 0;
	for (uint32_t i = 0; i < r->n_pools; i++) {
		const struct img_nat_pool *p = &r->pools[i];
		r->given_first[i] = UINT32_MAX;
		if ((p->flags & NAT_SINGLE) != 0) {
			derive_given(r, steer, i, &given);
			continue;
		}
		uint32_t *blocks = r->blocks + (size_t)i * r->n_workers;
		uint32_t last = p->port_last / p->block_size;
		for (uint32_t w = 0; w < r->n_workers; w++)
			blocks[w] = p->range_hosts;
		for (uint32_t n = det_dynamic(p) / p->block_size; n <= last; n++) {
			struct pool_span span = rules_span(p, n);
			bool is_any = rules_usable(r, p, span) != 0;
			for (uint32_t w = 0; w < r->n_workers; w++)
				blocks[w] += is_any && (!steer->split_blocks ||
				             steer_worker_port(steer, &any, FAMILY_V4,
				                               (uint16_t)span.first) == w);
		}
	}
}

static void
derive_pool_blocks(struct nat_rules *r, const struct steer *steer)
{
	for (uint32_t i = 0; i < r->n_addresses; i++) {
		const struct img_nat_address *a = &r->addresses[i];
		size_t row = (size_t)a->pool * r->n_workers;
		union addr address = addr_from_v4(a->address);
		uint32_t home = steer_worker(steer, &address, FAMILY_V4);
		for (uint32_t w = 0; w < r->n_workers && !a->drain; w++)
			if (steer->split_blocks || w == home)
				r->pool_blocks[row + w] += r->blocks[row + w];
	}
}

int
rules_create(struct generation *g, unsigned number)
{
	struct nat_rules counts = {.size = 0};
	load_rows(&counts, g);
	struct nat_rules *r = rules_alloc(&counts);
	if (r == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->n_addresses; i++)
		r->row_of_id[r->addresses[i].id] = i + 1;
	derive_classes(r);
	derive_rules(r);
	derive_blocks(r, &g->steer);
	derive_pool_blocks(r, &g->steer);
	g->view[number] = r;
	return 0;
}

void
rules_destroy(struct generation *g, unsigned number)
{
	struct nat_rules *r = g->view[number];
	if (r != NULL)
		mem_free(r, r->size);
	g->view[number] = NULL;
}

/* A packet as a rule sees it: of a subscriber, to somebody. */
struct sent {
	be32 source, destination;
	uint16_t port;   /* of the destination, host order */
	uint8_t proto;
	uint8_t nic, realm; /* that the subscriber is behind */
	bool from_pool, to_pool; /* with an address of ours */
};

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_L4_TCP || proto == IPPROTO_L4_UDP;
}

/* Does it match a rule whose source it has? */
static bool
matches(const struct img_nat_rule *rule, const struct sent *s)
{
	if (rule->nic != NIC_NONE ? rule->nic != s->nic : s->from_pool)
		return false;
	if (rule->realm != 0 && rule->realm - 1 != s->realm)
		return false;
	if (!rules_is_toward(rule, s->destination))
		return false;
	if (rule->action == NAT_TRANSLATE)
		return true;
	if (s->to_pool || (rule->proto != 0 && rule->proto != s->proto))
		return false;
	return (rule->first == 0 && rule->last == UINT16_MAX) ||
	       (has_ports(s->proto) && rule->first <= s->port && s->port <= rule->last);
}

static const struct img_nat_rule *
match_from(const struct nat_rules *r, const struct rule_match *c, const struct sent *s)
{
	for (; c != r->match + r->n_rules; c++)
		if ((s->source & c->mask) == c->prefix && matches(&r->rules[c->row], s))
			return &r->rules[c->row];
	return NULL;
}

static bool
is_pool(const struct img_route *route)
{
	return route != NULL && route->kind == ROUTE_POOL;
}

const struct img_nat_rule *
rules_match_any(const struct nat_rules *r, const struct miss *m, const struct rule_match *c)
{
	const struct tuple *t = &m->tuple;
	struct sent s = {
		.source = t->src.w[0], .destination = t->dst.w[0],
		.port = __builtin_bswap16(t->dport), .proto = t->proto, .nic = m->nic,
		.realm = t->realm,
		.from_pool = is_pool(m->back), .to_pool = is_pool(m->route),
	};
	return match_from(r, c, &s);
}

/* Is it to an inside endpoint of a static mapping? */
static bool
is_to_static(const struct nat_rules *r, const struct miss *m, uint8_t realm)
{
	const struct tuple *t = &m->tuple;
	uint64_t outside, key = static_key(realm, t->dst.w[0], t->proto, t->dport);
	const struct img_nat_static *s = r->statics.n != 0 ?
		static_out(&r->statics, key, &outside) : NULL;
	return s != NULL && (s->nic == NIC_NONE || s->nic == m->route->nic);
}

const struct img_nat_rule *
rules_match_back(const struct nat_rules *r, const struct miss *m)
{
	const struct tuple *t = &m->tuple;
	bool is_routing = (m->gen->plane->routes_unclaimed & 1) != 0;
	if ((r->n_passes == 0 && !is_routing) || m->nic == NIC_NONE || t->family != FAMILY_V4 ||
	    !route_leads(m->route))
		return NULL;
	struct sent s = {
		.source = t->dst.w[0], .destination = t->src.w[0],
		.port = __builtin_bswap16(t->sport), .proto = t->proto, .nic = m->route->nic,
		.realm = route_realm(m->gen, m->route),
		.to_pool = is_pool(m->back),
	};
	static const struct img_nat_rule translates = {.action = NAT_TRANSLATE};
	const struct img_nat_rule *rule = match_from(r, r->match, &s);
	if (rule != NULL && rule->action == NAT_PASS)
		return rule;
	return is_routing && (rule != NULL || is_to_static(r, m, s.realm)) ? &translates : NULL;
}

uint8_t
rules_timers(const struct nat_rules *r, const struct img_nat_rule *rule, const struct tuple *t)
{
	uint16_t port = __builtin_bswap16(t->dport);
	for (uint32_t i = 0; i < r->n_ports; i++) {
		const struct img_nat_ports *p = &r->ports[i];
		if (p->proto == t->proto && p->first <= port && port <= p->last)
			return p->timers;
	}
	return rule->timers;
}

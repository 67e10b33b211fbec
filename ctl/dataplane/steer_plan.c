/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a device's key, and of what flow rules do beside it. */
#include "steer_plan.h"

#include <stdlib.h>

enum { PORTS_ADDRESSED = 1u << STEER_POOL | 1u << STEER_LOCAL4 | 1u << STEER_LOCAL6 };

/* How much there is of a kind of traffic, roughly: more comes back than goes out. */
static const uint8_t weight[STEER_TRAFFICS] = {
	[STEER_SUBSCRIBER] = 8, [STEER_POOL] = 9, [STEER_CLIENT4] = 4, [STEER_CLIENT6] = 4,
	[STEER_REPLY4] = 5, [STEER_REPLY6] = 5, [STEER_LOCAL4] = 5, [STEER_LOCAL6] = 5,
};

static unsigned
weigh(uint16_t traffic)
{
	unsigned sum = 0;
	for (unsigned t = 0; t < STEER_TRAFFICS; t++)
		sum += (traffic >> t & 1) != 0 ? weight[t] : 0;
	return sum;
}

static uint16_t
of_family(uint16_t traffic, uint8_t family)
{
	uint16_t r = 0;
	for (unsigned t = 0; t < STEER_TRAFFICS; t++)
		if (steer_is_v6(t) == (family == FAMILY_V6))
			r |= (uint16_t)(traffic & 1u << t);
	return r;
}

uint16_t
steer_key_serves(const struct steer_site *s, enum steer_key key)
{
	static const uint16_t of_key[STEER_KEYS] = {
		[STEER_KEY_INSIDE] = 1u << STEER_SUBSCRIBER | 1u << STEER_CLIENT4 |
			1u << STEER_CLIENT6,
		[STEER_KEY_OUTSIDE4] = 1u << STEER_POOL | 1u << STEER_REPLY4 | 1u << STEER_LOCAL4,
		[STEER_KEY_OUTSIDE6] = 1u << STEER_REPLY6 | 1u << STEER_LOCAL6,
	};
	uint16_t t = of_key[key];
	if (s->g->steer.split_blocks)
		t &= (uint16_t)~PORTS_ADDRESSED;
	if (!s->o->hashes4)
		t = of_family(t, FAMILY_V6);
	if (!s->o->hashes6)
		t = of_family(t, FAMILY_V4);
	return t;
}

static bool
has_table(const struct steer_offer *o)
{
	return o->reta_size != 0 && o->reta_size <= STEER_RETA_MAX &&
	       (o->reta_size & (o->reta_size - 1)) == 0;
}

/* Its table is large enough for the homes, which were made for tables of all devices: but for one
 * in which some worker would not stand at all. */
static bool
takes_key(const struct steer_offer *o, const struct steer *s)
{
	return has_table(o) && o->reta_size >= 1u << s->bits && o->reta_size >= s->n_workers &&
	       o->key_size >= STEER_KEY && o->key_size <= STEER_KEY_MAX && o->rx_queues > 1 &&
	       (o->hashes4 || o->hashes6);
}

uint8_t
steer_offer_reta_bits(const struct steer_offer *o, uint16_t workers)
{
	const struct steer any = {.n_workers = workers};
	return takes_key(o, &any) ? (uint8_t)__builtin_ctz(o->reta_size) : 0;
}

/* One rule for all of a family, where one key suits everything of it that arrives. */
static void
serve_family(const struct steer_site *s, struct steer_plan *p, uint8_t family)
{
	uint16_t all = of_family(p->arrives, family);
	if ((all & p->left) == 0 || (all & p->by_rss) != 0)
		return;
	for (unsigned key = STEER_KEY_INSIDE; key < STEER_KEYS; key++) {
		if ((all & ~steer_key_serves(s, key)) != 0)
			continue;
		if (!steer_rules_family(s, family, key, &p->setup))
			continue;
		p->by_rules |= all;
		p->whole |= all;
		p->left &= (uint16_t)~all;
		return;
	}
}

static void
serve_each(const struct steer_site *s, struct steer_plan *p)
{
	for (unsigned t = 0; t < STEER_TRAFFICS; t++) {
		uint16_t bit = (uint16_t)(1u << t);
		bool crowded;
		if ((p->left & bit) == 0)
			continue;
		if (steer_rules_add(s, t, &p->setup, &crowded)) {
			p->by_rules |= bit;
			p->left &= (uint16_t)~bit;
		}
		p->crowded |= crowded ? bit : 0;
	}
}

/* What becomes of it under a key. */
static void
try_key(const struct steer_site *s, struct steer_plan *p, enum steer_key key, uint16_t arrives)
{
	memset(p, 0, offsetof(struct steer_plan, setup.rule));
	p->arrives = arrives;
	p->setup.key = (uint8_t)key;
	p->by_rss = arrives & steer_key_serves(s, key);
	p->left = arrives & (uint16_t)~p->by_rss;
	serve_family(s, p, FAMILY_V6);
	serve_family(s, p, FAMILY_V4);
	serve_each(s, p);
}

static bool
is_better(const struct steer_plan *a, const struct steer_plan *b)
{
	unsigned wa = weigh(a->left), wb = weigh(b->left);
	return wa != wb ? wa < wb : a->setup.n_rules < b->setup.n_rules;
}

static int
compare_rules(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct steer_rule));
}

static void
rules_sort(struct steer_setup *s)
{
	uint32_t k = 0;
	qsort(s->rule, s->n_rules, sizeof(s->rule[0]), compare_rules);
	for (uint32_t i = 0; i < s->n_rules; i++)
		if (k == 0 || compare_rules(&s->rule[k - 1], &s->rule[i]) != 0)
			s->rule[k++] = s->rule[i];
	s->n_rules = k;
}

static void
tables_fill(const struct steer_site *s, struct steer_setup *out)
{
	const struct steer *st = &s->g->steer;
	const struct steer_offer *o = s->o;
	unsigned queues = o->rx_queues != 0 ? o->rx_queues : 1;
	out->spread_bits = st->bits;
	for (unsigned i = 0; i < 1u << st->bits; i++)
		out->spread[i] = (uint16_t)(steer_reta(st, i, st->bits) % queues);
	out->rss_types = o->rss_types;
	out->key_size = o->key_size >= STEER_KEY && o->key_size <= STEER_KEY_MAX ? o->key_size :
	                                                                           STEER_KEY;
	if (!has_table(o))
		return;
	out->reta_size = o->reta_size;
	out->reta_bits = (uint8_t)__builtin_ctz(o->reta_size);
	for (unsigned i = 0; i < o->reta_size; i++)
		out->reta[i] = (uint16_t)(steer_reta(st, i, out->reta_bits) % queues);
	if (out->key == STEER_KEY_NONE)
		return;
	steer_key_make(out->key_bytes, out->key_size, out->key, out->reta_bits);
}

static uint8_t
strength_of(const struct steer_plan *p, const struct steer_site *s)
{
	if (s->g->steer.n_workers == 1)
		return STEER_ALONE;
	if (p->left != 0 || s->o->rx_queues < s->g->steer.n_workers ||
	    (p->arrives == 0 && p->setup.key == STEER_KEY_NONE))
		return STEER_BY_HANDOFF;
	return p->by_rules != 0 ? STEER_BY_RULES : STEER_BY_RSS;
}

void
steer_plan_make(struct steer_plan *p, const struct generation *g,
                const struct steer_arrivals *a, unsigned dev, const struct steer_offer *o)
{
	const struct steer_site s = {.g = g, .a = a, .o = o, .dev = dev};
	static struct steer_plan other;
	uint16_t arrives = 0;
	for (unsigned i = 1; i < g->n_nics; i++)
		if (g->nic[i].valid && g->nic[i].dev == dev)
			arrives |= a->traffic[i];
	if (g->steer.n_workers == 1 || o->rx_queues < 2) {
		memset(p, 0, sizeof(*p));
		p->arrives = p->left = arrives;
	} else {
		bool keyed = takes_key(o, &g->steer);
		unsigned first = o->only_key != STEER_KEY_NONE ? o->only_key : STEER_KEY_INSIDE;
		unsigned last = o->only_key != STEER_KEY_NONE ? o->only_key : STEER_KEYS - 1;
		try_key(&s, p, keyed ? first : STEER_KEY_NONE, arrives);
		for (unsigned key = first + 1; keyed && key <= last; key++) {
			try_key(&s, &other, key, arrives);
			if (is_better(&other, p))
				*p = other;
		}
	}
	rules_sort(&p->setup);
	tables_fill(&s, &p->setup);
	p->strength = strength_of(p, &s);
}

void
steer_plan_refused(struct steer_plan *p, uint16_t traffic)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint16_t whole = of_family(p->whole, v6 ? FAMILY_V6 : FAMILY_V4);
		if ((traffic & whole) != 0)
			traffic |= whole;
	}
	traffic &= p->by_rules;
	p->by_rules &= (uint16_t)~traffic;
	p->left |= traffic;
	if (traffic != 0)
		p->strength = STEER_BY_HANDOFF;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a subscriber may have of flows, and when pools, tables and subscribers are spoken of. */
#include "model_limits.h"

enum { UNITS_SECOND = 64000, MAX_BURST = 1 << 30, LESS_PERCENT = 10 };

/* given: the option's value, or another where the document has none. */
static int64_t
given(const json_t *object, const char *key, int64_t other)
{
	return json_object_get(object, key) != NULL ? get_int(object, key) : other;
}

/* Two marks in percent, by their keys in an object, and where the low one stands. */
struct percents {
	const char *high, *low, *path;
};

static void
percents(struct model *m, const json_t *object, struct percents key, uint8_t *high, uint8_t *low)
{
	int64_t above = get_int(object, key.high);
	int64_t below = given(object, key.low, above > LESS_PERCENT ? above - LESS_PERCENT : 0);
	if (above != 0 && below >= above)
		config_error_add(m->errs, key.path, "is %d, %s is %d; expected less", (int)below,
		                 key.high, (int)above);
	*high = (uint8_t)above;
	*low = (uint8_t)(above != 0 ? below : 0);
}

void
pool_thresholds(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p)
{
	struct config_path path;
	path_make(&path, "nat.pools[%zu].used_low", i);
	percents(m, pool, (struct percents){"used_high", "used_low", path.text}, &p->high, &p->low);
}

void
nat_thresholds(struct model *m, const json_t *nat)
{
	percents(m, nat, (struct percents){"mappings_high", "mappings_low", "nat.mappings_low"},
	         &m->nat.mappings_high, &m->nat.mappings_low);
	percents(m, nat, (struct percents){"subscribers_high", "subscribers_low",
	                                   "nat.subscribers_low"},
	         &m->nat.subscribers_high, &m->nat.subscribers_low);
}

static bool
is_word(const json_t *object, const char *key, const char *word)
{
	return strcmp(get_text(object, key), word) == 0;
}

/* is_deterministic: does the pool have ranges by arithmetic? */
static bool
is_deterministic(const struct model *m, int pool)
{
	const json_t *p = json_array_get(model_get(m, "nat", "pools"), (size_t)pool);
	const json_t *o = json_object_get(p, "deterministic");
	return json_array_size(json_object_get(o, "inside")) != 0;
}

/* reserve_holds: can every address keep as much for whoever is admitted to it? */
static void
reserve_holds(struct model *m, const json_t *pool, size_t i, const struct img_nat_pool *p)
{
	struct config_path path;
	path_make(&path, "nat.pools[%zu].reserve", i);
	if (p->reserve > p->max_blocks)
		config_error_add(m->errs, path.text, "is %u, max_blocks is %u; expected no more "
		                 "than that", p->reserve, p->max_blocks);
	if (p->reserve != 0 && is_deterministic(m, (int)i))
		config_error_add(m->errs, path.text, "is of no use in a deterministic pool, where "
		                 "each has a range of his own; expected 0");
	if (p->reserve != 0 && (p->flags & NAT_PAIR_SOFT) != 0)
		config_error_add(m->errs, path.text, "is kept at a subscriber's own address; "
		                 "expected pairing hard, or no reserve");
	uint32_t blocks = (p->port_last - p->port_first + 1u) / p->block_size;
	if (p->port_first <= p->port_last && p->reserve > blocks / m->plane.workers)
		config_error_add(m->errs, path.text, "is %u, but an address has %u blocks, which "
		                 "%u workers may have to divide; expected %u at most", p->reserve,
		                 blocks, m->plane.workers, blocks / m->plane.workers);
}

/* single_holds: what a pool without blocks has no use for. */
static void
single_holds(struct model *m, size_t i, const struct img_nat_pool *p)
{
	struct config_path path;
	path_make(&path, "nat.pools[%zu].allocation", i);
	if (p->reserve != 0)
		config_error_add(m->errs, path.text, "\"ports\": without blocks there is no "
		                 "reserve of %u; expected 0", p->reserve);
	if (is_deterministic(m, (int)i))
		config_error_add(m->errs, path.text, "\"ports\": a deterministic pool has ranges "
		                 "and blocks; expected \"blocks\"");
	if (p->max_blocks > NAT_MAX_SHARES)
		config_error_add(m->errs, path.text, "\"ports\": max_blocks is %u, the addresses a "
		                 "subscriber may use; expected %u at most", p->max_blocks,
		                 NAT_MAX_SHARES);
}

void
pool_choice(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p)
{
	p->flags |= is_word(pool, "port_order", "sequential") ? NAT_PORTS_IN_TURN : 0;
	p->flags |= is_word(pool, "block_order", "sequential") ? NAT_BLOCKS_IN_TURN : 0;
	p->flags |= json_is_true(json_object_get(pool, "keep_port")) ? NAT_KEEP_PORT : 0;
	p->flags |= json_is_true(json_object_get(pool, "keep_parity")) ? NAT_KEEP_PARITY : 0;
	p->flags |= is_word(pool, "pairing", "soft") ? NAT_PAIR_SOFT : 0;
	p->flags |= is_word(pool, "allocation", "ports") ? NAT_SINGLE : 0;
	p->reserve = (uint8_t)get_int(pool, "reserve");
	if ((p->flags & NAT_SINGLE) != 0)
		single_holds(m, i, p);
	reserve_holds(m, pool, i, p);
}

void
rule_fallback(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r)
{
	const json_t *list = json_object_get(rule, "fallback");
	struct config_path whole;
	path_make(&whole, "nat.rules[%zu].fallback", i);
	if (json_array_size(list) != 0 && r->action != NAT_TRANSLATE)
		config_error_add(m->errs, whole.text, "is of no use in a rule that lets pass; "
		                 "expected none");
	if (r->action != NAT_TRANSLATE)
		return;
	for (size_t j = 0; j < json_array_size(list) && j < NAT_MAX_FALLBACKS; j++) {
		const char *name = json_string_value(json_array_get(list, j));
		struct config_path path;
		int found = pool_find(m, name);
		path_make(&path, "nat.rules[%zu].fallback[%zu]", i, j);
		bool again = found == r->pool;
		for (size_t k = 0; k < r->fallbacks; k++)
			again |= found == r->fallback[k];
		if (found < 0 && (m->pruned == NULL || !m->pruned->pools))
			config_error_add(m->errs, path.text, "there is no pool \"%s\"; expected "
			                 "the name of one in nat.pools", name);
		else if (found >= 0 && again)
			config_error_add(m->errs, path.text, "\"%s\" is a pool of this rule "
			                 "already; expected another", name);
		else if (found >= 0 && (is_deterministic(m, found) ||
		                        is_deterministic(m, r->pool)))
			config_error_add(m->errs, path.text, "\"%s\" for a rule of pool \"%s\": "
			                 "one of them is deterministic; expected pools that are "
			                 "not", name, get_text(rule, "pool"));
		r->fallback[r->fallbacks++] = (uint16_t)(found < 0 ? 0 : found);
	}
}

static void
rule_thresholds(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r)
{
	struct config_path path;
	r->high = (uint32_t)get_int(rule, "mappings_high");
	r->low = (uint32_t)given(rule, "mappings_low", r->high * 3 / 4);
	path_make(&path, "nat.rules[%zu].mappings_low", i);
	if (r->high != 0 && r->low >= r->high)
		config_error_add(m->errs, path.text, "is %u, mappings_high is %u; expected less",
		                 r->low, r->high);
	path_make(&path, "nat.rules[%zu].mappings_high", i);
	if (r->max_mappings != 0 && r->high > r->max_mappings)
		config_error_add(m->errs, path.text, "is %u, but no subscriber gets more than "
		                 "max_mappings, %u; expected no more than that", r->high,
		                 r->max_mappings);
}

void
rule_limits(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r)
{
	struct config_path path;
	int64_t rate = get_int(rule, "flow_rate"), burst = given(rule, "flow_burst", 2 * rate);
	r->max_flows = (uint32_t)get_int(rule, "max_flows");
	rule_thresholds(m, rule, i, r);
	r->limited = (r->max_flows | r->high) != 0 || rate != 0;
	path_make(&path, "nat.rules[%zu].flow_burst", i);
	if (rate == 0)
		return;
	int64_t cost = (UNITS_SECOND + rate / 2) / rate;
	if (burst * cost > MAX_BURST)
		config_error_add(m->errs, path.text, "%d flows take %d s at a flow_rate of %d; "
		                 "expected %d s at most", (int)burst, (int)(burst / rate),
		                 (int)rate, MAX_BURST / UNITS_SECOND);
	r->flow_cost = (uint32_t)cost;
	r->flow_burst = (uint32_t)(burst * cost);
}

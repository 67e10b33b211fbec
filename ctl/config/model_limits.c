/* SPDX-License-Identifier: Apache-2.0 */
/* What a subscriber may have of flows, and when pools and subscribers are spoken of. */
#include "model_limits.h"

enum { UNITS_SECOND = 64000, MAX_BURST = 1 << 30, LESS_PERCENT = 10 };

/* given: the option's value, or another where the document has none. */
static int64_t
given(const json_t *object, const char *key, int64_t other)
{
	return json_object_get(object, key) != NULL ? get_int(object, key) : other;
}

void
pool_thresholds(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p)
{
	struct config_path path;
	int64_t high = get_int(pool, "used_high");
	int64_t low = given(pool, "used_low", high > LESS_PERCENT ? high - LESS_PERCENT : 0);
	path_make(&path, "nat.pools[%zu].used_low", i);
	if (high != 0 && low >= high)
		config_error_add(m->errs, path.text, "is %d, used_high is %d; expected less",
		                 (int)low, (int)high);
	p->high = (uint8_t)high;
	p->low = (uint8_t)(high != 0 ? low : 0);
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

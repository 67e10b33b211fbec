/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that choose a pool by destination. */
#include "model_apart.h"

#include <string.h>

static bool
have_same_pools(const struct img_nat_rule *a, const struct img_nat_rule *b)
{
	return a->pool == b->pool && a->fallbacks == b->fallbacks &&
	       memcmp(a->fallback, b->fallback, a->fallbacks * sizeof(a->fallback[0])) == 0;
}

/* Can one subscriber meet both? */
static bool
overlap(const struct img_nat_rule *a, const struct img_nat_rule *b)
{
	union addr x = addr_from_v4(a->source), y = addr_from_v4(b->source);
	return (a->nic == 0 || b->nic == 0 || a->nic == b->nic) &&
	       (a->realm == 0 || b->realm == 0 || a->realm == b->realm) &&
	       addr_in_prefix(&x, &y, a->plen < b->plen ? a->plen : b->plen);
}

/*
 * Not apart is who has the same pools as whatever rule takes the rest of his traffic: then he has
 * one mapping for both.
 */
static bool
is_apart(struct model *m, size_t at)
{
	const struct img_nat_rule *r = rows_at(&m->rules, at);
	bool has_rest = false;
	for (size_t i = 0; i < m->rules.n; i++) {
		const struct img_nat_rule *rest = rows_at(&m->rules, i);
		if (rest->action != NAT_TRANSLATE || rest->destination_plen != 0 ||
		    !overlap(r, rest))
			continue;
		if (!have_same_pools(r, rest))
			return true;
		has_rest = true;
	}
	return !has_rest;
}

/* The first rule that stands apart with the same pool, this one at last. */
static size_t
first_of_lane(struct model *m, size_t at)
{
	const struct img_nat_rule *r = rows_at(&m->rules, at);
	for (size_t i = 0; i < at; i++) {
		const struct img_nat_rule *other = rows_at(&m->rules, i);
		if (other->apart && other->pool == r->pool)
			return i;
	}
	return at;
}

static void
part(struct model *m, size_t i, size_t *lanes)
{
	struct img_nat_rule *r = rows_at(&m->rules, i);
	struct config_path path;
	size_t first = first_of_lane(m, i);
	r->apart = 1;
	path_make(&path, "nat.rules[%zu].destination", i);
	if (first == i && ++*lanes > NAT_MAX_LANES)
		config_error_add(m->errs, path.text, "chooses a pool, as %u others do already; "
		                 "expected %u pools by destination at most", NAT_MAX_LANES,
		                 NAT_MAX_LANES);
	path_make(&path, "nat.rules[%zu].fallback", i);
	if (!have_same_pools(rows_at(&m->rules, first), r))
		config_error_add(m->errs, path.text, "is not that of nat.rules[%zu], which has "
		                 "the same pool and a destination too; expected the same, since "
		                 "subscribers have one mapping for both", first);
}

void
rules_part(struct model *m)
{
	size_t lanes = 0;
	for (size_t i = 0; i < m->rules.n && !m->failed; i++) {
		const struct img_nat_rule *r = rows_at(&m->rules, i);
		if (r->action == NAT_TRANSLATE && r->destination_plen != 0 && is_apart(m, i))
			part(m, i, &lanes);
	}
}

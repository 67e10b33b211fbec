/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask for mappings, and for how long. */
#include "model_pcp.h"

#include "option.h"

bool
pcp_is_wanted(const struct model *m)
{
	const json_t *rules = model_get(m, "nat", "rules"), *rule;
	size_t i;
	json_array_foreach(rules, i, rule)
		if (json_is_true(json_object_get(rule, "pcp")))
			return true;
	return json_array_size(json_object_get(model_get(m, "nat", "pcp"), "third_party")) != 0;
}

void
rule_pcp(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r)
{
	struct config_path path;
	r->pcp = json_is_true(json_object_get(rule, "pcp"));
	path_make(&path, "nat.rules[%zu].pcp", i);
	if (r->pcp && r->action != NAT_TRANSLATE)
		config_error_add(m->errs, path.text, "is of no use in a rule that lets pass: there "
		                 "are no mappings to ask for; expected false");
	if (r->pcp && r->action == NAT_TRANSLATE && get_text(rule, "destination") != NULL)
		config_error_add(m->errs, path.text, "is of no use in a rule with a destination: "
		                 "who asks for a mapping names none; expected false");
	if (r->action != NAT_TRANSLATE)
		r->pcp = 0;
}

static void
asker(struct model *m, const json_t *third, size_t i, struct img_nat_asker *a)
{
	struct config_path path;
	struct prefix p;
	network_parse(get_text(third, "source"), &p);
	a->source = p.address.w[0];
	a->plen = p.plen;
	path_make(&path, "nat.pcp.third_party[%zu].nic", i);
	a->nic = nic_find(m, get_text(third, "nic"), path.text);
	path_make(&path, "nat.pcp.third_party[%zu]", i);
	a->realm = realm_of(m, third, path.text, nic_realm(m, a->nic));
}

void
model_pcp(struct model *m)
{
	const json_t *pcp = model_get(m, "nat", "pcp");
	int64_t least = get_int(pcp, "min_lifetime"), most = get_int(pcp, "max_lifetime");
	m->nat.pcp_min_s = (uint32_t)least;
	m->nat.pcp_max_s = (uint32_t)most;
	const json_t *third = json_object_get(pcp, "third_party");
	m->nat.askers = (uint32_t)json_array_size(third);
	for (uint32_t i = 0; i < m->nat.askers; i++)
		asker(m, json_array_get(third, i), i, &m->nat.asker[i]);
	if (least > most)
		config_error_add(m->errs, "nat.pcp.min_lifetime", "is %d, max_lifetime is %d; "
		                 "expected no more than that", (int)least, (int)most);
}

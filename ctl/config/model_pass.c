/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of nat with the action `pass`: what they say beyond their source. */
#include <string.h>

#include "model.h"

static const struct { const char *word; uint8_t number; } protocols[] = {
	{"any", 0}, {"tcp", 6}, {"udp", 17}, {"icmp", 1},
};

static uint8_t
protocol_of(const json_t *rule)
{
	const char *word = get_text(rule, "protocol");
	for (size_t i = 0; word != NULL && i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].word, word) == 0)
			return protocols[i].number;
	return 0;
}

/* What only rules of the other action have a use for, of those options that have no default. */
static void
useless(struct model *m, const json_t *rule, size_t i, const char *const *keys, const char *why)
{
	struct config_path path;
	for (; *keys != NULL; keys++) {
		if (json_object_get(rule, *keys) == NULL)
			continue;
		path_make(&path, "nat.rules[%zu].%s", i, *keys);
		config_error_add(m->errs, path.text, "is of no use in a rule %s", why);
	}
}

bool
rule_passes(struct model *m, const json_t *rule, size_t i)
{
	static const char *const of_pass[] = {"ports", "protocol", "inbound", NULL};
	static const char *const of_others[] = {"pool", NULL};
	struct config_path path;
	if (strcmp(get_text(rule, "action"), "pass") == 0) {
		useless(m, rule, i, of_others, "that lets pass; expected none");
		return true;
	}
	useless(m, rule, i, of_pass, "that translates: its mappings are the same for all that it "
	        "matches (RFC 4787 REQ-1); expected \"action\": \"pass\" beside it");
	path_make(&path, "nat.rules[%zu].pool", i);
	if (get_text(rule, "pool") == NULL)
		config_error_add(m->errs, path.text, "missing; expected the name of a pool, or "
		                 "\"action\": \"pass\"");
	return false;
}

void
rule_destination(const json_t *rule, struct img_nat_rule *r)
{
	const char *destination = get_text(rule, "destination");
	struct prefix p;
	if (destination == NULL || !network_parse(destination, &p))
		return;
	r->destination = p.address.w[0];
	r->destination_plen = p.plen;
}

void
rule_pass_fill(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r)
{
	struct config_path path;
	const char *ports = get_text(rule, "ports");
	r->action = NAT_PASS;
	r->proto = protocol_of(rule);
	r->inbound = json_is_true(json_object_get(rule, "inbound"));
	r->last = UINT16_MAX;
	if (ports != NULL)
		ports_parse(ports, &r->first, &r->last);
	path_make(&path, "nat.rules[%zu].ports", i);
	if (ports != NULL && r->proto == 1)
		config_error_add(m->errs, path.text, "%s: ICMP has none; expected protocol tcp, "
		                 "udp or any", ports);
}

/* Ports of a destination do not matter to it. */
static bool
has_all_ports(const struct img_nat_rule *r)
{
	return r->action == NAT_TRANSLATE || (r->first == 0 && r->last == UINT16_MAX);
}

/* Is all that `late` says of destinations said by `early` too? */
bool
rule_covers(const struct img_nat_rule *early, const struct img_nat_rule *late)
{
	union addr a = addr_from_v4(early->destination), b = addr_from_v4(late->destination);
	bool has_its_ports = has_all_ports(early) ||
	                     (!has_all_ports(late) && early->first <= late->first &&
	                      late->last <= early->last);
	return (early->proto == 0 || early->proto == late->proto) && has_its_ports &&
	       early->destination_plen <= late->destination_plen &&
	       addr_in_prefix(&b, &a, early->destination_plen);
}

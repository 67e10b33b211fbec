/* SPDX-License-Identifier: Apache-2.0 */
/* Pools, their addresses, and rules. */
#include <stdio.h>

#include "model.h"
#include "model_apart.h"
#include "model_limits.h"
#include "model_pcp.h"
#include "model_pool.h"
#include "option.h"
#include "options.h"

/* word_of: number of the option's word that the document (with defaults) has. */
static uint8_t
word_of(const json_t *object, const char *key, const char *const *words)
{
	const char *s = get_text(object, key);
	for (uint8_t i = 0;; i++)
		if (strcmp(words[i], s) == 0)
			return i;
}

static const char *const log_words[] = {
	[NAT_LOG_NONE] = "none", [NAT_LOG_BLOCKS] = "blocks", [NAT_LOG_MAPPINGS] = "mappings",
};
static const char *const refusal_words[] = {"host", "prohibited"};
static const uint8_t refusal_code[] = {NAT_REFUSE_HOST, NAT_REFUSE_PROHIBITED};
static const char *const filtering_words[] = {
	[NAT_FILTER_EIF] = "endpoint-independent",
	[NAT_FILTER_ADF] = "address-dependent",
	[NAT_FILTER_APDF] = "address-and-port-dependent",
};

/* pool_ports: whole blocks only, counted from port 0, as steering divides them. */
static void
pool_ports(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p)
{
	struct config_path path;
	uint16_t first, last;
	uint32_t size = (uint32_t)get_int(pool, "block_size");
	ports_parse(get_text(pool, "ports"), &first, &last);
	uint32_t begin = (first + size - 1) / size * size, end = (last + 1u) / size * size;
	if (strcmp(get_text(pool, "allocation"), "ports") == 0) {
		size = NAT_MIN_BLOCK;
		begin = first;
		end = last + 1u - first >= size ? last + 1u : begin;
	}
	p->block_size = (uint16_t)size;
	p->max_blocks = (uint16_t)get_int(pool, "max_blocks");
	p->port_first = (uint16_t)begin;
	p->port_last = (uint16_t)(end - 1);
	path_make(&path, "nat.pools[%zu].ports", i);
	if (begin >= end)
		config_error_add(m->errs, path.text, "%u-%u holds no whole block of %u ports (they "
		                 "begin at multiples of %u); expected more ports, or a smaller "
		                 "block_size", first, last, size, size);
}

/* addresses_add: a run of addresses of pool origin.a, with their routes. */
static void
addresses_add(struct model *m, struct pool_run run, struct origin origin)
{
	union addr a = v4_from_host(run.first), b = v4_from_host(run.last);
	claim_add(m, &a, &b, FAMILY_V4, ORIGIN_POOL, origin.a, origin.b);
	for (uint32_t n = 0; n <= run.last - run.first; n++) {
		struct img_nat_address *row = rows_add(m, &m->pool_addresses);
		if (row == NULL)
			return;
		a = v4_from_host(run.first + n);
		row->address = a.w[0];
		row->pool = (uint16_t)origin.a;
		struct img_route *r = route_host(m, ROUTE_POOL, &a, FAMILY_V4,
		                                 nic_of(m, &a, FAMILY_V4), origin);
		if (r != NULL)
			r->arg = (uint32_t)m->pool_addresses.n - 1;
	}
}

static void
pool_addresses(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p)
{
	const json_t *list = json_object_get(pool, "addresses");
	struct config_path path;
	struct pool_cut cut;
	pool_cut_read(&cut, pool);
	p->first_address = (uint32_t)m->pool_addresses.n;
	for (size_t j = 0; j < json_array_size(list); j++) {
		const char *entry = json_string_value(json_array_get(list, j));
		struct pool_run run = {0};
		while (pool_run_next(&cut, entry, &run))
			addresses_add(m, run, (struct origin){ORIGIN_POOL, (uint32_t)i,
			                                      (uint32_t)j});
	}
	p->addresses = (uint32_t)m->pool_addresses.n - p->first_address;
	path_make(&path, "nat.pools[%zu].exclude", i);
	if (p->addresses == 0 && json_array_size(list) != 0)
		config_error_add(m->errs, path.text, "leaves no address of the pool; expected one "
		                 "at least");
}

/* pool_drain: mark; every address must be the pool's. */
static void
pool_drain(struct model *m, const json_t *pool, size_t i, const struct img_nat_pool *p)
{
	const json_t *list = json_object_get(pool, "drain");
	struct pool_cut cut;
	pool_cut_read(&cut, pool);
	for (size_t j = 0; j < json_array_size(list); j++) {
		uint32_t first, last, found = 0;
		const char *text = json_string_value(json_array_get(list, j));
		range4_parse(text, &first, &last);
		for (uint32_t n = 0; n < p->addresses; n++) {
			struct img_nat_address *row = rows_at(&m->pool_addresses,
			                                      p->first_address + n);
			union addr a = addr_from_v4(row->address);
			if (host_from_v4(&a) - first > last - first)
				continue;
			row->drain = 1;
			found++;
		}
		struct config_path path;
		path_make(&path, "nat.pools[%zu].drain[%zu]", i, j);
		if (found + pool_cut_count(&cut, first, last) != (uint64_t)last - first + 1)
			config_error_add(m->errs, path.text, "%.50s is not wholly in the pool; "
			                 "expected addresses of nat.pools[%zu].addresses", text, i);
	}
}

/*
 * addresses_capacity: what the document says, or the running millrace has, or with room to grow
 * what this document needs.
 */
static uint32_t
addresses_capacity(const struct model *m, uint64_t needed)
{
	enum { LEAST = 256, MOST = CONFIG_MAX_POOL_ADDRESSES };
	const json_t *capacity = model_get(m, "nat", "capacity");
	uint32_t n;
	const struct img_plane *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_PLANE, &n);
	if (json_object_get(capacity, "pool_addresses") != NULL)
		return (uint32_t)get_int(capacity, "pool_addresses");
	if (old != NULL)
		return old->pool_addresses;
	needed += needed / 4;
	return needed > MOST ? MOST : needed < LEAST ? LEAST : (uint32_t)needed;
}

/* pools_fit: has the data plane room for the addresses? Asked before any row is made. */
static bool
pools_fit(struct model *m, const json_t *pools)
{
	uint64_t n = 0;
	for (size_t i = 0; i < json_array_size(pools); i++) {
		const json_t *list = json_object_get(json_array_get(pools, i), "addresses");
		struct pool_cut cut;
		pool_cut_read(&cut, json_array_get(pools, i));
		for (size_t j = 0; j < json_array_size(list); j++) {
			struct pool_run run = {0};
			const char *entry = json_string_value(json_array_get(list, j));
			while (pool_run_next(&cut, entry, &run))
				n += (uint64_t)run.last - run.first + 1;
		}
	}
	m->plane.pool_addresses = addresses_capacity(m, n);
	if (n <= m->plane.pool_addresses)
		return true;
	if (n > CONFIG_MAX_POOL_ADDRESSES)
		config_error_add(m->errs, "nat.pools", "have %llu addresses; expected %u at most, "
		                 "all pools together", (unsigned long long)n,
		                 (unsigned)CONFIG_MAX_POOL_ADDRESSES);
	else
		config_error_add(m->errs, "nat.capacity.pool_addresses", "is %u, but the pools "
		                 "have %llu addresses; expected as many at least",
		                 m->plane.pool_addresses, (unsigned long long)n);
	return false;
}

int
pool_find(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->pools.n; i++)
		if (strcmp(((struct img_nat_pool *)rows_at(&m->pools, i))->name, name) == 0)
			return (int)i;
	return -1;
}

/* rule_realm: which one its subscribers are in, if it says so. */
static void
rule_realm(struct model *m, const json_t *rule, const char *base, struct img_nat_rule *r)
{
	struct config_path path;
	uint8_t realm = realm_of(m, rule, base, REALM_ALL);
	r->realm = realm == REALM_ALL ? 0 : (uint8_t)(realm + 1);
	path_make(&path, "%s.realm", base);
	if (realm != REALM_ALL && r->nic != 0 && nic_realm(m, r->nic) != realm)
		config_error_add(m->errs, path.text, "is not that of interface \"%s\"; expected "
		                 "one of them", get_text(rule, "nic"));
}

static bool
rule_hides(const struct img_nat_rule *early, const struct img_nat_rule *late)
{
	union addr a = addr_from_v4(early->source), b = addr_from_v4(late->source);
	return (early->nic == 0 || early->nic == late->nic) &&
	       (early->realm == 0 || early->realm == late->realm) && early->plen <= late->plen &&
	       addr_in_prefix(&b, &a, early->plen) && rule_covers(early, late);
}

static void
rule_make(struct model *m, const json_t *rule, size_t i)
{
	struct config_path path;
	struct prefix p;
	const char *pool = get_text(rule, "pool"), *nic = get_text(rule, "nic");
	struct img_nat_rule *r = rows_add(m, &m->rules);
	if (r == NULL)
		return;
	snprintf(r->name, sizeof(r->name), "%s", get_text(rule, "name"));
	network_parse(get_text(rule, "source"), &p);
	r->source = p.address.w[0];
	r->plen = p.plen;
	r->other = strcmp(get_text(rule, "other_protocols"), "pair") == 0 ? NAT_OTHER_PAIR :
	                                                                   NAT_OTHER_DROP;
	r->filtering = word_of(rule, "filtering", filtering_words);
	r->max_mappings = (uint32_t)get_int(rule, "max_mappings");
	r->log_sessions = json_is_true(json_object_get(rule, "log_sessions"));
	rule_limits(m, rule, i, r);
	path_make(&path, "nat.rules[%zu].nic", i);
	r->nic = nic == NULL ? 0 : nic_find(m, nic, path.text);
	path_make(&path, "nat.rules[%zu]", i);
	rule_realm(m, rule, path.text, r);
	path_make(&path, "nat.rules[%zu].pool", i);
	bool passes = rule_passes(m, rule, i);
	int found = pool == NULL ? -1 : pool_find(m, pool);
	r->pool = (uint16_t)(found < 0 ? 0 : found);
	rule_destination(rule, r);
	if (passes)
		rule_pass_fill(m, rule, i, r);
	else if (found < 0 && pool != NULL && (m->pruned == NULL || !m->pruned->pools))
		config_error_add(m->errs, path.text, "there is no pool \"%s\"; expected the name "
		                 "of one in nat.pools", pool);
	rule_fallback(m, rule, i, r);
	rule_pcp(m, rule, i, r);
	path_make(&path, "nat.rules[%zu].timeouts", i);
	r->timers = timers_row(m, json_object_get(rule, "timeouts"), 0, path.text);
	path_make(&path, "nat.rules[%zu].source", i);
	for (size_t j = 0; j < i; j++) {
		if (!rule_hides(rows_at(&m->rules, j), r))
			continue;
		config_error_add(m->errs, path.text, "%s is never reached, nat.rules[%zu] matches "
		                 "all of it; the first rule that matches decides",
		                 get_text(rule, "source"), j);
		break;
	}
}

static void
ports_make(struct model *m, const json_t *ports, size_t i)
{
	struct config_path path;
	struct img_nat_ports *p = rows_add(m, &m->nat_ports);
	if (p == NULL)
		return;
	ports_parse(get_text(ports, "ports"), &p->first, &p->last);
	p->proto = strcmp(get_text(ports, "protocol"), "tcp") == 0 ? 6 : 17;
	path_make(&path, "nat.port_timeouts[%zu].timeouts", i);
	p->timers = timers_row(m, json_object_get(ports, "timeouts"), 0, path.text);
}

/*
 * A table that only some configurations need: as large as is said, or as the running millrace has
 * it, or as this configuration wants it.
 */
static uint32_t
optional_capacity(const struct model *m, const char *key, uint32_t running, uint32_t wanted)
{
	const json_t *capacity = json_object_get(json_object_get(m->doc, "nat"), "capacity");
	if (json_object_get(capacity, key) != NULL)
		return (uint32_t)get_int(capacity, key);
	return running > wanted ? running : wanted;
}

static bool
filters_by_address(const struct model *m)
{
	for (size_t i = 0; i < m->rules.n; i++)
		if (((struct img_nat_rule *)rows_at(&m->rules, i))->filtering == NAT_FILTER_ADF)
			return true;
	return false;
}

static void
optional_capacities(struct model *m)
{
	uint32_t n;
	struct img_plane *p = &m->plane;
	const struct img_plane *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_PLANE, &n);
	if (old != NULL && old->mappings != p->mappings)
		old = NULL; /* all starts anew */
	bool filters = filters_by_address(m), quarantine = m->nat.quarantine_ms != 0;
	bool pcp = pcp_is_wanted(m);
	p->permissions = optional_capacity(m, "permissions", old != NULL ? old->permissions : 0,
	                                   filters ? p->mappings : 0);
	p->quarantine = optional_capacity(m, "quarantine", old != NULL ? old->quarantine : 0,
	                                  quarantine ? p->mappings / 4 : 0);
	p->leases = optional_capacity(m, "leases", old != NULL ? old->leases : 0,
	                              pcp ? p->subscribers : 0);
	if (pcp && p->leases == 0)
		config_error_add(m->errs, "nat.capacity.leases", "is 0, but mappings can be "
		                 "asked for; expected 1 at least");
	if (filters && p->permissions == 0)
		config_error_add(m->errs, "nat.capacity.permissions", "is 0, but a rule filters "
		                 "by address; expected 1 at least");
	if (quarantine && p->quarantine == 0)
		config_error_add(m->errs, "nat.capacity.quarantine", "is 0, but nat.quarantine is "
		                 "not; expected 1 at least");
}

void
model_nat(struct model *m)
{
	const json_t *nat = json_object_get(m->doc, "nat");
	const json_t *pools = json_object_get(nat, "pools"), *rules = json_object_get(nat, "rules");
	m->nat.log = word_of(nat, "log", log_words);
	m->nat.log_refuses = strcmp(get_text(json_object_get(m->doc, "log"), "overload"),
	                            "refuse") == 0;
	m->nat.log_addresses = json_is_true(json_object_get(nat, "log_addresses"));
	m->nat.inbound_refresh = json_is_true(json_object_get(nat, "inbound_refresh"));
	m->nat.answer_syn = json_is_true(json_object_get(nat, "answer_syn"));
	m->nat.refusal = refusal_code[word_of(nat, "refusal", refusal_words)];
	m->nat.start_waits = json_is_true(json_object_get(nat, "quarantine_at_start"));
	m->nat.drain_ms = (uint32_t)get_int(nat, "drain_deadline") * 1000;
	m->nat.quarantine_ms = (uint32_t)get_int(nat, "quarantine") * 1000;
	nat_thresholds(m, nat);
	model_pcp(m);
	bool fit = pools_fit(m, pools);
	for (size_t i = 0; i < json_array_size(pools); i++) {
		const json_t *pool = json_array_get(pools, i);
		struct img_nat_pool *p = rows_add(m, &m->pools);
		if (p == NULL)
			return;
		snprintf(p->name, sizeof(p->name), "%s", get_text(pool, "name"));
		pool_ports(m, pool, i, p);
		pool_holes(m, pool, i, p);
		pool_thresholds(m, pool, i, p);
		pool_choice(m, pool, i, p);
		if (!fit)
			continue;
		pool_addresses(m, pool, i, p);
		pool_drain(m, pool, i, p);
	}
	for (size_t i = 0; i < json_array_size(rules) && !m->failed; i++)
		rule_make(m, json_array_get(rules, i), i);
	rules_part(m);
	const json_t *ports = json_object_get(nat, "port_timeouts");
	for (size_t i = 0; i < json_array_size(ports) && !m->failed; i++)
		ports_make(m, json_array_get(ports, i), i);
	optional_capacities(m);
}

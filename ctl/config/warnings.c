/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left out of a pool that has none of it: a slip of the hand would give it to somebody. And
 * timeouts that are shorter than an RFC lets them be.
 */
#include "warnings.h"

#include "addrtext.h"
#include "errors.h"

static bool
is_of_pool(const json_t *addresses, uint32_t first, uint32_t last)
{
	const json_t *entry;
	size_t i;
	json_array_foreach((json_t *)addresses, i, entry) {
		uint32_t low, high;
		if (range4_parse(json_string_value(entry), &low, &high) && first <= high &&
		    last >= low)
			return true;
	}
	return false;
}

static void
addresses_warn(const json_t *pool, size_t number, struct config_errors *w)
{
	const json_t *entry;
	size_t i;
	json_array_foreach(json_object_get(pool, "exclude"), i, entry) {
		uint32_t first, last;
		struct config_path path;
		const char *text = json_string_value(entry);
		if (!range4_parse(text, &first, &last) ||
		    is_of_pool(json_object_get(pool, "addresses"), first, last))
			continue;
		path_make(&path, "nat.pools[%zu].exclude[%zu]", number, i);
		config_error_add(w, path.text, "%.50s is not in the pool, so nothing is left out",
		                 text);
	}
}

static void
ports_warn(const json_t *pool, const char *ports, size_t number, struct config_errors *w)
{
	uint16_t low, high, first, last;
	const json_t *entry;
	size_t i;
	if (ports == NULL || !ports_parse(ports, &low, &high))
		return;
	json_array_foreach(json_object_get(pool, "exclude_ports"), i, entry) {
		struct config_path path;
		const char *text = json_string_value(entry);
		if (!ports_parse(text, &first, &last) || (first <= high && last >= low))
			continue;
		path_make(&path, "nat.pools[%zu].exclude_ports[%zu]", number, i);
		config_error_add(w, path.text, "%.50s are none of the pool's ports (%.50s), so "
		                 "nothing is left out", text, ports);
	}
}

/* The least that is asked for, in seconds; opening may be any (RFC 7857 section 2.1). */
static const struct least {
	const char *key;
	json_int_t seconds;
	const char *document;
} least[] = {
	{"udp", 120, "RFC 4787 REQ-5"}, {"udp_unanswered", 120, "RFC 4787 REQ-5"},
	{"tcp_established", 7440, "RFC 5382 REQ-5"}, {"tcp_half_closed", 240, "RFC 5382 REQ-5"},
	{"tcp_closing", 240, "RFC 5382 REQ-5"}, {"tcp_reset", 240, "RFC 7857 section 2.2"},
	{"icmp", 60, "RFC 5508 REQ-2"},
};

/* udp_too: of UDP as well, but not where the ports are well-known ones (RFC 4787 REQ-5a). */
static void
timeouts_warn(const json_t *of, const char *where, bool udp_too, struct config_errors *w)
{
	const json_t *set = json_object_get(of, "timeouts");
	for (unsigned i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
		const json_t *v = json_object_get(set, least[i].key);
		struct config_path path;
		if (v == NULL || json_integer_value(v) >= least[i].seconds ||
		    (!udp_too && strncmp(least[i].key, "udp", 3) == 0))
			continue;
		path_make(&path, "%s.timeouts.%s", where, least[i].key);
		config_error_add(w, path.text, "%lld is less than %s asks for: %lld",
		                 (long long)json_integer_value(v), least[i].document,
		                 (long long)least[i].seconds);
	}
}

static void
all_timeouts_warn(const json_t *nat, struct config_errors *w)
{
	enum { WELL_KNOWN = 1023 };
	const json_t *o;
	struct config_path path;
	size_t i;
	timeouts_warn(nat, "nat", true, w);
	json_array_foreach(json_object_get(nat, "rules"), i, o) {
		path_make(&path, "nat.rules[%zu]", i);
		timeouts_warn(o, path.text, true, w);
	}
	json_array_foreach(json_object_get(nat, "port_timeouts"), i, o) {
		uint16_t first, last = 0;
		path_make(&path, "nat.port_timeouts[%zu]", i);
		ports_parse(json_string_value(json_object_get(o, "ports")), &first, &last);
		timeouts_warn(o, path.text, last > WELL_KNOWN, w);
	}
}

unsigned
config_warnings(const json_t *doc, struct config_errors *warnings)
{
	json_t *filled = config_filled(doc);
	const json_t *nat = json_object_get(filled, "nat"), *pool;
	size_t i;
	json_array_foreach(json_object_get(nat, "pools"), i, pool) {
		addresses_warn(pool, i, warnings);
		ports_warn(pool, json_string_value(json_object_get(pool, "ports")), i, warnings);
	}
	all_timeouts_warn(nat, warnings);
	json_decref(filled);
	return warnings->n + warnings->lost;
}

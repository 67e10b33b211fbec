/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters: their table, what a method takes, and checks before any method runs. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/errors.h"
#include "internal.h"

static const struct api_param param_table[] = {
	{"address", API_ADDRESS, 0, 0, "IP address (of the backend, subscriber, record, inside)"},
	{"all", API_BOOL, 0, 0, "counters that are zero, too"},
	{"at", API_STRING, 0, 0, "a moment, such as 2026-11-20T17:00:00Z; now if not given"},
	{"backend.address", API_ADDRESS, 0, 0, "IP address of the new backend"},
	{"backend.port", API_INTEGER, 1, 65535, "its port; the service's if not given"},
	{"backend.weight", API_INTEGER, 0, 65535, "its weight"},
	{"client.address", API_ADDRESS, 0, 0, "IP address of the client"},
	{"client.port", API_INTEGER, 0, 65535, "port that it speaks from"},
	{"cursor", API_STRING, 0, 0, "where to go on: the cursor of the page before"},
	{"deadline", API_INTEGER, 0, 2592000, "of this drain, in seconds; 0: none"},
	{"destination", API_ADDRESS, 0, 0, "address of a service that is a prefix; its first one "
	 "if not given"},
	{"destination_port", API_INTEGER, 1, 65535, "port of a service that has several; its first "
	 "one if not given"},
	{"digest", API_STRING, 0, 0, "of the document that this one was made from, as config.get "
	 "gives it: refused if another is in force"},
	{"dry_run", API_BOOL, 0, 0, "check and compile, but change nothing"},
	{"external.address", API_ADDRESS, 0, 0, "external address"},
	{"external.port", API_INTEGER, 1, 65535, "external port, or ICMP identifier"},
	{"filter", API_STRING, 0, 0, "key=value words: pool subscriber external port inside_port "
	 "protocol realm worker"},
	{"filter.address", API_ADDRESS, 0, 0, "any address of the row is this"},
	{"filter.backend", API_STRING, 0, 0, "backend, as address or address:port"},
	{"filter.destination", API_ADDRESS, 0, 0, "the initiator sends to this address"},
	{"filter.destination_port", API_INTEGER, 1, 65535, "the initiator sends to this port"},
	{"filter.external", API_ADDRESS, 0, 0, "external address"},
	{"filter.external_port", API_INTEGER, 1, 65535, "external port"},
	{"filter.family", API_INTEGER, 4, 6, "4 or 6"},
	{"filter.policy", API_STRING, 0, 0, "nat or lb"},
	{"filter.pool", API_STRING, 0, 0, "name of a pool"},
	{"filter.port", API_INTEGER, 1, 65535, "any port of the row is this"},
	{"filter.protocol", API_STRING, 0, 0, "tcp, udp, icmp, icmp6 or a number"},
	{"filter.service", API_STRING, 0, 0, "name of a service"},
	{"filter.source", API_ADDRESS, 0, 0, "the initiator has this address"},
	{"filter.source_port", API_INTEGER, 1, 65535, "the initiator sends from this port"},
	{"filter.state", API_STRING, 0, 0, "state of the connection, as shown"},
	{"filter.worker", API_INTEGER, 0, 63, "number of a worker"},
	{"limit", API_INTEGER, 1, API_PAGE_MAX, "rows in one answer, at most"},
	{"name", API_STRING, 0, 0, "name of the object"},
	{"pool", API_STRING, 0, 0, "name of a pool"},
	{"port", API_INTEGER, 1, 65535, "port of the backend, if its address is not enough"},
	{"protocol", API_STRING, 0, 0, "tcp, udp, icmp or a number; any if not given"},
	{"range", API_STRING, 0, 0, "address, prefix or first-last"},
	{"realm", API_STRING, 0, 0, "name of a realm, or `outside`; any if not given"},
	{"service", API_STRING, 0, 0, "name of a service"},
	{"since", API_INTEGER, 0, INT64_MAX, "number of the first record wanted"},
	{"weight", API_INTEGER, 0, 65535, "new weight"},
	{"what", API_STRING, 0, 0, "pool, address, block, subscriber or mapping"},
};

const struct api_param *
api_params(size_t *n)
{
	*n = sizeof(param_table) / sizeof(param_table[0]);
	return param_table;
}

static const struct api_param *
param_find(const char *name)
{
	for (size_t i = 0; i < sizeof(param_table) / sizeof(param_table[0]); i++)
		if (strcmp(param_table[i].name, name) == 0)
			return &param_table[i];
	return NULL;
}

const char *
api_param_next(const char *params, struct api_param_use *use)
{
	size_t n = strcspn(params, ",");
	if (n == 0)
		return NULL;
	memset(use, 0, sizeof(*use));
	snprintf(use->name, sizeof(use->name), "%.*s", (int)n, params);
	char *end = use->name + strlen(use->name);
	if (end[-1] == '?') {
		use->optional = true;
		*--end = '\0';
	}
	if (end[-1] == '}') {
		use->type = API_OBJECT;
		end[-2] = '\0';
	} else {
		use->param = param_find(use->name);
		use->type = use->param->type;
	}
	params += n;
	return params + strspn(params, ", ");
}

/* spec_find: does the method take this name, or members of an object of this name? */
static bool
spec_find(const char *spec, const char *name, struct api_param_use *use, bool *is_group)
{
	size_t len = strlen(name);
	*is_group = false;
	while ((spec = api_param_next(spec, use)) != NULL) {
		if (strcmp(use->name, name) == 0)
			return true;
		if (strncmp(use->name, name, len) == 0 && use->name[len] == '.')
			return *is_group = true;
	}
	return false;
}

static int
check_integer(const struct api_param_use *use, const json_t *v, struct rpc_error *err)
{
	long long n = json_integer_value(v), min = use->param->min, max = use->param->max;
	if (json_is_integer(v) && n >= min && n <= max)
		return 0;
	char got[80];
	rpc_fail(err, RPC_PARAMS, "%s: wanted an integer from %lld to %lld, not %s", use->name, min,
	         max, value_text(v, got, sizeof(got)));
	return -1;
}

static int
check_value(const struct api_param_use *use, const json_t *v, struct rpc_error *err)
{
	static const char *const wanted[] = {"a string", "an IP address", "an integer",
	                                     "true or false", "an object"};
	union addr a;
	uint8_t family;
	bool good = false;
	if (use->type == API_INTEGER)
		return check_integer(use, v, err);
	if (use->type == API_STRING)
		good = json_is_string(v);
	if (use->type == API_ADDRESS)
		good = json_is_string(v) && addr_parse(json_string_value(v), &a, &family);
	if (use->type == API_BOOL)
		good = json_is_boolean(v);
	if (use->type == API_OBJECT)
		good = json_is_object(v);
	if (good)
		return 0;
	char got[80];
	rpc_fail(err, RPC_PARAMS, "%s: wanted %s, not %s", use->name, wanted[use->type],
	         value_text(v, got, sizeof(got)));
	return -1;
}

static int
check_members(const char *spec, const char *group, const json_t *object, struct rpc_error *err)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)object, key, v) {
		char name[96];
		struct api_param_use use;
		bool is_group;
		snprintf(name, sizeof(name), "%s%s%s", group, group[0] != '\0' ? "." : "", key);
		/* With a dot the name would be known, and the value never be found. */
		if (strchr(key, '.') != NULL || !spec_find(spec, name, &use, &is_group)) {
			rpc_fail(err, RPC_PARAMS, "%s: unknown parameter; known are: %s", name,
			         spec[0] != '\0' ? spec : "none");
			return -1;
		}
		if (is_group && !json_is_object(v)) {
			rpc_fail(err, RPC_PARAMS, "%s: wanted an object", name);
			return -1;
		}
		if ((is_group ? check_members(spec, name, v, err) : check_value(&use, v, err)) != 0)
			return -1;
	}
	return 0;
}

/* params_check: every name known and of its type, none missing. => 0, or -1 and err. */
int
params_check(const char *spec, const json_t *params, struct rpc_error *err)
{
	struct api_param_use use;
	if (params != NULL && !json_is_object(params)) {
		rpc_fail(err, RPC_PARAMS, "params: wanted an object, parameters by name");
		return -1;
	}
	if (params != NULL && check_members(spec, "", params, err) != 0)
		return -1;
	for (const char *s = spec; (s = api_param_next(s, &use)) != NULL;)
		if (!use.optional && param_get(params, use.name) == NULL) {
			rpc_fail(err, RPC_PARAMS, "%s: missing", use.name);
			return -1;
		}
	return 0;
}

bool
api_params_good(const char *spec, const json_t *params, char *text, size_t size)
{
	struct rpc_error err = {0};
	bool good = params_check(spec, params, &err) == 0;
	snprintf(text, size, "%s", err.message);
	json_decref(err.errors);
	return good;
}

const json_t *
param_get(const json_t *params, const char *name)
{
	const char *dot = strchr(name, '.');
	if (dot == NULL)
		return json_object_get(params, name);
	char group[32];
	snprintf(group, sizeof(group), "%.*s", (int)(dot - name), name);
	return json_object_get(json_object_get(params, group), dot + 1);
}

const char *
param_string(const json_t *params, const char *name)
{
	return json_string_value(param_get(params, name));
}

long long
param_integer(const json_t *params, const char *name, long long otherwise)
{
	const json_t *v = param_get(params, name);
	return v != NULL ? json_integer_value(v) : otherwise;
}

bool
param_bool(const json_t *params, const char *name)
{
	return json_is_true(param_get(params, name));
}

bool
param_address(const json_t *params, const char *name, union addr *a, uint8_t *family)
{
	const char *s = param_string(params, name);
	return s != NULL && addr_parse(s, a, family);
}

int
param_cursor(const json_t *params, uint64_t *cursor, struct rpc_error *err)
{
	const char *s = param_string(params, "cursor");
	char *end;
	*cursor = 0;
	if (s == NULL)
		return 0;
	errno = 0;
	*cursor = strtoull(s, &end, 10);
	if (isdigit((unsigned char)s[0]) && *end == '\0' && errno == 0)
		return 0;
	rpc_fail(err, RPC_PARAMS, "cursor: wanted the cursor of an earlier answer");
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of the socket against a data plane that only keeps what it is given. */
#include "api_world.h"
#include "ctl/config/config.h"
#include "lb/lb_image.h"

static void
envelope(void)
{
	static const struct { const char *line; int code; } bad[] = {
		{"{", -32700}, {"", -32700}, {" \t\r", -32700},
		{"nonsense", -32700}, {"\"\\u0000\"", -32700},
		{"1", -32600}, {"[]", -32600}, {"{}", -32600}, {"{\"jsonrpc\":\"2.0\"}", -32600},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"version\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"version\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"version\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"version\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\"}", -32601},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\",\"params\":[1]}", -32602},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\",\"params\":{\"x\":1}}",
		 -32602},
	};
	begin_empty();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *r = api_call_text(api, bad[i].line, strlen(bad[i].line));
		CU_ASSERT_FATAL(r != NULL);
		CU_ASSERT(number(r, "error.code") == bad[i].code);
		CU_ASSERT(json_object_get(r, "id") != NULL);
		json_decref(r);
	}
	static const char note[] = "{\"jsonrpc\":\"2.0\",\"method\":\"version\"}";
	CU_ASSERT(api_call_text(api, note, strlen(note)) == NULL);
	static const char batch[] = "[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"version\"},"
	                            "{\"jsonrpc\":\"2.0\",\"method\":\"version\"},5]";
	json_t *r = api_call_text(api, batch, strlen(batch));
	CU_ASSERT(json_array_size(r) == 2);
	CU_ASSERT_STRING_EQUAL(text(r, "0.id"), "a");
	CU_ASSERT(number(r, "1.error.code") == -32600);
	json_decref(r);
	end();
}

static void
parameters(void)
{
	begin();
	CU_ASSERT(error_of("flow.list", "{\"colour\":1}", "colour") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"colour\":1}}", "filter.colour") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":5}", "filter") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter.port\":53}", "filter.port: unknown") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"limit\":\"x\"}", "limit") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"limit\":0}", "limit") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"limit\":1001}", "limit") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"cursor\":\"x\"}", "cursor") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"address\":\"300.1.1.1\"}}",
	                   "filter.address") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"family\":5}}", "filter.family") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"state\":\"happy\"}}", "happy") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"protocol\":\"ipx\"}}",
	                   "protocol") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"service\":\"nix\"}}", "nix") == -32002);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"backend\":\"10.0.0.8\"}}",
	                   "several") == -32602);
	CU_ASSERT(error_of("subscriber.show", "{}", "address: missing") == -32602);
	CU_ASSERT(error_of("subscriber.show", "{\"address\":\"::1\"}", "IPv4") == -32602);
	CU_ASSERT(error_of("backend.weight", "{\"service\":\"web\",\"address\":\"10.0.0.7\","
	                   "\"weight\":-1}", "weight") == -32602);
	CU_ASSERT(error_of("config.apply", "{\"config\":[]}", "config") == -32602);
	end();
}

static void
method_table(void)
{
	size_t n, params;
	const struct api_method *m = api_methods(&n);
	const struct api_param *p = api_params(&params);
	bool used[128] = {0};
	CU_ASSERT_FATAL(params <= 128);
	for (size_t i = 0; i < n; i++) {
		struct api_param_use use;
		for (const char *s = m[i].params; (s = api_param_next(s, &use)) != NULL;) {
			CU_ASSERT(use.param != NULL || use.type == API_OBJECT);
			if (use.param != NULL)
				used[use.param - p] = true;
		}
		for (size_t j = i + 1; j < n; j++)
			CU_ASSERT(strcmp(m[i].name, m[j].name) != 0);
	}
	for (size_t i = 0; i < params; i++)
		CU_ASSERT(used[i]);
	begin_empty();
	json_t *r = result_of("rpc.methods", "{}");
	CU_ASSERT(json_array_size(json_object_get(r, "methods")) == n);
	json_decref(r);
	end();
}

static void
config(void)
{
	char params[4096];
	begin();
	json_t *r = result_of("config.get", "{}");
	json_t *doc = json_loads(fake_document, 0, NULL);
	CU_ASSERT(json_equal(doc, json_object_get(r, "config")));
	CU_ASSERT(number(r, "generation") == 1);
	CU_ASSERT(strlen(text(r, "digest")) == 32);
	json_decref(r);
	json_decref(doc);
	snprintf(params, sizeof(params), "{\"config\":%s}", fake_document);
	r = result_of("config.apply", params);
	CU_ASSERT(json_is_false(at(r, "changed")) && number(r, "generation") == 1);
	CU_ASSERT(plane.applied == 1);
	json_decref(r);
	r = result_of("config.check", params);
	CU_ASSERT(json_is_true(at(r, "ok")) && json_array_size(at(r, "warnings")) == 0);
	json_decref(r);
	json_t *said = json_loads(params, 0, NULL); /* what has no effect is said, and taken */
	json_object_set_new(json_array_get(at(said, "config.nat.pools"), 0), "exclude",
	                    json_pack("[s]", "192.0.2.99"));
	json_object_set_new(said, "dry_run", json_true());
	char *given = json_dumps(said, 0);
	r = result_of("config.apply", given);
	CU_ASSERT_STRING_EQUAL(text(r, "warnings.0.path"), "nat.pools[0].exclude[0]");
	free(given);
	json_decref(said), json_decref(r);
	r = result_of("config.check", "{\"config\":{\"colour\":1}}");
	CU_ASSERT(json_is_false(at(r, "ok")));
	CU_ASSERT(json_array_size(at(r, "errors")) >= 1);
	json_decref(r);
	uint64_t changes = api_changes(api);
	CU_ASSERT(error_of("config.apply", "{\"config\":{\"colour\":1}}", "colour") == -32001);
	CU_ASSERT(plane.applied == 1 && api_changes(api) == changes);
	end();
}

static void
dry_run(void)
{
	begin();
	json_t *get = result_of("config.get", "{}");
	json_t *doc = json_object_get(get, "config");
	json_object_set_new(doc, "routes", json_array());
	json_t *p = json_pack("{s:O, s:b}", "config", doc, "dry_run", 1);
	char *params = json_dumps(p, 0);
	json_t *r = result_of("config.apply", params);
	CU_ASSERT(json_is_true(at(r, "changed")));
	CU_ASSERT(plane.applied == 1);
	json_decref(r);
	r = result_of("config.get", "{}");
	CU_ASSERT(json_array_size(at(r, "config.routes")) == 1);
	json_decref(r);
	json_decref(p);
	json_decref(get);
	free(params);
	end();
}

static void
refused(void)
{
	begin();
	uint64_t changes = api_changes(api);
	json_t *before = json_deep_copy(api_document(api));
	plane.refuse = "no memory for it";
	CU_ASSERT(error_of("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}",
	                   "no memory") == -32003);
	CU_ASSERT(api_changes(api) == changes && json_equal(before, api_document(api)));
	plane.refuse = NULL;
	plane.gone = true;
	CU_ASSERT(error_of("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}",
	                   "not running") == -32000);
	CU_ASSERT(error_of("flow.list", "{}", "not running") == -32000);
	CU_ASSERT(error_of("stats", "{}", "not running") == -32000);
	CU_ASSERT(error_of("service.list", "{}", "not running") == -32000);
	CU_ASSERT(api_changes(api) == changes && json_equal(before, api_document(api)));
	json_decref(before);
	end();
}

static void
restart_needed(void)
{
	begin();
	json_t *get = result_of("config.get", "{}");
	json_object_set_new(json_object_get(json_object_get(get, "config"), "workers"), "count",
	                    json_integer(3));
	json_t *p = json_pack("{s:O}", "config", json_object_get(get, "config"));
	char *params = json_dumps(p, 0);
	CU_ASSERT(error_of("config.apply", params, "workers") == -32003);
	CU_ASSERT(plane.applied == 1);
	free(params);
	json_decref(p);
	json_decref(get);
	end();
}

static void
backends(void)
{
	begin();
	uint32_t id = backend_row(1)->id;
	done("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(plane.applied == 2 && backend_row(0)->state == LB_DRAIN);
	done("backend.ready", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(backend_row(0)->state == LB_READY);
	done("backend.down", "{\"service\":\"web\",\"address\":\"10.0.0.7\",\"port\":80}");
	CU_ASSERT(backend_row(0)->state == LB_MAINT);
	CU_ASSERT(error_of("backend.weight", "{\"service\":\"web\",\"address\":\"10.0.0.8\","
	                   "\"weight\":9}", "which port") == -32602);
	done("backend.weight", "{\"service\":\"web\",\"address\":\"10.0.0.8\",\"port\":8080,"
	     "\"weight\":9}");
	done("backend.remove", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(backend_row(0)->id == id); /* stays who it is */
	done("backend.add", "{\"service\":\"web\",\"backend\":{\"address\":\"10.0.0.9\","
	     "\"port\":81,\"weight\":2}}");
	CU_ASSERT(backend_row(2) != NULL && backend_row(3) == NULL);
	CU_ASSERT(error_of("backend.add", "{\"service\":\"web\",\"backend\":{\"address\":"
	                   "\"10.0.0.9\",\"port\":81}}",
	                   "lb.services[0].backends: has 10.0.0.9") == -32001);
	CU_ASSERT(error_of("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.99\"}",
	                   "10.0.0.99") == -32002);
	CU_ASSERT(error_of("backend.drain", "{\"service\":\"wob\",\"address\":\"10.0.0.9\"}",
	                   "there is: web") == -32002);
	json_t *r = result_of("config.get", "{}");
	CU_ASSERT(json_array_size(at(r, "config.lb.services.0.backends")) == 3);
	CU_ASSERT(number(r, "config.lb.services.0.backends.1.weight") == 9);
	json_decref(r);
	end();
}

static void
services(void)
{
	begin();
	done("service.add", "{\"service\":{\"name\":\"dns\",\"address\":\"2001:db8::53\","
	     "\"port\":53,\"protocol\":\"udp\",\"backends\":[{\"address\":\"2001:db8:1::1\"}]}}");
	json_t *r = result_of("service.list", "{}");
	CU_ASSERT(json_array_size(at(r, "services")) == 2);
	json_decref(r);
	CU_ASSERT(error_of("service.add", "{\"service\":{\"name\":\"dns\"}}",
	                   "lb.services[2]") == -32001);
	stats_backends(plane.stats, 1)[backend_row(0)->id].opened = 5;
	stats_backends(plane.stats, 2)[backend_row(0)->id].opened = 3;
	stats_backends(plane.stats, 2)[backend_row(0)->id].ended = 2;
	r = result_of("service.show", "{\"name\":\"web\"}");
	CU_ASSERT(number(r, "service.flows") == 6 && number(r, "service.opened") == 8);
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.address"), "10.0.0.7");
	CU_ASSERT(number(r, "backends.0.flows") == 6);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(at(r, "backends.1.share")), 60.0, 0.01);
	json_decref(r);
	r = result_of("backend.list", "{\"service\":\"dns\"}");
	CU_ASSERT(json_array_size(at(r, "backends")) == 1);
	CU_ASSERT_STRING_EQUAL(text(r, "backends.0.address"), "2001:db8:1::1");
	json_decref(r);
	done("service.remove", "{\"name\":\"dns\"}");
	CU_ASSERT(error_of("service.show", "{\"name\":\"dns\"}", "dns") == -32002);
	CU_ASSERT(error_of("service.remove", "{\"name\":\"dns\"}", "there is: web") == -32002);
	end();
}

static void
pools(void)
{
	static const struct cmd_pool_address rows[] = {
		{.pool = 0, .worker = 1, .blocks = 126, .blocks_used = 3, .ports_used = {7, 8, 9}},
		{.pool = 0, .worker = 0xffff, .blocks = 126, .blocks_quarantined = 2},
	};
	begin();
	plane.answer[CMD_POOLS].rows = rows;
	plane.answer[CMD_POOLS].n = 2;
	plane.answer[CMD_POOLS].row_size = sizeof(rows[0]);
	json_t *r = result_of("pool.list", "{}");
	CU_ASSERT(number(r, "pools.0.blocks") == 252 && number(r, "pools.0.addresses") == 4);
	CU_ASSERT(number(r, "pools.0.ports_used.udp") == 8);
	json_decref(r);
	r = result_of("pool.show", "{\"name\":\"main\"}");
	CU_ASSERT(json_array_size(at(r, "addresses")) == 2);
	CU_ASSERT(json_is_null(at(r, "addresses.1.worker")));
	json_decref(r);
	CU_ASSERT(error_of("pool.show", "{\"name\":\"x\"}", "x") == -32002);
	done("pool.add_range", "{\"pool\":\"main\",\"range\":\"203.0.113.64-203.0.113.79\"}");
	CU_ASSERT(error_of("pool.add_range", "{\"pool\":\"main\",\"range\":\"203.0.113.70\"}",
	                   "nat.pools[0].addresses[2]") == -32001);
	done("pool.drain_range", "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}");
	done("pool.ready_range", "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}");
	done("pool.drain_range", "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}");
	done("pool.remove_range", "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}");
	CU_ASSERT(error_of("pool.remove_range",
	                   "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}",
	                   "203.0.113.0/30") == -32002);
	r = result_of("config.get", "{}");
	CU_ASSERT(json_array_size(at(r, "config.nat.pools.0.addresses")) == 1);
	CU_ASSERT(json_array_size(at(r, "config.nat.pools.0.drain")) == 0);
	json_decref(r);
	end();
}

static void
list_text(const json_t *list, char out[256])
{
	for (size_t i = 0; i < json_array_size(list); i++)
		snprintf(out + strlen(out), 256 - strlen(out), "%s%s", i != 0 ? "," : "",
		         json_string_value(json_array_get(list, i)));
}

/* Parts of what is written: prefixes and ranges are divided, for addresses and for drain. */
static void
pool_parts(void)
{
	static const struct {
		const char *method, *range, *addresses, *drain; /* both lists afterwards */
	} steps[] = {
		{"add_range", "203.0.113.64/26", "203.0.113.0/30,203.0.113.64/26", ""},
		{"drain_range", "203.0.113.64/28", "203.0.113.0/30,203.0.113.64/26",
		 "203.0.113.64/28"},
		{"ready_range", "203.0.113.64-203.0.113.66", "203.0.113.0/30,203.0.113.64/26",
		 "203.0.113.67-203.0.113.79"},
		{"remove_range", "203.0.113.72/29",
		 "203.0.113.0/30,203.0.113.64/29,203.0.113.80-203.0.113.127",
		 "203.0.113.67-203.0.113.71"},
		{"drain_range", "203.0.113.68", "203.0.113.0/30,203.0.113.64/29,"
		 "203.0.113.80-203.0.113.127", "203.0.113.67-203.0.113.71"},
		{"ready_range", "203.0.113.68/31", "203.0.113.0/30,203.0.113.64/29,"
		 "203.0.113.80-203.0.113.127", "203.0.113.67,203.0.113.70/31"},
		{"remove_range", "203.0.113.96", "203.0.113.0/30,203.0.113.64/29,203.0.113.80/28,"
		 "203.0.113.97-203.0.113.127", "203.0.113.67,203.0.113.70/31"},
		{"add_range", "203.0.113.72/29", "203.0.113.0/30,203.0.113.64/29,203.0.113.80/28,"
		 "203.0.113.97-203.0.113.127,203.0.113.72/29", "203.0.113.67,203.0.113.70/31"},
		{"remove_range", "203.0.113.64/27",
		 "203.0.113.0/30,203.0.113.97-203.0.113.127", ""},
	};
	begin();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char method[64], params[128], lists[2][256] = {""};
		snprintf(method, sizeof(method), "pool.%s", steps[i].method);
		snprintf(params, sizeof(params), "{\"pool\":\"main\",\"range\":\"%s\"}",
		         steps[i].range);
		done(method, params);
		json_t *r = result_of("config.get", "{}");
		list_text(at(r, "config.nat.pools.0.addresses"), lists[0]);
		list_text(at(r, "config.nat.pools.0.drain"), lists[1]);
		CU_ASSERT_STRING_EQUAL(lists[0], steps[i].addresses);
		CU_ASSERT_STRING_EQUAL(lists[1], steps[i].drain);
		json_decref(r);
	}
	CU_ASSERT(error_of("pool.remove_range",
	                   "{\"pool\":\"main\",\"range\":\"203.0.113.0/29\"}",
	                   "not wholly in the pool's addresses") == -32002);
	CU_ASSERT(error_of("pool.ready_range",
	                   "{\"pool\":\"main\",\"range\":\"203.0.113.0\"}",
	                   "not wholly in the pool's drain; there is: none") == -32002);
	CU_ASSERT(error_of("pool.remove_range",
	                   "{\"pool\":\"main\",\"range\":\"203.0.113.3/31\"}",
	                   "range: 203.0.113.3/31 is no") == -32602);
	end();
}

/* Without the ends of prefixes, what is left of one holds just what it held of it before. */
static void
pool_ends(void)
{
	static const struct { const char *range, *addresses; } steps[] = {
		{"203.0.113.128/25", "203.0.113.1-203.0.113.127"},
		{"203.0.113.64/26", "203.0.113.1-203.0.113.63"},
		{"203.0.113.0", "203.0.113.1-203.0.113.63"},
		{"203.0.113.24/29", "203.0.113.1-203.0.113.23,203.0.113.32-203.0.113.63"},
		{"203.0.113.33-203.0.113.63", "203.0.113.1-203.0.113.23,203.0.113.32"},
	};
	begin();
	json_t *doc = json_deep_copy(api_document(api));
	json_t *params = json_pack("{s:o}", "config", doc);
	json_t *pool = (json_t *)at(doc, "nat.pools.0");
	json_object_update_new(pool, json_pack("{s:[s], s:b}", "addresses", "203.0.113.0/24",
	                                       "exclude_ends", 1));
	char *whole = json_dumps(params, 0), one[128];
	done("config.apply", whole);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char left[256] = "";
		snprintf(one, sizeof(one), "{\"pool\":\"main\",\"range\":\"%s\"}",
		         steps[i].range);
		int code = i == 2 ? error_of("pool.remove_range", one, "not wholly") : 0;
		CU_ASSERT(code == (i == 2 ? -32002 : 0)); /* it is in the pool no more */
		if (i != 2)
			done("pool.remove_range", one);
		json_t *r = result_of("config.get", "{}");
		list_text(at(r, "config.nat.pools.0.addresses"), left);
		CU_ASSERT_STRING_EQUAL(left, steps[i].addresses);
		json_decref(r);
	}
	free(whole);
	json_decref(params);
	end();
}

/* What is cut out of a message may be a part of a character: the rest is said all the same. */
static void
cut_characters(void)
{
	char long_name[512] = "x", params[2048];
	for (unsigned i = 0; i < 200; i++)
		snprintf(long_name + 1 + 2 * i, 3, "\u00e4");
	begin();
	for (unsigned i = 0; i < 4; i++) { /* one of these cuts is within a character */
		memmove(long_name + 1, long_name, strlen(long_name) + 1);
		snprintf(params, sizeof(params), "{\"name\":\"%s\"}", long_name);
		CU_ASSERT(error_of("pool.show", params, "no pool \\\"xx") == -32002);
		snprintf(params, sizeof(params), "{\"what\":\"block\",\"filter\":\"%s\"}",
		         long_name);
		CU_ASSERT(error_of("nat.show", params, "wanted a shorter word") == -32602);
		snprintf(params, sizeof(params), "{\"address\":\"100.64.0.7\",\"realm\":\"%s\"}",
		         long_name);
		CU_ASSERT(error_of("nat.forward", params, "there is no realm \\\"xx") == -32602);
		snprintf(params, sizeof(params), "{\"config\":{\"nics\":[{\"name\":\"%s\"},"
		         "{\"name\":\"%s\"}]}}", long_name, long_name);
		CU_ASSERT(error_of("config.apply", params, "is the name of nics[0] too") == -32001);
	}
	end();
}

static int
some_disk(void *ctx)
{
	return *(int *)ctx;
}

/* What could not be kept is in force, and the answer says so. */
static void
not_stored(void)
{
	int rc = -ENOSPC;
	begin();
	api_set_store(api, some_disk, &rc);
	json_t *r = result_of("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(json_is_true(at(r, "changed")) && json_is_false(at(r, "stored")));
	CU_ASSERT_STRING_EQUAL(text(r, "reason"), strerror(ENOSPC));
	json_decref(r);
	rc = 0;
	r = result_of("backend.ready", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(json_is_true(at(r, "changed")) && at(r, "stored") == NULL);
	json_decref(r);
	end();
}

/* Two who change the same document: the second one is told that it is not the one it read. */
static void
changed_since(void)
{
	char params[4096];
	begin();
	json_t *first = result_of("config.get", "{}"), *r;
	done("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	snprintf(params, sizeof(params), "{\"config\":%s,\"digest\":\"%s\"}", fake_document,
	         text(first, "digest"));
	CU_ASSERT(error_of("config.apply", params, "not of the document in force") == -32004);
	CU_ASSERT(plane.applied == 2);
	json_t *second = result_of("config.get", "{}");
	snprintf(params, sizeof(params), "{\"config\":%s,\"digest\":\"%s\",\"dry_run\":true}",
	         fake_document, text(first, "digest"));
	CU_ASSERT(error_of("config.apply", params, "not of the document in force") == -32004);
	snprintf(params, sizeof(params), "{\"config\":%s,\"digest\":\"%s\"}", fake_document,
	         text(second, "digest"));
	r = result_of("config.apply", params);
	CU_ASSERT(json_is_true(at(r, "changed")) && plane.applied == 3);
	json_decref(r);
	json_decref(first);
	json_decref(second);
	end();
	begin_empty();
	snprintf(params, sizeof(params), "{\"config\":%s,\"digest\":\"0\"}", fake_document);
	CU_ASSERT(error_of("config.apply", params, "not running") == -32000);
	end();
}

/* A daemon that starts anew takes what the data plane runs. */
static void
daemon_restarts(void)
{
	char err[256];
	begin();
	done("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	json_t *before = json_deep_copy(api_document(api));
	api_destroy(api);
	struct plane_link link = fake_link(&plane);
	api = api_create(&link);
	json_t *old = json_loads(fake_document, 0, NULL);
	api_offer(api, old, false); /* what was on disk does not win */
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) == 0);
	CU_ASSERT(json_equal(before, api_document(api)));
	CU_ASSERT(plane.applied == 2 && api_changes(api) == 1);
	done("backend.ready", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(plane.image->generation == 3);
	json_decref(before);
	json_decref(old);
	end();
}

/* A data plane that starts anew gets what the daemon has; a file given at start wins. */
static void
plane_restarts(void)
{
	char err[256];
	begin();
	free(plane.image);
	plane.image = NULL;
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) == 0);
	CU_ASSERT_FATAL(plane.image != NULL);
	CU_ASSERT(plane.applied == 2);
	json_t *other = json_deep_copy(api_document(api));
	json_object_set_new(other, "routes", json_array());
	api_offer(api, other, true);
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) == 0);
	CU_ASSERT(plane.applied == 3 && json_equal(other, api_document(api)));
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) == 0);
	CU_ASSERT(plane.applied == 3);
	plane.refuse = "not today";
	json_object_set_new(other, "neighbours", json_array());
	api_offer(api, other, true);
	CU_ASSERT(api_link_changed(api, err, sizeof(err)) != 0);
	CU_ASSERT(strstr(err, "not today") != NULL);
	json_decref(other);
	end();
}

/* noise_line: a request with some parameters that fit or do not, then damaged in places or not. */
static size_t
noise_line(uint64_t *seed, char *line, size_t room)
{
	static const char *const params[] = {
		"\"service\":\"web\"", "\"address\":\"10.0.0.7\"", "\"config\":{}", "\"limit\":5",
		"\"filter\":{\"port\":80}", "\"pool\":\"main\"", "\"range\":\"203.0.113.64\"",
		"\"weight\":4", "\"name\":\"main\"", "\"port\":80"};
	static const char *const parts[] = {"{", "}", "[", "]", "\"", ":", ",", "null", "-1", "1e9",
	                                    "true", "{}", "\\u0000", "service", "\xff", "a.b"};
	size_t n, size;
	const struct api_method *m = api_methods(&n);
	size = (size_t)snprintf(line, room, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
	                        "\"params\":{", m[test_random(seed) % n].name);
	uint64_t left = test_random(seed) % 4;
	for (uint64_t i = 0; i < left; i++)
		size += (size_t)snprintf(line + size, room - size, "%s%s", i != 0 ? "," : "",
		                         params[test_random(seed) % 10]);
	size += (size_t)snprintf(line + size, room - size, "}}");
	for (uint64_t k = test_random(seed) % 3; k > 0; k--) {
		const char *part = parts[test_random(seed) % 16];
		memcpy(line + test_random(seed) % size, part, strlen(part));
	}
	return size;
}

/* Damaged requests get a response or are notifications, and the document stays a valid one. */
static void
noise(void)
{
	enum { ROUNDS = 40000 };
	uint64_t seed = test_seed();
	unsigned good = 0;
	begin();
	for (int i = 0; i < ROUNDS; i++) {
		char line[512];
		size_t size = noise_line(&seed, line, sizeof(line) - 16);
		json_t *r = api_call_text(api, line, size);
		CU_ASSERT_FATAL(r == NULL || json_is_object(r));
		good += json_object_get(r, "result") != NULL;
		json_decref(r);
	}
	struct config_errors errs = {0};
	CU_ASSERT(config_check(api_document(api), &errs));
	CU_ASSERT(good > ROUNDS / 40 && plane.applied > 1);
	end();
}

static const struct test_case cases[] = {
	{"envelope and batches", envelope},
	{"parameters are checked", parameters},
	{"method and parameter tables agree", method_table},
	{"config.check, apply, get", config},
	{"dry run changes nothing", dry_run},
	{"refused changes leave no trace", refused},
	{"start-time settings are refused by name", restart_needed},
	{"backend changes", backends},
	{"services", services},
	{"pools", pools},
	{"damaged requests", noise},
	{"daemon starts anew", daemon_restarts},
	{"parts of pool ranges", pool_parts},
	{"ends of pool prefixes", pool_ends},
	{"characters that were cut", cut_characters},
	{"changed since it was read", changed_since},
	{"a change that is not on disk", not_stored},
	{"data plane starts anew", plane_restarts},
};

TEST_MAIN("api", cases)

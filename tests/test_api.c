/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of the socket against a data plane that only keeps what it is given. */
#include <arpa/inet.h>
#include <jansson.h>

#include "ctl/config/config.h"
#include "fake_plane.h"
#include "lb/lb_image.h"
#include "test.h"

static struct fake_plane plane;
static struct api *api;

static json_t *
call(const char *method, const char *params)
{
	char line[8192];
	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":%s}",
	         method, params);
	json_t *r = api_call_text(api, line, strlen(line));
	CU_ASSERT_FATAL(r != NULL);
	CU_ASSERT(json_integer_value(json_object_get(r, "id")) == 7);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "jsonrpc")), "2.0");
	return r;
}

/* error_of: the code of a call that must fail; its message and paths contain `says`. */
static int
error_of(const char *method, const char *params, const char *says)
{
	json_t *r = call(method, params);
	const json_t *e = json_object_get(r, "error");
	int code = (int)json_integer_value(json_object_get(e, "code"));
	char *text = json_dumps(r, 0);
	if (strstr(text, says) == NULL) {
		printf("\n%s: %s\n", says, text);
		CU_FAIL("the error says something else");
	}
	free(text);
	json_decref(r);
	return code;
}

/* result_of: the result of a call that must succeed. */
static json_t *
result_of(const char *method, const char *params)
{
	json_t *r = call(method, params), *result = json_object_get(r, "result");
	if (result == NULL) {
		char *text = json_dumps(r, 0);
		printf("\n%s: %s\n", method, text);
		free(text);
	}
	CU_ASSERT_FATAL(result != NULL);
	json_incref(result);
	json_decref(r);
	return result;
}

static void
done(const char *method, const char *params)
{
	json_decref(result_of(method, params));
}

static void
begin_empty(void)
{
	fake_open(&plane);
	struct plane_link link = fake_link(&plane);
	api = api_create(&link);
}

static void
begin(void)
{
	char params[4096];
	begin_empty();
	snprintf(params, sizeof(params), "{\"config\":%s}", fake_document);
	done("config.apply", params);
}

static void
end(void)
{
	api_destroy(api);
	fake_close(&plane);
}

/* at: walk a result by a path of keys and numbers. */
static const json_t *
at(const json_t *v, const char *path)
{
	char key[64];
	for (int n; sscanf(path, "%63[^.]%n", key, &n) == 1; path += n + (path[n] == '.'))
		v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) :
		                       json_object_get(v, key);
	return v;
}

static long long
number(const json_t *v, const char *path)
{
	return (long long)json_integer_value(at(v, path));
}

static const char *
text(const json_t *v, const char *path)
{
	const char *s = json_string_value(at(v, path));
	return s != NULL ? s : "(none)";
}

static void
envelope(void)
{
	static const struct { const char *line; int code; } bad[] = {
		{"{", -32700}, {"", -32700}, {"nonsense", -32700}, {"\"\\u0000\"", -32700},
		{"1", -32600}, {"[]", -32600}, {"{}", -32600}, {"{\"jsonrpc\":\"2.0\"}", -32600},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"version\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\"}", -32601},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\",\"params\":[1]}", -32602},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\",\"params\":{\"x\":1}}", -32602},
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
	CU_ASSERT(error_of("flow.list", "{\"limit\":\"x\"}", "limit") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"limit\":0}", "limit") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"limit\":1001}", "limit") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"cursor\":\"x\"}", "cursor") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"address\":\"300.1.1.1\"}}",
	                   "filter.address") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"family\":5}}", "filter.family") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"state\":\"happy\"}}", "happy") == -32602);
	CU_ASSERT(error_of("flow.list", "{\"filter\":{\"protocol\":\"ipx\"}}", "protocol") == -32602);
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
	CU_ASSERT(json_is_true(at(r, "ok")));
	json_decref(r);
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

static const struct img_lb_backend *
backend_row(unsigned i)
{
	uint32_t n;
	const struct img_lb_backend *b = image_rows(plane.image, IMG_LB_BACKENDS, &n);
	return i < n ? &b[i] : NULL;
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
	CU_ASSERT(backend_row(0)->state == LB_DOWN);
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
	                   "\"10.0.0.9\",\"port\":81}}", "lb.services[0].backends: has 10.0.0.9") == -32001);
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
	done("service.add", "{\"service\":{\"name\":\"dns\",\"address\":\"2001:db8::53\",\"port\":53,"
	     "\"protocol\":\"udp\",\"backends\":[{\"address\":\"2001:db8:1::1\"}]}}");
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
	CU_ASSERT(error_of("pool.remove_range", "{\"pool\":\"main\",\"range\":\"203.0.113.64/28\"}",
	                   "203.0.113.0/30") == -32002);
	r = result_of("config.get", "{}");
	CU_ASSERT(json_array_size(at(r, "config.nat.pools.0.addresses")) == 1);
	CU_ASSERT(json_array_size(at(r, "config.nat.pools.0.drain")) == 0);
	json_decref(r);
	end();
}

static void
flow_rows(struct cmd_flow *f, unsigned n)
{
	memset(f, 0, n * sizeof(*f));
	for (unsigned i = 0; i < n; i++) {
		f[i].tuple[0] = (struct tuple){.src = addr_from_v4(htonl(0x0a000000 + i)),
			.dst = addr_from_v4(htonl(0xc6336450)), .sport = htons((uint16_t)(1024 + i)),
			.dport = htons(80), .family = FAMILY_V4, .proto = IPPROTO_L4_TCP};
		f[i].tuple[1] = tuple_invert(&f[i].tuple[0]);
		f[i].state = CONN_TCP_EST;
		f[i].owner = backend_row(1)->id;
		f[i].packets[1] = i;
		f[i].idle_ms = 1500;
	}
}

static void
flows(void)
{
	enum { N = 250 };
	static struct cmd_flow rows[N];
	char params[64] = "{}";
	unsigned seen = 0, pages = 0;
	begin();
	flow_rows(rows, N);
	plane.answer[CMD_FLOWS].rows = rows;
	plane.answer[CMD_FLOWS].n = N;
	plane.answer[CMD_FLOWS].row_size = sizeof(rows[0]);
	for (bool more = true; more; pages++) {
		json_t *r = result_of("flow.list", params);
		const json_t *o;
		size_t i;
		json_array_foreach(json_object_get(r, "flows"), i, o) {
			CU_ASSERT(number(o, "packets.1") == seen);
			CU_ASSERT(number(o, "original.source_port") == 1024 + seen);
			seen++;
		}
		o = at(r, "flows.0");
		CU_ASSERT_STRING_EQUAL(text(o, "backend"), "10.0.0.8:80");
		CU_ASSERT_STRING_EQUAL(text(o, "service"), "web");
		CU_ASSERT_STRING_EQUAL(text(o, "reply.source"), "198.51.100.80");
		CU_ASSERT_DOUBLE_EQUAL(json_real_value(at(o, "idle")), 1.5, 1e-9);
		more = json_is_string(at(r, "cursor"));
		snprintf(params, sizeof(params), "{\"cursor\":\"%s\"}", text(r, "cursor"));
		json_decref(r);
	}
	CU_ASSERT(seen == N && pages == 3);
	done("flow.list", "{\"filter\":{\"service\":\"web\",\"backend\":\"10.0.0.8:8080\","
	     "\"state\":\"established\",\"protocol\":\"tcp\",\"address\":\"10.0.0.1\"}}");
	plane.answer[CMD_FLOWS].row_size = 8; /* of another version */
	CU_ASSERT(error_of("flow.list", "{}", "format") == -32003);
	end();
}

static void
subscribers(void)
{
	static const struct cmd_subscriber subs[] = {
		{.address = 0x02004064, .external = 0x017100cb, .blocks = 2,
		 .block_first = {1024, 2048}, .block_size = 512, .mappings = 3},
	};
	static const struct cmd_mapping maps[] = {
		{.inside = 0x02004064, .external = 0x017100cb, .inside_port = 0x0100,
		 .external_port = 0x0004, .proto = 17, .flows = 1},
		{.inside = 0x03004064, .external = 0x027100cb, .proto = 6},
	};
	begin();
	plane.answer[CMD_SUBSCRIBERS].rows = subs;
	plane.answer[CMD_SUBSCRIBERS].n = 1;
	plane.answer[CMD_SUBSCRIBERS].row_size = sizeof(subs[0]);
	plane.answer[CMD_MAPPINGS].rows = maps;
	plane.answer[CMD_MAPPINGS].n = 2;
	plane.answer[CMD_MAPPINGS].row_size = sizeof(maps[0]);
	json_t *r = result_of("subscriber.list", "{\"pool\":\"main\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "subscribers.0.address"), "100.64.0.2");
	CU_ASSERT_STRING_EQUAL(text(r, "subscribers.0.external"), "203.0.113.1");
	CU_ASSERT_STRING_EQUAL(text(r, "subscribers.0.blocks.1"), "2048-2559");
	json_decref(r);
	r = result_of("subscriber.list", "{\"pool\":\"other\"}");
	CU_ASSERT(json_array_size(at(r, "subscribers")) == 0);
	json_decref(r);
	r = result_of("mapping.list", "{\"filter\":{\"protocol\":\"udp\",\"port\":1024}}");
	CU_ASSERT(json_array_size(at(r, "mappings")) == 1);
	CU_ASSERT(number(r, "mappings.0.external_port") == 1024);
	json_decref(r);
	r = result_of("subscriber.show", "{\"address\":\"100.64.0.2\"}");
	CU_ASSERT(number(r, "subscriber.mappings") == 3);
	json_decref(r);
	plane.answer[CMD_SUBSCRIBERS].n = 0;
	CU_ASSERT(error_of("subscriber.show", "{\"address\":\"100.64.0.9\"}",
	                   "100.64.0.9") == -32002);
	end();
}

static void
statistics(void)
{
	begin();
	struct stats *w = stats_context(plane.stats, 1);
	w->received = 10;
	w->forwarded = 7;
	w->dropped[DROP_NO_ROUTE] = 3;
	w->nic[1].rx_packets = 10;
	w->nic[2].tx_packets = 7;
	w->handoff[0] = 4;
	json_t *r = result_of("stats", "{}");
	CU_ASSERT(number(r, "totals.received") == 10 && number(r, "totals.dropped") == 3);
	CU_ASSERT(number(r, "totals.sent") == 7 && number(r, "identity.difference") == 0);
	CU_ASSERT(json_array_size(at(r, "drops")) == 1 && number(r, "drops.0.packets") == 3);
	CU_ASSERT_STRING_EQUAL(text(r, "drops.0.reason"), "no_route");
	CU_ASSERT(number(r, "totals.handoffs.home") == 4);
	CU_ASSERT_STRING_EQUAL(text(r, "nics.0.name"), "inside");
	CU_ASSERT_STRING_EQUAL(text(r, "nics.1.name"), "outside");
	CU_ASSERT(json_array_size(at(r, "contexts")) == 1 + FAKE_WORKERS);
	json_decref(r);
	r = result_of("stats", "{\"all\":true}");
	CU_ASSERT(json_array_size(at(r, "drops")) == DROP_MAX);
	json_decref(r);
	w->flows_v4 = 5;
	stats_context(plane.stats, 2)->flows_v6 = 2;
	r = result_of("flow.count", "{}");
	CU_ASSERT(number(r, "flows") == 7);
	json_decref(r);
	r = result_of("steering.show", "{}");
	CU_ASSERT(number(r, "workers") == 2 && json_array_size(at(r, "by_worker")) == 2);
	json_decref(r);
	r = result_of("route.list", "{}");
	CU_ASSERT(json_array_size(at(r, "routes")) >= 4);
	json_decref(r);
	r = result_of("generation.show", "{}");
	CU_ASSERT(number(r, "running") == 1 && json_is_true(at(r, "connected")));
	json_decref(r);
	end();
}

static void
system_rows(void)
{
	static const struct cmd_nic nic[] = {{.name = "outside", .device = "net_tap1", .mtu = 1500,
	                                      .link_up = 1}};
	static const struct cmd_neighbour near[] = {
		{.family = FAMILY_V4, .nic = 2, .state = 1, .mac = {2, 0, 0, 0, 0, 1}, .age_ms = 2500},
		{.family = FAMILY_V4, .nic = 1, .state = 2},
	};
	begin();
	plane.answer[CMD_NICS].rows = nic;
	plane.answer[CMD_NICS].n = 1;
	plane.answer[CMD_NICS].row_size = sizeof(nic[0]);
	plane.answer[CMD_NEIGHBOURS].rows = near;
	plane.answer[CMD_NEIGHBOURS].n = 2;
	plane.answer[CMD_NEIGHBOURS].row_size = sizeof(near[0]);
	json_t *r = result_of("nic.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "nics.0.addresses.0"), "192.0.2.1/24");
	json_decref(r);
	r = result_of("neighbour.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "neighbours.0.mac"), "02:00:00:00:00:01");
	CU_ASSERT_STRING_EQUAL(text(r, "neighbours.0.nic"), "outside");
	CU_ASSERT(json_is_null(at(r, "neighbours.1.mac")));
	json_decref(r);
	end();
}

static void
log_records(void)
{
	enum { MANY = 40000 }; /* more than are kept */
	begin();
	for (int i = 0; i < MANY; i++) {
		struct record rec = {.sequence = (uint64_t)i, .event = RECORD_BLOCK_CREATE,
		                     .subscriber = htonl(0x64400000 + (uint32_t)(i % 100))};
		api_records(api, &rec, 1);
	}
	json_t *r = result_of("log.list", "{\"limit\":10}");
	CU_ASSERT(json_array_size(at(r, "records")) == 10 && number(r, "next") == MANY);
	CU_ASSERT(number(r, "records.9.sequence") == MANY - 1);
	json_decref(r);
	r = result_of("log.list", "{\"since\":39998}");
	CU_ASSERT(json_array_size(at(r, "records")) == 2);
	json_decref(r);
	r = result_of("log.list", "{\"since\":0,\"limit\":1}"); /* the oldest that is kept */
	CU_ASSERT(number(r, "records.0.sequence") == MANY - 32768);
	json_decref(r);
	r = result_of("log.list", "{\"address\":\"100.64.0.5\",\"limit\":1000}");
	CU_ASSERT(json_array_size(at(r, "records")) > 300);
	CU_ASSERT_STRING_EQUAL(text(r, "records.0.subscriber"), "100.64.0.5");
	json_decref(r);
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
	{"flows are paged", flows},
	{"subscribers and mappings", subscribers},
	{"statistics", statistics},
	{"interfaces and neighbours", system_rows},
	{"log records", log_records},
	{"daemon starts anew", daemon_restarts},
	{"data plane starts anew", plane_restarts},
};

TEST_MAIN("api", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* What the methods show of a data plane: flows, subscribers, counters, interfaces, records. */
#include <arpa/inet.h>

#include "api_world.h"

static void
flow_rows(struct cmd_flow *f, unsigned n)
{
	memset(f, 0, n * sizeof(*f));
	for (unsigned i = 0; i < n; i++) {
		f[i].tuple[0] = (struct tuple){
			.src = addr_from_v4(htonl(0x0a000000 + i)),
			.dst = addr_from_v4(htonl(0xc6336450)),
			.sport = htons((uint16_t)(1024 + i)),
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
		 .block_first = {1024, 2048}, .block_last = {1535, 2303}, .mappings = 3},
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
	CU_ASSERT_STRING_EQUAL(text(r, "subscribers.0.blocks.1"), "2048-2303");
	json_decref(r);
	CU_ASSERT(error_of("subscriber.list", "{\"pool\":\"other\"}", "other") == -32002);
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

/* Rows, counts and cuts by one filter; the data plane's own part is not tested here. */
static void
nat_by_filter(void)
{
	static const struct cmd_block blocks[] = {
		{.subscriber = 0x02004064, .external = 0x017100cb, .first = 1024, .ports = 64,
		 .usable = 60, .taken = {1, 2, 3}, .mapped = 4},
	};
	static const struct cmd_cut cut = {.number = 3, .flows = 17, .workers = 2, .busy = 1};
	static const struct cmd_pool_address address = {.address = 0x017100cb, .blocks = 126};
	begin();
	plane.answer[CMD_BLOCKS].rows = blocks;
	plane.answer[CMD_BLOCKS].n = 1;
	plane.answer[CMD_BLOCKS].row_size = sizeof(blocks[0]);
	json_t *r = result_of("nat.show", "{\"what\":\"block\",\"filter\":\"pool=main\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "blocks.0.subscriber"), "100.64.0.2");
	CU_ASSERT(number(r, "blocks.0.port_last") == 1087 && number(r, "blocks.0.taken.udp") == 2);
	CU_ASSERT_STRING_EQUAL(text(r, "blocks.0.pool"), "main");
	json_decref(r);
	r = result_of("nat.show", "{\"what\":\"pools\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "pools.0.name"), "main");
	json_decref(r);
	plane.answer[CMD_POOLS].rows = &address; /* a pool is shown for an address of its own */
	plane.answer[CMD_POOLS].n = 1;
	plane.answer[CMD_POOLS].row_size = sizeof(address);
	r = result_of("nat.show", "{\"what\":\"pool\",\"filter\":\"external=203.0.113.1\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "pools.0.name"), "main");
	json_decref(r);
	r = result_of("nat.count", "{\"what\":\"pool\",\"filter\":\"external=198.51.100.0/24\"}");
	CU_ASSERT(number(r, "count") == 0);
	json_decref(r);
	r = result_of("nat.count", "{\"what\":\"pool\",\"filter\":\"worker=1\"}");
	CU_ASSERT(number(r, "count") == 0);
	json_decref(r);
	CU_ASSERT(error_of("nat.show", "{\"what\":\"flow\"}", "wanted pool") == -32602);
	CU_ASSERT(error_of("mapping.list", "{\"filter\":{\"pool\":\"nix\"}}", "nix") == -32002);
	CU_ASSERT(error_of("subscriber.list", "{\"pool\":\"nix\"}", "nix") == -32002);
	CU_ASSERT(error_of("nat.count", "{\"what\":\"block\",\"filter\":\"port=x\"}",
	                   "port=x") == -32602);
	CU_ASSERT(error_of("nat.clear", "{\"filter\":\"subscriber=100.64.3.7/10\"}",
	                   "beyond its length") == -32602);
	CU_ASSERT(error_of("nat.show", "{\"what\":\"block\",\"filter\":\"external=1.2.3.4/0\"}",
	                   "beyond its length") == -32602);
	CU_ASSERT(error_of("nat.clear", "{\"filter\":\" \"}", "subscriber=0.0.0.0/0") == -32602);
	plane.answer[CMD_CUT_SHOW].rows = &cut;
	plane.answer[CMD_CUT_SHOW].n = 1;
	plane.answer[CMD_CUT_SHOW].row_size = sizeof(cut);
	r = result_of("nat.cleared", "{}");
	CU_ASSERT(number(r, "flows") == 17 && number(r, "busy") == 1);
	CU_ASSERT(json_is_false(json_object_get(r, "done")));
	json_decref(r);
	end();
}

static int
empty_search(void *ctx, const struct whohad_query *q, struct whohad *out)
{
	*out = (struct whohad){.is_complete = true};
	return 0;
}

static void
empty_drain(void *ctx)
{
}

static uint64_t
some_time(void *ctx)
{
	return UINT64_C(1795536000) * 1000000000;
}

/* Who has it now: the block that the port is in and the mapping, of this address only. */
static void
has_now(void)
{
	static const struct cmd_block blocks[] = {
		{.subscriber = 0x02004064, .external = 0x017100cb, .first = 1024, .ports = 64},
		{.subscriber = 0x03004064, .external = 0x017100cb, .first = 1088, .ports = 64},
		{.subscriber = 0x04004064, .external = 0x027100cb, .first = 1024, .ports = 64},
	};
	static const struct cmd_mapping maps[] = {
		{.inside = 0x02004064, .external = 0x017100cb, .inside_port = 0x0100,
		 .external_port = 0x3f04, .proto = 17, .flows = 1},
		{.inside = 0x04004064, .external = 0x027100cb, .external_port = 0x3f04,
		 .proto = 17},
	};
	begin();
	api_set_log(api, (struct log_link){.drain = empty_drain, .search = empty_search,
	                                   .now_ns = some_time});
	plane.answer[CMD_BLOCKS].rows = blocks;
	plane.answer[CMD_BLOCKS].n = 3;
	plane.answer[CMD_BLOCKS].row_size = sizeof(blocks[0]);
	plane.answer[CMD_MAPPINGS].rows = maps;
	plane.answer[CMD_MAPPINGS].n = 2;
	plane.answer[CMD_MAPPINGS].row_size = sizeof(maps[0]);
	json_t *r = result_of("nat.whohad",
	                      "{\"external\":{\"address\":\"203.0.113.1\",\"port\":1087}}");
	CU_ASSERT(json_array_size(at(r, "now")) == 2 && json_array_size(at(r, "answers")) == 2);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "block");
	CU_ASSERT(number(r, "answers.0.port_first") == 1024 &&
	          number(r, "answers.0.port_last") == 1087);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.kind"), "mapping");
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_STRING_EQUAL(text(r, i == 0 ? "answers.0.subscriber" :
		                                        "answers.1.subscriber"), "100.64.0.2");
	json_decref(r);
	r = result_of("nat.whohad",
	              "{\"external\":{\"address\":\"203.0.113.1\",\"port\":1088}}");
	CU_ASSERT(json_array_size(at(r, "now")) == 1);
	CU_ASSERT_STRING_EQUAL(text(r, "now.0.subscriber"), "100.64.0.3");
	json_decref(r);
	end();
}

/* One address, two subscribers: told apart by the name of their realm, everywhere. */
static void
realms(void)
{
	static const struct cmd_block blocks[] = {{.subscriber = 0x07004064, .realm = 2}};
	static const struct cmd_subscriber subs[] = {
		{.address = 0x07004064, .realm = 1}, {.address = 0x07004064, .realm = 2}};
	static const struct cmd_mapping maps[] = {
		{.inside = 0x07004064, .proto = 17, .realm = 1, .external_port = 0x0004},
		{.inside = 0x07004064, .proto = 17, .realm = 2, .external_port = 0x0008}};
	static const struct cmd_flow flows[] = {
		{.tuple = {{.family = 4, .proto = 17, .realm = 2}, {.family = 4, .proto = 17}}},
		{.tuple = {{.family = 4, .proto = 17, .realm = REALM_NAMED}, {.family = 4}}}};
	static const struct cmd_neighbour hosts[] = {{.family = 4, .nic = 2, .state = 1}};
	begin_realms();
	plane.answer[CMD_BLOCKS].rows = blocks;
	plane.answer[CMD_BLOCKS].n = 1;
	plane.answer[CMD_BLOCKS].row_size = sizeof(blocks[0]);
	plane.answer[CMD_SUBSCRIBERS].rows = subs;
	plane.answer[CMD_SUBSCRIBERS].n = 2;
	plane.answer[CMD_SUBSCRIBERS].row_size = sizeof(subs[0]);
	plane.answer[CMD_MAPPINGS].rows = maps;
	plane.answer[CMD_MAPPINGS].n = 2;
	plane.answer[CMD_MAPPINGS].row_size = sizeof(maps[0]);
	plane.answer[CMD_FLOWS].rows = flows;
	plane.answer[CMD_FLOWS].n = 2;
	plane.answer[CMD_FLOWS].row_size = sizeof(flows[0]);
	plane.answer[CMD_NEIGHBOURS].rows = hosts;
	plane.answer[CMD_NEIGHBOURS].n = 1;
	plane.answer[CMD_NEIGHBOURS].row_size = sizeof(hosts[0]);
	json_t *r = result_of("nat.show", "{\"what\":\"block\",\"filter\":\"realm=blue\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "blocks.0.realm_name"), "blue");
	json_decref(r);
	r = result_of("subscriber.list", "{\"realm\":\"blue\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "subscribers")), 1);
	CU_ASSERT_STRING_EQUAL(text(r, "subscribers.0.realm_name"), "blue");
	json_decref(r);
	CU_ASSERT_EQUAL(error_of("subscriber.show", "{\"address\":\"100.64.0.7\"}",
	                         "wanted the name of one"), -32602);
	CU_ASSERT_EQUAL(error_of("mapping.list", "{\"realm\":\"green\"}", "no realm green"),
	                -32002);
	r = result_of("mapping.list", "{\"realm\":\"red\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "mappings")), 1);
	CU_ASSERT_STRING_EQUAL(text(r, "mappings.0.realm_name"), "red");
	json_decref(r);
	r = result_of("flow.list", "{\"realm\":\"blue\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "flows")), 1);
	CU_ASSERT_STRING_EQUAL(text(r, "flows.0.original.realm_name"), "blue");
	CU_ASSERT_STRING_EQUAL(text(r, "flows.0.reply.realm_name"), "(none)");
	json_decref(r);
	r = result_of("flow.list", "{\"realm\":\"outside\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "flows")), 2);
	CU_ASSERT_EQUAL(number(r, "flows.1.original.realm"), 0);
	json_decref(r);
	r = result_of("neighbour.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "neighbours.0.realm_name"), "blue");
	json_decref(r);
	r = result_of("route.list", "{}");
	unsigned reds = 0, all = (unsigned)json_array_size(at(r, "routes"));
	for (size_t i = 0; i < all; i++) {
		const json_t *o = json_array_get(at(r, "routes"), i);
		reds += strcmp(text(o, "realm_name"), "red") == 0;
		CU_ASSERT_EQUAL(strcmp(text(o, "realm_name"), "red") == 0,
		                strcmp(text(o, "nic"), "r") == 0);
	}
	CU_ASSERT(reds >= 2 && reds < all);
	char *words = json_dumps(r, 0);
	CU_ASSERT(strstr(words, "\"broadcast\"") != NULL && strstr(words, "\"?\"") == NULL);
	free(words);
	json_decref(r);
	end();
}

static void
steering_of_devices(void)
{
	static const struct cmd_steering devices[] = {
		{.device = "a", .strength = 1, .key = "inside", .offers = "much", .cost = "none"},
		{.device = "b", .strength = 3, .key = "driver", .choice = "software", .lies = 1,
		 .rules = 7, .missteered = 99, .mishashed = 98, .reason = "it has no RSS"}};
	plane.answer[CMD_STEERING].rows = devices;
	plane.answer[CMD_STEERING].n = 2;
	plane.answer[CMD_STEERING].row_size = sizeof(devices[0]);
	json_t *r = result_of("steering.show", "{}");
	CU_ASSERT(json_array_size(at(r, "devices")) == 2 && number(r, "devices.0.strength") == 1);
	CU_ASSERT_STRING_EQUAL(text(r, "devices.0.key"), "inside");
	CU_ASSERT(number(r, "devices.1.rules") == 7 && number(r, "devices.1.missteered") == 99);
	CU_ASSERT(json_is_true(at(r, "devices.1.lies")) && number(r, "devices.1.mishashed") == 98);
	CU_ASSERT(json_array_size(at(r, "explained")) == 4);
	CU_ASSERT_STRING_EQUAL(text(r, "explained.1.what"), "cost");
	CU_ASSERT_STRING_EQUAL(text(r, "explained.3.text"), "it has no RSS");
	json_decref(r);
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
	CU_ASSERT_EQUAL(json_real_value(at(r, "totals.ports_wait")), 0);
	json_decref(r);
	r = result_of("pool.list", "{}");
	CU_ASSERT_PTR_NULL(at(r, "pools.0.ports_wait"));
	json_decref(r);
	/* After a start: until the last worker gives ports. */
	w->now_ns = 7000000000;
	w->ports_from_ns = 8000000000;
	stats_context(plane.stats, 2)->now_ns = 7250000000;
	stats_context(plane.stats, 2)->ports_from_ns = 9500000000;
	r = result_of("pool.list", "{}");
	CU_ASSERT_EQUAL(json_real_value(at(r, "pools.0.ports_wait")), 2.25);
	json_decref(r);
	r = result_of("stats", "{\"all\":true}");
	CU_ASSERT_EQUAL(json_real_value(at(r, "totals.ports_wait")), 2.25);
	CU_ASSERT(json_array_size(at(r, "drops")) == DROP_MAX);
	json_decref(r);
	w->flows_v4 = 5;
	stats_context(plane.stats, 2)->flows_v6 = 2;
	w->capacity_v4 = 100;
	r = result_of("flow.count", "{}");
	CU_ASSERT(number(r, "flows") == 7);
	CU_ASSERT(number(r, "capacity_ipv4") == 100 && number(r, "capacity_ipv6") == 0);
	json_decref(r);
	r = result_of("steering.show", "{}");
	CU_ASSERT(number(r, "workers") == 2 && json_array_size(at(r, "by_worker")) == 2);
	CU_ASSERT(json_array_size(at(r, "devices")) == 0);
	json_decref(r);
	steering_of_devices();
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
		{.family = FAMILY_V4, .nic = 2, .state = 1, .mac = {2, 0, 0, 0, 0, 1},
		 .age_ms = 2500},
		{.family = FAMILY_V4, .nic = 1, .state = 2},
	};
	static const struct cmd_way_mtu mtu[] = {{.family = FAMILY_V4, .mtu = 1400,
		.address = {.b = {10, 1, 0, 1}}, .left_ms = 599500}};
	begin();
	plane.answer[CMD_WAY_MTUS].rows = mtu;
	plane.answer[CMD_WAY_MTUS].n = 1;
	plane.answer[CMD_WAY_MTUS].row_size = sizeof(mtu[0]);
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
	r = result_of("lb.mtus", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "mtus.0.address"), "10.1.0.1");
	CU_ASSERT_EQUAL(json_integer_value(at(r, "mtus.0.mtu")), 1400);
	CU_ASSERT_EQUAL(json_real_value(at(r, "mtus.0.left")), 599.5);
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
	CU_ASSERT(error_of("log.list", "{\"address\":\"::1\"}", "IPv4") == -32602);
	/* The latest that are wanted, however many others there are after them. */
	static const char *const wishes[] = {
		"{\"limit\":3,\"filter\":\"subscriber=100.64.0.5\"}",
		"{\"limit\":3,\"address\":\"100.64.0.5\"}",
	};
	for (int i = 0; i < 2; i++) {
		r = result_of("log.list", wishes[i]);
		CU_ASSERT(json_array_size(at(r, "records")) == 3 && number(r, "next") > MANY - 100);
		CU_ASSERT(number(r, "records.2.sequence") == MANY - 95);
		json_decref(r);
	}
	/* Who goes on with the number of a daemon before this one begins with its oldest. */
	r = result_of("log.list", "{\"since\":40001,\"limit\":1}");
	CU_ASSERT(number(r, "records.0.sequence") == MANY - 32768);
	json_decref(r);
	r = result_of("log.list", "{\"since\":40000}");
	CU_ASSERT(json_array_size(at(r, "records")) == 0 && number(r, "next") == MANY);
	json_decref(r);
	end();
}

/* Pools are rows of an image: a record has the name that its row had when it came. */
static void
pools_of_records(void)
{
	static const char others[] =
		"{\"config\":{\"workers\":{\"count\":2},\"nics\":["
		"{\"name\":\"inside\",\"device\":\"net_tap0\"},"
		"{\"name\":\"outside\",\"device\":\"net_tap1\"}],\"nat\":{\"pools\":["
		"{\"name\":\"new\",\"addresses\":[\"203.0.113.64/30\"]},"
		"{\"name\":\"main\",\"addresses\":[\"203.0.113.0/30\"]}]}}}";
	struct record rec = {.sequence = 1, .event = RECORD_BLOCK_CREATE, .port_last = 9};
	begin();
	api_records(api, &rec, 1);
	json_decref(result_of("config.apply", others));
	rec.sequence = 2; /* of the new row 0 */
	api_records(api, &rec, 1);
	rec = (struct record){.sequence = 3, .event = RECORD_BLOCK_CREATE, .pool = 1};
	api_records(api, &rec, 1);
	rec.pool = 77; /* no such row */
	api_records(api, &rec, 1);
	json_t *r = result_of("log.list", "{}");
	CU_ASSERT_STRING_EQUAL(text(r, "records.0.pool"), "main");
	CU_ASSERT_STRING_EQUAL(text(r, "records.1.pool"), "new");
	CU_ASSERT_STRING_EQUAL(text(r, "records.2.pool"), "main");
	CU_ASSERT_PTR_NULL(at(r, "records.3.pool"));
	json_decref(r);
	r = result_of("log.list", "{\"filter\":\"pool=main\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "records")), 2);
	CU_ASSERT(number(r, "records.0.sequence") == 1 && number(r, "records.1.sequence") == 3);
	json_decref(r);
	end();
}

/* A data plane with more than anybody can look at, of which the filter wants nothing. */
static int
endless_query(void *ctx, const struct command *cmd, struct reply *reply, void *out, size_t room)
{
	struct fake_plane *p = ctx;
	p->queried++;
	*reply = (struct reply){.magic = COMMAND_MAGIC, .version = COMMAND_VERSION,
	                        .kind = cmd->kind, .cursor = cmd->cursor + 65536};
	return 0;
}

/* A request asks the data plane so often and no more: then the client has its answer, and whoever
 * else has asked has a turn. */
static void
requests_are_bounded(void)
{
	static const char *const asks[][2] = {
		{"nat.count", "{\"what\":\"mapping\"}"}, {"nat.show", "{\"what\":\"mapping\"}"},
		{"nat.show", "{\"what\":\"subscriber\",\"limit\":1000}"}, {"flow.list", "{}"},
	};
	begin();
	struct plane_link link = fake_link(&plane);
	link.query = endless_query;
	api_destroy(api);
	api = api_create(&link);
	for (unsigned i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		plane.queried = 0;
		json_t *r = result_of(asks[i][0], asks[i][1]);
		CU_ASSERT(plane.queried > 0 && plane.queried <= 16);
		CU_ASSERT_TRUE(json_is_string(at(r, "cursor")));
		json_decref(r);
	}
	end();
}

static const struct test_case cases[] = {
	{"flows are paged", flows},
	{"requests are bounded", requests_are_bounded},
	{"subscribers and mappings", subscribers},
	{"NAT by filter", nat_by_filter},
	{"realms", realms},
	{"who has it now", has_now},
	{"statistics", statistics},
	{"interfaces and neighbours", system_rows},
	{"log records", log_records},
	{"pools of log records", pools_of_records},
};

TEST_MAIN("api_views", cases)

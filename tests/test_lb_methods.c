/* SPDX-License-Identifier: Apache-2.0 */
/* lb.*: what is counted and shown of the balancer, and how people see it. */
#include "api_world.h"
#include "ctl/client/commands.h"
#include "lb/lb_table.h"
#include "lb/place.h"

static const char document[] =
	"{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"addresses\":["
	"\"10.1.0.1/24\",\"2001:db8:f::1/64\"]}],\"workers\":{\"count\":2},"
	"\"lb\":{\"services\":["
	"{\"name\":\"web\",\"address\":\"192.0.2.1\",\"port\":80,\"backends\":["
	"{\"address\":\"10.0.0.7\",\"port\":8080,\"weight\":1},"
	"{\"address\":\"10.0.0.8\",\"port\":8080,\"weight\":3}]},"
	"{\"name\":\"six\",\"address\":\"2001:db8:2::/64\",\"ports\":\"80-89\","
	"\"mode\":\"ipip\",\"scheduler\":\"round-robin\","
	"\"backends\":[{\"address\":\"2001:db8:f::11\"}]},"
	"{\"name\":\"dns\",\"address\":\"192.0.2.1\",\"port\":53,\"protocol\":\"udp\","
	"\"schedule\":\"packet\",\"scheduler\":\"round-robin\","
	"\"persistence\":{\"timeout\":60,\"mask\":32},"
	"\"backends\":[{\"address\":\"10.0.0.9\",\"state\":\"drain\"}]}]}}}";

static struct cmd_backend live[3];

/* row_of: of the backend with this last octet. */
static unsigned
row_of(uint8_t octet)
{
	unsigned i = 0;
	while (backend_row(i)->family != FAMILY_V4 || backend_row(i)->address.b[3] != octet)
		i++;
	return i;
}

static void
setup(void)
{
	begin_empty();
	done("config.apply", document);
	uint32_t seven = backend_row(row_of(7))->id, eight = backend_row(row_of(8))->id;
	struct stats_backend *a = &stats_backends(plane.stats, 1)[seven];
	struct stats_backend *b = &stats_backends(plane.stats, 2)[seven];
	*a = (struct stats_backend){.opened = 30, .ended = 20, .packets = {100, 90},
		.bytes = {5000, 70000}, .answered = 20, .refused = 5, .unanswered = 1};
	*b = (struct stats_backend){.opened = 10, .ended = 5, .answered = 8, .refused = 2};
	a->waited[0] = 10;
	a->waited[7] = 10;
	b->waited[STATS_WAITS - 1] = 8;
	/* As pages give them: a backend in several parts, and one that is no more. */
	live[0] = (struct cmd_backend){.owner = seven, .flows = 9, .active = 6,
		.packets = {10, 9}, .bytes = {1000, 2000}};
	live[1] = (struct cmd_backend){.owner = 60000, .flows = 77, .active = 77};
	live[2] = (struct cmd_backend){.owner = seven, .flows = 6, .active = 1,
		.packets = {1, 1}, .bytes = {40, 40}};
	plane.answer[CMD_BACKENDS].rows = live;
	plane.answer[CMD_BACKENDS].n = 3;
	plane.answer[CMD_BACKENDS].row_size = sizeof(live[0]);
	stats_backends(plane.stats, 1)[eight].opened = 10;
	stats_backends(plane.stats, 1)[eight].ended = 10;
}

static void
test_list(void)
{
	setup();
	json_t *r = result_of("lb.list", "{\"service\":\"web\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "services")), 1);
	static const struct { const char *path; long long want; } rows[] = {
		{"services.0.backends.0.active", 7}, {"services.0.backends.0.inactive", 8},
		{"services.0.backends.0.opened", 40}, {"services.0.backends.0.packets_in", 111},
		{"services.0.backends.0.packets_out", 100},
		{"services.0.backends.0.bytes_in", 6040},
		{"services.0.backends.0.bytes_out", 72040}, {"services.0.backends.0.answered", 28},
		{"services.0.backends.0.refused", 7}, {"services.0.backends.0.unanswered", 1},
		{"services.0.backends.1.opened", 10}, {"services.0.backends.1.active", 0},
		{"services.0.opened", 50}, {"services.0.active", 7}, {"services.0.bytes_in", 6040},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(number(r, rows[i].path), rows[i].want);
	json_decref(r);
	CU_ASSERT_EQUAL(error_of("lb.list", "{\"service\":\"x\"}", "no service"), -32002);
	plane.gone = true;
	CU_ASSERT_EQUAL(error_of("lb.list", "{}", "not running"), -32000);
	CU_ASSERT_EQUAL(error_of("lb.spread", "{}", "not running"), -32000);
	end();
}

static void
test_handshakes(void)
{
	setup();
	json_t *r = result_of("lb.handshakes", "{\"service\":\"web\"}");
	CU_ASSERT(number(r, "backends.0.answered") == 28 && number(r, "backends.0.refused") == 7);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(at(r, "backends.0.failed")), 100 * 8 / 36.0, 1e-9);
	/* 10 below 16 us, 10 below 2.1 ms, 8 beyond 4.3 s. */
	CU_ASSERT(json_number_value(at(r, "backends.0.half_below_ms")) == 2.097);
	CU_ASSERT(json_is_null(at(r, "backends.0.most_below_ms")));
	CU_ASSERT(number(r, "services.0.answered") == 28 && number(r, "services.0.refused") == 7);
	CU_ASSERT(json_number_value(at(r, "services.0.half_below_ms")) == 2.097);
	CU_ASSERT_EQUAL(json_array_size(at(r, "waits")), 3);
	CU_ASSERT(json_number_value(at(r, "waits.0.from_ms")) == 0 &&
	          json_number_value(at(r, "waits.0.below_ms")) == 0.016);
	CU_ASSERT(json_number_value(at(r, "waits.2.from_ms")) == 4294.967 &&
	          json_is_null(at(r, "waits.2.below_ms")) && number(r, "waits.2.handshakes") == 8);
	CU_ASSERT(json_is_null(at(r, "backends.1.half_below_ms")));
	json_decref(r);
	r = result_of("lb.spread", "{\"service\":\"web\"}");
	CU_ASSERT(number(r, "services.0.worker") == 0 && number(r, "services.1.worker") == 1);
	CU_ASSERT(number(r, "services.0.opened") == 40 && number(r, "services.1.opened") == 10);
	CU_ASSERT(number(r, "services.0.flows") == 10 && number(r, "services.1.flows") == 5);
	CU_ASSERT(json_number_value(at(r, "services.0.share")) == 80);
	CU_ASSERT(number(r, "backends.1.opened") == 10 && number(r, "backends.1.refused") == 2);
	json_decref(r);
	end();
}

static void
test_table(void)
{
	setup();
	json_t *r = result_of("lb.table", "{\"service\":\"web\"}");
	long long a = number(r, "backends.0.slots"), b = number(r, "backends.1.slots");
	CU_ASSERT(a + b == MAGLEV_SIZE && a > 16380 && a < 16390);
	CU_ASSERT(json_number_value(at(r, "backends.1.by_weight")) == 75);
	CU_ASSERT_EQUAL(number(r, "table.empty"), 0);
	json_decref(r);
	r = result_of("lb.table", "{\"service\":\"dns\"}");
	CU_ASSERT_EQUAL(number(r, "table.empty"), MAGLEV_SIZE); /* it drains */
	json_decref(r);
	end();
}

/* where: the slot's backend, by the table of the image and the data plane's hash. */
static void
test_where(void)
{
	uint32_t services;
	setup();
	const struct img_lb_service *s = image_rows(plane.image, IMG_LB_SERVICES, &services);
	while (strcmp(s->name, "web") != 0)
		s++;
	unsigned eight = 0;
	for (unsigned i = 0; i < 400; i++) {
		char params[256];
		struct tuple t = {.src = {.b = {203, 0, 113, (uint8_t)i}}, .dst = s->address,
			.dport = s->port, .family = FAMILY_V4, .proto = 6};
		t.sport = (be16)((20000 + i) >> 8 | (20000 + i) << 8);
		snprintf(params, sizeof(params), "{\"service\":\"web\",\"client\":{"
		         "\"address\":\"203.0.113.%u\",\"port\":%u}}", i % 256, 20000 + i);
		uint32_t slot[2];
		CU_ASSERT_EQUAL(lb_place_slots(s, &t, slot), 1);
		unsigned row = s->first_backend + plane.table[s->id][slot[0]];
		json_t *r = result_of("lb.where", params);
		CU_ASSERT_EQUAL(json_array_size(at(r, "backends")), 1);
		CU_ASSERT_STRING_EQUAL(text(r, "backends.0.address"),
		                       backend_row(row)->address.b[3] == 7 ? "10.0.0.7" :
		                       "10.0.0.8");
		eight += row != row_of(7);
		json_decref(r);
	}
	CU_ASSERT(eight > 250 && eight < 350);
	json_t *r = result_of("lb.where", "{\"service\":\"six\",\"client\":{\"address\":"
	                      "\"2001:db8::1\",\"port\":9},\"destination_port\":81,"
	                      "\"destination\":\"2001:db8:2::5\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "backends")), 0);
	CU_ASSERT(strstr(text(r, "notes.0.text"), "by turns") != NULL);
	json_decref(r);
	CU_ASSERT_EQUAL(error_of("lb.where", "{\"service\":\"six\",\"client\":{\"address\":"
	                "\"10.0.0.1\",\"port\":9}}", "the service is IPv6"), -32602);
	CU_ASSERT_EQUAL(error_of("lb.where", "{\"service\":\"six\",\"client\":{\"address\":"
	                "\"2001:db8::1\",\"port\":9},\"destination_port\":90}",
	                "no such address and port"), -32602);
	end();
}

/* Where a more specific service has the place, the answer says so: it is not this one's. */
static void
test_where_taken(void)
{
	static const struct { const char *service, *params, *note; } rows[] = {
		{"e", "", "stays where it is"},
		{"h", ",\"destination_port\":84", "stays where it is"},
		{"h", ",\"destination_port\":85",
		 "UDP to that address and port goes to the service \"e\" instead"},
		{"pre", ",\"destination\":\"192.0.2.10\",\"destination_port\":85",
		 "TCP to that address and port goes to the service \"t\""},
		{"pre", ",\"destination\":\"192.0.2.10\",\"destination_port\":86",
		 "UDP to that address and port goes to the service \"h\""},
		{"pre", ",\"destination\":\"192.0.2.11\",\"destination_port\":86", "stays where"},
		{"any", "", "TCP to that address and port goes to the service \"named\""},
	};
	begin_empty();
	done("config.apply", "{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\","
	     "\"addresses\":[\"10.0.0.1/24\"]}],\"lb\":{\"services\":["
	     "{\"name\":\"pre\",\"address\":\"192.0.2.0/24\",\"ports\":\"1-65535\","
	     "\"protocol\":\"any\",\"backends\":[{\"address\":\"10.0.0.2\"}]},"
	     "{\"name\":\"h\",\"address\":\"192.0.2.10\",\"ports\":\"80-90\","
	     "\"protocol\":\"udp\",\"backends\":[{\"address\":\"10.0.0.3\"}]},"
	     "{\"name\":\"e\",\"address\":\"192.0.2.10\",\"port\":85,"
	     "\"protocol\":\"udp\",\"backends\":[{\"address\":\"10.0.0.4\"}]},"
	     "{\"name\":\"any\",\"address\":\"192.0.2.99\",\"port\":85,"
	     "\"protocol\":\"any\",\"backends\":[{\"address\":\"10.0.0.4\"}]},"
	     "{\"name\":\"named\",\"address\":\"192.0.2.99\",\"port\":85,"
	     "\"backends\":[{\"address\":\"10.0.0.4\"}]},"
	     "{\"name\":\"t\",\"address\":\"192.0.2.0/28\",\"port\":85,"
	     "\"backends\":[{\"address\":\"10.0.0.5\"}]}]}}}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char params[256];
		snprintf(params, sizeof(params), "{\"service\":\"%s\",\"client\":{\"address\":"
		         "\"203.0.113.1\",\"port\":9}%s}", rows[i].service, rows[i].params);
		json_t *r = result_of("lb.where", params);
		CU_ASSERT(strstr(text(r, "notes.0.text"), rows[i].note) != NULL);
		json_decref(r);
	}
	end();
}

/* What is asked for and is not there, or there twice. */
static void
test_no_backend(void)
{
	setup();
	CU_ASSERT_EQUAL(error_of("backend.show", "{\"service\":\"web\",\"address\":"
	                "\"10.9.9.9\"}", "has no backend 10.9.9.9"), -32002);
	CU_ASSERT_EQUAL(error_of("backend.show", "{\"service\":\"web\",\"address\":"
	                "\"10.0.0.7\",\"port\":9}", "has no backend 10.0.0.7 with this port"),
	                -32002);
	done("backend.add", "{\"service\":\"web\",\"backend\":{\"address\":\"10.0.0.7\","
	     "\"port\":9}}");
	CU_ASSERT_EQUAL(error_of("backend.show", "{\"service\":\"web\",\"address\":"
	                "\"10.0.0.7\"}", "more than one backend 10.0.0.7; the port says which"),
	                -32002);
	end();
}

/* What a backend in mode fullnat has of local ports; in others there is nothing to tell. */
static void
test_local_ports(void)
{
	begin_empty();
	done("config.apply", "{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\","
	     "\"addresses\":[\"10.0.0.1/24\"]}],\"lb\":{\"services\":["
	     "{\"name\":\"n\",\"address\":\"192.0.2.1\",\"port\":80,\"backends\":["
	     "{\"address\":\"10.0.0.2\"}]},"
	     "{\"name\":\"web\",\"address\":\"192.0.2.2\",\"port\":80,\"mode\":\"fullnat\","
	     "\"local_addresses\":[\"10.9.0.0/30\",\"10.9.0.9\"],"
	     "\"local_ports\":\"2000-2099\",\"backends\":[{\"address\":\"10.0.0.3\"}]}]}}}");
	uint32_t id = backend_row(1)->id;
	stats_backends(plane.stats, 0)[id] = (struct stats_backend){.no_port = 3, .opened = 9};
	stats_backends(plane.stats, 1)[id] = (struct stats_backend){.no_port = 4, .ended = 2};
	json_t *r = result_of("backend.list", "{}");
	CU_ASSERT(json_is_null(at(r, "backends.0.local_ports")));
	CU_ASSERT_EQUAL(number(r, "backends.1.local_ports.all"), 500);
	CU_ASSERT_EQUAL(number(r, "backends.1.local_ports.used"), 7);
	CU_ASSERT_EQUAL(number(r, "backends.1.local_ports.lacked"), 7);
	json_decref(r);
	r = result_of("lb.handshakes", "{\"service\":\"web\"}");
	CU_ASSERT_EQUAL(number(r, "backends.0.repeated"), 0);
	json_decref(r);
	end();
}

/* With live flows, the service before its backends. */
static const char stats_text[] =
	"Prot LocalAddress:Port       Conns InPkts OutPkts InBytes OutBytes Refused NoAnswer\n"
	"  -> RemoteAddress:Port\n"
	"TCP  192.0.2.1:80               50    111     100    6040    72040       7        1\n"
	"  -> 10.0.0.7:8080              40    111     100    6040    72040       7        1\n"
	"  -> 10.0.0.8:8080              10      0       0       0        0       0        0\n"
	"UDP  192.0.2.1:53                0      0       0       0        0       0        0\n"
	"  -> 10.0.0.9:53                 0      0       0       0        0       0        0\n"
	"TCP  [2001:db8:2::/64]:80-89     0      0       0       0        0       0        0\n"
	"  -> [2001:db8:f::11]:0          0      0       0       0        0       0        0\n";

/* What took longer than the last bound has none. */
static const char handshakes_text[] =
	"SERVICE  BACKEND        ANSWERED  REFUSED  UNANSWERED  FAILED  UNFINISHED  SYN AGAIN"
	"  50 % BELOW MS  90 %  99 %\n"
	"web      10.0.0.7:8080        28        7           1  22.2 %           0          0"
	"          2.097     -     -\n"
	"web      10.0.0.8:8080         0        0           0   0.0 %           0          0"
	"              -     -     -\n"
	"\nServices\n"
	"SERVICE  ANSWERED  REFUSED  UNANSWERED  FAILED  UNFINISHED  SYN AGAIN"
	"  50 % BELOW MS  90 %  99 %\n"
	"web            28        7           1  22.2 %           0          0"
	"          2.097     -     -\n"
	"\nFrom the first SYN to its answer\n"
	"SERVICE  BACKEND        FROM MS  BELOW MS  HANDSHAKES\n"
	"web      10.0.0.7:8080        0     0.016          10\n"
	"web      10.0.0.7:8080    1.048     2.097          10\n"
	"web      10.0.0.7:8080  4294.97         -           8\n";

static void
looks_like(const char *got, const char *want)
{
	CU_ASSERT_STRING_EQUAL(got, want);
	if (strcmp(got, want) != 0)
		printf("\ngot:\n%s\nwanted:\n%s\n", got, want);
}

static char *
printed(enum lb_columns columns, const json_t *before, const json_t *now, double seconds)
{
	char *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);
	lb_print(f, columns, before, now, seconds);
	fclose(f);
	return out;
}

static void
test_layout(void)
{
	setup();
	json_t *before = result_of("lb.list", "{}");
	char *out = printed(LB_CONNECTIONS, NULL, before, 0);
	looks_like(out,
		"Prot LocalAddress:Port Scheduler Flags\n"
		"  -> RemoteAddress:Port Forward Weight ActiveConn InActConn State\n"
		"TCP  192.0.2.1:80 maglev\n"
		"  -> 10.0.0.7:8080      Masq         1          7         8 ready\n"
		"  -> 10.0.0.8:8080      Masq         3          0         0 ready\n"
		"UDP  192.0.2.1:53 round-robin persistent 60 mask /32 ops\n"
		"  -> 10.0.0.9:53        Masq         1          0         0 drain\n"
		"TCP  [2001:db8:2::/64]:80-89 round-robin\n"
		"  -> [2001:db8:f::11]:0 Tunnel       1          0         0 ready\n");
	free(out);
	out = printed(LB_STATS, NULL, before, 0);
	looks_like(out, stats_text);
	free(out);
	stats_backends(plane.stats, 1)[live[0].owner].opened += 30;
	live[0].packets[0] += 300;
	live[0].bytes[1] += 3000;
	json_t *now = result_of("lb.list", "{\"service\":\"web\"}");
	out = printed(LB_RATE, before, now, 2);
	looks_like(out,
		"Prot LocalAddress:Port CPS InPPS OutPPS InBPS OutBPS\n"
		"  -> RemoteAddress:Port\n"
		"TCP  192.0.2.1:80       15   150      0     0   1500\n"
		"  -> 10.0.0.7:8080      15   150      0     0   1500\n"
		"  -> 10.0.0.8:8080       0     0      0     0      0\n");
	free(out);
	json_decref(before);
	json_decref(now);
	end();
}

static void
test_views(void)
{
	char *out;
	size_t size;
	setup();
	json_t *r = result_of("lb.handshakes", "{\"service\":\"web\"}");
	FILE *f = open_memstream(&out, &size);
	for (const struct view *v = view_lb_handshakes; v->path != NULL; v++)
		view_print(f, v, r);
	fclose(f);
	looks_like(out, handshakes_text);
	free(out);
	json_decref(r);
	end();
}

/* Two tunnels to one address, a service that translates to it, and one elsewhere. */
static const char tunnels[] =
	"{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"addresses\":["
	"\"10.0.0.1/24\"]}],\"lb\":{\"services\":["
	"{\"name\":\"far\",\"address\":\"192.0.2.1\",\"port\":80,\"mode\":\"ipip\","
	"\"tunnel_source\":\"10.0.0.1\",\"backends\":[{\"address\":\"10.0.0.8\"},"
	"{\"address\":\"10.0.0.7\"}]},"
	"{\"name\":\"near\",\"address\":\"192.0.2.2\",\"port\":81,\"backends\":["
	"{\"address\":\"10.0.0.7\"}]},"
	"{\"name\":\"other\",\"address\":\"192.0.2.3\",\"port\":82,\"mode\":\"gue\","
	"\"tunnel_source\":\"10.0.0.1\",\"tunnel_port\":6080,\"backends\":["
	"{\"address\":\"10.0.0.7\",\"state\":\"drain\"}]}]}}}";

static const char mtus_text[] =
	"ADDRESS    MTU     LEFT  SERVICES\n"
	"10.0.0.7  1400  599.5 s  far, other\n"
	"10.0.0.9  1300    1.0 s  -\n"
	"\nBackends\n"
	"SERVICE  BACKEND      MODE  STATE   MTU\n"
	"far      10.0.0.7:80  ipip  ready  1400\n"
	"other    10.0.0.7:82  gue   drain  1400\n";

/* Of an address that nobody has any more the number is all that there is. */
static void
test_mtus(void)
{
	static const struct cmd_way_mtu mtu[] = {
		{.family = FAMILY_V4, .mtu = 1400, .address = {.b = {10, 0, 0, 7}},
		 .left_ms = 599500},
		{.family = FAMILY_V4, .mtu = 1300, .address = {.b = {10, 0, 0, 9}},
		 .left_ms = 1000},
	};
	char *out;
	size_t size;
	begin_empty();
	done("config.apply", tunnels);
	plane.answer[CMD_WAY_MTUS].rows = mtu;
	plane.answer[CMD_WAY_MTUS].n = 2;
	plane.answer[CMD_WAY_MTUS].row_size = sizeof(mtu[0]);
	json_t *r = result_of("lb.mtus", "{}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "mtus.0.services")), 2);
	CU_ASSERT_EQUAL(json_array_size(at(r, "mtus.1.services")), 0);
	CU_ASSERT_EQUAL(json_array_size(at(r, "backends")), 2);
	CU_ASSERT_EQUAL(number(r, "backends.0.port"), 80);
	FILE *f = open_memstream(&out, &size);
	for (const struct view *v = view_lb_mtus; v->path != NULL; v++)
		view_print(f, v, r);
	fclose(f);
	looks_like(out, mtus_text);
	free(out);
	json_decref(r);
	end();
}

static const struct test_case cases[] = {
	{"list", test_list},
	{"handshakes and workers", test_handshakes},
	{"table", test_table},
	{"where", test_where},
	{"where others are more specific", test_where_taken},
	{"no such backend", test_no_backend},
	{"local ports", test_local_ports},
	{"layout", test_layout},
	{"views", test_views},
	{"learnt MTUs", test_mtus},
};
TEST_MAIN("lb_methods", cases)

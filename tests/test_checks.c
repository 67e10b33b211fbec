/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks of a document as values: defaults, escapes, who has which check. */
#include <arpa/inet.h>
#include <string.h>

#include "ctl/config/checks.h"
#include "ctl/config/config.h"
#include "test.h"

static const char document[] =
	"{'nics':[{'name':'in','device':'d0','addresses':['10.1.0.1/24']}],"
	"'lb':{'services':[{'name':'s','address':'192.0.2.1','port':80,'check':'plain',"
	"'backends':[{'address':'10.1.0.7'},{'address':'10.1.0.8','check':'none'},"
	"{'address':'10.1.0.9','check':'page'}]},"
	"{'name':'t','address':'192.0.2.2','port':80,'backends':[{'address':'10.1.0.7'}]}],"
	"'checks':[{'name':'plain'},"
	"{'name':'page','type':'https','status':['200','300-399'],'path':'/x','host':'h.example',"
	"'body_regex':'^o+k','verify':true,'interval_ms':100,'jitter':0,'timeout_ms':50,'rise':1,"
	"'fall':9,'start':'down','port':8443,'method':'HEAD','ca_file':'/ca.pem',"
	"'damping':{'changes':2,'period':10,'hold':3}},"
	"{'name':'name','type':'udp','send':'\\\\x00\\\\xfF\\\\n\\\\r\\\\t\\\\\\\\a','expect':'b',"
	"'answer':false},"
	"{'name':'own','type':'script','script':'/bin/true','arguments':['a','','b c']}]}}";

static json_t *
parsed(void)
{
	char text[sizeof(document)];
	struct config_errors errs = {0};
	memcpy(text, document, sizeof(text));
	for (char *p = text; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	json_t *doc = config_parse(text, strlen(text), &errs);
	CU_ASSERT_FATAL(doc != NULL && config_check(doc, &errs));
	return doc;
}

static void
test_defaults(void)
{
	json_t *doc = parsed();
	struct checks *set = checks_create(doc);
	const struct check *c = checks_find(set, "plain");
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(c->type == CHECK_TCP && c->interval_ms == 5000 && c->timeout_ms == 2000);
	CU_ASSERT(c->rule.rise == 2 && c->rule.fall == 3 && !c->rule.start_down);
	CU_ASSERT(c->rule.changes == 4 && c->rule.period_s == 300 && c->rule.hold_s == 60);
	CU_ASSERT(c->jitter == 10 && c->port == 0 && c->answer && !c->verify && !c->has_regex);
	CU_ASSERT(c->n_status == 1 && c->status[0][0] == 200 && c->status[0][1] == 299);
	CU_ASSERT_STRING_EQUAL(c->method, "GET");
	CU_ASSERT_STRING_EQUAL(c->path, "/");
	CU_ASSERT(c->host == NULL && c->ca_file == NULL && c->send.n == 0 && c->expect.n == 0);
	checks_put(set);
	json_decref(doc);
}

static void
test_values(void)
{
	json_t *doc = parsed();
	struct checks *set = checks_create(doc);
	json_decref(doc); /* the set stands alone */
	const struct check *c = checks_find(set, "page");
	CU_ASSERT(c->type == CHECK_HTTPS && c->interval_ms == 100 && c->timeout_ms == 50);
	CU_ASSERT(c->rule.rise == 1 && c->rule.fall == 9 && c->rule.start_down);
	CU_ASSERT(c->rule.changes == 2 && c->rule.period_s == 10 && c->rule.hold_s == 3);
	CU_ASSERT(c->n_status == 2 && c->status[1][0] == 300 && c->status[1][1] == 399);
	CU_ASSERT(c->port == 8443 && c->verify && c->has_regex);
	CU_ASSERT_STRING_EQUAL(c->host, "h.example");
	CU_ASSERT_EQUAL(regexec(&c->regex, "oook", 0, NULL, 0), 0);
	c = checks_find(set, "name");
	CU_ASSERT(c->send.n == 7 && memcmp(c->send.b, "\0\xff\n\r\t\\a", 7) == 0);
	CU_ASSERT(c->expect.n == 1 && !c->answer);
	c = checks_find(set, "own");
	CU_ASSERT_EQUAL(c->n_arguments, 3);
	CU_ASSERT_STRING_EQUAL(c->argument[2], "b c");
	for (unsigned i = 0; i < set->n; i++)
		CU_ASSERT_EQUAL(check_type_of(check_type_name(set->check[i].type)),
		                set->check[i].type);
	checks_put(set);
}

static void
test_whose(void)
{
	json_t *doc = parsed();
	struct checks *set = checks_get(checks_create(doc));
	const json_t *services = json_object_get(json_object_get(doc, "lb"), "services");
	const json_t *s = json_array_get(services, 0), *t = json_array_get(services, 1);
	checks_put(set);
	CU_ASSERT_PTR_EQUAL(checks_of(set, s, 0), checks_find(set, "plain"));
	CU_ASSERT_PTR_NULL(checks_of(set, s, 1));
	CU_ASSERT_PTR_EQUAL(checks_of(set, s, 2), checks_find(set, "page"));
	CU_ASSERT_PTR_NULL(checks_of(set, t, 0));
	checks_put(set);
	json_decref(doc);
}

static void
test_escapes(void)
{
	static const struct { const char *text; long bad; } cases[] = {
		{"plain", -1}, {"\\x00", -1}, {"a\\", 1}, {"ab\\q", 2}, {"\\x", 0}, {"\\x1", 0},
		{"\\x1g", 0}, {"\\\\x", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct check_bytes b;
		const char *bad = NULL;
		bool good = bytes_read(cases[i].text, &b, &bad);
		CU_ASSERT_EQUAL(good, cases[i].bad < 0);
		CU_ASSERT(good || bad - cases[i].text == cases[i].bad);
	}
}

/* Who can be asked for the service's address, and why not. */
static void
test_asks_service(void)
{
	static const struct {
		uint8_t mode, proto;
		uint16_t first, last, port;
		enum check_type type;
		bool has_source;
		const char *why;
	} rows[] = {
		{LB_MODE_DSR, 6, 80, 80, 0, CHECK_TCP, true, ""},
		{LB_MODE_GUE, 6, 80, 80, 80, CHECK_HTTPS, true, ""},
		{LB_MODE_L3DSR, LB_PROTO_ANY, 80, 90, 81, CHECK_UDP, true, ""},
		{LB_MODE_GRE, 17, 53, 53, 0, CHECK_UDP, true, ""},
		{LB_MODE_DSR, 6, 80, 80, 0, CHECK_TCP, false, "no address of the service's family"},
		{LB_MODE_NAT, 6, 80, 80, 0, CHECK_TCP, true, "the backend's own address"},
		{LB_MODE_FULLNAT, 6, 80, 80, 0, CHECK_HTTP, true, "the backend's own address"},
		{LB_MODE_IPIP, 17, 53, 53, 0, CHECK_TCP, true, "of the other protocol"},
		{LB_MODE_IPIP, 6, 53, 53, 0, CHECK_UDP, true, "of the other protocol"},
		{LB_MODE_IPIP, 6, 80, 80, 8080, CHECK_HTTP, true, "port is none of the service"},
		{LB_MODE_IPIP, 6, 80, 90, 0, CHECK_HTTP, true, "port is none of the service"},
		{LB_MODE_IPIP, 6, 80, 90, 91, CHECK_HTTP, true, "port is none of the service"},
		{LB_MODE_DSR, 6, 80, 80, 0, CHECK_ICMP, true, "asks no port"},
		{LB_MODE_DSR, 6, 80, 80, 0, CHECK_SCRIPT, true, "asks no port"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct img_lb_service s = {.mode = rows[i].mode, .proto = rows[i].proto,
			.port = htons(rows[i].first), .port_last = htons(rows[i].last),
			.family = FAMILY_V4};
		const char *why = check_asks_not(rows[i].type, rows[i].port, &s,
		                                 rows[i].has_source);
		bool can = why == NULL;
		CU_ASSERT(can == (rows[i].why[0] == '\0') &&
		          (can || strstr(why, rows[i].why) != NULL));
		struct checks set = {.n_askers = rows[i].has_source,
			.asker = {{.family = FAMILY_V4}}};
		struct check k = {.type = rows[i].type, .port = rows[i].port};
		CU_ASSERT_EQUAL(checks_ask_service(&set, &k, &s), can);
		k.target = CHECK_BACKEND;
		CU_ASSERT_FALSE(checks_ask_service(&set, &k, &s));
		set.asker[0].family = FAMILY_V6;
		k.target = CHECK_SERVICE;
		CU_ASSERT_FALSE(checks_ask_service(&set, &k, &s));
		CU_ASSERT_FALSE(checks_ask_service(&set, NULL, &s));
	}
}

static const struct test_case cases[] = {
	{"what is not given", test_defaults},
	{"what is given", test_values},
	{"whose check is which", test_whose},
	{"escapes", test_escapes},
	{"asking for the service's address", test_asks_service},
};
TEST_MAIN("checks", cases)

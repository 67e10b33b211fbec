/* SPDX-License-Identifier: Apache-2.0 */
/* Options of what is not translated, as rows of the image; and what is said of wrong ones. */
#include <arpa/inet.h>
#include <string.h>

#include "ctl/config/config.h"
#include "nat/nat_image.h"
#include "nat/static.h"
#include "test.h"

#define NICS "'nics':[{'name':'in','device':'d0','addresses':['100.64.0.1/10']}," \
	"{'name':'out','device':'d1','addresses':['198.51.100.2/24']}]"
#define RULES(list) "{" NICS ",'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}]," \
	"'rules':[" list "]}}"
#define PASS(more) "{'name':'a','source':'100.64.0.0/10','action':'pass'" more "}"
#define HOMES "{'name':'b','source':'100.64.0.0/10','pool':'p'}"

static char text[4096];

/* Quotes as JSON has them. */
static json_t *
document(const char *s)
{
	size_t n = strlen(s);
	CU_ASSERT_FATAL(n < sizeof(text));
	for (size_t i = 0; i <= n; i++)
		text[i] = s[i] == '\'' ? '"' : s[i];
	json_t *doc = json_loads(text, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	return doc;
}

static struct image_header *
compiled(const char *s)
{
	struct config_errors errs = {0};
	char err[256] = "";
	size_t size;
	json_t *doc = document(s);
	struct image_header *h = config_compile(doc, NULL, 1, &size, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		printf("  %s: %s\n", errs.e[i].path, errs.e[i].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	if (image_check(h, size, err, sizeof(err)) != 0 ||
	    nat_image_check(h, err, sizeof(err)) != 0)
		printf("  %s\n", err);
	CU_ASSERT_EQUAL(err[0], 0);
	json_decref(doc);
	return h;
}

static void
test_pass(void)
{
	struct image_header *h = compiled(RULES(
		PASS(",'nic':'in','destination':'198.18.0.0/15','protocol':'udp','ports':'53-53',"
		     "'inbound':true") "," HOMES));
	uint32_t n;
	const struct img_nat_rule *r = image_rows(h, IMG_NAT_RULES, &n);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT(r[0].action == NAT_PASS && r[0].nic == 1 && r[0].plen == 10);
	CU_ASSERT(r[0].destination == inet_addr("198.18.0.0") && r[0].destination_plen == 15);
	CU_ASSERT(r[0].proto == 17 && r[0].first == 53 && r[0].last == 53 && r[0].inbound == 1);
	CU_ASSERT(r[1].action == NAT_TRANSLATE && r[1].last == 0 && r[1].pool == 0);
	free(h);
	/* Without any pool. */
	h = compiled("{" NICS ",'nat':{'rules':[" PASS("") "]}}");
	r = image_rows(h, IMG_NAT_RULES, &n);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT(r->proto == 0 && r->first == 0 && r->last == 65535 && r->destination_plen == 0);
	CU_ASSERT_EQUAL(r->inbound, 0);
	free(h);
}

static void
test_unclaimed(void)
{
	static const struct { const char *routing; unsigned bits; } rows[] = {
		{"", 0}, {",'routing':{'unclaimed':{'ipv4':'route'}}", 1},
		{",'routing':{'unclaimed':{'ipv6':'route'}}", 2},
		{",'routing':{'unclaimed':{'ipv4':'route','ipv6':'route'}}", 3},
	};
	for (unsigned i = 0; i < 4; i++) {
		char s[1024];
		uint32_t n;
		snprintf(s, sizeof(s), "{%s%s}", NICS, rows[i].routing);
		struct image_header *h = compiled(s);
		const struct img_plane *p = image_rows(h, IMG_PLANE, &n);
		CU_ASSERT_EQUAL(p->routes_unclaimed, rows[i].bits);
		free(h);
	}
}

static void
test_mss(void)
{
	static const struct { const char *clamp; uint16_t mtu, mss[2]; } rows[] = {
		{"", 1500, {0, 0}},
		{",'mss_clamp':{'auto':true}", 1492, {1452, 1432}},
		{",'mss_clamp':{'ipv4':1400}", 1500, {1400, 0}},
		{",'mss_clamp':{'auto':true,'ipv4':1400,'ipv6':9000}", 1500, {1400, 1440}},
		{",'mss_clamp':{'auto':true}", 576, {536, 516}},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char s[1024];
		uint32_t n;
		snprintf(s, sizeof(s), "{'nics':[{'name':'a','device':'d','mtu':%u%s}]}",
		         rows[i].mtu, rows[i].clamp);
		struct image_header *h = compiled(s);
		const struct img_nic *nic = image_rows(h, IMG_NICS, &n);
		CU_ASSERT_EQUAL(memcmp(nic[1].mss, rows[i].mss, sizeof(rows[i].mss)), 0);
		free(h);
	}
}

/* Two realms with the same network, and a route into one of them from the outside. */
#define REALMS "{'realms':[{'name':'a'},{'name':'b'}],'nics':[" \
	"{'name':'in-a','device':'d0','vlan':1,'realm':'a','addresses':['100.64.0.1/10']}," \
	"{'name':'in-b','device':'d0','vlan':2,'realm':'b','addresses':['100.64.0.1/10']}," \
	"{'name':'out','device':'d1','addresses':['198.51.100.2/24']}]"
#define REALM_ROUTES(list) REALMS ",'routes':[" list "]}"
#define REALM_NICS(list) "{'realms':[{'name':'a'}],'nics':[" list "]}"

static const struct { const char *document, *path, *message; } bad[] = {
	{RULES("{'name':'r','source':'10.0.0.0/8'}"), "nat.rules[0].pool",
	 "missing; expected the name of a pool"},
	{RULES(PASS(",'pool':'p'")), "nat.rules[0].pool", "of no use in a rule that lets pass"},
	{RULES("{'name':'r','source':'10.0.0.0/8','pool':'p','ports':'1-2'}"),
	 "nat.rules[0].ports", "of no use in a rule that translates"},
	{RULES(HOMES ",{'name':'c','source':'100.64.0.0/16','pool':'p',"
	       "'destination':'192.0.2.1'}"),
	 "nat.rules[1].source", "never reached"},
	{RULES("{'name':'c','source':'100.64.0.0/10','pool':'p','destination':'192.0.2.0/24'},"
	       PASS(",'destination':'192.0.2.1','protocol':'tcp','ports':'1-2'")),
	 "nat.rules[1].source", "never reached"},
	{RULES("{'name':'r','source':'10.0.0.0/8','pool':'p','inbound':true}"),
	 "nat.rules[0].inbound", "of no use in a rule that translates"},
	{RULES(PASS(",'protocol':'icmp','ports':'1-2'")), "nat.rules[0].ports", "ICMP has none"},
	{RULES(PASS("") "," HOMES), "nat.rules[1].source", "never reached, nat.rules[0]"},
	{RULES(HOMES "," PASS(",'destination':'192.0.2.1'")), "nat.rules[1].source",
	 "never reached"},
	{"{'realms':[{'name':'outside'}]," NICS "}", "realms[0].name", "without being named"},
	{"{'nics':[{'name':'a','device':'d','realm':'x'}]}", "nics[0].realm", "no realm \"x\""},
	{REALM_ROUTES("{'prefix':'10.0.0.0/8','via':'100.64.0.9'}"), "routes[0].via",
	 "in networks of several realms"},
	{REALM_ROUTES("{'prefix':'10.0.0.0/8','via':'198.51.100.1','realm':'x'}"),
	 "routes[0].realm", "no realm \"x\""},
	{REALM_ROUTES("{'prefix':'10.0.0.0/8','via':'100.64.0.1','nic':'in-b'}"), "routes[0].via",
	 "is our own address"},
	{REALM_ROUTES("{'prefix':'10.0.0.0/8','via':'100.64.0.8','nic':'in-b'},"
	              "{'prefix':'10.0.0.0/8','via':'100.64.0.9','nic':'in-b'}"),
	 "routes[1].prefix", "leads elsewhere than"},
	{REALM_NICS("{'name':'i','device':'d','realm':'a','addresses':['10.0.0.1/8']},"
	            "{'name':'j','device':'e','realm':'a','addresses':['10.0.0.1/32']}"),
	 "nics[1].addresses[0]", "an address belongs to one interface"},
	{REALM_NICS("{'name':'i','device':'d','realm':'a','addresses':['10.0.0.1/8']}],"
	            "'nat':{'pools':[{'name':'p','addresses':['10.0.0.1']}]},'routes':["),
	 "nat.pools[0].addresses[0]", "each address has one purpose"},
	{REALMS ",'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}],'rules':["
	 "{'name':'r','nic':'in-a','realm':'b','source':'10.0.0.0/8','pool':'p'}]}}",
	 "nat.rules[0].realm", "is not that of interface \"in-a\""},
	{"{'realms':[{'name':'a','number':2},{'name':'b','number':2}]," NICS "}",
	 "realms[1].number", "2 is that of realm \"a\""},
	{REALMS ",'nat':{'pools':[{'name':'p','addresses':['203.0.113.1'],'deterministic':{"
	 "'inside':['100.64.0.0/24']}}]}}", "nat.pools[0].deterministic.realm",
	 "missing; expected the realm"},
	{REALMS ",'nat':{'pools':[{'name':'p','addresses':['203.0.113.1'],'deterministic':{"
	 "'inside':['100.64.0.0/24'],'realm':'x'}}]}}", "nat.pools[0].deterministic.realm",
	 "no realm \"x\""},
	{REALMS ",'nat':{'static':[{'inside':'100.64.0.9','outside':'203.0.113.9','nic':'in-a',"
	 "'realm':'b'}]}}", "nat.static[0].realm", "is not that of interface \"in-a\""},
	{REALMS ",'nat':{'static':[{'inside':'100.64.0.9','outside':'203.0.113.9','realm':'b'},"
	 "{'inside':'100.64.0.9','outside':'203.0.113.8','nic':'in-b'}]}}", "nat.static[1].inside",
	 "overlaps nat.static[0]"},
	{RULES(PASS(",'destination':'192.0.2.0/24'") ",{'name':'c','source':'100.64.0.0/16',"
	       "'action':'pass','destination':'192.0.2.9','ports':'1-2'}"), "nat.rules[1].source",
	 "never reached"},
};

static const struct img_route *
route_in(const struct image_header *h, uint8_t realm, const char *prefix, uint8_t plen)
{
	uint32_t n;
	const struct img_route *r = image_rows(h, IMG_ROUTES, &n);
	for (uint32_t i = 0; i < n; i++)
		if (r[i].realm == realm && r[i].plen == plen && r[i].family == FAMILY_V4 &&
		    r[i].prefix.w[0] == inet_addr(prefix))
			return &r[i];
	return NULL;
}

static void
test_realms(void)
{
	struct image_header *h = compiled(REALMS ",'routes':["
		"{'prefix':'0.0.0.0/0','via':'198.51.100.1'},"
		"{'prefix':'10.0.0.0/8','via':'100.64.0.9','nic':'in-b'},"
		"{'prefix':'10.1.0.0/16','via':'100.64.0.9','realm':'a'},"
		"{'prefix':'192.0.2.0/24','via':'100.64.0.9','nic':'in-a','realm':'outside'},"
		"{'prefix':'100.64.0.0/10','nic':'in-b','realm':'outside'},"
		"{'prefix':'10.2.0.0/16','unreachable':true,'realm':'b'}],"
		"'neighbours':[{'address':'100.64.0.9','nic':'in-a','mac':'02:00:00:00:00:01'},"
		"{'address':'100.64.0.9','nic':'in-b','mac':'02:00:00:00:00:02'}],"
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}],'rules':["
		"{'name':'a','realm':'a','source':'100.64.0.0/10','pool':'p'},"
		"{'name':'b','realm':'b','source':'100.64.0.0/10','pool':'p'}]}}");
	uint32_t n;
	const struct img_nic *nic = image_rows(h, IMG_NICS, &n);
	CU_ASSERT(nic[1].realm == 1 && nic[2].realm == 2 && nic[3].realm == 0);
	const struct img_realm *realm = image_rows(h, IMG_REALMS, &n);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CU_ASSERT_STRING_EQUAL(realm[0].name, "outside");
	CU_ASSERT_STRING_EQUAL(realm[2].name, "b");
	for (uint8_t i = 1; i <= 2; i++) {
		CU_ASSERT(route_in(h, i, "100.64.0.1", 32)->nic == i);
		CU_ASSERT(route_in(h, i, "100.64.0.0", 10)->nic == i);
		CU_ASSERT_PTR_NULL(route_in(h, i, "203.0.113.1", 32));
		CU_ASSERT_PTR_NULL(route_in(h, i, "0.0.0.0", 0));
	}
	CU_ASSERT(route_in(h, 0, "100.64.0.0", 10)->nic == 2);
	CU_ASSERT(route_in(h, 0, "203.0.113.1", 32)->kind == ROUTE_POOL);
	CU_ASSERT(route_in(h, 2, "10.0.0.0", 8)->nic == 2);
	CU_ASSERT_PTR_NULL(route_in(h, 1, "10.0.0.0", 8));
	CU_ASSERT(route_in(h, 1, "10.1.0.0", 16)->nic == 1);
	CU_ASSERT(route_in(h, 1, "192.0.2.0", 24)->nic == 1);
	CU_ASSERT(route_in(h, 0, "192.0.2.0", 24)->nic == 1);
	CU_ASSERT(route_in(h, 2, "10.2.0.0", 16)->kind == ROUTE_UNREACHABLE);
	CU_ASSERT_PTR_NULL(route_in(h, 0, "10.2.0.0", 16));
	const struct img_nat_rule *rule = image_rows(h, IMG_NAT_RULES, &n);
	CU_ASSERT(rule[0].realm == 2 && rule[1].realm == 3);
	free(h);
}

/* One inside address, in two realms: static mappings and ranges of each. */
static void
test_realms_fixed(void)
{
	struct image_header *h = compiled(REALMS ",'nat':{"
		"'pools':[{'name':'p','addresses':['203.0.113.1'],'deterministic':{"
		"'inside':['100.64.0.0/28'],'realm':'b'}}],"
		"'static':[{'inside':'100.64.0.9','outside':'203.0.113.7','realm':'a'},"
		"{'inside':'100.64.0.9','outside':'203.0.113.8','nic':'in-b'}]}}");
	uint32_t n;
	const struct img_nat_pool *pool = image_rows(h, IMG_NAT_POOLS, &n);
	CU_ASSERT_EQUAL(pool[0].inside_realm, 2);
	struct statics s = statics_of(h);
	CU_ASSERT_EQUAL_FATAL(s.n, 2);
	for (uint8_t realm = 1; realm <= 2; realm++) {
		uint64_t out, in, key = static_key(realm, inet_addr("100.64.0.9"), 6, htons(80));
		CU_ASSERT_PTR_NOT_NULL_FATAL(static_out(&s, key, &out));
		CU_ASSERT_EQUAL(static_address(out), htonl(0xcb007106u + realm));
		CU_ASSERT_PTR_NOT_NULL_FATAL(static_in(&s, out, &in));
		CU_ASSERT_EQUAL(in, key);
	}
	CU_ASSERT_PTR_NULL(static_out(&s, static_key(0, inet_addr("100.64.0.9"), 6, htons(80)),
	                              &(uint64_t){0}));
	free(h);
}

/* A realm keeps its number while it is there; a new one does not get that of one just removed. */
static void
test_numbers(void)
{
	struct config_errors errs = {0};
	size_t size;
	uint32_t n;
	json_t *doc = document("{'realms':[{'name':'a'},{'name':'b'}]," NICS "}");
	struct image_header *h = config_compile(doc, NULL, 1, &size, &errs);
	json_decref(doc);
	doc = document("{'realms':[{'name':'c'},{'name':'b'}]," NICS "}");
	struct image_header *next = config_compile(doc, h, 2, &size, &errs);
	json_decref(doc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	const struct img_realm *r = image_rows(next, IMG_REALMS, &n);
	CU_ASSERT_EQUAL_FATAL(n, 4);
	CU_ASSERT(r[1].name[0] == 0 && strcmp(r[2].name, "b") == 0 && strcmp(r[3].name, "c") == 0);
	/* A number that has been given is not given again while there are others; who comes back
	 * has it, and who is told another one. */
	doc = document("{'realms':[{'name':'b'}]," NICS "}");
	struct image_header *third = config_compile(doc, next, 3, &size, &errs);
	json_decref(doc);
	doc = document("{'realms':[{'name':'d'},{'name':'b','number':9},{'name':'a'}]," NICS "}");
	struct image_header *fourth = config_compile(doc, third, 4, &size, &errs);
	json_decref(doc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fourth);
	r = image_rows(fourth, IMG_REALMS, &n);
	CU_ASSERT_EQUAL_FATAL(n, 10);
	CU_ASSERT(r[2].name[0] == 0 && r[3].name[0] == 0);
	CU_ASSERT_STRING_EQUAL(r[1].name, "a");
	CU_ASSERT_STRING_EQUAL(r[4].name, "d");
	CU_ASSERT_STRING_EQUAL(r[9].name, "b");
	free(h);
	free(next);
	free(third);
	free(fourth);
}

/* What was a realm's in the running data plane is not another one's, told or not: of one that is
 * there, that has gone, that has another number now. */
static void
test_numbers_taken(void)
{
	static const struct { const char *document, *message; } taken[] = {
		{"{'realms':[{'name':'e','number':2},{'name':'b'}]," NICS "}",
		 "2 is that of realm \"b\" in the running"},
		{"{'realms':[{'name':'b','number':1},{'name':'a','number':2}]," NICS "}",
		 "1 is that of realm \"a\" in the running"},
		{"{'realms':[{'name':'e','number':1},{'name':'b'}]," NICS "}",
		 "1 is that of realm \"a\" in the running"},
		{"{'realms':[{'name':'e','number':3},{'name':'b'}]," NICS "}",
		 "3 is that of realm \"c\" in the running"},
	};
	static const char *const before[] = {
		"{'realms':[{'name':'a'},{'name':'b'},{'name':'c'}]," NICS "}",
		"{'realms':[{'name':'b'},{'name':'c','number':9}]," NICS "}",
		"{'realms':[{'name':'b'}]," NICS "}",
	};
	struct config_errors errs = {0};
	struct image_header *h = NULL, *next;
	size_t size;
	for (unsigned i = 0; i < 3; i++, h = next) {
		json_t *doc = document(before[i]);
		next = config_compile(doc, h, i + 1, &size, &errs);
		CU_ASSERT_PTR_NOT_NULL_FATAL(next);
		json_decref(doc);
		free(h);
	}
	for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		json_t *doc = document(taken[i].document);
		errs = (struct config_errors){0};
		CU_ASSERT_PTR_NULL(config_compile(doc, h, 4, &size, &errs));
		CU_ASSERT(errs.n > 0 && strstr(errs.e[0].path, ".number") != NULL &&
		          strstr(errs.e[0].message, taken[i].message) != NULL);
		next = config_compile(doc, NULL, 1, &size, &errs);
		CU_ASSERT_PTR_NOT_NULL(next); /* a data plane that starts */
		free(next);
		json_decref(doc);
	}
	free(h);
}

static void
test_bad(void)
{
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_errors errs = {0};
		json_t *doc = document(bad[i].document);
		CU_ASSERT_FALSE(config_check(doc, &errs));
		bool is_said = errs.n == 1 && strcmp(errs.e[0].path, bad[i].path) == 0 &&
		               strstr(errs.e[0].message, bad[i].message) != NULL;
		if (!is_said)
			printf("  row %u: %u errors, %s: %s\n", i, errs.n, errs.e[0].path,
			       errs.e[0].message);
		CU_ASSERT(is_said);
		json_decref(doc);
	}
}

/* Rules that seem to hide another, but do not. */
static void
test_order(void)
{
	static const char *const good[] = {
		RULES(PASS(",'ports':'80-80'") "," HOMES),
		RULES(PASS(",'protocol':'tcp'") "," HOMES),
		RULES(PASS(",'destination':'192.0.2.0/24'") "," HOMES),
		RULES(PASS(",'ports':'1-2'") ",{'name':'c','source':'100.64.0.0/10',"
		      "'action':'pass','ports':'2-3'}"),
	};
	for (unsigned i = 0; i < 4; i++)
		free(compiled(good[i]));
}

static const struct test_case cases[] = {
	{"rules that let pass", test_pass},
	{"what nobody claims", test_unclaimed},
	{"segment sizes", test_mss},
	{"what is wrong", test_bad},
	{"order of rules", test_order},
	{"realms", test_realms},
	{"numbers of realms stay", test_numbers},
	{"numbers of realms are of one", test_numbers_taken},
	{"static mappings and ranges of realms", test_realms_fixed},
};
TEST_MAIN("config_routing", cases)

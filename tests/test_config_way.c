/* SPDX-License-Identifier: Apache-2.0 */
/* Modes in which backends see packets as they were sent: rows, and what documents have wrong. */
#include <arpa/inet.h>

#include "config_kit.h"

#define NICS "'nics':[{'name':'in','device':'d0','addresses':['10.1.0.1/24']}," \
	"{'name':'out','device':'d1','addresses':['198.51.100.2/24','2001:db8::2/64']}]"
#define SERVICES(list) "{" NICS ",'lb':{'services':[" list "]}}"
#define ROUTED(route, list) "{" NICS ",'routes':[" route "],'lb':{'services':[" list "]}}"
#define SERVICE(more) "{'name':'s','address':'192.0.2.1','port':80" more "}"
#define WAY(mode, more, backend) SERVICE(",'mode':'" mode "'" more ",'backends':[{" backend "}]")
#define ONE(mode, more) SERVICES(WAY(mode, more, "'address':'10.1.0.7'"))
#define TO(mode, address) SERVICES(WAY(mode, "", "'address':'" address "'"))

/* Documents are written with single quotes. => The image, or NULL and errs. */
static struct image_header *
compile(const char *text, struct config_errors *errs)
{
	char json[8192];
	size_t n = strlen(text), size;
	CU_ASSERT_FATAL(n < sizeof(json));
	for (size_t i = 0; i <= n; i++)
		json[i] = text[i] == '\'' ? '"' : text[i];
	json_t *doc = config_parse(json, n, errs);
	struct image_header *h = doc != NULL ? config_compile(doc, NULL, 1, &size, errs) : NULL;
	json_decref(doc);
	return h;
}

static const struct bad {
	const char *document, *path, *message;
} bad[] = {
	{SERVICES(SERVICE(",'mode':'tunnel'")), "lb.services[0].mode", "\"gue\""},
	{ONE("dsr", ",'local_addresses':['10.1.0.50']"), "lb.services[0].local_addresses",
	 "of no use in mode dsr"},
	{ONE("dsr", ",'tunnel_source':'10.9.0.1'"), "lb.services[0].tunnel_source",
	 "of no use in mode dsr"},
	{ONE("gue", ",'dscp':3"), "lb.services[0].dscp", "of no use in mode gue"},
	{ONE("nat", ",'dscp':3"), "lb.services[0].dscp", "of no use in mode nat"},
	{ONE("l3dsr", ""), "lb.services[0].dscp", "missing"},
	{ONE("l3dsr", ",'dscp':64"), "lb.services[0].dscp", "from 1 to 63"},
	{SERVICES(WAY("l3dsr", ",'dscp':5", "'address':'10.1.0.7'") ","
	          "{'name':'u','address':'192.0.2.2','port':80,'mode':'l3dsr','dscp':5,"
	          "'backends':[{'address':'10.1.0.7'}]}"),
	 "lb.services[1].dscp", "lb.services[0] says 5 for another address"},
	{SERVICES(WAY("ipip", "", "'address':'10.1.0.7','port':81")),
	 "lb.services[0].backends[0].port", "in mode ipip backends listen on the service's port"},
	{SERVICES("{'name':'s','address':'192.0.2.0/28','port':80,'mode':'l3dsr','dscp':1,"
	          "'backends':[{'address':'10.1.0.7'}]}"), "lb.services[0].address", "is a prefix"},
	{SERVICES("{'name':'s','address':'192.0.2.1','ports':'80-90','mode':'dsr',"
	          "'backends':[{'address':'10.1.0.7','port':80}]}"),
	 "lb.services[0].backends[0].port", "listen on the service's port"},
	{SERVICES("{'name':'s','address':'192.0.2.1','port':80,'mode':'gue','protocol':'udp',"
	          "'schedule':'packet','backends':[{'address':'10.1.0.7'}]}"),
	 "lb.services[0].schedule", "mode gue expects flow"},
	{TO("dsr", "2001:db8::7"), "lb.services[0].backends[0].address",
	 "different families; expected IPv4"},
	{TO("dsr", "10.9.0.7"), "lb.services[0].backends[0].address", "no route leads to it"},
	{TO("gre", "2001:db9::7"), "lb.services[0].backends[0].address", "no route leads to it"},
	{TO("gue", "192.0.2.1"), "lb.services[0].backends[0].address", "is our own address"},
	{ROUTED("{'prefix':'10.9.0.0/16','unreachable':true}",
	        WAY("ipip", "", "'address':'10.9.0.7'")),
	 "lb.services[0].backends[0].address", "no route leads to it"},
	{ROUTED("{'prefix':'10.9.0.0/16','via':'10.1.0.9'}",
	        WAY("dsr", "", "'address':'10.9.0.7'")),
	 "lb.services[0].backends[0].address", "is behind a gateway; expected a neighbour"},
	{ONE("ipip", ",'tunnel_source':'224.0.0.1'"), "lb.services[0].tunnel_source",
	 "expected unicast"},
	{ONE("ipip", ",'tunnel_source':'10.9.0.1/24'"), "lb.services[0].tunnel_source",
	 "bits set beyond its length"},
	{ONE("ipip", ",'tunnel_source':'2001:db8:9::/64'"), "lb.services[0].tunnel_source",
	 "of different families; expected IPv4"},
	{ONE("ipip", ",'tunnel_source':'192.0.2.0/24'"), "lb.services[0].tunnel_source",
	 "overlaps lb.services[0].address (192.0.2.1)"},
	{ONE("ipip", ",'tunnel_mtu':500"), "lb.services[0].tunnel_mtu", "0, or 576 at least"},
	{SERVICES("{'name':'s','address':'2001:db8:2::1','port':80,'mode':'gue','tunnel_mtu':1307,"
	          "'backends':[{'address':'10.1.0.7'}]}"),
	 "lb.services[0].tunnel_mtu", "leaves 1279 octets of the 1307 to \"in\""},
	{ROUTED("{'prefix':'2001:db9::/32','nic':'in'}", WAY("gue", "", "'address':'2001:db9::7'")),
	 "lb.services[0].tunnel_source", "missing; interface \"in\""},
	{"{" NICS ",'lb':{'answer_echo':true}}", "lb.answer_echo", "\"healthy\""},
};

static bool
errors_hold(const struct config_errors *errs, const struct bad *b)
{
	for (unsigned i = 0; i < errs->n; i++)
		if (strcmp(errs->e[i].path, b->path) == 0 &&
		    strstr(errs->e[i].message, b->message) != NULL)
			return true;
	return false;
}

static void
check_bad(const struct bad *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct config_errors errs = {0};
		struct image_header *h = compile(b[i].document, &errs);
		bool good = h == NULL && errors_hold(&errs, &b[i]);
		CU_ASSERT(good);
		if (!good)
			printf("\ncase %zu: %s\n", i, b[i].document);
		for (unsigned k = 0; !good && k < errs.n; k++)
			printf("  got %s: %s\n", errs.e[k].path, errs.e[k].message);
		free(h);
	}
}

static void
test_bad(void)
{
	check_bad(bad, sizeof(bad) / sizeof(bad[0]));
}

/* Ways stand in the order of backends' rows, with what their services and routes say. */
static void
test_rows(void)
{
	struct config_errors errs = {0};
	struct image_header *h = compile(
		"{" NICS ",'routes':[{'prefix':'10.9.0.0/16','via':'10.1.0.9'}],"
		"'lb':{'answer_echo':'healthy','services':["
		"{'name':'six','address':'2001:db8:2::1','port':80,'mode':'gue','tunnel_port':7,"
		"'tunnel_source':'2001:db8:9::/56','backends':[{'address':'2001:db8::7'}]},"
		"{'name':'b','address':'192.0.2.2','port':80,'mode':'ipip','tunnel_df':'set',"
		"'tunnel_mtu':1400,"
		"'backends':[{'address':'10.9.0.7'},{'address':'2001:db8::8','port':80}]},"
		"{'name':'n','address':'192.0.2.1','port':80,'backends':[{'address':'10.1.0.7'}]},"
		"{'name':'a','address':'192.0.2.1','port':81,'mode':'l3dsr','dscp':5,"
		"'backends':[{'address':'10.9.0.7'}]},"
		"{'name':'c','address':'192.0.2.1','port':82,'mode':'l3dsr','dscp':5,"
		"'tunnel_mtu':700,'backends':[{'address':'10.9.0.8'}]}]}}", &errs);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	const struct img_lb_way *y = rows(h, IMG_LB_WAYS, 5);
	const struct img_plane *p = rows(h, IMG_PLANE, 1);
	union addr own4 = addr_from_v4(htonl(0x0a010001)), spread = {.q = {0, UINT64_MAX}};
	CU_ASSERT_EQUAL(p->service_echo, IMG_ECHO_HEALTHY);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(y[i].backend, i + 1);
	CU_ASSERT(y[0].dscp == 5 && y[1].dscp == 5 && y[0].mtu == 0 && y[1].mtu == 0);
	CU_ASSERT(y[2].always_df == 1 && y[2].mtu == 1400 && addr_equal(&y[2].source, &own4));
	CU_ASSERT(y[3].always_df == 1 && y[3].source.b[15] == 2 && y[3].source.b[0] == 0x20);
	CU_ASSERT(y[4].port == htons(7) && y[4].always_df == 0 && y[4].source.b[5] == 9);
	CU_ASSERT(addr_equal(&y[4].spread, &spread) && y[2].spread.q[0] == 0);
	free(h);
}

/* Without a word about modes there are no ways, and echo is answered. */
static void
test_defaults(void)
{
	struct config_errors errs = {0};
	struct image_header *h = compile(TO("nat", "10.1.0.7"), &errs);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	const struct img_plane *p = rows(h, IMG_PLANE, 1);
	CU_ASSERT_EQUAL(p->service_echo, IMG_ECHO_ALWAYS);
	rows(h, IMG_LB_WAYS, 0);
	free(h);
}

#define ASKS(mode, sources, check) \
	"{" NICS ",'lb':{'check_sources':[" sources "],'checks':[{'name':'c'" check \
	"}],'services':[" WAY(mode, ",'check':'c'", "'address':'10.1.0.7'") "]}}"

/* Checks that ask for the service's address: what they need, and the rows of their sources. */
static void
test_askers(void)
{
	static const struct bad wrong[] = {
		{ASKS("dsr", "'10.1.0.1'", ""), "lb.check_sources[0]",
		 "10.1.0.1 is our own address (10.1.0.1/24)"},
		{ASKS("dsr", "'10.1.0.9','192.0.2.1'", ""), "lb.check_sources[1]",
		 "is our own address"},
		{ASKS("dsr", "'224.0.0.1'", ""), "lb.check_sources[0]", "unicast"},
		{ASKS("dsr", "", ",'target':'service'"), "lb.services[0].check",
		 "check \"c\" has the target \"service\", but lb.check_sources has no address of "
		 "the service's family; expected a check of the backend"},
		{ASKS("dsr", "'2001:db8::9'", ",'target':'service'"), "lb.services[0].check",
		 "no address of the service's family"},
		{ASKS("nat", "'10.1.0.9'", ",'target':'service'"), "lb.services[0].check",
		 "traffic goes to the backend's own address"},
		{ASKS("dsr", "'10.1.0.9'", ",'target':'service','port':8080"),
		 "lb.services[0].check", "its port is none of the service"},
		{SERVICES("{'name':'s','address':'192.0.2.1','port':80,'mode':'dsr','backends':["
		          "{'address':'10.1.0.7','check':'c'}]}],'checks':[{'name':'c',"
		          "'target':'service'}"), "lb.services[0].backends[0].check",
		 "but lb.check"},
	};
	check_bad(wrong, sizeof(wrong) / sizeof(wrong[0]));
	struct config_errors errs = {0};
	struct image_header *h = compile(ASKS("dsr", "'10.1.0.9','2001:db8::9'",
	                                      ",'target':'service'"), &errs);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	const struct img_lb_asker *a = rows(h, IMG_LB_ASKERS, 2);
	CU_ASSERT(a[0].family == 4 && a[0].address.b[3] == 9);
	CU_ASSERT(a[1].family == 6 && a[1].address.b[15] == 9);
	free(h);
	h = compile(ASKS("nat", "'10.1.0.9'", ",'port':8080"), &errs); /* it asks the backend */
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	free(h);
}

static const struct test_case cases[] = {
	{"bad documents", test_bad},
	{"rows", test_rows},
	{"defaults", test_defaults},
	{"checks of services' addresses", test_askers},
};

TEST_MAIN("config_way", cases)

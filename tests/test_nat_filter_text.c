/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: their text, and what they take, against the slow look at each word. */
#include <arpa/inet.h>

#include "api_world.h"
#include "ctl/api/nat_filter.h"
#include "nat/nat_filter.h"

static struct cmd_nat_filter f;
static struct rpc_error err;

static bool
parse(const char *text)
{
	err.code = 0;
	return nat_filter_parse(api, text, &f, &err) == 0;
}

static void
test_words(void)
{
	begin();
	CU_ASSERT(parse("pool=main  subscriber=100.64.3.0/24 external=203.0.113.9 port=1024-2047 "
	                "inside_port=5060 protocol=udp realm=0 worker=3 "));
	CU_ASSERT(f.pool == 1 && f.realm == 1 && f.worker == 4 && f.proto == 17);
	CU_ASSERT(f.inside == htonl(0x64400300) && f.inside_mask == htonl(0xffffff00));
	CU_ASSERT(f.external == htonl(0xcb007109) && f.external_mask == 0xffffffff);
	CU_ASSERT(f.port_first == 1024 && f.port_last == 2047);
	CU_ASSERT(f.inside_first == 5060 && f.inside_last == 5060);
	CU_ASSERT(parse(NULL) && parse("") && parse("   "));
	CU_ASSERT(f.pool == 0 && f.inside_mask == 0 && f.port_last == 0);
	CU_ASSERT(parse("subscriber=0.0.0.0/0") && f.inside_mask == 0);
	CU_ASSERT(parse("realm=outside") && f.realm == 1);
	end();
	begin_realms();
	CU_ASSERT(parse("realm=red") && f.realm == 2);
	CU_ASSERT(parse("realm=blue") && f.realm == 3);
	CU_ASSERT(parse("realm=2") && f.realm == 3);
	CU_ASSERT(!parse("realm=green") && !parse("realm=3") && !parse("realm="));
	end();
}

static void
test_wrong_words(void)
{
	static const struct { const char *text, *wanted; } bad[] = {
		{"pool", "keys are pool subscriber"}, {"colour=red", "keys are pool subscriber"},
		{"pool=none", "the name of a pool"}, {"pool=", "the name of a pool"},
		{"subscriber=2001:db8::1", "an IPv4 address"},
		{"subscriber=1.2.3", "an IPv4 address"},
		{"external=1.2.3.4/33", "an IPv4 address"}, {"port=0", "a port or first-last"},
		{"port=65536", "a port or first-last"}, {"port=20-10", "a port or first-last"},
		{"port=-1", "a port or first-last"}, {"protocol=tcpp", "tcp, udp, icmp"},
		{"realm=256", "the name of a realm"}, {"worker=64", "the number of a worker"},
		{"port=1 port=2", "each key once"}, {"=1", "keys are"},
	};
	char text[200] = "pool=";
	begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT(!parse(bad[i].text));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, bad[i].wanted));
	}
	memset(text + 5, 'x', sizeof(text) - 6);
	CU_ASSERT(!parse(text) && strstr(err.message, "shorter") != NULL);
	end();
}

/* What a thing does not have is not asked of it; ranges meet. */
static void
test_facts(void)
{
	static const struct nat_facts mapping = {
		.inside = 0x07004064, .external = 0x097100cb, .inside_port = 5060,
		.port_first = 2000, .port_last = 2000, .proto = 17, .realm = 1, .worker = 0,
	};
	static const struct nat_facts block = {
		.inside = 0x07004064, .external = 0x097100cb, .port_first = 1984,
		.port_last = 2047, .realm = 1, .worker = 0,
	};
	static const struct { const char *text; bool mapping, block; } cases[] = {
		{"", true, true}, {"pool=main", true, true},
		{"subscriber=100.64.0.7", true, true}, {"subscriber=100.64.0.8", false, false},
		{"subscriber=100.64.0.0/28", true, true}, {"external=203.0.113.9", true, true},
		{"external=203.0.113.8/32", false, false}, {"port=2000", true, true},
		{"port=2001", false, true}, {"port=2048-3000", false, false},
		{"port=1-1984", false, true}, {"inside_port=5060", true, true},
		{"inside_port=5061", false, true}, {"protocol=udp", true, true},
		{"protocol=tcp", false, true}, {"realm=outside", false, false},
		{"worker=0", true, true}, {"worker=1", false, false},
		{"port=2000 protocol=tcp", false, true},
	};
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT(parse(cases[i].text));
		CU_ASSERT_EQUAL(nat_filter_wants(&f, &mapping), cases[i].mapping);
		CU_ASSERT_EQUAL(nat_filter_wants(&f, &block), cases[i].block);
	}
	end();
}

static const struct test_case cases[] = {
	{"words", test_words},
	{"wrong words", test_wrong_words},
	{"what is asked of what", test_facts},
};
TEST_MAIN("nat_filter_text", cases)

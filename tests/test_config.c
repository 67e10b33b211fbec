/* SPDX-License-Identifier: Apache-2.0 */
/* What documents become: rows of the image, defaults, numbers that stay. */
#include <arpa/inet.h>
#include <string.h>

#include "config_kit.h"
#include "ctl/config/option.h"
#include "lib/steer.h"

static union addr
address(const char *text)
{
	union addr a = {0};
	CU_ASSERT(inet_pton(strchr(text, ':') != NULL ? AF_INET6 : AF_INET, text, a.b) == 1);
	return a;
}

static const struct img_route *
route_to(const struct image_header *h, const char *prefix, unsigned plen)
{
	uint32_t n;
	union addr a = address(prefix);
	const struct img_route *r = image_rows(h, IMG_ROUTES, &n);
	for (uint32_t i = 0; i < n; i++)
		if (r[i].plen == plen && addr_equal(&r[i].prefix, &a))
			return &r[i];
	CU_FAIL_FATAL("no such route");
	return NULL;
}

static void
test_defaults(void)
{
	struct image_header *h = compile_document("{'nics':[{'name':'a','device':'d'}]}", NULL);
	const struct img_plane *p = rows(h, IMG_PLANE, 1);
	CU_ASSERT(p->workers == 1 && p->main_core == 0 && p->core[0] == 1 && p->huge_pages == 1);
	CU_ASSERT(p->flows_v4 == 1000000 && p->flows_v6 == 100000 && p->buffers == 65536);
	CU_ASSERT(p->icmp_rate_pps == 1000 && p->icmp_burst == 100 && p->idle_us == 50);
	CU_ASSERT(p->steer_class_bits == 9 && p->steer_split_blocks == 0);
	const struct img_nic *nic = rows(h, IMG_NICS, 2);
	CU_ASSERT_STRING_EQUAL(nic[1].name, "a");
	CU_ASSERT(nic[1].mtu == 1500 && nic[1].vlan == 0 && nic[1].flags == 0 && nic[1].dev == 0);
	CU_ASSERT(nic[1].realm == 0);
	const struct timer_set *t = rows(h, IMG_TIMERS, 2);
	CU_ASSERT(t[0].idle_ms[CONN_UDP_NEW] == 300000 && t[0].idle_ms[CONN_ICMP] == 60000);
	CU_ASSERT(t[0].idle_ms[CONN_TCP_EST] == 7440000 && t[0].idle_ms[CONN_TCP_FIN_I] == 7440000);
	CU_ASSERT(t[0].idle_ms[CONN_TCP_SYN] == 240000 && t[0].idle_ms[CONN_TCP_MID] == 240000);
	CU_ASSERT(t[0].idle_ms[CONN_TCP_CLOSING] == 240000 && t[0].idle_ms[CONN_FREE] == 0);
	CU_ASSERT(t[1].idle_ms[CONN_TCP_EST] == 3600000 && t[1].idle_ms[CONN_TCP_TRANS] == 120000);
	rows(h, IMG_NAT_CONF, 0);
	rows(h, IMG_LB_SERVICES, 0);
	free(h);
}

static void
test_routes(void)
{
	struct image_header *h = compile_after(NULL,
		"'routes':[{'prefix':'0.0.0.0/0','via':'198.51.100.1'},{'prefix':'10.9.0.0/16',"
		"'nic':'in'},"
		"{'prefix':'10.0.0.0/8','unreachable':true},{'prefix':'::/0','via':'fe80::1',"
		"'nic':'out'},"
		"{'prefix':'10.10.0.0/16','via':'10.9.7.7'}],"
		"'neighbours':[{'address':'198.51.100.1','mac':'02:00:00:00:00:09'}],"
		"'lb':{'services':[{'name':'s','address':'10.1.0.9','port':80},"
		"{'name':'t','address':'10.1.0.9','port':81},{'name':'u','address':'192.0.2.1',"
		"'port':80}]}");
	rows(h, IMG_ROUTES, 15);
	const struct img_route *r = route_to(h, "0.0.0.0", 0);
	union addr gateway = address("198.51.100.1");
	CU_ASSERT(r->kind == ROUTE_VIA && r->nic == 2 && addr_equal(&r->gateway, &gateway));
	r = route_to(h, "10.10.0.0", 16);
	CU_ASSERT(r->kind == ROUTE_VIA && r->nic == 1);
	r = route_to(h, "10.9.0.0", 16);
	CU_ASSERT(r->kind == ROUTE_CONNECTED && r->nic == 1);
	CU_ASSERT_EQUAL(route_to(h, "10.0.0.0", 8)->kind, ROUTE_UNREACHABLE);
	r = route_to(h, "10.1.0.0", 24);
	CU_ASSERT(r->kind == ROUTE_CONNECTED && r->nic == 1);
	r = route_to(h, "10.1.0.1", 32);
	CU_ASSERT(r->kind == ROUTE_LOCAL && r->nic == 1);
	r = route_to(h, "2001:db8::2", 128);
	CU_ASSERT(r->kind == ROUTE_LOCAL && r->nic == 2);
	r = route_to(h, "10.1.0.9", 32);
	CU_ASSERT(r->kind == ROUTE_SERVICE && r->nic == 1);
	r = route_to(h, "192.0.2.1", 32);
	CU_ASSERT(r->kind == ROUTE_SERVICE && r->nic == 0);
	const struct img_neighbour *n = rows(h, IMG_NEIGHBOURS, 1);
	CU_ASSERT(n->nic == 2 && n->mac[0] == 2 && n->mac[5] == 9);
	const struct img_address *a = rows(h, IMG_ADDRESSES, 3);
	CU_ASSERT(a[2].family == FAMILY_V6 && a[2].plen == 64 && a[2].nic == 2);
	free(h);
}

/* Two addresses of one interface in one network are one route to it, and two host routes. */
static void
test_two_addresses(void)
{
	struct image_header *h = compile_document("{'nics':[{'name':'a','device':'d',"
		"'addresses':['10.0.0.1/24','10.0.0.2/24','10.0.1.1/32']}]}", NULL);
	rows(h, IMG_ROUTES, 5);
	free(h);
}

/* A broadcast address of a network is nobody's, unless the document gives it to somebody. */
static void
test_broadcasts(void)
{
	struct image_header *h = compile_document("{'nics':[{'name':'a','device':'d',"
		"'addresses':['10.0.0.1/24','10.0.1.1/30','10.0.2.0/31','10.0.3.1/24',"
		"'10.0.4.1/24','10.0.5.1/24','2001:db8::1/64']}],"
		"'routes':[{'prefix':'10.0.4.255/32','via':'10.0.0.9'}],"
		"'lb':{'services':[{'name':'s','address':'10.0.5.255','port':80}]},"
		"'nat':{'pools':[{'name':'p','addresses':['10.0.3.254-10.0.3.255']}],'rules':[]}}",
		NULL);
	const struct img_route *r = route_to(h, "10.0.0.255", 32);
	CU_ASSERT(r->kind == ROUTE_BROADCAST && r->nic == 1);
	CU_ASSERT_EQUAL(route_to(h, "10.0.1.3", 32)->kind, ROUTE_BROADCAST);
	CU_ASSERT_EQUAL(route_to(h, "10.0.3.255", 32)->kind, ROUTE_POOL);
	CU_ASSERT_EQUAL(route_to(h, "10.0.4.255", 32)->kind, ROUTE_VIA);
	CU_ASSERT_EQUAL(route_to(h, "10.0.5.255", 32)->kind, ROUTE_SERVICE);
	rows(h, IMG_ROUTES, 7 + 7 + 2 + 4);
	free(h);
}

static void
test_nat(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/30',"
		"'203.0.113.9-203.0.113.10',"
		"'198.51.100.77'],'drain':['203.0.113.2/31'],'ports':'1000-65000'},"
		"{'name':'q','addresses':['192.0.2.1'],'block_size':64,'max_blocks':16}],"
		"'rules':[{'name':'r','nic':'in','source':'100.64.0.0/10','pool':'q',"
		"'filtering':'address-dependent','max_mappings':9,'timeouts':{'udp':30}},"
		"{'name':'s','source':'0.0.0.0/0','pool':'p'}],"
		"'log':'mappings','inbound_refresh':true,'quarantine':3,'timeouts':{'icmp':5}}");
	const struct img_nat_conf *c = rows(h, IMG_NAT_CONF, 1);
	CU_ASSERT(c->log == NAT_LOG_MAPPINGS && c->inbound_refresh == 1 &&
	          c->quarantine_ms == 3000);
	const struct img_nat_pool *p = rows(h, IMG_NAT_POOLS, 2);
	CU_ASSERT(p[0].first_address == 0 && p[0].addresses == 7 && p[1].first_address == 7);
	CU_ASSERT(p[0].port_first == 1024 && p[0].port_last == 64999 - 64999 % 512 - 1);
	CU_ASSERT(p[1].port_first == 1024 && p[1].port_last == 65535 && p[1].block_size == 64);
	CU_ASSERT(p[0].flags == 0 && p[1].flags == 0); /* no parity kept, nothing in turn, paired */
	const struct img_nat_address *a = rows(h, IMG_NAT_ADDRESSES, 8);
	for (uint32_t i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(a[i].id, i);
		CU_ASSERT_EQUAL(a[i].drain, i == 2 || i == 3);
		CU_ASSERT_EQUAL(a[i].pool, i == 7);
	}
	const struct img_route *r = route_to(h, "203.0.113.10", 32);
	CU_ASSERT(r->kind == ROUTE_POOL && r->arg == 5 && r->nic == 0);
	r = route_to(h, "198.51.100.77", 32);
	CU_ASSERT(r->kind == ROUTE_POOL && r->arg == 6 && r->nic == 2);
	const struct img_nat_rule *rule = rows(h, IMG_NAT_RULES, 2);
	CU_ASSERT(rule[0].nic == 1 && rule[0].plen == 10 && rule[0].pool == 1);
	CU_ASSERT(rule[0].filtering == NAT_FILTER_ADF && rule[0].max_mappings == 9);
	CU_ASSERT(rule[1].nic == 0 && rule[1].plen == 0 && rule[1].pool == 0 &&
	          rule[1].timers == 0);
	const struct timer_set *t = rows(h, IMG_TIMERS, 3);
	CU_ASSERT_EQUAL(rule[0].timers, 2);
	CU_ASSERT(t[2].idle_ms[CONN_UDP_BOTH] == 30000 && t[2].idle_ms[CONN_ICMP] == 5000);
	CU_ASSERT(t[0].idle_ms[CONN_UDP_BOTH] == 300000 && t[1].idle_ms[CONN_ICMP] == 60000);
	free(h);
}

/* Tables of which the size follows from what is configured, and stays when that goes again. */
static void
test_optional_capacities(void)
{
	static const struct {
		const char *nat;
		uint32_t permissions, quarantine, later; /* later: permissions of all with rule */
	} cases[] = {
		{"'quarantine':0", 0, 0, 1000000},
		{"'quarantine':1", 0, 250000, 1000000},
		{"'capacity':{'mappings':64}", 0, 16, 1000000},
		{"'capacity':{'permissions':7,'quarantine':9}", 7, 9, 1000000},
		{"'capacity':{'permissions':2000000}", 2000000, 250000, 2000000},
		{"'rules':[{'name':'r','source':'10.0.0.0/8','pool':'p',"
		 "'filtering':'address-dependent'}]", 1000000, 250000, 1000000},
	};
	static const char pools[] = "'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}],%s}";
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		snprintf(text, sizeof(text), pools, cases[i].nat);
		struct image_header *a = compile_after(NULL, text);
		const struct img_plane *p = rows(a, IMG_PLANE, 1);
		CU_ASSERT_EQUAL(p->permissions, cases[i].permissions);
		CU_ASSERT_EQUAL(p->quarantine, cases[i].quarantine);
		snprintf(text, sizeof(text), pools, cases[5].nat);
		struct image_header *b = compile_after(a, text);
		p = rows(b, IMG_PLANE, 1);
		CU_ASSERT_EQUAL(p->permissions, cases[i].later);
		free(b);
		free(a);
	}
}

static void
test_lb(void)
{
	struct image_header *h = compile_after(NULL,
		"'lb':{'services':["
		"{'name':'six','address':'2001:db8:2::1','port':80,"
		"'backends':[{'address':'2001:db8::7'}]},"
		"{'name':'b','address':'192.0.2.2','port':53,'protocol':'udp','mode':'fullnat',"
		"'local_addresses':['10.1.0.250','10.1.0.251'],"
		"'backends':[{'address':'10.1.0.7'}]},"
		"{'name':'c','address':'192.0.2.2','port':53,'mode':'fullnat','timeouts':{'udp':9},"
		"'local_addresses':['10.1.0.250','10.1.0.251'],"
		"'backends':[{'address':'10.1.0.7'}]},"
		"{'name':'a','address':'192.0.2.1','port':80,'backends':["
		"{'address':'10.1.0.7','port':8080,'weight':3},{'address':'10.1.0.7','port':8081},"
		"{'address':'10.1.0.8','state':'drain'},{'address':'10.1.0.9','state':'down'}]}]}");
	const struct img_lb_service *s = rows(h, IMG_LB_SERVICES, 4);
	CU_ASSERT_STRING_EQUAL(s[0].name, "a");
	CU_ASSERT_STRING_EQUAL(s[1].name, "c");
	CU_ASSERT_STRING_EQUAL(s[2].name, "b");
	CU_ASSERT_STRING_EQUAL(s[3].name, "six");
	CU_ASSERT(s[1].locals == 2 && s[1].first_local == s[2].first_local);
	CU_ASSERT(s[0].timers == 1 && s[1].timers == 2 && s[3].family == FAMILY_V6);
	const struct img_lb_backend *b = rows(h, IMG_LB_BACKENDS, 7);
	CU_ASSERT(b[0].port == htons(8080) && b[0].weight == 3 && b[1].weight == 1);
	CU_ASSERT(b[2].port == htons(80) && b[2].state == LB_DRAIN && b[3].state == LB_MAINT);
	CU_ASSERT(b[4].service == 1 && b[6].service == 3);
	const struct img_lb_local *l = rows(h, IMG_LB_LOCALS, 2);
	CU_ASSERT(l[0].port_first == 1024 && l[0].port_last == 65535);
	const struct img_route *r = route_to(h, "10.1.0.251", 32);
	CU_ASSERT(r->kind == ROUTE_LB_LOCAL && r->arg == 1 && r->nic == 1);
	const uint16_t *slot = rows(h, IMG_LB_SLOTS, 4 * MAGLEV_SIZE);
	unsigned count[5] = {0};
	for (unsigned i = 0; i < MAGLEV_SIZE; i++)
		count[slot[i] < 4 ? slot[i] : 4]++;
	CU_ASSERT(count[0] > count[1] * 29 / 10 && count[0] < count[1] * 31 / 10);
	CU_ASSERT(count[2] == 0 && count[3] == 0 && count[4] == 0);
	free(h);
}

/* Who tells of clients by datagrams alone needs no room for it. */
static void
test_told(void)
{
	uint32_t n;
	struct image_header *h = compile_after(NULL,
		"'lb':{'services':[{'name':'b','address':'192.0.2.2','port':53,'protocol':'udp',"
		"'mode':'fullnat','client_address':'proxy-v2','local_addresses':['10.1.0.250'],"
		"'backends':[{'address':'10.1.0.7'}]}]}");
	const struct img_lb_service *s = rows(h, IMG_LB_SERVICES, 1);
	CU_ASSERT(s->tell == TELL_PROXY2 && s->proto == 17);
	const struct img_plane *p = image_rows(h, IMG_PLANE, &n);
	CU_ASSERT_EQUAL(p->shifts, 0);
	free(h);
	h = compile_after(NULL,
		"'lb':{'services':[{'name':'b','address':'192.0.2.2','port':53,'protocol':'any',"
		"'mode':'fullnat','client_address':'proxy-v2','local_addresses':['10.1.0.250'],"
		"'backends':[{'address':'10.1.0.7'}]}]}");
	p = image_rows(h, IMG_PLANE, &n);
	CU_ASSERT_NOT_EQUAL(p->shifts, 0);
	free(h);
}

/* Classes: every pool has an address in every one; divided blocks when they are too few. */
static void
test_steering(void)
{
	struct image_header *h = compile_after(NULL,
		"'workers':{'count':4},'nat':{'pools':[{'name':'p',"
		"'addresses':['203.0.113.0/28']}]}");
	const struct img_plane *p = rows(h, IMG_PLANE, 1);
	const struct img_nat_address *a = rows(h, IMG_NAT_ADDRESSES, 16);
	struct steer s;
	unsigned seen[16] = {0};
	CU_ASSERT(p->steer_class_bits == 4 && p->steer_split_blocks == 0);
	steer_init(&s, p->workers, p->steer_class_bits, 0, 0);
	for (unsigned i = 0; i < 16; i++) {
		union addr address4 = addr_from_v4(a[i].address);
		CU_ASSERT_EQUAL(a[i].class, steer_class(&s, &address4, FAMILY_V4));
		seen[a[i].class]++;
	}
	for (unsigned i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(seen[i], 1);
	/* One more address changes nothing while that runs, and would not anyway. */
	struct image_header *more = compile_after(h,
	                                          "'workers':{'count':4},"
	                                          "'nat':{'pools':[{'name':'p',"
		"'addresses':['203.0.113.0/28','203.0.113.64/26']}]}");
	CU_ASSERT_EQUAL(((const struct img_plane *)rows(more, IMG_PLANE, 1))->steer_class_bits, 4);
	free(more);
	/* Too few for the workers. */
	more = compile_after(h, "'workers':{'count':4},'nat':{'pools':["
		"{'name':'p','addresses':['203.0.113.0/31'],'block_size':64},"
		"{'name':'q','addresses':['203.0.113.8/31'],'block_size':1024}]}");
	p = rows(more, IMG_PLANE, 1);
	CU_ASSERT(p->steer_class_bits == 1 && p->steer_split_blocks == 1 &&
	          p->steer_block_shift == 10);
	free(more);
	more = compile_after(NULL, "'nat':{'capacity':{'classes':4},"
		"'pools':[{'name':'p','addresses':['203.0.113.0/28']}]}");
	CU_ASSERT_EQUAL(((const struct img_plane *)rows(more, IMG_PLANE, 1))->steer_class_bits, 2);
	free(more);
	/* A list of local addresses counts as a pool does. */
	more = compile_after(NULL, "'workers':{'count':2},'lb':{'services':[{'name':'s',"
		"'address':'192.0.2.1','port':80,'mode':'fullnat',"
		"'local_addresses':['10.1.0.250']}]}");
	p = rows(more, IMG_PLANE, 1);
	/* Shares of ports are as large as leaves 16 a worker: a NIC may need a rule for each. */
	CU_ASSERT(p->steer_class_bits == 0 && p->steer_split_blocks == 1 &&
	          p->steer_block_shift == 11);
	free(more);
	free(h);
}

static uint8_t
nic_number(const struct image_header *h, const char *name)
{
	uint32_t n;
	const struct img_nic *nic = image_rows(h, IMG_NICS, &n);
	for (uint32_t i = 1; i < n; i++)
		if (strcmp(nic[i].name, name) == 0)
			return (uint8_t)i;
	return 0;
}

/* Interfaces and devices keep their numbers, whatever comes, goes or changes places. */
static void
test_numbers_of_nics(void)
{
	struct image_header *a = compile_document("{'nics':[{'name':'a','device':'d'},"
		"{'name':'b','device':'d','vlan':2},{'name':'c','device':'e'}]}", NULL);
	struct image_header *b = compile_document("{'nics':[{'name':'x','device':'e','vlan':9},"
		"{'name':'c','device':'e'},{'name':'b','device':'d','vlan':2}]}", a);
	struct image_header *c = compile_document("{'nics':[{'name':'y','device':'e','vlan':3},"
		"{'name':'b','device':'d'}]}", b);
	CU_ASSERT(nic_number(a, "a") == 1 && nic_number(a, "b") == 2 && nic_number(a, "c") == 3);
	CU_ASSERT(nic_number(b, "b") == 2 && nic_number(b, "c") == 3 && nic_number(b, "x") == 4);
	CU_ASSERT(nic_number(c, "b") == 2 && nic_number(c, "y") == 1);
	rows(b, IMG_NICS, 5);
	rows(c, IMG_NICS, 3);
	const struct img_dev *dev = rows(b, IMG_DEVS, 2);
	CU_ASSERT_STRING_EQUAL(dev[0].device, "d");
	CU_ASSERT_STRING_EQUAL(dev[1].device, "e");
	free(a);
	free(b);
	free(c);
}

/* Flows refer to timer sets by number: a set stays what it is while anybody may refer to it. */
static void
test_numbers_of_timers(void)
{
	static const char form[] = "'lb':{'services':[{'name':'s','address':'192.0.2.1','port':%u,"
		"'timeouts':{'udp':%u}}],'timeouts':{'tcp_opening':%u}}";
	char text[256];
	snprintf(text, sizeof(text), form, 80u, 7u, 50u);
	struct image_header *a = compile_after(NULL, text), *b, *c;
	snprintf(text, sizeof(text), form, 80u, 8u, 55u);
	b = compile_after(a, text);
	snprintf(text, sizeof(text), form, 80u, 7u, 55u);
	c = compile_after(b, text);
	const struct timer_set *t = rows(a, IMG_TIMERS, 3);
	CU_ASSERT(t[2].idle_ms[CONN_UDP_NEW] == 7000 && t[1].idle_ms[CONN_TCP_SYN] == 50000);
	t = rows(b, IMG_TIMERS, 4);
	CU_ASSERT(t[2].idle_ms[CONN_UDP_NEW] == 7000 && t[2].idle_ms[CONN_TCP_SYN] == 50000);
	CU_ASSERT(t[3].idle_ms[CONN_UDP_NEW] == 8000 && t[1].idle_ms[CONN_TCP_SYN] == 55000);
	CU_ASSERT_EQUAL(((const struct img_lb_service *)rows(b, IMG_LB_SERVICES, 1))->timers, 3);
	rows(c, IMG_TIMERS, 5);
	free(a);
	free(b);
	free(c);
}

/* What a state's own timer is not given for comes from the state it refines, own before base. */
static void
test_timers_by_state(void)
{
	struct image_header *a = compile_after(NULL,
		"'nat':{'timeouts':{'tcp_reset':11,'tcp_closing':30,'udp':40}},"
		"'lb':{'services':[{'name':'s','address':'192.0.2.1','port':80,"
		"'timeouts':{'tcp_half_closed':5,'udp':6}}],"
		"'timeouts':{'udp_unanswered':7,'tcp_established':900}}");
	const struct timer_set *t = rows(a, IMG_TIMERS, 3);
	CU_ASSERT(t[0].idle_ms[CONN_TCP_TRANS] == 11000);
	CU_ASSERT(t[0].idle_ms[CONN_TCP_CLOSING] == 30000);
	CU_ASSERT(t[0].idle_ms[CONN_TCP_FIN_I] == 7440000);
	CU_ASSERT(t[0].idle_ms[CONN_UDP_NEW] == 40000 && t[0].idle_ms[CONN_UDP_BOTH] == 40000);
	CU_ASSERT(t[1].idle_ms[CONN_TCP_FIN_R] == 900000 && t[1].idle_ms[CONN_UDP_NEW] == 7000);
	CU_ASSERT(t[2].idle_ms[CONN_TCP_FIN_I] == 5000 && t[2].idle_ms[CONN_TCP_EST] == 900000);
	CU_ASSERT(t[2].idle_ms[CONN_UDP_NEW] == 7000 && t[2].idle_ms[CONN_UDP_BOTH] == 6000);
	free(a);
}

static void
test_ids_stay(void)
{
	struct image_header *a = compile_after(NULL,
		"'nat':{'capacity':{'pool_addresses':4},'pools':[{'name':'p','addresses':["
		"'203.0.113.1','203.0.113.2']}]},'lb':{'services':[{'name':'s',"
		"'address':'192.0.2.1',"
		"'port':80,'backends':[{'address':'10.1.0.7'},{'address':'10.1.0.8'}]}]}");
	struct image_header *b = compile_after(a,
		"'nat':{'capacity':{'pool_addresses':4},'pools':[{'name':'p','addresses':["
		"'203.0.113.9','203.0.113.2']}]},'lb':{'services':[{'name':'s',"
		"'address':'192.0.2.1',"
		"'port':80,'backends':[{'address':'10.1.0.9'},{'address':'10.1.0.8'}]}]}");
	const struct img_nat_address *x = rows(a, IMG_NAT_ADDRESSES, 2);
	const struct img_nat_address *y = rows(b, IMG_NAT_ADDRESSES, 2);
	CU_ASSERT(x[0].id == 0 && x[1].id == 1 && y[0].id == 2 && y[1].id == 1);
	const struct img_lb_backend *v = rows(a, IMG_LB_BACKENDS, 2);
	const struct img_lb_backend *w = rows(b, IMG_LB_BACKENDS, 2);
	CU_ASSERT(v[0].id == 0 && v[1].id == 1 && w[0].id == 2 && w[1].id == 1);
	/* All four numbers are in use or rest: three new addresses at once are one too many. */
	struct config_errors errs = {0};
	size_t size;
	json_t *doc = json_pack("{s:[{s:s, s:s}], s:{s:{s:i}, s:[{s:s, s:[s]}]}}", "nics", "name",
	                        "a",
		"device", "d", "nat", "capacity", "pool_addresses", 4, "pools", "name", "p",
		"addresses",
		"203.0.113.64/30");
	CU_ASSERT_PTR_NULL(config_compile(doc, a, 1, &size, &errs));
	CU_ASSERT(errs.n == 1 && strcmp(errs.e[0].path, "nat.capacity.pool_addresses") == 0);
	json_decref(doc);
	free(a);
	free(b);
}

/* An address whose number is beyond a smaller room gets another one: in no millrace that runs, or
 * its mappings would be another address's (config_random, seed 315: 132 became 0). */
static void
test_ids_in_less_room(void)
{
	static const char form[] = "'nat':{'capacity':{'pool_addresses':%u},'pools':[{'name':'p',"
	                           "'addresses':['203.0.113.%s']}]}";
	char text[256];
	snprintf(text, sizeof(text), form, 9u, "0/29");
	struct image_header *a = compile_after(NULL, text), *b, *c;
	snprintf(text, sizeof(text), form, 9u, "5");
	b = compile_after(a, text);
	snprintf(text, sizeof(text), form, 3u, "5");
	c = compile_after(b, text);
	const struct img_nat_address *x = rows(b, IMG_NAT_ADDRESSES, 1);
	const struct img_nat_address *y = rows(c, IMG_NAT_ADDRESSES, 1);
	CU_ASSERT(x->address == y->address && x->id == 5 && y->id == 0);
	struct config_errors errs = {0};
	CU_ASSERT_EQUAL(config_restart_needed(b, c, &errs), 1);
	CU_ASSERT_STRING_EQUAL(errs.e[0].path, "nat.capacity.pool_addresses");
	free(a);
	free(b);
	free(c);
}

static uint32_t
addresses_room(const struct image_header *h)
{
	return ((const struct img_plane *)rows(h, IMG_PLANE, 1))->pool_addresses;
}

/* Room for pool addresses follows from the first configuration, and then stays. */
static void
test_addresses_room(void)
{
	static const struct { const char *sections; uint32_t room; } cases[] = {
		{"'nat':{}", 256},
		{"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/25']}]}", 256},
		{"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/24','20.0.0.0/28']}]}",
		 340},
		{"'nat':{'pools':[{'name':'p','addresses':['20.0.0.0/16']}]}", 65536},
		{"'nat':{'capacity':{'pool_addresses':16},'pools':[{'name':'p','addresses':"
		 "['20.0.0.0/28']}]}", 16},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_errors errs = {0};
		struct image_header *h = compile_after(NULL, cases[i].sections);
		CU_ASSERT_EQUAL(addresses_room(h), cases[i].room);
		struct image_header *next = compile_after(h, "'nat':{'pools':[{'name':'p',"
			"'addresses':['20.0.0.0/30']}]}");
		CU_ASSERT_EQUAL(addresses_room(next), cases[i].room);
		CU_ASSERT_EQUAL(config_restart_needed(h, next, &errs), 0);
		free(next);
		free(h);
	}
}

/* Whole addresses are one row, however many: the most that an entry may have fit. */
static void
test_static_whole(void)
{
	struct image_header *h = compile_after(NULL, "'nat':{'static':["
		"{'inside':'100.64.0.0/16','outside':'20.0.0.0/16'},"
		"{'inside':'100.65.0.0/16','outside':'20.1.0.0/16'}]}");
	rows(h, IMG_NAT_STATICS, 2);
	free(h);
}

static unsigned
restart_of(const struct image_header *a, const char *sections, const char *path)
{
	struct config_errors errs = {0};
	struct image_header *b = compile_after(a, sections);
	unsigned n = config_restart_needed(a, b, &errs);
	CU_ASSERT_EQUAL(n, errs.n);
	if (path != NULL)
		CU_ASSERT_STRING_EQUAL(errs.e[0].path, path);
	free(b);
	return n;
}

static void
test_restart(void)
{
	struct image_header *a = compile_after(NULL, "");
	CU_ASSERT_EQUAL(restart_of(a, "", NULL), 0);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'idle_us':0,'icmp_rate':7}", NULL), 0);
	CU_ASSERT_EQUAL(restart_of(a, "'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}]}",
	                           NULL), 0);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'count':2}", "workers.count"), 1);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'cores':[3]}", "workers.cores"), 1);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'buffers':2000,'flows':{'ipv6':64}}",
	                           "workers.buffers"), 2);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'flows':{'ipv4':999999}}",
	                           "workers.flows.ipv4"), 1);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'flows':{'ipv4':2000000,'ipv6':200000}}",
	                           NULL), 0);
	CU_ASSERT_EQUAL(restart_of(a, "'workers':{'huge_pages':'never'}", "workers.huge_pages"), 1);
	CU_ASSERT_EQUAL(restart_of(a, "'nat':{'capacity':{'mappings':64}}",
	                           "nat.capacity.mappings"), 1);
	CU_ASSERT_EQUAL(restart_of(a, "'nat':{'quarantine':0}", NULL), 0);
	CU_ASSERT_EQUAL(restart_of(a, "'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}],"
	                              "'rules':[{'name':'r','source':'10.0.0.0/8','pool':'p',"
	                              "'filtering':'address-dependent'}]}",
	                           "nat.capacity.permissions"), 1);
	struct config_errors errs = {0};
	struct image_header *b = compile_document("{'nics':[{'name':'in','device':'d0'}]}", a);
	CU_ASSERT_EQUAL(config_restart_needed(a, b, &errs), 1);
	CU_ASSERT_STRING_EQUAL(errs.e[0].path, "nics");
	free(b);
	free(a);
	a = compile_after(NULL, "'workers':{'count':2},"
	                  "'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/30']}]}");
	CU_ASSERT_EQUAL(restart_of(a,
	                           "'workers':{'count':2},'nat':{'pools':[{'name':'p','addresses':"
	                           "['203.0.113.0/30','203.0.113.32/28']}]}", NULL), 0);
	CU_ASSERT_EQUAL(restart_of(a,
	                           "'workers':{'count':2},'nat':{'pools':[{'name':'p','addresses':"
	                           "['203.0.113.0/31']}]}", "nat.pools"), 1);
	free(a);
}

static void
test_missing_file(void)
{
	struct config_errors errs = {0};
	CU_ASSERT_PTR_NULL(config_load("/nonexistent/millrace.json", &errs));
	CU_ASSERT(errs.n == 1 && strstr(errs.e[0].message, "No such file") != NULL);
}

static const struct test_case cases[] = {
	{"defaults", test_defaults},
	{"routes", test_routes},
	{"two addresses in one network", test_two_addresses},
	{"broadcast addresses", test_broadcasts},
	{"pools and rules", test_nat},
	{"capacities that follow", test_optional_capacities},
	{"services", test_lb},
	{"telling of clients", test_told},
	{"classes of addresses", test_steering},
	{"numbers of interfaces stay", test_numbers_of_nics},
	{"numbers of timer sets stay", test_numbers_of_timers},
	{"a timer for each state", test_timers_by_state},
	{"ids stay", test_ids_stay},
	{"ids in less room", test_ids_in_less_room},
	{"room for pool addresses", test_addresses_room},
	{"static mappings of whole networks", test_static_whole},
	{"what needs a restart", test_restart},
	{"a file that is not there", test_missing_file},
};
TEST_MAIN("config", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool of a document becomes: addresses, ports, and how they are given out. */
#include <arpa/inet.h>

#include "config_kit.h"

/* Without what is left out: each in any order, overlapping, beyond the pool. */
static void
test_exclusions(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/28','203.0.113.32/30',"
		"'203.0.113.40-203.0.113.43','203.0.113.48/31','203.0.113.99'],"
		"'exclude':['203.0.113.5-203.0.113.7','203.0.113.6-203.0.113.8','203.0.113.41',"
		"'192.0.2.0/24'],'exclude_ends':true,'drain':['203.0.113.4-203.0.113.9'],"
		"'exclude_ports':['5060-5061','1-1100','5000-5059','6000-6000','65000-65535'],"
		"'ports':'1024-65535'}]}");
	static const uint8_t last[] = {1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 33, 34, 40, 42, 43, 48,
	                               49, 99};
	const struct img_nat_address *a = rows(h, IMG_NAT_ADDRESSES, sizeof(last));
	for (unsigned i = 0; i < sizeof(last); i++) {
		CU_ASSERT_EQUAL(ntohl(a[i].address), 0xcb007100u + last[i]);
		CU_ASSERT_EQUAL(a[i].drain, last[i] == 4 || last[i] == 9);
	}
	static const uint16_t ports[][2] = {{1024, 1100}, {5000, 5061}, {6000, 6000},
	                                    {65000, 65535}};
	const struct img_nat_hole *hole = rows(h, IMG_NAT_HOLES, 4);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT(hole[i].first == ports[i][0] && hole[i].last == ports[i][1]);
	free(h);
}

/* Ports on request: as many leases as subscribers, and the protocol's own ports are left out. */
static void
test_pcp(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.1'],"
		"'exclude_ports':['5000-5350','6000-6000']},"
		"{'name':'q','addresses':['203.0.113.2'],'ports':'8192-16383'}],"
		"'pcp':{'min_lifetime':60,'third_party':[{'nic':'out','source':'192.0.2.8/30'}]},"
		"'capacity':{'subscribers':777},"
		"'rules':[{'name':'a','source':'10.0.0.0/8','pool':'p','pcp':true},"
		"{'name':'b','source':'11.0.0.0/8','pool':'q'}]}");
	const struct img_nat_hole *hole = rows(h, IMG_NAT_HOLES, 2);
	CU_ASSERT(hole[0].first == 5000 && hole[0].last == 5351 && hole[1].first == 6000);
	const struct img_nat_rule *r = rows(h, IMG_NAT_RULES, 2);
	CU_ASSERT(r[0].pcp == 1 && r[1].pcp == 0);
	const struct img_nat_conf *conf = rows(h, IMG_NAT_CONF, 1);
	CU_ASSERT(conf->pcp_min_s == 60 && conf->pcp_max_s == 86400);
	const struct img_nat_asker *a = conf->asker;
	CU_ASSERT(conf->askers == 1 && a->source == htobe32(0xc0000208) && a->plen == 30);
	CU_ASSERT(a->nic == 2 && a->realm == 0);
	CU_ASSERT_EQUAL(((const struct img_plane *)rows(h, IMG_PLANE, 1))->leases, 777);
	free(h);
}

/* An address that a pool leaves out is free for another purpose. */
static void
test_left_out_is_free(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.0/30'],"
		"'exclude':['203.0.113.2']},{'name':'q','addresses':['203.0.113.2']}]},"
		"'lb':{'services':[]}");
	const struct img_nat_address *a = rows(h, IMG_NAT_ADDRESSES, 4);
	CU_ASSERT(a[3].pool == 1 && ntohl(a[3].address) == 0xcb007102u);
	free(h);
}

/* Each switch of the NAT is where the data plane reads it; and what is so without a word. */
static void
test_switches(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.1']}]}");
	const struct img_nat_conf *c = rows(h, IMG_NAT_CONF, 1);
	const struct img_plane *p = rows(h, IMG_PLANE, 1);
	CU_ASSERT(c->log == NAT_LOG_BLOCKS && !c->log_addresses && !c->log_refuses);
	CU_ASSERT(c->answer_syn && c->refusal == NAT_REFUSE_HOST && !c->inbound_refresh);
	CU_ASSERT(c->quarantine_ms == 120000 && !c->start_waits && c->drain_ms == 0);
	CU_ASSERT(!p->pool_echo && !p->reset_is_final);
	free(h);
	h = compile_after(NULL,
		"'log':{'overload':'refuse'},'nat':{'log':'none','log_addresses':true,"
		"'answer_syn':false,'refusal':'prohibited','inbound_refresh':true,"
		"'quarantine':9,'quarantine_at_start':true,'drain_deadline':7,"
		"'answer_echo':true,'reset_revives':false,"
		"'pools':[{'name':'p','addresses':['203.0.113.1']}],"
		"'rules':[{'name':'a','source':'10.0.0.0/9','pool':'p'},{'name':'b','source':"
		"'10.128.0.0/9','pool':'p','log_sessions':true,'other_protocols':'pair'}],"
		"'static':[{'inside':'11.0.0.1','outside':'203.0.113.7'},"
		"{'inside':'11.0.0.2','outside':'203.0.113.8','nic':'out','inbound':false}]}");
	c = rows(h, IMG_NAT_CONF, 1);
	p = rows(h, IMG_PLANE, 1);
	CU_ASSERT(c->log == NAT_LOG_NONE && c->log_addresses && c->log_refuses);
	CU_ASSERT(!c->answer_syn && c->refusal == NAT_REFUSE_PROHIBITED && c->inbound_refresh);
	CU_ASSERT(c->quarantine_ms == 9000 && c->start_waits && c->drain_ms == 7000);
	CU_ASSERT(p->pool_echo && p->reset_is_final);
	const struct img_nat_rule *r = rows(h, IMG_NAT_RULES, 2);
	CU_ASSERT(r[0].other == NAT_OTHER_DROP && !r[0].log_sessions);
	CU_ASSERT(r[1].other == NAT_OTHER_PAIR && r[1].log_sessions);
	const struct img_nat_static *s = rows(h, IMG_NAT_STATICS, 2);
	CU_ASSERT(s[0].nic == 0 && s[0].inbound == 1 && s[1].nic == 2 && s[1].inbound == 0);
	free(h);
}

/* Thresholds and limits: given, and what stands for them when they are not. */
static void
test_limits(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'mappings_high':90,'subscribers_high':70,'subscribers_low':7,"
		"'pools':[{'name':'p','addresses':['203.0.113.1'],'used_high':90},"
		"{'name':'q','addresses':['203.0.113.2'],'used_high':5},"
		"{'name':'r','addresses':['203.0.113.3'],'used_high':70,'used_low':7}],"
		"'rules':[{'name':'a','source':'10.0.0.0/8','pool':'p'},"
		"{'name':'b','source':'11.0.0.0/8','pool':'p','mappings_high':100,"
		"'max_flows':9,'flow_rate':30},"
		"{'name':'c','source':'12.0.0.0/8','pool':'p','mappings_high':100,"
		"'mappings_low':1,'flow_rate':1000,'flow_burst':7}]}");
	const struct img_nat_pool *p = rows(h, IMG_NAT_POOLS, 3);
	const struct img_nat_conf *c = rows(h, IMG_NAT_CONF, 1);
	CU_ASSERT(c->mappings_high == 90 && c->mappings_low == 80);
	CU_ASSERT(c->subscribers_high == 70 && c->subscribers_low == 7);
	CU_ASSERT(p[0].high == 90 && p[0].low == 80);
	CU_ASSERT(p[1].high == 5 && p[1].low == 0);
	CU_ASSERT(p[2].high == 70 && p[2].low == 7);
	const struct img_nat_rule *r = rows(h, IMG_NAT_RULES, 3);
	CU_ASSERT(r[0].high == 0 && r[0].max_flows == 0 && r[0].flow_cost == 0);
	CU_ASSERT(r[1].high == 100 && r[1].low == 75 && r[1].max_flows == 9);
	CU_ASSERT(r[1].flow_cost == 2133 && r[1].flow_burst == 60 * 2133);
	CU_ASSERT(r[2].low == 1 && r[2].flow_cost == 64 && r[2].flow_burst == 7 * 64);
	free(h);
}

/* How pools choose, and pools to fall back on. */
static void
test_choice(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.1'],'reserve':4},"
		"{'name':'q','addresses':['203.0.113.2'],'pairing':'soft','block_order':"
		"'sequential','port_order':'sequential','keep_port':true,'keep_parity':true},"
		"{'name':'r','addresses':['203.0.113.3']}],"
		"'rules':[{'name':'a','source':'10.0.0.0/8','pool':'r','fallback':['p','q']}]}");
	const struct img_nat_pool *p = rows(h, IMG_NAT_POOLS, 3);
	CU_ASSERT(p[0].flags == 0 && p[0].reserve == 4);
	CU_ASSERT(p[1].flags == (NAT_POOL_FLAGS & ~NAT_SINGLE) && p[1].reserve == 0);
	CU_ASSERT(p[2].flags == 0 && p[2].reserve == 0);
	const struct img_nat_rule *r = rows(h, IMG_NAT_RULES, 1);
	CU_ASSERT(r->pool == 2 && r->fallbacks == 2);
	CU_ASSERT(r->fallback[0] == 0 && r->fallback[1] == 1);
	free(h);
}

/* Ports one by one are not cut to blocks. */
static void
test_single(void)
{
	struct image_header *h = compile_after(NULL,
		"'nat':{'pools':[{'name':'p','addresses':['203.0.113.1'],'allocation':'ports',"
		"'ports':'1030-2000','pairing':'soft'},"
		"{'name':'q','addresses':['203.0.113.2'],'ports':'1030-2000','block_size':64}]}");
	const struct img_nat_pool *p = rows(h, IMG_NAT_POOLS, 2);
	CU_ASSERT(p[0].port_first == 1030 && p[0].port_last == 2000);
	CU_ASSERT_EQUAL(p[0].flags, NAT_SINGLE | NAT_PAIR_SOFT);
	CU_ASSERT(p[1].port_first == 1088 && p[1].port_last == 1983 && p[1].flags == 0);
	free(h);
}

/* Pools by destination: which rules have mappings of their own. */
static void
test_destinations(void)
{
	static const char *const rest = "{'name':'z','source':'10.0.0.0/8','pool':'p'}";
	static const struct { const char *rules; uint8_t apart[2]; } t[] = {
		{"{'name':'a','source':'10.1.0.0/16','destination':'192.0.2.0/24','pool':'q'},"
		 "{'name':'b','source':'10.0.0.0/8','destination':'198.51.100.7','pool':'r'}",
		 {1, 1}},
		{"{'name':'a','source':'10.1.0.0/16','destination':'192.0.2.7','pool':'p'},"
		 "{'name':'b','source':'10.0.0.0/8','destination':'192.0.2.0/24','pool':'q'}",
		 {0, 1}},
		{"{'name':'a','source':'11.0.0.0/16','destination':'192.0.2.7','pool':'p'},"
		 "{'name':'b','source':'10.0.0.0/8','destination':'192.0.2.0/24','pool':'p'}",
		 {1, 0}},
		{"{'name':'a','source':'10.0.0.0/16','pool':'q'},"
		 "{'name':'b','source':'10.0.0.0/8','destination':'192.0.2.0/24','pool':'p'}",
		 {0, 1}},
	};
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char nat[1024];
		snprintf(nat, sizeof(nat), "'nat':{'pools':["
		         "{'name':'p','addresses':['203.0.113.1']},"
		         "{'name':'q','addresses':['203.0.113.2']},"
		         "{'name':'r','addresses':['203.0.113.3']}],'rules':[%s,%s]}", t[i].rules,
		         rest);
		struct image_header *h = compile_after(NULL, nat);
		const struct img_nat_rule *r = rows(h, IMG_NAT_RULES, 3);
		for (unsigned k = 0; k < 2; k++) {
			CU_ASSERT_EQUAL(r[k].apart, t[i].apart[k]);
			CU_ASSERT_EQUAL(r[k].action, NAT_TRANSLATE);
		}
		CU_ASSERT_EQUAL(r[2].apart, 0);
		free(h);
	}
}

static const struct test_case cases[] = {
	{"what a pool leaves out", test_exclusions},
	{"ports on request", test_pcp},
	{"what it leaves out is free", test_left_out_is_free},
	{"switches", test_switches},
	{"limits and thresholds", test_limits},
	{"how pools choose", test_choice},
	{"ports one by one", test_single},
	{"pools by destination", test_destinations},
};
TEST_MAIN("config_pool", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* What is valid and without effect is said, by its path; what has an effect is not. */
#include "ctl/config/warnings.h"

#include "config_kit.h"

static void
pools(void)
{
	static const struct { const char *pool, *path; } cases[] = {
		{"", NULL},
		{",'exclude':['203.0.113.17']", NULL},
		{",'exclude':['203.0.113.0/31','203.0.113.255-203.0.114.9']", NULL},
		{",'exclude':['203.0.113.0'],'exclude_ends':true", NULL},
		{",'exclude':['198.51.100.70-198.51.100.99']", NULL},
		{",'exclude':['203.0.131.17']", "nat.pools[0].exclude[0]"},
		{",'exclude':['203.0.113.9','203.0.114.0/24']", "nat.pools[0].exclude[1]"},
		{",'exclude':['198.51.100.80-198.51.100.99']", "nat.pools[0].exclude[0]"},
		{",'exclude_ports':['5060-5061','1-1024','65535-65535']", NULL},
		{",'exclude_ports':['80-80']", "nat.pools[0].exclude_ports[0]"},
		{",'ports':'2000-2999','exclude_ports':['2999-5000']", NULL},
		{",'ports':'2000-2999','exclude_ports':['2000-2001','3000-3001']",
		 "nat.pools[0].exclude_ports[1]"},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_errors errs = {0}, w = {0};
		char text[512];
		snprintf(text, sizeof(text), "{%s,'nat':{'pools':[{'name':'p','addresses':"
		         "['203.0.113.0/24','198.51.100.64-198.51.100.79']%s}]}}",
		         config_kit_nics, cases[i].pool);
		for (char *q = text; (q = strchr(q, '\'')) != NULL;)
			*q = '"';
		json_t *doc = config_parse(text, strlen(text), &errs);
		CU_ASSERT_FATAL(doc != NULL && config_check(doc, &errs));
		CU_ASSERT_EQUAL(config_warnings(doc, &w), cases[i].path != NULL);
		if (cases[i].path != NULL && w.n == 1)
			CU_ASSERT_STRING_EQUAL(w.e[0].path, cases[i].path);
		if (cases[i].path != NULL && w.n == 1)
			CU_ASSERT_PTR_NOT_NULL(strstr(w.e[0].message, "nothing is left out"));
		json_decref(doc);
	}
}

/* What an RFC asks for at least is no warning, a second less is one; opening may be shorter. */
static void
timeouts(void)
{
	static const struct { const char *nat; unsigned n; const char *path; } cases[] = {
		{"'timeouts':{'udp':120,'tcp_established':7440,'tcp_closing':240,'icmp':60}", 0,
		 ""},
		{"'timeouts':{'udp':119}", 1, "nat.timeouts.udp"},
		{"'timeouts':{'udp_unanswered':119}", 1, "nat.timeouts.udp_unanswered"},
		{"'timeouts':{'tcp_established':7439}", 1, "nat.timeouts.tcp_established"},
		{"'timeouts':{'tcp_half_closed':239}", 1, "nat.timeouts.tcp_half_closed"},
		{"'timeouts':{'tcp_closing':239}", 1, "nat.timeouts.tcp_closing"},
		{"'timeouts':{'tcp_reset':239}", 1, "nat.timeouts.tcp_reset"},
		{"'timeouts':{'icmp':59}", 1, "nat.timeouts.icmp"},
		{"'timeouts':{'tcp_opening':1,'other':1}", 0, ""},
		{"'rules':[{'name':'r','source':'100.64.0.0/10','pool':'p'},{'name':'s','source':"
		 "'10.0.0.0/8','pool':'p','timeouts':{'udp':1,'icmp':1}}]", 2,
		 "nat.rules[1].timeouts.udp"},
		{"'port_timeouts':[{'ports':'1000-1023','timeouts':{'udp':10}}]", 0, ""},
		{"'port_timeouts':[{'ports':'1000-1024','timeouts':{'udp':10}}]", 1,
		 "nat.port_timeouts[0].timeouts.udp"},
		{"'port_timeouts':[{'protocol':'tcp','ports':'80-80','timeouts':{"
		 "'tcp_established':300}}]", 1, "nat.port_timeouts[0].timeouts.tcp_established"},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_errors errs = {0}, w = {0};
		char text[768];
		snprintf(text, sizeof(text), "{%s,'nat':{'pools':[{'name':'p','addresses':"
		         "['203.0.113.0/24']}],%s}}", config_kit_nics, cases[i].nat);
		for (char *q = text; (q = strchr(q, '\'')) != NULL;)
			*q = '"';
		json_t *doc = config_parse(text, strlen(text), &errs);
		CU_ASSERT_FATAL(doc != NULL && config_check(doc, &errs));
		CU_ASSERT_EQUAL(config_warnings(doc, &w), cases[i].n);
		if (w.n != 0)
			CU_ASSERT_STRING_EQUAL(w.e[0].path, cases[i].path);
		json_decref(doc);
	}
}

static const struct test_case cases[] = {
	{"pools", pools},
	{"timeouts", timeouts},
};
TEST_MAIN("config_warnings", cases)

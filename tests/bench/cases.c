/* SPDX-License-Identifier: Apache-2.0 */
/* The cases: what each asks of the rig, and the sentence of --help. */
#include "cases.h"

enum { LIFE_S = 10 };

const struct bench_case bench_cases[] = {
	{.name = "open", .help = "the first packet of a flow: policy, port, mapping, both entries",
	 .run = case_open, .workers = 1, .slack = 5},
	{.name = "nat-hit", .help = "a packet of a random NAT flow, both directions mixed",
	 .run = case_hit, .workers = 1, .fill = true, .slack = 5},
	{.name = "lb-hit", .help = "the same of a balancer's flows", .kind = TRAFFIC_LB,
	 .run = case_hit, .workers = 1, .fill = true, .slack = 5},
	{.name = "lb-open", .help = "the first packet of a balancer's flow, Maglev, 1000 backends",
	 .kind = TRAFFIC_LB, .run = case_open, .workers = 1, .slack = 5, .backends = 1000},
	{.name = "dsr-hit", .help = "a packet to a backend that answers past us, mode dsr",
	 .kind = TRAFFIC_ONE, .mode = "dsr", .run = case_hit, .workers = 1, .fill = true,
	 .slack = 5},
	{.name = "ipip-hit", .help = "the same in mode ipip", .kind = TRAFFIC_ONE, .mode = "ipip",
	 .run = case_hit, .workers = 1, .fill = true, .slack = 5},
	{.name = "gue-hit", .help = "the same in mode gue", .kind = TRAFFIC_ONE, .mode = "gue",
	 .run = case_hit, .workers = 1, .fill = true, .slack = 5},
	{.name = "parts", .help = "the stages of nat-hit one by one, headers warm",
	 .run = case_parts, .workers = 1, .fill = true, .slack = 5, .time_only = true},
	{.name = "lookup", .help = "index and flow alone, the flow's line written",
	 .run = case_lookup, .workers = 1, .fill = true, .slack = 5, .time_only = true},
	{.name = "layouts", .help = "table layouts against each other, at loads 0.5 to 0.85",
	 .run = case_layouts, .time_only = true},
	{.name = "latency", .help = "the time a packet is in the worker, beside an empty loop",
	 .run = case_latency, .workers = 1, .fill = true, .slack = 5, .time_only = true},
	{.name = "inbound-mapping", .help = "a stranger's packet to a mapping: it opens a flow",
	 .run = case_inbound_mapping, .workers = 1, .fill = true, .slack = 25},
	{.name = "scan-miss", .help = "a packet from outside to a port that nobody maps: dropped",
	 .run = case_scan_miss, .workers = 1, .fill = true, .slack = 5},
	{.name = "syn-flood", .help = "new tuples beat on a full table; ratio: speed hits keep",
	 .run = case_syn_flood, .workers = 1, .fill = true},
	{.name = "pool-full", .help = "the same: the table has room, the pool has no port left",
	 .run = case_pool_full, .workers = 1, .fill = true, .per_subscriber = 128, .blocks = true},
	{.name = "expire", .help = "the end of an idle flow, nothing else going on",
	 .run = case_expire, .workers = 1, .fill = true, .slack = 5},
	{.name = "life", .help = "open, a packet each way and expiry, at a standing number",
	 .run = case_life, .workers = 1, .slack = 50, .idle_s = LIFE_S},
	{.name = "handoff", .help = "every packet arrives at the wrong one of two workers",
	 .run = case_handoff, .workers = 2, .fill = true, .slack = 100},
	{.name = "scaling", .help = "two workers against one; ratio: of how F itself scales",
	 .run = case_scaling, .workers = 2, .fill = true, .slack = 100, .time_only = true},
};
const unsigned bench_n_cases = sizeof(bench_cases) / sizeof(bench_cases[0]);

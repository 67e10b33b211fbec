/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog messages: golden ones, frames, and that the longest fits. */
#include "ctl/log/syslog.h"
#include "log_world.h"

static const struct log_names main_pool = {.pool = "main"};

static const struct syslog_sender plain = {.facility = 16, .enterprise = 32473, .pid = 7,
                                           .host = "cgn1"};

static void
golden(void)
{
	struct record block = block_record(RECORD_BLOCK_CREATE, BEGIN_NS + 1000, 17, 2, 1024);
	struct record quota = block, pair;
	struct record gap = {.time_ns = BEGIN_NS + SECOND, .since_ns = BEGIN_NS, .lost = 5,
	                     .event = RECORD_GAP, .worker = RECORD_DAEMON};
	struct record pool = {.time_ns = BEGIN_NS, .sequence = 18, .event = RECORD_THRESHOLD,
	                      .threshold = THRESHOLD_POOL_LOW, .used = 99, .limit = 100};
	struct record table = pool;
	table.threshold = THRESHOLD_MAPPINGS_HIGH;
	quota.event = RECORD_QUOTA_EXCEEDED;
	quota.port_first = quota.port_last = 0;
	quota.proto = 17;
	pair = quota;
	quota.quota = QUOTA_FLOWS;
	quota.limit = 7;
	pair.event = RECORD_MAPPING_CREATE;
	pair.proto = 47;
	pair.far = htonl(0xc6336401);
	const struct { const struct record *rec; const char *text; } cases[] = {
		{&block, "<134>1 2026-11-24T16:00:00.000001Z cgn1 millraced 7 block_create "
		 "[meta sequenceId=\"9\"][nat@32473 event=\"block_create\" worker=\"0\" "
		 "sequence=\"17\" subscriber=\"100.64.0.2\" realm=\"0\" external=\"203.0.113.0\" "
		 "portFirst=\"1024\" portLast=\"1535\" pool=\"main\"] block_create 100.64.0.2 "
		 "203.0.113.0:1024-1535"},
		{&quota, "<132>1 2026-11-24T16:00:00.000001Z cgn1 millraced 7 quota_exceeded "
		 "[meta sequenceId=\"9\"][nat@32473 event=\"quota_exceeded\" worker=\"0\" "
		 "sequence=\"17\" subscriber=\"100.64.0.2\" realm=\"0\" external=\"203.0.113.0\" "
		 "protocol=\"udp\" pool=\"main\" quota=\"flows\" limit=\"7\"] quota_exceeded "
		 "100.64.0.2"},
		{&pair, "<134>1 2026-11-24T16:00:00.000001Z cgn1 millraced 7 mapping_create "
		 "[meta sequenceId=\"9\"][nat@32473 event=\"mapping_create\" worker=\"0\" "
		 "sequence=\"17\" subscriber=\"100.64.0.2\" realm=\"0\" external=\"203.0.113.0\" "
		 "protocol=\"47\" pool=\"main\" far=\"198.51.100.1\"] mapping_create 100.64.0.2"},
		{&pool, "<132>1 2026-11-24T16:00:00.000000Z cgn1 millraced 7 threshold "
		 "[meta sequenceId=\"9\"][nat@32473 event=\"threshold\" worker=\"0\" "
		 "sequence=\"18\" pool=\"main\" threshold=\"pool_low\" used=\"99\" "
		 "limit=\"100\"] pool_low of main: 99"},
		{&table, "<132>1 2026-11-24T16:00:00.000000Z cgn1 millraced 7 threshold "
		 "[meta sequenceId=\"9\"][nat@32473 event=\"threshold\" worker=\"0\" "
		 "sequence=\"18\" threshold=\"mapping_table_high\" used=\"99\" "
		 "limit=\"100\"] mapping_table_high: 99"},
		{&gap, "<132>1 2026-11-24T16:00:01.000000Z cgn1 millraced 7 gap "
		 "[meta sequenceId=\"9\"][nat@32473 event=\"gap\" "
		 "since=\"2026-11-24T16:00:00.000000Z\" lost=\"5\"] 5 records are missing"},
	};
	char out[SYSLOG_MESSAGE + 1];
	static const struct log_names none;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		out[syslog_put(out, &plain, 9, cases[i].rec,
		               cases[i].rec == &table ? &none : &main_pool)] = '\0';
		CU_ASSERT_STRING_EQUAL(out, cases[i].text);
	}
}

static void
frames(void)
{
	struct syslog_sender framed = plain;
	struct record r = {.time_ns = BEGIN_NS, .sequence = UINT64_MAX, .subscriber = UINT32_MAX,
	                   .external = UINT32_MAX, .far = UINT32_MAX, .far_port = UINT16_MAX,
	                   .port_first = UINT16_MAX, .port_last = UINT16_MAX, .proto = 255,
	                   .inside_port = UINT16_MAX, .worker = 254, .realm = 255,
	                   .packets_out = UINT64_MAX, .packets_in = UINT64_MAX,
	                   .bytes_out = UINT64_MAX, .bytes_in = UINT64_MAX,
	                   .event = RECORD_SESSION_DELETE};
	static const struct log_names names = {.pool = "a-pool.name:with_31.characters_",
	                                       .realm = "a-realm.name:with_31_characters"};
	char out[SYSLOG_MESSAGE + 1], bare[SYSLOG_MESSAGE + 1];
	framed.framed = true;
	framed.enterprise = UINT32_MAX;
	framed.pid = UINT32_MAX;
	memset(framed.host, 'h', sizeof(framed.host) - 1);
	size_t n = syslog_put(out, &framed, UINT64_MAX, &r, &names);
	out[n] = '\0';
	char *end;
	size_t said = strtoul(out, &end, 10);
	CU_ASSERT(n < SYSLOG_MESSAGE - 64 && *end == ' ');
	CU_ASSERT_EQUAL(said, strlen(end + 1));
	framed.framed = false;
	bare[syslog_put(bare, &framed, UINT64_MAX, &r, &names)] = '\0';
	CU_ASSERT_STRING_EQUAL(end + 1, bare);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare, " realm=\"255\" realmName=\"a-realm.name:"));
}

/* sequenceId goes from 1 to 2147483647 and begins again (RFC 5424 section 7.3.1). */
static void
numbers(void)
{
	static const struct { uint64_t number; const char *text; } cases[] = {
		{1, "sequenceId=\"1\""}, {2147483647, "sequenceId=\"2147483647\""},
		{2147483648, "sequenceId=\"1\""},
	};
	struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS, 1, 2, 1024);
	char out[SYSLOG_MESSAGE + 1];
	for (size_t i = 0; i < 3; i++) {
		out[syslog_put(out, &plain, cases[i].number, &r, NULL)] = '\0';
		CU_ASSERT(strstr(out, cases[i].text) != NULL);
	}
}

static const struct test_case cases[] = {
	{"golden messages", golden},
	{"frames", frames},
	{"numbers", numbers},
};
TEST_MAIN("log_syslog", cases)

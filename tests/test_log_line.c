/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and records as text: golden lines, round trips, texts of anybody. */
#include "ctl/log/line.h"
#include "ctl/log/timetext.h"
#include "log_world.h"

static const struct log_names main_pool = {.pool = "main"};

static void
moments(void)
{
	static const struct { const char *text; uint64_t ns; } cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2000-02-29T23:59:59Z", 951868799 * SECOND},
		{"2026-11-20T17:00:00Z", 1795194000 * SECOND},
		{"2026-11-20 17:00:00Z", 1795194000 * SECOND},
		{"2026-11-20T18:30:00.5+01:30", 1795194000 * SECOND + SECOND / 2},
		{"2026-11-20T15:00:00.000000001-02:00", 1795194000 * SECOND + 1},
		{"2100-03-01T00:00:00Z", 4107542400 * SECOND},
	};
	static const char *const bad[] = {
		"", "2026", "2026-11-20", "2026-11-20T17:00:00", "2026-11-20T17:00:00ZZ",
		"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-20T24:00:00Z",
		"2026-11-20T17:00:00.Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00",
		"2026-11-20T17:00:00+1:00",
	};
	uint64_t ns;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_TRUE(time_parse(cases[i].text, strlen(cases[i].text), &ns));
		CU_ASSERT_EQUAL(ns, cases[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(time_parse(bad[i], strlen(bad[i]), &ns));
	char text[TIME_TEXT];
	uint64_t random = test_seed();
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t us = test_random(&random) % (500ull * 365 * 86400 * 1000000);
		CU_ASSERT_TRUE(time_parse(time_put(text, us * 1000), TIME_TEXT - 1, &ns));
		CU_ASSERT_EQUAL_FATAL(ns, us * 1000);
	}
	CU_ASSERT_STRING_EQUAL(time_put_compact(text, 1795194000 * SECOND), "20261120T170000Z");
	CU_ASSERT(time_parse_compact("20261120T170000Z-7", &ns) && ns == 1795194000 * SECOND);
	CU_ASSERT(!time_parse_compact("20261120T170000", &ns));
	CU_ASSERT(!time_parse_compact("20261320T170000Z", &ns));
}

static void
golden(void)
{
	struct record block = block_record(RECORD_BLOCK_CREATE, 1795194000 * SECOND + 1000, 17, 2,
	                                   1024);
	struct record session = block;
	struct record pool = {.time_ns = 1795194000 * SECOND, .event = RECORD_THRESHOLD,
	                      .sequence = 18, .threshold = THRESHOLD_POOL_HIGH, .used = 114,
	                      .limit = 113};
	struct record user = pool;
	user.threshold = THRESHOLD_USER_LOW;
	user.subscriber = htonl(0x64400002);
	user.external = block.external;
	struct record gap = {.time_ns = 1795194060 * SECOND, .since_ns = 1795194000 * SECOND,
	                     .event = RECORD_GAP, .lost = 5, .worker = 3};
	session.event = RECORD_SESSION_DELETE;
	session.port_last = session.port_first;
	session.proto = 6;
	session.inside_port = 40000;
	session.far = htonl(0xc6336401);
	session.far_port = 443;
	session.packets_out = 10;
	session.packets_in = 12;
	session.bytes_out = 1000;
	session.bytes_in = 15000;
	struct record pair = block;
	pair.event = RECORD_MAPPING_CREATE;
	pair.port_first = pair.port_last = 0;
	pair.proto = 47;
	pair.far = session.far;
	const struct { const struct record *rec; const char *line; } cases[] = {
		{&pair, "{\"time\":\"2026-11-20T17:00:00.000001Z\",\"event\":\"mapping_create\","
		 "\"worker\":0,\"sequence\":17,\"subscriber\":\"100.64.0.2\",\"realm\":0,"
		 "\"external\":\"203.0.113.0\",\"protocol\":\"47\",\"pool\":\"main\","
		 "\"far\":\"198.51.100.1\"}\n"},
		{&block, "{\"time\":\"2026-11-20T17:00:00.000001Z\",\"event\":\"block_create\","
		 "\"worker\":0,\"sequence\":17,\"subscriber\":\"100.64.0.2\",\"realm\":0,"
		 "\"external\":\"203.0.113.0\",\"port_first\":1024,\"port_last\":1535,"
		 "\"pool\":\"main\"}\n"},
		{&session, "{\"time\":\"2026-11-20T17:00:00.000001Z\",\"event\":\"session_delete\","
		 "\"worker\":0,\"sequence\":17,\"subscriber\":\"100.64.0.2\",\"realm\":0,"
		 "\"external\":\"203.0.113.0\",\"port_first\":1024,\"port_last\":1024,"
		 "\"inside_port\":40000,\"protocol\":\"tcp\",\"pool\":\"main\","
		 "\"far\":\"198.51.100.1\",\"far_port\":443,\"packets\":[10,12],"
		 "\"bytes\":[1000,15000]}\n"},
		{&pool, "{\"time\":\"2026-11-20T17:00:00.000000Z\",\"event\":\"threshold\","
		 "\"worker\":0,\"sequence\":18,\"pool\":\"main\",\"threshold\":\"pool_high\","
		 "\"used\":114,\"limit\":113}\n"},
		{&user, "{\"time\":\"2026-11-20T17:00:00.000000Z\",\"event\":\"threshold\","
		 "\"worker\":0,\"sequence\":18,\"subscriber\":\"100.64.0.2\",\"realm\":0,"
		 "\"external\":\"203.0.113.0\",\"pool\":\"main\","
		 "\"threshold\":\"subscriber_low\",\"used\":114,\"limit\":113}\n"},
		{&gap, "{\"time\":\"2026-11-20T17:01:00.000000Z\",\"event\":\"gap\",\"worker\":3,"
		 "\"since\":\"2026-11-20T17:00:00.000000Z\",\"lost\":5}\n"},
	};
	char line[LOG_LINE + 1];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		line[log_line_put(line, cases[i].rec, &main_pool)] = '\0';
		CU_ASSERT_STRING_EQUAL(line, cases[i].line);
	}
	static const struct log_names red = {.pool = "main", .realm = "red"};
	struct record r = user;
	r.realm = 7;
	line[log_line_put(line, &r, &red)] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "\"realm\":7,\"realm_name\":\"red\",\"external\""));
}

static struct record
random_record(uint64_t *random)
{
	static const uint8_t events[] = {3, 4, 5, 8, 9, 12, 13, 14, 15, 16, 17, 18, 200,
	                                 201, 202, 203};
	struct record r = {.time_ns = test_random(random) % (1ull << 62) / 1000 * 1000 + 1000};
	uint16_t a = (uint16_t)test_random(random), b = (uint16_t)test_random(random);
	r.event = events[test_random(random) % sizeof(events)];
	r.worker = test_random(random) % 4 == 0 ? RECORD_DAEMON : (uint8_t)test_random(random);
	r.sequence = test_random(random) >> (test_random(random) % 64);
	bool session = log_event_is_session(r.event), gap = r.event == RECORD_GAP;
	if (gap || r.event == RECORD_BLOCK_INTERIM)
		r.since_ns = r.time_ns / 2000 * 1000;
	if (gap)
		r.lost = test_random(random);
	if (gap || r.event == RECORD_START)
		return r;
	if (r.event == RECORD_THRESHOLD) {
		static const uint8_t kinds[] = {
			THRESHOLD_POOL_HIGH, THRESHOLD_POOL_LOW, THRESHOLD_USER_HIGH,
			THRESHOLD_USER_LOW, THRESHOLD_MAPPINGS_HIGH, THRESHOLD_MAPPINGS_LOW,
			THRESHOLD_SUBSCRIBERS_HIGH, THRESHOLD_SUBSCRIBERS_LOW,
		};
		r.threshold = kinds[test_random(random) % sizeof(kinds)];
		r.used = test_random(random);
		r.limit = test_random(random);
	}
	if (!log_event_has_subscriber(&r))
		return r;
	r.subscriber = (be32)test_random(random);
	r.external = (be32)test_random(random);
	r.realm = (uint8_t)test_random(random);
	r.port_first = a < b ? a : b;
	r.port_last = (a < b ? b : a) | 1;
	r.inside_port = (uint16_t)test_random(random);
	r.proto = (uint8_t)test_random(random);
	if (r.event == RECORD_RANGES) {
		r.far = (be32)test_random(random) | 1;
		r.limit = test_random(random);
	}
	if (r.event == RECORD_QUOTA_EXCEEDED) {
		r.limit = test_random(random) % 3;
		r.quota = (uint8_t)(test_random(random) % (QUOTA_FRAGMENT_TABLE + 1));
	}
	if (session) {
		r.far = (be32)test_random(random);
		r.far_port = (uint16_t)test_random(random);
	}
	if (r.event == RECORD_SESSION_DELETE) {
		r.packets_out = test_random(random);
		r.packets_in = test_random(random);
		r.bytes_out = r.bytes_in = UINT64_MAX;
	}
	return r;
}

static void
round_trip(void)
{
	uint64_t random = test_seed();
	char line[LOG_LINE];
	struct log_names names, read;
	for (unsigned i = 0; i < 50000; i++) {
		struct record r = random_record(&random), back;
		bool who = r.event != RECORD_GAP && r.event != RECORD_START;
		bool whose = who && log_event_has_subscriber(&r) && i % 2 == 0;
		snprintf(names.pool, IMAGE_NAME, "%s",
		         who ? "a-pool.name:with_31.characters_" : "");
		snprintf(names.realm, IMAGE_NAME, "%s",
		         whose ? "a-realm.name:with_31_characters" : "");
		size_t n = log_line_put(line, &r, &names);
		CU_ASSERT_FATAL(n <= sizeof(line) && line[n - 1] == '\n');
		CU_ASSERT_FATAL(log_line_parse(line, n - 1, &back, &read));
		CU_ASSERT_FATAL(memcmp(&r, &back, sizeof(r)) == 0);
		CU_ASSERT_STRING_EQUAL(read.pool, names.pool);
		CU_ASSERT_STRING_EQUAL(read.realm, names.realm);
		for (size_t cut = 0; cut + 1 < n; cut += 1 + cut / 7)
			CU_ASSERT_FALSE(log_line_parse(line, cut, &back, &read));
	}
}

static void
bad_lines(void)
{
#define HEAD "{\"time\":\"2026-11-20T17:00:00Z\",\"event\":\"block_create\""
	static const char *const bad[] = {
		"", "{}", "[]", "null", HEAD, HEAD "} ", HEAD ",}", HEAD ",\"realm\":256}",
		HEAD ",\"realm\":-1}", HEAD ",\"realm\":\"1\"}", HEAD ",\"port_first\":65536}",
		HEAD ",\"port_first\":2,\"port_last\":1}", HEAD ",\"external\":\"1.2.3\"}",
		HEAD ",\"external\":\"1.2.3.256\"}", HEAD ",\"external\":1}",
		HEAD ",\"pool\":\"0123456789012345678901234567890123\"}",
		HEAD ",\"pool\":\"\\u0041\"}", HEAD ",\"realm_name\":7}",
		HEAD ",\"realm_name\":\"0123456789012345678901234567890123\"}",
		HEAD ",\"sequence\":18446744073709551616}",
		HEAD ",\"protocol\":\"xyz\"}", HEAD ",\"bytes\":[1]}", HEAD ",\"time\":\"now\"}",
		"{\"event\":\"block_create\"}", "{\"time\":\"2026-11-20T17:00:00Z\"}",
		"{\"time\":\"2026-11-20T17:00:00Z\",\"event\":\"nothing\"}",
	};
	static const char later[] = HEAD ",\"colour\":\"red\",\"size\":[1,2],\"port_last\":9}";
	struct record r;
	struct log_names names;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(log_line_parse(bad[i], strlen(bad[i]), &r, &names));
	CU_ASSERT_TRUE(log_line_parse(later, strlen(later), &r, &names));
	CU_ASSERT_EQUAL(r.port_last, 9);
}

static const struct test_case cases[] = {
	{"moments", moments},
	{"golden lines", golden},
	{"round trip", round_trip},
	{"bad lines", bad_lines},
};
TEST_MAIN("log_line", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX messages: golden bytes, bounds, sequence numbers over gaps and domains. */
#include "ctl/daemon/ipfix.h"
#include "log_world.h"

static uint32_t
read32(const void *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return ntohl(v);
}

static uint16_t
read16(const void *at)
{
	uint16_t v;
	memcpy(&v, at, sizeof(v));
	return ntohs(v);
}

/* add_named: until it is taken; messages that are full or ended on the way are counted. */
static unsigned
add_named(struct ipfix *x, const struct record *r, const char *pool, const char *realm)
{
	struct log_names names = {{0}, {0}};
	const void *data;
	snprintf(names.pool, sizeof(names.pool), "%s", pool);
	snprintf(names.realm, sizeof(names.realm), "%s", realm);
	unsigned messages = 0;
	enum ipfix_took took;
	while ((took = ipfix_add(x, r, 0, &names)) == IPFIX_FULL) {
		size_t n = ipfix_message(x, 1000, &data);
		CU_ASSERT_FATAL(n > 16 && n <= IPFIX_MESSAGE);
		CU_ASSERT_EQUAL(read16((const char *)data + 2), n);
		messages++;
	}
	CU_ASSERT_EQUAL(took, IPFIX_TOOK);
	return messages;
}

static unsigned
add(struct ipfix *x, const struct record *r, const char *pool)
{
	return add_named(x, r, pool, "");
}

static void
golden(void)
{
	static const uint8_t want[] = {
		0x00, 0x0a, 0x00, 0x31, 0x00, 0x00, 0x03, 0xe8, /* version, length, export time */
		0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x01, /* sequence 16, domain 1 */
		0x01, 0x00, 0x00, 0x21,                         /* set 256 */
		0x00, 0x00, 0x01, 0xa2, 0x0e, 0x15, 0x20, 0x01, /* observationTimeMilliseconds */
		0x64, 0x40, 0x00, 0x02, 0xcb, 0x00, 0x71, 0x00, /* inside, external address */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* ingressVRFID, natPoolId */
		0x04, 0x00, 0x05, 0xff, 0x10,                   /* range, natEvent */
	};
	struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS + 1000000, 17, 2, 1024);
	struct ipfix *x = ipfix_create();
	const void *data;
	CU_ASSERT_EQUAL(add(x, &r, ""), 1); /* the templates go first */
	size_t n = ipfix_message(x, 1000, &data);
	uint64_t ms = BEGIN_NS / 1000000 + 1;
	uint8_t expected[sizeof(want)];
	memcpy(expected, want, sizeof(want));
	for (unsigned i = 0; i < 8; i++)
		expected[20 + i] = (uint8_t)(ms >> (56 - 8 * i));
	CU_ASSERT_EQUAL_FATAL(n, sizeof(want));
	CU_ASSERT_EQUAL(memcmp(data, expected, n), 0);
	CU_ASSERT_EQUAL(ipfix_message(x, 1000, &data), 0);
	ipfix_destroy(x);
}

/* Does a message say that records of a template have an element (of IANA's)? */
static bool
template_has(const uint8_t *m, size_t n, unsigned template, unsigned element)
{
	for (size_t set = 16; set + 4 <= n; set += read16(m + set + 2)) {
		size_t end = set + read16(m + set + 2);
		for (size_t at = set + 4; read16(m + set) == 2 && at + 4 <= end;) {
			unsigned fields = read16(m + at + 2), is_it = read16(m + at) == template;
			for (at += 4; fields-- > 0; at += 4)
				if (is_it && read16(m + at) == element)
					return true;
		}
	}
	return false;
}

/* Which threshold a record is of stands in its template. */
static void
threshold_templates(void)
{
	static const uint16_t elements[][2] = {{264, 476}, {265, 477}, {266, 480}, {271, 478},
	                                       {272, 479}, {273, 481}};
	enum { N = sizeof(elements) / sizeof(elements[0]) };
	struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS, 5, 2, 0);
	struct ipfix *x = ipfix_create();
	struct log_names names = {0};
	const void *data;
	CU_ASSERT_EQUAL_FATAL(ipfix_add(x, &r, 0, &names), IPFIX_FULL);
	size_t n = ipfix_message(x, 1000, &data);
	for (unsigned i = 0; i < N; i++)
		for (unsigned j = 0; j < N; j++)
			CU_ASSERT_EQUAL(template_has(data, n, elements[i][0], elements[j][1]),
			                i == j);
	ipfix_destroy(x);
}

/* A threshold's record: of a pool, of a subscriber, of all mappings, whose low mark has an element
 * and no number of its own, and of all subscribers; that which RFC 8158 has not is left out. */
static void
thresholds(void)
{
	static const struct { uint8_t kind, set, size, event; } cases[] = {
		{THRESHOLD_POOL_HIGH, 8, 21, 1}, {THRESHOLD_POOL_LOW, 9, 21, 2},
		{THRESHOLD_USER_HIGH, 10, 29, 4}, {THRESHOLD_USER_LOW, 0, 0, 0},
		{THRESHOLD_MAPPINGS_HIGH, 15, 17, 3}, {THRESHOLD_MAPPINGS_LOW, 16, 17, 3},
		{THRESHOLD_SUBSCRIBERS_HIGH, 17, 17, 5}, {THRESHOLD_SUBSCRIBERS_LOW, 0, 0, 0},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r = block_record(RECORD_THRESHOLD, BEGIN_NS, 5, 2, 0);
		struct ipfix *x = ipfix_create();
		const void *data;
		r.threshold = cases[i].kind;
		r.used = 0x1234;
		r.limit = 0x5678;
		add(x, &r, "");
		size_t n = ipfix_message(x, 1000, &data);
		CU_ASSERT_EQUAL_FATAL(n, cases[i].size == 0 ? 0 : 20u + cases[i].size);
		if (n == 0) {
			ipfix_destroy(x);
			continue;
		}
		/* time, [subscriber, realm,] pool, kind, limit, natEvent */
		const uint8_t *row = (const uint8_t *)data + 20;
		CU_ASSERT_EQUAL(read16(row - 4), 256 + cases[i].set);
		CU_ASSERT_EQUAL(read32(row + cases[i].size - 9), cases[i].event);
		CU_ASSERT_EQUAL(read32(row + cases[i].size - 5), 0x5678);
		CU_ASSERT_EQUAL(row[cases[i].size - 1], 18);
		if (cases[i].kind == THRESHOLD_USER_HIGH)
			CU_ASSERT_EQUAL(read32(row + 8), 0x64400002);
		ipfix_destroy(x);
	}
}

/* A quota's record: of a subscriber, of a table; that which RFC 8158 has not is left out. */
static void
quotas(void)
{
	static const struct { uint8_t quota, set, size, event; } cases[] = {
		{0, 7, 29, 3}, {QUOTA_PORTS, 7, 29, 3}, {QUOTA_MAPPINGS, 7, 29, 3},
		{QUOTA_FLOWS, 7, 29, 3}, {QUOTA_FLOW_RATE, 7, 29, 3},
		{QUOTA_MAPPING_TABLE, 11, 17, 2}, {QUOTA_SUBSCRIBER_TABLE, 12, 17, 4},
		{QUOTA_FLOW_TABLE, 13, 17, 1}, {QUOTA_FRAGMENTS, 14, 29, 5},
		{QUOTA_FRAGMENT_TABLE, 14, 29, 5},
		{QUOTA_PERMISSION_TABLE, 0, 0, 0},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r = block_record(RECORD_QUOTA_EXCEEDED, BEGIN_NS, 5, 2, 0);
		struct ipfix *x = ipfix_create();
		const void *data;
		r.quota = cases[i].quota;
		r.limit = 0x5678;
		add(x, &r, "");
		size_t n = ipfix_message(x, 1000, &data);
		CU_ASSERT_EQUAL_FATAL(n, cases[i].size == 0 ? 0 : 20u + cases[i].size);
		if (n != 0) {
			/* time, [subscriber, realm, pool,] quota, limit, natEvent */
			const uint8_t *row = (const uint8_t *)data + 20;
			CU_ASSERT_EQUAL(read16(row - 4), 256 + cases[i].set);
			CU_ASSERT_EQUAL(read32(row + cases[i].size - 9), cases[i].event);
			CU_ASSERT_EQUAL(read32(row + cases[i].size - 5), 0x5678);
			CU_ASSERT_EQUAL(row[cases[i].size - 1], 13);
		}
		ipfix_destroy(x);
	}
}

static void
sequences(void)
{
	struct ipfix *x = ipfix_create();
	struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS, 1, 2, 1024), gap = r;
	const void *data;
	/* Templates of domain 0, the pool's name, templates of domain 1. */
	CU_ASSERT_EQUAL(add(x, &r, "main"), 3);
	r.sequence = 2;
	CU_ASSERT_EQUAL(add(x, &r, "main"), 0);
	gap.event = RECORD_GAP;
	CU_ASSERT_EQUAL(add(x, &gap, ""), 0);
	r.sequence = 10; /* 3 to 9 are lost */
	CU_ASSERT_EQUAL(add(x, &r, "main"), 1);
	CU_ASSERT(ipfix_message(x, 5, &data) != 0);
	CU_ASSERT(read32((const char *)data + 8) == 9 && read32((const char *)data + 12) == 1);
	r.worker = 7;
	r.sequence = 0x100000001; /* modulo 2^32 */
	add(x, &r, "main");
	CU_ASSERT(ipfix_message(x, 5, &data) != 0);
	CU_ASSERT(read32((const char *)data + 8) == 0 && read32((const char *)data + 12) == 8);
	r.event = RECORD_BLOCK_INTERIM;
	r.sequence = 0;
	add(x, &r, "main");
	CU_ASSERT(ipfix_message(x, 5, &data) != 0);
	CU_ASSERT(read32((const char *)data + 8) == 1 && read32((const char *)data + 12) == 0);
	ipfix_restart(x);
	r.worker = 0;
	r.event = RECORD_BLOCK_DELETE;
	r.sequence = 11;
	CU_ASSERT_EQUAL(add(x, &r, "main"), 3); /* all is told again */
	ipfix_destroy(x);
}

/* That a block is still held is what its beginning was, at another time, said by the daemon. */
static void
interim(void)
{
	struct record r = block_record(RECORD_BLOCK_INTERIM, BEGIN_NS + 3000000, 0, 2, 1024);
	struct ipfix *x = ipfix_create();
	const void *data;
	r.since_ns = BEGIN_NS;
	r.worker = RECORD_DAEMON;
	add(x, &r, "");
	size_t n = ipfix_message(x, 1000, &data);
	const uint8_t *m = data;
	CU_ASSERT_EQUAL_FATAL(n, 49); /* as golden() has it */
	CU_ASSERT(read32(m + 12) == 0 && read16(m + 16) == 256); /* domain, set */
	CU_ASSERT_EQUAL(read32(m + 24), (uint32_t)(BEGIN_NS / 1000000 + 3));
	CU_ASSERT(read32(m + 28) == 0x64400002 && read32(m + 32) == 0xcb007100);
	CU_ASSERT(read16(m + 44) == 1024 && read16(m + 46) == 1535);
	CU_ASSERT_EQUAL(m[48], 16);
	ipfix_destroy(x);
}

/* What did not go is made again under the same number; a stream that begins counts from 0. */
static void
unsent(void)
{
	struct ipfix *x = ipfix_create();
	struct record r = block_record(RECORD_BLOCK_INTERIM, BEGIN_NS, 0, 2, 1024);
	const void *data;
	for (unsigned i = 0; i < 4; i++) {
		add(x, &r, "");
		add(x, &r, "");
		CU_ASSERT(ipfix_message(x, 5, &data) != 0);
		CU_ASSERT_EQUAL(read32((const char *)data + 8), i < 2 ? 0 : 2 * (i - 1));
		if (i == 0) {
			ipfix_unsent(x);
			ipfix_restart(x);
		}
	}
	ipfix_unsent(x);
	ipfix_unsent(x); /* it was one message */
	add(x, &r, "");
	CU_ASSERT(ipfix_message(x, 5, &data) != 0);
	CU_ASSERT_EQUAL(read32((const char *)data + 8), 4);
	ipfix_renumber(x);
	add(x, &r, "");
	CU_ASSERT(ipfix_message(x, 5, &data) != 0);
	CU_ASSERT_EQUAL(read32((const char *)data + 8), 0);
	ipfix_destroy(x);
}

/* Names of realms: once each, and again when a number has become another one's. */
static void
realms(void)
{
	static const struct { uint8_t realm; const char *name; bool is_told; } cases[] = {
		{7, "red", true}, {7, "red", false}, {8, "blue", true}, {7, "red", false},
		{7, "green", true}, {8, "blue", false}, {9, "", false}, {200, "no such", false},
	};
	struct ipfix *x = ipfix_create();
	const void *data;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS, i + 1, 2, 1024);
		struct log_names names = {.pool = ""};
		r.realm = cases[i].realm;
		snprintf(names.realm, sizeof(names.realm), "%s", cases[i].name);
		bool is_told = false;
		while (ipfix_add(x, &r, 0, &names) == IPFIX_FULL) {
			size_t n = ipfix_message(x, 1000, &data), size = strlen(cases[i].name);
			const uint8_t *set = (const uint8_t *)data + 16;
			if (read16(set) != 298)
				continue;
			is_told = true;
			CU_ASSERT(read32((const uint8_t *)data + 12) == 0 &&
			          read32(set + 4) == cases[i].realm && n == 16 + 4 + 5 + size);
			CU_ASSERT(set[8] == size && memcmp(set + 9, cases[i].name, size) == 0);
		}
		CU_ASSERT_EQUAL(is_told, cases[i].is_told);
	}
	CU_ASSERT_STRING_EQUAL(ipfix_error(x), "");
	ipfix_destroy(x);
}

/* Every event, until many messages are full. */
static void
full(void)
{
	static const uint8_t events[] = {3, 4, 5, 8, 9, 12, 13, 14, 15, 16, 17, 200, 201, 202, 203};
	struct ipfix *x = ipfix_create();
	uint64_t random = test_seed(), sequence = 0;
	unsigned messages = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct record r = block_record(events[test_random(&random) % sizeof(events)],
		                               BEGIN_NS, 0, i, 1024);
		bool own = r.event >= RECORD_BLOCK_INTERIM;
		r.sequence = own ? 0 : ++sequence;
		messages += add(x, &r, "a-pool.name:with_31.characters_");
	}
	CU_ASSERT(messages > 1000);
	CU_ASSERT_STRING_EQUAL(ipfix_error(x), "");
	ipfix_destroy(x);
}

static const struct test_case cases[] = {
	{"golden message", golden},
	{"thresholds", thresholds},
	{"thresholds by their templates", threshold_templates},
	{"quotas", quotas},
	{"sequence numbers", sequences},
	{"blocks that are still held", interim},
	{"unsent messages", unsent},
	{"full messages", full},
	{"names of realms", realms},
};
TEST_MAIN("ipfix", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of a segment and a syslog message of one record say the same: each member of the line is a
 * parameter of the message, by the rule that docs/log.md has for its name, and there are no others.
 */
#include <ctype.h>
#include <jansson.h>

#include "ctl/log/line.h"
#include "ctl/log/syslog.h"
#include "log_world.h"

static const uint8_t events[] = {
	RECORD_ADDRESSES_EXHAUSTED, RECORD_SESSION_CREATE, RECORD_SESSION_DELETE,
	RECORD_MAPPING_CREATE, RECORD_MAPPING_DELETE, RECORD_PORTS_EXHAUSTED,
	RECORD_QUOTA_EXCEEDED, RECORD_ADDRESS_CREATE, RECORD_ADDRESS_DELETE, RECORD_BLOCK_CREATE,
	RECORD_BLOCK_DELETE, RECORD_THRESHOLD, RECORD_BLOCK_INTERIM, RECORD_GAP, RECORD_START,
	RECORD_RANGES, RECORD_CLOCK,
};
enum { EVENTS = sizeof(events), ROUNDS = 20000 };

/* some: any number below a limit, and nought as often as not. */
static uint64_t
some(uint64_t *random, uint64_t limit)
{
	return test_random(random) % 3 == 0 ? 0 : test_random(random) % limit;
}

static struct record
any(uint64_t *random)
{
	static const uint8_t thresholds[] = {
		THRESHOLD_POOL_HIGH, THRESHOLD_POOL_LOW, THRESHOLD_USER_HIGH, THRESHOLD_USER_LOW,
		THRESHOLD_MAPPINGS_HIGH, THRESHOLD_MAPPINGS_LOW, THRESHOLD_SUBSCRIBERS_HIGH,
		THRESHOLD_SUBSCRIBERS_LOW,
	};
	struct record r = {
		.event = events[test_random(random) % EVENTS], .sequence = some(random, 1000),
		.time_ns = BEGIN_NS + test_random(random) % SECOND,
		.since_ns = BEGIN_NS + some(random, SECOND), .lost = some(random, 1000),
		.bytes_out = some(random, UINT64_MAX), .bytes_in = some(random, 1000),
		.subscriber = (be32)test_random(random), .external = (be32)some(random, UINT32_MAX),
		.far = (be32)some(random, UINT32_MAX), .inside_port = (uint16_t)some(random, 65536),
		.far_port = (uint16_t)some(random, 65536), .proto = (uint8_t)some(random, 256),
		.realm = (uint8_t)some(random, 64), .quota = (uint8_t)some(random, 12),
		.worker = test_random(random) % 4 == 0 ? RECORD_DAEMON : 3,
		.threshold = thresholds[test_random(random) % sizeof(thresholds)],
	};
	r.port_last = (uint16_t)some(random, 65536);
	r.port_first = (uint16_t)some(random, r.port_last + 1u);
	if (r.port_last == 0)
		r.inside_port = 0; /* who has no port has none inside */
	return r;
}

/* camel: "port_first" to "portFirst". */
static void
camel(char *out, const char *name)
{
	for (; *name != '\0'; name++)
		*out++ = *name != '_' ? *name : (char)toupper(*++name);
	*out = '\0';
}

/* has: is the parameter there, with this value? */
static bool
has(const char *data, const char *name, const char *value)
{
	char want[256];
	snprintf(want, sizeof(want), " %s=\"%s\"", name, value);
	return strstr(data, want) != NULL;
}

/* member_said: => how many parameters it is, or 0: it is not there. */
static unsigned
member_said(const char *data, const char *key, const json_t *v)
{
	char name[64], value[64], in[64], out[64], ways[2][80];
	camel(name, key);
	if (!json_is_array(v)) {
		snprintf(value, sizeof(value), "%lld", (long long)json_integer_value(v));
		return has(data, name, json_is_string(v) ? json_string_value(v) : value);
	}
	snprintf(out, sizeof(out), "%llu",
	         (unsigned long long)json_integer_value(json_array_get(v, 0)));
	snprintf(in, sizeof(in), "%llu",
	         (unsigned long long)json_integer_value(json_array_get(v, 1)));
	snprintf(ways[0], sizeof(ways[0]), "%sOut", name);
	snprintf(ways[1], sizeof(ways[1]), "%sIn", name);
	return has(data, ways[0], out) && has(data, ways[1], in) ? 2 : 0;
}

/* alike: of one record. => false, said. */
static bool
alike(const struct record *r, const struct log_names *names)
{
	char line[LOG_LINE + 1], message[SYSLOG_MESSAGE + 1];
	struct syslog_sender s = {.facility = 16, .enterprise = 32473, .host = "h"};
	line[log_line_put(line, r, names)] = '\0';
	message[syslog_put(message, &s, 1, r, names)] = '\0';
	json_t *o = json_loads(line, 0, NULL), *v;
	char *data = strstr(message, "[nat@"), *end = data != NULL ? strchr(data, ']') : NULL;
	const char *key, *time = json_string_value(json_object_get(o, "time"));
	unsigned said = 0, params = 0;
	bool good = o != NULL && end != NULL && strstr(message, time) != NULL;
	for (const char *at = data; good && at < end; at++)
		params += *at == '=';
	if (good)
		*end = '\0';
	json_object_foreach(o, key, v) {
		unsigned n = strcmp(key, "time") == 0 || !good ? 0 : member_said(data, key, v);
		good &= n != 0 || strcmp(key, "time") == 0;
		said += n;
	}
	good &= said == params;
	if (!good)
		printf("\n  %s  %s\n", line, message);
	json_decref(o);
	return good;
}

static void
line_and_message(void)
{
	uint64_t random = test_seed();
	static const struct log_names names[] = {{"main", ""}, {"main", "red"}, {"", ""}};
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct record r = any(&random);
		if (r.bytes_out > INT64_MAX)
			r.bytes_out >>= 1; /* what JSON's readers take */
		CU_ASSERT_FATAL(alike(&r, &names[test_random(&random) % 3]));
	}
}

static const struct test_case cases[] = {
	{"a line and a message", line_and_message},
};
TEST_MAIN("log_alike", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are written and read by hand: a million must take less than a second. */
#include "line.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/tuple.h"
#include "timetext.h"

bool
log_event_is_session(unsigned event)
{
	return event == RECORD_SESSION_CREATE || event == RECORD_SESSION_DELETE;
}

bool
log_event_is_assignment(unsigned event)
{
	return log_event_is_session(event) || event == RECORD_MAPPING_CREATE ||
	       event == RECORD_MAPPING_DELETE || event == RECORD_BLOCK_CREATE ||
	       event == RECORD_BLOCK_DELETE || event == RECORD_BLOCK_INTERIM;
}

bool
log_event_is_of_all(unsigned event)
{
	return event == RECORD_GAP || event == RECORD_START || event == RECORD_CLOCK;
}

static const struct { const char *name; uint8_t number; } protos[] = {
	{"tcp", IPPROTO_L4_TCP}, {"udp", IPPROTO_L4_UDP}, {"icmp", IPPROTO_L4_ICMP},
};
enum { PROTOS = sizeof(protos) / sizeof(protos[0]) };

const char *
log_proto_name(unsigned proto, char out[8])
{
	for (unsigned i = 0; i < PROTOS; i++)
		if (protos[i].number == proto)
			return protos[i].name;
	snprintf(out, 8, "%u", proto & 0xff);
	return out;
}

int
log_proto_parse(const char *s, size_t size)
{
	int n = 0;
	for (unsigned i = 0; i < PROTOS; i++)
		if (strlen(protos[i].name) == size && memcmp(protos[i].name, s, size) == 0)
			return protos[i].number;
	if (size == 0 || size > 3)
		return -1;
	for (size_t i = 0; i < size; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		n = n * 10 + (s[i] - '0');
	}
	return n > 0 && n < 256 ? n : -1;
}

/* A line as it is written. LOG_LINE holds every member at its longest. */
struct out {
	char *p;
};

static void
put_text(struct out *o, const char *s)
{
	size_t n = strlen(s);
	memcpy(o->p, s, n);
	o->p += n;
}

static void
put_number(struct out *o, uint64_t v)
{
	char digits[20];
	unsigned n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n > 0)
		*o->p++ = digits[--n];
}

static void
put_key(struct out *o, const char *key)
{
	*o->p++ = ',';
	*o->p++ = '"';
	put_text(o, key);
	*o->p++ = '"';
	*o->p++ = ':';
}

static void
put_string(struct out *o, const char *key, const char *value)
{
	put_key(o, key);
	*o->p++ = '"';
	put_text(o, value);
	*o->p++ = '"';
}

static void
put_integer(struct out *o, const char *key, uint64_t v)
{
	put_key(o, key);
	put_number(o, v);
}

static void
put_address(struct out *o, const char *key, be32 address)
{
	const uint8_t *b = (const uint8_t *)&address;
	put_key(o, key);
	*o->p++ = '"';
	for (unsigned i = 0; i < 4; i++) {
		if (i != 0)
			*o->p++ = '.';
		put_number(o, b[i]);
	}
	*o->p++ = '"';
}

static void
put_pair(struct out *o, const char *key, uint64_t a, uint64_t b)
{
	put_key(o, key);
	*o->p++ = '[';
	put_number(o, a);
	*o->p++ = ',';
	put_number(o, b);
	*o->p++ = ']';
}

static void
put_time(struct out *o, const char *key, uint64_t ns)
{
	char text[TIME_TEXT];
	put_string(o, key, time_put(text, ns));
}

static void
put_ports(struct out *o, const struct record *rec)
{
	put_integer(o, "port_first", rec->port_first);
	put_integer(o, "port_last", rec->port_last);
	if (rec->inside_port != 0)
		put_integer(o, "inside_port", rec->inside_port);
}

static void
put_session(struct out *o, const struct record *rec)
{
	put_address(o, "far", rec->far);
	put_integer(o, "far_port", rec->far_port);
	if (rec->event != RECORD_SESSION_DELETE)
		return;
	put_pair(o, "packets", rec->packets_out, rec->packets_in);
	put_pair(o, "bytes", rec->bytes_out, rec->bytes_in);
}

static const struct { const char *name; uint8_t number; } thresholds[] = {
	{"pool_high", THRESHOLD_POOL_HIGH}, {"pool_low", THRESHOLD_POOL_LOW},
	{"subscriber_high", THRESHOLD_USER_HIGH}, {"subscriber_low", THRESHOLD_USER_LOW},
	{"mapping_table_high", THRESHOLD_MAPPINGS_HIGH},
	{"mapping_table_low", THRESHOLD_MAPPINGS_LOW},
	{"subscriber_table_high", THRESHOLD_SUBSCRIBERS_HIGH},
	{"subscriber_table_low", THRESHOLD_SUBSCRIBERS_LOW},
};
enum { THRESHOLDS = sizeof(thresholds) / sizeof(thresholds[0]) };

const char *
log_threshold_name(unsigned threshold)
{
	for (unsigned i = 0; i < THRESHOLDS; i++)
		if (thresholds[i].number == threshold)
			return thresholds[i].name;
	return "?";
}

static const char *const quotas[] = {
	[QUOTA_PORTS] = "ports", [QUOTA_MAPPINGS] = "mappings", [QUOTA_FLOWS] = "flows",
	[QUOTA_FLOW_RATE] = "flow_rate", [QUOTA_MAPPING_TABLE] = "mapping_table",
	[QUOTA_SUBSCRIBER_TABLE] = "subscriber_table",
	[QUOTA_PERMISSION_TABLE] = "permission_table", [QUOTA_FLOW_TABLE] = "flow_table",
	[QUOTA_FRAGMENTS] = "fragments", [QUOTA_FRAGMENT_TABLE] = "fragment_table",
};
enum { QUOTAS = sizeof(quotas) / sizeof(quotas[0]) };

const char *
log_quota_name(unsigned quota)
{
	return quota < QUOTAS ? quotas[quota] : NULL;
}

bool
log_event_has_subscriber(const struct record *rec)
{
	return rec->event != RECORD_THRESHOLD || rec->threshold == THRESHOLD_USER_HIGH ||
	       rec->threshold == THRESHOLD_USER_LOW;
}

bool
log_event_has_since(const struct record *rec)
{
	return rec->event == RECORD_GAP || rec->event == RECORD_BLOCK_INTERIM ||
	       rec->event == RECORD_CLOCK ||
	       (rec->event == RECORD_START && rec->since_ns != 0);
}

static void
put_threshold(struct out *o, const struct record *rec)
{
	put_string(o, "threshold", log_threshold_name(rec->threshold));
	put_integer(o, "used", rec->used);
	put_integer(o, "limit", rec->limit);
}

static void
put_quota(struct out *o, const struct record *rec)
{
	if (log_quota_name(rec->quota) != NULL)
		put_string(o, "quota", log_quota_name(rec->quota));
	if (rec->limit != 0)
		put_integer(o, "limit", rec->limit);
}

static void
put_who(struct out *o, const struct record *rec, const struct log_names *names)
{
	char proto[8];
	if (log_event_has_subscriber(rec)) {
		put_address(o, "subscriber", rec->subscriber);
		put_integer(o, "realm", rec->realm);
		if (names != NULL && names->realm[0] != '\0')
			put_string(o, "realm_name", names->realm);
	}
	if (rec->external != 0)
		put_address(o, "external", rec->external);
	if (rec->port_last != 0)
		put_ports(o, rec);
	if (rec->proto != 0)
		put_string(o, "protocol", log_proto_name(rec->proto, proto));
	if (names != NULL && names->pool[0] != '\0')
		put_string(o, "pool", names->pool);
	if (log_event_is_session(rec->event))
		put_session(o, rec);
	else if (rec->far != 0) /* a pair of addresses */
		put_address(o, rec->event == RECORD_RANGES ? "subscriber_last" : "far", rec->far);
	if (rec->event == RECORD_RANGES)
		put_integer(o, "range_ports", rec->limit);
	if (rec->event == RECORD_THRESHOLD)
		put_threshold(o, rec);
	if (rec->event == RECORD_QUOTA_EXCEEDED)
		put_quota(o, rec);
}

size_t
log_line_put(char out[LOG_LINE], const struct record *rec, const struct log_names *names)
{
	struct out o = {out};
	char time[TIME_TEXT];
	put_text(&o, "{\"time\":\"");
	put_text(&o, time_put(time, rec->time_ns));
	put_text(&o, "\"");
	put_string(&o, "event", record_event_name(rec->event));
	if (rec->worker != RECORD_DAEMON)
		put_integer(&o, "worker", rec->worker);
	if (rec->sequence != 0)
		put_integer(&o, "sequence", rec->sequence);
	if (!log_event_is_of_all(rec->event))
		put_who(&o, rec, names);
	if (log_event_has_since(rec))
		put_time(&o, "since", rec->since_ns);
	if (rec->event == RECORD_GAP)
		put_integer(&o, "lost", rec->lost);
	put_text(&o, "}\n");
	return (size_t)(o.p - out);
}

/* Reading. */
struct in {
	const char *p, *end;
};

struct value {
	const char *text; /* of a string, or NULL */
	size_t size;
	uint64_t n, second; /* a number, or a pair of them */
};

static bool
take(struct in *in, char c)
{
	if (in->p == in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

static bool
take_number(struct in *in, uint64_t *v)
{
	const char *begin = in->p;
	*v = 0;
	for (; in->p != in->end && *in->p >= '0' && *in->p <= '9'; in->p++) {
		uint64_t digit = (uint64_t)(*in->p - '0');
		if (*v > (UINT64_MAX - digit) / 10)
			return false;
		*v = *v * 10 + digit;
	}
	return in->p != begin;
}

/* take_string: up to the next quote; nothing that we write needs an escape. */
static bool
take_string(struct in *in, const char **text, size_t *size)
{
	if (!take(in, '"'))
		return false;
	const char *quote = memchr(in->p, '"', (size_t)(in->end - in->p));
	if (quote == NULL)
		return false;
	*text = in->p;
	*size = (size_t)(quote - in->p);
	in->p = quote + 1;
	return memchr(*text, '\\', *size) == NULL;
}

static bool
take_value(struct in *in, struct value *v)
{
	*v = (struct value){0};
	if (in->p != in->end && *in->p == '"')
		return take_string(in, &v->text, &v->size);
	if (!take(in, '['))
		return take_number(in, &v->n);
	return take_number(in, &v->n) && take(in, ',') && take_number(in, &v->second) &&
	       take(in, ']');
}

static bool
read_address(const struct value *v, be32 *a)
{
	uint8_t bytes[4];
	if (v->text == NULL)
		return false;
	struct in in = {v->text, v->text + v->size};
	for (unsigned i = 0; i < 4; i++) {
		uint64_t n;
		if ((i != 0 && !take(&in, '.')) || !take_number(&in, &n) ||
		    n > 255)
			return false;
		bytes[i] = (uint8_t)n;
	}
	memcpy(a, bytes, sizeof(*a));
	return in.p == in.end;
}

static bool
read_u16(const struct value *v, uint16_t *out)
{
	*out = (uint16_t)v->n;
	return v->text == NULL && v->n <= UINT16_MAX;
}

static bool
read_u8(const struct value *v, uint8_t *out)
{
	*out = (uint8_t)v->n;
	return v->text == NULL && v->n <= UINT8_MAX;
}

static bool
read_u64(const struct value *v, uint64_t *out)
{
	*out = v->n;
	return v->text == NULL;
}

static bool
read_pair(const struct value *v, uint64_t *a, uint64_t *b)
{
	*a = v->n;
	*b = v->second;
	return v->text == NULL;
}

static bool
read_event(const struct value *v, struct record *rec)
{
	rec->event = v->text != NULL ? (uint8_t)record_event_number(v->text, v->size) : 0;
	return rec->event != 0;
}

static bool
read_proto(const struct value *v, struct record *rec)
{
	int n = v->text != NULL ? log_proto_parse(v->text, v->size) : -1;
	rec->proto = (uint8_t)n;
	return n >= 0;
}

static bool
read_threshold(const struct value *v, struct record *rec)
{
	for (unsigned i = 0; i < THRESHOLDS && v->text != NULL; i++)
		if (strlen(thresholds[i].name) == v->size &&
		    memcmp(thresholds[i].name, v->text, v->size) == 0)
			rec->threshold = thresholds[i].number;
	return v->text != NULL; /* or one of a later version */
}

static bool
read_quota(const struct value *v, struct record *rec)
{
	for (unsigned i = 1; i < QUOTAS && v->text != NULL; i++)
		if (strlen(quotas[i]) == v->size && memcmp(quotas[i], v->text, v->size) == 0)
			rec->quota = (uint8_t)i;
	return v->text != NULL; /* or one of a later version */
}

static bool
read_name(const struct value *v, char name[IMAGE_NAME])
{
	if (v->text == NULL || v->size >= IMAGE_NAME || memchr(v->text, '\0', v->size) != NULL)
		return false;
	memcpy(name, v->text, v->size);
	name[v->size] = '\0';
	return true;
}

static bool
read_time(const struct value *v, uint64_t *ns)
{
	return v->text != NULL && time_parse(v->text, v->size, ns);
}

enum member {
	TIME, EVENT, WORKER, SEQUENCE, SUBSCRIBER, REALM, REALM_NAME, EXTERNAL, PORT_FIRST,
	PORT_LAST, INSIDE_PORT, PROTOCOL, POOL, FAR, FAR_PORT, PACKETS, BYTES, THRESHOLD, USED,
	QUOTA, LIMIT, SINCE, LOST, SUBSCRIBER_LAST, RANGE_PORTS, MEMBERS
};

static const char *const member_names[MEMBERS] = {
	"time", "event", "worker", "sequence", "subscriber", "realm", "realm_name", "external",
	"port_first", "port_last", "inside_port", "protocol", "pool", "far", "far_port", "packets",
	"bytes", "threshold", "used", "quota", "limit", "since", "lost", "subscriber_last",
	"range_ports",
};

/* member_find: members come in the order of the table, so the search starts after the last. */
static unsigned
member_find(const char *key, size_t size, unsigned last)
{
	for (unsigned i = 1; i <= MEMBERS; i++) {
		unsigned m = (last + i) % MEMBERS;
		if (strlen(member_names[m]) == size && memcmp(member_names[m], key, size) == 0)
			return m;
	}
	return MEMBERS;
}

static bool
read_member(unsigned m, const struct value *v, struct record *rec, struct log_names *names)
{
	switch (m) {
	case TIME: return read_time(v, &rec->time_ns);
	case EVENT: return read_event(v, rec);
	case WORKER: return read_u8(v, &rec->worker);
	case SEQUENCE: return read_u64(v, &rec->sequence);
	case SUBSCRIBER: return read_address(v, &rec->subscriber);
	case REALM: return read_u8(v, &rec->realm);
	case REALM_NAME: return read_name(v, names->realm);
	case EXTERNAL: return read_address(v, &rec->external);
	case PORT_FIRST: return read_u16(v, &rec->port_first);
	case PORT_LAST: return read_u16(v, &rec->port_last);
	case INSIDE_PORT: return read_u16(v, &rec->inside_port);
	case PROTOCOL: return read_proto(v, rec);
	case POOL: return read_name(v, names->pool);
	case FAR: return read_address(v, &rec->far);
	case FAR_PORT: return read_u16(v, &rec->far_port);
	case PACKETS: return read_pair(v, &rec->packets_out, &rec->packets_in);
	case BYTES: return read_pair(v, &rec->bytes_out, &rec->bytes_in);
	case THRESHOLD: return read_threshold(v, rec);
	case USED: return read_u64(v, &rec->used);
	case QUOTA: return read_quota(v, rec);
	case LIMIT: return read_u64(v, &rec->limit);
	case SINCE: return read_time(v, &rec->since_ns);
	case LOST: return read_u64(v, &rec->lost);
	case SUBSCRIBER_LAST: return read_address(v, &rec->far);
	case RANGE_PORTS: return read_u64(v, &rec->limit);
	default: return true; /* of a later version */
	}
}

bool
log_line_parse(const char *line, size_t size, struct record *rec, struct log_names *names)
{
	struct in in = {line, line + size};
	unsigned m = MEMBERS - 1;
	*rec = (struct record){.worker = RECORD_DAEMON};
	*names = (struct log_names){.pool = ""};
	if (!take(&in, '{'))
		return false;
	do {
		const char *key;
		size_t key_size;
		struct value v;
		if (!take_string(&in, &key, &key_size) || !take(&in, ':') || !take_value(&in, &v))
			return false;
		unsigned found = member_find(key, key_size, m);
		if (!read_member(found, &v, rec, names))
			return false;
		m = found < MEMBERS ? found : m;
	} while (take(&in, ','));
	return take(&in, '}') && in.p == in.end && rec->time_ns != 0 && rec->event != 0 &&
	       rec->port_first <= rec->port_last;
}

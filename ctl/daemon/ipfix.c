/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for libfixbuf, one session a domain, messages in memory. */
#include "ipfix.h"

#include <arpa/inet.h>
#include <fixbuf/public.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a template has beside time and event. */
enum part {
	SUBSCRIBER = 1, EXTERNAL = 2, FAR = 4, POOL = 8, QUOTA = 16, PORT = 32, RANGE = 64,
	PROTO = 128, COUNTS = 256, PADDING = 512, POOL_HIGH = 1024, POOL_LOW = 2048,
	USER_HIGH = 4096, THRESHOLD = 8192, PER_USER = 1 << 14, MAPPINGS = 1 << 15,
	SUBSCRIBERS = 1 << 16, SESSIONS = 1 << 17, FRAGMENTS = 1 << 18, ALL_HIGH = 1 << 19,
	ALL_LOW = 1 << 20, GLOBAL_HIGH = 1 << 21,
};

/* Largest members first: no gaps between them. */
struct row {
	uint64_t time_ms;
	uint64_t bytes_out, bytes_in, packets_out, packets_in;
	uint32_t subscriber, external, far, realm, pool, quota;
	uint32_t threshold, pool_high, pool_low, user_high, entries, mappings, subscribers;
	uint32_t sessions, fragments, all_high, all_low, global_high;
	uint16_t port, external_port, far_port, port_first, port_last;
	uint8_t proto, event;
	uint8_t padding[4];
};
static_assert(sizeof(struct row) == 128, "the specification below describes every byte");

static fbInfoElementSpec_t row_spec[] = {
	{(char *)"observationTimeMilliseconds", 8, 0},
	{(char *)"initiatorOctets", 8, COUNTS},
	{(char *)"responderOctets", 8, COUNTS},
	{(char *)"initiatorPackets", 8, COUNTS},
	{(char *)"responderPackets", 8, COUNTS},
	{(char *)"sourceIPv4Address", 4, SUBSCRIBER},
	{(char *)"postNATSourceIPv4Address", 4, EXTERNAL},
	{(char *)"destinationIPv4Address", 4, FAR},
	{(char *)"ingressVRFID", 4, SUBSCRIBER},
	{(char *)"natPoolId", 4, POOL},
	{(char *)"natQuotaExceededEvent", 4, QUOTA},
	{(char *)"natThresholdEvent", 4, THRESHOLD},
	{(char *)"addressPoolHighThreshold", 4, POOL_HIGH},
	{(char *)"addressPoolLowThreshold", 4, POOL_LOW},
	{(char *)"addressPortMappingPerUserHighThreshold", 4, USER_HIGH},
	{(char *)"maxEntriesPerUser", 4, PER_USER},
	{(char *)"maxBIBEntries", 4, MAPPINGS},
	{(char *)"maxSubscribers", 4, SUBSCRIBERS},
	{(char *)"maxSessionEntries", 4, SESSIONS},
	{(char *)"maxFragmentsPendingReassembly", 4, FRAGMENTS},
	{(char *)"addressPortMappingHighThreshold", 4, ALL_HIGH},
	{(char *)"addressPortMappingLowThreshold", 4, ALL_LOW},
	{(char *)"globalAddressMappingHighThreshold", 4, GLOBAL_HIGH},
	{(char *)"sourceTransportPort", 2, PORT},
	{(char *)"postNAPTSourceTransportPort", 2, PORT},
	{(char *)"destinationTransportPort", 2, FAR},
	{(char *)"portRangeStart", 2, RANGE},
	{(char *)"portRangeEnd", 2, RANGE},
	{(char *)"protocolIdentifier", 1, PROTO},
	{(char *)"natEvent", 1, 0},
	{(char *)"paddingOctets", 4, PADDING},
	FB_IESPEC_NULL
};

/* What a number is called: options, of which the number is the scope. */
struct name_row {
	uint32_t id;
	uint8_t padding[4];
	fbVarfield_t name;
};

static fbInfoElementSpec_t pool_spec[] = {
	{(char *)"natPoolId", 4, 0}, {(char *)"paddingOctets", 4, PADDING},
	{(char *)"natPoolName", 0, 0}, FB_IESPEC_NULL
};

static fbInfoElementSpec_t realm_spec[] = {
	{(char *)"ingressVRFID", 4, 0}, {(char *)"paddingOctets", 4, PADDING},
	{(char *)"VRFname", 0, 0}, FB_IESPEC_NULL
};

enum { /* natQuotaExceededEvent */
	QUOTA_EVENT_SESSIONS = 1, QUOTA_EVENT_MAPPINGS = 2, QUOTA_EVENT_USER = 3,
	QUOTA_EVENT_SUBSCRIBERS = 4, QUOTA_EVENT_FRAGMENTS = 5,
	QUOTA_EVENT_NONE = 255,
};

/*
 * Templates by event, and threshold or quota of such; of two events with the same one the first has
 * the number. RFC 8158 has none for a subscriber that has few mappings again, for a table that has
 * few subscribers again, and for permissions.
 */
static const struct {
	uint8_t event;
	uint16_t number;
	uint32_t parts;
	uint8_t kind;
} templates[] = {
	{RECORD_BLOCK_CREATE, 256, SUBSCRIBER | EXTERNAL | POOL | RANGE, 0},
	{RECORD_BLOCK_DELETE, 256, 0, 0},
	{RECORD_BLOCK_INTERIM, 256, 0, 0},
	{RECORD_MAPPING_CREATE, 257, SUBSCRIBER | EXTERNAL | POOL | PORT | PROTO, 0},
	{RECORD_MAPPING_DELETE, 257, 0, 0},
	{RECORD_SESSION_CREATE, 258, SUBSCRIBER | EXTERNAL | POOL | PORT | PROTO | FAR, 0},
	{RECORD_SESSION_DELETE, 259, SUBSCRIBER | EXTERNAL | POOL | PORT | PROTO | FAR | COUNTS, 0},
	{RECORD_ADDRESS_CREATE, 260, SUBSCRIBER | EXTERNAL | POOL, 0},
	{RECORD_ADDRESS_DELETE, 260, 0, 0},
	{RECORD_ADDRESSES_EXHAUSTED, 261, SUBSCRIBER | POOL, 0},
	{RECORD_PORTS_EXHAUSTED, 262, SUBSCRIBER | EXTERNAL | POOL | PROTO, 0},
	{RECORD_QUOTA_EXCEEDED, 263, SUBSCRIBER | POOL | QUOTA | PER_USER, QUOTA_EVENT_USER},
	{RECORD_QUOTA_EXCEEDED, 267, QUOTA | MAPPINGS, QUOTA_EVENT_MAPPINGS},
	{RECORD_QUOTA_EXCEEDED, 268, QUOTA | SUBSCRIBERS, QUOTA_EVENT_SUBSCRIBERS},
	{RECORD_QUOTA_EXCEEDED, 269, QUOTA | SESSIONS, QUOTA_EVENT_SESSIONS},
	{RECORD_QUOTA_EXCEEDED, 270, SUBSCRIBER | POOL | QUOTA | FRAGMENTS,
	 QUOTA_EVENT_FRAGMENTS},
	{RECORD_THRESHOLD, 264, POOL | THRESHOLD | POOL_HIGH, THRESHOLD_POOL_HIGH},
	{RECORD_THRESHOLD, 265, POOL | THRESHOLD | POOL_LOW, THRESHOLD_POOL_LOW},
	{RECORD_THRESHOLD, 266, SUBSCRIBER | POOL | THRESHOLD | USER_HIGH,
	 THRESHOLD_USER_HIGH},
	{RECORD_THRESHOLD, 271, THRESHOLD | ALL_HIGH, THRESHOLD_MAPPINGS_HIGH},
	{RECORD_THRESHOLD, 272, THRESHOLD | ALL_LOW, THRESHOLD_MAPPINGS_LOW},
	{RECORD_THRESHOLD, 273, THRESHOLD | GLOBAL_HIGH, THRESHOLD_SUBSCRIBERS_HIGH},
};
enum { TEMPLATES = sizeof(templates) / sizeof(templates[0]), ROW_INTERNAL = 1000,
       POOL_INTERNAL = 1001, POOL_TEMPLATE = 299, REALM_INTERNAL = 1002,
       REALM_TEMPLATE = 298, HEADER = 16, SET_HEADER = 4 };

struct domain {
	fBuf_t *out;          /* owns session and exporter; NULL: not begun */
	fbSession_t *session;
	fbExporter_t *exporter;
	bool knows_templates;
	uint8_t message[IPFIX_MESSAGE];
};

struct ipfix {
	fbInfoModel_t *model;
	struct domain *domain[IPFIX_DOMAINS];
	struct domain *open;  /* whose message is being made, or NULL */
	bool is_ended;        /* it has the templates, and nothing may be added */
	size_t used;          /* bytes of it, at most */
	uint64_t sequence;    /* that the message has, as the header counts */
	uint64_t next;        /* of the worker's record that may follow; 0: any */
	uint64_t own_count;   /* data records of domain 0, of this stream or ever */
	uint64_t own_open;    /* of them in the open message */
	uint64_t own_last;    /* and in the one before, which is counted */
	bool pool_known[LOG_POOLS];
	char realm_known[IMG_MAX_REALMS][IMAGE_NAME]; /* as they were told; "": not yet */
	char error[128];
};

static void
fail(struct ipfix *x, GError **err)
{
	snprintf(x->error, sizeof(x->error), "IPFIX: %s",
	         *err != NULL ? (*err)->message : "unknown");
	g_clear_error(err);
}

const char *
ipfix_error(const struct ipfix *x)
{
	return x->error;
}

struct ipfix *
ipfix_create(void)
{
	struct ipfix *x = calloc(1, sizeof(*x));
	if (x != NULL)
		x->model = fbInfoModelAlloc();
	return x;
}

void
ipfix_destroy(struct ipfix *x)
{
	for (unsigned i = 0; i < IPFIX_DOMAINS; i++) {
		if (x->domain[i] != NULL)
			fBufFree(x->domain[i]->out);
		free(x->domain[i]);
	}
	fbInfoModelFree(x->model);
	free(x);
}

static bool
template_add(struct ipfix *x, fbSession_t *s, bool internal, uint16_t number,
             fbInfoElementSpec_t *spec, uint32_t parts, uint16_t scopes)
{
	GError *err = NULL;
	fbTemplate_t *t = fbTemplateAlloc(x->model);
	bool good = fbTemplateAppendSpecArray(t, spec, parts, &err);
	if (good && scopes != 0)
		fbTemplateSetOptionsScope(t, scopes);
	good = good && fbSessionAddTemplate(s, internal, number, t, &err) != 0;
	if (!good)
		fail(x, &err);
	return good;
}

static bool
templates_add(struct ipfix *x, fbSession_t *s, unsigned number)
{
	bool good = template_add(x, s, true, ROW_INTERNAL, row_spec, UINT32_MAX, 0);
	for (unsigned i = 0; i < TEMPLATES && good; i++)
		if (templates[i].parts != 0)
			good = template_add(x, s, false, templates[i].number, row_spec,
			                    templates[i].parts, 0);
	if (good && number == 0)
		good = template_add(x, s, true, POOL_INTERNAL, pool_spec, UINT32_MAX, 0) &&
		       template_add(x, s, false, POOL_TEMPLATE, pool_spec, 0, 1) &&
		       template_add(x, s, true, REALM_INTERNAL, realm_spec, UINT32_MAX, 0) &&
		       template_add(x, s, false, REALM_TEMPLATE, realm_spec, 0, 1);
	return good;
}

/* domain_of: begun when it is needed. */
static struct domain *
domain_of(struct ipfix *x, unsigned number)
{
	struct domain *d = x->domain[number];
	if (d != NULL)
		return d;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->session = fbSessionAlloc(x->model);
	fbSessionSetDomain(d->session, number);
	d->exporter = fbExporterAllocBuffer(d->message, sizeof(d->message));
	if (!templates_add(x, d->session, number)) {
		fbSessionFree(d->session);
		free(d);
		return NULL;
	}
	d->out = fBufAllocForExport(d->session, d->exporter);
	x->domain[number] = d;
	return d;
}

void
ipfix_restart(struct ipfix *x)
{
	ipfix_drop(x);
	for (unsigned i = 0; i < IPFIX_DOMAINS; i++)
		if (x->domain[i] != NULL)
			x->domain[i]->knows_templates = false;
	memset(x->pool_known, 0, sizeof(x->pool_known));
	memset(x->realm_known, 0, sizeof(x->realm_known));
}

void
ipfix_unsent(struct ipfix *x)
{
	x->own_count -= x->own_last;
	x->own_last = 0;
}

void
ipfix_renumber(struct ipfix *x)
{
	x->own_count = x->own_last = 0;
}

void
ipfix_drop(struct ipfix *x)
{
	const void *data;
	x->own_open = 0;
	ipfix_message(x, 0, &data);
}

/*
 * open_message: of this domain; one that has not told its templates begins with a message of them
 * alone. => IPFIX_TOOK when rows can be added.
 */
static enum ipfix_took
open_message(struct ipfix *x, struct domain *d, uint64_t sequence)
{
	GError *err = NULL;
	x->sequence = sequence;
	x->used = HEADER;
	if (d->knows_templates) {
		x->open = d;
		return IPFIX_TOOK;
	}
	if (!fbSessionExportTemplates(d->session, &err) || !fBufEmit(d->out, &err)) {
		fail(x, &err);
		return IPFIX_FAILED;
	}
	x->open = d;
	x->is_ended = d->knows_templates = true;
	return IPFIX_FULL;
}

/* append: the library would send a message that is full by itself, so it never gets that far. */
static enum ipfix_took
append(struct ipfix *x, uint16_t internal, uint16_t external, void *row, size_t size)
{
	GError *err = NULL;
	fBuf_t *out = x->open->out;
	size_t most = SET_HEADER + sizeof(struct row);
	if (x->is_ended || x->used + most > IPFIX_MESSAGE)
		return IPFIX_FULL;
	x->used += most;
	if (fBufSetInternalTemplate(out, internal, &err) &&
	    fBufSetExportTemplate(out, external, &err) && fBufAppend(out, row, size, &err))
		return IPFIX_TOOK;
	fail(x, &err);
	return IPFIX_FAILED;
}

static uint8_t
quota_event(const struct record *rec)
{
	switch (rec->quota) {
	case QUOTA_FLOW_TABLE: return QUOTA_EVENT_SESSIONS;
	case QUOTA_MAPPING_TABLE: return QUOTA_EVENT_MAPPINGS;
	case QUOTA_SUBSCRIBER_TABLE: return QUOTA_EVENT_SUBSCRIBERS;
	case QUOTA_PERMISSION_TABLE: return QUOTA_EVENT_NONE;
	case QUOTA_FRAGMENTS:
	case QUOTA_FRAGMENT_TABLE: return QUOTA_EVENT_FRAGMENTS;
	default: return QUOTA_EVENT_USER;
	}
}

static unsigned
template_of(const struct record *rec)
{
	uint8_t kind = rec->event == RECORD_THRESHOLD ? rec->threshold :
	               rec->event == RECORD_QUOTA_EXCEEDED ? quota_event(rec) : 0;
	for (unsigned i = 0; i < TEMPLATES; i++)
		if (templates[i].event == rec->event && templates[i].kind == kind)
			return templates[i].number;
	return 0;
}

/* threshold_event: of all mappings both marks have one number, and an element each. */
static uint32_t
threshold_event(uint8_t threshold)
{
	return threshold == THRESHOLD_MAPPINGS_LOW ? THRESHOLD_MAPPINGS_HIGH : threshold;
}

static struct row
row_of(const struct record *rec, uint32_t pool)
{
	struct row r = {
		.time_ms = rec->time_ns / 1000000, .subscriber = ntohl(rec->subscriber),
		.external = ntohl(rec->external), .far = ntohl(rec->far), .realm = rec->realm,
		.pool = pool, .quota = quota_event(rec), .port = rec->inside_port,
		.external_port = rec->port_first, .far_port = rec->far_port,
		.port_first = rec->port_first, .port_last = rec->port_last, .proto = rec->proto,
		.event = rec->event == RECORD_BLOCK_INTERIM ? RECORD_BLOCK_CREATE : rec->event,
	};
	if (rec->event == RECORD_THRESHOLD) {
		r.threshold = threshold_event(rec->threshold);
		r.pool_high = r.pool_low = r.user_high = r.all_high = r.all_low = r.global_high =
			(uint32_t)rec->limit;
	}
	if (rec->event == RECORD_QUOTA_EXCEEDED)
		r.entries = r.mappings = r.subscribers = r.sessions = r.fragments =
			(uint32_t)rec->limit;
	if (rec->event == RECORD_SESSION_DELETE) {
		r.packets_out = rec->packets_out;
		r.packets_in = rec->packets_in;
		r.bytes_out = rec->bytes_out;
		r.bytes_in = rec->bytes_in;
	}
	return r;
}

/* name_tell: what a number is called, in domain 0. */
static enum ipfix_took
name_tell(struct ipfix *x, uint16_t internal, uint16_t external, uint32_t id, const char *name)
{
	struct name_row r = {.id = id, .name = {strlen(name), (uint8_t *)(uintptr_t)name}};
	struct domain *d = domain_of(x, 0);
	if (d == NULL)
		return IPFIX_FAILED;
	if (x->open != NULL && x->open != d)
		return IPFIX_FULL;
	enum ipfix_took took = x->open != NULL ? IPFIX_TOOK : open_message(x, d, x->own_count);
	if (took != IPFIX_TOOK)
		return took;
	took = append(x, internal, external, &r, sizeof(r));
	x->own_open += took == IPFIX_TOOK;
	return took;
}

/* names_tell: those of a record that were not told yet, or are others now. */
static enum ipfix_took
names_tell(struct ipfix *x, const struct record *rec, uint32_t pool,
           const struct log_names *names)
{
	enum ipfix_took took = IPFIX_TOOK;
	if (pool != 0 && !x->pool_known[pool - 1]) {
		took = name_tell(x, POOL_INTERNAL, POOL_TEMPLATE, pool, names->pool);
		x->pool_known[pool - 1] = took == IPFIX_TOOK;
	}
	char *known = rec->realm < IMG_MAX_REALMS ? x->realm_known[rec->realm] : NULL;
	if (took != IPFIX_TOOK || known == NULL || names->realm[0] == '\0' ||
	    strcmp(known, names->realm) == 0)
		return took;
	took = name_tell(x, REALM_INTERNAL, REALM_TEMPLATE, rec->realm, names->realm);
	if (took == IPFIX_TOOK)
		memcpy(known, names->realm, IMAGE_NAME);
	return took;
}

enum ipfix_took
ipfix_add(struct ipfix *x, const struct record *rec, uint32_t pool,
          const struct log_names *names)
{
	unsigned number = template_of(rec);
	bool own = rec->sequence == 0 || rec->worker >= LOG_WORKERS;
	uint32_t pool_id = names->pool[0] != '\0' && pool < LOG_POOLS ? pool + 1 : 0;
	if (number == 0)
		return IPFIX_TOOK;
	enum ipfix_took took = names_tell(x, rec, pool_id, names);
	if (took != IPFIX_TOOK)
		return took;
	struct domain *d = domain_of(x, own ? 0 : 1u + rec->worker);
	if (d == NULL)
		return IPFIX_FAILED;
	if (x->open != NULL && (x->open != d || (!own && rec->sequence != x->next)))
		return IPFIX_FULL;
	if (x->open == NULL)
		took = open_message(x, d, own ? x->own_count : rec->sequence - 1);
	struct row r = row_of(rec, pool_id);
	if (took == IPFIX_TOOK)
		took = append(x, ROW_INTERNAL, (uint16_t)number, &r, sizeof(r));
	if (took != IPFIX_TOOK)
		return took;
	x->next = rec->sequence + 1;
	x->own_open += own;
	return took;
}

size_t
ipfix_message(struct ipfix *x, uint32_t now_s, const void **data)
{
	struct domain *d = x->open;
	GError *err = NULL;
	if (d == NULL)
		return 0;
	x->open = NULL;
	bool ended = x->is_ended;
	x->is_ended = false;
	if (!ended && !fBufEmit(d->out, &err)) {
		fail(x, &err);
		return 0;
	}
	/* The library counts what it was given; what was lost before counts as well. */
	uint32_t head[2] = {htonl(now_s), htonl((uint32_t)x->sequence)};
	memcpy(d->message + 4, head, sizeof(head));
	x->own_count += x->own_open;
	x->own_last = x->own_open;
	x->own_open = 0;
	*data = d->message;
	return fbExporterGetMsgLen(d->exporter);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The book of mappings, and the log on disk. */
#include "judge.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/log/whohad.h"
#include "ctl/log/writer.h"

enum { SAID_MOST = 20 };

/* An external endpoint of a protocol. */
struct place {
	uint32_t inside;    /* 0: free */
	uint16_t port;
	uint64_t freed_ns;  /* 0: never used */
};

struct seen {
	uint64_t ns;
	uint32_t outside, inside;
	uint16_t port;
	uint8_t proto;
};

struct day_sums day_sums;
static struct place places[2][DAY_POOL][65536];
static uint32_t holder[DAY_POOL][65536]; /* whose block a port is in; 0: nobody's */
static struct seen seen[DAY_PACKETS];
static uint32_t blocks_of[DAY_SUBSCRIBERS];
static struct log_writer writer;
static uint64_t rest_ns, lot = 1;
static char directory[64];

void
judge_wrong(uint64_t now_ns, const char *format, ...)
{
	va_list args;
	if (day_sums.wrong++ >= SAID_MOST)
		return;
	va_start(args, format);
	fprintf(stderr, "day: at %.6f s: ", (double)now_ns / 1e9);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

bool
judge_open(uint64_t now_ns, uint64_t quarantine_ns)
{
	struct log_writer_conf c = {.rotate_bytes = 8 << 20, .rotate_seconds = 3600,
	                            .sync_seconds = 3600, .gzip = true};
	snprintf(directory, sizeof(directory), "/tmp/mr-day-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return false;
	snprintf(c.directory, sizeof(c.directory), "%s", directory);
	rest_ns = quarantine_ns;
	return log_writer_open(&writer, &c, now_ns) == 0;
}

void
judge_close(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	if (directory[0] != '\0' && system(command) != 0)
		perror(command);
}

static uint32_t
address_of(const json_t *record, const char *key)
{
	struct in_addr a = {0};
	const char *s = json_string_value(json_object_get(record, key));
	return s != NULL && inet_pton(AF_INET, s, &a) == 1 ? ntohl(a.s_addr) : 0;
}

static long long
number_of(const json_t *record, const char *key)
{
	return (long long)json_integer_value(json_object_get(record, key));
}

static uint64_t
time_of(const json_t *record)
{
	double s = json_real_value(json_object_get(record, "time"));
	return (uint64_t)(s * 1e6 + 0.5) * 1000;
}

static struct place *
place_of(uint8_t proto, uint32_t outside, uint16_t port)
{
	if (outside - DAY_OUTSIDE >= DAY_POOL)
		return NULL;
	return &places[proto == DAY_UDP][outside - DAY_OUTSIDE][port];
}

static struct place *
place_of_record(const json_t *r, uint64_t ns)
{
	const char *proto = json_string_value(json_object_get(r, "protocol"));
	uint8_t number = proto != NULL && strcmp(proto, "udp") == 0 ? DAY_UDP : DAY_TCP;
	struct place *p = place_of(number, address_of(r, "external"),
	                           (uint16_t)number_of(r, "port_first"));
	if (p == NULL)
		judge_wrong(ns, "a record of an address that is not the pool's");
	return p;
}

static void
mapping_begins(const json_t *r, uint64_t ns)
{
	struct place *p = place_of_record(r, ns);
	if (p == NULL)
		return;
	if (p->inside != 0)
		judge_wrong(ns, "port %lld is given twice", number_of(r, "port_first"));
	if (p->freed_ns != 0 && ns - p->freed_ns < rest_ns)
		judge_wrong(ns, "port %lld did not rest", number_of(r, "port_first"));
	p->inside = address_of(r, "subscriber");
	if (holder[address_of(r, "external") - DAY_OUTSIDE][number_of(r, "port_first") & 0xffff] !=
	    p->inside)
		judge_wrong(ns, "port %lld is in no block of its subscriber's",
		            number_of(r, "port_first"));
	p->port = (uint16_t)number_of(r, "inside_port");
	day_sums.mappings++;
	if (++day_sums.mappings_now > day_sums.mappings_most)
		day_sums.mappings_most = day_sums.mappings_now;
}

static void
mapping_ends(const json_t *r, uint64_t ns)
{
	struct place *p = place_of_record(r, ns);
	if (p == NULL)
		return;
	if (p->inside != address_of(r, "subscriber"))
		judge_wrong(ns, "the end of a mapping that is another's");
	p->inside = 0;
	p->freed_ns = ns;
	day_sums.mappings_now--;
}

/* A block comes to `to`, or goes, 0, from who has it. */
static void
block_moves(const json_t *r, uint64_t ns, uint32_t from, uint32_t to)
{
	uint32_t outside = address_of(r, "external") - DAY_OUTSIDE;
	uint16_t first = (uint16_t)number_of(r, "port_first");
	uint16_t last = (uint16_t)number_of(r, "port_last");
	bool is_as_known = outside < DAY_POOL;
	for (uint32_t port = first; outside < DAY_POOL && port <= last; port++) {
		is_as_known &= holder[outside][port] == from;
		holder[outside][port] = to;
	}
	if (!is_as_known)
		judge_wrong(ns, "the log does not have the block from port %u on as %s", first,
		            to != 0 ? "free" : "its subscriber's");
}

/* To the disk, as the default level of the log has it; and counted. */
static void
block_write(const json_t *r, uint64_t ns, enum record_event event)
{
	static const struct log_names names = {.pool = "public"};
	struct record rec = {
		.time_ns = ns, .sequence = ++day_sums.block_records,
		.subscriber = htonl(address_of(r, "subscriber")),
		.external = htonl(address_of(r, "external")),
		.port_first = (uint16_t)number_of(r, "port_first"),
		.port_last = (uint16_t)number_of(r, "port_last"), .event = (uint8_t)event,
	};
	if (log_writer_put(&writer, &rec, &names, ns) != 0 || log_writer_tick(&writer, ns) != 0)
		judge_wrong(ns, "the log cannot be written");
	uint32_t who = address_of(r, "subscriber") - DAY_INSIDE;
	if (who < DAY_SUBSCRIBERS)
		blocks_of[who]++;
}

void
judge_record(const json_t *r)
{
	const char *event = json_string_value(json_object_get(r, "event"));
	uint64_t ns = time_of(r);
	if (strcmp(event, "mapping_create") == 0) {
		mapping_begins(r, ns);
	} else if (strcmp(event, "mapping_delete") == 0) {
		mapping_ends(r, ns);
	} else if (strcmp(event, "block_create") == 0) {
		block_write(r, ns, RECORD_BLOCK_CREATE);
		block_moves(r, ns, 0, address_of(r, "subscriber"));
		day_sums.blocks++;
		if (++day_sums.blocks_now > day_sums.blocks_most)
			day_sums.blocks_most = day_sums.blocks_now;
	} else if (strcmp(event, "block_delete") == 0) {
		block_write(r, ns, RECORD_BLOCK_DELETE);
		block_moves(r, ns, address_of(r, "subscriber"), 0);
		day_sums.blocks_now--;
	} else {
		day_sums.other_records++;
	}
}

/* Kept, each with the same chance. */
static void
keep(const struct seen *s)
{
	lot = lot * 6364136223846793005u + 1442695040888963407u;
	uint64_t n = day_sums.outside, at = n < DAY_PACKETS ? n : (lot >> 33) % (n + 1);
	if (at < DAY_PACKETS)
		seen[at] = *s;
}

void
judge_outside(const struct day_packet *p, uint32_t inside, uint16_t port, uint64_t now_ns)
{
	const struct place *place = place_of(p->proto, p->src, p->sport);
	if (place == NULL)
		judge_wrong(now_ns, "a packet from an address that is not the pool's");
	else if (place->inside != inside || place->port != port)
		judge_wrong(now_ns, "port %u outside is not that of the endpoint that sent",
		            p->sport);
	keep(&(struct seen){now_ns, p->src, inside, p->sport, p->proto});
	day_sums.outside++;
}

void
judge_ask(uint64_t now_ns)
{
	static struct whohad w;
	uint64_t n = day_sums.outside < DAY_PACKETS ? day_sums.outside : DAY_PACKETS;
	log_writer_close(&writer, now_ns);
	if (day_sums.blocks_now != 0)
		judge_wrong(now_ns, "%llu blocks have no end",
		            (unsigned long long)day_sums.blocks_now);
	int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (uint64_t i = 0; i < n; i++) {
		const struct seen *s = &seen[i];
		struct whohad_query q = {.external = htonl(s->outside), .port = s->port,
		                         .proto = s->proto, .at_ms = s->ns / 1000000};
		if (whohad_search(&q, folder, NULL, &w) != 0 || w.answers != 1 ||
		    !w.answer[0].is_certain || ntohl(w.answer[0].subscriber) != s->inside)
			judge_wrong(s->ns, "whohad does not know who had port %u: %u answers",
			            s->port, w.answers);
		day_sums.asked++;
	}
	close(folder);
}

uint64_t
judge_busiest(uint32_t *subscriber)
{
	*subscriber = 0;
	for (uint32_t i = 1; i < DAY_SUBSCRIBERS; i++)
		if (blocks_of[i] > blocks_of[*subscriber])
			*subscriber = i;
	return blocks_of[*subscriber];
}

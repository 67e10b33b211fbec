/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: header, structured data, a few words for people. */
#include "syslog.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "timetext.h"

enum { WARNING = 4, INFORMATIONAL = 6, COUNT_ROOM = 5, SEQUENCE_MAX = 0x7fffffff };

struct out {
	char *p, *end;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(o->p, (size_t)(o->end - o->p), fmt, ap);
	va_end(ap);
	o->p += n < o->end - o->p ? n : o->end - o->p - 1;
}

static void
put_address(struct out *o, const char *name, be32 address)
{
	char text[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &address, text, sizeof(text));
	put(o, " %s=\"%s\"", name, text);
}

static unsigned
severity(unsigned event)
{
	switch (event) {
	case RECORD_ADDRESSES_EXHAUSTED:
	case RECORD_PORTS_EXHAUSTED:
	case RECORD_QUOTA_EXCEEDED:
	case RECORD_THRESHOLD:
	case RECORD_GAP:
	case RECORD_CLOCK:
		return WARNING;
	default:
		return INFORMATIONAL;
	}
}

static void
put_session(struct out *o, const struct record *rec)
{
	put_address(o, "far", rec->far);
	put(o, " farPort=\"%u\"", rec->far_port);
	if (rec->event == RECORD_SESSION_DELETE)
		put(o, " packetsOut=\"%llu\" packetsIn=\"%llu\" bytesOut=\"%llu\" bytesIn=\"%llu\"",
		    (unsigned long long)rec->packets_out, (unsigned long long)rec->packets_in,
		    (unsigned long long)rec->bytes_out, (unsigned long long)rec->bytes_in);
}

static void
put_who(struct out *o, const struct record *rec, const struct log_names *names)
{
	char proto[8];
	if (log_event_has_subscriber(rec)) {
		put_address(o, "subscriber", rec->subscriber);
		put(o, " realm=\"%u\"", rec->realm);
		if (names != NULL && names->realm[0] != '\0')
			put(o, " realmName=\"%s\"", names->realm);
	}
	if (rec->external != 0)
		put_address(o, "external", rec->external);
	if (rec->port_last != 0)
		put(o, " portFirst=\"%u\" portLast=\"%u\"", rec->port_first, rec->port_last);
	if (rec->inside_port != 0)
		put(o, " insidePort=\"%u\"", rec->inside_port);
	if (rec->proto != 0)
		put(o, " protocol=\"%s\"", log_proto_name(rec->proto, proto));
	if (names != NULL && names->pool[0] != '\0')
		put(o, " pool=\"%s\"", names->pool);
	if (log_event_is_session(rec->event))
		put_session(o, rec);
	else if (rec->far != 0) /* a pair of addresses */
		put_address(o, rec->event == RECORD_RANGES ? "subscriberLast" : "far", rec->far);
	if (rec->event == RECORD_RANGES)
		put(o, " rangePorts=\"%llu\"", (unsigned long long)rec->limit);
	if (rec->event == RECORD_THRESHOLD)
		put(o, " threshold=\"%s\" used=\"%llu\" limit=\"%llu\"",
		    log_threshold_name(rec->threshold), (unsigned long long)rec->used,
		    (unsigned long long)rec->limit);
	if (rec->event == RECORD_QUOTA_EXCEEDED && log_quota_name(rec->quota) != NULL)
		put(o, " quota=\"%s\"", log_quota_name(rec->quota));
	if (rec->event == RECORD_QUOTA_EXCEEDED && rec->limit != 0)
		put(o, " limit=\"%llu\"", (unsigned long long)rec->limit);
}

static void
put_data(struct out *o, const struct syslog_sender *s, uint64_t number, const struct record *rec,
         const struct log_names *names)
{
	char time[TIME_TEXT];
	put(o, "[meta sequenceId=\"%u\"]", (unsigned)((number - 1) % SEQUENCE_MAX + 1));
	put(o, "[nat@%u event=\"%s\"", s->enterprise, record_event_name(rec->event));
	if (rec->worker != RECORD_DAEMON)
		put(o, " worker=\"%u\"", rec->worker);
	if (rec->sequence != 0)
		put(o, " sequence=\"%llu\"", (unsigned long long)rec->sequence);
	if (log_event_has_since(rec))
		put(o, " since=\"%s\"", time_put(time, rec->since_ns));
	if (rec->event == RECORD_GAP)
		put(o, " lost=\"%llu\"", (unsigned long long)rec->lost);
	else if (!log_event_is_of_all(rec->event))
		put_who(o, rec, names);
	put(o, "]");
}

/* put_threshold: of a pool, of a subscriber, or of all that a worker has. */
static void
put_threshold(struct out *o, const struct record *rec, const char *inside,
              const struct log_names *names)
{
	const char *whose = log_event_has_subscriber(rec) ? inside :
	                    names != NULL ? names->pool : "";
	put(o, " %s%s%s: %llu", log_threshold_name(rec->threshold), whose[0] != '\0' ? " of " : "",
	    whose, (unsigned long long)rec->used);
}

static void
put_words(struct out *o, const struct record *rec, const struct log_names *names)
{
	char inside[INET_ADDRSTRLEN], external[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &rec->subscriber, inside, sizeof(inside));
	inet_ntop(AF_INET, &rec->external, external, sizeof(external));
	if (rec->event == RECORD_GAP && rec->lost == 0)
		put(o, " records may be missing");
	else if (rec->event == RECORD_GAP)
		put(o, " %llu records are missing", (unsigned long long)rec->lost);
	else if (rec->event == RECORD_START)
		put(o, " a data plane begins with nothing");
	else if (rec->event == RECORD_CLOCK)
		put(o, " the clock was set");
	else if (rec->event == RECORD_THRESHOLD)
		put_threshold(o, rec, inside, names);
	else if (rec->port_last != 0)
		put(o, " %s %s %s:%u-%u", record_event_name(rec->event), inside, external,
		    rec->port_first, rec->port_last);
	else
		put(o, " %s %s", record_event_name(rec->event), inside);
}

/* frame: the count of bytes goes before the message. */
static size_t
frame(char out[SYSLOG_MESSAGE], size_t size)
{
	char count[COUNT_ROOM + 1];
	int n = snprintf(count, sizeof(count), "%zu ", size);
	memmove(out + n, out + COUNT_ROOM, size);
	memcpy(out, count, (size_t)n);
	return size + (size_t)n;
}

size_t
syslog_put(char out[SYSLOG_MESSAGE], const struct syslog_sender *s, uint64_t number,
           const struct record *rec, const struct log_names *names)
{
	struct out o = {out + (s->framed ? COUNT_ROOM : 0), out + SYSLOG_MESSAGE};
	char *begin = o.p, time[TIME_TEXT];
	put(&o, "<%u>1 %s %s millraced %u %s ", s->facility * 8 + severity(rec->event),
	    time_put(time, rec->time_ns), s->host, s->pid, record_event_name(rec->event));
	put_data(&o, s, number, rec, names);
	put_words(&o, rec, names);
	size_t size = (size_t)(o.p - begin);
	return s->framed ? frame(out, size) : size;
}

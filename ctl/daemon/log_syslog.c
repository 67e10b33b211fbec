/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog messages as a sink. */
#include "log_syslog.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/log/syslog.h"
#include "log_conn.h"

enum { BATCH = 256 };

struct collector {
	struct log_sink sink;
	struct log_conn conn;
	struct syslog_sender sender;
	uint64_t number; /* of the next message */
};

static void
syslog_pump(struct log_sink *s, uint64_t now_ns)
{
	struct collector *c = (struct collector *)s;
	const struct record *rec;
	char message[SYSLOG_MESSAGE];
	struct log_names names;
	if (!conn_tick(&c->conn, now_ns))
		return;
	for (unsigned i = 0; i < BATCH && (rec = log_sink_next(s)) != NULL; i++) {
		size_t n = syslog_put(message, &c->sender, c->number + 1, rec,
		                      log_sink_names(s, rec, &names));
		if (!conn_put(&c->conn, message, n))
			return;
		c->number++;
		log_sink_take(s);
		if (!conn_is_stream(&c->conn))
			log_sink_arrived(s);
	}
}

static void
syslog_begun(struct log_sink *s)
{
}

static void
syslog_destroy(struct log_sink *s)
{
	struct collector *c = (struct collector *)s;
	conn_fini(&c->conn);
	log_sink_fini(s);
	free(c);
}

const struct log_sink_ops log_syslog_ops = {"syslog", syslog_pump, NULL, syslog_destroy, false};

/* sender_host: what RFC 5424 takes as a host's name; "-" when there is none. */
static void
sender_host(char host[SYSLOG_HOST])
{
	if (gethostname(host, SYSLOG_HOST) != 0 || host[0] == '\0')
		snprintf(host, SYSLOG_HOST, "-");
	host[SYSLOG_HOST - 1] = '\0';
	for (char *p = host; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p))
			*p = '-';
}

struct log_sink *
log_syslog_create(struct log_bus *b, const json_t *conf, uint32_t room, uint64_t now_ns)
{
	struct collector *c = calloc(1, sizeof(*c));
	const char *name = json_string_value(json_object_get(conf, "name"));
	if (c == NULL || log_sink_init(&c->sink, b, &log_syslog_ops, name, conf, room) != 0) {
		free(c);
		return NULL;
	}
	conn_init(&c->conn, &c->sink, syslog_begun);
	c->sender = (struct syslog_sender){
		.facility = (unsigned)json_integer_value(json_object_get(conf, "facility")),
		.enterprise = (uint32_t)json_integer_value(json_object_get(conf, "enterprise")),
		.pid = (unsigned)getpid(), .framed = conn_is_stream(&c->conn),
	};
	sender_host(c->sender.host);
	return &c->sink;
}

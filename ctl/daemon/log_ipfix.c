/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX messages as a sink. */
#include "log_ipfix.h"

#include <stdlib.h>

#include "ipfix.h"
#include "log_conn.h"

enum { MESSAGES = 64 }; /* in one pump */
#define NS_A_SECOND 1000000000ull

struct exporter {
	struct log_sink sink;
	struct log_conn conn;
	struct ipfix *ipfix;
	uint64_t template_ns;  /* between templates by UDP */
	uint64_t told_ns;      /* when they were told last */
};

/* tell_again: templates and names go before the next record. */
static void
tell_again(struct exporter *e)
{
	ipfix_restart(e->ipfix);
	e->told_ns = e->conn.now_ns;
}

static void
ipfix_begun(struct log_sink *s)
{
	struct exporter *e = (struct exporter *)s;
	tell_again(e);
	if (conn_is_stream(&e->conn))
		ipfix_renumber(e->ipfix);
}

/* message_send: what was added goes out. => false when it cannot now; then it is made again. */
static bool
message_send(struct exporter *e, uint64_t now_ns)
{
	const void *data;
	size_t n = ipfix_message(e->ipfix, (uint32_t)(now_ns / NS_A_SECOND), &data);
	if (n == 0)
		return true;
	if (!conn_put(&e->conn, data, n)) {
		ipfix_unsent(e->ipfix);
		ipfix_restart(e->ipfix);
		log_sink_again(&e->sink);
		return false;
	}
	if (!conn_is_stream(&e->conn))
		log_sink_arrived(&e->sink);
	return true;
}

/* record_add: => false when nothing more can go now. */
static bool
record_add(struct exporter *e, const struct record *rec, uint64_t now_ns, unsigned *messages)
{
	struct log_names names;
	enum ipfix_took took;
	log_sink_names(&e->sink, rec, &names);
	while ((took = ipfix_add(e->ipfix, rec, rec->pool, &names)) == IPFIX_FULL)
		if (++*messages > MESSAGES || !message_send(e, now_ns))
			return false;
	log_sink_take(&e->sink);
	if (took == IPFIX_FAILED)
		log_sink_fail(&e->sink, now_ns, "%s", ipfix_error(e->ipfix));
	return true;
}

static void
ipfix_pump(struct log_sink *s, uint64_t now_ns)
{
	struct exporter *e = (struct exporter *)s;
	const struct record *rec;
	unsigned messages = 0;
	if (!conn_tick(&e->conn, now_ns))
		return;
	if (!conn_is_stream(&e->conn) && now_ns - e->told_ns >= e->template_ns)
		tell_again(e);
	while ((rec = log_sink_next(s)) != NULL)
		if (!record_add(e, rec, now_ns, &messages))
			break;
	if (!e->conn.is_connected || !message_send(e, now_ns))
		return;
	if (!conn_is_stream(&e->conn))
		log_sink_arrived(s);
}

static void
ipfix_sink_destroy(struct log_sink *s)
{
	struct exporter *e = (struct exporter *)s;
	conn_fini(&e->conn);
	ipfix_destroy(e->ipfix);
	log_sink_fini(s);
	free(e);
}

const struct log_sink_ops log_ipfix_ops = {"ipfix", ipfix_pump, NULL, ipfix_sink_destroy, false};

struct log_sink *
log_ipfix_create(struct log_bus *b, const json_t *conf, uint32_t room, uint64_t now_ns)
{
	struct exporter *e = calloc(1, sizeof(*e));
	const char *name = json_string_value(json_object_get(conf, "name"));
	if (e == NULL || (e->ipfix = ipfix_create()) == NULL) {
		free(e);
		return NULL;
	}
	struct ipfix *ipfix = e->ipfix;
	if (log_sink_init(&e->sink, b, &log_ipfix_ops, name, conf, room) != 0) {
		ipfix_destroy(ipfix);
		free(e);
		return NULL;
	}
	e->template_ns = NS_A_SECOND *
	                 (uint64_t)json_integer_value(json_object_get(conf, "template_seconds"));
	conn_init(&e->conn, &e->sink, ipfix_begun);
	return &e->sink;
}

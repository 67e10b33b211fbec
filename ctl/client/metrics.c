/* SPDX-License-Identifier: Apache-2.0 */
/*
 * millctl metrics: what the daemon lists, in the text format of Prometheus (version 0.0.4). Each
 * family is a row of the table: whose answer, which list in it, which members are labels.
 */
#include <string.h>

#include "commands.h"

enum { LABELS = 3 };

enum source { GENERATION, STATS, POOLS, BACKENDS, SERVICES, SINKS, SOURCES = METRICS_SOURCES };

/* list: of what comes in pages. */
static const struct { const char *method, *list; } asked[SOURCES] = {
	[GENERATION] = {"generation.show", NULL}, [STATS] = {"stats", NULL},
	[POOLS] = {"pool.list", NULL}, [BACKENDS] = {"backend.list", "backends"},
	[SERVICES] = {"service.list", "services"}, [SINKS] = {"log.sinks", NULL},
};

struct family {
	enum source source;
	const char *name, *type, *help;
	const char *list;            /* "": the answer itself */
	const char *value;
	const char *label[LABELS];   /* members of the list's objects */
};

static const struct family families[] = {
	{GENERATION, "up", "gauge", "1: the data plane is there", "", "connected", {0}},
	{GENERATION, "generation", "gauge", "configuration that runs", "", "running", {0}},
	{GENERATION, "uptime_seconds", "gauge", "age of the data plane", "", "uptime", {0}},
	{STATS, "nic_receive_packets_total", "counter", "packets received", "nics", "rx_packets",
	 {"name"}},
	{STATS, "nic_receive_bytes_total", "counter", "bytes received", "nics", "rx_bytes",
	 {"name"}},
	{STATS, "nic_transmit_packets_total", "counter", "packets sent", "nics", "tx_packets",
	 {"name"}},
	{STATS, "nic_transmit_bytes_total", "counter", "bytes sent", "nics", "tx_bytes", {"name"}},
	{STATS, "nic_dropped_packets_total", "counter", "packets received and dropped", "nics",
	 "dropped", {"name"}},
	{STATS, "drops_total", "counter", "packets not forwarded, by reason", "drops", "packets",
	 {"reason"}},
	{STATS, "worker_received_packets_total", "counter", "packets received, by context",
	 "contexts", "received", {"context", "worker"}},
	{STATS, "worker_bursts_total", "counter", "bursts of packets", "contexts", "bursts",
	 {"context", "worker"}},
	{STATS, "worker_idle_polls_total", "counter", "polls that found nothing", "contexts",
	 "idle_polls", {"context", "worker"}},
	{POOLS, "pool_blocks", "gauge", "port blocks of a pool", "pools", "blocks", {"name"}},
	{POOLS, "pool_blocks_used", "gauge", "port blocks that subscribers have", "pools",
	 "blocks_used", {"name"}},
	{POOLS, "pool_blocks_quarantined", "gauge", "port blocks that rest", "pools",
	 "blocks_quarantined", {"name"}},
	{POOLS, "pool_tcp_ports_used", "gauge", "TCP ports in use", "pools", "ports_used.tcp",
	 {"name"}},
	{POOLS, "pool_udp_ports_used", "gauge", "UDP ports in use", "pools", "ports_used.udp",
	 {"name"}},
	{SERVICES, "service_flows", "gauge", "flows of a service", "services", "flows", {"name"}},
	{SERVICES, "service_opened_total", "counter", "flows opened", "services", "opened",
	 {"name"}},
	{SERVICES, "service_backends_ready", "gauge", "backends that take new flows", "services",
	 "ready", {"name"}},
	{BACKENDS, "backend_flows", "gauge", "flows of a backend", "backends", "flows",
	 {"service", "address", "port"}},
	{BACKENDS, "backend_opened_total", "counter", "flows opened", "backends", "opened",
	 {"service", "address", "port"}},
	{BACKENDS, "backend_weight", "gauge", "as configured", "backends", "weight",
	 {"service", "address", "port"}},
	{BACKENDS, "backend_share_percent", "gauge", "of new flows", "backends", "share",
	 {"service", "address", "port"}},
	{SINKS, "log_sink_sent_total", "counter", "log records sent", "sinks", "sent", {"name"}},
	{SINKS, "log_sink_lost_total", "counter", "log records lost", "sinks", "lost", {"name"}},
	{SINKS, "log_sink_pending", "gauge", "log records that wait", "sinks", "pending", {"name"}},
};

/* Words that a backend has one of; 1 for the one that it has. */
static const char *const health_words[] = {"up", "down", "held", "unchecked", "none", "forced-up",
                                           "forced-down"};

/* Of `totals` these go down as well. */
static const char *const gauges[] = {"flows", "flows_v4", "flows_v6", "mappings", "subscribers",
                                     "blocks", "leases", "persistence", "held", "way_mtus",
                                     "ports_wait"};

static void
print_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			fputs("\\n", out);
		else
			fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void
print_value(FILE *out, const json_t *v)
{
	if (json_is_integer(v))
		fprintf(out, " %lld\n", (long long)json_integer_value(v));
	else if (json_is_real(v))
		fprintf(out, " %.17g\n", json_real_value(v));
	else
		fprintf(out, " %d\n", json_is_true(v));
}

/* print_label: `name="value"` of a member, if it is there. => how many there are now. */
static unsigned
print_label(FILE *out, const char *name, const json_t *v, unsigned n)
{
	if (v == NULL || json_is_null(v))
		return n;
	fprintf(out, "%s%s=\"", n == 0 ? "{" : ",", name);
	if (json_is_string(v))
		print_text(out, json_string_value(v));
	else
		fprintf(out, "%lld", (long long)json_integer_value(v));
	fputc('"', out);
	return n + 1;
}

static void
print_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP millrace_%s %s\n# TYPE millrace_%s %s\n", name, help, name, type);
}

static void
print_sample(FILE *out, const struct family *f, const json_t *o)
{
	const json_t *v = json_at(o, f->value);
	unsigned n = 0;
	if (v == NULL)
		return;
	fprintf(out, "millrace_%s", f->name);
	for (unsigned i = 0; i < LABELS && f->label[i] != NULL; i++)
		n = print_label(out, f->label[i], json_object_get(o, f->label[i]), n);
	fputs(n != 0 ? "}" : "", out);
	print_value(out, v);
}

static void
print_family(FILE *out, const struct family *f, const json_t *answer)
{
	const json_t *list = json_at(answer, f->list), *o;
	size_t i;
	print_head(out, f->name, f->type, f->help);
	if (json_is_object(list))
		print_sample(out, f, list);
	json_array_foreach((json_t *)list, i, o)
		print_sample(out, f, o);
}

static bool
is_gauge(const char *key)
{
	for (unsigned i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (strcmp(gauges[i], key) == 0)
			return true;
	return false;
}

/* print_totals: every counter of the data plane, whatever it is called. */
static void
print_totals(FILE *out, const json_t *totals)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)totals, key, v) {
		char name[80];
		bool gauge = is_gauge(key);
		if (!json_is_number(v))
			continue;
		snprintf(name, sizeof(name), gauge ? "%s" : "%s_total", key);
		print_head(out, name, gauge ? "gauge" : "counter", "see docs/api.md, stats");
		fprintf(out, "millrace_%s", name);
		print_value(out, v);
	}
}

static void
print_health(FILE *out, const json_t *backends)
{
	const json_t *b;
	size_t i;
	print_head(out, "backend_health", "gauge", "1 for the health that a backend has");
	json_array_foreach((json_t *)backends, i, b) {
		const char *has = json_string_value(json_object_get(b, "health"));
		for (unsigned w = 0; w < sizeof(health_words) / sizeof(health_words[0]); w++) {
			unsigned n = 0;
			fputs("millrace_backend_health", out);
			n = print_label(out, "service", json_object_get(b, "service"), n);
			n = print_label(out, "address", json_object_get(b, "address"), n);
			n = print_label(out, "port", json_object_get(b, "port"), n);
			fprintf(out, "%chealth=\"%s\"} %d\n", n != 0 ? ',' : '{', health_words[w],
			        has != NULL && strcmp(has, health_words[w]) == 0);
		}
	}
}

void
metrics_print(FILE *out, json_t *const answer[METRICS_SOURCES])
{
	for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (answer[families[i].source] != NULL)
			print_family(out, &families[i], answer[families[i].source]);
	if (answer[STATS] == NULL)
		return;
	print_health(out, json_object_get(answer[BACKENDS], "backends"));
	print_totals(out, json_object_get(answer[STATS], "totals"));
}

int
run_metrics(struct session *s, const struct command_row *row, int argc, char **argv)
{
	json_t *answer[METRICS_SOURCES] = {0};
	bool good = argc == 0;
	if (!good)
		return help_usage(s->err, row);
	for (unsigned i = 0; i < SOURCES && good; i++) {
		json_t *params = i == STATS ? json_pack("{s:b}", "all", 1) : json_object();
		const char *list = asked[i].list;
		answer[i] = list == NULL ? session_call(s, asked[i].method, params) :
		            session_list(s, asked[i].method, params, list, SESSION_ALL);
		good = answer[i] != NULL;
		if (good && json_is_false(json_object_get(answer[GENERATION], "connected")))
			break; /* millrace_up is 0, and nobody knows the rest */
	}
	if (good) /* all of it, or nothing */
		metrics_print(s->out, answer);
	for (unsigned i = 0; i < SOURCES; i++)
		json_decref(answer[i]);
	return good ? EXIT_DONE : s->status;
}

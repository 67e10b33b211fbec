/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a replay. */
#include "ctl/replay/report.h"

#include <errno.h>

static const char *const cause_name[HANDOFF_MAX] = {
	[HANDOFF_HOME] = "home",         [HANDOFF_HAIRPIN] = "hairpin",
	[HANDOFF_FRAGMENT] = "fragment", [HANDOFF_ICMP] = "icmp",
	[HANDOFF_STRAY] = "stray",
	[HANDOFF_PUNT] = "punt",         [HANDOFF_TX] = "tx",
};

static void
add(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* add_ns: whole nanoseconds as seconds, exact. */
static void
add_ns(json_t *object, const char *name, uint64_t ns)
{
	char text[40];
	snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(ns / 1000000000),
	         (unsigned long long)(ns % 1000000000));
	json_object_set_new(object, name, json_string(text));
}

/* stats_sum: all contexts; only counters that mean something added up. */
static void
stats_sum(struct stats *sum, const struct stats_segment *seg)
{
	memset(sum, 0, sizeof(*sum));
	uint64_t *to = (uint64_t *)(void *)sum;
	for (uint32_t i = 0; i < seg->contexts; i++) {
		const uint64_t *from = (const uint64_t *)(const void *)stats_context(seg, i);
		for (size_t k = 0; k < sizeof(*sum) / sizeof(*to); k++)
			to[k] += from[k];
	}
}

static json_t *
nic_json(const struct stats_nic *n)
{
	json_t *j = json_object();
	add(j, "received", n->rx_packets);
	add(j, "received_bytes", n->rx_bytes);
	add(j, "sent", n->tx_packets);
	add(j, "sent_bytes", n->tx_bytes);
	add(j, "generated", n->generated);
	add(j, "consumed", n->consumed);
	add(j, "held", n->held);
	add(j, "dropped", n->dropped);
	return j;
}

static json_t *
nics_json(const struct generation *g, const struct stats *sum)
{
	json_t *j = json_object();
	for (unsigned i = 1; i < g->n_nics; i++)
		if (g->nics[i].name[0] != '\0') /* a removed one leaves its row */
			json_object_set_new(j, g->nics[i].name, nic_json(&sum->nic[i]));
	return j;
}

static json_t *
drops_json(const struct stats *sum)
{
	json_t *j = json_object();
	for (unsigned i = 0; i < DROP_MAX; i++)
		if (sum->dropped[i] != 0)
			add(j, drop_name(i), sum->dropped[i]);
	return j;
}

static json_t *
totals_json(const struct stats *sum)
{
	json_t *j = json_object();
	uint64_t dropped = 0;
	for (unsigned i = 0; i < DROP_MAX; i++)
		dropped += sum->dropped[i];
	add(j, "received", sum->received);
	add(j, "taken_over", sum->taken_over);
	add(j, "forwarded", sum->forwarded);
	add(j, "consumed", sum->consumed);
	add(j, "handed_off", sum->handed_off);
	add(j, "held", sum->held);
	add(j, "dropped", dropped);
	add(j, "generated", sum->generated);
	add(j, "sent", sum->forwarded + sum->generated);
	return j;
}

static json_t *
handoffs_json(const struct stats *sum)
{
	json_t *j = json_object();
	for (unsigned i = 0; i < HANDOFF_MAX; i++)
		if (sum->handoff[i] != 0)
			add(j, cause_name[i], sum->handoff[i]);
	return j;
}

static json_t *
flows_json(const struct stats *sum)
{
	json_t *j = json_object();
	add(j, "opened", sum->flows_opened);
	add(j, "ended", sum->flows_ended);
	add(j, "ipv4", sum->flows_v4);
	add(j, "ipv6", sum->flows_v6);
	if (sum->stateless != 0)
		add(j, "stateless", sum->stateless);
	return j;
}

/* What was learnt of ways, where anybody said something. */
static void
ways_put(json_t *report, const struct stats *sum)
{
	if (sum->way_mtus_learnt + sum->way_mtus_ignored == 0)
		return;
	json_t *j = json_object();
	add(j, "mtus", sum->way_mtus);
	add(j, "mtus_learnt", sum->way_mtus_learnt);
	add(j, "mtus_ignored", sum->way_mtus_ignored);
	add(j, "mtus_early", sum->way_mtus_early);
	json_object_set_new(report, "ways", j);
}

static json_t *
nat_json(const struct stats *sum)
{
	json_t *j = json_object();
	add(j, "mappings_created", sum->mappings_created);
	add(j, "mappings_freed", sum->mappings_freed);
	add(j, "mappings", sum->mappings);
	add(j, "subscribers", sum->subscribers);
	add(j, "blocks", sum->blocks);
	add(j, "log_records", sum->log_records);
	add(j, "log_lost", sum->log_lost);
	return j;
}

static json_t *
time_json(const struct run *run)
{
	json_t *j = json_object();
	add_ns(j, "first", run->first_ns);
	add_ns(j, "captured", run->last_ns - run->first_ns);
	add_ns(j, "total", run->end_ns - run->first_ns);
	return j;
}

static json_t *
inputs_json(const struct inputs *ins)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < ins->n; i++) {
		const struct input *in = &ins->in[i];
		json_t *j = json_object();
		json_object_set_new(j, "nic", json_string(in->nic));
		add(j, "packets", in->frames);
		add(j, "unreadable", in->unreadable);
		add(j, "time_raised", capture_raised(in->capture));
		if (capture_error(in->capture)[0] != '\0')
			json_object_set_new(j, "damaged", json_string(capture_error(in->capture)));
		json_array_append_new(list, j);
	}
	return list;
}

json_t *
report_make(const struct sim *s, const struct inputs *ins, const struct run *run, json_t *control)
{
	struct stats sum;
	const struct generation *g = s->plane.gen;
	stats_sum(&sum, s->plane.shared.stats);
	json_t *j = json_object();
	add(j, "seed", run->seed);
	add(j, "workers", s->plane.n_workers);
	add(j, "generation", g->number);
	json_object_set_new(j, "time", time_json(run));
	json_object_set_new(j, "inputs", inputs_json(ins));
	json_object_set_new(j, "nics", nics_json(g, &sum));
	json_object_set_new(j, "no_nic", nic_json(&sum.nic[NIC_NONE]));
	json_object_set_new(j, "totals", totals_json(&sum));
	json_object_set_new(j, "drops", drops_json(&sum));
	json_object_set_new(j, "handoffs", handoffs_json(&sum));
	json_object_set_new(j, "flows", flows_json(&sum));
	json_object_set_new(j, "nat", nat_json(&sum));
	ways_put(j, &sum);
	json_object_set(j, "log", s->log);
	json_object_set(j, "control", control);
	return j;
}

int
report_write(const json_t *report, const char *path)
{
	FILE *f = fopen(path, "w");
	if (f == NULL)
		return -errno;
	int bad = json_dumpf(report, f, JSON_INDENT(2)) != 0 || fputc('\n', f) == EOF;
	if (fclose(f) != 0 || bad)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

static void
print_counters(FILE *to, const char *title, json_t *object)
{
	const char *name;
	json_t *value;
	if (json_object_size(object) == 0)
		return;
	fprintf(to, "\n%s\n", title);
	json_object_foreach(object, name, value)
		fprintf(to, "  %-20s %12lld\n", name, (long long)json_integer_value(value));
}

static void
print_nics(FILE *to, json_t *nics)
{
	static const char *const column[] = {"received", "sent", "generated", "consumed", "held",
	                                     "dropped"};
	const char *name;
	json_t *nic;
	fprintf(to, "%-16s", "interface");
	for (unsigned i = 0; i < 6; i++)
		fprintf(to, " %10s", column[i]);
	fprintf(to, "\n");
	json_object_foreach(nics, name, nic) {
		fprintf(to, "%-16s", name);
		for (unsigned i = 0; i < 6; i++)
			fprintf(to, " %10lld",
			        (long long)json_integer_value(json_object_get(nic, column[i])));
		fprintf(to, "\n");
	}
}

void
report_print(const json_t *report, FILE *to)
{
	print_nics(to, json_object_get(report, "nics"));
	print_counters(to, "packets", json_object_get(report, "totals"));
	print_counters(to, "drops by reason", json_object_get(report, "drops"));
	print_counters(to, "hand-offs by cause", json_object_get(report, "handoffs"));
	print_counters(to, "flows", json_object_get(report, "flows"));
	print_counters(to, "translation", json_object_get(report, "nat"));
	print_counters(to, "ways", json_object_get(report, "ways"));
	fprintf(to, "\n%s s of capture, %s s in all; %zu log records, %zu requests\n",
	        json_string_value(json_object_get(json_object_get(report, "time"), "captured")),
	        json_string_value(json_object_get(json_object_get(report, "time"), "total")),
	        json_array_size(json_object_get(report, "log")),
	        json_array_size(json_object_get(report, "control")));
}

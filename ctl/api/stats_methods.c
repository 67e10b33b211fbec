/* SPDX-License-Identifier: Apache-2.0 */
/* stats and steering.show: the counters of all contexts, added up and by part. */
#include <string.h>

#include "internal.h"
#include "methods.h"

/* The single counters of struct stats, by the names that JSON has. */
static const struct { const char *name; size_t offset; } fields[] = {
#define F(f) {#f, offsetof(struct stats, f)}
	F(received), F(taken_over), F(forwarded), F(consumed), F(handed_off), F(held), F(generated),
	F(generated_lost), F(flows_opened), F(flows_ended), F(flows_routed), F(flows_v4),
	F(flows_v6),
	F(mappings_created), F(mappings_freed), F(mappings), F(subscribers), F(blocks),
	F(quarantine_early), F(ports_not_kept), F(leases), F(pcp_requests), F(pcp_refused),
	F(pcp_updates),
	F(persistence), F(persistence_full),
	F(backends_passed), F(stateless), F(log_records), F(log_lost),
	F(bursts), F(idle_polls), F(turns_late), F(turns_preempted),
	F(refusals_unsaid), F(resets_doubted), F(flow_counts_lost),
	F(shifts), F(cookies_sent), F(cookies_good), F(cookies_bad), F(quic_routed),
	F(way_mtus), F(way_mtus_learnt), F(way_mtus_ignored), F(way_mtus_early),
#undef F
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static uint64_t
field(const struct stats *s, unsigned i)
{
	uint64_t v;
	memcpy(&v, (const char *)s + fields[i].offset, sizeof(v));
	return v;
}

static void
set_number(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer((json_int_t)v));
}

static uint64_t
dropped(const struct stats *s)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < DROP_MAX; i++)
		sum += s->dropped[i];
	return sum;
}

void
stats_total(const struct stats_segment *seg, struct stats *sum)
{
	uint64_t *to = (uint64_t *)sum;
	memset(sum, 0, sizeof(*sum));
	for (uint32_t c = 0; c < seg->contexts; c++) {
		const uint64_t *from = (const uint64_t *)stats_context(seg, c);
		for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += from[i];
	}
}

double
stats_ports_wait(const struct stats_segment *seg)
{
	uint64_t most = 0;
	for (uint32_t c = 0; c < seg->contexts; c++) {
		const struct stats *s = stats_context(seg, c);
		uint64_t from = s->ports_from_ns, now = s->now_ns;
		most = from > now && from - now > most ? from - now : most;
	}
	return (double)most / 1e9;
}

json_t *
stats_handoffs(const struct stats *s, bool all)
{
	json_t *o = json_object();
	for (unsigned i = 0; i < STATS_CAUSES; i++) {
		const char *name = name_handoff(i);
		if (name != NULL && (all || s->handoff[i] != 0))
			set_number(o, name, s->handoff[i]);
	}
	return o;
}

static json_t *
drops_json(const struct stats *s, bool all)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < DROP_MAX; i++)
		if (all || s->dropped[i] != 0)
			json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "reason",
				drop_name(i), "packets", (json_int_t)s->dropped[i], "help",
				drop_help(i)));
	return list;
}

json_t *
stats_nic_json(const struct stats_nic *n)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	                 "rx_packets", (json_int_t)n->rx_packets, "rx_bytes",
	                 (json_int_t)n->rx_bytes, "tx_packets", (json_int_t)n->tx_packets,
	                 "tx_bytes", (json_int_t)n->tx_bytes, "generated",
	                 (json_int_t)n->generated, "consumed", (json_int_t)n->consumed, "held",
	                 (json_int_t)n->held, "dropped", (json_int_t)n->dropped);
}

static json_t *
nics_json(struct api *api, const struct stats *sum)
{
	const struct image_header *h = api->link.image(api->link.ctx);
	static const struct stats_nic none;
	json_t *list = json_array();
	uint32_t n = 0;
	const struct img_nic *nics = h != NULL ? image_rows(h, IMG_NICS, &n) : NULL;
	for (uint32_t i = 0; i < STATS_NICS; i++) {
		bool named = i != 0 && i < n;
		if (!named && memcmp(&sum->nic[i], &none, sizeof(none)) == 0)
			continue;
		json_t *o = json_pack("{s:s}", "name", named ? nics[i].name : "none");
		json_object_update_new(o, stats_nic_json(&sum->nic[i]));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
context_json(const struct stats *s, bool all)
{
	json_t *o = json_object();
	for (unsigned i = 0; i < FIELDS; i++)
		set_number(o, fields[i].name, field(s, i));
	set_number(o, "dropped", dropped(s));
	json_object_set_new(o, "handoffs", stats_handoffs(s, all));
	return o;
}

/* identity_json: both sides of the accounting identity; difference is 0 on a machine at rest. */
static json_t *
identity_json(const struct stats *s)
{
	uint64_t in = s->received + s->taken_over;
	uint64_t out = s->forwarded + s->consumed + s->handed_off + s->held + dropped(s);
	return json_pack("{s:I, s:I, s:I}", "arrived", (json_int_t)in, "ended", (json_int_t)out,
	                 "difference", (json_int_t)(in - out));
}

static json_t *
workers_json(const struct stats_segment *seg, bool all)
{
	json_t *list = json_array();
	for (uint32_t c = 0; c < seg->contexts; c++) {
		const struct stats *s = stats_context(seg, c);
		json_t *o = c == 0 ? json_pack("{s:s}", "context", "slow_path") :
		                     json_pack("{s:s, s:i}", "context", "worker", "worker", c - 1);
		json_object_update_new(o, context_json(s, all));
		json_object_set_new(o, "turn_longest", name_time(s->turn_longest_ns));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *
stats_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct stats_segment *seg = api_statistics(api, err);
	bool all = param_bool(params, "all");
	struct stats sum;
	uint64_t sent = 0, now = 0;
	if (seg == NULL)
		return NULL;
	stats_total(seg, &sum);
	for (uint32_t i = 0; i < STATS_NICS; i++)
		sent += sum.nic[i].tx_packets;
	for (uint32_t c = 0; c < seg->contexts; c++)
		now = stats_context(seg, c)->now_ns > now ? stats_context(seg, c)->now_ns : now;
	json_t *totals = context_json(&sum, all);
	set_number(totals, "sent", sent);
	set_number(totals, "flows", sum.flows_v4 + sum.flows_v6);
	json_object_set_new(totals, "ports_wait", json_real(stats_ports_wait(seg)));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "time", name_time(now), "totals",
	                 totals, "identity", identity_json(&sum), "drops", drops_json(&sum, all),
	                 "nics", nics_json(api, &sum), "contexts", workers_json(seg, all));
}

static json_t *
steering_workers(const struct stats_segment *seg, const struct img_plane *plane)
{
	json_t *list = json_array();
	for (uint32_t c = 1; c < seg->contexts && c <= plane->workers && c <= 64; c++) {
		const struct stats *s = stats_context(seg, c);
		json_array_append_new(list, json_pack("{s:i, s:i, s:I, s:I, s:I, s:o}", "worker",
			c - 1, "core", plane->core[c - 1], "received", (json_int_t)s->received,
			"taken_over", (json_int_t)s->taken_over, "handed_off",
			(json_int_t)s->handed_off, "handoffs", stats_handoffs(s, true)));
	}
	return list;
}

struct steering_rows {
	json_t *devices, *explained;
};

static void
explain(json_t *list, const char *device, const char *what, char *text)
{
	if (text[0] != '\0')
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "device", device, "what",
		                                      what, "text", text));
}

static bool
steering_row(void *arg, const void *data)
{
	struct steering_rows *r = arg;
	struct cmd_steering c;
	memcpy(&c, data, sizeof(c));
	c.device[sizeof(c.device) - 1] = c.offers[sizeof(c.offers) - 1] = '\0';
	c.choice[sizeof(c.choice) - 1] = c.reason[sizeof(c.reason) - 1] = '\0';
	c.cost[sizeof(c.cost) - 1] = c.key[sizeof(c.key) - 1] = '\0';
	json_array_append_new(r->devices, json_pack(
		"{s:s, s:i, s:s, s:i, s:i, s:I, s:I, s:b, s:I, s:I}", "device", c.device,
		"strength", c.strength, "key", c.key, "rx_queues", c.rx_queues, "table",
		c.reta_size, "rules", (json_int_t)c.rules, "refused", (json_int_t)c.refused, "lies",
		c.lies, "missteered", (json_int_t)c.missteered, "mishashed",
		(json_int_t)c.mishashed));
	explain(r->explained, c.device, "offers", c.offers);
	explain(r->explained, c.device, "chosen", c.choice);
	explain(r->explained, c.device, "why", c.reason);
	explain(r->explained, c.device, "cost", c.cost);
	return true;
}

/* steering_devices: devices and explained, into o. => false: the data plane does not answer. */
static bool
steering_devices(struct api *api, json_t *o, struct rpc_error *err)
{
	struct steering_rows r = {json_array(), json_array()};
	struct listing l = {.kind = CMD_STEERING, .row_size = sizeof(struct cmd_steering),
	                    .row = steering_row, .arg = &r};
	bool ok = api_list_all(api, &l, err) == 0;
	json_object_set_new(o, "devices", r.devices);
	json_object_set_new(o, "explained", r.explained);
	return ok;
}

json_t *
steering_show_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	const struct stats_segment *seg = api_statistics(api, err);
	const struct image_header *h = seg != NULL ? api_image(api, err) : NULL;
	struct stats sum;
	uint32_t n;
	if (h == NULL)
		return NULL;
	const struct img_plane *plane = image_rows(h, IMG_PLANE, &n);
	if (n == 0)
		return rpc_fail(err, API_NOT_RUNNING, "the running image has no worker section");
	stats_total(seg, &sum);
	json_t *o = json_pack("{s:i, s:i, s:i, s:b, s:i, s:o, s:o}", "workers", plane->workers,
		"main_core", plane->main_core, "class_bits", plane->steer_class_bits,
		"split_blocks", plane->steer_split_blocks, "block_ports",
		1 << plane->steer_block_shift, "handoffs", stats_handoffs(&sum, true),
		"by_worker", steering_workers(seg, plane));
	if (steering_devices(api, o, err))
		return o;
	json_decref(o);
	return NULL;
}

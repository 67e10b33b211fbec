/* SPDX-License-Identifier: Apache-2.0 */
/* lb.list, lb.handshakes, lb.spread: what the balancer does, by service, backend and worker. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lb_live.h"
#include "lb_page.h"
#include "methods.h"
#include "pace.h"

static void
set(json_t *o, const char *name, uint64_t value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

/* counts_set: what a backend had: flows that have ended, and those that live. */
static void
counts_set(json_t *o, const struct backend_sum *sum, const struct lb_live *live)
{
	static const char *const names[2][2] = {{"packets_in", "packets_out"},
	                                        {"bytes_in", "bytes_out"}};
	set(o, "active", live->active);
	set(o, "inactive", live->flows - live->active);
	set(o, "opened", sum->opened);
	for (int d = 0; d < 2; d++) {
		set(o, names[0][d], sum->packets[d] + live->packets[d]);
		set(o, names[1][d], sum->bytes[d] + live->bytes[d]);
	}
	set(o, "answered", sum->answered);
	set(o, "refused", sum->refused);
	set(o, "unanswered", sum->unanswered);
}

static void
sum_add(struct backend_sum *all, const struct backend_sum *b)
{
	uint64_t *to = (uint64_t *)all;
	const uint64_t *from = (const uint64_t *)b;
	for (size_t i = 0; i < sizeof(*all) / sizeof(*to); i++)
		to[i] += from[i];
}

static void
live_add(struct lb_live *all, const struct lb_live *b)
{
	uint64_t *to = (uint64_t *)all;
	const uint64_t *from = (const uint64_t *)b;
	for (size_t i = 0; i < sizeof(*all) / sizeof(*to); i++)
		to[i] += from[i];
}

/* backend_head: who it is. */
static json_t *
backend_head(const struct img_lb_backend *b)
{
	char address[API_NAME];
	return json_pack("{s:s, s:i}", "address", name_address(&b->address, b->family, address),
	                 "port", ntohs(b->port));
}

static json_t *
backend_row(const struct lb_rows *v, const struct img_lb_backend *b, uint64_t weights)
{
	const struct health_target *t = health_by_row(v->health, (uint32_t)(b - v->backend),
	                                              b->id);
	json_t *o = backend_head(b);
	json_object_update_new(o, json_pack("{s:I, s:s, s:s, s:f, s:o}", "weight",
		(json_int_t)b->weight, "state", name_backend_state(b->state), "health",
		t != NULL ? health_word(t) : "none", "share", lb_rows_share(b, weights), "rate",
		pace_json(v->health, t)));
	return o;
}

static json_t *
service_head(const struct img_lb_service *s)
{
	char proto[API_NAME];
	const struct img_lb_choice *c = &s->choice;
	json_t *persistence = c->persistence_s == 0 ? json_null() :
		json_pack("{s:I, s:i}", "timeout", (json_int_t)c->persistence_s, "mask", c->mask);
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:o}", "name", s->name, "place",
	                 lb_rows_place(s), "protocol", name_protocol(s->proto, proto), "mode",
	                 lb_mode_name(s->mode), "scheduler",
	                 name_scheduler(c->scheduler), "per_packet", c->per_packet, "persistence",
	                 persistence);
}

/* rate_add: a service's connections a second are those of its backends; null: of one it is not
 * known yet. */
static void
rate_add(json_t *all, const json_t *one)
{
	const char *span;
	json_t *v;
	json_object_foreach((json_t *)one, span, v) {
		const json_t *have = json_object_get(all, span);
		bool is_known = json_is_number(v) && (have == NULL || json_is_number(have));
		json_object_set_new(all, span, !is_known ? json_null() :
		                    json_real(json_number_value(v) + json_number_value(have)));
	}
}

/* service_sums: what its backends come to, into its row. */
static void
service_sums(const struct lb_rows *v, const struct img_lb_service *s, const struct lb_live *live,
             json_t *o)
{
	struct backend_sum all = {0}, sum;
	struct lb_live all_live = {0};
	json_t *rate = json_object();
	for (uint32_t i = 0; i < lb_rows_count(v, s); i++) {
		uint32_t row = s->first_backend + i, id = v->backend[row].id;
		backend_sum(v->stats, id, &sum);
		sum_add(&all, &sum);
		live_add(&all_live, &live[row]);
		json_t *one = pace_json(v->health, health_by_row(v->health, row, id));
		rate_add(rate, one);
		json_decref(one);
	}
	counts_set(o, &all, &all_live);
	json_object_set_new(o, "rate", rate);
}

/* service_row: with its backends that are on the page; without sums if it went before. */
static json_t *
service_row(struct lb_page *p, const struct img_lb_service *s, const struct lb_live *live)
{
	const struct img_lb_backend *b;
	struct backend_sum sum;
	bool is_first = lb_page_is_first(p);
	json_t *o = service_head(s), *list = json_array();
	if (is_first)
		service_sums(&p->v, s, live, o);
	while ((b = lb_page_backend(p)) != NULL) {
		json_t *backend = backend_row(&p->v, b, p->weights);
		backend_sum(p->v.stats, b->id, &sum);
		counts_set(backend, &sum, &live[b - p->v.backend]);
		json_array_append_new(list, backend);
	}
	if (is_first)
		lb_page_spend(p, lb_page_sums(p, s));
	json_object_set_new(o, "backends", list);
	return o;
}

json_t *
lb_list_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	const struct img_lb_service *s;
	enum lb_walk_part part = param_get(params, "cursor") != NULL ? LB_WALK_ON :
	                         param_get(params, "limit") != NULL ? LB_WALK_BEGIN : LB_WALK_WHOLE;
	if (lb_page_begin(api, params, &p, err) != 0)
		return NULL;
	const struct lb_live *live = lb_live_get(api, &p.v, part, err);
	if (live == NULL && err->code != 0)
		return NULL;
	json_t *list = json_array();
	while (live != NULL && (s = lb_page_service(&p)) != NULL)
		json_array_append_new(list, service_row(&p, s, live));
	return lb_page_result(&p, json_pack("{s:o, s:o}", "time", name_time(p.v.now_ns), "services",
	                                    list));
}

static json_t *
milliseconds(uint64_t ns)
{
	return ns != 0 ? json_real((double)(ns / 1000) / 1e3) : json_null();
}

/* quantile: what so many thousandths of the answers took less than; null: nobody knows. */
static json_t *
quantile(const uint64_t waited[STATS_WAITS], uint64_t n, uint64_t thousandths)
{
	uint64_t seen = 0;
	for (unsigned i = 0; i < STATS_WAITS && n != 0; i++) {
		seen += waited[i];
		if (seen * 1000 >= n * thousandths)
			return milliseconds(stats_wait_below(i));
	}
	return json_null();
}

static double
failed_percent(const struct backend_sum *b)
{
	uint64_t failed = b->refused + b->unanswered, all = failed + b->answered;
	return all != 0 ? 100.0 * (double)failed / (double)all : 0;
}

static json_t *
named_head(const struct img_lb_service *s, const struct img_lb_backend *b)
{
	json_t *o = json_pack("{s:s}", "service", s->name);
	json_object_update_new(o, backend_head(b));
	return o;
}

/* Handshakes of a backend, or of all that a service has. */
struct handshakes {
	struct backend_sum sum;
	uint64_t waited[STATS_WAITS], n;
};

static void
figures_set(json_t *o, const struct handshakes *h)
{
	const struct backend_sum *sum = &h->sum;
	set(o, "unfinished", sum->unfinished);
	set(o, "repeated", sum->repeated);
	json_object_update_new(o, json_pack("{s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "answered",
		(json_int_t)sum->answered, "refused", (json_int_t)sum->refused, "unanswered",
		(json_int_t)sum->unanswered, "failed", failed_percent(sum), "half_below_ms",
		quantile(h->waited, h->n, 500), "most_below_ms", quantile(h->waited, h->n, 900),
		"nearly_all_below_ms", quantile(h->waited, h->n, 990)));
}

/* handshakes_get: of mode fullnat `repeated` is something else. */
static void
handshakes_get(const struct lb_rows *v, const struct img_lb_service *s, uint32_t id,
               struct handshakes *h)
{
	backend_sum(v->stats, id, &h->sum);
	h->sum.repeated = s->mode == LB_MODE_FULLNAT ? 0 : h->sum.repeated;
	h->n = backend_waits(v->stats, id, h->waited);
}

static json_t *
service_handshakes(const struct lb_rows *v, const struct img_lb_service *s)
{
	struct handshakes all = {0}, one;
	for (uint32_t k = 0; k < lb_rows_count(v, s); k++) {
		handshakes_get(v, s, v->backend[s->first_backend + k].id, &one);
		sum_add(&all.sum, &one.sum);
		all.n += one.n;
		for (unsigned i = 0; i < STATS_WAITS; i++)
			all.waited[i] += one.waited[i];
	}
	json_t *row = json_pack("{s:s}", "service", s->name);
	figures_set(row, &all);
	return row;
}

/* waits_add: how long its answers took. => rows. */
static uint32_t
waits_add(json_t *waits, const struct img_lb_service *s, const struct img_lb_backend *b,
          const struct handshakes *h)
{
	uint32_t rows = 0;
	for (unsigned i = 0; i < STATS_WAITS; i++) {
		if (h->waited[i] == 0)
			continue;
		json_t *w = named_head(s, b);
		json_object_set_new(w, "from_ms",
		                    json_real((double)(i == 0 ? 0 : stats_wait_below(i - 1) / 1000)
		                              / 1e3));
		json_object_set_new(w, "below_ms", milliseconds(stats_wait_below(i)));
		set(w, "handshakes", h->waited[i]);
		json_array_append_new(waits, w);
		rows++;
	}
	return rows;
}

static void
handshakes_add(struct lb_page *p, const struct img_lb_service *s, json_t *backends, json_t *waits)
{
	const struct img_lb_backend *b;
	while ((b = lb_page_backend(p)) != NULL) {
		struct handshakes mine;
		json_t *o = named_head(s, b);
		handshakes_get(&p->v, s, b->id, &mine);
		figures_set(o, &mine);
		json_array_append_new(backends, o);
		lb_page_spend(p, waits_add(waits, s, b, &mine));
	}
}

json_t *
lb_handshakes_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	const struct img_lb_service *s;
	if (lb_page_begin(api, params, &p, err) != 0)
		return NULL;
	json_t *services = json_array(), *backends = json_array(), *waits = json_array();
	while ((s = lb_page_service(&p)) != NULL) {
		bool is_first = lb_page_is_first(&p);
		if (is_first)
			json_array_append_new(services, service_handshakes(&p.v, s));
		handshakes_add(&p, s, backends, waits);
		if (is_first)
			lb_page_spend(&p, 2 * lb_page_sums(&p, s));
	}
	return lb_page_result(&p, json_pack("{s:o, s:o, s:o}", "services", services, "backends",
	                                    backends, "waits", waits));
}

/* worker_row: of one worker (context), out of what all workers have. */
static void
worker_row(json_t *list, json_t *head, uint32_t context, const struct backend_sum *sum,
           const struct backend_sum *all)
{
	double share = all->opened != 0 ? 100.0 * (double)sum->opened / (double)all->opened : 0;
	json_object_update_new(head, json_pack("{s:i, s:I, s:I, s:f, s:I, s:I, s:I}", "worker",
		(int)context - 1, "flows", (json_int_t)sum->live, "opened",
		(json_int_t)sum->opened, "share", share, "answered", (json_int_t)sum->answered,
		"refused", (json_int_t)sum->refused, "unanswered", (json_int_t)sum->unanswered));
	json_array_append_new(list, head);
}

static void
spread_service(const struct lb_rows *v, const struct img_lb_service *s, json_t *list)
{
	struct backend_sum all = {0}, sum;
	for (uint32_t k = 0; k < lb_rows_count(v, s); k++) {
		backend_sum(v->stats, v->backend[s->first_backend + k].id, &sum);
		sum_add(&all, &sum);
	}
	for (uint32_t c = 1; c < v->stats->contexts; c++) {
		struct backend_sum mine = {0};
		for (uint32_t k = 0; k < lb_rows_count(v, s); k++) {
			backend_sum_context(v->stats, c, v->backend[s->first_backend + k].id,
			                    &sum);
			sum_add(&mine, &sum);
		}
		worker_row(list, json_pack("{s:s}", "service", s->name), c, &mine, &all);
	}
}

static void
spread_backends(struct lb_page *p, const struct img_lb_service *s, json_t *list)
{
	const struct img_lb_backend *b;
	while ((b = lb_page_backend(p)) != NULL) {
		struct backend_sum all, sum;
		backend_sum(p->v.stats, b->id, &all);
		for (uint32_t c = 1; c < p->v.stats->contexts; c++) {
			backend_sum_context(p->v.stats, c, b->id, &sum);
			worker_row(list, named_head(s, b), c, &sum, &all);
		}
		lb_page_spend(p, p->v.stats->contexts);
	}
}

json_t *
lb_spread_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	const struct img_lb_service *s;
	if (lb_page_begin(api, params, &p, err) != 0)
		return NULL;
	if (p.v.stats == NULL && api_statistics(api, err) == NULL)
		return NULL;
	json_t *services = json_array(), *backends = json_array();
	while ((s = lb_page_service(&p)) != NULL) {
		bool is_first = lb_page_is_first(&p);
		if (is_first)
			spread_service(&p.v, s, services);
		if (p.only != NULL)
			spread_backends(&p, s, backends);
		else
			lb_page_done(&p);
		if (is_first)
			lb_page_spend(&p, p.v.stats->contexts + 2 * lb_page_sums(&p, s));
	}
	return lb_page_result(&p, json_pack("{s:o, s:o}", "services", services, "backends",
	                                    backends));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of services and backends of the image in force, and what is counted of them. */
#include "lb_rows.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lb/state.h"

static void
context_add(const struct stats_backend *b, struct backend_sum *sum)
{
	sum->opened += b->opened;
	sum->half += b->half;
	sum->stateless += b->stateless;
	sum->ended += b->ended;
	for (int d = 0; d < 2; d++) {
		sum->packets[d] += b->packets[d];
		sum->bytes[d] += b->bytes[d];
	}
	sum->answered += b->answered;
	sum->refused += b->refused;
	sum->unanswered += b->unanswered;
	sum->unfinished += b->unfinished;
	sum->repeated += b->repeated;
}

uint64_t
backend_waits(const struct stats_segment *s, uint32_t id, uint64_t waited[STATS_WAITS])
{
	uint64_t n = 0;
	memset(waited, 0, STATS_WAITS * sizeof(*waited));
	for (uint32_t c = 0; s != NULL && id < STATS_BACKENDS && c < s->contexts; c++)
		for (unsigned i = 0; i < STATS_WAITS; i++)
			waited[i] += stats_backends(s, c)[id].waited[i];
	for (unsigned i = 0; i < STATS_WAITS; i++)
		n += waited[i];
	return n;
}

void
backend_sum_context(const struct stats_segment *s, uint32_t context, uint32_t id,
                    struct backend_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	if (s != NULL && id < STATS_BACKENDS && context < s->contexts)
		context_add(&stats_backends(s, context)[id], sum);
	sum->live = sum->opened > sum->ended ? sum->opened - sum->ended : 0;
}

void
backend_sum(const struct stats_segment *s, uint32_t id, struct backend_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t c = 0; s != NULL && id < STATS_BACKENDS && c < s->contexts; c++)
		context_add(&stats_backends(s, c)[id], sum);
	sum->live = sum->opened > sum->ended ? sum->opened - sum->ended : 0;
}

int
lb_rows_get(struct api *api, struct lb_rows *v, struct rpc_error *err)
{
	const struct image_header *h = api_image(api, err);
	if (h == NULL)
		return -1;
	v->health = &api->health;
	v->now_ns = api_now(api);
	v->stats = api->link.statistics(api->link.ctx);
	v->service = image_rows(h, IMG_LB_SERVICES, &v->services);
	v->backend = image_rows(h, IMG_LB_BACKENDS, &v->backends);
	v->local = image_rows(h, IMG_LB_LOCALS, &v->locals);
	return 0;
}

json_t *
lb_rows_ports(const struct lb_rows *v, const struct img_lb_service *s,
              const struct backend_sum *sum)
{
	uint64_t ports = 0;
	if (s->mode != LB_MODE_FULLNAT)
		return json_null();
	for (uint32_t i = s->first_local; i < s->first_local + s->locals && i < v->locals; i++)
		ports += v->local[i].port_last - v->local[i].port_first + 1u;
	return json_pack("{s:I, s:I, s:I}", "all", (json_int_t)ports, "used",
	                 (json_int_t)sum->live, "lacked", (json_int_t)sum->repeated);
}

uint64_t
lb_rows_weights(const struct lb_rows *v, const struct img_lb_service *s)
{
	uint64_t weights = 0;
	for (uint32_t i = 0; i < lb_rows_count(v, s); i++)
		weights += lb_state_share(&v->backend[s->first_backend + i]);
	return weights;
}

double
lb_rows_share(const struct img_lb_backend *b, uint64_t weights)
{
	return weights != 0 ? 100.0 * lb_state_share(b) / (double)weights : 0;
}

json_t *
lb_rows_place(const struct img_lb_service *s)
{
	char address[API_NAME], text[2 * API_NAME];
	unsigned first = ntohs(s->port), last = ntohs(s->port_last);
	bool v6 = s->family == FAMILY_V6, all = first == 1 && last == 65535;
	int n = snprintf(text, sizeof(text), v6 && !all ? "[%.46s" : "%.46s",
	                 name_address(&s->address, s->family, address));
	if (s->plen != addr_bits(s->family))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "/%u", s->plen);
	if (!all)
		n += snprintf(text + n, sizeof(text) - (size_t)n, v6 ? "]:%u" : ":%u", first);
	if (!all && last != first)
		snprintf(text + n, sizeof(text) - (size_t)n, "-%u", last);
	return json_string(text);
}

const struct img_lb_service *
lb_rows_service(const struct lb_rows *v, const char *name, struct rpc_error *err)
{
	char known[256] = "";
	for (uint32_t i = 0; i < v->services; i++) {
		if (strcmp(v->service[i].name, name) == 0)
			return &v->service[i];
		name_known(known, sizeof(known), v->service[i].name);
	}
	rpc_fail(err, API_NOT_FOUND, "no service \"%s\"; there is: %s", name, known);
	return NULL;
}

const struct img_lb_backend *
lb_rows_backend(const struct lb_rows *v, const struct img_lb_service *s,
                const json_t *params, struct rpc_error *err)
{
	const struct img_lb_backend *found = NULL;
	char known[256] = "", text[API_NAME];
	long long port = param_integer(params, "port", 0);
	union addr a;
	uint8_t family;
	param_address(params, "address", &a, &family);
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < v->backends; i++) {
		const struct img_lb_backend *b = &v->backend[s->first_backend + i];
		name_known(known, sizeof(known),
		           name_endpoint(&b->address, b->family, b->port, text));
		if (b->family != family || !addr_equal(&b->address, &a) ||
		    (port != 0 && ntohs(b->port) != port))
			continue;
		if (found != NULL) {
			rpc_fail(err, API_NOT_FOUND, "service \"%s\" has more than one backend "
			         "%s; the port says which", s->name,
			         param_string(params, "address"));
			return NULL;
		}
		found = b;
	}
	if (found == NULL)
		rpc_fail(err, API_NOT_FOUND, "service \"%s\" has no backend %s%s; there is: %s",
		         s->name, param_string(params, "address"),
		         port != 0 ? " with this port" : "", known);
	return found;
}

/* is_nearer: of two services of a packet's the one that has it. */
static bool
is_nearer(const struct img_lb_service *a, const struct img_lb_service *b)
{
	unsigned wide_a = (unsigned)ntohs(a->port_last) - ntohs(a->port);
	unsigned wide_b = (unsigned)ntohs(b->port_last) - ntohs(b->port);
	if (a->plen != b->plen)
		return a->plen > b->plen;
	return wide_a != wide_b ? wide_a < wide_b : a->proto != LB_PROTO_ANY;
}

const struct img_lb_service *
lb_rows_taker(const struct lb_rows *v, const struct tuple *t)
{
	const struct img_lb_service *best = NULL;
	for (uint32_t i = 0; i < v->services; i++) {
		const struct img_lb_service *s = &v->service[i];
		if (s->family == t->family && (s->proto == LB_PROTO_ANY || s->proto == t->proto) &&
		    ntohs(t->dport) >= ntohs(s->port) && ntohs(t->dport) <= ntohs(s->port_last) &&
		    addr_in_prefix(&t->dst, &s->address, s->plen) &&
		    (best == NULL || is_nearer(s, best)))
			best = s;
	}
	return best;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Guards of services: bounds, rates, who may and who may not. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "guards.h"
#include "service_place.h"

enum { PREFIX4 = 24, PREFIX6 = 56 };

/* Services of the document by name, and which of their rows can answer without a flow. */
struct guards {
	json_t *number;   /* {name: place in the document} */
	uint32_t *shared; /* of a row of services: 1 + another with a backend of its; 0: none */
};

/* An endpoint that answers may come from: a nat-mode backend's. */
struct answering {
	const struct img_lb_backend *b;
	const struct img_lb_service *s;
	uint16_t first, last; /* ports, host order */
};

static int
answering_compare(const void *x, const void *y)
{
	const struct answering *a = x, *b = y;
	int order = (int)a->b->family - (int)b->b->family;
	if (order == 0)
		order = addr_compare(&a->b->address, &b->b->address);
	if (order == 0)
		order = (int)a->first - (int)b->first;
	return order != 0 ? order : a->b < b->b ? -1 : a->b > b->b;
}

static struct answering
answering_of(const struct img_lb_backend *b, const struct img_lb_service *s)
{
	return (struct answering){b, s, ntohs(b->port != 0 ? b->port : s->port),
	                          ntohs(b->port != 0 ? b->port : s->port_last)};
}

/*
 * Could one packet be an answer of two? Of one protocol, n in the order of their ports: whoever
 * begins within the one that ends last so far meets it, and all that meet do so with that one.
 */
static void
shared_mark(struct guards *g, const struct answering *all, size_t n, uint8_t proto)
{
	const struct answering *widest = NULL; /* of this host */
	for (const struct answering *a = all; a < all + n; a++) {
		if (a->s->proto != proto && a->s->proto != LB_PROTO_ANY)
			continue;
		if (widest != NULL && (widest->b->family != a->b->family ||
		                       !addr_equal(&widest->b->address, &a->b->address)))
			widest = NULL;
		if (widest != NULL && a->first <= widest->last) {
			g->shared[a->b->service] = widest->b->service + 1;
			g->shared[widest->b->service] = a->b->service + 1;
		}
		if (widest == NULL || a->last > widest->last)
			widest = a;
	}
}

/* shared_find: of each service, another that has a backend of its at the same port. */
static void
shared_find(const struct model *m, struct guards *g, struct answering *all)
{
	size_t n = 0;
	for (size_t i = 0; i < m->backends.n; i++) {
		const struct img_lb_backend *b = rows_at(&m->backends, i);
		const struct img_lb_service *s = rows_at(&m->services, b->service);
		if (s->mode == LB_MODE_NAT)
			all[n++] = answering_of(b, s);
	}
	qsort(all, n, sizeof(*all), answering_compare);
	shared_mark(g, all, n, IPPROTO_TCP);
	shared_mark(g, all, n, IPPROTO_UDP);
}

/* A backend with a port of its own behind several ports: its answers do not say which it was. */
static bool
joins_ports(const struct model *m, const struct img_lb_service *s)
{
	for (uint32_t i = 0; i < s->backends && s->port != s->port_last; i++) {
		const struct img_lb_backend *b = rows_at(&m->backends, s->first_backend + i);
		if (b->port != 0)
			return true;
	}
	return false;
}

/* stateless_refused: why can the service not do without flows? => false: it can. */
static bool
stateless_refused(const struct model *m, const struct guards *g, uint32_t row, char *why,
                  size_t size)
{
	const struct img_lb_service *s = rows_at(&m->services, row), *other;
	other = g->shared[row] == 0 ? NULL : rows_at(&m->services, g->shared[row] - 1);
	why[0] = '\0';
	if (s->mode == LB_MODE_FULLNAT)
		snprintf(why, size, "mode fullnat has a local port for each connection");
	else if (s->choice.scheduler > LB_SOURCE_HASH || s->choice.per_packet)
		snprintf(why, size, "the scheduler does not choose by the client alone");
	else if (lb_mode_is_way(s->mode))
		return false; /* answers do not come by here */
	else if (s->plen != addr_bits(s->family))
		snprintf(why, size, "the service is a prefix, and an answer does not say which "
		         "address of it was spoken to");
	else if (joins_ports(m, s))
		snprintf(why, size, "a backend's port is behind several ports of the service, and "
		         "an answer does not say which was spoken to");
	else if (other != NULL)
		snprintf(why, size, "service \"%.31s\" has the same backend at the same port, and "
		         "an answer does not say whose it is", other->name);
	return why[0] != '\0';
}

static void
overflow_read(struct model *m, const struct guards *g, const json_t *limits, size_t at,
              struct img_lb_guard *row)
{
	const char *overflow = get_text(limits, "overflow");
	char why[160];
	struct config_path path;
	bool refused = stateless_refused(m, g, row->service, why, sizeof(why));
	bool wanted = overflow == NULL ? !refused : strcmp(overflow, "stateless") == 0;
	path_make(&path, "lb.services[%zu].limits.overflow", at);
	if (wanted && refused)
		config_error_add(m->errs, path.text, "stateless is not possible: %s; expected "
		                 "\"drop\"", why);
	row->overflow = wanted ? LB_OVERFLOW_STATELESS : LB_OVERFLOW_DROP;
	struct img_lb_service *s = rows_at(&m->services, row->service);
	s->stateless = wanted && s->tell == TELL_NONE && s->syn_mode == LB_SYN_OFF;
}

static void
source_read(struct model *m, const json_t *limits, size_t at, uint8_t family,
            struct img_lb_guard *row)
{
	struct config_path path;
	const json_t *plen = json_object_get(limits, "source_prefix");
	row->source_plen = family == FAMILY_V4 ? PREFIX4 : PREFIX6;
	if (plen != NULL)
		row->source_plen = (uint8_t)json_integer_value(plen);
	path_make(&path, "lb.services[%zu].limits.source_prefix", at);
	if (row->source_plen > addr_bits(family))
		config_error_add(m->errs, path.text, "%u; expected %u at most, the service is "
		                 "IPv%u", row->source_plen, addr_bits(family), family);
	path_make(&path, "lb.services[%zu].limits.source_rate", at);
	if (row->source_rate != 0 && m->plane.sources == 0)
		config_error_add(m->errs, path.text, "needs room for sources, and "
		                 "lb.capacity.sources is 0; expected 1 at least there");
}

/* burst_of: default: what one second lets in. */
static uint32_t
burst_of(const json_t *limits, const char *key, uint32_t rate)
{
	const json_t *burst = json_object_get(limits, key);
	return burst != NULL ? (uint32_t)json_integer_value(burst) : rate;
}

static uint16_t
list_find(struct model *m, const json_t *service, const char *key, size_t at)
{
	struct config_path path;
	const char *name = get_text(service, key);
	if (name == NULL)
		return LB_NO_LIST;
	for (size_t i = 0; i < m->lists.n; i++)
		if (strcmp(((struct img_lb_list *)rows_at(&m->lists, i))->name, name) == 0)
			return (uint16_t)i;
	path_make(&path, "lb.services[%zu].%s", at, key);
	if (m->pruned == NULL || !m->pruned->lists)
		config_error_add(m->errs, path.text, "there is no list \"%s\"; expected the name "
		                 "of one in lb.lists", name);
	return LB_NO_LIST;
}

static bool
guards_anything(const struct img_lb_guard *g)
{
	return g->half_open != 0 || g->flows != 0 || g->rate != 0 || g->source_rate != 0 ||
	       g->allow != LB_NO_LIST || g->deny != LB_NO_LIST;
}

/* bounds_check: flows of one datagram's schedule are no connections that could be bounded. */
static void
bounds_check(struct model *m, const struct img_lb_service *s, const struct img_lb_guard *g,
             size_t at)
{
	struct config_path path;
	path_make(&path, "lb.services[%zu].limits", at);
	if (s->tell != TELL_NONE && g->half_open != 0)
		config_error_add(m->errs, path.text, "has half_open, which does not count "
		                 "connections with client_address; expected flows, or syn_proxy");
	if (s->choice.per_packet && (g->half_open != 0 || g->flows != 0))
		config_error_add(m->errs, path.text, "has a bound of connections, and the service "
		                 "schedules each datagram for itself; expected rates alone");
}

static void
guard_add(struct model *m, const struct guards *g, uint32_t row)
{
	const struct img_lb_service *s = rows_at(&m->services, row);
	size_t at = (size_t)json_integer_value(json_object_get(g->number, s->name));
	const json_t *service = json_array_get(model_get(m, "lb", "services"), at);
	const json_t *limits = json_object_get(service, "limits");
	struct img_lb_guard guard = {
		.service = row,
		.half_open = (uint32_t)get_int(limits, "half_open"),
		.flows = (uint32_t)get_int(limits, "flows"),
		.rate = (uint32_t)get_int(limits, "rate"),
		.source_rate = (uint32_t)get_int(limits, "source_rate"),
		.allow = list_find(m, service, "allow", at),
		.deny = list_find(m, service, "deny", at),
	};
	guard.burst = burst_of(limits, "burst", guard.rate);
	guard.source_burst = burst_of(limits, "source_burst", guard.source_rate);
	source_read(m, limits, at, s->family, &guard);
	overflow_read(m, g, limits, at, &guard);
	bounds_check(m, s, &guard, at);
	struct img_lb_guard *to = guards_anything(&guard) ? rows_add(m, &m->guards) : NULL;
	if (to != NULL)
		*to = guard;
}

void
model_guards(struct model *m)
{
	const json_t *services = model_get(m, "lb", "services");
	struct guards g = {json_object(), calloc(m->services.n + 1, sizeof(uint32_t))};
	struct answering *all = calloc(m->backends.n + 1, sizeof(*all));
	m->failed |= g.number == NULL || g.shared == NULL || all == NULL;
	for (size_t i = 0; i < json_array_size(services) && !m->failed; i++)
		json_object_set_new(g.number, get_text(json_array_get(services, i), "name"),
		                    json_integer((json_int_t)i));
	if (!m->failed)
		shared_find(m, &g, all);
	for (uint32_t i = 0; i < m->services.n && !m->failed; i++)
		guard_add(m, &g, i);
	json_decref(g.number);
	free(g.shared);
	free(all);
}

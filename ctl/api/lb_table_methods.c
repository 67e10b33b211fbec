/* SPDX-License-Identifier: Apache-2.0 */
/* lb.table, lb.where: the table that a service's scheduler goes through, the data plane's,
 * and where a connection falls in it, found by the data plane's own functions. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/lb_table.h"
#include "lb/place.h"
#include "lb_page.h"
#include "methods.h"

/* table_of: a service's slots, made again: they follow from its backends. => malloc'ed, or NULL and
 * err. */
static uint16_t *
table_of(const struct lb_rows *v, const struct img_lb_service *s, struct rpc_error *err)
{
	uint16_t *slots = malloc(MAGLEV_SIZE * sizeof(*slots));
	if (slots != NULL && lb_rows_count(v, s) == s->backends &&
	    lb_table_make(s, v->backend + s->first_backend, slots) == 0)
		return slots;
	free(slots);
	rpc_fail(err, RPC_INTERNAL, "the table of this service cannot be made");
	return NULL;
}

static json_t *
share_row(const struct img_lb_backend *b, uint32_t slots, uint64_t weights)
{
	char address[API_NAME];
	return json_pack("{s:s, s:i, s:s, s:I, s:i, s:I, s:f, s:f}", "address",
	                 name_address(&b->address, b->family, address), "port", ntohs(b->port),
	                 "state", name_backend_state(b->state), "weight", (json_int_t)b->weight,
	                 "withheld_percent", b->withheld * 100 / LB_TENTHS, "slots",
	                 (json_int_t)slots, "share", 100.0 * slots / MAGLEV_SIZE, "by_weight",
	                 lb_rows_share(b, weights));
}

/* shares_add: rows of the page, of backends that have so many slots each. */
static json_t *
shares_add(struct lb_page *p, const uint32_t *has)
{
	const struct img_lb_service *s;
	const struct img_lb_backend *b;
	json_t *list = json_array();
	while ((s = lb_page_service(p)) != NULL)
		while ((b = lb_page_backend(p)) != NULL)
			json_array_append_new(list, share_row(
				b, has[b - &p->v.backend[s->first_backend]], p->weights));
	return list;
}

json_t *
lb_table_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_page p;
	uint16_t *slot;
	if (lb_page_begin(api, params, &p, err) != 0 ||
	    (slot = table_of(&p.v, p.only, err)) == NULL)
		return NULL;
	const struct img_lb_service *s = p.only;
	uint32_t n = lb_rows_count(&p.v, s), empty = 0;
	uint32_t *has = calloc(n + (size_t)1, sizeof(*has));
	for (uint32_t i = 0; has != NULL && i < MAGLEV_SIZE; i++)
		if (slot[i] < n)
			has[slot[i]]++;
		else
			empty++;
	free(slot);
	if (has == NULL)
		return rpc_fail(err, RPC_INTERNAL, "memory ran out");
	json_t *list = shares_add(&p, has);
	free(has);
	return lb_page_result(&p, json_pack(
		"{s:{s:s, s:s, s:s, s:i, s:I}, s:o}", "table", "service", s->name, "scheduler",
		name_scheduler(s->choice.scheduler), "kind",
		lb_table_is_order(s->choice.scheduler) ? "order by turns" : "Maglev, by hash",
		"slots", MAGLEV_SIZE, "empty", (json_int_t)empty, "backends", list));
}

/* tuple_read: the packet that is asked about. => false and err. */
static bool
tuple_read(const json_t *params, const struct img_lb_service *s, struct tuple *t,
           struct rpc_error *err)
{
	uint8_t family = s->family;
	unsigned first = ntohs(s->port), last = ntohs(s->port_last);
	*t = (struct tuple){.dst = s->address, .dport = s->port, .proto = s->proto};
	param_address(params, "client.address", &t->src, &t->family);
	param_address(params, "destination", &t->dst, &family);
	t->sport = htons((uint16_t)param_integer(params, "client.port", 0));
	if (param_get(params, "destination_port") != NULL)
		t->dport = htons((uint16_t)param_integer(params, "destination_port", 0));
	if (t->family != s->family || family != s->family)
		rpc_fail(err, RPC_PARAMS, "the service is IPv%u; wanted addresses of that family",
		         s->family);
	else if (!addr_in_prefix(&t->dst, &s->address, s->plen) ||
	         ntohs(t->dport) < first || ntohs(t->dport) > last)
		rpc_fail(err, RPC_PARAMS, "destination: the service has no such address and port");
	else
		return true;
	return false;
}

static void
note(json_t *notes, const char *text)
{
	json_array_append_new(notes, json_pack("{s:s}", "text", text));
}

/* note_takers: who else has packets to that address and port, since it is the more specific. */
static void
note_takers(json_t *notes, const struct lb_rows *v, const struct img_lb_service *s,
            struct tuple t)
{
	static const struct { uint8_t proto; const char *name; } protos[] = {
		{IPPROTO_TCP, "TCP"}, {IPPROTO_UDP, "UDP"},
	};
	char text[128];
	for (unsigned i = 0; i < 2; i++) {
		t.proto = protos[i].proto;
		const struct img_lb_service *other = lb_rows_taker(v, &t);
		if ((s->proto != LB_PROTO_ANY && s->proto != t.proto) || other == s)
			continue;
		snprintf(text, sizeof(text), "%s to that address and port goes to the service "
		         "\"%s\" instead, which is more specific", protos[i].name, other->name);
		note(notes, text);
	}
}

/* notes_of: what the answer leaves out. */
static json_t *
notes_of(const struct lb_rows *v, const struct img_lb_service *s, const struct tuple *t,
         unsigned places)
{
	json_t *notes = json_array();
	bool limited = false;
	note_takers(notes, v, s, *t);
	for (uint32_t i = 0; i < lb_rows_count(v, s); i++)
		limited |= v->backend[s->first_backend + i].max_flows != 0;
	if (places == 0)
		note(notes, "this scheduler goes by turns and load: any backend with slots may be "
		     "next, see lb table");
	if (places == 2)
		note(notes, "of the two the one with fewer connections for its weight is taken, as "
		     "the client's worker counts them");
	if (s->choice.persistence_s != 0)
		note(notes, "persistence is not looked at: a client that it remembers goes where "
		     "it was before");
	if (limited)
		note(notes, "a backend that is full (max_connections) is passed over for the next "
		     "slot's");
	note(notes, "a connection that is open stays where it is, whatever stands here");
	return notes;
}

static json_t *
candidate(const struct lb_rows *v, const struct img_lb_service *s, const uint16_t *table,
          uint32_t slot)
{
	char address[API_NAME];
	if (table[slot] >= lb_rows_count(v, s))
		return json_pack("{s:i, s:n, s:n, s:s}", "slot", (int)slot, "address", "port",
		                 "state", "no backend takes new connections");
	const struct img_lb_backend *b = &v->backend[s->first_backend + table[slot]];
	return json_pack("{s:i, s:s, s:i, s:s}", "slot", (int)slot, "address",
	                 name_address(&b->address, b->family, address), "port", ntohs(b->port),
	                 "state", name_backend_state(b->state));
}

json_t *
lb_where_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct lb_rows v;
	struct tuple t;
	const struct img_lb_service *s;
	uint16_t *table;
	uint32_t slot[2];
	if (lb_rows_get(api, &v, err) != 0 ||
	    (s = lb_rows_service(&v, param_string(params, "service"), err)) == NULL ||
	    !tuple_read(params, s, &t, err) || (table = table_of(&v, s, err)) == NULL)
		return NULL;
	unsigned places = lb_place_slots(s, &t, slot);
	json_t *list = json_array();
	for (unsigned i = 0; i < places; i++)
		json_array_append_new(list, candidate(&v, s, table, slot[i]));
	free(table);
	return json_pack("{s:s, s:s, s:o, s:o}", "service", s->name, "scheduler",
	                 name_scheduler(s->choice.scheduler), "backends", list, "notes",
	                 notes_of(&v, s, &t, places));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The lookups of a generation for the balancer. */
#include "lb_view.h"

#include "lib/mem.h"
#include "maglev.h"

enum { BACKEND_PROBES = 1024 };

static uint32_t
endpoint_hash(const union addr *a, be16 port, uint8_t proto)
{
	uint64_t h = mix64(a->q[0] ^ 0x9e3779b97f4a7c15u, a->q[1] ^ 0xd6e8feb86659fd93u);
	return (uint32_t)(mix64(h ^ port, proto ^ 0xa0761d6478bd642fu) >> 32);
}

/* slots_for: a power of two at which n rows fill half of the table at most. */
static uint32_t
slots_for(uint32_t n)
{
	uint32_t slots = 2;
	while (slots < 2 * n)
		slots *= 2;
	return slots;
}

static void
slot_fill(struct lb_index *x, uint32_t hash, uint32_t row)
{
	uint32_t i = hash & x->mask;
	while (x->slot[i] != 0)
		i = (i + 1) & x->mask;
	x->slot[i] = row + 1;
}

static bool
service_is(const struct img_lb_service *s, const struct tuple *t)
{
	return s->port == t->dport && s->proto == t->proto && s->family == t->family &&
	       addr_equal(&s->address, &t->dst);
}

const struct img_lb_service *
lb_view_service(const struct lb_view *v, const struct tuple *t)
{
	const struct lb_index *x = &v->by_service;
	uint32_t i = endpoint_hash(&t->dst, t->dport, t->proto) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask) {
		const struct img_lb_service *s = &v->services[x->slot[i] - 1];
		if (service_is(s, t))
			return s;
	}
	return NULL;
}

bool
lb_view_endpoint(const struct lb_view *v, const struct tuple *t)
{
	const struct lb_index *x = &v->by_endpoint;
	uint32_t i = endpoint_hash(&t->src, t->sport, t->proto) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask) {
		const struct img_lb_backend *b = &v->backends[x->slot[i] - 1];
		const struct img_lb_service *s = &v->services[b->service];
		if (b->port == t->sport && b->family == t->family && s->proto == t->proto &&
		    addr_equal(&b->address, &t->src))
			return true;
	}
	return false;
}

const struct img_lb_backend *
lb_view_backend(const struct lb_view *v, const struct img_lb_service *s, const struct tuple *t)
{
	const struct img_lb_backend *backends = v->backends + s->first_backend;
	const uint16_t *slots = v->slots + (size_t)s->slots * MAGLEV_SIZE;
	uint32_t slot = maglev_slot(lb_client_hash(&t->src, t->sport));
	for (unsigned i = 0; i < BACKEND_PROBES; i++) {
		if (slots[slot] != LB_NO_BACKEND) {
			const struct img_lb_backend *b = &backends[slots[slot]];
			if (b->state == LB_READY && b->weight != 0)
				return b;
		}
		slot = slot + 1 < MAGLEV_SIZE ? slot + 1 : 0;
	}
	return NULL;
}

static void
view_fill(struct lb_view *v)
{
	for (uint32_t i = 0; i < v->n_services; i++) {
		const struct img_lb_service *s = &v->services[i];
		slot_fill(&v->by_service, endpoint_hash(&s->address, s->port, s->proto), i);
	}
	for (uint32_t i = 0; i < v->n_backends; i++) {
		const struct img_lb_backend *b = &v->backends[i];
		const struct img_lb_service *s = &v->services[b->service];
		struct tuple t = {.src = b->address, .sport = b->port, .family = b->family,
			.proto = s->proto};
		if (b->state == LB_DOWN) {
			v->down[b->id / 8] |= (uint8_t)(1u << b->id % 8);
			v->n_down++;
		}
		if (s->mode != LB_MODE_NAT || lb_view_endpoint(v, &t))
			continue;
		slot_fill(&v->by_endpoint, endpoint_hash(&t.src, t.sport, t.proto), i);
		v->endpoint_ports |= lb_port_bit(t.sport);
	}
	for (uint32_t i = 0; i < v->n_locals; i++) {
		const struct img_lb_local *l = &v->locals[i];
		v->local_owner[i] = v->steer->split_blocks ? LB_LOCAL_SHARED :
			(uint8_t)steer_worker(v->steer, &l->address, l->family);
		v->local_class[i] = steer_class(v->steer, &l->address, l->family);
	}
}

struct lb_view *
lb_view_create(const struct image_header *h, const struct steer *steer)
{
	struct lb_view rows = {.steer = steer};
	uint32_t n;
	rows.services = image_rows(h, IMG_LB_SERVICES, &rows.n_services);
	rows.backends = image_rows(h, IMG_LB_BACKENDS, &rows.n_backends);
	rows.locals = image_rows(h, IMG_LB_LOCALS, &rows.n_locals);
	rows.slots = image_rows(h, IMG_LB_SLOTS, &n);
	uint32_t services = slots_for(rows.n_services);
	uint32_t endpoints = slots_for(rows.n_backends);
	size_t slots = (size_t)services + endpoints;
	rows.size = sizeof(rows) + slots * sizeof(uint32_t) +
		rows.n_locals * (sizeof(uint16_t) + sizeof(uint8_t)) +
		LB_MAX_IDS / 8;
	struct lb_view *v = mem_alloc(rows.size, -1);
	if (v == NULL)
		return NULL;
	*v = rows;
	v->by_service = (struct lb_index){(uint32_t *)(v + 1), services - 1};
	v->by_endpoint = (struct lb_index){v->by_service.slot + services, endpoints - 1};
	v->local_class = (uint16_t *)(v->by_endpoint.slot + endpoints);
	v->local_owner = (uint8_t *)(v->local_class + rows.n_locals);
	v->down = v->local_owner + rows.n_locals;
	view_fill(v);
	return v;
}

void
lb_view_destroy(struct lb_view *v)
{
	if (v != NULL)
		mem_free(v, v->size);
}

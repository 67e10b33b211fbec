/* SPDX-License-Identifier: Apache-2.0 */
/* The lookups of a generation for the balancer. */
#include "lb_view.h"

#include <stdlib.h>

#include "maglev.h"

enum { BACKEND_PROBES = 1024 };

static uint32_t
endpoint_hash(const union addr *a, be16 port, uint8_t proto)
{
	uint64_t h = mix64(a->q[0] ^ 0x9e3779b97f4a7c15u, a->q[1] ^ 0xd6e8feb86659fd93u);
	return hash_finish(mix64(h ^ port, proto ^ 0xa0761d6478bd642fu));
}

/* index_init: room for n rows at half load. */
static bool
index_init(struct lb_index *x, uint32_t n)
{
	uint32_t size = 2;
	while (size < 2 * n)
		size *= 2;
	x->slot = calloc(size, sizeof(*x->slot));
	x->mask = size - 1;
	return x->slot != NULL;
}

static void
index_add(struct lb_index *x, uint32_t hash, uint32_t row)
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
		index_add(&v->by_service, endpoint_hash(&s->address, s->port, s->proto), i);
	}
	for (uint32_t i = 0; i < v->n_backends; i++) {
		const struct img_lb_backend *b = &v->backends[i];
		const struct img_lb_service *s = &v->services[b->service];
		struct tuple t = {.src = b->address, .sport = b->port, .family = b->family,
			.proto = s->proto};
		if (s->mode == LB_MODE_NAT && !lb_view_endpoint(v, &t))
			index_add(&v->by_endpoint, endpoint_hash(&t.src, t.sport, t.proto), i);
	}
	for (uint32_t i = 0; i < v->n_locals; i++) {
		const struct img_lb_local *l = &v->locals[i];
		v->local_owner[i] = v->steer->split_blocks ? LB_LOCAL_SHARED :
			(uint8_t)steer_worker(v->steer, &l->address, l->family);
	}
}

struct lb_view *
lb_view_create(const struct image_header *h, const struct steer *steer)
{
	struct lb_view *v = calloc(1, sizeof(*v));
	uint32_t n_slots;
	if (v == NULL)
		return NULL;
	v->steer = steer;
	v->services = image_rows(h, IMG_LB_SERVICES, &v->n_services);
	v->backends = image_rows(h, IMG_LB_BACKENDS, &v->n_backends);
	v->locals = image_rows(h, IMG_LB_LOCALS, &v->n_locals);
	v->slots = image_rows(h, IMG_LB_SLOTS, &n_slots);
	v->local_owner = calloc(v->n_locals + 1, 1);
	bool ok = index_init(&v->by_service, v->n_services);
	ok = index_init(&v->by_endpoint, v->n_backends) && ok;
	if (!ok || v->local_owner == NULL) {
		lb_view_destroy(v);
		return NULL;
	}
	view_fill(v);
	return v;
}

void
lb_view_destroy(struct lb_view *v)
{
	if (v == NULL)
		return;
	free(v->by_service.slot);
	free(v->by_endpoint.slot);
	free(v->local_owner);
	free(v);
}

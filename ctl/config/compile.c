/* SPDX-License-Identifier: Apache-2.0 */
/* From rows to an image: stable ids, the document itself. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/tuple.h"
#include "model.h"

static void
pool_ids(struct model *m)
{
	struct id_space s;
	char key[ADDR_TEXT];
	m->failed |= !id_space_init(&s, &m->ids, "pool_addresses", m->plane.pool_addresses);
	for (size_t i = 0; i < m->pool_addresses.n && !m->failed; i++) {
		struct img_nat_address *a = rows_at(&m->pool_addresses, i);
		union addr address = addr_from_v4(a->address);
		addr_put(key, &address, FAMILY_V4);
		if (id_space_take(&s, key, &a->id))
			continue;
		config_error_add(m->errs, "nat.capacity.pool_addresses",
		                 "is %u, and all numbers are taken by addresses in use or being "
		                 "replaced (%s gets none); expected a greater capacity, or removal "
		                 "and addition in two steps", s.limit, key);
		break;
	}
	id_space_fini(&s);
}

/* endpoint_key: 192.0.2.1:80 or [2001:db8::1]:80, appended. */
static void
endpoint_key(char *key, size_t size, const union addr *a, uint8_t family, be16 port)
{
	char text[ADDR_TEXT];
	size_t n = strlen(key);
	snprintf(key + n, size - n, family == FAMILY_V4 ? " %s:%u" : " [%s]:%u",
	         addr_put(text, a, family), ntohs(port));
}

/* service_key: "tcp 192.0.2.1:80", and "any 192.0.2.0:1000/24-1999" if it is not one place. */
static void
service_key(char *key, size_t size, const struct img_lb_service *s)
{
	snprintf(key, size, "%s", s->proto == IPPROTO_L4_TCP ? "tcp" :
	         s->proto == IPPROTO_L4_UDP ? "udp" : "any");
	endpoint_key(key, size, &s->address, s->family, s->port);
	size_t n = strlen(key);
	if (s->plen != addr_bits(s->family) || s->port != s->port_last)
		snprintf(key + n, size - n, "/%u-%u", s->plen, ntohs(s->port_last));
}

static bool
service_ids(struct model *m, struct img_lb_service *s, struct id_space *services,
            struct id_space *backends)
{
	char service[128], key[256];
	service_key(service, sizeof(service), s);
	if (!id_space_take(services, service, &s->id))
		return false;
	for (uint32_t i = 0; i < s->backends; i++) {
		struct img_lb_backend *b = rows_at(&m->backends, s->first_backend + i);
		snprintf(key, sizeof(key), "%s", service);
		endpoint_key(key, sizeof(key), &b->address, b->family, b->port);
		if (!id_space_take(backends, key, &b->id))
			return false;
	}
	return true;
}

static void
lb_ids(struct model *m)
{
	struct id_space services, backends = {0};
	m->failed |= !id_space_init(&services, &m->ids, "services", LB_MAX_SERVICE_IDS) ||
	             !id_space_init(&backends, &m->ids, "backends", LB_MAX_IDS);
	for (size_t i = 0; i < m->services.n && !m->failed; i++)
		if (!service_ids(m, rows_at(&m->services, i), &services, &backends)) {
			config_error_add(m->errs, "lb.services", "too many are new at once; "
			                 "expected the change in smaller steps");
			break;
		}
	id_space_fini(&services);
	id_space_fini(&backends);
}

void
model_ids(struct model *m)
{
	pool_ids(m);
	lb_ids(m);
	id_space_fini(&m->timer_ids);
}

static void
digest_add(uint64_t h[2], const void *data, size_t size)
{
	const uint8_t *text = data;
	h[0] ^= size;
	h[1] += size;
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = 0;
		memcpy(&word, text + i, size - i < 8 ? size - i : 8);
		h[0] = mix64(h[0] ^ word, 0xa0761d6478bd642fu);
		h[1] = mix64(h[1] + word, 0xe7037ed1a0b428dbu) ^ h[0];
	}
}

/*
 * document_digest: 128 bits, to tell documents apart, and what their files of prefixes said when
 * they were read; nobody is kept from making two alike.
 */
static void
document_digest(const struct model *m, const char *text, uint8_t digest[16])
{
	const struct rows *const read[] = {&m->lists, &m->ranges4, &m->ranges6};
	uint64_t h[2] = {0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u};
	digest_add(h, text, strlen(text));
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		if (read[i]->n != 0)
			digest_add(h, read[i]->data, read[i]->n * read[i]->size);
	memcpy(digest, h, 16);
}

static void
build_section(struct image_builder *b, uint32_t kind, const struct rows *r)
{
	if (r->n != 0)
		image_build_rows(b, kind, r->data, r->size, r->n);
}

/* build_bare: rows that begin with the image's, without where they came from. */
static void
build_bare(struct model *m, struct image_builder *b, uint32_t kind, const struct rows *from,
           size_t size)
{
	struct rows r = {.size = size};
	for (size_t i = 0; i < from->n; i++) {
		void *row = rows_add(m, &r);
		if (row != NULL)
			memcpy(row, rows_at(from, i), size);
	}
	build_section(b, kind, &r);
	free(r.data);
}

/* build_statics: without the entries that they come from. */
static void
build_statics(struct model *m, struct image_builder *b)
{
	struct rows r = {.size = sizeof(struct img_nat_static)};
	for (size_t i = 0; i < m->statics.n; i++) {
		struct img_nat_static *row = rows_add(m, &r);
		if (row != NULL)
			*row = ((struct model_static *)rows_at(&m->statics, i))->r;
	}
	build_section(b, IMG_NAT_STATICS, &r);
	free(r.data);
}

static void
build_policies(struct model *m, struct image_builder *b)
{
	if (m->pools.n != 0 || m->statics.n != 0 || m->rules.n != 0)
		image_build_rows(b, IMG_NAT_CONF, &m->nat, sizeof(m->nat), 1);
	build_section(b, IMG_NAT_POOLS, &m->pools);
	build_section(b, IMG_NAT_ADDRESSES, &m->pool_addresses);
	build_section(b, IMG_NAT_RULES, &m->rules);
	build_section(b, IMG_NAT_PORTS, &m->nat_ports);
	build_section(b, IMG_NAT_HOLES, &m->holes);
	build_section(b, IMG_NAT_INSIDE, &m->insides);
	build_statics(m, b);
	build_section(b, IMG_NAT_STATICS_OUT, &m->statics_out);
	build_section(b, IMG_LB_SERVICES, &m->services);
	build_section(b, IMG_LB_BACKENDS, &m->backends);
	build_section(b, IMG_LB_LOCALS, &m->locals);
	build_bare(m, b, IMG_LB_WAYS, &m->ways, sizeof(struct img_lb_way));
	build_section(b, IMG_LB_QUIC, &m->quics);
	build_section(b, IMG_LB_LISTS, &m->lists);
	build_section(b, IMG_LB_RANGES4, &m->ranges4);
	build_section(b, IMG_LB_RANGES6, &m->ranges6);
	build_section(b, IMG_LB_GUARDS, &m->guards);
	build_section(b, IMG_LB_ASKERS, &m->askers);
}

static void *
model_build(struct model *m, uint64_t generation, const char *document, const char *ids,
            size_t *size)
{
	struct image_builder b;
	image_build_begin(&b, generation);
	image_build_rows(&b, IMG_PLANE, &m->plane, sizeof(m->plane), 1);
	build_section(&b, IMG_DEVS, &m->devs);
	build_section(&b, IMG_NICS, &m->nics);
	if (m->realms.n > 1)
		build_section(&b, IMG_REALMS, &m->realms);
	build_section(&b, IMG_ADDRESSES, &m->addresses);
	build_bare(m, &b, IMG_ROUTES, &m->routes, sizeof(struct img_route));
	build_section(&b, IMG_NEIGHBOURS, &m->neighbours);
	build_section(&b, IMG_TIMERS, &m->timers);
	build_policies(m, &b);
	image_build_rows(&b, IMG_DOCUMENT, document, 1, strlen(document));
	image_build_rows(&b, IMG_IDS, ids, 1, strlen(ids));
	b.failed |= m->failed;
	if (!b.failed)
		document_digest(m, document, ((struct image_header *)b.data)->digest);
	return image_build_end(&b, size);
}

void *
config_rows(const json_t *doc, const struct image_header *previous, uint64_t generation,
            size_t *size, struct config_errors *errs)
{
	struct model m;
	void *image = NULL;
	unsigned before = errs->n;
	if (model_create(&m, doc, previous, errs))
		model_ids(&m);
	if (errs->n == before && !m.failed) {
		char *document = json_dumps(doc, JSON_COMPACT);
		char *ids = json_dumps(m.ids.made, JSON_COMPACT);
		if (document != NULL && ids != NULL)
			image = model_build(&m, generation, document, ids, size);
		free(document);
		free(ids);
	}
	if (image == NULL && errs->n == before)
		config_error_add(errs, "", "memory ran out, or the image would exceed %zu bytes",
		                 IMAGE_MAX);
	model_destroy(&m);
	return image;
}

void *
config_compile(const json_t *doc, const struct image_header *previous, uint64_t generation,
               size_t *size, struct config_errors *errs)
{
	void *rows = config_rows(doc, previous, generation, size, errs);
	return rows != NULL ? config_tables(rows, previous, NULL, size, errs) : NULL;
}

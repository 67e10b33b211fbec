/* SPDX-License-Identifier: Apache-2.0 */
/* The lookups of a generation for the balancer. */
#include "lb_view.h"

#include "lb_way.h"
#include "lib/mem.h"

const struct img_lb_service *
lb_view_service(const struct lb_view *v, const struct tuple *t)
{
	return lb_services_find(&v->service, t);
}

/* The port that a nat-mode backend answers from; 0: one of several. */
static be16
endpoint_port(const struct img_lb_service *s, const struct img_lb_backend *b)
{
	return b->port != 0 || s->port != s->port_last ? b->port : s->port;
}

/* The row of the backend of a nat-mode service that answers from this port (0: from several). */
static uint32_t
endpoint_find(const struct lb_view *v, const struct tuple *t, be16 port)
{
	const struct lb_index *x = &v->by_endpoint;
	uint32_t i = lb_endpoint_hash(&t->src, port, t->proto) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask) {
		const struct img_lb_backend *b = &v->backends[x->slot[i] - 1];
		const struct img_lb_service *s = &v->services[b->service];
		if (endpoint_port(s, b) == port && b->family == t->family &&
		    lb_service_has_proto(s, t->proto) && addr_equal(&b->address, &t->src) &&
		    (port != 0 || lb_service_has_port(s, t->sport)))
			return x->slot[i];
	}
	return 0;
}

const struct img_lb_backend *
lb_view_endpoint_of(const struct lb_view *v, const struct tuple *t)
{
	uint32_t row = endpoint_find(v, t, t->sport);
	if (row == 0 && v->has_kept_ports)
		row = endpoint_find(v, t, 0);
	return row != 0 ? &v->backends[row - 1] : NULL;
}

bool
lb_view_endpoint(const struct lb_view *v, const struct tuple *t)
{
	return lb_view_endpoint_of(v, t) != NULL;
}

/* What becomes of a backend's flows, by its state. */
static enum stale
fate_of(const struct img_lb_service *s, const struct img_lb_backend *b)
{
	static const enum stale stale[LB_FATES] = {[LB_FATE_MOVE] = STALE_ENDS,
		[LB_FATE_RESET] = STALE_RESET, [LB_FATE_STAY] = STALE_NOT};
	if (b->state == LB_DOWN || b->state == LB_MAINT)
		return stale[s->dead];
	return b->state == LB_OVER ? stale[s->over] : STALE_NOT;
}

/* backend_fill: what is looked up by its id, and its share of flows. */
static void
backend_fill(struct lb_view *v, uint32_t row)
{
	const struct img_lb_backend *b = &v->backends[row];
	uint32_t n = v->steer->n_workers;
	v->row_of[b->id] = (uint16_t)(row + 1);
	v->limit[row] = b->max_flows == 0 ? UINT32_MAX : (b->max_flows - 1) / n + 1;
	enum stale fate = fate_of(&v->services[b->service], b);
	v->fate[b->id / 4] |= (uint8_t)((unsigned)fate << b->id % 4 * 2);
	v->n_stale += fate != STALE_NOT;
}

/* Replies of a backend that keeps the port come from all ports of its service. */
static void
endpoint_ports_add(struct lb_view *v, const struct img_lb_service *s, be16 port)
{
	uint32_t first = __builtin_bswap16(s->port), last = __builtin_bswap16(s->port_last);
	if (port != 0)
		v->endpoint_ports |= lb_port_bit(port);
	for (uint32_t i = first; port == 0 && i <= last && v->endpoint_ports != ~0ull; i++)
		v->endpoint_ports |= lb_port_bit(__builtin_bswap16((uint16_t)i));
	v->has_kept_ports |= port == 0;
}

/*
 * A backend that answers from one port stands there once for it, however many services it has; one
 * that keeps one of several ports stands there for each of its services.
 */
static void
endpoint_add(struct lb_view *v, uint32_t row)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP};
	const struct img_lb_backend *b = &v->backends[row];
	const struct img_lb_service *s = &v->services[b->service];
	be16 port = endpoint_port(s, b);
	for (unsigned k = 0; k < 2; k++) {
		struct tuple t = {.src = b->address, .sport = port, .family = b->family,
			.proto = protos[k]};
		if (!lb_service_has_proto(s, t.proto) ||
		    (port != 0 && endpoint_find(v, &t, port) != 0))
			continue;
		lb_slot_fill(&v->by_endpoint, lb_endpoint_hash(&t.src, port, t.proto), row);
		endpoint_ports_add(v, s, port);
	}
}

static uint32_t
server_hash(uint32_t service, const uint8_t *id, unsigned size)
{
	uint64_t h = mix64(service ^ 0x9fb21c651e98df25u, size ^ 0xc2b2ae3d27d4eb4fu);
	for (unsigned i = 0; i < size; i++)
		h = (h ^ id[i]) * 0x9e3779b97f4a7c15u ^ h >> 29;
	return (uint32_t)(h >> 32);
}

static bool
server_is(const struct img_lb_backend *b, uint32_t service, const uint8_t *id, unsigned size)
{
	return b->service == service && b->server_id_size == size &&
	       memcmp(b->server_id, id, size) == 0;
}

/* Does it keep the connections that it has? */
static bool
takes_old(const struct img_lb_backend *b)
{
	return b->state == LB_READY || b->state == LB_DRAIN || b->state == LB_STANDBY;
}

const struct img_lb_backend *
lb_view_quic(const struct lb_view *v, const struct img_lb_service *s, const uint8_t *payload,
             uint32_t size)
{
	uint8_t plain[QUIC_MAX_PLAIN];
	struct quic_cid cid;
	const struct img_lb_quic *configs = v->quics + s->first_quic;
	if (!quic_cid_find(payload, size, &cid))
		return NULL;
	int n = quic_config_of(configs, s->quics, cid);
	if (n < 0 || !quic_server_id(&configs[n], &v->quic_key[s->first_quic + n], cid, plain))
		return NULL;
	const struct lb_index *x = &v->by_server;
	uint32_t row = (uint32_t)(s - v->services);
	uint32_t i = server_hash(row, plain, configs[n].server_id) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask) {
		const struct img_lb_backend *b = &v->backends[x->slot[i] - 1];
		if (server_is(b, row, plain, configs[n].server_id))
			return takes_old(b) ? b : NULL;
	}
	return NULL;
}

static void
quic_fill(struct lb_view *v, uint32_t n_quics)
{
	for (uint32_t i = 0; i < n_quics; i++)
		aes_init(&v->quic_key[i], v->quics[i].key);
	for (uint32_t i = 0; i < v->n_backends; i++) {
		const struct img_lb_backend *b = &v->backends[i];
		if (b->server_id_size != 0)
			lb_slot_fill(&v->by_server,
			             server_hash(b->service, b->server_id, b->server_id_size), i);
	}
}

static void
view_fill(struct lb_view *v)
{
	for (uint32_t i = 0; i < v->n_backends; i++) {
		const struct img_lb_backend *b = &v->backends[i];
		backend_fill(v, i);
		if (v->services[b->service].mode == LB_MODE_NAT)
			endpoint_add(v, i);
	}
	for (uint32_t i = 0; i < v->n_locals; i++) {
		const struct img_lb_local *l = &v->locals[i];
		v->local_owner[i] = v->steer->split_blocks ? LB_LOCAL_SHARED :
			(uint8_t)steer_worker(v->steer, &l->address, l->family);
		v->local_class[i] = steer_class(v->steer, &l->address, l->family);
	}
}

static bool
takes_flows(const struct lb_view *v, const struct img_lb_service *s)
{
	for (uint32_t i = 0; i < s->backends; i++) {
		const struct img_lb_backend *b = &v->backends[s->first_backend + i];
		if (b->state == LB_READY && b->weight != 0)
			return true;
	}
	return false;
}

/* prefix_compare: in the order of the rows. */
static int
prefix_compare(const struct img_lb_service *s, const union addr *a, uint8_t family, uint8_t plen)
{
	if (s->family != family)
		return s->family < family ? -1 : 1;
	int order = memcmp(&s->address, a, sizeof(*a));
	return order != 0 ? order : (int)s->plen - (int)plen;
}

/* Services of one prefix stand together: what one of them says goes for all. */
static void
live_fill(struct lb_view *v)
{
	for (uint32_t i = 0, end; i < v->n_services; i = end) {
		const struct img_lb_service *s = &v->services[i];
		uint8_t live = 0;
		for (end = i; end < v->n_services &&
		     prefix_compare(&v->services[end], &s->address, s->family, s->plen) == 0; end++)
			live |= takes_flows(v, &v->services[end]);
		memset(v->live + i, live, end - i);
		v->has_length[s->family == FAMILY_V6][s->plen] = true;
	}
}

static bool
is_prefix_live(const struct lb_view *v, const union addr *net, uint8_t family, uint8_t plen)
{
	uint32_t low = 0, high = v->n_services;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		int order = prefix_compare(&v->services[mid], net, family, plen);
		if (order == 0)
			return v->live[mid] != 0;
		low = order < 0 ? mid + 1 : low;
		high = order < 0 ? high : mid;
	}
	return false;
}

bool
lb_view_is_live(const struct lb_view *v, const union addr *a, uint8_t family)
{
	for (unsigned plen = 0; plen <= addr_bits(family); plen++) {
		union addr net = addr_masked(a, plen);
		if (v->has_length[family == FAMILY_V6][plen] &&
		    is_prefix_live(v, &net, family, (uint8_t)plen))
			return true;
	}
	return false;
}

static void
guards_fill(struct lb_view *v, const struct image_header *h)
{
	uint32_t n;
	const struct img_lb_guard *g = image_rows(h, IMG_LB_GUARDS, &n);
	for (uint32_t i = 0; i < n; i++) {
		const struct img_lb_service *s = &v->services[g[i].service];
		v->guard[i] = lb_guard_of(&g[i], s->family, v->steer->n_workers);
		v->guard_of[g[i].service] = (uint16_t)(i + 1);
	}
}

struct lb_view *
lb_view_create(const struct image_header *h, const struct steer *steer)
{
	struct lb_view rows = {.steer = steer};
	uint32_t n_quics, guards;
	rows.quics = image_rows(h, IMG_LB_QUIC, &n_quics);
	rows.askers = image_rows(h, IMG_LB_ASKERS, &rows.n_askers);
	(void)image_rows(h, IMG_LB_GUARDS, &guards);
	rows.services = image_rows(h, IMG_LB_SERVICES, &rows.n_services);
	rows.backends = image_rows(h, IMG_LB_BACKENDS, &rows.n_backends);
	rows.locals = image_rows(h, IMG_LB_LOCALS, &rows.n_locals);
	uint32_t endpoints = lb_slots_for(2 * rows.n_backends);
	uint32_t servers = lb_slots_for(rows.n_backends);
	size_t services = (lb_services_memsize(rows.n_services) + 7) / 8 * 8;
	rows.size = sizeof(rows) + services + guards * sizeof(struct lb_guard) +
		((size_t)endpoints + servers + rows.n_backends) * sizeof(uint32_t) +
		n_quics * sizeof(struct aes) +
		(rows.n_services + rows.n_locals + LB_MAX_IDS) * sizeof(uint16_t) +
		rows.n_locals + rows.n_services + LB_MAX_IDS / 4;
	struct lb_view *v = mem_alloc(rows.size, -1);
	if (v == NULL)
		return NULL;
	*v = rows;
	v->lists = lb_lists_create(h);
	if (v->lists == NULL) {
		lb_view_destroy(v);
		return NULL;
	}
	lb_services_init(&v->service, v + 1, rows.services, rows.n_services);
	uint8_t *at = (uint8_t *)(v + 1) + services;
	v->guard = (struct lb_guard *)(void *)at;
	v->by_endpoint = (struct lb_index){(uint32_t *)(v->guard + guards), endpoints - 1};
	v->by_server = (struct lb_index){v->by_endpoint.slot + endpoints, servers - 1};
	v->limit = v->by_server.slot + servers;
	v->quic_key = (struct aes *)(v->limit + rows.n_backends);
	v->guard_of = (uint16_t *)(v->quic_key + n_quics);
	v->row_of = v->guard_of + rows.n_services;
	v->local_class = v->row_of + LB_MAX_IDS;
	v->local_owner = (uint8_t *)(v->local_class + rows.n_locals);
	v->live = v->local_owner + rows.n_locals;
	v->fate = v->live + rows.n_services;
	view_fill(v);
	live_fill(v);
	quic_fill(v, n_quics);
	guards_fill(v, h);
	return v;
}

void
lb_view_destroy(struct lb_view *v)
{
	if (v == NULL)
		return;
	lb_tables_drop(&v->tables);
	lb_ways_destroy(v);
	lb_lists_destroy(v->lists);
	mem_free(v, v->size);
}

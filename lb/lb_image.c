/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking the balancer's sections of an image that nobody vouches for: after this, every number
 * in them may be used as an index without a test.
 */
#include "lb_image.h"

#include <errno.h>
#include <stdlib.h>

#include "guard_image.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

struct check {
	const struct img_lb_service *services;
	const struct img_lb_backend *backends;
	const struct img_lb_local *locals;
	const uint16_t *slots;
	const struct img_lb_quic *quics;
	uint32_t n_services, n_backends, n_locals, n_slots, n_timers, n_quics;
	uint32_t endpoints, persistence, shifts;
	uint8_t class_bits;
	char *err;
	size_t err_size;
};

/* What is wrong, as a sentence. => -EINVAL. */
#define refuse(c, ...) image_refuse((c)->err, (c)->err_size, __VA_ARGS__)

static bool
address_is_good(const union addr *a, uint8_t family)
{
	if (family == FAMILY_V4)
		return a->w[0] != 0 && a->w[1] == 0 && a->q[1] == 0;
	return family == FAMILY_V6 && (a->q[0] | a->q[1]) != 0;
}

static bool
prefix_is_good(const struct img_lb_service *s)
{
	if (!address_is_good(&s->address, s->family) || s->plen > addr_bits(s->family))
		return false;
	union addr prefix = addr_masked(&s->address, s->plen);
	return addr_equal(&prefix, &s->address);
}

/* service_compare: the order of the rows, by what a packet says. */
static int
service_compare(const struct img_lb_service *a, const struct img_lb_service *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = memcmp(&a->address, &b->address, sizeof(a->address));
	if (order != 0)
		return order;
	if (a->plen != b->plen)
		return a->plen < b->plen ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	order = memcmp(&a->port, &b->port, sizeof(a->port));
	return order != 0 ? order : memcmp(&a->port_last, &b->port_last, sizeof(a->port_last));
}

static int
check_sections(const struct check *c, const struct image_header *h)
{
	if (!image_section_is(h, IMG_LB_SERVICES, sizeof(struct img_lb_service)) ||
	    !image_section_is(h, IMG_LB_BACKENDS, sizeof(struct img_lb_backend)) ||
	    !image_section_is(h, IMG_LB_LOCALS, sizeof(struct img_lb_local)) ||
	    !image_section_is(h, IMG_LB_QUIC, sizeof(struct img_lb_quic)) ||
	    !image_section_is(h, IMG_LB_ASKERS, sizeof(struct img_lb_asker)) ||
	    !image_section_is(h, IMG_LB_SLOTS, sizeof(uint16_t)))
		return refuse(c, "a balancer section has rows of another size");
	if (c->n_services > LB_MAX_SERVICES)
		return refuse(c, "%u services, at most %u", c->n_services, LB_MAX_SERVICES);
	if (c->n_backends > LB_MAX_BACKENDS)
		return refuse(c, "%u backends, at most %u", c->n_backends, LB_MAX_BACKENDS);
	if (c->n_locals > LB_MAX_LOCALS)
		return refuse(c, "%u local addresses, at most %u", c->n_locals, LB_MAX_LOCALS);
	if (c->n_quics > LB_MAX_QUIC)
		return refuse(c, "%u QUIC configurations, at most %u", c->n_quics, LB_MAX_QUIC);
	if (c->n_slots % MAGLEV_SIZE != 0 || c->n_slots / MAGLEV_SIZE > LB_MAX_SERVICES)
		return refuse(c, "%u slots are no whole number of tables", c->n_slots);
	return 0;
}

static int
check_slots(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	if (s->slots == LB_SLOTS_KEPT)
		return 0; /* whether there is one, the view says */
	if (s->slots >= c->n_slots / MAGLEV_SIZE)
		return refuse(c, "service %u: slot table %u is none", row, s->slots);
	const uint16_t *slot = c->slots + (size_t)s->slots * MAGLEV_SIZE;
	uint16_t most = 0;
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++) {
		uint16_t count = (uint16_t)(slot[i] + 1); /* backends it needs; LB_NO_BACKEND: 0 */
		most = count > most ? count : most;
	}
	if (most > s->backends)
		return refuse(c, "service %u: a slot names backend %u of %u", row, most - 1u,
		              s->backends);
	return 0;
}

static int
check_locals_of(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	if ((uint64_t)s->first_local + s->locals > c->n_locals)
		return refuse(c, "service %u: local addresses out of range", row);
	if (s->mode == LB_MODE_FULLNAT && s->locals == 0)
		return refuse(c, "service %u: fullnat without a local address", row);
	if (s->mode == LB_MODE_FULLNAT && c->endpoints == 0)
		return refuse(c, "service %u is fullnat, lb.capacity.endpoints is 0", row);
	for (uint32_t i = 0; i < s->locals; i++)
		if (c->locals[s->first_local + i].family != s->family)
			return refuse(c, "service %u: local address of the other family", row);
	return 0;
}

/* check_tell: who is told has to be told by us, and there has to be room for it. Only version 2 of
 * the PROXY protocol knows datagrams. */
static int
check_tell(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	if (s->tell == TELL_NONE)
		return 0;
	if (s->tell >= TELL_KINDS || s->mode != LB_MODE_FULLNAT ||
	    (s->proto != PROTO_TCP && s->tell != TELL_PROXY2))
		return refuse(c, "service %u: telling of clients by %u", row, s->tell);
	if (s->tell == TELL_TOA && (s->toa_kind < TELL_KIND_MIN || s->toa_kind == UINT8_MAX))
		return refuse(c, "service %u: TCP option kind %u", row, s->toa_kind);
	if (c->shifts == 0 && s->proto != PROTO_UDP)
		return refuse(c, "service %u tells of clients, lb.capacity.shifts is 0", row);
	return 0;
}

static int
check_syn(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	if (s->syn_mode == LB_SYN_OFF)
		return 0;
	if (s->syn_mode >= LB_SYN_MODES || s->mode > LB_MODE_FULLNAT || s->proto != PROTO_TCP)
		return refuse(c, "service %u: SYN proxy %u is none here", row, s->syn_mode);
	if (s->syn_flags > LB_SYN_FLAGS || s->syn_mss < LB_SYN_MIN_MSS ||
	    s->syn_mss > LB_SYN_MAX_MSS || s->syn_scale > LB_SYN_NO_SCALE)
		return refuse(c, "service %u: options of the SYN proxy are out of range", row);
	if (c->shifts == 0)
		return refuse(c, "service %u has a SYN proxy, lb.capacity.shifts is 0", row);
	return 0;
}

static int
check_quic_of(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	unsigned seen = 0;
	if (s->quics == 0)
		return 0;
	if (s->quics > QUIC_CONFIGS || s->first_quic + (uint32_t)s->quics > c->n_quics ||
	    s->proto != PROTO_UDP)
		return refuse(c, "service %u: QUIC configurations out of range", row);
	for (uint32_t i = 0; i < s->quics; i++) {
		const struct img_lb_quic *q = &c->quics[s->first_quic + i];
		if (q->id >= QUIC_CONFIGS || (seen >> q->id & 1) != 0)
			return refuse(c, "service %u: QUIC configuration %u, or twice", row, q->id);
		seen |= 1u << q->id;
	}
	return 0;
}

static int
check_quic(const struct check *c, uint32_t row)
{
	const struct img_lb_quic *q = &c->quics[row];
	if (q->server_id == 0 || q->server_id > QUIC_MAX_SERVER_ID || q->nonce < QUIC_MIN_NONCE ||
	    q->server_id + q->nonce > QUIC_MAX_PLAIN || q->has_key > 1)
		return refuse(c, "QUIC configuration %u: bad lengths or key", row);
	return 0;
}

static int
check_choice(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	const struct img_lb_choice *how = &s->choice;
	if (how->scheduler >= LB_SCHEDULERS || how->hash >= LB_HASHES || how->per_packet > 1)
		return refuse(c, "service %u: scheduler, hash or per_packet is none", row);
	if (how->scheduler == LB_SOURCE_HASH && how->hash != LB_HASH_SOURCE)
		return refuse(c, "service %u: source-hash does not hash the source", row);
	if (how->per_packet && (s->proto != PROTO_UDP || s->backends > LB_MAX_PER_PACKET))
		return refuse(c, "service %u: per packet, but not UDP or too many backends", row);
	for (uint32_t i = 0; how->per_packet && i < s->backends; i++)
		if (c->backends[s->first_backend + i].max_flows != 0)
			return refuse(c, "service %u: per packet, but a backend has a limit", row);
	if (how->persistence_s == 0)
		return 0;
	if (how->persistence_s > LB_MAX_PERSISTENCE_S || how->mask == 0 ||
	    how->mask > addr_bits(s->family))
		return refuse(c, "service %u: persistence of %u s under %u bits", row,
		              how->persistence_s, how->mask);
	if (how->mask < addr_bits(s->family) && how->scheduler > LB_SOURCE_HASH)
		return refuse(c, "service %u: workers cannot agree upon a network", row);
	if (c->persistence == 0)
		return refuse(c, "service %u is persistent, lb.capacity.persistence is 0", row);
	return 0;
}

/* check_stateless: a packet alone has to say whose it is, in both directions. */
static int
check_stateless(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	if (s->stateless > 1 ||
	    (s->stateless && (s->mode == LB_MODE_FULLNAT || s->choice.scheduler > LB_SOURCE_HASH ||
	                      s->choice.per_packet || s->tell != TELL_NONE ||
	                      s->syn_mode != LB_SYN_OFF)))
		return refuse(c, "service %u: cannot do without flows", row);
	if (s->stateless && !lb_mode_is_way(s->mode) && s->plen != addr_bits(s->family))
		return refuse(c, "service %u: a prefix cannot do without flows", row);
	return 0;
}

static int
check_service(const struct check *c, uint32_t row)
{
	const struct img_lb_service *s = &c->services[row];
	if (!image_name_is_good(s->name))
		return refuse(c, "service %u: bad name", row);
	if (!prefix_is_good(s) || s->port == 0 ||
	    memcmp(&s->port, &s->port_last, sizeof(s->port)) > 0)
		return refuse(c, "service %u: bad address or port", row);
	if (s->proto != PROTO_TCP && s->proto != PROTO_UDP && s->proto != LB_PROTO_ANY)
		return refuse(c, "service %u: protocol %u is neither TCP nor UDP", row, s->proto);
	if (row > 0 && service_compare(&c->services[row - 1], s) >= 0)
		return refuse(c, "service %u: not in order, or there twice", row);
	if (s->id >= LB_MAX_SERVICE_IDS)
		return refuse(c, "service %u: id %u is too big", row, s->id);
	if (s->mode >= LB_MODE_MAX)
		return refuse(c, "service %u: mode %u is none", row, s->mode);
	if (s->dead >= LB_FATES || s->over >= LB_FATES || s->when_none >= LB_NONES)
		return refuse(c, "service %u: what becomes of flows without a backend is not said",
		              row);
	if (s->timers >= c->n_timers)
		return refuse(c, "service %u: timer set %u of %u", row, s->timers, c->n_timers);
	if (s->backends >= LB_NO_BACKEND ||
	    (uint64_t)s->first_backend + s->backends > c->n_backends)
		return refuse(c, "service %u: backends out of range", row);
	if (check_locals_of(c, row) != 0 || check_choice(c, row) != 0 ||
	    check_tell(c, row) != 0 || check_syn(c, row) != 0 || check_quic_of(c, row) != 0 ||
	    check_stateless(c, row) != 0)
		return -EINVAL;
	return check_slots(c, row);
}

static int
check_backend(const struct check *c, uint32_t row, uint8_t *seen)
{
	const struct img_lb_backend *b = &c->backends[row];
	if (b->service >= c->n_services)
		return refuse(c, "backend %u: service %u is none", row, b->service);
	const struct img_lb_service *s = &c->services[b->service];
	if (row < s->first_backend || row - s->first_backend >= s->backends)
		return refuse(c, "backend %u: not in the range of its service", row);
	if ((b->family != s->family && !lb_mode_is_tunnel(s->mode)) ||
	    !address_is_good(&b->address, b->family))
		return refuse(c, "backend %u: bad address or family", row);
	if (b->state >= LB_STATES || b->weight > LB_MAX_WEIGHT || b->withheld >= LB_TENTHS)
		return refuse(c, "backend %u: bad state or weight", row);
	if (b->server_id_size > QUIC_MAX_SERVER_ID)
		return refuse(c, "backend %u: server ID of %u octets", row, b->server_id_size);
	if (b->id >= LB_MAX_IDS || (seen[b->id / 8] & 1 << b->id % 8) != 0)
		return refuse(c, "backend %u: id %u is too big or there twice", row, b->id);
	seen[b->id / 8] |= (uint8_t)(1 << b->id % 8);
	return 0;
}

/* check_backends: each backend in exactly one service. */
static int
check_backends(const struct check *c)
{
	uint8_t seen[LB_MAX_IDS / 8] = {0};
	uint64_t claimed = 0;
	for (uint32_t i = 0; i < c->n_services; i++)
		claimed += c->services[i].backends;
	if (claimed != c->n_backends)
		return refuse(c, "services have %llu backends, the section %u",
		              (unsigned long long)claimed, c->n_backends);
	for (uint32_t i = 0; i < c->n_backends; i++)
		if (check_backend(c, i, seen) != 0)
			return -EINVAL;
	return 0;
}

static int
check_local(const struct check *c, uint32_t row)
{
	const struct img_lb_local *l = &c->locals[row];
	if (!address_is_good(&l->address, l->family))
		return refuse(c, "local address %u: bad address", row);
	if (l->port_first == 0 || l->port_first > l->port_last)
		return refuse(c, "local address %u: bad port range", row);
	if (l->class >> c->class_bits != 0)
		return refuse(c, "local address %u: class %u is none", row, l->class);
	return 0;
}

/* check_routes: rows that lead to a local address name one, the right one. */
static int
check_routes(const struct check *c, const struct image_header *h)
{
	uint32_t n;
	const struct img_route *r = image_rows(h, IMG_ROUTES, &n);
	for (uint32_t i = 0; i < n; i++) {
		if (r[i].kind != ROUTE_LB_LOCAL)
			continue;
		if (r[i].arg >= c->n_locals)
			return refuse(c, "route %u: local address %u is none", i, r[i].arg);
		const struct img_lb_local *l = &c->locals[r[i].arg];
		if (r[i].family != l->family || !addr_equal(&r[i].prefix, &l->address))
			return refuse(c, "route %u: not of local address %u", i, r[i].arg);
	}
	return 0;
}

static int
check_askers(const struct check *c, const struct image_header *h)
{
	uint32_t n;
	const struct img_lb_asker *a = image_rows(h, IMG_LB_ASKERS, &n);
	if (n > LB_MAX_ASKERS)
		return refuse(c, "%u sources of checks, at most %u", n, LB_MAX_ASKERS);
	for (uint32_t i = 0; i < n; i++)
		if (!address_is_good(&a[i].address, a[i].family))
			return refuse(c, "source %u of checks: bad address", i);
	return 0;
}

const char *
lb_mode_name(unsigned mode)
{
	static const char *const name[LB_MODE_MAX] = {
		[LB_MODE_NAT] = "nat", [LB_MODE_FULLNAT] = "fullnat", [LB_MODE_DSR] = "dsr",
		[LB_MODE_L3DSR] = "l3dsr", [LB_MODE_IPIP] = "ipip", [LB_MODE_GRE] = "gre",
		[LB_MODE_GUE] = "gue",
	};
	return mode < LB_MODE_MAX ? name[mode] : "?";
}

void
lb_services_by_id(const struct image_header *h, struct lb_by_id *out)
{
	uint32_t n = 0;
	const struct img_lb_service *s = h != NULL ? image_rows(h, IMG_LB_SERVICES, &n) : NULL;
	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < n; i++)
		if (s[i].id < LB_MAX_SERVICE_IDS)
			out->service[s[i].id] = &s[i];
}

int
lb_image_check(const struct image_header *h, char *err, size_t err_size)
{
	struct check c = {.err = err, .err_size = err_size};
	uint32_t n_plane;
	const struct img_plane *plane = image_rows(h, IMG_PLANE, &n_plane);

	c.services = image_rows(h, IMG_LB_SERVICES, &c.n_services);
	c.backends = image_rows(h, IMG_LB_BACKENDS, &c.n_backends);
	c.locals = image_rows(h, IMG_LB_LOCALS, &c.n_locals);
	c.slots = image_rows(h, IMG_LB_SLOTS, &c.n_slots);
	c.quics = image_rows(h, IMG_LB_QUIC, &c.n_quics);
	(void)image_rows(h, IMG_TIMERS, &c.n_timers);
	c.endpoints = n_plane != 0 ? plane->endpoints : 0;
	c.persistence = n_plane != 0 ? plane->persistence : 0;
	c.shifts = n_plane != 0 ? plane->shifts : 0;
	c.class_bits = n_plane != 0 ? plane->steer_class_bits : 0;
	if (check_sections(&c, h) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < c.n_locals; i++)
		if (check_local(&c, i) != 0)
			return -EINVAL;
	for (uint32_t i = 0; i < c.n_quics; i++)
		if (check_quic(&c, i) != 0)
			return -EINVAL;
	for (uint32_t i = 0; i < c.n_services; i++)
		if (check_service(&c, i) != 0)
			return -EINVAL;
	if (check_backends(&c) != 0)
		return -EINVAL;
	if (check_askers(&c, h) != 0 || check_routes(&c, h) != 0 ||
	    lb_way_check(h, err, err_size) != 0)
		return -EINVAL;
	return lb_guard_check(h, err, err_size);
}

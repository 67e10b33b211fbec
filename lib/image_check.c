/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking an image that nobody vouches for. After image_check every offset, count and number in
 * the core sections may be used without another test.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "image.h"
#include "tuple.h"

enum { IMAGE_ALIGN = 64, STEER_MAX_CLASS_BITS = 9, MAX_BLOCK_SHIFT = 15, MAX_CPU = 1023 };

/* The sections under test, once they are known to lie inside the image. */
struct check {
	const struct image_header *h;
	const struct img_plane *plane;
	const struct img_dev *devs;
	const struct img_nic *nics;
	const struct img_address *addresses;
	const struct img_route *routes;
	const struct img_neighbour *neighbours;
	const struct timer_set *timers;
	uint32_t n_plane, n_devs, n_nics, n_addresses, n_routes, n_neighbours, n_timers;
	char *err;
	size_t err_size;
};

/* What is wrong, as a sentence. => -EINVAL. */
#define refuse(c, ...) image_refuse((c)->err, (c)->err_size, __VA_ARGS__)

int
image_refuse(char *err, size_t err_size, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(err, err_size, format, ap);
	va_end(ap);
	return -EINVAL;
}

static uint32_t
checksum(const struct image_header *h)
{
	static const uint8_t zero[sizeof(h->checksum)];
	const size_t at = offsetof(struct image_header, checksum), after = at + sizeof(zero);
	uint32_t crc = crc32c(0, h, at);
	crc = crc32c(crc, zero, sizeof(zero));
	return crc32c(crc, (const uint8_t *)h + after, h->size - after);
}

static int
header_check(const struct check *c, size_t size)
{
	const struct image_header *h = c->h;
	if (size < sizeof(*h) || size > IMAGE_MAX)
		return refuse(c, "image: %zu bytes are not a size it can have", size);
	if ((uintptr_t)h % _Alignof(struct image_header) != 0)
		return refuse(c, "image: not aligned in memory");
	if (h->magic != IMAGE_MAGIC)
		return refuse(c, "image: this is not a generation image");
	if (h->version != IMAGE_VERSION)
		return refuse(c, "image: version %u, this program wants %u", h->version,
		              IMAGE_VERSION);
	if (h->size != size)
		return refuse(c, "image: header says %llu bytes, there are %zu",
		              (unsigned long long)h->size, size);
	if (h->sections > IMAGE_MAX_SECTIONS)
		return refuse(c, "image: %u sections are too many", h->sections);
	if (checksum(h) != h->checksum)
		return refuse(c, "image: checksum is wrong");
	return 0;
}

/* Does the section lie behind the header and inside the image? => *end is right after it. */
static bool
section_fits(const struct image_header *h, const struct image_section *s, uint64_t *end)
{
	uint64_t bytes;
	if (s->row_size == 0 || s->rows > UINT32_MAX || s->offset % IMAGE_ALIGN != 0 ||
	    s->offset < sizeof(*h) || s->offset > h->size)
		return false;
	if (__builtin_mul_overflow(s->rows, s->row_size, &bytes) || bytes > h->size - s->offset)
		return false;
	*end = s->offset + bytes;
	return true;
}

static int
directory_check(const struct check *c)
{
	const struct image_header *h = c->h;
	uint64_t end[IMAGE_MAX_SECTIONS];
	for (uint32_t i = 0; i < h->sections; i++) {
		const struct image_section *s = &h->section[i];
		if (!section_fits(h, s, &end[i]))
			return refuse(c, "image: section %u (kind %u) is not inside it", i,
			              s->kind);
		for (uint32_t j = 0; j < i; j++) {
			const struct image_section *o = &h->section[j];
			if (o->kind == s->kind)
				return refuse(c, "image: two sections of kind %u", s->kind);
			if (s->offset < end[j] && o->offset < end[i])
				return refuse(c, "image: sections %u and %u overlap", j, i);
		}
	}
	return 0;
}

/* Row sizes and counts of the core sections. */
static int
sections_check(const struct check *c)
{
	static const struct {
		uint32_t kind, row_size, min, max;
		const char *name;
	} core[] = {
		{IMG_PLANE, sizeof(struct img_plane), 1, 1, "plane"},
		{IMG_DEVS, sizeof(struct img_dev), 0, IMG_MAX_DEVS, "devices"},
		{IMG_NICS, sizeof(struct img_nic), 1, IMG_MAX_NICS, "interfaces"},
		{IMG_ADDRESSES, sizeof(struct img_address), 0, IMG_MAX_ADDRESSES, "addresses"},
		{IMG_ROUTES, sizeof(struct img_route), 0, IMG_MAX_ROUTES, "routes"},
		{IMG_NEIGHBOURS, sizeof(struct img_neighbour), 0, IMG_MAX_NEIGHBOURS, "neighbours"},
		{IMG_TIMERS, sizeof(struct timer_set), 1, MAX_TIMER_SETS, "timers"},
		{IMG_DOCUMENT, 1, 0, UINT32_MAX, "document"},
		{IMG_IDS, 1, 0, UINT32_MAX, "ids"},
		{IMG_REALMS, sizeof(struct img_realm), 0, IMG_MAX_REALMS, "realms"},
	};
	for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++) {
		uint32_t n;
		image_rows(c->h, core[i].kind, &n);
		if (!image_section_is(c->h, core[i].kind, core[i].row_size))
			return refuse(c, "%s: rows are not of %u bytes", core[i].name,
			              core[i].row_size);
		if (n < core[i].min || n > core[i].max)
			return refuse(c, "%s: %u rows, not %u to %u", core[i].name, n, core[i].min,
			              core[i].max);
	}
	return 0;
}

static int
plane_check(const struct check *c)
{
	const struct img_plane *p = c->plane;
	if (p->workers == 0 || p->workers > IMG_MAX_WORKERS)
		return refuse(c, "plane: %u workers, not 1 to %u", p->workers, IMG_MAX_WORKERS);
	for (unsigned i = 0; i < p->workers; i++)
		if (p->core[i] > MAX_CPU)
			return refuse(c, "plane: worker %u has CPU %u", i, p->core[i]);
	if (p->main_core > MAX_CPU)
		return refuse(c, "plane: main CPU %u", p->main_core);
	const uint32_t capacity[] = {p->flows_v4, p->flows_v6, p->mappings, p->subscribers,
	                             p->pool_addresses, p->buffers};
	static const char *const what[] = {"flows_v4", "flows_v6", "mappings", "subscribers",
	                                   "pool_addresses", "buffers"};
	for (unsigned i = 0; i < sizeof(capacity) / sizeof(capacity[0]); i++)
		if (capacity[i] == 0 || capacity[i] > IMG_MAX_CAPACITY)
			return refuse(c, "plane: %s is %u, not 1 to %u", what[i], capacity[i],
			              IMG_MAX_CAPACITY);
	if (p->permissions > IMG_MAX_CAPACITY || p->quarantine > IMG_MAX_CAPACITY ||
	    p->endpoints > IMG_MAX_CAPACITY || p->persistence > IMG_MAX_CAPACITY ||
	    p->shifts > IMG_MAX_CAPACITY || p->leases > IMG_MAX_CAPACITY)
		return refuse(c, "plane: permissions, quarantine, endpoints, persistence, shifts "
		              "or leases is above %u", IMG_MAX_CAPACITY);
	if (p->steer_class_bits > STEER_MAX_CLASS_BITS || p->steer_split_blocks > 1 ||
	    p->steer_block_shift > MAX_BLOCK_SHIFT || p->huge_pages > 1 ||
	    p->routes_unclaimed > 3 || p->reset_is_final > 1)
		return refuse(c, "plane: steering, huge_pages, routes_unclaimed or reset_is_final "
		              "is out of range");
	return 0;
}

bool
image_name_is_good(const char name[IMAGE_NAME])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789_.:-";
	return memchr(name, 0, IMAGE_NAME) != NULL && name[0] != 0 &&
	       name[strspn(name, letters)] == 0;
}

static bool
mac_is_station(const uint8_t mac[6])
{
	return (mac[0] & 1) == 0 && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

/* A family, and an address that is written as addresses of it are. */
static bool
address_is_good(const union addr *a, uint8_t family)
{
	return family == FAMILY_V6 || (family == FAMILY_V4 && a->w[1] == 0 && a->q[1] == 0);
}

static bool
nic_is_good(const struct check *c, uint8_t nic)
{
	return nic > 0 && nic < c->n_nics && c->nics[nic].name[0] != 0;
}

static int
devs_check(const struct check *c)
{
	for (uint32_t i = 0; i < c->n_devs; i++) {
		const char *device = c->devs[i].device;
		if (memchr(device, 0, sizeof(c->devs[i].device)) == NULL || device[0] == 0)
			return refuse(c, "devices: row %u: no device string", i);
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(device, c->devs[j].device) == 0)
				return refuse(c, "devices: row %u: %s is there twice", i, device);
	}
	return 0;
}

static int
nic_check(const struct check *c, uint32_t i)
{
	const struct img_nic *n = &c->nics[i];
	if (n->name[0] == 0)
		return 0; /* unused */
	if (n->realm >= REALM_NAMED)
		return refuse(c, "interface %u: realm %u is none of an interface", i, n->realm);
	if (!image_name_is_good(n->name))
		return refuse(c, "interfaces: row %u: bad name", i);
	if (n->dev >= c->n_devs)
		return refuse(c, "interfaces: %s: device %u is none", n->name, n->dev);
	if (n->realm >= IMG_MAX_REALMS)
		return refuse(c, "interfaces: %s: realm %u", n->name, n->realm);
	if (n->vlan > IMG_MAX_VLAN)
		return refuse(c, "interfaces: %s: VLAN %u", n->name, n->vlan);
	if (n->mtu < IMG_MIN_MTU || n->mtu > IMG_MAX_MTU)
		return refuse(c, "interfaces: %s: MTU %u, not %u to %u", n->name, n->mtu,
		              IMG_MIN_MTU, IMG_MAX_MTU);
	if ((n->flags & ~(uint32_t)IMG_NIC_MAC) != 0 ||
	    ((n->flags & IMG_NIC_MAC) != 0 && !mac_is_station(n->mac)))
		return refuse(c, "interfaces: %s: bad flags or MAC address", n->name);
	for (unsigned f = 0; f < 2; f++)
		if (n->mss[f] != 0 && (n->mss[f] < IMG_MIN_MSS || n->mss[f] > IMG_MAX_MTU))
			return refuse(c, "interfaces: %s: segments of %u", n->name, n->mss[f]);
	for (uint32_t j = 1; j < i; j++) {
		if (c->nics[j].name[0] == 0)
			continue;
		if (c->nics[j].dev == n->dev && c->nics[j].vlan == n->vlan)
			return refuse(c, "interfaces: %s: device and VLAN of %s", n->name,
			              c->nics[j].name);
		if (strcmp(c->nics[j].name, n->name) == 0)
			return refuse(c, "interfaces: %s is there twice", n->name);
	}
	return 0;
}

static int
nics_check(const struct check *c)
{
	if (memchr(c->nics[0].name, 0, sizeof(c->nics[0].name)) == NULL)
		return refuse(c, "interfaces: row 0: bad name");
	for (uint32_t i = 1; i < c->n_nics; i++) {
		int rc = nic_check(c, i);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Names are for views: ended, and of the letters that names have. */
static int
realms_check(const struct check *c)
{
	uint32_t n;
	const struct img_realm *r = image_rows(c->h, IMG_REALMS, &n);
	for (uint32_t i = 0; i < n; i++)
		if (r[i].name[0] != 0 && !image_name_is_good(r[i].name))
			return refuse(c, "realms: row %u: bad name", i);
	return 0;
}

static int
addresses_check(const struct check *c)
{
	for (uint32_t i = 0; i < c->n_addresses; i++) {
		const struct img_address *a = &c->addresses[i];
		if (!address_is_good(&a->address, a->family) || a->plen > addr_bits(a->family))
			return refuse(c, "addresses: row %u: bad address or prefix length", i);
		if (!nic_is_good(c, a->nic))
			return refuse(c, "addresses: row %u: interface %u is none", i, a->nic);
	}
	return 0;
}

/* Is the address one with nothing set beyond its first plen bits? */
static bool
prefix_is_good(const union addr *a, unsigned plen)
{
	unsigned byte = plen / 8;
	if (plen % 8 != 0 && (a->b[byte++] & (0xff >> plen % 8)) != 0)
		return false;
	for (; byte < sizeof(a->b); byte++)
		if (a->b[byte] != 0)
			return false;
	return true;
}

/* Does a stand before b in the order of routes? */
static bool
route_is_before(const struct img_route *a, const struct img_route *b)
{
	if (a->realm != b->realm)
		return a->realm < b->realm;
	if (a->family != b->family)
		return a->family < b->family;
	if (a->plen != b->plen)
		return a->plen > b->plen;
	return memcmp(&a->prefix, &b->prefix, sizeof(a->prefix)) < 0;
}

static const char *
route_fault(const struct check *c, const struct img_route *r)
{
	uint32_t n_pool, n_local;
	image_rows(c->h, IMG_NAT_ADDRESSES, &n_pool);
	image_rows(c->h, IMG_LB_LOCALS, &n_local);
	if (!address_is_good(&r->prefix, r->family) || r->plen > addr_bits(r->family) ||
	    !prefix_is_good(&r->prefix, r->plen))
		return "bad prefix";
	if (r->kind < ROUTE_VIA || r->kind > ROUTE_BROADCAST)
		return "bad kind";
	if (r->realm >= IMG_MAX_REALMS)
		return "bad realm";
	if ((r->nic != 0 || r->kind <= ROUTE_LOCAL) && !nic_is_good(c, r->nic))
		return "interface is none";
	if (!address_is_good(&r->gateway, r->family))
		return "gateway of the wrong family";
	if (r->kind == ROUTE_VIA && (r->gateway.q[0] | r->gateway.q[1]) == 0)
		return "no gateway";
	if ((r->kind == ROUTE_POOL && r->arg >= n_pool && r->arg != IMG_NO_POOL) ||
	    (r->kind == ROUTE_LB_LOCAL && r->arg >= n_local))
		return "address is none of the pools' or balancer's";
	return NULL;
}

static int
routes_check(const struct check *c)
{
	for (uint32_t i = 0; i < c->n_routes; i++) {
		const char *fault = route_fault(c, &c->routes[i]);
		if (fault != NULL)
			return refuse(c, "routes: row %u: %s", i, fault);
		if (i > 0 && !route_is_before(&c->routes[i - 1], &c->routes[i]))
			return refuse(c, "routes: row %u: not sorted, or twice the same prefix", i);
	}
	return 0;
}

static int
neighbours_check(const struct check *c)
{
	for (uint32_t i = 0; i < c->n_neighbours; i++) {
		const struct img_neighbour *n = &c->neighbours[i];
		if (!address_is_good(&n->address, n->family) || !nic_is_good(c, n->nic) ||
		    !mac_is_station(n->mac))
			return refuse(c, "neighbours: row %u: bad address, interface or MAC", i);
	}
	return 0;
}

static int
timers_check(const struct check *c)
{
	for (uint32_t i = 0; i < c->n_timers; i++)
		for (unsigned s = 0; s < CONN_MAX; s++)
			if (c->timers[i].idle_ms[s] > INT32_MAX)
				return refuse(c, "timers: row %u: %u ms is too long", i,
				              c->timers[i].idle_ms[s]);
	return 0;
}

int
image_check(const void *data, size_t size, char *err, size_t err_size)
{
	static int (*const tests[])(const struct check *) = {
		plane_check, devs_check, nics_check, realms_check, addresses_check, routes_check,
		neighbours_check, timers_check,
	};
	struct check c = {.h = data, .err = err, .err_size = err_size};
	if (header_check(&c, size) != 0 || directory_check(&c) != 0 || sections_check(&c) != 0)
		return -EINVAL;
	c.plane = image_rows(c.h, IMG_PLANE, &c.n_plane);
	c.devs = image_rows(c.h, IMG_DEVS, &c.n_devs);
	c.nics = image_rows(c.h, IMG_NICS, &c.n_nics);
	c.addresses = image_rows(c.h, IMG_ADDRESSES, &c.n_addresses);
	c.routes = image_rows(c.h, IMG_ROUTES, &c.n_routes);
	c.neighbours = image_rows(c.h, IMG_NEIGHBOURS, &c.n_neighbours);
	c.timers = image_rows(c.h, IMG_TIMERS, &c.n_timers);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (tests[i](&c) != 0)
			return -EINVAL;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which service a packet is addressed to: by address or prefix, protocol and port.
 * Layout     One hash over (address, protocol, port) of the services of one address and one port.
 *            For the others, a hash over the prefixes that services have (sites), and for each of
 *            these and TCP and UDP the ports cut into disjoint spans.
 * Invariant  1. The most specific service that the packet matches is found: the longest prefix,
 *               then the narrowest range of ports, then the protocol named over "any".
 *            2. A service of one address and one port costs one probe; without services of the
 *               other kind a miss costs no more.
 *            3. The spans of a site ascend, and the first begins at port 0.
 * Owner      Constant, part of a generation; any worker reads.
 * Limits     Ranges of a prefix lie within each other or apart (the compiler sees to it); of two
 *            that overlap in part the one that begins later has the ports that both have.
 * See        docs/lb.md, "Services".
 */
#ifndef MR_LB_SERVICE_H
#define MR_LB_SERVICE_H

#include "lb/lb_image.h"
#include "lib/tuple.h"

struct lb_index {
	uint32_t *slot; /* row + 1; 0: empty */
	uint32_t mask;
};

struct lb_span {
	uint16_t first; /* port, host order; it ends where the next begins */
	uint16_t row;   /* + 1; 0: no service */
};
static_assert((int)LB_MAX_SERVICES < 0xffff, "a row and one more fit a span");

struct lb_site {
	union addr prefix;
	uint8_t family, plen;
	uint32_t first[2], n[2]; /* spans of TCP and UDP */
};

struct lb_services {
	const struct img_lb_service *rows;
	uint32_t n;
	struct lb_index exact; /* of rows */
	struct lb_index by_site; /* of sites */
	struct lb_site *site;
	struct lb_span *span;
	uint32_t *scratch;     /* rows of a site while its spans are made */
	uint32_t n_sites, n_spans;
	uint8_t length[2][129]; /* prefix lengths of the sites of a family, longest first */
	uint8_t n_lengths[2];
};

/* lb_services_memsize: bytes that lb_services_init wants for n rows, 8-byte aligned. */
size_t lb_services_memsize(uint32_t n);
/* lb_services_init: of checked rows. => mem is zeroed. */
void lb_services_init(struct lb_services *s, void *mem, const struct img_lb_service *rows,
                      uint32_t n);
/* lb_services_find: the service that a tuple is addressed to, or NULL. */
const struct img_lb_service *lb_services_find(const struct lb_services *s, const struct tuple *t);

/* lb_service_is_host: one address and not a prefix? */
static inline bool
lb_service_is_host(const struct img_lb_service *s)
{
	return s->plen == addr_bits(s->family);
}

/* lb_service_has_port, lb_service_has_proto: is a packet of this one its? */
static inline bool
lb_service_has_port(const struct img_lb_service *s, be16 port)
{
	uint16_t p = __builtin_bswap16(port);
	return p >= __builtin_bswap16(s->port) && p <= __builtin_bswap16(s->port_last);
}

static inline bool
lb_service_has_proto(const struct img_lb_service *s, uint8_t proto)
{
	return s->proto == proto || (s->proto == LB_PROTO_ANY &&
	                             (proto == IPPROTO_L4_TCP || proto == IPPROTO_L4_UDP));
}

/* lb_slots_for: a power of two at which n entries fill half of a table at most. */
static inline uint32_t
lb_slots_for(uint32_t n)
{
	uint32_t slots = 2;
	while (slots < 2 * n)
		slots *= 2;
	return slots;
}

/* lb_slot_fill: a row into the first free slot from its hash on. */
static inline void
lb_slot_fill(struct lb_index *x, uint32_t hash, uint32_t row)
{
	uint32_t i = hash & x->mask;
	while (x->slot[i] != 0)
		i = (i + 1) & x->mask;
	x->slot[i] = row + 1;
}

/* lb_endpoint_hash: of (address, port, protocol). */
static inline uint32_t
lb_endpoint_hash(const union addr *a, be16 port, uint8_t proto)
{
	uint64_t h = mix64(a->q[0] ^ 0x9e3779b97f4a7c15u, a->q[1] ^ 0xd6e8feb86659fd93u);
	return (uint32_t)(mix64(h ^ port, proto ^ 0xa0761d6478bd642fu) >> 32);
}

#endif

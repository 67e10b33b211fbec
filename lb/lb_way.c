/* SPDX-License-Identifier: Apache-2.0 */
/* Outer headers as far as a backend's row says them. */
#include "lb_way.h"

#include <errno.h>

#include "lib/csum.h"
#include "lib/mem.h"
#include "lib/way_index.h"
#include "lib/wire.h"

enum { PROTO_IP4 = 4, PROTO_UDP = 17, PROTO_IP6 = 41, PROTO_GRE = 47, GRE_LEN = 4 };

static const uint8_t kind_of[LB_MODE_MAX] = {
	[LB_MODE_DSR] = WAY_LINK, [LB_MODE_L3DSR] = WAY_DSCP, [LB_MODE_IPIP] = WAY_IPIP,
	[LB_MODE_GRE] = WAY_GRE, [LB_MODE_GUE] = WAY_GUE,
};

/* outer_proto: what the outer IP header says that follows. */
static uint8_t
outer_proto(uint8_t kind, uint8_t inner)
{
	if (kind == WAY_GRE)
		return PROTO_GRE;
	if (kind == WAY_GUE)
		return PROTO_UDP;
	return inner == FAMILY_V4 ? PROTO_IP4 : PROTO_IP6;
}

/* ip_write: => its size. */
static uint8_t
ip_write(uint8_t *at, const struct way *y, const union addr *source, uint8_t proto)
{
	if (y->family == FAMILY_V4) {
		struct ip4 *h = (struct ip4 *)at;
		*h = (struct ip4){.version_ihl = 0x45, .ttl = WAY_TTL, .proto = proto,
			.src = source->w[0], .dst = y->to.w[0]};
		csum_ip4_seal(h);
		return IP4_LEN;
	}
	struct ip6 *h = (struct ip6 *)at;
	*h = (struct ip6){.version_class_flow = htobe32(6u << 28), .next = proto, .hops = WAY_TTL,
		.src = *source, .dst = y->to};
	return IP6_LEN;
}

void
lb_way_fill(struct way *y, const struct img_lb_way *row, const struct img_lb_service *s,
            const struct img_lb_backend *b)
{
	*y = (struct way){.kind = kind_of[s->mode], .family = b->family, .dscp = row->dscp,
		.always_df = row->always_df, .mtu = row->mtu != 0 ? row->mtu : UINT16_MAX,
		.to = b->address, .spread = row->spread};
	if (!lb_mode_is_tunnel(s->mode))
		return;
	uint8_t size = ip_write(y->header, y, &row->source, outer_proto(y->kind, s->family));
	if (y->kind == WAY_GRE) {
		uint16_t type = s->family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6;
		store16(y->header + size + 2, htobe16(type));
		size += GRE_LEN;
	} else if (y->kind == WAY_GUE) {
		store16(y->header + size + 2, row->port);
		size += UDP_LEN;
	}
	y->overhead = size;
}

static int
index_create(struct lb_view *v)
{
	uint32_t slots = way_index_slots(v->n_ways);
	uint32_t *slot = mem_alloc(slots * sizeof(*slot), -1);
	if (slot == NULL)
		return -ENOMEM;
	v->way_index = (struct way_index){slot, slots - 1};
	way_index_fill(&v->way_index, v->way, v->n_ways);
	return 0;
}

int
lb_ways_create(struct lb_view *v, const struct image_header *h, const struct generation *previous)
{
	uint32_t n_rows, n = previous != NULL ? previous->n_ways : 0;
	const struct img_lb_way *row = image_rows(h, IMG_LB_WAYS, &n_rows);
	for (uint32_t i = 0; i < n_rows; i++)
		n = v->backends[row[i].backend].id >= n ? v->backends[row[i].backend].id + 1 : n;
	if (n == 0)
		return 0;
	v->way = mem_alloc(n * sizeof(*v->way), -1);
	if (v->way == NULL)
		return -ENOMEM;
	v->n_ways = n;
	if (previous != NULL && previous->n_ways != 0)
		memcpy(v->way, previous->way, previous->n_ways * sizeof(*v->way));
	for (uint32_t i = 0; i < n_rows; i++) {
		const struct img_lb_backend *b = &v->backends[row[i].backend];
		lb_way_fill(&v->way[b->id], &row[i], &v->services[b->service], b);
	}
	return index_create(v);
}

void
lb_ways_destroy(struct lb_view *v)
{
	if (v->way != NULL)
		mem_free(v->way, v->n_ways * sizeof(*v->way));
	if (v->way_index.slot != NULL)
		mem_free(v->way_index.slot, (v->way_index.mask + 1) * sizeof(uint32_t));
	v->way = NULL;
	v->n_ways = 0;
	v->way_index = (struct way_index){NULL, 0};
}

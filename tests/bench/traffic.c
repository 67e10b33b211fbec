/* SPDX-License-Identifier: Apache-2.0 */
/* Flows by number and their packets; see traffic.h. Addresses follow the configuration of rig.c. */
#include "traffic.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "lib/mem.h"

enum { FRAME = 60, ETHER = 14 };

struct frame {
	uint8_t dst[6], src[6];
	be16 type;
	uint8_t vihl, tos;
	be16 length, id, offset;
	uint8_t ttl, proto;
	be16 ip_sum;
	be32 ip_src, ip_dst;
	be16 sport, dport;
	be32 seq, ack;
	uint8_t data_offset, flags;
	be16 window, tcp_sum, urgent;
} __attribute__((packed));
static_assert(sizeof(struct frame) == 54, "Ethernet, IPv4, TCP");

struct frame6 {
	uint8_t dst[6], src[6];
	be16 type;
	be32 version;
	be16 length;
	uint8_t next, hops;
	uint8_t ip_src[16], ip_dst[16];
	be16 sport, dport;
	be32 seq, ack;
	uint8_t data_offset, flags;
	be16 window, tcp_sum, urgent;
} __attribute__((packed));
static_assert(sizeof(struct frame6) == 74, "Ethernet, IPv6, TCP");
static const uint8_t prefix6[12] = {0x20, 1, 0x0d, 0xb8};

struct traffic *
traffic_create(enum traffic_kind kind, uint64_t flows, uint64_t per_subscriber)
{
	struct traffic *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	*t = (struct traffic){.kind = kind, .flows = flows, .per_subscriber = per_subscriber};
	t->end = mem_alloc(flows * sizeof(*t->end), -1);
	if (t->end == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
traffic_destroy(struct traffic *t)
{
	if (t == NULL)
		return;
	mem_free(t->end, t->flows * sizeof(*t->end));
	free(t);
}

/* The initiator's tuple of flow i: subscribers in 10.0.0.0/8, clients in 11.0.0.0/8. */
static struct tuple4
initiator(const struct traffic *t, uint64_t i)
{
	uint64_t n = i + t->first, host = n / t->per_subscriber, rest = n % t->per_subscriber;
	if (t->kind == TRAFFIC_NAT)
		return (struct tuple4){
			htonl(TRAFFIC_SUBSCRIBERS + (uint32_t)host),
			htonl(0xc6120000u + (uint32_t)(n % 65521)), htons((uint16_t)(1024 + rest)),
			htons(443)};
	return (struct tuple4){htonl(0x0b000000u + 256 + (uint32_t)host), htonl(0xc000020au),
	                       htons((uint16_t)(1024 + rest)), htons(80)};
}

static uint16_t
header_sum(const struct frame *f)
{
	uint32_t sum = 0;
	uint16_t w;
	for (unsigned i = 0; i < 20; i += 2) {
		memcpy(&w, (const uint8_t *)f + ETHER + i, 2);
		sum += w;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

void
traffic_raw(struct rte_mbuf *m, be32 src, be32 dst, be16 sport, be16 dport, uint8_t flags)
{
	struct frame *f = (struct frame *)buf_data(m);
	memset(f, 0, FRAME);
	f->dst[0] = f->src[0] = 2;
	f->type = htons(0x0800);
	f->vihl = 0x45;
	f->length = htons(40);
	f->offset = htons(0x4000); /* DF, as nearly all TCP has it */
	f->ttl = 64;
	f->proto = IPPROTO_L4_TCP;
	f->ip_src = src;
	f->ip_dst = dst;
	f->sport = sport;
	f->dport = dport;
	f->data_offset = 0x50;
	f->flags = flags;
	f->tcp_sum = 0x1234;
	f->ip_sum = header_sum(f);
	m->pkt_len = m->data_len = FRAME;
}

static void
address6(uint8_t to[16], be32 addr)
{
	memcpy(to, prefix6, sizeof(prefix6));
	memcpy(to + sizeof(prefix6), &addr, sizeof(addr));
}

static void
raw6(struct rte_mbuf *m, const struct tuple4 *p, uint8_t flags)
{
	struct frame6 *f = (struct frame6 *)buf_data(m);
	*f = (struct frame6){
		.dst = {2}, .src = {2}, .type = htons(0x86dd), .version = htonl(6u << 28),
		.length = htons(20), .next = IPPROTO_L4_TCP, .hops = 64, .sport = p->sport,
		.dport = p->dport, .data_offset = 0x50, .flags = flags, .tcp_sum = 0x1234,
	};
	address6(f->ip_src, p->src);
	address6(f->ip_dst, p->dst);
	m->pkt_len = m->data_len = sizeof(*f);
}

struct tuple4
traffic_tuple(const struct traffic *t, uint64_t i, unsigned dir)
{
	struct tuple4 p = initiator(t, i);
	const struct traffic_end *e = &t->end[i];
	if (dir == 0)
		return p;
	if (t->kind == TRAFFIC_NAT)
		return (struct tuple4){p.dst, e->addr, p.dport, e->port};
	return (struct tuple4){e->addr, p.src, e->port, p.sport};
}

unsigned
traffic_packet(const struct traffic *t, uint64_t i, unsigned dir, uint8_t flags,
               struct rte_mbuf *m)
{
	struct tuple4 p = traffic_tuple(t, i, dir);
	unsigned dev = (t->kind == TRAFFIC_NAT) == (dir == 0) ? 0 : 1;
	if (t->kind == TRAFFIC_LB6)
		raw6(m, &p, flags);
	else
		traffic_raw(m, p.src, p.dst, p.sport, p.dport, flags);
	return dev;
}

/* Where a balancer sent the packet of tuple p. */
static struct traffic_end
learn6(const struct tuple4 *p, const struct rte_mbuf *m)
{
	const struct frame6 *f = (const struct frame6 *)buf_data(m);
	be32 to;
	memcpy(&to, f->ip_dst + sizeof(prefix6), sizeof(to));
	return (struct traffic_end){to, f->dport, to != p->dst};
}

bool
traffic_learn(struct traffic *t, uint64_t i, const struct rte_mbuf *m)
{
	const struct frame *f = (const struct frame *)buf_data(m);
	struct tuple4 p = initiator(t, i);
	if (t->kind == TRAFFIC_NAT)
		t->end[i] = (struct traffic_end){f->ip_src, f->sport, f->ip_src != p.src};
	else if (t->kind == TRAFFIC_LB6)
		t->end[i] = learn6(&p, m);
	else if (t->kind == TRAFFIC_ONE)
		t->end[i] = (struct traffic_end){p.dst, p.dport, true};
	else
		t->end[i] = (struct traffic_end){f->ip_dst, f->dport, f->ip_dst != p.dst};
	return t->end[i].valid;
}

unsigned
traffic_home(const struct traffic *t, const struct rig *r, uint64_t i)
{
	be32 src = initiator(t, i).src;
	union addr a = addr_from_v4(src);
	if (t->kind != TRAFFIC_LB6)
		return steer_worker(&r->plane.gen->steer, &a, FAMILY_V4);
	address6(a.b, src);
	return steer_worker(&r->plane.gen->steer, &a, FAMILY_V6);
}

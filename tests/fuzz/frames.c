/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to begin with: one of each kind that the pipeline knows, sent from both sides. */
#include "frames.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/wire.h"

enum { SEED_MAX = 1 << 14, DEV_INSIDE = 0, DEV_OUTSIDE = 1, DEV_FARM = 2 };
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };

static uint16_t
sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
put_sum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static void
repair4(uint8_t *ip, size_t size)
{
	size_t head = (size_t)(ip[0] & 15) * 4, total = (size_t)ip[2] << 8 | ip[3];
	if (head < IP4_LEN || head > size)
		return;
	put_sum(ip + 10, 0);
	put_sum(ip + 10, sum16(ip, head, 0));
	bool fragment = ((ip[6] << 8 | ip[7]) & (IP4_OFFSET | IP4_MF)) != 0;
	if (ip[9] != PROTO_ICMP || fragment || total > size || total < head + ICMP_LEN)
		return;
	uint8_t *icmp = ip + head;
	put_sum(icmp + 2, 0);
	bool echo = icmp[0] == ICMP4_REQUEST || icmp[0] == ICMP4_REPLY;
	if (!echo && total >= head + ICMP_LEN + IP4_LEN)
		repair4(icmp + ICMP_LEN, total - head - ICMP_LEN);
	put_sum(icmp + 2, sum16(icmp, total - head, 0));
}

static void
repair6(uint8_t *ip, size_t size)
{
	size_t payload = (size_t)ip[4] << 8 | ip[5];
	if (ip[6] != PROTO_ICMP6 || payload < ICMP_LEN || IP6_LEN + payload > size)
		return;
	uint8_t *icmp = ip + IP6_LEN, pseudo[40] = {0};
	memcpy(pseudo, ip + 8, 32);
	pseudo[34] = ip[4];
	pseudo[35] = ip[5];
	pseudo[39] = PROTO_ICMP6;
	put_sum(icmp + 2, 0);
	put_sum(icmp + 2, sum16(icmp, payload, (uint16_t)~sum16(pseudo, sizeof(pseudo), 0)));
}

void
frames_repair(uint8_t *frame, size_t size, const uint8_t mac[6])
{
	size_t at = ETHER_LEN;
	if (size < ETHER_LEN)
		return;
	if ((frame[0] & 1) == 0)
		memcpy(frame, mac, 6);
	if (frame[12] == 0x81 && frame[13] == 0)
		at += VLAN_LEN;
	if (size >= at + IP4_LEN && frame[at - 2] == 0x08 && frame[at - 1] == 0)
		repair4(frame + at, size - at);
	if (size >= at + IP6_LEN && frame[at - 2] == 0x86 && frame[at - 1] == 0xdd)
		repair6(frame + at, size - at);
}

/* A seed under construction: frames one after the other. */
struct seed {
	size_t size;
	uint8_t data[SEED_MAX];
};

static uint8_t *
frame_add(struct seed *s, uint8_t control, size_t size)
{
	uint8_t *p = s->data + s->size;
	p[0] = control | FRAME_REPAIR;
	p[1] = 10;
	p[2] = (uint8_t)size;
	p[3] = (uint8_t)(size >> 8);
	memset(p + FRAME_HEAD, 0, size);
	s->size += FRAME_HEAD + size;
	return p + FRAME_HEAD;
}

/* ip4_add, ip6_add: a packet with n bytes behind the IP header. => those bytes. */
static uint8_t *
ip4_add(struct seed *s, uint8_t dev, const char *src, const char *dst, uint8_t proto,
        uint16_t frag, size_t n)
{
	uint8_t *f = frame_add(s, dev, ETHER_LEN + IP4_LEN + n);
	struct ip4 ip = {.version_ihl = 0x45, .total = htons((uint16_t)(IP4_LEN + n)),
		.id = htons(77), .frag = htons(frag), .ttl = 64, .proto = proto};
	inet_pton(AF_INET, src, &ip.src);
	inet_pton(AF_INET, dst, &ip.dst);
	f[12] = 0x08;
	memcpy(f + ETHER_LEN, &ip, sizeof(ip));
	return f + ETHER_LEN + IP4_LEN;
}

static uint8_t *
ip6_add(struct seed *s, uint8_t dev, const char *src, const char *dst, uint8_t next, size_t n)
{
	uint8_t *f = frame_add(s, dev, ETHER_LEN + IP6_LEN + n);
	struct ip6 ip = {.version_class_flow = htonl(0x60000000), .payload = htons((uint16_t)n),
		.next = next, .hops = 64};
	inet_pton(AF_INET6, src, &ip.src);
	inet_pton(AF_INET6, dst, &ip.dst);
	f[12] = 0x86;
	f[13] = 0xdd;
	memcpy(f + ETHER_LEN, &ip, sizeof(ip));
	return f + ETHER_LEN + IP6_LEN;
}

static void
ports(uint8_t *l4, uint16_t sport, uint16_t dport)
{
	store16(l4, htons(sport));
	store16(l4 + 2, htons(dport));
}

static void
udp(uint8_t *l4, uint16_t sport, uint16_t dport, uint16_t n)
{
	ports(l4, sport, dport);
	store16(l4 + 4, htons(n));
}

static void
tcp(uint8_t *l4, uint16_t sport, uint16_t dport, uint8_t flags)
{
	ports(l4, sport, dport);
	l4[12] = 0x50;
	l4[13] = flags;
}

/* answer_add: to the last frame out of dev: the reply or an error, TCP flags flipped. */
static void
answer_add(struct seed *s, uint8_t dev, uint8_t how, uint8_t flags)
{
	uint8_t *p = frame_add(s, dev | FRAME_ANSWER, ANSWER_HEAD + 1);
	p[0] = how;
	p[1] = ETHER_LEN + IP4_LEN + 13;
	p[2] = flags;
}

static void
make_nat(struct seed *s)
{
	static const char in[] = "100.64.0.5", out[] = "203.0.113.200";
	udp(ip4_add(s, DEV_INSIDE, in, out, PROTO_UDP, 0, 20), 5000, 53, 20);
	answer_add(s, DEV_OUTSIDE, ANSWER_ERROR, 0);
	answer_add(s, DEV_OUTSIDE, 0, 0);
	tcp(ip4_add(s, DEV_INSIDE, in, out, PROTO_TCP, 0, TCP_LEN), 5001, 80, 2);
	answer_add(s, DEV_OUTSIDE, 0, 0);
	tcp(ip4_add(s, DEV_INSIDE, in, out, PROTO_TCP, 0, TCP_LEN), 5001, 80, 0x10);
	tcp(ip4_add(s, DEV_INSIDE, in, out, PROTO_TCP, 0, TCP_LEN), 5001, 80, 0x11);
	uint8_t *echo = ip4_add(s, DEV_INSIDE, in, out, PROTO_ICMP, 0, 16);
	echo[0] = ICMP4_REQUEST;
	echo[5] = 9;
	for (unsigned i = 0; i < 4; i++) { /* whichever pool address it is */
		char pool[] = "203.0.113.0";
		pool[10] = (char)('0' + i);
		udp(ip4_add(s, DEV_OUTSIDE, out, pool, PROTO_UDP, 0, 12), 53, 1024, 12);
		udp(ip4_add(s, DEV_INSIDE, in, pool, PROTO_UDP, 0, 12), 5000, 1024, 12);
	}
}

static void
make_balancer(struct seed *s)
{
	static const char client[] = "203.0.113.201", vip[] = "192.0.2.10";
	tcp(ip4_add(s, DEV_OUTSIDE, client, vip, PROTO_TCP, 0, TCP_LEN), 4000, 80, 2);
	answer_add(s, DEV_FARM, ANSWER_LINK, 0);
	answer_add(s, DEV_FARM, 0, 0);
	answer_add(s, DEV_OUTSIDE, 0, 1);
	answer_add(s, DEV_FARM, 0, 4);
	tcp(ip4_add(s, DEV_FARM, "10.0.0.11", client, PROTO_TCP, 0, TCP_LEN), 80, 4000, 0x12);
	tcp(ip4_add(s, DEV_FARM, "10.0.0.12", client, PROTO_TCP, 0, TCP_LEN), 80, 4000, 0x12);
	udp(ip4_add(s, DEV_OUTSIDE, client, vip, PROTO_UDP, 0, 12), 4001, 53, 12);
	answer_add(s, DEV_FARM, 0, 0);
	answer_add(s, DEV_FARM, ANSWER_ERROR, 0);
	answer_add(s, DEV_FARM, 0, 0);
	udp(ip4_add(s, DEV_OUTSIDE, client, vip, PROTO_UDP, 0, 12), 4001, 54, 12);
	uint8_t *echo = ip4_add(s, DEV_OUTSIDE, client, vip, PROTO_ICMP, 0, 16);
	echo[0] = ICMP4_REQUEST;
	tcp(ip6_add(s, DEV_OUTSIDE, "2001:db8:9::9", "2001:db8:2::10", PROTO_TCP, TCP_LEN), 4000,
	    80, 2);
	tcp(ip6_add(s, DEV_OUTSIDE, "2001:db8:9::9", "2001:db8:2::10", PROTO_TCP, TCP_LEN), 4000,
	    443, 2);
	answer_add(s, DEV_FARM, ANSWER_LINK, 0);
	answer_add(s, DEV_FARM, 0, 0);
	answer_add(s, DEV_FARM, ANSWER_ERROR, 0);
	tcp(ip6_add(s, DEV_FARM, "2001:db8:f::11", "2001:db8:9::9", PROTO_TCP, TCP_LEN), 80, 4000,
	    0x12);
}

static void
make_fragments(struct seed *s)
{
	static const char in[] = "100.64.0.5", out[] = "203.0.113.200";
	ip4_add(s, DEV_INSIDE, in, out, PROTO_UDP, IP4_MF | 2, 16);
	udp(ip4_add(s, DEV_INSIDE, in, out, PROTO_UDP, IP4_MF, 16), 5000, 53, 40);
	ip4_add(s, DEV_INSIDE, in, out, PROTO_UDP, 4, 8);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *f = ip6_add(s, DEV_OUTSIDE, "2001:db8:9::9", "2001:db8:2::10",
		                     EXT_FRAGMENT, FRAG6_LEN + 24);
		f[0] = PROTO_TCP;
		f[3] = i == 0 ? 1 : 24;
		f[7] = 3;
		tcp(f + FRAG6_LEN, 4000, 80, 2);
	}
	/* larger than the farm's MTU */
	tcp(ip4_add(s, DEV_OUTSIDE, out, "192.0.2.10", PROTO_TCP, 0, 1440), 4000, 80, 2);
	tcp(ip4_add(s, DEV_OUTSIDE, out, "192.0.2.10", PROTO_TCP, IP4_DF, 1440), 4000, 80, 2);
}

/* An ICMP error about a packet that went out: what it quotes is what the flow's answer inverts. */
static void
make_errors(struct seed *s)
{
	static const char in[] = "100.64.0.5", out[] = "203.0.113.200";
	udp(ip4_add(s, DEV_INSIDE, in, out, PROTO_UDP, 0, 12), 5000, 53, 12);
	for (unsigned i = 0; i < 4; i++) {
		char pool[] = "203.0.113.0";
		pool[10] = (char)('0' + i);
		uint8_t *icmp = ip4_add(s, DEV_OUTSIDE, "198.51.100.1", pool, PROTO_ICMP, 0,
		                        ICMP_LEN + IP4_LEN + UDP_LEN);
		struct ip4 inner = {.version_ihl = 0x45, .total = htons(32), .ttl = 1,
			.proto = PROTO_UDP};
		inet_pton(AF_INET, pool, &inner.src);
		inet_pton(AF_INET, out, &inner.dst);
		icmp[0] = i & 1 ? ICMP4_UNREACHABLE : ICMP4_TIME;
		icmp[1] = i & 1 ? 4 : 0;
		memcpy(icmp + ICMP_LEN, &inner, sizeof(inner));
		udp(icmp + ICMP_LEN + IP4_LEN, 1024, 53, 12);
	}
	ip4_add(s, DEV_INSIDE, in, out, PROTO_UDP, 0, 12)[-12] = 1; /* TTL */
	uint8_t *too_big = ip6_add(s, DEV_FARM, "2001:db8:f::11", "2001:db8:9::9", PROTO_ICMP6,
	                           ICMP_LEN + IP6_LEN + TCP_LEN);
	too_big[0] = 2;
	too_big[6] = 5;
	too_big[ICMP_LEN] = 0x60;
	too_big[ICMP_LEN + 6] = PROTO_TCP;
}

static void
make_link(struct seed *s)
{
	static const uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 2, 5, 100, 64, 0, 5,
	                                  0, 0, 0, 0, 0, 0, 100, 64, 0, 1};
	for (uint8_t op = 1; op < 3; op++) {
		uint8_t *f = frame_add(s, DEV_INSIDE, ETHER_LEN + sizeof(request));
		memset(f, op == 1 ? 0xff : 0, 6);
		f[12] = 0x08;
		f[13] = 0x06;
		memcpy(f + ETHER_LEN, request, sizeof(request));
		f[ETHER_LEN + 7] = op;
	}
	for (uint8_t type = 133; type < 138; type++) {
		uint8_t *nd = ip6_add(s, DEV_FARM, "2001:db8:f::11", "2001:db8:f::1", PROTO_ICMP6,
		                      32);
		nd[-IP6_LEN + 7] = 255;
		nd[0] = type;
		inet_pton(AF_INET6, "2001:db8:f::1", nd + 8);
		nd[24] = type == 135 ? 1 : 2;
		nd[25] = 1;
		nd[26] = 2;
	}
	uint8_t *tagged = frame_add(s, DEV_FARM, ETHER_LEN + VLAN_LEN + IP4_LEN + UDP_LEN);
	static const uint8_t tag[] = {0x81, 0, 0, 5, 8, 0, 0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0,
	                              10, 5, 0, 12, 198, 51, 100, 9};
	memcpy(tagged + 12, tag, sizeof(tag));
	udp(tagged + ETHER_LEN + VLAN_LEN + IP4_LEN, 53, 2000, 8);
}

/* Mappings on request: made, of a live flow, asked for twice, given up. */
static void
make_requests(struct seed *s)
{
	static const char in[] = "100.64.0.5", us[] = "100.64.0.1";
	enum { REQUEST = UDP_LEN + 60 };
	udp(ip4_add(s, DEV_INSIDE, in, "203.0.113.200", PROTO_UDP, 0, 20), 5000, 53, 20);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t *l4 = ip4_add(s, DEV_INSIDE, in, us, PROTO_UDP, 0, REQUEST + 4 * (i & 1));
		uint8_t *r = l4 + UDP_LEN;
		udp(l4, 5350, 5351, (uint16_t)(REQUEST + 4 * (i & 1)));
		r[0] = 2;
		r[1] = 1;
		r[6] = i < 3 ? 1 : 0; /* lifetime */
		r[18] = r[19] = 0xff;
		inet_pton(AF_INET, in, r + 20);
		r[36] = PROTO_UDP;
		store16(r + 40, htons(i < 2 ? 5000 : 6000));
		if ((i & 1) != 0)
			r[60] = 2;
	}
}

void
frames_make(void (*write)(void *arg, const char *name, const void *data, size_t size), void *arg)
{
	static const struct {
		const char *name;
		void (*make)(struct seed *s);
	} kinds[] = {
		{"nat", make_nat}, {"balancer", make_balancer}, {"fragments", make_fragments},
		{"errors", make_errors}, {"link", make_link}, {"requests", make_requests},
	};
	static struct seed s;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		s.size = 0;
		kinds[i].make(&s);
		write(arg, kinds[i].name, s.data, s.size);
	}
	s.size = 0; /* a neighbour that nobody knows, a reload, time */
	make_balancer(&s);
	s.data[0] |= FRAME_RELOAD;
	s.data[1] = 200;
	s.data[0] |= FRAME_SECONDS | FRAME_QUEUE;
	make_nat(&s);
	write(arg, "reload", s.data, s.size);
}

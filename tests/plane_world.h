/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A whole data plane in memory for the tests of ctl/dataplane: two devices, three
 *            interfaces, NAT and a service, from a JSON document; frames in, frames out.
 * Layout     device 0: "inside" 100.64.0.1/10, 2001:db8:a::1/64. Device 1: "outside" VLAN 7,
 *            198.51.100.2/24, 2001:db8:1::2/64, default routes via .1; "farm" VLAN 8, 10.0.0.1/24.
 *            Pool 203.0.113.0/30, service 192.0.2.10 port 80 and 2001:db8:2::10 port 80.
 */
#ifndef MR_PLANE_WORLD_H
#define MR_PLANE_WORLD_H

#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <stdlib.h>

#include "ctl/config/config.h"
#include "ctl/dataplane/plane.h"
#include "lib/mem.h"
#include "lib/nic_mem.h"
#include "lib/wire.h"

enum { WORLD_BUFFERS = 2048, WORLD_FRAME = 2048, INSIDE = 1, OUTSIDE = 2, FARM = 3 };
#define SECOND ((uint64_t)1000000000)
#define WORLD_START ((uint64_t)1700000000 * SECOND)

struct world {
	struct plane plane;
	struct nic_mem *mem;
	uint64_t now;
	struct config_errors errs;
	void *image;
	size_t image_size;
	char err[256];
};

struct frame {
	uint32_t size;
	uint8_t d[WORLD_FRAME];
};

static const uint8_t world_peer[6] = {0x52, 0x54, 0, 0, 0, 0x77};
static const uint8_t world_all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

#define WORLD_WORKERS "\"workers\": {\"count\": 2, \"main_core\": 0, \"cores\": [0, 1], " \
	"\"buffers\": 1024, \"icmp_rate\": 10, \"icmp_burst\": 5, " \
	"\"flows\": {\"ipv4\": 1000, \"ipv6\": 500}}"
#define WORLD_NICS "\"nics\": [" \
	"{\"name\": \"inside\", \"device\": \"net_a\", " \
	"\"addresses\": [\"100.64.0.1/10\", \"2001:db8:a::1/64\"]}," \
	"{\"name\": \"outside\", \"device\": \"net_b\", \"vlan\": 7, " \
	"\"addresses\": [\"198.51.100.2/24\", \"2001:db8:1::2/64\"]}," \
	"{\"name\": \"farm\", \"device\": \"net_b\", \"vlan\": 8, " \
	"\"addresses\": [\"10.0.0.1/24\"]}]"
#define WORLD_ROUTES "\"routes\": [{\"prefix\": \"0.0.0.0/0\", \"via\": \"198.51.100.1\"}," \
	"{\"prefix\": \"::/0\", \"via\": \"2001:db8:1::1\"}]"
#define WORLD_NAT "\"nat\": {\"pools\": [{\"name\": \"public\", \"addresses\": " \
	"[\"203.0.113.0/30\"], \"block_size\": 64}], \"rules\": [{\"name\": \"homes\", " \
	"\"nic\": \"inside\", \"source\": \"100.64.0.0/10\", \"pool\": \"public\"}], " \
	"\"capacity\": {\"mappings\": 1000, \"subscribers\": 100, \"pool_addresses\": 64}}"
#define WORLD_LB "\"lb\": {\"services\": [" \
	"{\"name\": \"web\", \"address\": \"192.0.2.10\", \"port\": 80, \"protocol\": \"tcp\", " \
	"\"mode\": \"nat\", \"backends\": [{\"address\": \"10.0.0.11\"}]}," \
	"{\"name\": \"web6\", \"address\": \"2001:db8:2::10\", \"port\": 80, " \
	"\"protocol\": \"tcp\", " \
	"\"mode\": \"nat\", \"backends\": [{\"address\": \"2001:db8:1::11\"}]}]}"
#define WORLD_JSON "{" WORLD_WORKERS "," WORLD_NICS "," WORLD_ROUTES "," WORLD_NAT "," WORLD_LB "}"

/* world_compile: => malloc'ed image, or NULL after saying why. */
static inline void *
world_compile(const char *json, const void *previous, uint64_t generation, size_t *size)
{
	struct config_errors errs = {0};
	json_t *doc = config_parse(json, strlen(json), &errs);
	void *image = doc == NULL ? NULL : config_compile(doc, previous, generation, size, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		printf("%s: %s\n", errs.e[i].path, errs.e[i].message);
	json_decref(doc);
	return image;
}

static inline void
world_open(struct world *w, const char *json, bool derive_mac)
{
	memset(w, 0, sizeof(*w));
	mem_use_huge(0);
	w->now = WORLD_START;
	w->mem = nic_mem_create(WORLD_BUFFERS, WORLD_FRAME);
	w->plane.n_devs = 2;
	w->plane.derive_mac = derive_mac;
	for (uint16_t i = 0; i < 2; i++)
		nic_mem_dev(w->mem, &w->plane.devs[i], i, 2);
	w->image = world_compile(json, NULL, 1, &w->image_size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->image);
	int r = plane_open(&w->plane, w->image, 7, false, w->now, w->err, sizeof(w->err));
	if (r != 0)
		printf("plane_open: %s\n", w->err);
	CU_ASSERT_EQUAL_FATAL(r, 0);
}

/* world_apply: a further document. => what plane_apply says. */
static inline int
world_apply(struct world *w, const char *json)
{
	size_t size;
	void *image = world_compile(json, w->image, w->plane.gen->number + 1, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	int r = plane_apply(&w->plane, image, size, w->now, w->err, sizeof(w->err));
	if (r == 0) {
		free(w->image);
		w->image = image;
		w->image_size = size;
	} else {
		free(image);
	}
	return r;
}

/* Sum over a device's and the slow path's counters, as stats.h says they must agree. */
static inline void
world_check_identity(const struct world *w)
{
	uint64_t sent = 0, ended = 0;
	for (unsigned i = 0; i <= w->plane.n_workers; i++) {
		const struct stats *s = stats_context(w->plane.shared.stats, i);
		uint64_t end = s->forwarded + s->consumed + s->handed_off + s->held;
		for (unsigned d = 0; d < DROP_MAX; d++)
			end += s->dropped[d];
		CU_ASSERT_EQUAL(s->received + s->taken_over, end);
		ended += s->forwarded + s->generated;
		for (unsigned n = 0; n < STATS_NICS; n++)
			sent += s->nic[n].tx_packets;
	}
	CU_ASSERT_EQUAL(sent, ended);
}

static inline void
world_turn_workers(struct world *w)
{
	for (unsigned i = 0; i < w->plane.n_workers; i++)
		worker_poll(w->plane.worker[i], w->now);
}

/* world_run: turn everything until what was put in has come to its end. */
static inline void
world_run(struct world *w)
{
	for (unsigned i = 0; i < 4; i++) {
		world_turn_workers(w);
		plane_poll(&w->plane, w->now);
	}
	world_turn_workers(w);
	world_check_identity(w);
}

static inline void
world_wait(struct world *w, uint64_t ns)
{
	w->now += ns;
	world_run(w);
}

/* world_take: the next frame out of a device. => false when there is none. */
static inline bool
world_take(struct world *w, unsigned dev, struct frame *f)
{
	struct rte_mbuf *m = nic_mem_take(&w->plane.devs[dev]);
	if (m == NULL)
		return false;
	f->size = m->data_len;
	memcpy(f->d, buf_data(m), m->data_len);
	w->plane.devs[dev].ops->free(&m, 1);
	return true;
}

/* world_flush: throw away what was sent. => how many frames. */
static inline unsigned
world_flush(struct world *w)
{
	struct frame f;
	unsigned n = 0;
	for (unsigned d = 0; d < 2; d++)
		while (world_take(w, d, &f))
			n++;
	return n;
}

static inline void
world_put(struct world *w, unsigned dev, const struct frame *f)
{
	CU_ASSERT(nic_mem_put(&w->plane.devs[dev], 0, f->d, f->size));
}

static inline void
world_close(struct world *w)
{
	world_check_identity(w);
	world_flush(w);
	plane_close(&w->plane);
	CU_ASSERT_EQUAL(nic_mem_free_count(w->mem), WORLD_BUFFERS);
	nic_mem_destroy(w->mem);
	free(w->image);
}

static inline const struct stats *
world_slow(const struct world *w)
{
	return stats_context(w->plane.shared.stats, 0);
}

static inline union addr
world_addr(const char *text)
{
	union addr a = {0};
	CU_ASSERT(inet_pton(strchr(text, ':') != NULL ? AF_INET6 : AF_INET, text, &a) == 1);
	return a;
}

/* The internet checksum as RFC 1071 says it, two bytes at a time. */
static inline uint16_t
world_sum(const uint8_t *d, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 == 0 ? (uint32_t)d[i] << 8 : d[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sum of a transport segment with its pseudo header (none for ICMP). */
static inline uint16_t
world_l4_sum(const uint8_t *l3, const uint8_t *l4, size_t size, uint8_t proto)
{
	bool v6 = l3[0] >> 4 == 6;
	uint32_t pseudo = !v6 && proto == 1 ? 0 :
	                  world_sum(v6 ? l3 + 8 : l3 + 12, v6 ? 32 : 8, (uint32_t)(proto + size));
	return world_sum(l4, size, pseudo);
}

static inline void
put16(uint8_t *d, unsigned v)
{
	d[0] = (uint8_t)(v >> 8);
	d[1] = (uint8_t)v;
}

static inline unsigned
get16(const uint8_t *d)
{
	return (unsigned)d[0] << 8 | d[1];
}

/* frame_l2: an Ethernet header for an interface; from world_peer, to us if `to` is NULL. */
static inline uint8_t *
frame_l2(struct frame *f, const struct world *w, unsigned nic, const uint8_t *to, unsigned type)
{
	const struct gen_nic *n = &w->plane.gen->nic[nic];
	memcpy(f->d, to != NULL ? to : n->mac, 6);
	memcpy(f->d + 6, world_peer, 6);
	f->size = 14;
	if (n->vlan_be != 0) {
		put16(f->d + 12, 0x8100);
		memcpy(f->d + 14, &n->vlan_be, 2);
		f->size = 18;
	}
	put16(f->d + f->size - 2, type);
	return f->d + f->size;
}

/* frame_ip: an IP packet with so many bytes of transport at *l4, which the caller fills in and
 * closes with frame_seal. */
static inline uint8_t *
frame_ip(struct frame *f, const struct world *w, unsigned nic, const char *src, const char *dst,
         uint8_t proto, unsigned size)
{
	bool v6 = strchr(src, ':') != NULL;
	union addr s = world_addr(src), d = world_addr(dst);
	uint8_t *ip = frame_l2(f, w, nic, NULL, v6 ? ETHER_IP6 : ETHER_IP4);
	unsigned head = v6 ? 40 : 20;
	memset(ip, 0, head + size);
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, size);
		ip[6] = proto;
		ip[7] = 64;
		memcpy(ip + 8, &s, 16);
		memcpy(ip + 24, &d, 16);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, head + size);
		put16(ip + 4, 0x1234);
		ip[8] = 64;
		ip[9] = proto;
		memcpy(ip + 12, &s, 4);
		memcpy(ip + 16, &d, 4);
	}
	f->size += head + size;
	return ip + head;
}

static inline uint8_t *
frame_l3(struct frame *f)
{
	return f->d + (get16(f->d + 12) == 0x8100 ? 18 : 14);
}

static inline uint8_t *
frame_l4(struct frame *f)
{
	uint8_t *ip = frame_l3(f);
	return ip + (ip[0] >> 4 == 6 ? 40 : (ip[0] & 15) * 4);
}

/* frame_seal: both checksums. */
static inline void
frame_seal(struct frame *f)
{
	uint8_t *ip = frame_l3(f), *l4 = frame_l4(f);
	bool v6 = ip[0] >> 4 == 6;
	uint8_t proto = v6 ? ip[6] : ip[9];
	size_t size = (size_t)(f->d + f->size - l4);
	unsigned at = proto == 6 ? 16 : proto == 17 ? 6 : 2;
	if (!v6) {
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~world_sum(ip, (size_t)(l4 - ip), 0));
	}
	if (proto != 6 && proto != 17 && proto != 1 && proto != 58)
		return;
	put16(l4 + at, 0);
	put16(l4 + at, (uint16_t)~world_l4_sum(ip, l4, size, proto));
}

/* frame_is_sound: do header and transport checksums of a frame that we sent hold? */
static inline bool
frame_is_sound(struct frame *f)
{
	uint8_t *ip = frame_l3(f), *l4 = frame_l4(f);
	bool v6 = ip[0] >> 4 == 6;
	size_t total = v6 ? 40u + get16(ip + 4) : get16(ip + 2);
	size_t size = total - (size_t)(l4 - ip);
	return total == (size_t)(f->d + f->size - ip) &&
	       (v6 || world_sum(ip, (size_t)(l4 - ip), 0) == 0xffff) &&
	       world_l4_sum(ip, l4, size, v6 ? ip[6] : ip[9]) == 0xffff;
}

/* frame_udp: a datagram with 8 bytes of payload. */
static inline void
frame_udp(struct frame *f, const struct world *w, unsigned nic, const char *src, const char *dst,
          unsigned sport, unsigned dport)
{
	uint8_t *l4 = frame_ip(f, w, nic, src, dst, 17, 16);
	put16(l4, sport);
	put16(l4 + 2, dport);
	put16(l4 + 4, 16);
	memcpy(l4 + 8, "payload!", 8);
	frame_seal(f);
}

/* frame_arp: a whole ARP packet from world_peer. */
static inline void
frame_arp(struct frame *f, const struct world *w, unsigned nic, unsigned op, const char *spa,
          const char *tpa)
{
	union addr s = world_addr(spa), t = world_addr(tpa);
	uint8_t *a = frame_l2(f, w, nic, op == 1 ? world_all : NULL, ETHER_ARP);
	memcpy(a, "\0\1\10\0\6\4", 6);
	put16(a + 6, op);
	memcpy(a + 8, world_peer, 6);
	memcpy(a + 14, &s, 4);
	memset(a + 18, 0, 6);
	memcpy(a + 24, &t, 4);
	f->size += 28;
}

#endif

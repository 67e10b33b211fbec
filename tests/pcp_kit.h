/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the Port Control Protocol share: a subscriber who asks, and is answered. */
#ifndef MR_TESTS_PCP_KIT_H
#define MR_TESTS_PCP_KIT_H

#include "lib/wire.h"
#include "nat/pcp.h"
#include "nat_world.h"

#define HOST ip(100, 64, 0, 7)
#define OWN ip(10, 0, 0, 1)
#define SERVER ip(198, 51, 100, 1)
#define PUBLIC ip(203, 0, 113, 1)
enum { TCP = IPPROTO_L4_TCP, UDP = IPPROTO_L4_UDP, ROOM = 2048, HOUR = 3600 };
enum { MAP = 1, PEER = 2 };
#define THIRD ip(192, 0, 2, 8)

static struct nat_world *w;
static uint8_t data[ROOM];
static __attribute__((unused)) struct flow_spec spec;
static __attribute__((unused)) struct world_flow flow;

static inline void
begin(uint8_t filtering)
{
	w = world_new();
	w->conf.quarantine_ms = 0;
	w->conf.pcp_min_s = 120;
	w->conf.pcp_max_s = 24 * HOUR;
	world_pool(w, 1024, 65535, 512, 2);
	world_address(w, 0, PUBLIC);
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, filtering, 0)->pcp = 1;
	world_apply(w);
	world_tick(w, 0);
}

/* The same, and HOST's TCP port 80 is PUBLIC's 8080 for good. */
static inline void
begin_static(void)
{
	begin(NAT_FILTER_EIF);
	world_static(w, static_key(1, HOST, TCP, port(80)),
	             static_key(0, PUBLIC, TCP, port(8080)), 1);
	world_apply(w);
}

/* A request to map, of so many octets with what was put behind it. */
static inline uint32_t
request(be32 client, uint8_t proto, unsigned inside, unsigned lifetime, uint8_t nonce)
{
	memset(data, 0, sizeof(data));
	data[0] = 2;
	data[1] = 1;
	store32(data + 4, htobe32(lifetime));
	data[18] = data[19] = 0xff;
	store32(data + 20, client);
	memset(data + 24, nonce, 12);
	data[36] = proto;
	store16(data + 40, htobe16((uint16_t)inside));
	return PCP_HEADER + PCP_MAP;
}

/* The option THIRD_PARTY put behind `size` octets. => octets. */
static inline uint32_t
with_third(uint32_t size, be32 third)
{
	uint8_t *o = data + size;
	memset(o, 0, 20);
	o[0] = 1;
	o[3] = 16;
	o[14] = o[15] = 0xff;
	store32(o + 16, third);
	return size + 20;
}

/* What the server makes of it. => octets. */
static inline uint32_t
ask_from(be32 source, uint32_t size)
{
	struct miss m = world_miss(w, W_INSIDE, UDP, source, port(40000), OWN, port(PCP_PORT));
	CU_ASSERT_EQUAL(nat_policy.serves(w->gen, &m, data, size), 0);
	return nat_policy.serve(w->state[0], &m, data, size, ROOM);
}

static inline uint32_t
lifetime(void)
{
	return be32toh(load32(data + 4));
}

static inline unsigned
external(void)
{
	return be16toh(load16(data + 42));
}

/* An answer to MAP, as a whole. => result. */
static inline unsigned
map_size(be32 client, uint32_t size)
{
	uint32_t got = ask_from(client, size);
	CU_ASSERT(got == size && data[0] == 2 && data[1] == 0x81 && data[2] == 0);
	return data[3];
}

static inline unsigned
map(uint8_t proto, unsigned inside, unsigned seconds, uint8_t nonce)
{
	return map_size(HOST, request(HOST, proto, inside, seconds, nonce));
}

/* An option FILTER put behind `size` octets: a prefix of so many bits, and a port. => octets. */
static inline uint32_t
with_filter(uint32_t size, be32 prefix, unsigned bits, unsigned at)
{
	uint8_t *o = data + size;
	memset(o, 0, 24);
	o[0] = 3;
	o[3] = 20;
	o[5] = (uint8_t)bits;
	store16(o + 6, port((uint16_t)at));
	o[18] = o[19] = 0xff;
	store32(o + 20, prefix);
	return size + 24;
}

/* A request about a connection with a remote endpoint. => octets. */
static inline uint32_t
peer_request(uint8_t proto, unsigned inside, be32 remote, unsigned at, unsigned seconds,
             uint8_t nonce)
{
	request(HOST, proto, inside, seconds, nonce);
	data[1] = 2;
	store16(data + 60, port((uint16_t)at));
	data[74] = data[75] = 0xff;
	store32(data + 76, remote);
	return PCP_HEADER + PCP_PEER;
}

/* Its answer. => result. */
static inline unsigned
peer_size(uint32_t size)
{
	uint32_t got = ask_from(HOST, size);
	CU_ASSERT(got == size && data[0] == 2 && data[1] == 0x82 && data[2] == 0);
	return data[3];
}

/* What clients are told unasked: how often, and the last of it. */
static struct {
	struct spoken s;
	uint8_t d[SPOKEN_MAX];
	unsigned n;
} heard;

static inline void
hear(void *whose, const struct spoken *s)
{
	(void)whose;
	heard.s = *s;
	memcpy(heard.d, s->data, s->size);
	heard.n++;
}

/* From now on, of nothing so far. */
static inline void
listen(void)
{
	world_nat(w)->say = hear;
	memset(&heard, 0, sizeof(heard));
}

/* => how many messages there were in so many milliseconds. */
static inline unsigned
told_in(unsigned ms)
{
	unsigned before = heard.n;
	for (unsigned i = 0; i < ms; i++)
		world_tick(w, 1);
	return heard.n - before;
}

/* THIRD, outside, is to be listed as one who asks for subscribers. */
static inline void
begin_with_third(void)
{
	begin(NAT_FILTER_EIF);
	w->is_routed = true;
	w->conf.asker[0] = (struct img_nat_asker){.source = THIRD, .plen = 32,
		.nic = W_OUTSIDE, .realm = 1};
	w->conf.askers = 1;
}

/* It is, and has a port for HOST's UDP 5000. */
static inline void
third_maps(void)
{
	world_apply(w);
	listen();
	uint32_t size = with_third(request(THIRD, UDP, 5000, HOUR, 1), HOST);
	struct miss m = world_miss(w, W_OUTSIDE, UDP, THIRD, port(1234), SERVER, port(PCP_PORT));
	CU_ASSERT_EQUAL(nat_policy.serve(w->state[0], &m, data, size, ROOM), 80);
	CU_ASSERT_EQUAL(data[3], PCP_SUCCESS);
}

/* Is the last of it about HOST's endpoint, made with that nonce, in every octet? */
static inline bool
is_told(uint8_t opcode, uint8_t proto, unsigned inside, uint8_t nonce, be32 address, unsigned at,
        unsigned seconds, uint8_t result)
{
	uint8_t d[PCP_HEADER + PCP_MAP] = {2, 0x80 | opcode, 0, result};
	uint64_t epoch_s = (world_nat(w)->clock.ms - world_nat(w)->epoch_ms) / 1000;
	store32(d + 4, htobe32(seconds));
	store32(d + 8, htobe32((uint32_t)epoch_s));
	memset(d + 24, nonce, 12);
	d[36] = proto;
	store16(d + 40, port(inside));
	store16(d + 42, port(at));
	d[54] = d[55] = 0xff;
	store32(d + 56, address);
	return heard.s.size >= sizeof(d) && memcmp(heard.d, d, sizeof(d)) == 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations and kinds of flows for the simulated NICs. */
#include "sim_scene.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

enum { LOCALS = 64 };

const struct sim_model plain = {
	.name = "sim_plain", .rss_types = TYPES_ALL, .key_size = 40, .reta_size = 128,
	.max_queues = SIM_QUEUES};
const struct sim_model ruled = {
	.name = "sim_ruled", .rss_types = TYPES_ALL, .key_size = 40, .reta_size = 512,
	.max_queues = SIM_QUEUES, .rule_queue = 1, .rule_port = 1, .rule_icmp = 1};
const struct sim_model dumb = {.name = "sim_dumb", .max_queues = SIM_QUEUES};

const struct sim_scene many = {MANY, 512, NULL, NULL, {0, 0}};
const struct sim_scene single = {SINGLE, 64, NULL, NULL, {0, 0}};

static void
set_l4(struct frame *f, unsigned i, uint16_t sport, uint16_t dport)
{
	f->proto = i % 2 ? 17 : 6;
	f->tcp_flags = 2;
	f->sport = sport;
	f->dport = dport;
}

/* 8000 subscribers, 12 and a half ports each, to one server each. */
static void
first_nat(struct frame *f, unsigned i)
{
	f->family = FAMILY_V4;
	f->src = addr_from_v4(__builtin_bswap32(0x64400000 + i % 8000 * 37));
	f->dst = addr_from_v4(__builtin_bswap32(0x08080000 + i / 7));
	set_l4(f, i / 8000, (uint16_t)(1024 + i / 8000), 443);
}

/* 400 subscribers, 10 ports each, to 25 servers each: one pool address has room for it. */
static void
first_nat_single(struct frame *f, unsigned i)
{
	unsigned mapping = i % 4000;
	f->family = FAMILY_V4;
	f->src = addr_from_v4(__builtin_bswap32(0x64400000 + mapping / 10 * 5));
	f->dst = addr_from_v4(__builtin_bswap32(0x08080000 + i / 4000));
	set_l4(f, mapping, (uint16_t)(2000 + mapping % 10), 53);
}

static void
first_client4(struct frame *f, unsigned i)
{
	f->family = FAMILY_V4;
	f->src = addr_from_v4(__builtin_bswap32(0x0b000000 + i / 4 * 11));
	f->dst = addr_from_v4(__builtin_bswap32(0xc000020a));
	set_l4(f, 0, (uint16_t)(10000 + i % 4), 80);
}

static void
first_client6(struct frame *f, unsigned i)
{
	f->family = FAMILY_V6;
	f->src.b[0] = 0x2a;
	f->src.b[3] = (uint8_t)(i >> 4);
	f->src.w[3] = __builtin_bswap32(i / 4 * 3 + 1);
	f->dst = addr6("2001:db8:2::10");
	set_l4(f, 0, (uint16_t)(10000 + i % 4), 80);
}

const struct sim_kind nat_kind = {"NAT", first_nat, SIM_INSIDE, SIM_OUTSIDE};
const struct sim_kind single_kind = {"NAT, one address", first_nat_single, SIM_INSIDE,
                                            SIM_OUTSIDE};
const struct sim_kind client4_kind = {"balancer IPv4", first_client4, SIM_OUTSIDE, SIM_FARM};
const struct sim_kind client6_kind = {"balancer IPv6", first_client6, SIM_OUTSIDE, SIM_FARM};

static void
put_locals(char *text, bool v6)
{
	sim_text(text, "\"local_addresses\": [");
	for (unsigned i = 0; i < LOCALS; i++)
		sim_text(text, v6 ? "%s\"2001:db8:3::%x\"" : "%s\"198.18.0.%u\"", i ? ", " : "", i);
	sim_text(text, "], ");
}

static void
put_service(char *text, const char *name, bool v6, const char *mode, unsigned backends)
{
	sim_text(text, "{\"name\": \"%s\", \"address\": \"%s\", \"port\": 80, "
	         "\"protocol\": \"tcp\", \"mode\": \"%s\", ", name,
	         v6 ? "2001:db8:2::10" : "192.0.2.10", mode);
	if (strcmp(mode, "fullnat") == 0)
		put_locals(text, v6);
	sim_text(text, "\"backends\": [");
	for (unsigned i = 0; i < backends; i++)
		sim_text(text, v6 ? "%s{\"address\": \"2001:db8:f::%x\"}" :
		         "%s{\"address\": \"10.1.1.%u\"}", i ? ", " : "", i + 16);
	sim_text(text, "]}");
}

const char *
sim_scene_text(const struct sim_scene *s, unsigned stage)
{
	static char text[SIM_JSON];
	text[0] = '\0';
	sim_text(text, "\"lb\": {\"services\": [");
	if (s->mode4 != NULL)
		put_service(text, "web4", false, s->mode4, s->backends[stage]);
	if (s->mode4 != NULL && s->mode6 != NULL)
		sim_text(text, ", ");
	if (s->mode6 != NULL)
		put_service(text, "web6", true, s->mode6, s->backends[stage]);
	sim_text(text, "]}");
	if (s->pool[0] == NULL)
		return text;
	sim_text(text, ", \"nat\": {\"pools\": [{\"name\": \"public\", \"addresses\": [%s], "
	         "\"block_size\": %u, \"max_blocks\": 8}], \"rules\": [{\"name\": \"homes\", "
	         "\"nic\": \"inside\", \"source\": \"100.64.0.0/10\", \"pool\": \"public\"}], "
	         "\"capacity\": {\"mappings\": 500000, \"subscribers\": 40000, "
	         "\"pool_addresses\": 600}}", s->pool[stage], s->block);
	return text;
}

void
sim_scene_open(struct sim_world *w, const struct sim_model *in, const struct sim_model *out,
               const struct sim_model *farm, unsigned workers, unsigned room,
               const struct sim_scene *scene)
{
	const struct sim_model *const models[SIM_DEVICES] = {in, out, farm};
	sim_world_open(w, models, workers, room, sim_scene_text(scene, 0));
}

uint64_t
sim_scene_flows(struct sim_world *w, const struct sim_kind *kind, unsigned n)
{
	sim_world_flows(w, kind, 0, SIM_WARM, 3);
	uint64_t before = sim_world_handoffs(w);
	CU_ASSERT_EQUAL(sim_world_flows(w, kind, 0, n, 3), n * 4);
	return sim_world_handoffs(w) - before;
}

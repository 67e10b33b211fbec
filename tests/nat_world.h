/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A translation configuration for tests: rows that a test changes, compiled to an image
 *            and a generation, with the state of every worker.
 * Layout     Interfaces: 1 "inside" (realm 1), 2 "other" (realm 2), 3 "outside" (realm 0). Time
 *            starts at START_MS.
 * Owner      One test program.
 */
#ifndef MR_NAT_WORLD_H
#define MR_NAT_WORLD_H

#include "lib/mem.h"
#include "nat/nat.h"
#include "nat/nat_image.h"
#include "nat/state.h"
#include "leaving.h"
#include "test.h"

enum { W_POOLS = 4, W_ADDRESSES = 64, W_RULES = 8, W_HOLES = 16, W_STATICS = 8, W_WORKERS = 4,
       W_INSIDE = 1, W_OTHER = 2, W_OUTSIDE = 3 };
#define START_MS 4294960000u /* the 32-bit clock wraps seven seconds later */

struct nat_world {
	uint64_t seed;
	struct img_plane plane;
	struct img_nat_conf conf;
	struct img_nat_pool pool[W_POOLS];
	struct img_nat_address address[W_ADDRESSES];
	struct img_nat_rule rule[W_RULES];
	struct img_nat_hole hole[W_HOLES]; /* of a pool ascending */
	struct img_nat_ports ports; /* none while its protocol is 0 */
	uint32_t n_pools, n_addresses, n_rules, n_holes, n_statics;
	struct img_nat_static statics[W_STATICS]; /* sorted by the inside */
	uint32_t statics_out[W_STATICS];          /* and by the outside */
	struct img_nat_inside inside; /* of pool 0, if that is deterministic */
	bool is_routed; /* 100.64.0.0/10 is connected, in realms 1 and 2 */
	struct image_header *image;
	size_t size;
	struct generation *gen;
	void *state[W_WORKERS];
	struct stats stats[W_WORKERS];
	struct record_ring ring[W_WORKERS];
	uint64_t ms, number;
};

/* A flow as the engine would keep it. */
struct world_flow {
	struct flow f;
	struct tuple t[2];
	uint16_t worker;
};

/* ip: a.b.c.d in wire order. */
static inline be32
ip(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return __builtin_bswap32(a << 24 | b << 16 | c << 8 | d);
}

static inline be32
ip_add(be32 a, uint32_t n)
{
	return __builtin_bswap32(__builtin_bswap32(a) + n);
}

static inline be16
port(unsigned p)
{
	return __builtin_bswap16((uint16_t)p);
}

static inline uint16_t
world_pool(struct nat_world *w, unsigned first, unsigned last, unsigned block, unsigned max_blocks)
{
	struct img_nat_pool *p = &w->pool[w->n_pools];
	*p = (struct img_nat_pool){.port_first = (uint16_t)first, .port_last = (uint16_t)last,
		.block_size = (uint16_t)block, .max_blocks = (uint16_t)max_blocks};
	snprintf(p->name, sizeof(p->name), "pool%u", w->n_pools);
	return (uint16_t)w->n_pools++;
}

/* world_hole: ports that a pool leaves out. Holes of a pool follow each other. */
static inline void
world_hole(struct nat_world *w, uint16_t pool, unsigned first, unsigned last)
{
	if (w->pool[pool].holes++ == 0)
		w->pool[pool].first_hole = w->n_holes;
	w->hole[w->n_holes++] = (struct img_nat_hole){(uint16_t)first, (uint16_t)last};
}

/* world_address: ids in the order of the calls. Addresses of a pool follow each other. */
static inline void
world_address(struct nat_world *w, uint16_t pool, be32 address)
{
	uint32_t i = w->n_addresses++;
	w->address[i] = (struct img_nat_address){.address = address, .id = i, .pool = pool};
}

static inline struct img_nat_rule *
world_rule(struct nat_world *w, be32 source, uint8_t plen, uint8_t nic, uint8_t filtering,
           uint16_t pool)
{
	struct img_nat_rule *r = &w->rule[w->n_rules];
	*r = (struct img_nat_rule){.source = source, .plen = plen, .nic = nic,
		.filtering = filtering, .pool = pool, .timers = 1};
	snprintf(r->name, sizeof(r->name), "rule%u", w->n_rules++);
	return r;
}

/*
 * world_static: size endpoints inside (realm 1) to as many outside; 2^24: an address with all it
 * has. Rows stay sorted both ways.
 */
static inline void
world_static(struct nat_world *w, uint64_t inside, uint64_t outside, uint64_t size)
{
	uint32_t at = w->n_statics++, n = 0;
	for (; at > 0 && w->statics[at - 1].inside_first > inside; at--)
		w->statics[at] = w->statics[at - 1];
	w->statics[at] = (struct img_nat_static){inside, inside + size - 1, outside, 0, 1, {0}};
	for (uint32_t i = 0; i < w->n_statics; i++) {
		for (n = i; n > 0 && w->statics[w->statics_out[n - 1]].outside_first >
		                     w->statics[i].outside_first; n--)
			w->statics_out[n] = w->statics_out[n - 1];
		w->statics_out[n] = i;
	}
}

static inline struct nat_world *
world_new(void)
{
	mem_use_huge(0);
	struct nat_world *w = aligned_alloc(_Alignof(struct nat_world), sizeof(*w));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	memset(w, 0, sizeof(*w));
	w->ms = START_MS;
	w->plane = (struct img_plane){.workers = 1, .flows_v4 = 4096, .flows_v6 = 16,
		.mappings = 4096, .subscribers = 1024, .permissions = 4096, .quarantine = 4096,
		.leases = 16, .pool_addresses = 64, .buffers = 16};
	w->conf.quarantine_ms = 120000;
	w->conf.refusal = NAT_REFUSE_HOST;
	return w;
}

static inline int
compare_routes(const void *a, const void *b)
{
	return memcmp(&((const struct img_route *)a)->prefix,
	              &((const struct img_route *)b)->prefix, sizeof(union addr));
}

static inline void
world_rows(struct nat_world *w, struct img_route *routes)
{
	struct steer steer;
	steer_init(&steer, w->plane.workers, w->plane.steer_class_bits,
	           w->plane.steer_split_blocks, w->plane.steer_block_shift);
	for (uint32_t i = 0; i < w->n_pools; i++)
		w->pool[i].first_address = w->pool[i].addresses = 0;
	for (uint32_t i = 0; i < w->n_rules; i++)
		w->rule[i].limited = (w->rule[i].high | w->rule[i].max_flows |
		                      w->rule[i].flow_cost) != 0;
	for (uint32_t i = w->n_addresses; i-- > 0;) {
		struct img_nat_address *a = &w->address[i];
		union addr u = addr_from_v4(a->address);
		a->class = steer_class(&steer, &u, FAMILY_V4);
		w->pool[a->pool].first_address = i;
		w->pool[a->pool].addresses++;
		routes[i] = (struct img_route){.prefix = u, .family = FAMILY_V4, .plen = 32,
			.kind = ROUTE_POOL, .arg = i};
	}
	qsort(routes, w->n_addresses, sizeof(*routes), compare_routes);
	for (uint8_t i = 0; i < 2 && w->is_routed; i++)
		routes[w->n_addresses + i] = (struct img_route){.family = FAMILY_V4, .plen = 10,
			.prefix = addr_from_v4(ip(100, 64, 0, 0)), .kind = ROUTE_CONNECTED,
			.realm = i + 1, .nic = W_INSIDE + i};
}

/* world_image: the rows as an image, without asking whether they are any good. */
static inline void
world_image(struct nat_world *w)
{
	static const struct img_dev devs[] = {{"net_null0"}};
	static const struct img_nic nics[] = {
		{.name = ""},
		{.name = "inside", .realm = 1, .vlan = 1, .mtu = 1500},
		{.name = "other", .realm = 2, .vlan = 2, .mtu = 1500},
		{.name = "outside", .realm = 0, .vlan = 3, .mtu = 1500},
	};
	struct timer_set timers[2] = {{{1000}}, {{2000}}};
	struct img_route routes[W_ADDRESSES + 2];
	struct image_builder b;
	world_rows(w, routes);
	image_build_begin(&b, ++w->number);
	image_build_rows(&b, IMG_PLANE, &w->plane, sizeof(w->plane), 1);
	image_build_rows(&b, IMG_DEVS, devs, sizeof(devs[0]), 1);
	image_build_rows(&b, IMG_NICS, nics, sizeof(nics[0]), 4);
	image_build_rows(&b, IMG_ROUTES, routes, sizeof(routes[0]),
	                 w->n_addresses + (w->is_routed ? 2 : 0));
	image_build_rows(&b, IMG_TIMERS, timers, sizeof(timers[0]), 2);
	image_build_rows(&b, IMG_NAT_CONF, &w->conf, sizeof(w->conf), 1);
	image_build_rows(&b, IMG_NAT_POOLS, w->pool, sizeof(w->pool[0]), w->n_pools);
	image_build_rows(&b, IMG_NAT_ADDRESSES, w->address, sizeof(w->address[0]), w->n_addresses);
	image_build_rows(&b, IMG_NAT_RULES, w->rule, sizeof(w->rule[0]), w->n_rules);
	image_build_rows(&b, IMG_NAT_PORTS, &w->ports, sizeof(w->ports), w->ports.proto != 0);
	image_build_rows(&b, IMG_NAT_HOLES, w->hole, sizeof(w->hole[0]), w->n_holes);
	image_build_rows(&b, IMG_NAT_INSIDE, &w->inside, sizeof(w->inside), w->pool[0].insides);
	image_build_rows(&b, IMG_NAT_STATICS, w->statics, sizeof(w->statics[0]), w->n_statics);
	image_build_rows(&b, IMG_NAT_STATICS_OUT, w->statics_out, sizeof(uint32_t), w->n_statics);
	free(w->image);
	w->image = image_build_end(&b, &w->size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->image);
}

static inline struct policy_env
world_env(struct nat_world *w, uint16_t worker)
{
	return (struct policy_env){.worker = worker, .n_workers = w->plane.workers,
		.plane = &w->plane, .stats = &w->stats[worker], .records = &w->ring[worker],
		.seed = 20261121 + w->seed, .node = -1};
}

/* world_apply: the rows as the generation in force, on workers that are made the first time. */
static inline void
world_apply(struct nat_world *w)
{
	static const struct dev devs[1];
	char err[256] = "";
	struct generation *old = w->gen;
	world_image(w);
	if (image_check(w->image, w->size, err, sizeof(err)) != 0 ||
	    nat_policy.check(w->image, err, sizeof(err)) != 0)
		printf("  %s\n", err);
	CU_ASSERT_EQUAL_FATAL(err[0], 0);
	w->gen = generation_create(w->image, devs, 1, old);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->gen);
	CU_ASSERT_EQUAL_FATAL(nat_policy.view_create(w->gen, POLICY_NAT), 0);
	for (uint16_t i = 0; i < w->plane.workers; i++) {
		struct policy_env env = world_env(w, i);
		if (w->state[i] == NULL)
			w->state[i] = nat_create(&env);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w->state[i]);
		nat_policy.reload(w->state[i], w->gen);
	}
	if (old != NULL)
		nat_policy.view_destroy(old, POLICY_NAT);
	generation_destroy(old);
}

static inline void
world_free(struct nat_world *w)
{
	for (unsigned i = 0; i < W_WORKERS; i++)
		nat_destroy(w->state[i]);
	if (w->gen != NULL)
		nat_policy.view_destroy(w->gen, POLICY_NAT);
	generation_destroy(w->gen);
	free(w->image);
	free(w);
}

static inline struct nat *
world_nat(const struct nat_world *w)
{
	return w->state[0];
}

/* world_tick: let time pass. */
static inline void
world_tick(struct nat_world *w, uint64_t ms)
{
	w->ms += ms;
	for (unsigned i = 0; i < w->plane.workers; i++)
		nat_policy.tick(w->state[i], w->ms * 1000000u);
}

static inline struct miss
world_miss(const struct nat_world *w, uint8_t nic, uint8_t proto, be32 src, be16 sport, be32 dst,
           be16 dport)
{
	static const uint8_t realm[] = {0, 1, 2, 0};
	struct miss m = {
		.tuple = {.src = addr_from_v4(src), .dst = addr_from_v4(dst), .sport = sport,
			.dport = dport, .family = FAMILY_V4, .proto = proto, .realm = realm[nic]},
		.gen = w->gen, .now_ms = (uint32_t)w->ms, .now_ns = w->ms * 1000000u, .nic = nic,
		.event = proto == IPPROTO_L4_TCP ? EV_OPEN : EV_OTHER,
	};
	m.route = route_from(w->gen, m.tuple.realm, &m.tuple.dst, FAMILY_V4);
	m.back = route_back(w->gen, m.tuple.realm, &m.tuple.src, FAMILY_V4);
	return m;
}

/* world_open: ask the home worker; the flow as the engine would make it. */
static inline enum verdict
world_open(struct nat_world *w, const struct miss *m, struct flow_spec *spec,
           struct world_flow *flow)
{
	int home = nat_policy.home(w->gen, m);
	flow->worker = 0;
	if (home == HOME_NOT_MINE)
		return VERDICT_PASS;
	CU_ASSERT_FATAL(home >= 0 && home < w->plane.workers);
	*spec = (struct flow_spec){.drop = DROP_NO_POLICY};
	enum verdict v = nat_policy.open(w->state[home], m, spec);
	if (v != VERDICT_OPEN)
		return v;
	memset(flow, 0, sizeof(*flow));
	flow->f.proto = m->tuple.proto;
	flow->f.flags = spec->flags;
	flow->f.owner = spec->owner;
	flow->t[0] = m->tuple;
	flow->t[1] = spec->reply;
	flow->worker = (uint16_t)home;
	return v;
}

static inline void
world_end(struct nat_world *w, struct world_flow *flow)
{
	leaving_end(&nat_policy, w->state[flow->worker], &flow->f, flow->t, (uint32_t)w->ms);
}

static inline void
world_answer(struct nat_world *w, struct world_flow *flow)
{
	nat_policy.answered(w->state[flow->worker], &flow->f, EV_OTHER, 0);
	flow->f.flags |= FLOW_ANSWERED;
}

/* world_out: a packet of an inside host, to a fixed server unless told otherwise. */
static inline enum verdict
world_out(struct nat_world *w, uint8_t proto, be32 src, unsigned sport, be32 dst, unsigned dport,
          struct flow_spec *spec, struct world_flow *flow)
{
	struct miss m = world_miss(w, W_INSIDE, proto, src, port(sport), dst, port(dport));
	return world_open(w, &m, spec, flow);
}

static inline enum verdict
world_in(struct nat_world *w, uint8_t proto, be32 src, unsigned sport, be32 dst, be16 dport,
         struct flow_spec *spec, struct world_flow *flow)
{
	struct miss m = world_miss(w, W_OUTSIDE, proto, src, port(sport), dst, dport);
	return world_open(w, &m, spec, flow);
}

#endif

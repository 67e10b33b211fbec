/* SPDX-License-Identifier: Apache-2.0 */
/* An engine in memory: configuration, test policy, and helpers around worker_poll. */
#include "enginetest.h"

#include <arpa/inet.h>

#include "lib/frag.h"
#include "lib/mem.h"
#include "lib/synproxy.h"
#include "lib/tell.h"

static const union addr *
pool_address(void)
{
	static union addr a;
	a = addr4("198.51.100.1");
	return &a;
}

/* The number that decides the home: the same for both directions. */
static uint16_t
key_of(const struct tuple *t)
{
	if (t->family == FAMILY_V6)
		return t->src.b[15] + t->dst.b[15];
	if (t->realm == 1)
		return ntohs(t->sport != 0 ? t->sport : t->dport);
	return (uint16_t)(ntohs(t->dport != 0 ? t->dport : t->sport) - 1000);
}

static int
test_home(const struct generation *g, const struct miss *m)
{
	const struct tuple *t = &m->tuple;
	bool mine = t->family == FAMILY_V6 || t->realm == 1 ||
	            addr_equal(&t->dst, pool_address());
	return mine ? key_of(t) % g->plane->workers : HOME_NOT_MINE;
}

static enum verdict
open_outbound(const struct miss *m, struct flow_spec *spec)
{
	spec->reply = tuple_invert(&m->tuple);
	spec->reply.realm = 0;
	spec->reply.dst = *pool_address();
	if (m->tuple.sport != 0)
		spec->reply.dport = htons((uint16_t)(ntohs(m->tuple.sport) + 1000));
	return VERDICT_OPEN;
}

static enum verdict
open_inbound(const struct miss *m, struct flow_spec *spec)
{
	unsigned port = ntohs(m->tuple.dport);
	spec->drop = DROP_NAT_NO_MAPPING;
	spec->code = 1;
	if (port / 1000 == 9)
		return VERDICT_HOLD;
	if (port < 7000 || port > 7999)
		return port == 9 ? VERDICT_UNREACHABLE : VERDICT_DROP;
	spec->reply = tuple_invert(&m->tuple);
	spec->reply.realm = 1;
	spec->reply.src = addr4("10.0.0.77");
	spec->reply.sport = htons((uint16_t)(port - 1000));
	return VERDICT_OPEN;
}

/* The SYN proxy and telling, as the balancer has them. */
static enum verdict
open_shifted(const struct world *w, const struct miss *m, struct flow_spec *spec)
{
	spec->offer = w->offer;
	if (w->has_proxy && m->event == EV_OPEN)
		return VERDICT_ANSWER;
	spec->drop = DROP_LB_COOKIE;
	if (w->has_proxy && !synproxy_check(&w->worker[0]->cookies, m, &spec->cookie))
		return VERDICT_DROP;
	spec->is_answered = w->has_proxy;
	spec->tell = w->tell;
	spec->toa_kind = TELL_TOA_KIND;
	spec->flags |= FLOW_SHIFT;
	if (m->tuple.family == FAMILY_V4)
		return open_outbound(m, spec);
	spec->reply = tuple_invert(&m->tuple);
	spec->reply.realm = 0;
	return VERDICT_OPEN;
}

static enum verdict
test_open(void *state, const struct miss *m, struct flow_spec *spec)
{
	struct world *w = state;
	spec->flags = FLOW_REFRESH_0 | FLOW_HIDE_0 | w->extra_flags;
	spec->owner = 7;
	bool is_told = m->tuple.proto == 17 && w->tell == TELL_PROXY2;
	bool is_shifted = m->tuple.proto == 6 && (w->tell != 0 || w->has_proxy);
	if (m->tuple.realm == 1 && (is_told || is_shifted))
		return open_shifted(w, m, spec);
	if (m->tuple.family == FAMILY_V6) {
		spec->reply = tuple_invert(&m->tuple);
		spec->reply.realm = m->tuple.realm == 1 ? 0 : 1;
		return VERDICT_OPEN;
	}
	if (m->tuple.realm != 1)
		return open_inbound(m, spec);
	enum verdict v = open_outbound(m, spec);
	if (w->names != 0) {
		unsigned row = w->asked++ % w->names;
		int k = (int)row + w->first_row;
		int fresh = w->fresh_ports ? (int)w->asked : 0;
		int port = ntohs(spec->reply.dport) + 100 * k + fresh;
		spec->name = (uint8_t)(REALM_NAMED + row);
		spec->owner = w->owner + (uint32_t)k;
		spec->reply.dport = htons((uint16_t)port);
	}
	return v;
}

static enum verdict
test_open_or_not(void *state, const struct miss *m, struct flow_spec *spec)
{
	const struct world *w = state;
	enum verdict verdict = test_open(state, m, spec);
	return verdict == VERDICT_OPEN && w->stateless ? VERDICT_STATELESS : verdict;
}

static void
test_opened(void *state, const struct miss *m, const struct flow_spec *spec)
{
	((struct world *)state)->opened++;
}

static void
test_undo(void *state, const struct miss *m, const struct flow_spec *spec)
{
	((struct world *)state)->undone++;
}

static void
test_answered(void *state, struct flow *f, unsigned event, uint64_t waited_ns)
{
	struct world *w = state;
	w->answered++;
	w->waited_ns = waited_ns;
	w->answered_in = f->state;
	w->answer = (uint8_t)event;
}

static void
test_settled(void *state, const struct flow *f)
{
	((struct world *)state)->settled++;
}

static void
test_ended(void *state, const struct leaving *l, uint32_t now_ms)
{
	((struct world *)state)->ended++;
}

static void
test_crowded(void *state, const struct miss *m, uint32_t limit, bool of_all)
{
	struct world *w = state;
	CU_ASSERT(of_all == (limit == FRAG_HELD_MAX) && m->gen == w->gen);
	CU_ASSERT(of_all || limit == FRAG_HELD_EACH || limit == FRAG_HELD_SOURCE);
	w->crowded[of_all ? 2 : limit == FRAG_HELD_SOURCE]++;
	w->crowd = m->tuple;
}

static const struct policy_ops test_policy = {
	.name = "test", .home = test_home, .open = test_open_or_not, .opened = test_opened,
	.undo = test_undo, .answered = test_answered, .settled = test_settled,
	.ended = test_ended, .crowded = test_crowded,
};

static void
image_nics(struct image_builder *b)
{
	static const struct img_dev devs[] = {{"memory0"}, {"memory1"}};
	static const struct img_nic nics[] = {
		{.name = ""},
		{.name = "in", .dev = 0, .realm = 1, .mtu = 1500},
		{.name = "out", .dev = 1, .mtu = 1500},
		{.name = "vin", .dev = 0, .realm = 1, .vlan = 5, .mtu = 1500},
		{.name = "small", .dev = 1, .vlan = 9, .mtu = 600},
	};
	image_build_rows(b, IMG_DEVS, devs, sizeof(devs[0]), 2);
	image_build_rows(b, IMG_NICS, nics, sizeof(nics[0]), 5);
}

static int
route_order(const void *a, const void *b)
{
	const struct img_route *x = a, *y = b;
	if (x->realm != y->realm)
		return x->realm < y->realm ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->plen != y->plen)
		return x->plen > y->plen ? -1 : 1;
	return memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));
}

static struct img_route
route4(const char *prefix, uint8_t plen, uint8_t kind, uint8_t nic)
{
	return (struct img_route){.prefix = addr4(prefix), .family = 4, .plen = plen, .kind = kind,
	                          .nic = nic};
}

static struct img_route
route6(const char *prefix, uint8_t plen, uint8_t kind, uint8_t nic)
{
	return (struct img_route){.prefix = addr6(prefix), .family = 6, .plen = plen, .kind = kind,
	                          .nic = nic};
}

static void
image_routes(struct image_builder *b)
{
	struct img_route r[] = {
		route4("10.0.0.1", 32, ROUTE_LOCAL, WORLD_IN),
		route4("10.0.0.0", 16, ROUTE_CONNECTED, WORLD_IN),
		route4("192.0.2.1", 32, ROUTE_LOCAL, WORLD_OUT),
		route4("192.0.2.0", 24, ROUTE_CONNECTED, WORLD_OUT),
		route4("10.0.255.255", 32, ROUTE_BROADCAST, WORLD_IN),
		route4("10.5.0.1", 32, ROUTE_LOCAL, WORLD_VIN),
		route4("10.5.0.0", 16, ROUTE_CONNECTED, WORLD_VIN),
		route4("198.18.0.0", 16, ROUTE_CONNECTED, WORLD_SMALL),
		route4("198.51.100.1", 32, ROUTE_POOL, 0),
		route4("198.51.100.9", 32, ROUTE_SERVICE, 0),
		route4("203.0.113.0", 24, ROUTE_UNREACHABLE, 0),
		route4("0.0.0.0", 0, ROUTE_VIA, WORLD_OUT),
		route6("2001:db8:1::1", 128, ROUTE_LOCAL, WORLD_IN),
		route6("2001:db8:1::", 48, ROUTE_CONNECTED, WORLD_IN),
		route6("2001:db8:2::", 48, ROUTE_CONNECTED, WORLD_OUT),
		route6("2001:db8:3::", 48, ROUTE_CONNECTED, WORLD_SMALL),
	};
	r[11].gateway = addr4("192.0.2.254");
	struct img_route all[2 * sizeof(r) / sizeof(r[0])];
	size_t n = sizeof(r) / sizeof(r[0]);
	memcpy(all, r, sizeof(r));
	/* The outside knows the way to the inside, and the inside its own. */
	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		if (r[i].nic != WORLD_IN && r[i].nic != WORLD_VIN)
			continue;
		all[n] = r[i];
		all[n++].realm = 1;
	}
	qsort(all, n, sizeof(all[0]), route_order);
	image_build_rows(b, IMG_ROUTES, all, sizeof(all[0]), n);
}

static struct image_header *
world_image(uint16_t workers, uint32_t flows, uint64_t number)
{
	struct image_builder b;
	size_t size;
	struct img_plane plane = {
		.workers = workers, .flows_v4 = flows, .flows_v6 = flows, .mappings = 1,
		.subscribers = 1, .shifts = WORLD_SHIFTS,
		.pool_addresses = 1, .buffers = WORLD_BUFFERS,
	};
	struct timer_set timers = {{0}};
	for (unsigned s = 0; s < 16; s++)
		timers.idle_ms[s] = s == CONN_TCP_EST ? WORLD_EST_MS : WORLD_IDLE_MS;
	image_build_begin(&b, number);
	image_build_rows(&b, IMG_PLANE, &plane, sizeof(plane), 1);
	image_nics(&b);
	image_routes(&b);
	image_build_rows(&b, IMG_TIMERS, &timers, sizeof(timers), 1);
	return image_build_end(&b, &size);
}

static void
publish(struct world *w, uint32_t flows, uint64_t number)
{
	struct image_header *image = world_image(w->n_workers, flows, number);
	struct generation *g = generation_create(image, w->devs, 2, w->gen);
	free(image);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	atomic_store(&w->shared.gen, g);
	for (unsigned i = 0; w->gen != NULL && i < w->n_workers; i++)
		worker_poll(w->worker[i], w->now_ns);
	generation_destroy(w->gen);
	w->gen = g;
}

void
world_regenerate(struct world *w)
{
	publish(w, w->gen->plane->flows_v4, w->gen->number + 1);
}

static struct rte_ring *
ring_make(unsigned flags)
{
	ssize_t size = rte_ring_get_memsize(RING_SIZE);
	struct rte_ring *r = aligned_alloc(64, ((size_t)size + 63) / 64 * 64);
	CU_ASSERT_EQUAL_FATAL(rte_ring_init(r, "test", RING_SIZE, flags), 0);
	return r;
}

static void
shared_init(struct world *w, const struct world_options *o)
{
	struct shared *s = &w->shared;
	w->mem = nic_mem_create(WORLD_BUFFERS, 2048);
	for (uint16_t i = 0; i < 2; i++) {
		nic_mem_dev(w->mem, &w->devs[i], i, o->queues);
		w->devs[i].tx_queues = o->devs_tx;
	}
	s->devs = w->devs;
	s->n_devs = 2;
	s->n_workers = w->n_workers;
	s->seed = 0x1234567890abcdef;
	w->mem_nexthops = mem_alloc(nexthop_memsize(), -1);
	nexthop_init(&s->nexthops, w->mem_nexthops);
	s->stats = mem_alloc(stats_segment_size(1u + w->n_workers), -1);
	stats_segment_init(s->stats, 1u + w->n_workers);
	s->punt = ring_make(RING_F_SC_DEQ);
	for (unsigned i = 0; i < w->n_workers; i++)
		s->in[i] = ring_make(RING_F_SC_DEQ);
}

struct world *
world_create(struct world_options o)
{
	struct world *w = calloc(1, sizeof(*w));
	mem_use_huge(0);
	w->n_workers = o.workers != 0 ? o.workers : 1;
	o.queues = o.queues != 0 ? o.queues : w->n_workers;
	o.devs_tx = o.devs_tx != 0 ? o.devs_tx : o.queues;
	o.flows = o.flows != 0 ? o.flows : 1024;
	w->now_ns = 1000000000;
	shared_init(w, &o);
	publish(w, o.flows, 1);
	for (uint16_t i = 0; i < w->n_workers; i++) {
		w->worker[i] = worker_create(&w->shared, i, w->gen->plane, -1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w->worker[i]);
		worker_policy_add(w->worker[i], &test_policy, w);
	}
	return w;
}

void
world_destroy(struct world *w)
{
	world_drain(w);
	for (unsigned i = 0; i < w->n_workers; i++) {
		worker_destroy(w->worker[i]);
		free(w->shared.in[i]);
	}
	CU_ASSERT_EQUAL(nic_mem_free_count(w->mem), WORLD_BUFFERS);
	free(w->shared.punt);
	mem_free(w->shared.stats, stats_segment_size(1u + w->n_workers));
	mem_free(w->mem_nexthops, nexthop_memsize());
	generation_destroy(w->gen);
	nic_mem_destroy(w->mem);
	free(w);
}

void
world_mac(struct world *w, uint8_t nic, uint8_t family, union addr a)
{
	uint8_t mac[6] = {2, 0};
	memcpy(mac + 2, family == FAMILY_V4 ? a.b : a.b + 12, 4);
	CU_ASSERT_NOT_EQUAL(nexthop_set(&w->shared.nexthops, nic, family, &a, mac, NEXTHOP_UP), 0);
}

void
world_put(struct world *w, uint8_t dev, const uint8_t *frame, size_t size)
{
	CU_ASSERT_TRUE(nic_mem_put(&w->devs[dev], 0, frame, (uint32_t)size));
}

void
world_send(struct world *w, uint8_t nic, const struct frame *f)
{
	static const uint8_t zero[6];
	uint8_t frame[FRAME_MAX];
	struct frame g = *f;
	g.vlan = be16toh(w->gen->nic[nic].vlan_be);
	if (memcmp(g.dmac, zero, 6) == 0)
		memcpy(g.dmac, w->gen->nic[nic].mac, 6);
	world_put(w, w->gen->nic[nic].dev, frame, frame_make(frame, &g));
}

static void
identity(const struct stats *s)
{
	uint64_t in = s->received + s->taken_over;
	uint64_t out = s->forwarded + s->consumed + s->handed_off + s->held;
	for (unsigned i = 0; i < DROP_MAX; i++)
		out += s->dropped[i];
	CU_ASSERT_EQUAL(in, out);
}

void
world_poll(struct world *w)
{
	uint32_t n;
	do {
		n = 0;
		for (unsigned i = 0; i < w->n_workers; i++) {
			n += worker_poll(w->worker[i], w->now_ns);
			identity(w->worker[i]->stats);
		}
	} while (n != 0);
}

void
world_advance(struct world *w, uint64_t ms)
{
	w->now_ns += ms * 1000000;
}

size_t
world_take(struct world *w, uint8_t dev, uint8_t *frame)
{
	struct rte_mbuf *m = nic_mem_take(&w->devs[dev]);
	if (m == NULL)
		return 0;
	size_t size = m->data_len;
	memcpy(frame, buf_data(m), size);
	w->devs[dev].ops->free(&m, 1);
	return size;
}

bool
world_punted(struct world *w, struct buf_meta *meta, uint8_t *frame, size_t *size)
{
	struct rte_mbuf *m;
	if (rte_ring_dequeue(w->shared.punt, (void **)&m) != 0)
		return false;
	*meta = *buf_meta(m);
	*size = m->data_len;
	memcpy(frame, buf_data(m), *size);
	w->devs[0].ops->free(&m, 1);
	return true;
}

void
world_drain(struct world *w)
{
	uint8_t frame[FRAME_MAX];
	struct buf_meta meta;
	size_t size;
	while (world_take(w, 0, frame) != 0 || world_take(w, 1, frame) != 0)
		;
	while (world_punted(w, &meta, frame, &size))
		;
}

uint64_t
world_sum(const struct world *w, size_t offset)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < w->n_workers; i++) {
		const char *stats = (const char *)w->worker[i]->stats;
		sum += *(const uint64_t *)(const void *)(stats + offset);
	}
	return sum;
}

uint64_t
world_dropped(const struct world *w, unsigned reason)
{
	return world_sum(w, offsetof(struct stats, dropped) + reason * sizeof(uint64_t));
}

struct frame
world_frame(const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto)
{
	bool v6 = strchr(src, ':') != NULL;
	struct frame f = {
		.family = v6 ? 6 : 4, .proto = proto, .sport = sport, .dport = dport,
		.src = v6 ? addr6(src) : addr4(src), .dst = v6 ? addr6(dst) : addr4(dst),
		.smac = {2, 0, 0, 0, 0, 99}, .payload_size = 16,
		.tcp_flags = 2, .icmp_type = v6 ? 128 : 8,
	};
	return f;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any image: refused, or every table can be derived from it, every address looked up and every
 * packet's policy asked, without harm. The first byte says how the rest is read: 'c' as a compact
 * image, 'r' as a raw one whose seal is made good, anything else as a raw one as it is.
 */
#include "fuzz.h"
#include "lb/lb.h"
#include "lb/lb_image.h"
#include "lib/generation.h"
#include "lib/pkt.h"
#include "lib/policy.h"
#include "lib/record.h"
#include "lib/stats.h"
#include "nat/nat.h"
#include "nat/nat_image.h"

enum { SMALL = 1 << 14, PACKETS = 64, ERR = 256 };

static struct stats stats;
static struct cookies cookies;
static struct stats_backend backends[STATS_BACKENDS];
static struct record_ring records;

static const struct {
	const struct policy_ops *ops;
	void *(*create)(const struct policy_env *env);
	void (*destroy)(void *state);
} policies[] = {
	[POLICY_LB] = {&lb_policy, lb_create, lb_destroy},
	[POLICY_NAT] = {&nat_policy, nat_create, nat_destroy},
};
enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

static struct image_header *
image_of(const uint8_t *data, size_t size, size_t *image_size)
{
	struct input in = {data + 1, size - 1};
	if (data[0] == 'c')
		return compact_unpack(&in, image_size);
	if (size - 1 < sizeof(struct image_header))
		return NULL;
	struct image_header *h = aligned_alloc(64, (size + 63) / 64 * 64);
	MUST(h != NULL);
	memcpy(h, data + 1, size - 1);
	*image_size = size - 1;
	if (data[0] == 'r')
		image_seal(h, size - 1);
	return h;
}

/* is_accepted: do all checks pass? A refusal is a sentence. */
static bool
is_accepted(const struct image_header *h, size_t size)
{
	char err[ERR] = "";
	int rc = image_check(h, size, err, sizeof(err));
	if (rc == 0)
		rc = lb_image_check(h, err, sizeof(err));
	if (rc == 0)
		rc = nat_image_check(h, err, sizeof(err));
	MUST((rc == 0) == (err[0] == 0));
	return rc == 0;
}

static bool
is_small(const struct img_plane *p)
{
	return p->flows_v4 <= SMALL && p->flows_v6 <= SMALL && p->mappings <= SMALL &&
	       p->subscribers <= SMALL && p->pool_addresses <= SMALL;
}

/* some_address: one that the generation knows, or another. */
static union addr
some_address(const struct generation *g, uint32_t i, uint8_t family)
{
	union addr a = addr_from_v4(0x01000000u * i + 0x0a);
	if (family == FAMILY_V6)
		a.q[1] = i;
	if (g->n_routes != 0 && g->routes[i % g->n_routes].family == family) {
		a = g->routes[i % g->n_routes].prefix;
		if (i / g->n_routes % 2 != 0)
			a.b[3] ^= 1;
	}
	return a;
}

static struct miss
some_miss(const struct generation *g, uint32_t i)
{
	uint32_t n;
	const struct img_lb_service *s = image_rows(g->image, IMG_LB_SERVICES, &n);
	static const uint8_t protos[] = {6, 17, 1};
	struct tuple t = {.family = i & 1 ? FAMILY_V4 : FAMILY_V6, .proto = protos[i / 2 % 3]};
	t.src = some_address(g, i / 6, t.family);
	t.dst = some_address(g, i / 7 + 1, t.family);
	t.sport = (be16)(0x100 + i);
	t.dport = (be16)(0x100 + i * 3);
	if (n != 0 && i % 3 == 0) {
		t.dst = s[i % n].address;
		t.dport = s[i % n].port;
		t.family = s[i % n].family;
		t.proto = s[i % n].proto;
		t.src = some_address(g, i / 3, t.family);
	}
	/* As long as a datagram of QUIC, and with flags of TCP. */
	static uint8_t l4[64];
	static const struct pkt p = {.l3 = l4, .l3_len = sizeof(l4)};
	for (unsigned k = 0; k < sizeof(l4); k++)
		l4[k] = (uint8_t)(i * 13 + k * i);
	struct miss m = {.tuple = t, .gen = g, .nic = (uint8_t)(i % (g->n_nics + 1u)), .pkt = &p};
	m.route = route_from(g, t.realm, &t.dst, t.family);
	m.back = route_back(g, t.realm, &t.src, t.family);
	return m;
}

/* packets_ask: what a worker asks of a policy; half of the flows end again. */
static void
packets_ask(const struct generation *g, unsigned number, void *state)
{
	const struct policy_ops *ops = policies[number].ops;
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct miss m = some_miss(g, i);
		struct flow_spec spec = {.owner = 0};
		int home = ops->home(g, &m);
		MUST(home < (int)g->steer.n_workers);
		if (home != 0 && home != HOME_ANY)
			continue;
		if (ops->open(state, &m, &spec) != VERDICT_OPEN)
			continue;
		MUST(spec.timers < MAX_TIMER_SETS);
		if (i % 5 == 4) {
			ops->undo(state, &m, &spec);
			continue;
		}
		if (ops->opened != NULL)
			ops->opened(state, &m, &spec);
		struct flow6 v6 = {.tuple = {tuple_to6(&m.tuple), tuple_to6(&spec.reply)}};
		struct flow4 v4 = {.tuple = {tuple_to4(&m.tuple), tuple_to4(&spec.reply)}};
		struct flow *f = m.tuple.family == FAMILY_V4 ? &v4.f : &v6.f;
		*f = (struct flow){.proto = m.tuple.proto, .policy = (uint8_t)number,
			.owner = spec.owner, .flags = spec.flags, .timers = spec.timers,
			.realm = {m.tuple.realm, spec.reply.realm}};
		if (ops->answered != NULL)
			ops->answered(state, f, i % EV_MAX, (uint64_t)i << 12);
		if (i % 2 == 0)
			ops->ended(state, &(struct leaving){.f = f, .family = m.tuple.family}, i);
		if (ops->tick != NULL)
			ops->tick(state, (uint64_t)i << 20);
	}
}

static void
policy_use(struct generation *g, unsigned number)
{
	if (policies[number].ops->view_create(g, number) != 0)
		return;
	struct policy_env env = {.worker = 0, .n_workers = g->plane->workers, .plane = g->plane,
		.stats = &stats, .backends = backends, .records = &records, .seed = 1, .node = -1,
		.cookies = &cookies};
	static const uint64_t secret[2] = {1, 2};
	cookies_init(&cookies, secret);
	void *state = is_small(g->plane) ? policies[number].create(&env) : NULL;
	if (state != NULL) {
		policies[number].ops->reload(state, g);
		packets_ask(g, number, state);
		policies[number].destroy(state);
	}
	policies[number].ops->view_destroy(g, number);
}

static void
image_use(const struct image_header *h)
{
	static struct dev devs[MAX_DEVS];
	struct generation *g = generation_create(h, devs, MAX_DEVS, NULL);
	if (g == NULL)
		return;
	for (uint32_t i = 0; i < PACKETS; i++)
		(void)some_miss(g, i);
	for (unsigned i = 0; i < POLICIES; i++)
		policy_use(g, i);
	struct generation *next = generation_create(h, devs, MAX_DEVS, g);
	MUST(next == NULL || next->route_gen == g->route_gen);
	if (next != NULL)
		generation_destroy(next);
	generation_destroy(g);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t image_size = 0;
	struct image_header *h = size > 0 ? image_of(data, size, &image_size) : NULL;
	if (h != NULL && is_accepted(h, image_size))
		image_use(h);
	free(h);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Static mappings: intervals against a model that walks, and wrong rows. */
#include "nat/static.h"
#include "nat_world.h"

#define HOST ip(100, 64, 0, 7)
#define OWN ip(203, 0, 113, 50)
enum { TCP = IPPROTO_L4_TCP, UDP = IPPROTO_L4_UDP, ROUNDS = 200 };

static struct nat_world *w;
static uint64_t seed = 7422;

static void
row(be32 inside, be32 outside, uint8_t proto, unsigned in_port, unsigned out_port, uint64_t size)
{
	world_static(w, static_key(1, inside, proto, port(in_port)),
	             static_key(0, outside, proto, port(out_port)), size);
}

static uint32_t
below(uint32_t n)
{
	return random_below(&seed, n);
}

static void
begin(void)
{
	w = world_new();
	world_pool(w, 1024, 65535, 512, 4);
	for (unsigned i = 0; i < 4; i++)
		world_address(w, 0, ip(203, 0, 113, 8 + i));
	world_rule(w, ip(100, 64, 0, 0), 10, W_INSIDE, NAT_FILTER_EIF, 0);
}

/* Rows at random, endpoints at random and at the edges: what a walk over all rows says. */
static void
model_round(void)
{
	struct statics s = {w->statics, w->statics_out, w->n_statics};
	for (unsigned i = 0; i < 400; i++) {
		const struct img_nat_static *r = &w->statics[below(w->n_statics)];
		uint64_t edge[] = {r->inside_first, r->inside_last, r->outside_first,
		                   static_outside_last(r)};
		uint64_t key = edge[below(4)] + below(3) - 1, to, back;
		const struct img_nat_static *in = NULL, *out = NULL;
		for (uint32_t k = 0; k < w->n_statics; k++) {
			r = &w->statics[k];
			if (r->inside_first <= key && key <= r->inside_last)
				out = r;
			if (r->outside_first <= key && key <= static_outside_last(r))
				in = r;
		}
		CU_ASSERT_PTR_EQUAL_FATAL(static_out(&s, key, &to), out);
		if (out != NULL)
			CU_ASSERT(static_in(&s, to, &back) == out && back == key);
		CU_ASSERT_PTR_EQUAL_FATAL(static_in(&s, key, &to), in);
		if (in != NULL)
			CU_ASSERT(static_out(&s, to, &back) == in && back == key);
	}
}

static void
test_intervals(void)
{
	w = world_new();
	for (unsigned n = 0; n < ROUNDS; n++) {
		w->n_statics = 0;
		for (unsigned i = 0; i < W_STATICS; i++) {
			be32 in = ip(10, 0, 0, i), out = ip(203, 0, 113, 7 * i % W_STATICS);
			if (below(2) != 0)
				row(in, out, 0, 0, 0, (uint64_t)1 << 24);
			else
				row(in, out, TCP, 1 + below(9), 80,
				    1 + below(50));
		}
		model_round();
	}
	struct statics s = {w->statics, w->statics_out, w->n_statics};
	uint64_t to;
	CU_ASSERT(static_out(&s, static_key(0, ip(10, 0, 0, 1), TCP, port(5)), &to) == NULL);
	world_free(w);
}

static void
test_key(void)
{
	uint64_t key = static_key(3, HOST, UDP, port(5060));
	CU_ASSERT_EQUAL(static_realm(key), 3);
	CU_ASSERT_EQUAL(static_address(key), HOST);
	CU_ASSERT_EQUAL(static_proto(key), UDP);
	CU_ASSERT_EQUAL(static_port(key), port(5060));
}

/* One fault at a time in rows that are good without it. */
static void
test_wrong_rows(void)
{
	static const struct { const char *what; int field; uint64_t value; } faults[] = {
		{"no interval", 0, UINT64_MAX},
		{"another realm", 2, UINT64_MAX - (1 << 25)},
		{"neither", 1, 77},
		{"overlaps the one before it inside", 3, 0},
		{"overlaps the one before it outside", 4, 0},
		{"does not exist", 5, 0},
		{"out of range", 6, 0},
		{"address 0", 7, 0},
	};
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char err[256] = "";
		begin();
		row(HOST, OWN, 0, 0, 0, (uint64_t)1 << 24);
		row(ip_add(HOST, 1), ip_add(OWN, 1), TCP, 80, 8080, 3);
		world_image(w);
		CU_ASSERT_EQUAL(nat_policy.check(w->image, err, sizeof(err)), 0);
		struct img_nat_static *r = w->statics;
		uint64_t v = faults[i].value;
		switch (faults[i].field) {
		case 0: r[0].inside_first = v; break;
		case 1: r[1].inside_last += 65536; break;
		case 2: r[0].outside_first = v; break;
		case 3: r[1].inside_first = r[0].inside_last; r[1].inside_last = r[1].inside_first;
			r[1].outside_first = static_key(0, OWN, 255, 9); break;
		case 4: r[1].outside_first = static_key(0, OWN, TCP, port(7)); break;
		case 5: w->statics_out[1] = 2; break;
		case 6: r[0].nic = 200; break;
		default: r[1].outside_first = static_key(0, 0, TCP, port(7)); break;
		}
		world_image(w);
		CU_ASSERT_EQUAL(nat_policy.check(w->image, err, sizeof(err)), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, faults[i].what));
		if (strstr(err, faults[i].what) == NULL)
			printf("  %s: %s\n", faults[i].what, err);
		world_free(w);
	}
}

static const struct test_case cases[] = {
	{"an endpoint as a number", test_key},
	{"intervals against a model", test_intervals},
	{"wrong rows", test_wrong_rows},
};
TEST_MAIN("nat_static", cases)

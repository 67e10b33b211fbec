/* SPDX-License-Identifier: Apache-2.0 */
/* Ways of an image: what is refused, and why. */
#include "lb_world.h"

static struct lb_world *w;
static char err[256];

/* The services: IPv4 in modes gue and l3dsr, IPv6 in mode gre. */
static void
setup(void)
{
	w = world_new();
	world_way(w, W_NAT, LB_MODE_GUE);
	world_way(w, W_UDP, LB_MODE_L3DSR);
	world_way(w, W_NAT6, LB_MODE_GRE);
	world_tables(w);
}

static void
expect(const char *what)
{
	world_image(w);
	err[0] = '\0';
	int rc = lb_image_check(w->image, err, sizeof(err));
	CU_ASSERT_EQUAL(rc == 0, what == NULL);
	if (what != NULL && strstr(err, what) == NULL)
		printf("\n  '%s', expected '%s'\n", err, what);
	CU_ASSERT(what == NULL || strstr(err, what) != NULL);
	world_free(w);
}

#define BAD(change, what) \
	do {              \
		setup();  \
		change;   \
		expect(what); \
	} while (0)

static void
test_good(void)
{
	BAD(w->way[0].mtu = 1400, NULL);
	BAD(w->backend[7].family = FAMILY_V4; w->backend[7].address = world_addr("10.3.3.3", 4);
	    w->way[4].source = world_addr("10.9.0.1", 4), NULL); /* 6in4 */
	BAD(w->way[4].spread.q[1] = 0x00ff000000000000u, NULL);
	BAD(w->way[0].source = world_addr("10.9.0.0", 4); w->way[0].spread.b[3] = 0xff, NULL);
	BAD(w->way[3].source.q[0] = 0, NULL); /* l3dsr has no outer header */
}

static void
test_rows(void)
{
	BAD(w->n_ways--, "5 ways for 6 backends");
	BAD(w->way[1].backend = 0, "out of order");
	BAD(w->way[5].backend = W_BACKENDS, "is none");
	BAD(w->way[5].backend = 9, "is translated to");
	BAD(w->service[W_UDP].choice.per_packet = 1, "each datagram anew");
	BAD(w->service[W_NAT].mode = LB_MODE_NAT, "3 backends that need one");
}

static void
test_fields(void)
{
	BAD(w->way[0].source.q[0] = 0, "bad source");
	BAD(w->way[0].source = world_addr("224.0.0.1", 4), "bad source");
	BAD(w->way[0].source = world_addr("127.0.0.1", 4), "bad source");
	BAD(w->way[0].source.w[2] = 1, "bad source");
	BAD(w->way[0].spread.b[3] = 1, "bad source"); /* 10.9.0.1 has that bit */
	BAD(w->way[0].spread.b[0] = 1, "bad source");
	BAD(w->way[0].spread.w[1] = 1, "bad source");
	BAD(w->way[4].source = world_addr("ff02::1", 6), "bad source");
	BAD(w->way[4].spread.q[0] = 1ull << 56, "bad source");
	BAD(w->way[0].port = 0, "no port");
	BAD(w->way[3].dscp = 0, "DSCP 0");
	BAD(w->way[0].dscp = 64, "DSCP 64");
	BAD(w->way[0].mtu = 575, "MTU 575");
	BAD(w->way[0].mtu = 9217, "MTU 9217");
	BAD(w->plane.service_echo = 3, "echo 3");
}

/* Families differ in tunnels only. */
static void
test_families(void)
{
	BAD(w->backend[5].family = FAMILY_V6; w->backend[5].address = world_addr("2001:db8::3", 6),
	    "bad address or family");
	BAD(w->backend[3].family = FAMILY_V6; w->backend[3].address = world_addr("2001:db8::3", 6),
	    "bad address or family"); /* fullnat */
}

static void
test_askers(void)
{
	const struct img_lb_asker good = {world_addr("10.7.0.1", 4), FAMILY_V4, {0}};
	BAD(w->n_askers = 1, "source 0 of checks: bad address");
	BAD(w->n_askers = 2; w->asker[0] = good; w->asker[1] = good; w->asker[1].family = 5,
	    "source 1 of checks: bad address");
	BAD(w->n_askers = 1; w->asker[0] = good; w->asker[0].address.w[2] = 1,
	    "source 0 of checks: bad address");
}

static const struct test_case cases[] = {
	{"good ones", test_good},
	{"rows", test_rows},
	{"fields", test_fields},
	{"families", test_families},
	{"sources of checks", test_askers},
};

TEST_MAIN("lb_way_image", cases)

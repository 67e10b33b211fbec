/* SPDX-License-Identifier: Apache-2.0 */
/* One packet in, one packet out. */
#include "probe.h"

uint8_t probe_frame[FRAME_MAX];
struct frame_view probe_view;

struct world *
probe_world(struct world_options o)
{
	struct world *w = world_create(o);
	world_mac(w, WORLD_OUT, 4, addr4("192.0.2.254"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.10"));
	world_mac(w, WORLD_IN, 4, addr4("10.0.0.77"));
	world_mac(w, WORLD_VIN, 4, addr4("10.5.0.10"));
	world_mac(w, WORLD_SMALL, 4, addr4("198.18.0.10"));
	world_mac(w, WORLD_IN, 6, addr6("2001:db8:1::10"));
	world_mac(w, WORLD_OUT, 6, addr6("2001:db8:2::10"));
	world_mac(w, WORLD_SMALL, 6, addr6("2001:db8:3::10"));
	return w;
}

struct world *
probe_simple(void)
{
	return probe_world((struct world_options){.workers = 1});
}

bool
probe_take(struct world *w, uint8_t dev)
{
	size_t n = world_take(w, dev, probe_frame);
	if (n == 0 || !frame_view(&probe_view, probe_frame, n))
		return false;
	CU_ASSERT_TRUE(probe_view.ip_csum_right && probe_view.l4_csum_right);
	return true;
}

void
probe_arrive(struct world *w, uint8_t nic, struct frame f)
{
	world_send(w, nic, &f);
	world_poll(w);
}

bool
probe_is_from(const char *src, uint16_t sport)
{
	union addr a = probe_view.f.family == 4 ? addr4(src) : addr6(src);
	return addr_equal(&a, &probe_view.f.src) && probe_view.f.sport == sport;
}

bool
probe_is_to(const char *dst, uint16_t dport)
{
	union addr a = probe_view.f.family == 4 ? addr4(dst) : addr6(dst);
	return addr_equal(&a, &probe_view.f.dst) && probe_view.f.dport == dport;
}

void
probe_expect_punt(struct world *w, enum punt punt, unsigned drop, uint16_t arg)
{
	struct buf_meta meta = {0};
	size_t n = 0;
	CU_ASSERT_TRUE(world_punted(w, &meta, probe_frame, &n));
	CU_ASSERT_EQUAL(meta.cause, HANDOFF_PUNT);
	CU_ASSERT_EQUAL(meta.punt, punt);
	CU_ASSERT_EQUAL(meta.drop, drop);
	CU_ASSERT_EQUAL(meta.arg, arg);
	memset(&probe_view, 0, sizeof(probe_view));
	frame_view(&probe_view, probe_frame, n);
}

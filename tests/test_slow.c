/* SPDX-License-Identifier: Apache-2.0 */
/* ARP, neighbour discovery, echo, refusals and ICMP errors, through the production workers. */
#include "test.h"

#include "plane_world.h"

static void
arp_answers_what_is_ours(void)
{
	static const struct {
		unsigned nic, op;
		const char *spa, *tpa;
		bool answered;
	} row[] = {
		{INSIDE, 1, "100.64.0.9", "100.64.0.1", true},   /* interface */
		{INSIDE, 1, "0.0.0.0", "100.64.0.1", true},      /* a probe: defended */
		{INSIDE, 1, "100.64.0.9", "198.51.100.2", false}, /* another interface's */
		{INSIDE, 1, "100.64.0.9", "100.64.0.10", false}, /* somebody else's */
		{INSIDE, 1, "100.64.0.9", "100.64.0.9", false},  /* its own */
		{INSIDE, 1, "224.0.0.1", "100.64.0.1", false},   /* not a station */
		{INSIDE, 2, "100.64.0.9", "100.64.0.1", false},  /* a reply nobody waits for */
		{INSIDE, 7, "100.64.0.9", "100.64.0.1", false},
		{OUTSIDE, 1, "198.51.100.9", "203.0.113.2", true}, /* pool */
		{OUTSIDE, 1, "198.51.100.9", "192.0.2.10", true},  /* service */
		{FARM, 1, "10.0.0.11", "192.0.2.10", true},
	};
	struct world w;
	world_open(&w, WORLD_JSON, false);
	world_run(&w);
	world_flush(&w);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned dev = row[i].nic == INSIDE ? 0 : 1;
		uint64_t consumed = world_slow(&w)->consumed;
		struct frame f;
		frame_arp(&f, &w, row[i].nic, row[i].op, row[i].spa, row[i].tpa);
		world_put(&w, dev, &f);
		world_run(&w);
		CU_ASSERT_EQUAL(world_take(&w, dev, &f), row[i].answered);
		if (!row[i].answered)
			continue;
		CU_ASSERT_EQUAL(world_slow(&w)->consumed - consumed, 1);
		union addr asked = world_addr(row[i].tpa);
		uint8_t *a = frame_l3(&f);
		CU_ASSERT(memcmp(f.d, world_peer, 6) == 0 && get16(a + 6) == 2);
		CU_ASSERT(memcmp(a + 8, w.plane.gen->nic[row[i].nic].mac, 6) == 0);
		CU_ASSERT(memcmp(a + 14, &asked, 4) == 0 && memcmp(a + 18, world_peer, 6) == 0);
		CU_ASSERT_EQUAL(f.size, row[i].nic == INSIDE ? 42 : 46);
	}
	world_close(&w);
}

static void
arp_refuses_what_is_malformed(void)
{
	/* hardware, protocol, both lengths, a group as sender */
	static const struct { unsigned at; uint8_t value; } row[] = {
		{1, 2}, {2, 9}, {4, 5}, {5, 6}, {8, 0x01},
	};
	struct world w;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct frame f;
		frame_arp(&f, &w, INSIDE, 1, "100.64.0.9", "100.64.0.1");
		frame_l3(&f)[row[i].at] = row[i].value;
		world_put(&w, 0, &f);
		frame_arp(&f, &w, INSIDE, 1, "100.64.0.9", "100.64.0.1");
		f.size -= 1;
		world_put(&w, 0, &f);
		world_run(&w);
		CU_ASSERT_EQUAL(world_flush(&w), 0);
		CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_ARP_INVALID], 2 * (i + 1));
	}
	world_close(&w);
}

static void
frame_solicit(struct frame *f, const struct world *w, unsigned nic, const char *src,
              const char *target, unsigned options)
{
	union addr t = world_addr(target);
	uint8_t *l4 = frame_ip(f, w, nic, src, target, 58, 24 + 8 * options);
	l4[0] = 135;
	memcpy(l4 + 8, &t, 16);
	if (options != 0) {
		l4[24] = l4[25] = 1;
		memcpy(l4 + 26, world_peer, 6);
	}
	frame_l3(f)[7] = 255;
}

static void
nd_answers_what_is_ours(void)
{
	static const struct {
		unsigned nic;
		const char *target;
		bool answered;
	} row[] = {
		{INSIDE, "2001:db8:a::1", true},  {INSIDE, "fe80::6d:72ff:fe00:1", true},
		{INSIDE, "2001:db8:2::10", true}, {INSIDE, "2001:db8:a::2", false},
		{INSIDE, "2001:db8:1::2", false}, {OUTSIDE, "2001:db8:1::2", true},
		{OUTSIDE, "fe80::6d:72ff:fe00:2", true}, {OUTSIDE, "fe80::6d:72ff:fe00:1", false},
	};
	struct world w;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned dev = row[i].nic == INSIDE ? 0 : 1;
		struct frame f;
		frame_solicit(&f, &w, row[i].nic, "fe80::77", row[i].target, 1);
		frame_seal(&f);
		world_put(&w, dev, &f);
		world_run(&w);
		CU_ASSERT_EQUAL(world_take(&w, dev, &f), row[i].answered);
		if (!row[i].answered)
			continue;
		union addr target = world_addr(row[i].target), to = world_addr("fe80::77");
		uint8_t *ip = frame_l3(&f), *na = frame_l4(&f);
		CU_ASSERT(memcmp(f.d, world_peer, 6) == 0 && frame_is_sound(&f));
		CU_ASSERT(ip[7] == 255 && memcmp(ip + 24, &to, 16) == 0);
		CU_ASSERT(na[0] == 136 && na[4] == 0xe0 && memcmp(na + 8, &target, 16) == 0);
		CU_ASSERT(na[24] == 2 && na[25] == 1);
		CU_ASSERT(memcmp(na + 26, w.plane.gen->nic[row[i].nic].mac, 6) == 0);
	}
	world_close(&w);
}

static void
nd_refuses_what_is_malformed(void)
{
	struct world w;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < 5; i++) {
		struct frame f;
		frame_solicit(&f, &w, INSIDE, "fe80::77", "2001:db8:a::1", 1);
		uint8_t *l4 = frame_l4(&f);
		if (i == 0)
			frame_l3(&f)[7] = 254; /* came over a router */
		if (i == 1)
			l4[1] = 1;
		if (i == 2)
			l4[25] = 0;            /* option without end */
		if (i == 3)
			l4[25] = 2;            /* option beyond the packet */
		frame_seal(&f);
		if (i == 4)
			l4[3] ^= 1;
		world_put(&w, 0, &f);
	}
	world_run(&w);
	CU_ASSERT_EQUAL(world_flush(&w), 0);
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_ND_INVALID], 4);
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_ICMP_CHECKSUM], 1);
	world_close(&w);
}

/* An address that somebody wants to take is defended before all (RFC 4862, 5.4.3). */
static void
nd_defends_against_a_probe(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	frame_solicit(&f, &w, INSIDE, "::", "2001:db8:a::1", 0);
	union addr group = world_addr("ff02::1:ff00:1"), all = world_addr("ff02::1");
	memcpy(frame_l3(&f) + 24, &group, 16);
	memcpy(f.d, "\x33\x33\xff\0\0\1", 6);
	frame_seal(&f);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT(world_take(&w, 0, &f));
	CU_ASSERT(memcmp(frame_l3(&f) + 24, &all, 16) == 0 && frame_l4(&f)[4] == 0xa0);
	CU_ASSERT(memcmp(f.d, "\x33\x33\0\0\0\1", 6) == 0 && frame_is_sound(&f));
	world_close(&w);
}

static void
frame_echo(struct frame *f, const struct world *w, unsigned nic, const char *src, const char *dst)
{
	bool v6 = strchr(src, ':') != NULL;
	uint8_t *l4 = frame_ip(f, w, nic, src, dst, v6 ? 58 : 1, 40);
	l4[0] = v6 ? 128 : 8;
	put16(l4 + 4, 0xabcd);
	put16(l4 + 6, 3);
	memcpy(l4 + 8, "are you there?", 14);
	frame_l3(f)[1] = v6 ? 0 : 0xb8;
	frame_seal(f);
}

static void
echo_is_answered(void)
{
	static const struct { unsigned nic; const char *src, *dst; } row[] = {
		{INSIDE, "100.64.0.9", "100.64.0.1"}, {INSIDE, "100.64.0.9", "198.51.100.2"},
		{OUTSIDE, "198.51.100.9", "192.0.2.10"}, {INSIDE, "2001:db8:a::9", "2001:db8:a::1"},
		{OUTSIDE, "2001:db8:1::9", "2001:db8:2::10"},
		{INSIDE, "fe80::77", "fe80::6d:72ff:fe00:1"},
	};
	struct world w;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned dev = row[i].nic == INSIDE ? 0 : 1;
		union addr src = world_addr(row[i].src), dst = world_addr(row[i].dst);
		struct frame f;
		frame_echo(&f, &w, row[i].nic, row[i].src, row[i].dst);
		world_put(&w, dev, &f);
		world_run(&w);
		CU_ASSERT_FATAL(world_take(&w, dev, &f));
		uint8_t *ip = frame_l3(&f), *l4 = frame_l4(&f);
		bool v6 = ip[0] >> 4 == 6;
		CU_ASSERT(frame_is_sound(&f) && l4[0] == (v6 ? 129 : 0) && get16(l4 + 4) == 0xabcd);
		CU_ASSERT(memcmp(ip + (v6 ? 8 : 12), &dst, v6 ? 16 : 4) == 0);
		CU_ASSERT(memcmp(ip + (v6 ? 24 : 16), &src, v6 ? 16 : 4) == 0);
		CU_ASSERT(memcmp(l4 + 8, "are you there?", 14) == 0);
	}
	CU_ASSERT_EQUAL(world_slow(&w)->consumed, 6);
	CU_ASSERT_EQUAL(world_slow(&w)->generated, 6);
	world_close(&w);
}

static void
echo_leaves_options_behind(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	uint8_t *l4 = frame_ip(&f, &w, INSIDE, "100.64.0.9", "100.64.0.1", 1, 24);
	uint8_t *ip = frame_l3(&f);
	ip[0] = 0x47;
	memset(l4, 1, 8); /* no-operation */
	l4[8] = 8;
	frame_seal(&f);
	world_put(&w, 0, &f);
	frame_echo(&f, &w, INSIDE, "100.64.0.9", "100.64.0.1");
	frame_l4(&f)[20] ^= 1; /* wrong checksum: dropped */
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT(world_take(&w, 0, &f));
	CU_ASSERT(frame_l3(&f)[0] == 0x45 && frame_is_sound(&f) && f.size == 14 + 20 + 16);
	CU_ASSERT_EQUAL(world_flush(&w), 0);
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_ICMP_CHECKSUM], 1);
	world_close(&w);
}

static void
udp_to_us_ends_a_traceroute(void)
{
	static const struct { const char *src, *dst; uint8_t type, code; } row[] = {
		{"100.64.0.9", "100.64.0.1", 3, 3}, {"100.64.0.9", "198.51.100.2", 3, 3},
		{"2001:db8:a::9", "2001:db8:a::1", 1, 4},
	};
	struct world w;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct frame f, error;
		frame_udp(&f, &w, INSIDE, row[i].src, row[i].dst, 5000, 33434);
		uint8_t *ip = frame_l3(&f);
		bool v6 = ip[0] >> 4 == 6;
		ip[v6 ? 7 : 8] = 1;
		frame_seal(&f);
		world_put(&w, 0, &f);
		world_run(&w);
		CU_ASSERT_FATAL(world_take(&w, 0, &error));
		union addr from = world_addr(row[i].dst);
		uint8_t *l4 = frame_l4(&error);
		CU_ASSERT(frame_is_sound(&error) && l4[0] == row[i].type && l4[1] == row[i].code);
		CU_ASSERT(memcmp(frame_l3(&error) + (v6 ? 8 : 12), &from, v6 ? 16 : 4) == 0);
		CU_ASSERT(memcmp(l4 + 8, ip, f.size - 14) == 0);
	}
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_LOCAL_UNWANTED], 3);
	world_close(&w);
}

static void
unknown_protocols_are_refused(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	frame_ip(&f, &w, INSIDE, "100.64.0.9", "100.64.0.1", 47, 12);
	frame_seal(&f);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT(world_take(&w, 0, &f) && frame_l4(&f)[0] == 3 && frame_l4(&f)[1] == 2);
	frame_ip(&f, &w, INSIDE, "2001:db8:a::9", "2001:db8:a::1", 47, 12);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT(world_take(&w, 0, &f) && frame_l4(&f)[0] == 4 && frame_l4(&f)[1] == 1);
	CU_ASSERT_EQUAL(get16(frame_l4(&f) + 6), 6); /* points at the next-header byte */
	world_close(&w);
}

static void
tcp_to_us_is_reset(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	uint8_t *l4 = frame_ip(&f, &w, INSIDE, "100.64.0.9", "100.64.0.1", 6, 25);
	put16(l4, 4000);
	put16(l4 + 2, 22);
	put16(l4 + 6, 1000); /* sequence number */
	l4[12] = 5 << 4;
	l4[13] = 2;          /* SYN, with 5 bytes of data */
	frame_seal(&f);
	world_put(&w, 0, &f);
	l4[13] = 0x10;
	put16(l4 + 10, 777);
	frame_seal(&f);
	world_put(&w, 0, &f);
	l4[13] = 4;
	frame_seal(&f);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT_FATAL(world_take(&w, 0, &f));
	uint8_t *rst = frame_l4(&f);
	CU_ASSERT(frame_is_sound(&f) && rst[13] == 0x14 && get16(rst + 4) == 0 &&
	          get16(rst + 6) == 0);
	CU_ASSERT(get16(rst + 8) == 0 && get16(rst + 10) == 1006);
	CU_ASSERT(get16(rst) == 22 && get16(rst + 2) == 4000);
	CU_ASSERT(world_take(&w, 0, &f));
	CU_ASSERT(rst[13] == 4 && get16(rst + 6) == 777 && get16(rst + 10) == 0);
	CU_ASSERT_FALSE(world_take(&w, 0, &f)); /* a reset is not answered */
	world_close(&w);
}

static void
time_exceeded_is_told(void)
{
	static const struct { const char *src, *dst, *from; unsigned size, most; } row[] = {
		{"100.64.0.9", "198.51.100.9", "100.64.0.1", 64, 576},
		{"100.64.0.9", "198.51.100.9", "100.64.0.1", 1400, 576},
		{"2001:db8:a::9", "2001:db8:2::10", "2001:db8:a::1", 1400, 1280},
	};
	struct world w;
	world_open(&w, WORLD_JSON, true);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct frame f, error;
		uint8_t *l4 = frame_ip(&f, &w, INSIDE, row[i].src, row[i].dst, 6, row[i].size);
		uint8_t *ip = frame_l3(&f);
		bool v6 = ip[0] >> 4 == 6;
		put16(l4, 4000);
		put16(l4 + 2, 80);
		l4[12] = 5 << 4;
		l4[13] = 2;
		ip[v6 ? 7 : 8] = 1;
		ip[1] = v6 ? 0 : 0xbb; /* DSCP is copied, ECN is not */
		frame_seal(&f);
		world_put(&w, 0, &f);
		world_run(&w);
		CU_ASSERT_FATAL(world_take(&w, 0, &error));
		uint8_t *e = frame_l4(&error);
		union addr from = world_addr(row[i].from);
		unsigned head = v6 ? 48 : 28, whole = head + f.size - 14;
		CU_ASSERT(frame_is_sound(&error) && e[0] == (v6 ? 3 : 11) && e[1] == 0);
		CU_ASSERT_EQUAL(error.size - 14, whole < row[i].most ? whole : row[i].most);
		CU_ASSERT(memcmp(frame_l3(&error) + (v6 ? 8 : 12), &from, v6 ? 16 : 4) == 0);
		CU_ASSERT(memcmp(e + 8, ip, error.size - 14 - head) == 0);
		CU_ASSERT(v6 || frame_l3(&error)[1] == 0xb8);
	}
	CU_ASSERT_EQUAL(world_slow(&w)->dropped[DROP_TTL_EXCEEDED], 3);
	world_close(&w);
}

/* What RFC 1812, 4.3.2.7 and RFC 4443, 2.4e forbid to answer; all would else be TTL exceeded. */
static void
errors_are_not_told_about_everything(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	uint8_t *l4 = frame_ip(&f, &w, INSIDE, "100.64.0.9", "198.51.100.9", 1, 36);
	l4[0] = 11; /* an ICMP error */
	frame_l3(&f)[8] = 1;
	frame_seal(&f);
	world_put(&w, 0, &f);
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "198.51.100.9", 1, 2);
	put16(frame_l3(&f) + 6, 1); /* a later fragment */
	frame_l3(&f)[8] = 1;
	frame_seal(&f);
	world_put(&w, 0, &f);
	frame_udp(&f, &w, INSIDE, "100.127.255.255", "198.51.100.9", 1, 2); /* from a broadcast */
	frame_l3(&f)[8] = 1;
	frame_seal(&f);
	world_put(&w, 0, &f);
	frame_udp(&f, &w, OUTSIDE, "198.51.100.9", "198.51.100.255", 1, 2); /* to one */
	frame_l3(&f)[8] = 1;
	frame_seal(&f);
	world_put(&w, 1, &f);
	static const char *ends[][2] = { /* no station, or many */
		{"0.0.0.9", "198.51.100.9"}, {"127.0.0.1", "198.51.100.9"},
		{"224.0.0.9", "198.51.100.9"}, {"255.255.255.255", "198.51.100.9"},
		{"100.64.0.9", "224.0.0.5"}, {"100.64.0.9", "255.255.255.255"},
	};
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		frame_udp(&f, &w, INSIDE, ends[i][0], ends[i][1], 1, 2);
		frame_l3(&f)[8] = 1;
		frame_seal(&f);
		world_put(&w, 0, &f);
	}
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "198.51.100.9", 1, 2);
	frame_l3(&f)[8] = 1;
	frame_seal(&f);
	memset(f.d, 0xff, 6); /* a broadcast of the link */
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT_EQUAL(world_flush(&w), 0);
	CU_ASSERT_EQUAL(world_slow(&w)->generated, 0);
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "198.51.100.9", 1, 2); /* but about this */
	frame_l3(&f)[8] = 1;
	frame_seal(&f);
	world_put(&w, 0, &f);
	world_run(&w);
	CU_ASSERT_EQUAL(world_flush(&w), 1);
	world_close(&w);
}

static void
errors_keep_to_their_rate(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true); /* 10 a second, 5 at once */
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 20; i++) {
			frame_udp(&f, &w, INSIDE, "100.64.0.9", "100.64.0.1", 1, 2);
			world_put(&w, 0, &f);
		}
		world_run(&w);
		CU_ASSERT_EQUAL(world_flush(&w), round == 1 ? 2 : 5);
		world_wait(&w, round == 0 ? SECOND / 5 : SECOND);
	}
	world_close(&w);
}

static unsigned
count_announcements(struct world *w)
{
	struct frame f;
	unsigned n = 0;
	for (unsigned d = 0; d < 2; d++)
		while (world_take(w, d, &f)) {
			uint8_t *l3 = frame_l3(&f);
			bool arp = get16(l3 - 2) == ETHER_ARP;
			CU_ASSERT(arp ? memcmp(l3 + 14, l3 + 24, 4) == 0 &&
			          memcmp(f.d, world_all, 6) == 0 :
			          frame_l4(&f)[0] == 136 && frame_is_sound(&f));
			n++;
		}
	return n;
}

static void
new_addresses_are_announced(void)
{
	struct world w;
	world_open(&w, WORLD_JSON, false);
	world_wait(&w, SECOND);
	CU_ASSERT_EQUAL(count_announcements(&w), 5); /* of the interfaces, what is on a link */
	CU_ASSERT_EQUAL(world_apply(&w, WORLD_JSON), 0);
	world_wait(&w, SECOND);
	CU_ASSERT_EQUAL(count_announcements(&w), 0);
	CU_ASSERT_EQUAL(world_apply(&w,
	                            "{" WORLD_WORKERS "," WORLD_NICS "," WORLD_ROUTES "," WORLD_NAT
	                            ",\"lb\": {\"services\": [{\"name\": \"web\", "
	                            "\"address\": \"198.51.100.40\", \"port\": 80, \"protocol\": "
	                            "\"tcp\", \"backends\": [{\"address\": \"10.0.0.11\"}]}]}}"),
	                            0);
	world_wait(&w, SECOND);
	CU_ASSERT_EQUAL(count_announcements(&w), 1);
	world_close(&w);
}

static void
replay_says_nothing_unasked(void)
{
	struct world w;
	struct frame f;
	world_open(&w, WORLD_JSON, true);
	frame_udp(&f, &w, INSIDE, "100.64.0.9", "198.51.100.9", 1000, 53);
	world_put(&w, 0, &f);
	for (unsigned i = 0; i < 200; i++)
		world_wait(&w, SECOND);
	CU_ASSERT(world_take(&w, 1, &f));
	CU_ASSERT(memcmp(f.d, "\2\0\xc6\x33\x64\x09", 6) == 0);
	CU_ASSERT_EQUAL(world_flush(&w), 0);
	CU_ASSERT_EQUAL(plane_next_timer(&w.plane), UINT64_MAX);
	world_close(&w);
}

static const struct test_case cases[] = {
	{"ARP answers what is ours", arp_answers_what_is_ours},
	{"ARP refuses what is malformed", arp_refuses_what_is_malformed},
	{"ND answers what is ours", nd_answers_what_is_ours},
	{"ND refuses what is malformed", nd_refuses_what_is_malformed},
	{"ND defends against a probe", nd_defends_against_a_probe},
	{"echo is answered", echo_is_answered},
	{"echo leaves options behind", echo_leaves_options_behind},
	{"UDP to us ends a traceroute", udp_to_us_ends_a_traceroute},
	{"unknown protocols are refused", unknown_protocols_are_refused},
	{"TCP to us is reset", tcp_to_us_is_reset},
	{"time exceeded is told", time_exceeded_is_told},
	{"errors are not told about everything", errors_are_not_told_about_everything},
	{"errors keep to their rate", errors_keep_to_their_rate},
	{"new addresses are announced", new_addresses_are_announced},
	{"replay says nothing unasked", replay_says_nothing_unasked},
};

TEST_MAIN("slow", cases)

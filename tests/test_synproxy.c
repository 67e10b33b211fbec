/* SPDX-License-Identifier: Apache-2.0 */
/* The SYN proxy between two TCP ends: streams, options, refusal, silence, and no state for SYNs. */
#include "lib/synproxy.h"

#include "tcp_model.h"

enum { RUNS = 80, STEPS = 4000 };

static struct model model;

static struct world *
proxied(enum tell tell, uint64_t seed)
{
	struct world *w = probe_simple();
	w->tell = tell;
	w->has_proxy = true;
	w->offer = (struct syn_offer){.mss = 1460, .scale = 7, .sack = true, .time = true};
	model = (struct model){.w = w, .seed = seed};
	m_begin(&model, w, tell, 2000);
	return w;
}

/* Whatever each end can do, and whatever is lost. */
static void
test_streams(void)
{
	static const enum tell tells[] = {TELL_NONE, TELL_PROXY1, TELL_PROXY2, TELL_TOA};
	uint64_t seed = test_seed();
	for (unsigned run = 0; run < RUNS; run++) {
		struct world *w = proxied(tells[run % 4], test_random(&seed));
		w->offer.scale = run % 5 == 0 ? COOKIE_NO_SCALE : (uint8_t)(run % 3);
		w->offer.sack = run % 3 != 0;
		w->offer.time = run % 7 != 0;
		model.loss = run / 4 % 4 * 10;
		unsigned steps = m_run(&model, STEPS);
		if (steps == STEPS)
			printf("run %u: client %u of %u, server %u of %u\n", run, model.client.rcv,
			       model.client.n_in, model.server.rcv, model.server.n_in);
		CU_ASSERT_TRUE(steps < STEPS);
		/* Four SYNs may all be lost: then the client hears so. */
		CU_ASSERT_TRUE(m_is_done(&model) || (!model.server.has_peer && model.loss != 0));
		CU_ASSERT_EQUAL(model.client.is_reset, !m_is_done(&model));
		CU_ASSERT_FALSE(model.server.is_reset);
		world_destroy(w);
	}
}

/* SYNs leave nothing behind; what does not answer one is dropped. */
static void
test_no_state(void)
{
	struct world *w = proxied(TELL_NONE, 1);
	struct frame f = world_frame("10.0.0.10", 1024, "8.8.8.8", 80, 6);
	enum { SYNS = 3000 };
	for (unsigned i = 0; i < SYNS; i++, f.sport++) {
		f.tcp_flags = M_SYN;
		probe_arrive(w, WORLD_IN, f);
		CU_ASSERT_TRUE(probe_take(w, 0));
		CU_ASSERT_EQUAL(probe_view.l4[13], M_SYN | M_ACK);
		CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 8), 1);
		CU_ASSERT_TRUE(probe_view.l4[14] == 0 && probe_view.l4[15] == 0);
		f.tcp_flags = M_ACK;
		probe_arrive(w, WORLD_IN, f);
		CU_ASSERT_FALSE(probe_take(w, 1));
	}
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_COOKIE), SYNS);
	CU_ASSERT_EQUAL(WORLD_SUM(w, cookies_sent), SYNS);
	CU_ASSERT_EQUAL(WORLD_SUM(w, flows_opened), 0);
	f.tcp_flags = M_SYN | M_ACK;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_FALSE(probe_take(w, 0));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_COOKIE), SYNS + 1);
	world_destroy(w);
}

/* The client has shaken hands with us, and our SYN is under way. */
static struct world *
waiting(void)
{
	struct world *w = proxied(TELL_NONE, 3);
	model.client.wants_time = model.client.wants_scale = model.client.wants_sack = true;
	m_send(&model, &model.client, M_SYN, 0, 0);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 0));
	m_receive(&model, &model.client, &probe_view);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	model.pool_port = probe_view.f.sport;
	return w;
}

/* The SYN that the server gets: the client's number, MSS rounded down, scale, SACK, timestamp. */
static void
test_second_syn(void)
{
	struct world *w = waiting();
	const uint8_t *l4 = probe_view.l4;
	CU_ASSERT_EQUAL(l4[13], M_SYN);
	CU_ASSERT_EQUAL(m_get32(l4 + 4), model.client.isn);
	CU_ASSERT_EQUAL(l4[12] / 16, 10);
	CU_ASSERT_EQUAL(memcmp(l4 + 20, "\2\4\0\xd8\4\2\x8\xa", 8), 0); /* 300 becomes 216 */
	CU_ASSERT_EQUAL(m_get32(l4 + 28), model.client.clock);
	CU_ASSERT_EQUAL(memcmp(l4 + 36, "\1\3\3", 3), 0);
	CU_ASSERT_EQUAL(l4[39], model.client.scale);
	world_destroy(w);
}

/* Nobody there: four SYNs in all, then a reset that the client believes. */
static void
test_silence(void)
{
	struct world *w = waiting();
	unsigned syns = 1, resets = 0;
	for (unsigned ms = 0; ms < 20000; ms += 100) {
		world_advance(w, 100);
		world_poll(w);
		while (probe_take(w, 1))
			syns += probe_view.l4[13] == M_SYN &&
			        m_get32(probe_view.l4 + 4) == model.client.isn;
		while (probe_take(w, 0)) {
			m_receive(&model, &model.client, &probe_view);
			resets += model.client.is_reset;
		}
	}
	CU_ASSERT_EQUAL(syns, SHIFT_QUEUES);
	CU_ASSERT_EQUAL(resets, 1);
	world_destroy(w);
}

static void
test_refused(void)
{
	struct world *w = waiting();
	struct end *s = &model.server;
	s->has_peer = true;
	s->peer_isn = model.client.isn;
	s->isn = UINT32_MAX; /* number 0, as a closed port answers */
	m_send(&model, s, M_RST | M_ACK, 0, 0);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 0));
	m_receive(&model, &model.client, &probe_view); /* asserts the number */
	CU_ASSERT_TRUE(model.client.is_reset);
	world_advance(w, 5000);
	world_poll(w);
	CU_ASSERT_FALSE(probe_take(w, 1));
	world_destroy(w);
}

/* The server remembers an older connection of the same ends: it is told that there is none. */
static void
test_contradicted(void)
{
	struct world *w = waiting();
	struct end *s = &model.server;
	s->has_peer = true;
	s->peer_isn = model.client.isn + 5000;
	m_send(&model, s, M_ACK, 0, 0);
	world_poll(w);
	CU_ASSERT_FALSE(probe_take(w, 0));
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l4[13], M_RST);
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), model.client.isn + 5001);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_WAITING), 1);
	/* It has forgotten now: the SYN goes again at once, but only once. */
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l4[13], M_SYN);
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), model.client.isn);
	for (unsigned i = 0; i < 5; i++) {
		m_send(&model, s, M_ACK, 0, 0);
		world_poll(w);
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_EQUAL(probe_view.l4[13], M_RST);
		CU_ASSERT_FALSE(probe_take(w, 1));
	}
	world_advance(w, 2 * SYNPROXY_FIRST_MS);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1)); /* then in its time, and the rest of its tries */
	CU_ASSERT_EQUAL(probe_view.l4[13], M_SYN);
	s->has_peer = false;
	model.pool_port = probe_view.f.sport;
	m_receive(&model, s, &probe_view);
	CU_ASSERT_TRUE(m_run(&model, STEPS) < STEPS);
	world_destroy(w);
}

/* The client's acknowledgement was lost; a probe of the shut window does as well. */
static void
test_probe_opens(void)
{
	struct world *w = proxied(TELL_NONE, 4);
	struct end *c = &model.client;
	m_send(&model, c, M_SYN, 0, 0);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 0));
	model.loss = 100;
	m_receive(&model, c, &probe_view);
	model.loss = 0;
	c->isn--; /* a probe has the number before the first octet */
	m_send(&model, c, M_ACK, 0, 0);
	c->isn++;
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l4[13], M_SYN);
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), c->isn);
	model.pool_port = probe_view.f.sport;
	m_receive(&model, &model.server, &probe_view);
	CU_ASSERT_TRUE(m_run(&model, STEPS) < STEPS);
	world_destroy(w);
}

/* Who goes away before the server has answered takes our SYN along. */
static void
test_withdrawn(void)
{
	struct world *w = waiting();
	m_send(&model, &model.client, M_RST | M_ACK, 0, 0);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l4[13], M_RST);
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), model.client.isn + 1);
	world_advance(w, 20000);
	world_poll(w);
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_FALSE(probe_take(w, 0));
	world_destroy(w);
}

/* The ends count differently by all of a number of ours: a RST is judged as its receiver counts. */
static void
test_forged_resets(void)
{
	enum { FAR = 0x40000000 };
	for (unsigned i = 0; i < 4; i++) {
		struct world *w = proxied(TELL_NONE, 7 + i);
		struct end *e = i % 2 == 0 ? &model.client : &model.server;
		model.client.isn += i * 0x30000000;
		model.server.isn += i * 0x20000000;
		CU_ASSERT_TRUE(m_run(&model, STEPS / 8 + 20) != 0);
		struct flow *f = &w->worker[0]->flows.v4[1].f;
		f->state = CONN_TCP_EST;
		m_forge(&model, e, FAR);
		CU_ASSERT_EQUAL(f->state, CONN_TCP_EST);
		CU_ASSERT_EQUAL(w->worker[0]->stats->resets_doubted, 1);
		m_forge(&model, e, 0);
		CU_ASSERT_EQUAL(f->state, CONN_TCP_TRANS);
		CU_ASSERT_EQUAL(w->worker[0]->stats->resets_doubted, 1);
		world_destroy(w);
	}
}

/* IPv6 answers too. */
static void
test_v6(void)
{
	struct world *w = proxied(TELL_NONE, 5);
	struct frame f = world_frame("10.0.0.10", 1024, "8.8.8.8", 80, 6);
	f.family = 6;
	f.src = addr6("2001:db8:1::10");
	f.dst = addr6("2001:db8:2::80");
	f.tcp_flags = M_SYN;
	world_mac(w, WORLD_IN, 6, f.src);
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_EQUAL(probe_view.l4[13], M_SYN | M_ACK);
	CU_ASSERT_EQUAL(memcmp(probe_view.l4 + 20, "\2\4\5\xb4", 4), 0);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"both streams arrive", test_streams},
	{"no state for SYNs", test_no_state},
	{"the second SYN", test_second_syn},
	{"silence", test_silence},
	{"refused", test_refused},
	{"contradicted", test_contradicted},
	{"a probe opens", test_probe_opens},
	{"withdrawn", test_withdrawn},
	{"forged resets", test_forged_resets},
	{"IPv6", test_v6},
};
TEST_MAIN("synproxy", cases)

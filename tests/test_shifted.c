/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend is told: PROXY headers and TOA between two TCP ends that lose and repeat. */
#include "lib/shifted.h"

#include "lib/shift.h"
#include "tcp_model.h"

enum { RUNS = 60, STEPS = 4000 };

static struct model model;

static const struct shift *
line_of(const struct world *w)
{
	return w->worker[0]->shifts.used != 0 ? &w->worker[0]->shifts.line[1] : NULL;
}

/* Every octet of both streams arrives, the header before them, whatever is lost. */
static void
test_streams(void)
{
	static const enum tell tells[] = {TELL_PROXY1, TELL_PROXY2, TELL_TOA};
	model.seed = test_seed();
	for (unsigned run = 0; run < RUNS; run++) {
		struct world *w = probe_simple();
		w->tell = tells[run % 3];
		model.loss = run % 4 == 0 ? 0 : run % 4 * 10;
		m_begin(&model, w, w->tell, 2000);
		unsigned steps = m_run(&model, STEPS);
		if (!m_is_done(&model))
			printf("run %u: client %u of %u, server %u of %u\n", run, model.client.rcv,
			       model.client.n_in, model.server.rcv, model.server.n_in);
		CU_ASSERT_TRUE(steps < STEPS && m_is_done(&model));
		CU_ASSERT_EQUAL(model.client.is_reset || model.server.is_reset, false);
		if (w->tell == TELL_TOA)
			CU_ASSERT_EQUAL(memcmp(model.server.toa_option,
			                       "\xfe\x08\x07\xd0\x0a\0\0\x0a", 8), 0);
		CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_EARLY_DATA), 0);
		world_destroy(w);
	}
}

/* Without losses: SYN, SYN-ACK, and then the header itself is what completes the handshake. */
static struct world *
opened(enum tell tell)
{
	struct world *w = probe_simple();
	w->tell = tell;
	model = (struct model){.seed = 1};
	m_begin(&model, w, tell, 2000);
	m_send(&model, &model.client, M_SYN, 0, 0);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	model.pool_port = probe_view.f.sport;
	m_receive(&model, &model.server, &probe_view);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 0));
	m_receive(&model, &model.client, &probe_view);
	world_poll(w);
	return w;
}

static void
test_header_is_handshake(void)
{
	struct world *w = opened(TELL_PROXY1);
	CU_ASSERT_TRUE(probe_take(w, 1));
	const uint8_t *l4 = probe_view.l4;
	CU_ASSERT_EQUAL(m_get32(l4 + 4), model.client.isn + 1);
	CU_ASSERT_EQUAL(m_get32(l4 + 8), model.server.isn + 1);
	CU_ASSERT_EQUAL(l4[13], M_ACK | M_PSH);
	static const char head[] = "PROXY TCP4 10.0.0.10 8.8.8.8 2000 80\r\n";
	CU_ASSERT_EQUAL(memcmp(l4 + l4[12] / 16 * 4, head, 38), 0);
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 0);
	/* Data at the first octet, no word of the header yet: it goes again, before the data. */
	model.client.next = 10;
	m_send(&model, &model.client, M_ACK, 0, 10);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), model.client.isn + 1);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), model.client.isn + 1 + 38);
	CU_ASSERT_EQUAL(WORLD_SUM(w, generated), 1);
	world_destroy(w);
}

/* What a client could try: to write the header itself. */
static void
test_no_forgery(void)
{
	struct world *w = opened(TELL_PROXY1);
	world_drain(w);
	struct end *c = &model.client;
	uint32_t isn = c->isn;
	c->isn = isn - 38; /* at the numbers of the header */
	c->out[0] = 'P';
	m_send(&model, c, M_ACK, 0, 38);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1)); /* ours takes its place */
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), isn + 1);
	const uint8_t *l4 = probe_view.l4;
	CU_ASSERT_EQUAL(memcmp(l4 + l4[12] / 16 * 4, "PROXY TCP4 10.0.0.10", 20), 0);
	CU_ASSERT_FALSE(probe_take(w, 1));
	m_send(&model, c, M_PSH, 0, 38); /* without ACK */
	world_poll(w);
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_EARLY_DATA), 1);
	c->isn = isn;
	m_send(&model, c, M_SYN, 0, 38); /* data in a SYN */
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(probe_view.l3_size, 20u + probe_view.l4[12] / 16 * 4);
	world_destroy(w);
}

/* A segment from before the first octet, in a buffer that has no room for the header behind it. */
static void
test_no_room(void)
{
	struct world *w = opened(TELL_PROXY1);
	world_drain(w);
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	struct rte_mbuf *m = w->devs[0].ops->alloc(&w->devs[0]);
	f.tcp_flags = M_ACK;
	f.seq = model.client.isn;
	f.ack = model.server.isn + 1;
	m->data_len = (uint16_t)frame_make(buf_data(m), &f);
	uint16_t whole = m->buf_len;
	uint8_t *behind = buf_data(m) + m->data_len;
	memset(behind, 0xa5, 64);
	m->buf_len = (uint16_t)(m->data_off + m->data_len + 20);
	*buf_meta(m) = (struct buf_meta){.cause = HANDOFF_HOME, .nic = WORLD_IN};
	rte_ring_enqueue(w->shared.in[0], m);
	world_poll(w);
	m->buf_len = whole;
	CU_ASSERT_FALSE(probe_take(w, 1));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_EARLY_DATA), 1);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(behind[i], 0xa5);
	world_destroy(w);
}

/* An option of the same kind that the client itself sends is blotted out. */
static void
test_no_forged_toa(void)
{
	struct world *w = probe_simple();
	w->tell = TELL_TOA;
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	static const uint8_t part[] = "\1\xfe\x08\1\2\3\4\5\6\1\1\1";
	uint8_t frame[FRAME_MAX];
	f.payload = part;
	f.payload_size = 12;
	f.tcp_flags = M_SYN;
	memcpy(f.dmac, w->devs[0].mac, 6);
	size_t size = frame_make(frame, &f);
	frame[34 + 12] = 8 << 4;
	uint16_t sum = (uint16_t)(frame[50] << 8 | frame[51]);
	uint32_t s = (uint16_t)~sum + 0x3000u; /* the header is longer now */
	sum = (uint16_t)~((s & 0xffff) + (s >> 16));
	frame[50] = (uint8_t)(sum >> 8);
	frame[51] = (uint8_t)sum;
	world_put(w, 0, frame, size);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	for (unsigned i = 20; i < 32; i++)
		CU_ASSERT_EQUAL(probe_view.l4[i], 1);
	world_destroy(w);
}

/* TOA is told, then replies take the straight way; another SYN begins anew. */
static void
test_toa_leaves(void)
{
	struct world *w = opened(TELL_TOA);
	const struct flow *f = &w->worker[0]->flows.v4[1].f;
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(memcmp(probe_view.l4 + 20, "\xfe\x08\x07\xd0\x0a\0\0\x0a", 8), 0);
	CU_ASSERT_EQUAL(f->nexthop[1], NEXTHOP_NONE);
	model.client.next = 5;
	m_send(&model, &model.client, M_ACK, 0, 5);
	m_deliver(&model);
	CU_ASSERT_TRUE(line_of(w)->is_told);
	CU_ASSERT_NOT_EQUAL(f->nexthop[1], NEXTHOP_NONE);
	CU_ASSERT_EQUAL(f->nexthop[0], NEXTHOP_NONE);
	unsigned toa = model.server.toa;
	model.client.next = 9;
	m_send(&model, &model.client, M_ACK, 5, 4);
	m_deliver(&model);
	CU_ASSERT_EQUAL(model.server.toa, toa);
	m_send(&model, &model.client, M_SYN, 0, 0);
	world_poll(w);
	CU_ASSERT_FALSE(line_of(w)->is_told);
	CU_ASSERT_EQUAL(f->nexthop[1], NEXTHOP_NONE);
	world_destroy(w);
}

/* After a reset the same flow carries another connection, with a header of its own. */
static void
test_again_after_reset(void)
{
	struct world *w = opened(TELL_PROXY2);
	m_deliver(&model);
	CU_ASSERT_TRUE(model.server.rcv == 28);
	m_send(&model, &model.client, M_RST | M_ACK, 0, 0);
	m_deliver(&model);
	CU_ASSERT_TRUE(model.server.is_reset);
	m_begin(&model, w, TELL_PROXY2, 2000);
	CU_ASSERT_TRUE(m_run(&model, STEPS) < STEPS);
	CU_ASSERT_EQUAL(w->opened, 1);
	world_destroy(w);
}

/* RSTs are judged by what their receiver counts; a forged one leaves the connection as it was, and
 * a SYN after it begins no other. */
static void
test_forged_resets(void)
{
	enum { FAR = 0x40000000 };
	for (unsigned d = 0; d < 2; d++) {
		struct world *w = opened(TELL_PROXY2);
		m_deliver(&model);
		const struct flow *f = &w->worker[0]->flows.v4[1].f;
		struct end *e = d == 0 ? &model.client : &model.server;
		CU_ASSERT_EQUAL_FATAL(f->state, CONN_TCP_EST);
		m_forge(&model, e, FAR);
		CU_ASSERT_EQUAL(f->state, CONN_TCP_EST);
		CU_ASSERT_EQUAL(line_of(w)->phase, SHIFT_OPEN);
		CU_ASSERT_EQUAL(w->worker[0]->stats->resets_doubted, 1);
		m_send(&model, &model.client, M_SYN, 0, 0);
		world_poll(w);
		CU_ASSERT_TRUE(probe_take(w, 1));
		CU_ASSERT_TRUE(line_of(w)->is_told);
		m_forge(&model, e, 0);
		CU_ASSERT_EQUAL(f->state, CONN_TCP_TRANS);
		CU_ASSERT_EQUAL(line_of(w)->phase, SHIFT_RESET);
		world_destroy(w);
	}
}

/* No line, no connection; it comes back when the flow ends. */
static void
test_capacity(void)
{
	struct world *w = probe_simple();
	w->tell = TELL_PROXY2;
	struct frame f = world_frame("10.0.0.10", 2000, "8.8.8.8", 80, 6);
	f.tcp_flags = M_SYN;
	for (unsigned i = 0; i <= WORLD_SHIFTS; i++, f.sport++)
		probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_NO_SHIFT), 1);
	CU_ASSERT_EQUAL(w->undone, 1);
	CU_ASSERT_EQUAL(WORLD_SUM(w, shifts), WORLD_SHIFTS);
	world_advance(w, WORLD_IDLE_MS + 1);
	worker_sweep(w->worker[0], w->now_ns);
	CU_ASSERT_EQUAL(w->worker[0]->shifts.used, 0);
	f.sport++;
	probe_arrive(w, WORLD_IN, f);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LB_NO_SHIFT), 1);
	world_destroy(w);
}

/* An error about the server's packet quotes the numbers that the server knows, and the client's. */
static void
test_quoted(void)
{
	struct world *w = opened(TELL_PROXY2);
	m_deliver(&model);
	struct end *c = &model.client;
	c->next = 100;
	m_send(&model, c, M_ACK, 0, 100);
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 1));
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 4), c->isn + 1 + 28);
	struct frame error = world_frame("198.51.100.77", 0, "198.51.100.1", 0, 1);
	uint8_t frame[FRAME_MAX], quoted[FRAME_MAX];
	error.src = addr4("192.0.2.77");
	error.icmp_type = 3;
	error.icmp_code = 4;
	memcpy(error.dmac, w->devs[1].mac, 6);
	size_t n = probe_view.l3_size < 60 ? probe_view.l3_size : 60;
	memcpy(quoted, probe_view.l3, n);
	world_put(w, 1, frame, frame_error(frame, &error, quoted, n, 1300));
	world_poll(w);
	CU_ASSERT_TRUE(probe_take(w, 0));
	CU_ASSERT_EQUAL(m_get32(probe_view.l4 + 8 + 20 + 4), c->isn + 1);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"both streams arrive", test_streams},
	{"the header completes the handshake", test_header_is_handshake},
	{"nobody else writes the header", test_no_forgery},
	{"no room for the header", test_no_room},
	{"nobody else gives TOA", test_no_forged_toa},
	{"TOA leaves the way", test_toa_leaves},
	{"another connection after a reset", test_again_after_reset},
	{"forged resets", test_forged_resets},
	{"capacity", test_capacity},
	{"quoted numbers", test_quoted},
};
TEST_MAIN("shifted", cases)

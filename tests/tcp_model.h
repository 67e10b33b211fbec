/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Two TCP ends as simple as they can be, on both sides of a world (enginetest.h): each
 *            sends its octets in pieces of random sizes, loses, repeats and reorders, and believes
 *            what the other says. Every octet that arrives is compared with what was sent.
 * Layout     The client is 10.0.0.10 inside, the server 8.8.8.8 outside. Octet i of an end's stream
 *            has the number isn + 1 + i; the FIN stands behind the last.
 * Invariant  An end never sees an acknowledgement, a SACK block or an echoed timestamp of something
 *            that it has not sent, nor data beyond its window.
 */
#ifndef MR_TCP_MODEL_H
#define MR_TCP_MODEL_H

#include <arpa/inet.h>
#include <string.h>

#include "lib/tell.h"
#include "probe.h"

enum { M_STREAM = 3000, M_WINDOW = 900, M_HEAD = 128, M_SEGMENT = 300 };
enum { M_FIN = 1, M_SYN = 2, M_RST = 4, M_PSH = 8, M_ACK = 16 };

struct end {
	const char *address;
	uint16_t port;
	uint8_t nic, dev;
	uint32_t isn, peer_isn;
	bool has_peer, is_open, is_reset;
	bool wants_time, wants_sack, wants_scale; /* asked for in its SYN */
	bool time, sack, scaled;                  /* agreed */
	uint8_t scale, peer_scale;
	uint32_t clock, recent;   /* timestamps: last sent, last seen */
	uint8_t out[M_STREAM], in[M_STREAM + M_HEAD + 1];
	uint32_t n_out, n_in;     /* octets that it sends, and that it is to get (without FIN) */
	uint32_t una, next;       /* of its own stream, FIN included */
	uint32_t right;           /* may send up to here */
	bool got[M_STREAM + M_HEAD + 2];
	uint32_t rcv;             /* all before has come, FIN included */
	unsigned toa;             /* options seen */
	uint8_t toa_option[20];
	uint32_t syns;
};

struct model {
	struct world *w;
	struct end client, server;
	uint16_t pool_port;
	uint64_t seed;
	unsigned loss;            /* percent */
};

static inline unsigned
m_random(struct model *m, unsigned n)
{
	return (unsigned)(test_random(&m->seed) >> 33) % n;
}

static inline void
m_put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

static inline uint32_t
m_get32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return ntohl(v);
}

/* Blocks that came out of order, three at most. */
static inline unsigned
m_sack(const struct end *e, uint8_t *o)
{
	unsigned n = 0, last = e->n_in + 1;
	for (uint32_t i = e->rcv; i < last && n < 3; i++) {
		uint32_t from = i;
		while (i < last && e->got[i])
			i++;
		if (i == from)
			continue;
		m_put32(o + 4 + 8 * n, e->peer_isn + 1 + from);
		m_put32(o + 8 + 8 * n, e->peer_isn + 1 + i);
		n++;
	}
	if (n != 0) {
		o[0] = o[1] = 1;
		o[2] = 5;
		o[3] = (uint8_t)(2 + 8 * n);
	}
	return n != 0 ? 4 + 8 * n : 0;
}

static inline unsigned
m_options(struct end *e, uint8_t *o, uint8_t flags)
{
	unsigned n = 0;
	bool syn = (flags & M_SYN) != 0, answer = (flags & M_ACK) != 0;
	if (syn) {
		memcpy(o, "\2\4\1\x2c", 4); /* M_SEGMENT */
		n = 4;
		if (answer ? e->sack : e->wants_sack) {
			memcpy(o + n, "\1\1\4\2", 4);
			n += 4;
		}
		if (answer ? e->scaled : e->wants_scale) {
			memcpy(o + n, "\1\3\3", 3);
			o[n + 3] = e->scale;
			n += 4;
		}
	}
	if (syn && !answer ? e->wants_time : e->time) {
		/* At an odd offset, as nobody does and everybody may. */
		memcpy(o + n, "\1\x8\xa", 3);
		m_put32(o + n + 3, ++e->clock);
		m_put32(o + n + 7, e->recent);
		o[n + 11] = 1;
		n += 12;
	}
	if (!syn && e->sack)
		n += m_sack(e, o + n);
	return n;
}

static inline uint32_t
m_window(const struct end *e)
{
	return M_WINDOW >> (e->scaled ? e->scale : 0);
}

/* m_send: a segment of end e with n octets of its stream from offset at. */
static inline void
m_send(struct model *m, struct end *e, uint8_t flags, uint32_t at, uint32_t n)
{
	uint8_t frame[FRAME_MAX], part[FRAME_MAX];
	bool is_client = e == &m->client;
	unsigned options = m_options(e, part, flags);
	memcpy(part + options, e->out + at, n);
	struct frame f = is_client ?
		world_frame(e->address, e->port, m->server.address, m->server.port, 6) :
		world_frame(e->address, e->port, "198.51.100.1", m->pool_port, 6);
	f.payload = part;
	f.payload_size = (uint16_t)(options + n);
	f.tcp_flags = flags;
	f.frag = 0x4000;
	memcpy(f.dmac, m->w->devs[e->dev].mac, 6);
	size_t size = frame_make(frame, &f);
	uint8_t *l4 = frame + 14 + 20;
	m_put32(l4 + 4, e->isn + ((flags & M_SYN) != 0 ? 0 : 1 + at));
	m_put32(l4 + 8, e->has_peer ? e->peer_isn + 1 + e->rcv : 0);
	l4[12] = (uint8_t)((20 + options) / 4 << 4);
	uint32_t window = (flags & M_SYN) != 0 ? M_WINDOW : m_window(e);
	l4[14] = (uint8_t)(window >> 8);
	l4[15] = (uint8_t)window;
	l4[16] = l4[17] = 0;
	uint16_t pseudo = (uint16_t)~sum16(frame + 26, 8, 0);
	uint16_t sum = sum16(l4, size - 34, pseudo + 6u + (uint32_t)(size - 34));
	l4[16] = (uint8_t)(sum >> 8);
	l4[17] = (uint8_t)sum;
	if (m_random(m, 100) >= m->loss)
		world_put(m->w, e->dev, frame, size);
}

/* What a segment's options say, and whether it may say so. */
static inline void
m_read_options(struct end *e, const uint8_t *l4, unsigned header, uint8_t flags)
{
	bool syn = (flags & M_SYN) != 0, sack = false, scale = false, time = false;
	for (unsigned i = 20; i < header && l4[i] != 0;) {
		unsigned size = l4[i] == 1 ? 1 : l4[i + 1];
		CU_ASSERT_TRUE_FATAL(size != 0 && i + size <= header);
		if (l4[i] == 3) {
			scale = true;
			e->peer_scale = l4[i + 2];
		}
		sack |= l4[i] == 4;
		if (l4[i] == 8) {
			time = true;
			e->recent = m_get32(l4 + i + 2);
			if ((flags & M_ACK) != 0 && !syn && e->time)
				CU_ASSERT_TRUE(m_get32(l4 + i + 6) <= e->clock);
		}
		for (unsigned j = i + 2; l4[i] == 5 && j < i + size; j += 4) {
			uint32_t edge = m_get32(l4 + j) - e->isn - 1;
			CU_ASSERT_TRUE(edge <= e->next);
		}
		if (l4[i] == TELL_TOA_KIND) {
			e->toa++;
			memcpy(e->toa_option, l4 + i, size);
		}
		i += size;
	}
	if (!syn)
		return;
	e->sack = sack && e->wants_sack;
	e->scaled = scale && e->wants_scale;
	e->time = time && e->wants_time;
}

static inline void
m_read_ack(struct end *e, const uint8_t *l4, uint8_t flags)
{
	uint32_t ack = m_get32(l4 + 8) - e->isn - 1;
	uint32_t window = (uint32_t)l4[14] << 8 | l4[15];
	if ((flags & M_SYN) == 0 && e->scaled)
		window <<= e->peer_scale;
	CU_ASSERT_TRUE(ack <= e->next || ack == UINT32_MAX);
	if (ack > e->next)
		return;
	if (ack > e->una)
		e->una = ack;
	if (ack + window > e->right)
		e->right = ack + window;
}

static inline void
m_read_data(struct end *e, const uint8_t *data, uint32_t seq, uint32_t n, bool fin)
{
	uint32_t at = seq - e->peer_isn - 1;
	for (uint32_t i = 0; i < n; i++, at++) {
		if (at >= e->n_in || at >= e->rcv + M_WINDOW)
			continue;
		CU_ASSERT_EQUAL(data[i], e->in[at]);
		e->got[at] = true;
	}
	if (fin) {
		CU_ASSERT_EQUAL(at, e->n_in);
		e->got[e->n_in] = true;
	}
	while (e->rcv <= e->n_in && e->got[e->rcv])
		e->rcv++;
}

/* A segment of a connection that the end does not know. */
static inline void
m_refuse(struct model *m, struct end *e, uint32_t ack)
{
	uint32_t isn = e->isn;
	e->isn = ack - 1;
	m_send(m, e, M_RST, 0, 0);
	e->isn = isn;
}

/* m_forge: a RST in the name of an end, so far from the number that it would have. It is not
 * delivered. */
static inline void
m_forge(struct model *m, struct end *e, uint32_t off)
{
	uint32_t isn = e->isn;
	e->isn += off;
	m_send(m, e, M_RST, e->next, 0);
	e->isn = isn;
	world_poll(m->w);
	CU_ASSERT_TRUE(probe_take(m->w, e == &m->client ? m->server.dev : m->client.dev));
}

/* A segment arrives at an end. */
static inline void
m_receive(struct model *m, struct end *e, const struct frame_view *v)
{
	const uint8_t *l4 = v->l4;
	uint8_t flags = l4[13];
	unsigned header = l4[12] / 16 * 4u;
	uint32_t seq = m_get32(l4 + 4), size = (uint32_t)(v->l3_size - (size_t)(l4 - v->l3));
	if ((flags & M_RST) != 0) {
		e->is_reset = true;
		CU_ASSERT_TRUE(!e->has_peer || seq == e->peer_isn + 1 + e->rcv);
		return;
	}
	m_read_options(e, l4, header, flags);
	if ((flags & M_SYN) != 0) {
		e->syns++;
		CU_ASSERT_TRUE(!e->has_peer || e->peer_isn == seq);
		e->peer_isn = seq;
		e->has_peer = true;
		if (e == &m->server) {
			e->right = (uint32_t)l4[14] << 8 | l4[15];
			m_send(m, e, M_SYN | M_ACK, 0, 0);
			return;
		}
		seq++;
	}
	if (!e->has_peer) {
		m_refuse(m, e, m_get32(l4 + 8));
		return;
	}
	if ((flags & M_ACK) != 0) {
		m_read_ack(e, l4, flags);
		e->is_open |= m_get32(l4 + 8) - e->isn - 1 <= e->next;
	}
	uint32_t before = e->rcv;
	m_read_data(e, l4 + header, seq, size - header, (flags & M_FIN) != 0);
	if (size > header || (flags & (M_FIN | M_SYN)) != 0 || e->rcv != before)
		m_send(m, e, M_ACK, e->next > e->n_out ? e->n_out : e->next, 0);
}

/* m_deliver: what the world has sent arrives, or is lost. */
static inline void
m_deliver(struct model *m)
{
	world_poll(m->w);
	for (unsigned round = 0; round < 50; round++) {
		bool some = false;
		while (probe_take(m->w, m->client.dev)) {
			some = true;
			if (m_random(m, 100) >= m->loss)
				m_receive(m, &m->client, &probe_view);
		}
		while (probe_take(m->w, m->server.dev)) {
			some = true;
			m->pool_port = probe_view.f.sport;
			if (m_random(m, 100) >= m->loss)
				m_receive(m, &m->server, &probe_view);
		}
		world_poll(m->w);
		if (!some)
			return;
	}
}

/* One thing that an end may do now: something new, or something again. */
static inline void
m_act(struct model *m, struct end *e)
{
	uint32_t last = e->n_out + 1, at = m_random(m, 2) ? e->next : e->una;
	if (!e->is_open) {
		if (e == &m->client)
			m_send(m, e, M_SYN, 0, 0);
		else if (e->has_peer)
			m_send(m, e, M_SYN | M_ACK, 0, 0);
		return;
	}
	uint32_t room = e->right < last ? e->right : last;
	uint32_t n = 1 + m_random(m, M_SEGMENT);
	if (at >= room) { /* a probe, or nothing new */
		m_send(m, e, M_ACK, e->next > e->n_out ? e->n_out : e->next, 0);
		return;
	}
	n = at + n < room ? n : room - at;
	bool fin = at + n == last;
	if (at + n > e->next)
		e->next = at + n;
	m_send(m, e, (uint8_t)(M_ACK | (fin ? M_FIN : 0)), at, n - fin);
}

static inline void
m_end(struct model *m, struct end *e, const char *address, uint16_t port, uint8_t nic)
{
	memset(e, 0, sizeof(*e));
	e->address = address;
	e->port = port;
	e->nic = nic;
	e->dev = nic == WORLD_IN ? 0 : 1;
	e->isn = m_random(m, 4) == 0 ? UINT32_MAX - m_random(m, 500) : m_random(m, INT32_MAX) * 2u;
	e->wants_time = m_random(m, 2);
	e->wants_sack = m_random(m, 2);
	e->wants_scale = m_random(m, 2);
	e->scale = (uint8_t)m_random(m, 3);
	e->clock = m_random(m, INT32_MAX);
	e->n_out = m_random(m, M_STREAM);
	for (uint32_t i = 0; i < e->n_out; i++)
		e->out[i] = (uint8_t)test_random(&m->seed);
}

/* m_begin: two ends that know each other's streams; tell: what comes before the client's. */
static inline void
m_begin(struct model *m, struct world *w, enum tell tell, uint16_t port)
{
	m->w = w;
	m_end(m, &m->client, "10.0.0.10", port, WORLD_IN);
	m_end(m, &m->server, "8.8.8.8", 80, WORLD_OUT);
	struct tuple t = {.src = addr4("10.0.0.10"), .dst = addr4("8.8.8.8"), .sport = htons(port),
		.dport = htons(80), .family = 4, .proto = 6};
	unsigned head = tell_header(m->server.in, tell, &t);
	memcpy(m->server.in + head, m->client.out, m->client.n_out);
	m->server.n_in = head + m->client.n_out;
	memcpy(m->client.in, m->server.out, m->server.n_out);
	m->client.n_in = m->server.n_out;
}

static inline bool
m_is_done(const struct model *m)
{
	const struct end *c = &m->client, *s = &m->server;
	return c->rcv == c->n_in + 1 && s->rcv == s->n_in + 1 && c->una == c->n_out + 1 &&
	       s->una == s->n_out + 1;
}

/* m_run: until both have everything, at most so many steps. => steps that it took. */
static inline unsigned
m_run(struct model *m, unsigned most)
{
	unsigned step = 0;
	for (; step < most && !m_is_done(m) && !m->client.is_reset; step++) {
		m_act(m, m_random(m, 2) ? &m->client : &m->server);
		if (m_random(m, 3) != 0) /* else two meet */
			m_deliver(m);
		world_advance(m->w, m_random(m, 40));
	}
	m_deliver(m);
	return step;
}

#endif

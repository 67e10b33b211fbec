/* SPDX-License-Identifier: Apache-2.0 */
/* Apps as small machines, their events in a heap. */
#include "people.h"

#include <stdlib.h>

#include "judge.h"

#define MS 1000000ull
#define S (1000 * MS)

enum { WEB_CONNECTIONS = 6, STRANGERS = 3, P2P_PORT = 6881, BOT_SYNS = 150 };

/* Why an event: a person begins something, a session's turn, a scan. */
enum kind { EVENT_PERSON, EVENT_INSIDE, EVENT_OUTSIDE, EVENT_SCAN };

struct event {
	uint64_t at_ns;
	uint32_t who; /* subscriber, or place of the session */
	uint32_t number;
	uint8_t kind;
};

const char *const app_names[APPS] = {"web", "dns", "video", "game", "p2p", "bot", "scan"};
uint64_t people_begun[APPS];

static struct session session[PEOPLE_SESSIONS];
static uint32_t free_place[PEOPLE_SESSIONS], n_free;
static struct event *heap;
static size_t n_heap, room;
static uint64_t state, begin, finish;
static uint32_t people;

/* Of a working day, by hour: how much is begun, of the most. */
static const double by_hour[24] = {0.35, 0.25, 0.18, 0.15, 0.15, 0.2, 0.3, 0.45, 0.5, 0.5, 0.5, 0.5,
	0.55, 0.55, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 0.85, 0.55};

static uint64_t
draw(uint64_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint64_t)(((unsigned __int128)(state ^ state >> 31) * n) >> 64);
}

static void
swap(size_t a, size_t b)
{
	struct event e = heap[a];
	heap[a] = heap[b];
	heap[b] = e;
}

static void
push(uint64_t at_ns, enum kind kind, uint32_t who, uint32_t number)
{
	if (n_heap == room) {
		room = room != 0 ? 2 * room : 4096;
		heap = realloc(heap, room * sizeof(*heap));
		if (heap == NULL)
			abort();
	}
	heap[n_heap] = (struct event){at_ns, who, number, (uint8_t)kind};
	for (size_t i = n_heap++; i > 0 && heap[i].at_ns < heap[(i - 1) / 2].at_ns;
	     i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static struct event
pop(void)
{
	struct event e = heap[0];
	heap[0] = heap[--n_heap];
	for (size_t i = 0, k; (k = 2 * i + 1) < n_heap; i = k) {
		k += k + 1 < n_heap && heap[k + 1].at_ns < heap[k].at_ns;
		if (heap[i].at_ns <= heap[k].at_ns)
			break;
		swap(i, k);
	}
	return e;
}

struct session *
people_session(uint32_t number)
{
	struct session *s = &session[number % PEOPLE_SESSIONS];
	return s->in_use && s->number == number ? s : NULL;
}

/* A session that begins at a moment. => NULL: no room. */
static struct session *
begin_at(uint64_t at_ns, enum app app, uint8_t proto, uint32_t inside, uint16_t port,
         uint16_t server_port, uint32_t exchanges)
{
	if (n_free == 0)
		return NULL;
	uint32_t place = free_place[--n_free];
	struct session *s = &session[place];
	uint32_t number = s->number + PEOPLE_SESSIONS;
	*s = (struct session){
		.inside = inside, .server = 0xc6120000u + (uint32_t)draw(60000), .port = port,
		.server_port = server_port, .app = (uint8_t)app, .proto = proto, .in_use = 1,
		.left = exchanges, .number = number,
	};
	people_begun[app]++;
	push(at_ns, EVENT_INSIDE, place, number);
	return s;
}

static void
end(struct session *s)
{
	s->in_use = 0;
	free_place[n_free++] = (uint32_t)(s - session);
}

static uint16_t
any_port(void)
{
	return (uint16_t)(32768 + draw(28000));
}

static void
begin_p2p(uint64_t now, uint32_t inside)
{
	unsigned peers = 8 + (unsigned)draw(24);
	for (unsigned i = 0; i < peers; i++)
		begin_at(now + draw(120 * S), APP_P2P, DAY_UDP, inside, P2P_PORT,
		         (uint16_t)(1024 + draw(60000)), 20 + (uint32_t)draw(60));
}

static void
begin_something(uint64_t now, uint32_t inside)
{
	uint64_t what = draw(100);
	if (what < 8) {
		begin_at(now, APP_VIDEO, DAY_TCP, inside, any_port(), 443, 30 + (uint32_t)draw(90));
	} else if (what < 12) {
		begin_at(now, APP_GAME, DAY_UDP, inside, any_port(), 3074,
		         40 + (uint32_t)draw(160));
	} else if (what < 14) {
		begin_p2p(now, inside);
	} else {
		begin_at(now, APP_DNS, DAY_UDP, inside, any_port(), 53, 1);
		for (unsigned i = 0; i < 1 + draw(WEB_CONNECTIONS); i++)
			begin_at(now + 50 * MS + draw(3 * S), APP_WEB, DAY_TCP, inside, any_port(),
			         443, 2 + (uint32_t)draw(5));
	}
}

/* One in a hundred, and at least one, is a bot. */
static bool
is_bot(uint32_t who)
{
	return who % 100 == 7 % (people < 8 ? people : 100);
}

static void
person_turn(const struct event *e)
{
	uint32_t inside = DAY_INSIDE + 10 + e->who;
	double busy = by_hour[(e->at_ns - begin) / (3600 * S) % 24];
	uint64_t mean = (uint64_t)(900 * S / busy);
	if (is_bot(e->who)) {
		for (unsigned i = 0; i < BOT_SYNS; i++)
			begin_at(e->at_ns + i * 50 * MS, APP_BOT, DAY_TCP, inside, any_port(),
			         23, 1);
		mean = 60 * S;
	} else {
		begin_something(e->at_ns, inside);
	}
	uint64_t next = e->at_ns + mean / 4 + draw(3 * mean / 2);
	if (next < finish)
		push(next, EVENT_PERSON, e->who, 0);
}

/* Flags of a step from inside, and whether the server answers; the end of a connection last. */
static uint8_t
flags_of(const struct session *s)
{
	if (s->proto == DAY_UDP)
		return 0;
	return s->step == 0 ? DAY_SYN : s->left == 0 ? DAY_FIN | DAY_ACK : DAY_PSH | DAY_ACK;
}

static uint64_t
gap_of(const struct session *s)
{
	switch (s->app) {
	case APP_VIDEO: return 20 * S;
	case APP_GAME: return 15 * S;
	case APP_P2P: return 10 * S + draw(30 * S);
	default: return 100 * MS + draw(400 * MS);
	}
}

static void
inside_turn(const struct event *e, struct doing *d)
{
	struct session *s = people_session(e->number);
	if (s == NULL)
		return;
	d->is_packet = d->from_inside = true;
	d->session = s;
	d->packet = (struct day_packet){s->inside, s->server, s->port, s->server_port, s->proto,
	                                flags_of(s), s->number};
	if (s->app == APP_BOT) {
		s->left = 0; /* nobody answers; it is over when its packet is */
		push(e->at_ns + 1, EVENT_OUTSIDE, e->who, e->number);
		return;
	}
	push(e->at_ns + 20 * MS, EVENT_OUTSIDE, e->who, e->number);
}

/* A peer of peer-to-peer tells others where it is: strangers speak first. */
static void
stranger_turn(const struct session *s, struct doing *d)
{
	d->packet.src = 0xc6130000u + (uint32_t)draw(60000);
	d->packet.sport = (uint16_t)(1024 + draw(60000));
}

static void
outside_turn(const struct event *e, struct doing *d)
{
	struct session *s = people_session(e->number);
	if (s == NULL)
		return;
	bool is_last = s->left == 0 && s->step > 0;
	if (s->outside == 0 || s->app == APP_BOT) { /* it never came through, or nobody listens */
		end(s);
		return;
	}
	d->is_packet = true;
	d->session = s;
	d->packet = (struct day_packet){s->server, s->outside, s->server_port, s->outside_port,
	                                s->proto, 0, s->number};
	if (s->proto == DAY_TCP)
		d->packet.flags = s->step == 0 ? DAY_SYN | DAY_ACK :
		                  is_last ? DAY_FIN | DAY_ACK : DAY_ACK;
	if (s->app == APP_P2P && draw(8) < STRANGERS)
		stranger_turn(s, d);
	s->step = 1;
	s->left -= s->left > 0;
	if (is_last) /* when its last packet has been delivered */
		push(e->at_ns + S, EVENT_OUTSIDE, e->who, 0);
	else
		push(e->at_ns + gap_of(s), EVENT_INSIDE, e->who, e->number);
}

static void
scan_turn(const struct event *e, struct doing *d)
{
	d->is_packet = true;
	d->packet = (struct day_packet){0xc6140000u + (uint32_t)draw(1000),
		DAY_OUTSIDE + (uint32_t)draw(e->who), any_port(), (uint16_t)(1 + draw(65535)),
		draw(2) ? DAY_TCP : DAY_UDP, DAY_SYN, 0};
	people_begun[APP_SCAN]++;
	if (e->at_ns < finish)
		push(e->at_ns + S + draw(4 * S), EVENT_SCAN, e->who, 0);
}

bool
people_next(struct doing *d)
{
	if (n_heap == 0)
		return false;
	struct event e = pop();
	*d = (struct doing){.at_ns = e.at_ns};
	switch ((enum kind)e.kind) {
	case EVENT_PERSON: person_turn(&e); break;
	case EVENT_INSIDE: inside_turn(&e, d); break;
	case EVENT_OUTSIDE:
		if (e.number == 0 && session[e.who].in_use)
			end(&session[e.who]);
		else
			outside_turn(&e, d);
		break;
	case EVENT_SCAN: scan_turn(&e, d); break;
	}
	return true;
}

void
people_open(uint32_t subscribers, uint64_t seed, uint64_t begin_ns, uint64_t end_ns)
{
	people = subscribers;
	state = seed;
	begin = begin_ns;
	finish = end_ns;
	for (n_free = 0; n_free < PEOPLE_SESSIONS; n_free++) {
		free_place[n_free] = n_free;
		session[n_free].number = n_free;
	}
	for (uint32_t i = 0; i < subscribers; i++)
		push(begin_ns + draw(900 * S), EVENT_PERSON, i, 0);
	push(begin_ns + S, EVENT_SCAN, DAY_POOL, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that are held, against a plain array; each said again once an interval. */
#include "ctl/daemon/log_held.h"
#include "ctl/log/resume.h"
#include "log_world.h"

static const struct log_names main_pool = {.pool = "main"};

enum { ADDRESSES = 40, BLOCKS = 60, STEPS = 200000 };

static uint64_t since[ADDRESSES][BLOCKS], said[ADDRESSES][BLOCKS];
static uint64_t now, interval, random_state;
static unsigned again;

static struct record
block(unsigned a, unsigned b, enum record_event event)
{
	struct record r = block_record(event, now, 1, a * 100 + b, (uint16_t)(1024 + b * 512));
	r.external = htonl(0xcb007100 + a);
	return r;
}

static void
toggle(struct log_held *h)
{
	unsigned a = (unsigned)(test_random(&random_state) % ADDRESSES);
	unsigned b = (unsigned)(test_random(&random_state) % BLOCKS);
	bool create = since[a][b] == 0;
	struct record r = block(a, b, create ? RECORD_BLOCK_CREATE : RECORD_BLOCK_DELETE);
	since[a][b] = said[a][b] = create ? now : 0;
	log_held_see(h, &r);
}

static void
is_due(void *arg, const struct record *r)
{
	unsigned a = ntohl(r->external) - 0xcb007100, b = (r->port_first - 1024u) / 512;
	CU_ASSERT_FATAL(a < ADDRESSES && b < BLOCKS && since[a][b] != 0);
	CU_ASSERT(r->event == RECORD_BLOCK_INTERIM && r->since_ns == since[a][b]);
	CU_ASSERT(r->subscriber == htonl(0x64400000 + a * 100 + b) && r->time_ns == now);
	CU_ASSERT(now - said[a][b] >= interval && now - said[a][b] <= interval * 3 / 2 + SECOND);
	said[a][b] = now;
	again++;
}

static void
model(void)
{
	struct log_held h = {0};
	random_state = test_seed();
	interval = 600 * SECOND;
	now = BEGIN_NS;
	for (unsigned i = 0; i < STEPS; i++) {
		now += SECOND / 10;
		if (i < STEPS / 4 || test_random(&random_state) % 50 == 0)
			toggle(&h);
		log_held_walk(&h, now, interval, is_due, NULL);
	}
	size_t held = 0;
	for (unsigned a = 0; a < ADDRESSES; a++)
		for (unsigned b = 0; b < BLOCKS; b++) {
			held += since[a][b] != 0;
			if (since[a][b] != 0)
				CU_ASSERT(now - said[a][b] <= interval * 3 / 2 + SECOND);
		}
	CU_ASSERT(h.used == held && held > 500 && again > 10000);
	struct record start = {.event = RECORD_START};
	log_held_see(&h, &start);
	CU_ASSERT_EQUAL(h.used, 0);
	log_held_fini(&h);
}

static uint64_t said_again[2];

static void
count_said(void *arg, const struct record *r)
{
	CU_ASSERT_FATAL(r->worker < 2);
	said_again[r->worker]++;
}

/* What may have ended in a gap is not said to be held; what is given out after it is. */
static void
in_doubt(void)
{
	struct log_held h = {0};
	interval = 100 * SECOND;
	now = BEGIN_NS;
	log_held_walk(&h, now, interval, count_said, NULL);
	for (unsigned w = 0; w < 2; w++) {
		struct record r = block(w, 0, RECORD_BLOCK_CREATE);
		r.worker = (uint8_t)w;
		log_held_see(&h, &r);
	}
	for (unsigned i = 0; i < 1000; i++, now += SECOND) {
		struct record gap = {.event = RECORD_GAP, .time_ns = now, .worker = 1};
		struct record r = block(7, 0, RECORD_BLOCK_CREATE);
		r.worker = 1;
		if (i == 300)
			log_held_see(&h, &gap);
		if (i == 600)
			log_held_see(&h, &r);
		gap.worker = RECORD_DAEMON; /* of all */
		if (i == 900)
			log_held_see(&h, &gap);
		log_held_walk(&h, now, interval, count_said, NULL);
		CU_ASSERT(i != 300 || (said_again[0] == 2 && said_again[1] == 2));
		CU_ASSERT(i != 600 || (said_again[0] >= 4 && said_again[1] == 2));
		if (i == 900) {
			CU_ASSERT(said_again[0] >= 6 && said_again[1] >= 4);
			said_again[0] = said_again[1] = 0;
		}
	}
	CU_ASSERT(said_again[0] == 0 && said_again[1] == 0);
	log_held_fini(&h);
}

/* The clock is set back by a day: what is held is said on, what is in doubt is not. */
static void
set_back(void)
{
	struct log_held h = {0};
	interval = 100 * SECOND;
	now = BEGIN_NS;
	said_again[0] = said_again[1] = 0;
	for (unsigned w = 0; w < 2; w++) {
		struct record r = block(w, 0, RECORD_BLOCK_CREATE);
		r.worker = (uint8_t)w;
		log_held_see(&h, &r);
	}
	struct record gap = {.event = RECORD_GAP, .time_ns = now + 50 * SECOND, .worker = 1};
	log_held_see(&h, &gap);
	struct record clock = {.event = RECORD_CLOCK, .since_ns = now + 60 * SECOND,
	                       .time_ns = now - 86400 * SECOND, .worker = RECORD_DAEMON};
	log_held_see(&h, &clock);
	now = clock.time_ns;
	for (unsigned i = 0; i < 400; i++, now += SECOND)
		log_held_walk(&h, now, interval, count_said, NULL);
	CU_ASSERT(said_again[0] >= 2 && said_again[0] <= 4 && said_again[1] == 0);
	log_held_fini(&h);
}

static void
read_back(void *arg, const struct record *rec, const char *pool)
{
	if (rec->event != RECORD_GAP)
		CU_ASSERT_STRING_EQUAL(pool, "main");
	log_held_see(arg, rec);
}

/* What a daemon that starts anew reads from the log. */
static void
resumed(void)
{
	struct log_held h = {0}, live = {0};
	uint64_t number[2] = {0, 0};
	log_begin();
	struct log_writer_conf c = writer_conf(60000, true);
	random_state = test_seed();
	memset(since, 0, sizeof(since));
	now = BEGIN_NS;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, now), 0);
	for (unsigned i = 0; i < 5000; i++) {
		now += SECOND;
		unsigned a = (unsigned)(test_random(&random_state) % ADDRESSES);
		unsigned b = (unsigned)(test_random(&random_state) % BLOCKS);
		struct record r = block(a, b, since[a][b] == 0 ? RECORD_BLOCK_CREATE :
		                                                 RECORD_BLOCK_DELETE);
		since[a][b] = since[a][b] == 0;
		if (i == 2000) {
			memset(since, 0, sizeof(since));
			memset(number, 0, sizeof(number));
			r = (struct record){.event = RECORD_START, .time_ns = now,
			                    .worker = RECORD_DAEMON};
		}
		r.worker = i == 3000 ? 1 : r.worker;
		if (i == 4000)
			r = (struct record){.event = RECORD_GAP, .time_ns = now, .lost = 1};
		if (i == 4000)
			since[a][b] = since[a][b] == 0; /* it is not known */
		if (i != 2000)
			number[r.worker]++;
		if (i != 2000 && i != 4000)
			r.sequence = number[r.worker];
		log_held_see(&live, &r);
		CU_ASSERT_EQUAL(log_writer_put(&writer, &r, &main_pool, now), 0);
	}
	log_writer_tick(&writer, now);
	CU_ASSERT_EQUAL(log_resume_blocks(writer.folder, read_back, &h), 0);
	CU_ASSERT_EQUAL(h.used, live.used);
	CU_ASSERT(h.used > 500 && h.doubt_ns[0] == BEGIN_NS + 4001 * SECOND);
	struct log_resume end;
	CU_ASSERT_EQUAL(log_resume_read(&end, writer.folder), 0);
	CU_ASSERT_EQUAL(end.start_ms, (BEGIN_NS + 2001 * SECOND) / 1000000);
	CU_ASSERT(end.last_ms == now / 1000000 && end.worker_ms[0] == end.last_ms);
	CU_ASSERT(end.sequence[0] == number[0] && end.sequence[1] == 1 && end.sequence[2] == 0);
	CU_ASSERT_EQUAL(end.worker_ms[1], (BEGIN_NS + 3001 * SECOND) / 1000000);
	CU_ASSERT(end.least_ms == end.worker_ms[1] && end.worker_ms[2] == end.start_ms);
	log_writer_close(&writer, now);
	log_held_fini(&h);
	log_held_fini(&live);
	log_end();
}

static const struct test_case cases[] = {
	{"said again", model},
	{"in doubt after a gap", in_doubt},
	{"the clock is set back", set_back},
	{"read from the log", resumed},
};
TEST_MAIN("log_held", cases)

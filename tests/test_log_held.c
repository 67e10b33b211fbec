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

static void
read_back(void *arg, const struct record *rec, const char *pool)
{
	CU_ASSERT_STRING_EQUAL(pool, "main");
	log_held_see(arg, rec);
}

/* What a daemon that starts anew reads from the log. */
static void
resumed(void)
{
	struct log_held h = {0}, live = {0};
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
			r = (struct record){.event = RECORD_START, .time_ns = now,
			                    .worker = RECORD_DAEMON};
		}
		log_held_see(&live, &r);
		CU_ASSERT_EQUAL(log_writer_put(&writer, &r, &main_pool, now), 0);
	}
	log_writer_tick(&writer, now);
	CU_ASSERT_EQUAL(log_resume_blocks(writer.folder, read_back, &h), 0);
	CU_ASSERT_EQUAL(h.used, live.used);
	CU_ASSERT(h.used > 500);
	log_writer_close(&writer, now);
	log_held_fini(&h);
	log_held_fini(&live);
	log_end();
}

static const struct test_case cases[] = {
	{"said again", model},
	{"read from the log", resumed},
};
TEST_MAIN("log_held", cases)

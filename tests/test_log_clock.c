/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who had it where the clock tells no order: set back between two data planes or while one runs,
 * set forward, a moment that is told in seconds. Rows of records, then of moments with what must be
 * said.
 */
#include "ctl/log/whohad.h"
#include "log_world.h"

enum { A = 2, B = 3, ROWS = 12, ASKED = 10 };

/* A record at a minute and second of the day; since: of a beginning or a step. */
struct row {
	uint8_t event;
	int at, since;
	uint32_t who;
	bool rotates; /* it is the first of a segment */
};

struct asked {
	int at, span_s;
	uint32_t who[2];
	bool certain, ambiguous, complete;
};

struct history {
	const char *name;
	struct row row[ROWS];
	int known;
	struct asked asked[ASKED];
};

#define AT(h, m) (((h) * 60 + (m)) * 60)
enum { BORN = RECORD_BLOCK_CREATE, DIED = RECORD_BLOCK_DELETE, START = RECORD_START,
       CLOCK = RECORD_CLOCK, STILL = RECORD_BLOCK_INTERIM };

static const struct history histories[] = {
	{"set back over a restart",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(17, 0), 0, A, 0},
	  {START, AT(16, 5), AT(18, 0), 0, 1}, {BORN, AT(16, 10), 0, B, 0}},
	 AT(20, 0),
	 {{AT(17, 30), 1, {A, B}, false, true, true}, /* either */
	  {AT(16, 30), 1, {B}, false, true, true},     /* B, or nobody */
	  {AT(17, 0), 1, {A, B}, false, true, true},
	  {AT(18, 30), 1, {B}, true, false, true},     /* the first one never came to that */
	  {AT(16, 2), 1, {0}, true, false, true}}},
	{"set back over a restart, released in time",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(17, 0), 0, A, 0}, {DIED, AT(17, 10), 0, A, 0},
	  {START, AT(16, 5), AT(18, 0), 0, 1}, {BORN, AT(17, 30), 0, B, 1}},
	 AT(20, 0),
	 {{AT(17, 5), 1, {A}, false, true, true}, {AT(17, 40), 1, {B}, false, true, true},
	  {AT(17, 20), 1, {0}, true, false, true}}},
	{"the log ends before the clock has caught up",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(17, 0), 0, A, 0}, {DIED, AT(17, 50), 0, A, 0},
	  {START, AT(16, 5), AT(18, 0), 0, 0}, {BORN, AT(16, 10), 0, B, 0}},
	 AT(16, 30),
	 {{AT(17, 30), 1, {A, B}, false, true, false}}},
	{"set back while it ran: the same subscriber both times",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(16, 10), 0, A, 0},
	  {CLOCK, AT(17, 0), AT(17, 30), 0, 0},
	  {DIED, AT(17, 40), 0, A, 0}},
	 AT(20, 0),
	 {{AT(17, 15), 1, {A}, true, false, true}, {AT(16, 20), 1, {A}, true, false, true},
	  {AT(17, 35), 1, {A}, true, false, true}, {AT(17, 45), 1, {0}, true, false, true}}},
	{"set back while it ran: another one the second time",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(16, 10), 0, A, 0}, {DIED, AT(17, 20), 0, A, 0},
	  {CLOCK, AT(17, 0), AT(17, 30), 0, 1}, {BORN, AT(17, 5), 0, B, 1},
	  {DIED, AT(17, 50), 0, B, 0}},
	 AT(20, 0),
	 {{AT(17, 10), 1, {A, B}, false, true, true}, {AT(17, 2), 1, {A}, false, true, true},
	  {AT(16, 30), 1, {A}, true, false, true}, {AT(17, 40), 1, {B}, true, false, true}}},
	{"set forward while it ran",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(16, 10), 0, A, 0},
	  {CLOCK, AT(18, 0), AT(17, 0), 0, 0},
	  {DIED, AT(18, 10), 0, A, 0}},
	 AT(20, 0),
	 {{AT(17, 30), 1, {A}, false, false, false}, {AT(16, 30), 1, {A}, true, false, true},
	  {AT(18, 5), 1, {A}, true, false, true}, {AT(18, 20), 1, {0}, true, false, true}}},
	{"set back a little, then far forward",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(16, 10), 0, A, 0},
	  {CLOCK, AT(16, 58), AT(17, 0), 0, 0}, {CLOCK, AT(18, 0), AT(16, 59), 0, 1}},
	 AT(20, 0),
	 {{AT(17, 30), 1, {A}, false, false, false}, {AT(16, 59) - 30, 1, {A}, true, false, true},
	  {AT(18, 30), 1, {A}, true, false, true}}},
	{"a beginning that is said again ends nothing",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(16, 10), 0, A, 0}, {START, AT(16, 0), 0, 0, 1},
	  {STILL, AT(16, 40), AT(16, 10), A, 0}},
	 AT(20, 0),
	 {{AT(16, 20), 1, {A}, true, false, true}, {AT(17, 0), 1, {A}, true, false, true}}},
	{"given to another within the second that is asked about",
	 {{START, AT(16, 0), 0, 0, 0}, {BORN, AT(16, 10), 0, A, 0}, {DIED, AT(17, 0), 0, A, 0},
	  {BORN, AT(17, 0) + 1, 0, B, 0}, {DIED, AT(18, 0), 0, B, 0}, {BORN, AT(18, 5), 0, A, 0}},
	 AT(20, 0),
	 {{AT(16, 59) + 59, 3, {A, B}, false, true, true},
	  {AT(16, 59) + 59, 1, {A}, true, false, true},
	  {AT(17, 0), 1, {0}, true, false, true}, {AT(17, 59) + 59, 5, {B}, true, false, true},
	  {AT(17, 0) + 1, 1, {B}, true, false, true}}},
};

static void
write_rows(const struct history *h, bool gzip)
{
	struct log_writer_conf c = writer_conf(1 << 20, gzip);
	uint64_t day = BEGIN_NS - AT(16, 0) * SECOND, sequence = 0;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	for (unsigned i = 0; i < ROWS && h->row[i].event != 0; i++) {
		const struct row *row = &h->row[i];
		uint64_t ns = day + (uint64_t)row->at * SECOND;
		struct record r = block_record(row->event, ns, 0, row->who, 1024);
		bool is_its = row->event == BORN || row->event == DIED;
		sequence = row->event == START && row->at != h->row[0].at ? 0 : sequence + is_its;
		r.sequence = is_its ? sequence : 0;
		if (log_event_is_of_all(r.event))
			r.worker = RECORD_DAEMON;
		if (row->since != 0)
			r.since_ns = day + (uint64_t)row->since * SECOND;
		if (row->rotates) {
			log_writer_close(&writer, ns);
			CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, ns), 0);
		}
		CU_ASSERT_EQUAL(log_writer_put(&writer, &r, NULL, ns), 0);
	}
}

static bool
has(const struct whohad *w, uint32_t who)
{
	for (unsigned i = 0; i < w->answers; i++)
		if (w->answer[i].subscriber == htonl(0x64400000 + who))
			return true;
	return who == 0;
}

static void
ask(const struct history *h, const struct whohad_live *live)
{
	uint64_t day_ms = BEGIN_NS / 1000000 - AT(16, 0) * 1000;
	for (unsigned i = 0; i < ASKED && h->asked[i].at != 0; i++) {
		const struct asked *q = &h->asked[i];
		struct whohad_query query = {.external = htonl(0xcb007100), .port = 1100,
			.at_ms = day_ms + (uint64_t)q->at * 1000 + 7,
			.known_ms = day_ms + (uint64_t)h->known * 1000};
		static struct whohad w;
		query.until_ms = query.at_ms + (uint64_t)q->span_s * 1000 - 8;
		CU_ASSERT_EQUAL(whohad_search(&query, writer.folder, live, &w), 0);
		bool good = w.answers == (q->who[0] != 0 ? 1u : 0) + (q->who[1] != 0 ? 1u : 0) &&
		            has(&w, q->who[0]) && has(&w, q->who[1]) &&
		            w.is_ambiguous == q->ambiguous && w.is_complete == q->complete;
		for (unsigned k = 0; k < w.answers; k++)
			good &= w.answer[k].is_certain == q->certain;
		CU_ASSERT(good);
		if (!good)
			printf("\n%s, %d:%02d: %u answers, certain %d, ambiguous %d, complete %d",
			       h->name, q->at / 3600, q->at / 60 % 60, w.answers,
			       w.answers != 0 && w.answer[0].is_certain, w.is_ambiguous,
			       w.is_complete);
	}
}

/* From the segment in use, from finished ones, and from their text alone. */
static void
all(void)
{
	for (unsigned i = 0; i < sizeof(histories) / sizeof(histories[0]); i++) {
		const struct history *h = &histories[i];
		char words[128];
		log_begin();
		write_rows(h, i % 2 == 0);
		struct whohad_live live = {.index = &writer.index, .stem = writer.stem,
		                           .next_number = writer.next_number};
		ask(h, &live);
		log_writer_close(&writer, BEGIN_NS);
		writer.folder = open(log_dir, O_RDONLY | O_DIRECTORY);
		ask(h, NULL);
		snprintf(words, sizeof(words), "rm %s/*.idx", log_dir);
		CU_ASSERT_EQUAL(system(words), 0);
		ask(h, NULL);
		close(writer.folder);
		log_end();
	}
}

static const struct test_case cases[] = {
	{"moments that the clock showed never, once, twice", all},
};
TEST_MAIN("log_clock", cases)

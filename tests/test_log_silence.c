/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of a moment about which it has no record, and of one whose segment is gone. */
#include "ctl/log/whohad.h"
#include "log_world.h"

static const struct log_names main_pool = {.pool = "main"};

/*
 * Silence is an answer only where the log leaves no doubt: who had a block before the log began is
 * not in it, and nothing says so until it is given back.
 */
static void
silence(void)
{
	enum { NONE, CREATE, DELETE, START };
	static const struct { uint8_t before, after; bool gap, complete, as_now; } cases[] = {
		{NONE, NONE, false, false, true}, {NONE, CREATE, false, true, false},
		{START, NONE, false, true, true}, {NONE, START, false, false, false},
		{DELETE, NONE, false, true, true}, {NONE, CREATE, true, false, false},
		{NONE, NONE, true, false, false}, {START, CREATE, true, true, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const uint8_t events[] = {[CREATE] = RECORD_BLOCK_CREATE,
			[DELETE] = RECORD_BLOCK_DELETE, [START] = RECORD_START};
		struct log_index ix;
		struct whohad w;
		uint64_t number = 0;
		log_index_init(&ix);
		for (uint64_t k = 0; k < 6; k++) { /* every 60 s; those around it are of others */
			uint64_t ns = BEGIN_NS + k * 60 * SECOND;
			struct record r = block_record(RECORD_BLOCK_CREATE, ns, k + 1, 2, 4096);
			uint8_t own = k == 1 ? cases[i].before : k == 4 ? cases[i].after : 0;
			if (own != NONE)
				r = block_record(events[own], ns, k + 1, 2, 1024);
			if (k == 3 && cases[i].gap)
				r = (struct record){.event = RECORD_GAP, .time_ns = ns,
				                    .since_ns = ns - SECOND};
			bool is_of_all = log_event_is_of_all(r.event);
			number = r.event == RECORD_START ? 0 : number + !is_of_all;
			r.sequence = is_of_all ? 0 : number;
			CU_ASSERT_EQUAL(log_index_add(&ix, &r, NULL, 100), 0);
		}
		struct whohad_live live = {.index = &ix, .stem = "x"};
		struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
			.at_ms = BEGIN_NS / 1000000 + 120000};
		CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
		CU_ASSERT(w.answers == 0 && w.is_complete == cases[i].complete);
		CU_ASSERT_EQUAL(w.is_as_now, cases[i].as_now);
		live.waits = 1; /* what is not in the segment yet may be about it */
		live.waits_ms = BEGIN_NS / 1000000 + 100000;
		CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
		CU_ASSERT(!w.is_complete && !w.is_as_now && w.gaps == 1);
		live.waits = 0;
		live.silent_ms = live.waits_ms; /* nothing is logged since */
		CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
		CU_ASSERT(!w.is_complete && !w.is_as_now && w.gaps == 1);
		live.silent_ms = 0;
		q.at_ms = BEGIN_NS / 1000000 - 1; /* before the log */
		CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
		CU_ASSERT(!w.is_complete && !w.is_as_now);
		log_index_fini(&ix);
	}
}

/* of: a record at so many seconds, of the block or of the port 1100 that it has. */
static struct record
of(unsigned event, unsigned second, uint32_t subscriber)
{
	struct record r = block_record(event, BEGIN_NS + second * SECOND, second, subscriber, 1024);
	if (event == RECORD_MAPPING_CREATE || event == RECORD_MAPPING_DELETE) {
		r.port_first = r.port_last = 1100;
		r.inside_port = (uint16_t)(5000 + subscriber);
		r.proto = 6;
	}
	return r;
}

/*
 * Where a begin or an end is not there and no gap may have it, it was not logged then: who is named
 * by what is there may have been followed, or preceded, by others. Asked is the end of second 5.
 */
static void
unexplained(void)
{
	enum { BEGIN = RECORD_BLOCK_CREATE, END = RECORD_BLOCK_DELETE,
	       MAP = RECORD_MAPPING_CREATE, UNMAP = RECORD_MAPPING_DELETE, START = RECORD_START };
	static const struct {
		struct { uint8_t event, second, subscriber; } line[5];
		uint8_t certain; /* of the answers, in their order, from the lowest bit on */
	} cases[] = {
		{{{START, 1, 0}, {BEGIN, 2, 2}, {BEGIN, 8, 3}}, 0},
		{{{START, 1, 0}, {BEGIN, 2, 2}, {RECORD_GAP, 7, 0}, {BEGIN, 9, 3}}, 1},
		{{{START, 1, 0}, {BEGIN, 2, 2}, {RECORD_GAP, 4, 0}, {BEGIN, 9, 3}}, 0},
		{{{START, 1, 0}, {END, 8, 2}}, 0},
		{{{BEGIN, 1, 9}, {END, 8, 2}}, 0},
		{{{START, 1, 0}, {RECORD_GAP, 3, 0}, {END, 8, 2}}, 1},
		{{{START, 1, 0}, {BEGIN, 2, 2}, {MAP, 3, 2}, {END, 8, 2}}, 2},
		{{{START, 1, 0}, {BEGIN, 2, 2}, {MAP, 3, 2}, {UNMAP, 7, 2}, {END, 8, 2}}, 3},
		{{{START, 1, 0}, {BEGIN, 2, 2}, {UNMAP, 7, 2}, {END, 8, 2}}, 2},
		{{{START, 1, 0}, {BEGIN, 2, 2}, {MAP, 3, 2}, {RECORD_GAP, 7, 0}, {END, 8, 2}}, 3},
		{{{START, 1, 0}, {MAP, 3, 2}, {MAP, 8, 3}}, 0},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_index ix;
		struct whohad w;
		uint64_t number = 0;
		unsigned certain = 0;
		log_index_init(&ix);
		for (unsigned k = 0; k < 5 && cases[i].line[k].event != 0; k++) {
			struct record r = of(cases[i].line[k].event, cases[i].line[k].second,
			                     cases[i].line[k].subscriber);
			bool is_of_all = log_event_is_of_all(r.event);
			r.since_ns = r.event == RECORD_GAP ? r.time_ns : 0;
			r.sequence = is_of_all ? 0 : ++number;
			CU_ASSERT_EQUAL(log_index_add(&ix, &r, NULL, 100), 0);
		}
		struct whohad_live live = {.index = &ix, .stem = "x"};
		struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100, .proto = 6,
			.at_ms = BEGIN_NS / 1000000 + 5999};
		CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
		for (unsigned k = 0; k < w.answers; k++)
			certain |= w.answer[k].is_certain << k;
		if (certain != cases[i].certain)
			printf("  case %u: %u of %u answers\n", i, certain, w.answers);
		CU_ASSERT_EQUAL(certain, cases[i].certain);
		log_index_fini(&ix);
	}
}

struct step {
	uint8_t event, second, subscriber;
	const char *realm;
};

#define ROW(event, second, subscriber) {event, second, subscriber, NULL}

/* asked: who had port 1100 in the seconds 5 to 8, after these steps. */
static struct whohad
asked(const struct step *step, unsigned steps)
{
	static struct whohad w;
	struct log_index ix;
	uint64_t number = 0;
	log_index_init(&ix);
	for (unsigned k = 0; k < steps; k++) {
		struct record r = of(step[k].event, step[k].second, step[k].subscriber);
		struct log_names names = {.pool = "main"};
		bool is_of_all = log_event_is_of_all(r.event);
		if (step[k].realm != NULL)
			snprintf(names.realm, sizeof(names.realm), "%s", step[k].realm);
		r.realm = step[k].realm != NULL;
		r.since_ns = is_of_all ? r.time_ns : 0;
		if (r.event == RECORD_CLOCK) /* it was set back */
			r.since_ns += 4 * SECOND;
		number = r.event == RECORD_START ? 0 : number + !is_of_all;
		r.sequence = is_of_all ? 0 : number;
		CU_ASSERT_EQUAL(log_index_add(&ix, &r, &names, 100), 0);
	}
	struct whohad_live live = {.index = &ix, .stem = "x"};
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100, .proto = 6,
		.at_ms = BEGIN_NS / 1000000 + 5000, .until_ms = BEGIN_NS / 1000000 + 8999};
	CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
	log_index_fini(&ix);
	return w;
}

/* A moment that lasts: nobody else is missing in all of it. */
static void
lasting(void)
{
	enum { BEGIN = RECORD_BLOCK_CREATE, END = RECORD_BLOCK_DELETE, START = RECORD_START,
	       GAP = RECORD_GAP };
	static const struct { struct step step[6]; bool certain, ambiguous; } cases[] = {
		{{ROW(START, 1, 0), ROW(BEGIN, 2, 2), ROW(END, 6, 2), ROW(BEGIN, 20, 3)}, true,
		 false},
		{{ROW(START, 1, 0), ROW(BEGIN, 2, 2), ROW(END, 6, 2), ROW(GAP, 7, 0),
		  ROW(BEGIN, 20, 3)}, false, false},
		{{ROW(START, 1, 0), ROW(BEGIN, 2, 2), ROW(END, 6, 2), ROW(GAP, 9, 0),
		  ROW(BEGIN, 20, 3)}, true, false},
		{{ROW(START, 1, 0), ROW(BEGIN, 7, 2), ROW(END, 20, 2)}, true, false},
		{{ROW(START, 1, 0), ROW(GAP, 6, 0), ROW(BEGIN, 7, 2), ROW(END, 20, 2)}, false,
		 false},
		{{ROW(START, 1, 0), ROW(BEGIN, 2, 2), ROW(GAP, 7, 0), ROW(END, 20, 2)}, false,
		 false},
		{{ROW(START, 1, 0), ROW(BEGIN, 2, 2), ROW(END, 6, 2), ROW(BEGIN, 7, 3),
		  ROW(END, 20, 3)}, false, true},
		/* two realms that had one number, and one */
		{{ROW(START, 1, 0), {BEGIN, 2, 2, "red"}, ROW(START, 7, 0), {BEGIN, 8, 2, "blue"}},
		 false, true},
		{{ROW(START, 1, 0), {BEGIN, 2, 2, "red"}, ROW(START, 7, 0), {BEGIN, 8, 2, "red"}},
		 true, false},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned steps = 0;
		while (steps < 6 && cases[i].step[steps].event != 0)
			steps++;
		struct whohad w = asked(cases[i].step, steps);
		bool certain = w.answers != 0;
		for (unsigned k = 0; k < w.answers; k++)
			certain &= w.answer[k].is_certain;
		if (certain != cases[i].certain || w.is_ambiguous != cases[i].ambiguous)
			printf("  case %u: %u answers\n", i, w.answers);
		CU_ASSERT(certain == cases[i].certain && w.is_ambiguous == cases[i].ambiguous);
		CU_ASSERT(!w.is_complete || certain || w.is_ambiguous);
	}
}

/* More than are listed: who is not may be another one. */
static void
many(void)
{
	static struct step step[2 * WHOHAD_ANSWERS + 5] = {{RECORD_START, 1, 0, NULL}};
	for (unsigned n = WHOHAD_ANSWERS; n <= WHOHAD_ANSWERS + 1; n++) {
		for (unsigned i = 0; i < n; i++) {
			uint8_t who = i == WHOHAD_ANSWERS ? 3 : 2;
			step[1 + 2 * i] = (struct step){RECORD_BLOCK_CREATE, 6, who, NULL};
			step[2 + 2 * i] = (struct step){RECORD_BLOCK_DELETE, 6, who, NULL};
		}
		struct whohad w = asked(step, 2 * n + 1);
		CU_ASSERT(w.answers == WHOHAD_ANSWERS && w.answers_lost == n - WHOHAD_ANSWERS);
		for (unsigned i = 0; i < w.answers; i++)
			CU_ASSERT_EQUAL(w.answer[i].is_certain, n == WHOHAD_ANSWERS);
		CU_ASSERT_EQUAL(w.is_ambiguous, n != WHOHAD_ANSWERS);
	}
}

/* So is who is not listed of several times that the clock showed. */
static void
many_twice(void)
{
	enum { EACH = WHOHAD_ANSWERS / 2 };
	static struct step step[4 * EACH + 8] = {{RECORD_START, 1, 0, NULL}};
	for (unsigned more = 0; more < 2; more++) {
		unsigned n = 1;
		for (uint8_t i = 0; i < 2 * EACH + more; i++) {
			uint8_t second = i < EACH ? 6 : 7;
			if (i == EACH)
				step[n++] = (struct step){RECORD_CLOCK, 5, 0, NULL};
			step[n++] = (struct step){RECORD_BLOCK_CREATE, second, i + 2, NULL};
			step[n++] = (struct step){RECORD_BLOCK_DELETE, second, i + 2, NULL};
		}
		struct whohad w = asked(step, n);
		CU_ASSERT(w.is_twice && w.answers == WHOHAD_ANSWERS && w.answers_lost == more);
		CU_ASSERT(w.is_complete == (more == 0));
	}
}

/* A segment that somebody took away is a gap, though no record says so. */
static void
absent_segment(void)
{
	char path[192], name[LOG_STEM];
	struct whohad w;
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
	                         .at_ms = BEGIN_NS / 1000000 + 250000};
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, false);
	for (uint64_t k = 0; k < 3; k++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS + k * 100 * SECOND,
		                               k + 1, 2, k == 0 ? 1024 : 4096);
		CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, r.time_ns), 0);
		log_writer_put(&writer, &r, &main_pool, r.time_ns);
		if (k == 1)
			snprintf(name, sizeof(name), "%s", writer.stem);
		log_writer_close(&writer, r.time_ns);
	}
	int folder = open(log_dir, O_RDONLY | O_DIRECTORY);
	q.known_ms = q.at_ms;
	CU_ASSERT_EQUAL(whohad_search(&q, folder, NULL, &w), 0);
	CU_ASSERT(w.answers == 1 && w.answer[0].is_certain && w.gaps == 0);
	snprintf(path, sizeof(path), "%s/%s.jsonl", log_dir, name);
	CU_ASSERT_EQUAL(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/%s.idx", log_dir, name);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(whohad_search(&q, folder, NULL, &w), 0);
	CU_ASSERT(w.answers == 1 && !w.answer[0].is_certain && w.gaps == 1);
	CU_ASSERT_EQUAL(w.gap[0].from_ms, BEGIN_NS / 1000000);
	CU_ASSERT_EQUAL(w.gap[0].to_ms, BEGIN_NS / 1000000 + 200000);
	close(folder);
	log_end();
}

static const struct test_case cases[] = {
	{"silence", silence},
	{"begins and ends that are not there", unexplained},
	{"a moment that lasts", lasting},
	{"more answers than are listed", many},
	{"more of two times", many_twice},
	{"a segment that is not there", absent_segment},
};
TEST_MAIN("log_silence", cases)

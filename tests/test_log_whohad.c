/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who had an address and port: made-up histories, written through the log, asked at random moments
 * and held against the history itself. Records that are lost may make an answer uncertain, never
 * wrong.
 */
#include <time.h>

#include "ctl/api/api.h"
#include "ctl/log/whohad.h"
#include "log_world.h"

static const struct log_names main_pool = {.pool = "main"};

enum { ADDRESSES = 3, BLOCKS = 4, SUBSCRIBERS = 6, SPANS = 20000, BLOCK_PORTS = 512,
       FIRST_PORT = 1024, STEPS = 6000, QUESTIONS = 800 };

struct truth {
	uint32_t subscriber, mapping_port; /* mapping_port 0: a block */
	uint64_t from_ms, to_ms;           /* to_ms 0: held */
	uint64_t next_ms;                  /* ended with its data plane: when the next one began */
	unsigned address, block;
};

static struct truth truth[SPANS];
static unsigned n_truth;
static struct truth *held[ADDRESSES][BLOCKS], *mapped[ADDRESSES][BLOCKS];
static uint64_t now_ms, first_ms, sequence, random_state, lost, last_sent_ms;
static bool losing; /* records are not logged now */

static struct record
make(enum record_event event, const struct truth *t)
{
	struct record r = block_record(event, now_ms * 1000000, sequence, t->subscriber,
	                               (uint16_t)(FIRST_PORT + t->block * BLOCK_PORTS));
	r.external = htonl(0xcb007100 + t->address);
	if (t->mapping_port != 0) {
		r.port_first = r.port_last = (uint16_t)t->mapping_port;
		r.proto = 6;
		r.inside_port = (uint16_t)(t->mapping_port ^ 0x5555);
	}
	return r;
}

static void
note(const struct record *r)
{
	if (losing) {
		lost++;
		return;
	}
	if (lost != 0) {
		struct record gap = {.time_ns = r->time_ns, .since_ns = last_sent_ms * 1000000,
		                     .event = RECORD_GAP, .lost = lost};
		CU_ASSERT_EQUAL(log_writer_put(&writer, &gap, NULL, r->time_ns), 0);
		lost = 0;
	}
	CU_ASSERT_EQUAL(log_writer_put(&writer, r, &main_pool, r->time_ns), 0);
	last_sent_ms = now_ms;
}

static void
event(enum record_event what, const struct truth *t)
{
	sequence++;
	struct record r = make(what, t);
	note(&r);
}

static struct truth *
span_add(unsigned address, unsigned block, uint32_t subscriber, uint32_t mapping_port)
{
	struct truth *t = &truth[n_truth++];
	CU_ASSERT_FATAL(n_truth < SPANS);
	*t = (struct truth){subscriber, mapping_port, now_ms, 0, 0, address, block};
	return t;
}

static void
end_mapping(unsigned a, unsigned b)
{
	if (mapped[a][b] == NULL)
		return;
	mapped[a][b]->to_ms = now_ms;
	event(RECORD_MAPPING_DELETE, mapped[a][b]);
	mapped[a][b] = NULL;
}

static void
toggle(unsigned a, unsigned b)
{
	if (held[a][b] == NULL) {
		uint32_t who = (uint32_t)(test_random(&random_state) % SUBSCRIBERS);
		held[a][b] = span_add(a, b, who, 0);
		event(RECORD_BLOCK_CREATE, held[a][b]);
		return;
	}
	end_mapping(a, b);
	held[a][b]->to_ms = now_ms;
	event(RECORD_BLOCK_DELETE, held[a][b]);
	held[a][b] = NULL;
}

static void
toggle_mapping(unsigned a, unsigned b)
{
	if (held[a][b] == NULL)
		return;
	if (mapped[a][b] != NULL) {
		end_mapping(a, b);
		return;
	}
	uint32_t port = FIRST_PORT + b * BLOCK_PORTS + test_random(&random_state) % 8;
	mapped[a][b] = span_add(a, b, held[a][b]->subscriber, port);
	event(RECORD_MAPPING_CREATE, mapped[a][b]);
}

static void
interim(void)
{
	for (unsigned a = 0; a < ADDRESSES; a++)
		for (unsigned b = 0; b < BLOCKS; b++) {
			if (held[a][b] == NULL)
				continue;
			struct record r = make(RECORD_BLOCK_INTERIM, held[a][b]);
			r.sequence = 0;
			r.since_ns = held[a][b]->from_ms * 1000000;
			note(&r);
		}
}

static void
end_with_plane(struct truth *t, uint64_t next_ms)
{
	if (t == NULL)
		return;
	t->to_ms = now_ms;
	t->next_ms = next_ms;
}

/*
 * restart: a data plane is killed, and only the next one's beginning says so. Where the daemon is
 * away meanwhile nobody knows what was not logged.
 */
static void
restart(void)
{
	uint64_t next_ms = now_ms + 1 + test_random(&random_state) % 20000;
	struct record unknown = {.time_ns = next_ms * 1000000, .since_ns = last_sent_ms * 1000000,
	                         .event = RECORD_GAP, .worker = RECORD_DAEMON};
	struct record r = {.time_ns = next_ms * 1000000, .event = RECORD_START,
	                   .since_ns = losing ? last_sent_ms * 1000000 : now_ms * 1000000,
	                   .worker = RECORD_DAEMON};
	for (unsigned a = 0; a < ADDRESSES; a++)
		for (unsigned b = 0; b < BLOCKS; b++) {
			end_with_plane(held[a][b], next_ms);
			end_with_plane(mapped[a][b], next_ms);
			held[a][b] = mapped[a][b] = NULL;
		}
	now_ms = next_ms;
	if (losing) {
		losing = false;
		lost = 0;
		note(&unknown);
	}
	note(&r);
	sequence = 0;
}

static void
history(unsigned steps, bool with_gaps)
{
	for (unsigned i = 0; i < steps; i++) {
		unsigned a = (unsigned)(test_random(&random_state) % ADDRESSES);
		unsigned b = (unsigned)(test_random(&random_state) % BLOCKS);
		unsigned what = (unsigned)(test_random(&random_state) % 1000);
		now_ms += 1 + test_random(&random_state) % 5000;
		if (what < 400)
			toggle(a, b);
		else if (what < 980)
			toggle_mapping(a, b);
		else if (what < 995)
			interim();
		else if (what < 997)
			restart();
		if (with_gaps && test_random(&random_state) % 100 == 0)
			losing = !losing;
	}
}

static const struct truth *
truth_at(const struct whohad_query *q, bool mapping)
{
	for (unsigned i = 0; i < n_truth; i++) {
		const struct truth *t = &truth[i];
		uint32_t first = FIRST_PORT + t->block * BLOCK_PORTS;
		if ((t->mapping_port != 0) == mapping &&
		    q->external == htonl(0xcb007100 + t->address) && t->from_ms <= q->at_ms &&
		    (t->to_ms == 0 || q->at_ms < t->to_ms) &&
		    (mapping ? q->port == t->mapping_port :
		               q->port >= first && q->port < first + BLOCK_PORTS))
			return t;
	}
	return NULL;
}

static const struct whohad_answer *
answer_of(const struct whohad *w, enum whohad_kind kind, unsigned *n)
{
	const struct whohad_answer *found = NULL;
	*n = 0;
	for (unsigned i = 0; i < w->answers; i++)
		if (w->answer[i].kind == kind) {
			found = &w->answer[i];
			++*n;
		}
	return found;
}

static struct whohad_query
question(void)
{
	uint32_t port = FIRST_PORT + (uint32_t)(test_random(&random_state) % BLOCKS) * BLOCK_PORTS +
	                (uint32_t)(test_random(&random_state) % 16);
	uint64_t begin = first_ms;
	return (struct whohad_query){
		.external = htonl(0xcb007100 + (uint32_t)(test_random(&random_state) % ADDRESSES)),
		.port = (uint16_t)port, .proto = test_random(&random_state) % 2 ? 6 : 0,
		.at_ms = begin + test_random(&random_state) % (now_ms - begin + 1000),
		.known_ms = now_ms + 1000,
	};
}

/* is_between: is it about a moment when one data plane had ended and the next had not begun? */
static bool
is_between(const struct whohad_answer *a, uint64_t at_ms)
{
	return a != NULL && a->end == WHOHAD_RESTARTED && at_ms > a->heard_ms;
}

static void
exact(const struct whohad_answer *a, const struct truth *t)
{
	CU_ASSERT_EQUAL(a != NULL, t != NULL);
	if (a == NULL || t == NULL)
		return;
	CU_ASSERT_EQUAL(a->subscriber, htonl(0x64400000 + t->subscriber));
	bool restarted = a->end == WHOHAD_RESTARTED;
	CU_ASSERT(a->from_ms == t->from_ms && restarted == (t->next_ms != 0));
	CU_ASSERT(a->to_ms == (restarted ? t->next_ms : t->to_ms));
	CU_ASSERT(!restarted || a->heard_ms == t->to_ms);
	CU_ASSERT(a->is_certain && a->records >= 1);
	CU_ASSERT_STRING_EQUAL(a->names.pool, "main");
}

static void
answers(bool with_gaps)
{
	struct whohad_live live = {.index = &writer.index, .stem = writer.stem};
	unsigned certain = 0, found = 0, mistaken = 0, between = 0;
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct whohad_query q = question();
		struct whohad w;
		unsigned blocks, mappings;
		CU_ASSERT_EQUAL_FATAL(whohad_search(&q, writer.folder, &live, &w), 0);
		const struct truth *block = truth_at(&q, false), *mapping = truth_at(&q, true);
		const struct whohad_answer *a = answer_of(&w, WHOHAD_BLOCK, &blocks);
		const struct whohad_answer *m = answer_of(&w, WHOHAD_MAPPING, &mappings);
		found += a != NULL;
		if (!with_gaps) {
			CU_ASSERT(blocks <= 1 && mappings <= 1 && w.gaps == 0);
			if (is_between(a, q.at_ms)) {
				CU_ASSERT(!a->is_certain && !w.is_complete && block == NULL);
				between++;
				continue;
			}
			exact(a, block);
			CU_ASSERT_EQUAL(w.is_complete, true);
			if (a == NULL || a->record[0].entry.event != RECORD_BLOCK_INTERIM)
				exact(m, mapping);
			continue;
		}
		certain += a != NULL && a->is_certain;
		if (a != NULL && a->is_certain)
			mistaken += block == NULL ||
			            a->subscriber != htonl(0x64400000 + block->subscriber);
		if (w.answers == 0 && w.is_complete)
			mistaken += block != NULL;
	}
	CU_ASSERT(found > QUESTIONS / 4 && found < QUESTIONS);
	CU_ASSERT(with_gaps || between > 0);
	CU_ASSERT_EQUAL(mistaken, 0);
	CU_ASSERT(!with_gaps || (certain > QUESTIONS / 20 && certain < found));
}

static void
run(bool with_gaps)
{
	log_begin();
	struct log_writer_conf c = writer_conf(40000, true);
	memset(held, 0, sizeof(held));
	memset(mapped, 0, sizeof(mapped));
	n_truth = 0;
	sequence = lost = 0;
	losing = false;
	random_state = test_seed() + with_gaps;
	now_ms = last_sent_ms = BEGIN_NS / 1000000;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	restart();
	first_ms = now_ms;
	history(STEPS, with_gaps);
	losing = false;
	interim();
	answers(with_gaps); /* while segments are being compressed */
	log_writer_settle(&writer);
	answers(with_gaps);
	log_writer_close(&writer, now_ms * 1000000);
	CU_ASSERT(log_files(".jsonl.gz", NULL) > 10);
	log_end();
}

static void
whole_log(void)
{
	run(false);
}

static void
log_with_gaps(void)
{
	run(true);
}

/* What a log that begins late, has no end, or nothing, says. */
static void
bounds(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(40000, true);
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
	                         .at_ms = BEGIN_NS / 1000000};
	struct whohad w;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	CU_ASSERT_EQUAL(whohad_search(&q, writer.folder, NULL, &w), 0);
	CU_ASSERT(w.answers == 0 && !w.is_complete && w.log_first_ms == 0);
	struct record r = block_record(RECORD_BLOCK_DELETE, BEGIN_NS + 60 * SECOND, 9, 2, 1024);
	log_writer_put(&writer, &r, &main_pool, r.time_ns);
	struct whohad_live live = {.index = &writer.index, .stem = writer.stem};
	whohad_search(&q, writer.folder, &live, &w); /* before the log begins */
	CU_ASSERT(w.answers == 0 && !w.is_complete && w.log_first_ms == q.at_ms + 60000);
	r = block_record(RECORD_BLOCK_DELETE, BEGIN_NS + 90 * SECOND, 10, 3, 1536);
	log_writer_put(&writer, &r, &main_pool, r.time_ns);
	q.at_ms += 70000;
	q.port = 1600; /* held when the log began, until later */
	whohad_search(&q, writer.folder, &live, &w);
	CU_ASSERT(w.answers == 1 && w.answer[0].from_ms == 0 && w.answer[0].is_certain);
	CU_ASSERT_EQUAL(w.answer[0].subscriber, htonl(0x64400003));
	q.port = 5000;
	whohad_search(&q, writer.folder, &live, &w);
	CU_ASSERT(w.answers == 0 && w.opened == 1);
	log_writer_close(&writer, BEGIN_NS);
	log_end();
}

/* Nobody knows what comes after the moment until which the log is known. */
static void
beyond(void)
{
	static const uint64_t last = BEGIN_NS / 1000000 + 60000;
	static const struct { uint64_t known_ms, at_ms; bool is_beyond; } cases[] = {
		{0, last, false}, {0, last + 1, true}, {last + 500, last + 500, false},
		{last + 500, last + 501, true}, {last + 500, last - 1, false},
	};
	log_begin();
	struct log_writer_conf c = writer_conf(40000, true);
	struct whohad w;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	for (unsigned i = 0; i < 2; i++) { /* port 1100 is held, 1600 was given back */
		struct record r = {.event = RECORD_START, .time_ns = BEGIN_NS,
		                   .worker = RECORD_DAEMON};
		if (i == 0)
			log_writer_put(&writer, &r, NULL, r.time_ns);
		r = block_record(i == 0 ? RECORD_BLOCK_CREATE : RECORD_BLOCK_DELETE,
		                               BEGIN_NS + 60 * i * SECOND, i + 1, 2,
		                               i == 0 ? 1024 : 1536);
		log_writer_put(&writer, &r, &main_pool, r.time_ns);
	}
	struct whohad_live live = {.index = &writer.index, .stem = writer.stem};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
		                         .at_ms = cases[i].at_ms, .known_ms = cases[i].known_ms};
		CU_ASSERT_EQUAL(whohad_search(&q, writer.folder, &live, &w), 0);
		CU_ASSERT(w.is_beyond == cases[i].is_beyond && w.answers == 1);
		CU_ASSERT(w.answer[0].is_certain == !cases[i].is_beyond);
		CU_ASSERT(w.is_complete == !cases[i].is_beyond);
		q.port = 5000; /* nobody's, then */
		CU_ASSERT_EQUAL(whohad_search(&q, writer.folder, &live, &w), 0);
		CU_ASSERT(w.answers == 0 && w.is_complete == !cases[i].is_beyond);
		json_t *r = api_whohad_json(&q, &w, 0);
		char *text = json_dumps(json_object_get(r, "notes"), 0);
		const char *says = q.known_ms != 0 ? "still to come" : "the log ends before";
		CU_ASSERT((strstr(text, says) != NULL) == cases[i].is_beyond);
		CU_ASSERT((strstr(text, "nobody had it") != NULL) == !cases[i].is_beyond);
		free(text);
		json_decref(r);
	}
	log_writer_close(&writer, BEGIN_NS);
	log_end();
}

/* A line that cannot be read may have been any record, then: neither before nor after. */
static void
unread(void)
{
	static const struct { unsigned second; bool create; } lines[] = {
		{0, true}, {60, false}, {120, true}, {0, false}, {240, false}, {300, true},
	};
	static const struct { unsigned second; bool has, sure; } cases[] = {
		{30, true, true}, {90, false, true}, {120, true, true}, {121, true, false},
		{200, true, false}, {250, false, false}, {300, true, true},
	};
	struct log_index ix;
	struct whohad w;
	log_index_init(&ix);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct record r = block_record(lines[i].create ? RECORD_BLOCK_CREATE :
			RECORD_BLOCK_DELETE, BEGIN_NS + lines[i].second * SECOND, i + 1, 2, 1024);
		CU_ASSERT_EQUAL(log_index_add(&ix, i == 3 ? NULL : &r, NULL, 100), 0);
	}
	struct whohad_live live = {.index = &ix, .stem = "x"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
			.at_ms = BEGIN_NS / 1000000 + cases[i].second * 1000};
		CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, &w), 0);
		CU_ASSERT(w.answers == cases[i].has);
		CU_ASSERT(w.answers == 0 || w.answer[0].is_certain == cases[i].sure);
		if (cases[i].has && !cases[i].sure)
			CU_ASSERT(w.gaps == 1 && w.gap[0].lost == 1);
	}
	log_index_fini(&ix);
}

/* A block is no answer to a question about a protocol that has no ports here. */
static void
other_protocols(void)
{
	struct log_entry e = {.external = htonl(0xcb007100), .port_first = 1024,
	                      .port_last = 1535, .event = RECORD_BLOCK_CREATE};
	static const struct { uint8_t proto; bool concerns; } cases[] = {
		{0, true}, {1, true}, {6, true}, {17, true}, {47, false}, {132, false},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct whohad_query q = {.external = e.external, .port = 1100,
		                         .proto = cases[i].proto};
		CU_ASSERT_EQUAL(whohad_concerns(&q, &e), cases[i].concerns);
	}
}

/* A realm's number is somebody else's later: answers have the name that it had, from a segment that
 * is finished and from the one that is written. */
static void
names_of_realms(void)
{
	static const struct log_names red = {.pool = "main", .realm = "red"},
	                              green = {.pool = "main", .realm = "green"};
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100};
	struct whohad w;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t ns = BEGIN_NS + i * 100 * SECOND;
		struct record r = block_record(RECORD_BLOCK_CREATE, ns, 2 * i + 1, 2, 1024);
		CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, ns), 0);
		r.realm = 7;
		log_writer_put(&writer, &r, i == 0 ? &red : &green, ns);
		r.event = RECORD_BLOCK_DELETE;
		r.sequence++;
		r.time_ns = ns + 50 * SECOND;
		log_writer_put(&writer, &r, i == 0 ? &red : &green, r.time_ns);
		if (i == 0)
			log_writer_close(&writer, r.time_ns);
	}
	struct whohad_live live = {.index = &writer.index, .stem = writer.stem};
	for (unsigned i = 0; i < 2; i++) {
		q.at_ms = BEGIN_NS / 1000000 + i * 100000 + 20000;
		CU_ASSERT_EQUAL(whohad_search(&q, writer.folder, &live, &w), 0);
		CU_ASSERT_FATAL(w.answers == 1 && w.answer[0].realm == 7);
		CU_ASSERT_STRING_EQUAL(w.answer[0].names.realm, i == 0 ? "red" : "green");
		json_t *r = api_whohad_json(&q, &w, 0);
		const json_t *a = json_array_get(json_object_get(r, "answers"), 0);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "realm_name")),
		                       i == 0 ? "red" : "green");
		json_decref(r);
	}
	log_writer_close(&writer, BEGIN_NS);
	log_end();
}

/* Flows that share a mapping, and a protocol that is asked for. */
static void
sessions(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1024};
	struct whohad w;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	static const struct { uint8_t event; unsigned second; } events[] = {
		{RECORD_SESSION_CREATE, 10}, {RECORD_SESSION_CREATE, 20},
		{RECORD_SESSION_DELETE, 30}, {RECORD_SESSION_DELETE, 40},
	};
	for (unsigned i = 0; i < 4; i++) {
		uint64_t ns = BEGIN_NS + events[i].second * SECOND;
		struct record r = block_record(events[i].event, ns, i + 1, 2, 1024);
		r.port_last = r.port_first;
		r.proto = 17;
		r.inside_port = 40000;
		log_writer_put(&writer, &r, &main_pool, r.time_ns);
	}
	struct whohad_live live = {.index = &writer.index, .stem = writer.stem};
	for (unsigned s = 0; s < 60; s += 5) {
		q.at_ms = BEGIN_NS / 1000000 + s * 1000;
		q.proto = 0;
		whohad_search(&q, -1, &live, &w);
		CU_ASSERT_EQUAL(w.answers, s >= 10 && s < 40);
		q.proto = 6;
		whohad_search(&q, -1, &live, &w);
		CU_ASSERT_EQUAL(w.answers, 0);
	}
	log_writer_close(&writer, BEGIN_NS);
	log_end();
}

static const struct test_case cases[] = {
	{"a log without gaps", whole_log},
	{"a log with gaps", log_with_gaps},
	{"where the log begins", bounds},
	{"where the log ends", beyond},
	{"lines that cannot be read", unread},
	{"sessions", sessions},
	{"other protocols", other_protocols},
	{"names of realms", names_of_realms},
};
TEST_MAIN("log_whohad", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* From rings to sinks: missing sequence numbers become gaps, full queues lose and say so. */
#include "ctl/daemon/log_bus.h"
#include "ctl/daemon/log_source.h"
#include "log_world.h"

static struct record_segment *seg;
static struct record got[70000];
static size_t n_got;

static void
take_all(void *arg, const struct record *rec, size_t n)
{
	for (size_t i = 0; i < n; i++)
		got[n_got++] = rec[i];
}

static void
rings_begin(void)
{
	uint64_t size = (record_segment_size(2) + 63) / 64 * 64;
	seg = aligned_alloc(64, size);
	memset(seg, 0, size);
	record_segment_init(seg, 2);
	n_got = 0;
}

/* worker_put: as a worker does: every record has a number, also one that is lost. */
static void
worker_put(unsigned worker, uint64_t *sequence, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t s = ++*sequence;
		struct record r = block_record(RECORD_BLOCK_CREATE, s * SECOND, s, 1, 1024);
		r.worker = (uint8_t)worker;
		record_put(&seg->ring[worker], &r);
	}
}

/* adds_up: records and gaps of a worker, from the first number on, leave none out. */
static uint64_t
adds_up(unsigned worker)
{
	uint64_t next = 1;
	for (size_t i = 0; i < n_got; i++) {
		if (got[i].worker != worker)
			continue;
		if (got[i].event == RECORD_GAP) {
			next += got[i].lost;
			CU_ASSERT(got[i].lost != 0 && got[i].since_ns <= got[i].time_ns);
		} else {
			CU_ASSERT_EQUAL(got[i].sequence, next++);
		}
	}
	return next - 1;
}

static void
gaps(void)
{
	struct log_source s = {0};
	struct log_resume none = {.start_ms = 1};
	uint64_t sequence[2] = {0}, now = SECOND * 1000000, random = test_seed();
	rings_begin();
	log_source_begin(&s, 5 * SECOND, &none);
	for (unsigned turn = 0; turn < 12; turn++) {
		unsigned many = turn % 3 == 0 ? RECORD_RING + 100 : 50;
		worker_put(0, &sequence[0], (unsigned)(test_random(&random) % many));
		worker_put(1, &sequence[1], (unsigned)(test_random(&random) % 100));
		if (n_got < 40000)
			log_source_drain(&s, seg, now, take_all, NULL);
	}
	worker_put(0, &sequence[0], RECORD_RING + 7); /* the last ones are lost */
	log_source_drain(&s, seg, now, take_all, NULL);
	CU_ASSERT_EQUAL(adds_up(0), sequence[0]);
	CU_ASSERT_EQUAL(adds_up(1), sequence[1]);
	size_t last = n_got - 1;
	while (got[last].worker != 0)
		last--;
	CU_ASSERT(got[last].event == RECORD_GAP && got[last].lost == 7);
	CU_ASSERT_EQUAL(s.lost, sequence[0] + sequence[1] -
	                atomic_load(&seg->ring[0].head) - atomic_load(&seg->ring[1].head));
	CU_ASSERT_EQUAL(log_source_gone(seg), sequence[0] + sequence[1]);
	size_t before = n_got;
	log_source_drain(&s, seg, now, take_all, NULL);
	CU_ASSERT_EQUAL(n_got, before);
	free(seg);
}

/* A daemon that starts anew, before the same data plane and before another. */
static void
resumed(void)
{
	struct log_resume log = {.start_ms = 5000, .last_ms = 9500, .sequence = {10},
	                         .worker_ms = {9000}};
	struct log_source s = {0}, first = {0}, other = {0};
	uint64_t sequence = 0, later = 0;
	rings_begin();
	worker_put(0, &sequence, 12);
	record_take(&seg->ring[0], got, 11); /* 11 went with the daemon that was killed */
	log_source_begin(&s, 5 * SECOND, &log);
	log_source_drain(&s, seg, 20 * SECOND, take_all, NULL);
	CU_ASSERT(n_got == 2 && got[0].event == RECORD_GAP && got[0].lost == 1);
	CU_ASSERT(got[0].since_ns == 9 * SECOND && got[1].sequence == 12);
	free(seg);
	rings_begin();
	worker_put(0, &later, 3);
	log_source_begin(&s, 30 * SECOND, &log); /* a new data plane counts from 1 */
	log_source_drain(&s, seg, 40 * SECOND, take_all, NULL);
	CU_ASSERT(n_got == 3 && s.gaps == 1);
	free(seg);
	rings_begin();
	worker_put(0, &later, 3); /* 4 to 6 */
	record_take(&seg->ring[0], got, 0);
	log_source_begin(&first, 30 * SECOND, NULL); /* nothing is known of what was before */
	log_source_drain(&first, seg, 40 * SECOND, take_all, NULL);
	CU_ASSERT(n_got == 3 && first.gaps == 0);
	free(seg);
	rings_begin();
	later = 3;
	worker_put(0, &later, 1);
	log_source_begin(&other, 30 * SECOND, &log); /* 1 to 3 of a new one are missing */
	log_source_drain(&other, seg, 40 * SECOND, take_all, NULL);
	CU_ASSERT(n_got == 2 && got[0].event == RECORD_GAP && got[0].lost == 3);
	free(seg);
}

/* A sink that takes as many as it is allowed. */
static struct log_bus bus;
static struct log_sink sink;
static unsigned allowed;

static void
pump(struct log_sink *s, uint64_t now_ns)
{
	const struct record *r;
	for (; allowed > 0 && (r = log_sink_next(s)) != NULL; allowed--) {
		got[n_got++] = *r;
		log_sink_take(s);
	}
	log_sink_arrived(s);
}

static void
destroy(struct log_sink *s)
{
	log_sink_fini(s);
}

static struct log_sink_ops ops = {"test", pump, NULL, destroy, false};

static void
bus_put(uint64_t *sequence, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, SECOND, ++*sequence, 1, 1024);
		log_bus_put(&bus, &r);
	}
}

static void
full_queue(void)
{
	uint64_t sequence = 0, random = test_seed(), taken = 0;
	memset(&bus, 0, sizeof(bus));
	bus.start_ms = 7;
	n_got = 0;
	json_t *conf = json_object();
	CU_ASSERT_EQUAL_FATAL(log_sink_init(&sink, &bus, &ops, "x", conf, 1024), 0);
	for (unsigned turn = 0; turn < 300 && n_got < 60000; turn++) {
		bus_put(&sequence, (unsigned)(test_random(&random) % 500));
		allowed = (unsigned)(test_random(&random) % 400);
		log_bus_pump(&bus, SECOND);
		CU_ASSERT(sink.head - sink.tail <= 1024);
	}
	CU_ASSERT(sink.lost > 100);
	for (unsigned i = 0; i < 3; i++) { /* what was lost last is said with the next record */
		bus_put(&sequence, 1);
		allowed = 2000;
		log_bus_pump(&bus, SECOND);
	}
	CU_ASSERT(got[0].event == RECORD_START && got[0].time_ns == 7 * 1000000);
	uint64_t next = 1, lost = 0;
	for (size_t i = 1; i < n_got; i++) {
		if (got[i].event == RECORD_GAP) {
			CU_ASSERT(got[i].worker == RECORD_DAEMON);
			next += got[i].lost;
			lost += got[i].lost;
		} else {
			CU_ASSERT_EQUAL_FATAL(got[i].sequence, next);
			next++;
			taken++;
		}
	}
	CU_ASSERT(next - 1 == sequence && lost == sink.lost && taken + lost == sequence);
	CU_ASSERT_EQUAL(sink.sent, n_got);
	json_t *list = log_bus_json(&bus);
	const json_t *o = json_array_get(list, 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "lost")), (json_int_t)sink.lost);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "pending")), 0);
	json_decref(list);
	destroy(&sink);
	json_decref(conf);
	CU_ASSERT(bus.first == NULL);
}

/* A sink that is searched later says what it lacks of a data plane that began before it. */
static void
late_sink(void)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t sequence = 0;
		json_t *conf = json_object();
		memset(&bus, 0, sizeof(bus));
		bus.start_ms = 7000;
		bus.now_ns = 60 * SECOND;
		bus.gone = i & 1;
		ops.is_searched = i >= 2;
		n_got = 0;
		CU_ASSERT_EQUAL_FATAL(log_sink_init(&sink, &bus, &ops, "x", conf, 8), 0);
		bus_put(&sequence, 1);
		bus_put(&sequence, 1);
		allowed = 8;
		log_bus_pump(&bus, SECOND);
		CU_ASSERT(n_got == (i == 3 ? 4 : 3) && got[0].event == RECORD_START);
		CU_ASSERT(i != 3 || (got[1].event == RECORD_GAP && got[1].lost == 0 &&
		                     got[1].since_ns == 7 * SECOND &&
		                     got[1].time_ns == 60 * SECOND));
		CU_ASSERT(got[n_got - 1].sequence == 2 && sink.lost == 0);
		destroy(&sink);
		json_decref(conf);
	}
	ops.is_searched = false;
}

/* The beginning of a data plane finds a queue that is full: it comes as soon as there is room, and
 * nothing of that data plane before it. */
static void
beginning_waits(void)
{
	uint64_t sequence = 0;
	memset(&bus, 0, sizeof(bus));
	bus.start_ms = 7;
	n_got = 0;
	json_t *conf = json_object();
	CU_ASSERT_EQUAL_FATAL(log_sink_init(&sink, &bus, &ops, "x", conf, 8), 0);
	allowed = 0;
	bus_put(&sequence, 9); /* with the beginning: two are lost */
	bus.start_ms = 90000;
	bus.before_ns = 80 * SECOND;
	bus_put(&sequence, 1);
	log_bus_pump(&bus, SECOND);
	CU_ASSERT(sink.lost == 3 && sink.head == 8 && sink.start_ms == 7);
	allowed = 2; /* room for two; with the gap a beginning may want three */
	log_bus_pump(&bus, SECOND);
	bus_put(&sequence, 1);
	CU_ASSERT(sink.lost == 4 && sink.start_ms == 7);
	allowed = 6;
	log_bus_pump(&bus, SECOND);
	bus_put(&sequence, 1);
	allowed = 8;
	log_bus_pump(&bus, SECOND);
	CU_ASSERT_EQUAL_FATAL(n_got, 11);
	CU_ASSERT(got[8].event == RECORD_GAP && got[8].lost == 4);
	CU_ASSERT(got[9].event == RECORD_START && got[9].time_ns == 90 * SECOND);
	CU_ASSERT(got[9].since_ns == 80 * SECOND && got[10].sequence == sequence);
	CU_ASSERT(sink.sent == 11 && sink.lost == 4 && sink.start_ms == 90000);
	destroy(&sink);
	json_decref(conf);
}

static const struct test_case cases[] = {
	{"gaps in the rings", gaps},
	{"a daemon that starts anew", resumed},
	{"full queue", full_queue},
	{"a sink that comes late", late_sink},
	{"a beginning waits for room", beginning_waits},
};
TEST_MAIN("log_bus", cases)

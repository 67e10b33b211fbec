/* SPDX-License-Identifier: Apache-2.0 */
/* The sink that writes segments: what is counted as sent is in the file, and a search knows what is
 * not. */
#include "ctl/daemon/log_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "log_world.h"

static struct log_bus bus;

static struct log_sink *
begin(void)
{
	log_begin();
	bus = (struct log_bus){.start_ms = BEGIN_NS / 1000000};
	json_t *conf = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:s}", "directory", log_dir,
		"rotate_bytes", 1 << 30, "rotate_seconds", 3600, "keep_days", 0, "keep_bytes", 0,
		"sync_seconds", 1, "compress", "none");
	struct log_sink *s = log_files_create(&bus, conf, 1 << 14, BEGIN_NS);
	json_decref(conf);
	return s;
}

/* lines: of the segment, whole ones. */
static uint64_t
lines(void)
{
	char name[LOG_NAME], path[192], text[4096];
	uint64_t n = 0;
	ssize_t got;
	CU_ASSERT_EQUAL_FATAL(log_files(".jsonl", name), 1);
	snprintf(path, sizeof(path), "%s/%s", log_dir, name);
	int fd = open(path, O_RDONLY);
	while ((got = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < got; i++)
			n += text[i] == '\n';
	close(fd);
	return n;
}

static void
full_disk(void)
{
	struct log_sink *s = begin();
	struct rlimit old, tight;
	struct whohad w;
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
	                         .at_ms = BEGIN_NS / 1000000 + 500};
	q.known_ms = q.at_ms;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 100000;
	setrlimit(RLIMIT_FSIZE, &tight);
	for (uint64_t i = 0; i < 10000; i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS + i * 1000000, i + 1,
		                               2, i == 0 ? 1024 : 4096);
		log_bus_put(&bus, &r);
		if (i % 100 == 0)
			log_bus_pump(&bus, r.time_ns);
		CU_ASSERT_FATAL(i % 100 != 0 || s->sent == lines());
	}
	CU_ASSERT(!s->is_up && s->sent > 100 && s->sent < 1000 && s->lost == 0);
	CU_ASSERT_EQUAL(s->sent + (s->head - s->tail), 10001);
	CU_ASSERT_EQUAL(log_files_search(s, &q, &w), 0);
	CU_ASSERT(w.answers == 1 && w.answer[0].is_certain); /* what waits is later */
	q.at_ms = q.known_ms = BEGIN_NS / 1000000 + 9999;
	CU_ASSERT_EQUAL(log_files_search(s, &q, &w), 0);
	CU_ASSERT(w.answers == 1 && !w.answer[0].is_certain && w.gaps == 1);
	setrlimit(RLIMIT_FSIZE, &old);
	log_bus_pump(&bus, BEGIN_NS);
	CU_ASSERT(s->is_up && s->sent == 10001 && lines() == 10001);
	CU_ASSERT_EQUAL(log_files_search(s, &q, &w), 0);
	CU_ASSERT(w.answers == 1 && w.answer[0].is_certain && w.gaps == 0);
	s->ops->destroy(s);
	log_end();
}

/* The segment with the beginning was deleted, as old ones are: a daemon that starts anew knows that
 * the log goes on, and does not say the beginning again, with all since then in doubt. */
static void
beginning_deleted(void)
{
	char words[128];
	struct whohad w;
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
	                         .at_ms = BEGIN_NS / 1000000 + 400000};
	struct log_sink *s = begin();
	q.known_ms = q.at_ms + 1000;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t ns = BEGIN_NS + (i * 100 + 1) * SECOND;
		struct record r = block_record(RECORD_BLOCK_CREATE, ns, i + 1, 2,
		                               i == 1 ? 1024 : 4096);
		bus.gone = i; /* a gap is due with a beginning that is said late */
		log_bus_put(&bus, &r);
		log_bus_pump(&bus, r.time_ns);
		CU_ASSERT_EQUAL(s->sent, i == 0 ? 2 : 1);
		if (i == 2)
			break;
		json_t *conf = json_incref(s->conf);
		s->ops->destroy(s);
		snprintf(words, sizeof(words), "rm -f %s/nat-*-00000000.*", log_dir);
		CU_ASSERT(i == 0 || system(words) == 0);
		s = log_files_create(&bus, conf, 1 << 14, BEGIN_NS);
		json_decref(conf);
	}
	CU_ASSERT_EQUAL(log_files_search(s, &q, &w), 0);
	CU_ASSERT(w.answers == 1 && w.answer[0].is_certain && w.gaps == 0);
	s->ops->destroy(s);
	log_end();
}

/*
 * A log that was away for a while (another directory, or none) lacks what came meanwhile, also of a
 * worker that says nothing afterwards; one whose settings change lacks nothing. Where no segment is
 * in use yet the newest one answers too.
 */
static void
away(void)
{
	struct whohad w;
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
	                         .at_ms = BEGIN_NS / 1000000 + 400000};
	struct log_sink *s = begin();
	bus.gone = 0;
	q.known_ms = q.at_ms + 1000;
	struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS + SECOND, 1, 2, 1024);
	log_bus_put(&bus, &r);
	log_bus_pump(&bus, r.time_ns);
	r.worker = 1;
	r.port_first = 4096;
	r.port_last = 4607;
	for (unsigned i = 0; i < 3; i++) {
		json_t *conf = json_incref(s->conf);
		bus.gone = 1 + i + (i == 2) * 5; /* at last five that it never hears of */
		r.sequence = i;
		if (i != 0)
			log_bus_put(&bus, &r); /* waits, and is inherited */
		struct log_left left = log_sink_leave(s);
		s->ops->destroy(s);
		s = log_files_create(&bus, conf, 1 << 14, BEGIN_NS);
		json_decref(conf);
		log_sink_inherit(s, &left);
		log_bus_pump(&bus, BEGIN_NS + (i + 2) * 100 * SECOND);
		CU_ASSERT_EQUAL(log_files_search(s, &q, &w), 0);
		CU_ASSERT(w.answers == 1 && w.answer[0].is_certain == (i != 2));
		CU_ASSERT(w.gaps == (i == 2) && (i != 2 || w.gap[0].lost == 5));
	}
	s->ops->destroy(s);
	log_end();
}

/* document: number i of those that are in force one after the other, which says `says`. */
static void
document(struct log_sink *s, int i, int says)
{
	json_t *doc = json_pack("{s:i}", "number", says);
	uint64_t now_ns = BEGIN_NS + (uint64_t)i * SECOND;
	log_files_document(s, json_incref(doc), now_ns, 0);
	log_files_document(s, doc, now_ns + 1, 0); /* is the same */
}

/* number_of: of the configuration that is kept under that moment; -1: none. back: what its name
 * says of how long before it others may have been in force. */
static json_int_t
number_of(int i, const char *back)
{
	char path[192];
	snprintf(path, sizeof(path), "%s/config-20261124T1600%02dZ-000%s.json", log_dir, i, back);
	json_t *doc = json_load_file(path, 0, NULL);
	json_int_t n = doc != NULL ? json_integer_value(json_object_get(doc, "number")) : -1;
	json_decref(doc);
	return n;
}

/* Configurations wait while the disk hangs (a FIFO that nobody reads), so many of them; and are
 * kept when it answers, or at the end. */
static void
hanging_configurations(void)
{
	enum { ROOM = 16 };
	char path[192], text[256];
	struct log_sink *s = begin();
	document(s, 0, 0);
	for (int i = 0; log_files_unkept_ms(s) != 0 && i < 1000; i++) {
		log_files_settle(s);
		log_bus_pump(&bus, BEGIN_NS);
	}
	CU_ASSERT(number_of(0, "") == 0 && log_files_unkept_ms(s) == 0);
	snprintf(path, sizeof(path), "%s/config.new", log_dir);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	for (int i = 1; i <= ROOM + 1; i++) {
		CU_ASSERT_EQUAL(s->error_ns, 0);
		document(s, i, i <= ROOM ? i : ROOM - 1);
		log_bus_pump(&bus, BEGIN_NS + (uint64_t)i * SECOND);
	}
	CU_ASSERT(s->error_ns != 0 && strstr(s->error, "does not answer") != NULL);
	CU_ASSERT_EQUAL(log_files_unkept_ms(s), BEGIN_NS / 1000000 + 1000);
	int fd = open(path, O_RDONLY);
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	log_files_settle(s);
	log_bus_pump(&bus, BEGIN_NS + 20 * SECOND); /* no file of the disk's: it is tried again */
	CU_ASSERT(strstr(s->error, "keeping the configuration") != NULL);
	s->ops->destroy(s);
	for (int i = 0; i <= ROOM; i++)
		CU_ASSERT_EQUAL(number_of(i, ""), i == ROOM ? -1 : i);
	/* One before it is not here; though the one before that says the same, it is kept. */
	CU_ASSERT_EQUAL(number_of(ROOM + 1, "-back1000"), ROOM - 1);
	log_end();
}

static const struct test_case cases[] = {
	{"disk full", full_disk},
	{"a beginning that was deleted", beginning_deleted},
	{"away for a while", away},
	{"configurations before a disk that hangs", hanging_configurations},
};
TEST_MAIN("log_files", cases)

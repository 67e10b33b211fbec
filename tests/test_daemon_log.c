/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's log, end to end: rings, sinks, a killed daemon, and what millctl says of it. */
#include <glob.h>

#include "daemon_world.h"

static void
put_records(uint64_t first, unsigned n, uint64_t *second)
{
	for (uint64_t i = first; i < first + n; i++) {
		struct record rec = {
			.event = i % 2 == 1 ? RECORD_BLOCK_CREATE : RECORD_BLOCK_DELETE,
			.time_ns = (1795536000 + ++*second) * 1000000000, .sequence = i,
			.subscriber = 0x02004064, .external = 0x017100cb, .port_first = 1024,
			.port_last = 1535,
		};
		CU_ASSERT(record_put(&far.records->ring[0], &rec));
	}
}

/* sink_sent: until the sink of files has sent so many. */
static bool
sink_sent(json_int_t wanted)
{
	json_int_t sent = -1;
	for (int i = 0; sent != wanted && i < WAIT_MS / STEP_MS; i++) {
		json_t *r = ask("log.sinks", "{}"), *sinks = json_object_get(r, "sinks");
		sent = json_integer_value(json_object_get(json_array_get(sinks, 0), "sent"));
		json_decref(r);
		poll(NULL, 0, STEP_MS);
	}
	return sent == wanted;
}

/* configurations: that are kept beside the log. */
static unsigned
configurations(void)
{
	char pattern[256];
	glob_t found = {0};
	snprintf(pattern, sizeof(pattern), "%s/config-*.json", in_dir("log"));
	unsigned n = glob(pattern, 0, NULL, &found) == 0 ? (unsigned)found.gl_pathc : 0;
	globfree(&found);
	return n;
}

/* are_kept: so many, or soon: they wait for the disk beside the loop. */
static bool
are_kept(unsigned n)
{
	for (int i = 0; configurations() != n && i < WAIT_MS / STEP_MS; i++)
		poll(NULL, 0, STEP_MS);
	return configurations() == n;
}

static bool
says(const char *words, int wanted, const char *part)
{
	static char text[65536];
	int status = millctl(words, text, sizeof(text));
	bool good = status == wanted && strstr(text, part) != NULL;
	if (!good)
		printf("\n%s: %d, %s", words, status, text);
	return good;
}

enum { MOMENT = 64 };

/* in_a_second: the moment, as text. */
static void
in_a_second(char moment[MOMENT])
{
	struct timespec t;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &t);
	strftime(moment, MOMENT, "%Y-%m-%dT%H:%M:%SZ",
	         gmtime_r(&(time_t){t.tv_sec + 1}, &utc));
}

/* Records on the disk, a daemon that is killed, one record that is lost with it. */
static void
who_had_it(void)
{
	char document[4096], words[256];
	uint64_t second = 0;
	begin(NULL);
	snprintf(document, sizeof(document), "{\"log\":{\"files\":{\"directory\":\"%s\"}},%s",
	         in_dir("log"), fake_document + 1);
	write_file("config.json", document);
	far.plane.stats->start_time_ns = 1795536000ull * 1000000000;
	close(client());
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(1));
	put_records(1, 3, &second); /* held from 1 to 2 s, and from 3 s on */
	CU_ASSERT(sink_sent(4));
	CU_ASSERT(are_kept(1));
	CU_ASSERT(says("--json nat whohad 203.0.113.1:1100 --at 2026-11-24T16:00:01.500Z", 0,
	               "\"subscriber\": \"100.64.0.2\""));
	CU_ASSERT(says("nat whohad 203.0.113.1:1100 --at 2026-11-24T16:00:01.500Z", 0,
	               "block_delete"));
	CU_ASSERT(says("nat whohad 203.0.113.1:1100 --at 2026-11-24T16:00:02.500Z", 1,
	               "nobody had it"));
	CU_ASSERT(says("nat whohad 203.0.113.1:1100 --at yesterday", 1, "at: wanted"));
	CU_ASSERT(WIFSIGNALED(daemon_stop(SIGKILL)));
	struct record lost;
	put_records(4, 2, &second);
	CU_ASSERT(record_take(&far.records->ring[0], &lost, 1) == 1);
	daemon_start(NULL);
	CU_ASSERT(wait_generation(1));
	CU_ASSERT(sink_sent(2));
	CU_ASSERT(are_kept(1)); /* it is still the same */
	CU_ASSERT(says("log sinks", 0, "files"));
	CU_ASSERT(says("nat whohad 203.0.113.1:1100 --at 2026-11-24T16:00:04.500Z", 0,
	               "records are missing"));
	snprintf(words, sizeof(words), "nat whohad 203.0.113.1:1100 --directory %s "
	         "--at 2026-11-24T16:00:01.5Z", in_dir("log"));
	CU_ASSERT(says(words, 0, "100.64.0.2"));
	snprintf(words, sizeof(words), "nat whohad 203.0.113.1:66636 --directory %s "
	         "--at 2026-11-24T16:00:01.5Z", in_dir("log"));
	CU_ASSERT(says(words, 1, "wanted an integer from 1 to 65535"));
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	write_file("config.json", fake_document); /* without a log */
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(2));
	end();
}

/*
 * A log that begins when the data plane has given out ports already: who has had one since then is
 * in no record, so the data plane is asked; what came before the log nobody knows.
 */
static void
log_begun_late(void)
{
	static const struct cmd_block block = {.external = 0x017100cb, .subscriber = 0x02004064,
	                                       .first = 1024, .ports = 512};
	char document[4096], words[256], moment[MOMENT];
	uint64_t second = 0;
	begin(fake_document);
	far.plane.stats->start_time_ns = 1795536000ull * 1000000000;
	CU_ASSERT(wait_generation(1));
	put_records(1, 1, &second);
	for (int i = 0; atomic_load(&far.records->ring[0].tail) == 0 && i < WAIT_MS; i++)
		poll(NULL, 0, 1);
	snprintf(document, sizeof(document), "{\"log\":{\"files\":{\"directory\":\"%s\"}},%s",
	         in_dir("log"), fake_document + 1);
	write_file("config.json", document);
	snprintf(words, sizeof(words), "config apply %s", in_dir("config.json"));
	CU_ASSERT(says(words, 0, ""));
	CU_ASSERT(sink_sent(2)); /* the beginning, and the gap since */
	in_a_second(moment);
	poll(NULL, 0, 1200); /* that it is over */
	snprintf(words, sizeof(words), "--json nat whohad 203.0.113.1:1100 --at %s", moment);
	CU_ASSERT(says(words, 1, "nobody had it") && says(words, 1, "\"complete\": true"));
	far.plane.answer[CMD_BLOCKS].rows = &block;
	far.plane.answer[CMD_BLOCKS].row_size = sizeof(block);
	far.plane.answer[CMD_BLOCKS].n = 1;
	CU_ASSERT(says(words, 0, "\"source\": \"live\"") && says(words, 0, "\"complete\": true"));
	snprintf(words, sizeof(words),
	         "--json nat whohad 203.0.113.1:1100 --at 2026-11-24T16:00:30Z");
	CU_ASSERT(says(words, 1, "\"complete\": false"));
	end();
}

/* lines: of all segments that are plain, with these words. */
static unsigned
lines(const char *words)
{
	char pattern[256], line[1024];
	glob_t found = {0};
	unsigned n = 0;
	snprintf(pattern, sizeof(pattern), "%s/nat-*.jsonl", in_dir("log"));
	glob(pattern, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *f = fopen(found.gl_pathv[i], "r");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			n += strstr(line, words) != NULL;
		if (f != NULL)
			fclose(f);
	}
	globfree(&found);
	return n;
}

/* A block that nobody gives back is said again, and then a search rests on that. */
static void
said_again(void)
{
	char document[4096];
	uint64_t second = 0;
	unsigned said = 0;
	begin(NULL);
	snprintf(document, sizeof(document), "{\"log\":{\"interim_seconds\":1,\"files\":"
	         "{\"directory\":\"%s\"}},%s", in_dir("log"), fake_document + 1);
	write_file("config.json", document);
	far.plane.stats->start_time_ns = 1795536000ull * 1000000000;
	close(client());
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(1));
	put_records(1, 1, &second);
	for (int i = 0; said < 2 && i < WAIT_MS / STEP_MS; i++) {
		said = lines("\"event\":\"block_interim\"");
		poll(NULL, 0, STEP_MS);
	}
	CU_ASSERT(said >= 2); /* a third, if the daemon was faster than we are */
	CU_ASSERT(lines("\"since\":\"2026-11-24T16:00:01.000000Z\"") >= said);
	CU_ASSERT(says("nat whohad 203.0.113.1:1100 --at 2026-11-25T00:00:00Z", 0, "100.64.0.2"));
	end();
}

/* write_log_document: config.json with a log, and this in its nat. */
static void
write_log_document(const char *nat)
{
	char document[4096];
	const char *at = strstr(fake_document, "\"nat\":{") + strlen("\"nat\":{");
	snprintf(document, sizeof(document), "{\"log\":{\"files\":{\"compress\":\"none\","
	         "\"directory\":\"%s\"}},%.*s%s,%s", in_dir("log"),
	         (int)(at - fake_document - 1), fake_document + 1, nat, at);
	write_file("config.json", document);
}

static void
apply(const char *nat)
{
	char words[256];
	write_log_document(nat);
	snprintf(words, sizeof(words), "config apply %s", in_dir("config.json"));
	CU_ASSERT(says(words, 0, ""));
}

/* begin_logging: with this in nat, of a log that is written; a block is said at once. */
static void
begin_logging(const char *nat, uint64_t *second)
{
	begin(fake_document);
	far.plane.stats->start_time_ns = 1795536000ull * 1000000000;
	CU_ASSERT(wait_generation(1));
	apply(nat);
	put_records(1, 1, second);
}

/* Those that follow each other at once are kept all the same. */
static void
each_is_kept(void)
{
	static const char *const nat[] = {"\"quarantine\":1", "\"quarantine\":2"};
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	for (unsigned i = 0; i < 10; i++)
		apply(nat[i % 2]);
	CU_ASSERT(are_kept(10));
	end();
}

/* has_gaps: are so many in the log, soon? */
static bool
has_gaps(unsigned wanted)
{
	unsigned n = lines("\"event\":\"gap\"");
	for (int i = 0; n != wanted && i < WAIT_MS / STEP_MS; i++) {
		poll(NULL, 0, STEP_MS);
		n = lines("\"event\":\"gap\"");
	}
	return n == wanted;
}

/* While nothing is to be logged ports change hands, of which nobody knows. */
static void
told_nothing(void)
{
	char words[256], moment[MOMENT];
	uint64_t second = 0;
	begin_logging("\"log\":\"blocks\"", &second);
	CU_ASSERT(sink_sent(2));
	snprintf(words, sizeof(words), "--json nat whohad 203.0.113.1:1100");
	CU_ASSERT(says(words, 0, "\"certain\": true"));
	apply("\"log\":\"none\"");
	CU_ASSERT(has_gaps(1));
	in_a_second(moment);
	poll(NULL, 0, 1200);
	snprintf(words, sizeof(words), "--json nat whohad 203.0.113.1:1100 --at %s", moment);
	CU_ASSERT(says(words, 0, "\"certain\": false"));
	snprintf(words, sizeof(words), "--json nat whohad 203.0.113.1:4000 --at %s", moment);
	CU_ASSERT(says(words, 1, "\"complete\": false"));
	daemon_stop(SIGKILL);
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(3) && has_gaps(2)); /* it finds that nothing is logged */
	CU_ASSERT(says(words, 1, "\"complete\": false"));
	apply("\"log\":\"blocks\"");
	CU_ASSERT(has_gaps(3));
	CU_ASSERT(says(words, 1, "\"complete\": false"));
	CU_ASSERT(says("nat whohad 203.0.113.1:1100 --at 2026-11-24T16:00:01.500Z --json", 0,
	               "\"certain\": true"));
	end();
}

/* What was said while nobody was there waits until the daemon knows where it is to go: it has more
 * to do first than a turn takes. */
static void
records_wait(void)
{
	uint64_t second = 0;
	begin_logging("\"log\":\"blocks\"", &second);
	CU_ASSERT(sink_sent(2));
	for (uint64_t i = 2; i < 6; i += 2) {
		CU_ASSERT(WIFSIGNALED(daemon_stop(SIGKILL)));
		put_records(i, 2, &second);
		atomic_store(&far.hello_ms, 300);
		daemon_start(NULL);
		CU_ASSERT(wait_generation(2) && sink_sent(2));
		atomic_store(&far.hello_ms, 0);
	}
	CU_ASSERT_EQUAL(lines("\"event\":\"gap\""), 0);
	end();
}

/* end_without_log: what was logged is removed, and the next configuration has no log. */
static void
end_without_log(json_int_t generation)
{
	char words[256];
	snprintf(words, sizeof(words), "rm -r %s", in_dir("log"));
	CU_ASSERT(daemon_stop(SIGTERM) == 0 && system(words) == 0);
	write_file("config.json", fake_document);
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(generation));
	end();
}

/* A daemon that finds a data plane which logs nothing, and lets it log at once: between what the
 * one before it wrote and now nobody knows who had what. */
static void
told_by_another(void)
{
	char words[256], moment[MOMENT];
	uint64_t second = 0;
	begin_logging("\"log\":\"none\"", &second);
	CU_ASSERT(has_gaps(1));
	daemon_stop(SIGKILL);
	in_a_second(moment);
	poll(NULL, 0, 2200);
	write_log_document("\"log\":\"blocks\"");
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(3) && has_gaps(2));
	snprintf(words, sizeof(words), "--json nat whohad 203.0.113.1:1100 --at %s", moment);
	CU_ASSERT(says(words, 0, "\"certain\": false"));
	snprintf(words, sizeof(words), "--json nat whohad 203.0.113.1:4000 --at %s", moment);
	CU_ASSERT(says(words, 1, "\"complete\": false"));
	end_without_log(4);
}

/* One that took long to be in force: since when it was the data plane alone knows. */
static void
given_long_ago(void)
{
	char words[256];
	glob_t found = {0};
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	apply("\"quarantine\":1");
	atomic_store(&far.apply_ms, 700);
	apply("\"quarantine\":2");
	atomic_store(&far.apply_ms, 0);
	CU_ASSERT(are_kept(2));
	snprintf(words, sizeof(words), "%s/config-*-back*.json", in_dir("log"));
	CU_ASSERT_EQUAL(glob(words, 0, NULL, &found), 0);
	CU_ASSERT_EQUAL(found.gl_pathc, 1);
	globfree(&found);
	end_without_log(4);
}

static const struct test_case cases[] = {
	{"who had it", who_had_it},
	{"a log that began late", log_begun_late},
	{"held blocks are said again", said_again},
	{"each configuration is kept", each_is_kept},
	{"a time in which nothing was logged", told_nothing},
	{"what waits for a daemon", records_wait},
	{"the same, until another daemon came", told_by_another},
	{"a configuration that was given long ago", given_long_ago},
};
TEST_MAIN("daemon_log", cases)

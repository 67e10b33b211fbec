/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log on a disk that is full and has room again: a file system of a few pages in memory, which
 * needs root; without that nothing is tested here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/mount.h>
#include <time.h>

#include "daemon_world.h"

enum { FIRST = 1795536000, QUEUE = 1024 }; /* 2026-11-24T16:00:00Z; log.queue */

static uint64_t made; /* records of the data plane */

/* hand_over: port 1100 goes from one to another, each second; so many records. */
static void
hand_over(unsigned n)
{
	for (; n > 0; n--) {
		uint64_t i = ++made;
		struct record rec = {
			.event = i % 2 == 1 ? RECORD_BLOCK_CREATE : RECORD_BLOCK_DELETE,
			.time_ns = (FIRST + i) * 1000000000u, .sequence = i,
			.subscriber = htonl(0x64400000 + (uint32_t)(i + 1) / 2 % 200),
			.external = htonl(0xcb007101), .port_first = 1024, .port_last = 1535,
		};
		CU_ASSERT(record_put(&far.records->ring[0], &rec));
	}
}

/* sink: a number of the sink of files. */
static json_int_t
sink(const char *key)
{
	json_t *r = ask("log.sinks", "{}");
	json_int_t n = json_integer_value(json_object_get(json_array_get(
		json_object_get(r, "sinks"), 0), key));
	json_decref(r);
	return n;
}

static bool
sink_has(const char *key, json_int_t wanted)
{
	for (int i = 0; i < WAIT_MS / STEP_MS && sink(key) != wanted; i++)
		poll(NULL, 0, STEP_MS);
	return sink(key) == wanted;
}

/* What is said of the middle of a second: who had the port, if that is certain; 0: it is not. */
struct said {
	unsigned subscriber, gaps;
	bool is_complete;
};

static struct said
at_moment(const char *address, uint64_t ms)
{
	char params[160], moment[64];
	struct said said = {0};
	struct tm utc;
	strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%S",
	         gmtime_r(&(time_t){(time_t)(ms / 1000)}, &utc));
	snprintf(params, sizeof(params), "{\"external\":{\"address\":\"%s\",\"port\":1100},"
	         "\"at\":\"%s.%03uZ\"}", address, moment, (unsigned)(ms % 1000));
	json_t *r = ask("nat.whohad", params), *a, *answers = json_object_get(r, "answers");
	size_t i;
	json_array_foreach(answers, i, a)
		if (json_is_true(json_object_get(a, "certain")))
			sscanf(json_string_value(json_object_get(a, "subscriber")), "100.64.0.%u",
			       &said.subscriber);
	said.gaps = (unsigned)json_array_size(json_object_get(r, "gaps"));
	said.is_complete = json_is_true(json_object_get(r, "complete"));
	json_decref(r);
	return said;
}

static struct said
at_second(unsigned second)
{
	return at_moment("203.0.113.1", (FIRST + second) * 1000ull + 500);
}

static uint64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* is_soon: what the configuration says of 203.0.113.9 is kept by the disk, maybe later than it was
 * in force. at: 0: now. */
static bool
is_soon(uint64_t at, unsigned subscriber)
{
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		uint64_t ms = at != 0 ? at : now_ms();
		if (at_moment("203.0.113.9", ms).subscriber == subscriber)
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

/* wrong: answers that are certain and not right; from, to: of these seconds also uncertain ones. */
static unsigned
wrong(unsigned from, unsigned to)
{
	unsigned n = 0;
	for (unsigned s = 1; s <= made; s += s < 40 || s + 40 > made ? 1 : 13) {
		struct said said = at_second(s);
		unsigned right = s % 2 == 1 ? (s + 1) / 2 % 200 : 0;
		bool must = s >= from && s <= to;
		n += said.subscriber != right && (must || said.subscriber != 0);
		n += said.is_complete && said.subscriber != right;
		n += must && !said.is_complete;
	}
	return n;
}

static void
apply(const char *inside)
{
	char document[4096], params[4200];
	const char *at = strstr(fake_document, "\"nat\":{") + strlen("\"nat\":{");
	snprintf(document, sizeof(document), "{\"log\":{\"queue\":%d,\"files\":{\"directory\":"
	         "\"%s\",\"rotate_bytes\":65536}},%.*s\"static\":[{\"inside\":\"%s\","
	         "\"outside\":\"203.0.113.9\"}],%s", QUEUE, in_dir("log"),
	         (int)(at - fake_document - 1), fake_document + 1, inside, at);
	snprintf(params, sizeof(params), "{\"config\":%s}", document);
	json_t *r = ask("config.apply", params);
	CU_ASSERT_PTR_NOT_NULL(r);
	json_decref(r);
}

static void
fill(void)
{
	static const char nothing[4096];
	int fd = open(in_dir("log/filler"), O_WRONLY | O_CREAT, 0600);
	while (write(fd, nothing, sizeof(nothing)) > 0)
		;
	CU_ASSERT_EQUAL(errno, ENOSPC);
	close(fd);
}

static void
full_disk(void)
{
	begin(fake_document);
	far.plane.stats->start_time_ns = FIRST * 1000000000ull;
	CU_ASSERT(wait_generation(1) && mkdir(in_dir("log"), 0700) == 0);
	if (mount("none", in_dir("log"), "tmpfs", 0, "size=1m,nr_inodes=200") != 0) {
		printf("no file system can be mounted; skipped ");
		rmdir(in_dir("log"));
		end();
		return;
	}
	apply("100.64.0.11");
	hand_over(20);
	CU_ASSERT(sink_has("pending", 0));
	CU_ASSERT_EQUAL(wrong(1, 20), 0);
	fill();
	hand_over(100);
	CU_ASSERT(sink_has("up", 0));
	apply("100.64.0.12"); /* which has no room either, until there is some */
	poll(NULL, 0, 400);
	uint64_t between = now_ms();
	poll(NULL, 0, 400);
	apply("100.64.0.13");
	CU_ASSERT_EQUAL(wrong(1, 19), 0);
	hand_over(3 * QUEUE);
	for (int i = 0; i < WAIT_MS / STEP_MS && sink("lost") == 0; i++)
		poll(NULL, 0, STEP_MS);
	CU_ASSERT(sink("lost") != 0 && at_second((unsigned)made - 100).gaps != 0);
	CU_ASSERT_EQUAL(wrong(1, 19), 0);
	CU_ASSERT_EQUAL(unlink(in_dir("log/filler")), 0);
	CU_ASSERT(sink_has("pending", 0));
	hand_over(40);
	CU_ASSERT(sink_has("pending", 0));
	CU_ASSERT_EQUAL(wrong(1, QUEUE / 2), 0); /* what waited is there */
	CU_ASSERT_EQUAL(wrong((unsigned)made - 38, (unsigned)made), 0);
	CU_ASSERT(at_second((unsigned)made - 100).gaps != 0); /* what did not is a gap */
	CU_ASSERT(is_soon(between, 12) && is_soon(0, 13));
	daemon_stop(SIGKILL);
	daemon_start(NULL);
	CU_ASSERT(wait_generation(4));
	CU_ASSERT_EQUAL(wrong(1, QUEUE / 2), 0);
	CU_ASSERT_EQUAL(wrong((unsigned)made - 38, (unsigned)made), 0);
	char without[4096];
	snprintf(without, sizeof(without), "{\"config\":%s}", fake_document);
	json_decref(ask("config.apply", without));
	for (int i = 0; i < WAIT_MS / STEP_MS && umount(in_dir("log")) != 0; i++)
		poll(NULL, 0, STEP_MS);
	CU_ASSERT_EQUAL(rmdir(in_dir("log")), 0);
	end();
}

static const struct test_case cases[] = {
	{"a full disk", full_disk},
};
TEST_MAIN("log_full", cases)

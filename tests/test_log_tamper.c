/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log that somebody or something has touched: cut, flipped, emptied, taken away, renamed, copied.
 * A had the block, then B; whoever asks about B's time may hear B, or nothing certain: never A.
 */
#include <sys/stat.h>

#include "ctl/log/whohad.h"
#include "log_world.h"

enum { A = 2, B = 3, SEGMENTS = 4, FLIPS = 400 };
static char stem[SEGMENTS][LOG_STEM];

static void
put(uint8_t event, unsigned second, uint64_t sequence, uint32_t who, uint16_t first)
{
	struct record r = block_record(event, BEGIN_NS + second * SECOND, sequence, who, first);
	if (event == RECORD_START)
		r.worker = RECORD_DAEMON;
	CU_ASSERT_EQUAL_FATAL(log_writer_put(&writer, &r, NULL, r.time_ns), 0);
}

static void
segment(unsigned i, bool gzip)
{
	struct log_writer_conf c = writer_conf(1 << 20, gzip);
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS + i * 100 * SECOND), 0);
	if (i == 0) {
		put(RECORD_START, 0, 0, 0, 0);
		put(RECORD_BLOCK_CREATE, 10, 1, A, 1024);
	} else if (i == 1) {
		put(RECORD_BLOCK_DELETE, 110, 2, A, 1024);
		put(RECORD_BLOCK_CREATE, 120, 3, B, 1024);
	} else {
		put(RECORD_BLOCK_CREATE, i * 100, i + 2, A, (uint16_t)(i * 4096));
	}
	snprintf(stem[i], LOG_STEM, "%s", writer.stem);
	log_writer_close(&writer, BEGIN_NS + i * 100 * SECOND);
}

static void
begin(bool gzip)
{
	log_begin();
	for (unsigned i = 0; i < SEGMENTS; i++)
		segment(i, gzip);
}

static const char *
path_of(unsigned i, const char *suffix)
{
	static char path[160];
	snprintf(path, sizeof(path), "%s/%s.%s", log_dir, stem[i], suffix);
	return path;
}

static void
ask(struct whohad *w, unsigned second, uint64_t next_number)
{
	int folder = open(log_dir, O_RDONLY | O_DIRECTORY);
	struct whohad_live live = {.next_number = next_number};
	struct whohad_query q = {.external = htonl(0xcb007100), .port = 1100,
		.at_ms = BEGIN_NS / 1000000 + second * 1000,
		.known_ms = BEGIN_NS / 1000000 + 1000000};
	CU_ASSERT_EQUAL(whohad_search(&q, folder, &live, w), 0);
	close(folder);
}

static bool
is_certain(const struct whohad *w, uint32_t who)
{
	return w->answers == 1 && w->answer[0].is_certain && !w->is_ambiguous &&
	       w->answer[0].subscriber == htonl(0x64400000 + who);
}

/* is_open: nothing is certain, and not that nobody had it. */
static bool
is_open(const struct whohad *w)
{
	for (unsigned i = 0; i < w->answers; i++)
		if (w->answer[i].is_certain)
			return false;
	return !w->is_complete && w->gaps != 0;
}

static void
flip(const char *path, uint64_t bit)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDWR);
	CU_ASSERT(fd >= 0 && pread(fd, &byte, 1, (off_t)(bit / 8)) == 1);
	byte ^= (uint8_t)(1u << bit % 8);
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
	close(fd);
}

static uint64_t
size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void
untouched(void)
{
	struct whohad w;
	begin(true);
	ask(&w, 50, SEGMENTS);
	CU_ASSERT(is_certain(&w, A) && w.gaps == 0);
	ask(&w, 150, SEGMENTS);
	CU_ASSERT(is_certain(&w, B) && w.gaps == 0 && w.is_complete);
	log_end();
}

/* The text of B's segment, cut anywhere, without its index. */
static void
cut(void)
{
	struct whohad w;
	begin(true);
	CU_ASSERT_EQUAL(unlink(path_of(1, "idx")), 0);
	ask(&w, 150, SEGMENTS);
	CU_ASSERT(is_certain(&w, B));
	for (uint64_t size = size_of(path_of(1, "jsonl.gz")); size-- > 0;) {
		CU_ASSERT_EQUAL(truncate(path_of(1, "jsonl.gz"), (off_t)size), 0);
		ask(&w, 150, SEGMENTS);
		CU_ASSERT(is_open(&w) || is_certain(&w, B));
		CU_ASSERT(w.gaps == 0 || w.gap[0].from_ms >= BEGIN_NS / 1000000 + 10000);
		ask(&w, 105, SEGMENTS);
		CU_ASSERT(is_open(&w) || is_certain(&w, A));
		ask(&w, 10, SEGMENTS);
		CU_ASSERT(is_certain(&w, A));
	}
	ask(&w, 150, SEGMENTS);
	CU_ASSERT(is_open(&w));
	log_end();
}

/* The last segment, cut: what came after it is not known either. */
static void
cut_last(void)
{
	struct whohad w;
	begin(true);
	CU_ASSERT(unlink(path_of(3, "idx")) == 0 && truncate(path_of(3, "jsonl.gz"), 30) == 0);
	ask(&w, 350, SEGMENTS);
	CU_ASSERT(is_open(&w));
	CU_ASSERT(truncate(path_of(3, "jsonl.gz"), 0) == 0);
	ask(&w, 350, SEGMENTS);
	CU_ASSERT(is_open(&w));
	ask(&w, 199, SEGMENTS);
	CU_ASSERT(is_certain(&w, B));
	log_end();
}

/* Of the files of a segment; the last one only while it is not compressed. */
static const char *const suffixes[] = {"idx", "jsonl.gz", "jsonl"};

/* A bit of the index: it is made anew from the text. Of the text: the index does not need it. Of
 * the compressed text without an index: its sum does not fit. */
static void
flipped(void)
{
	struct whohad w;
	uint64_t random = test_seed();
	begin(true);
	for (unsigned k = 0; k < 3; k++) {
		if (k == 2)
			unlink(path_of(1, "idx"));
		const char *path = path_of(1, suffixes[k != 0]);
		for (unsigned i = 0; i < FLIPS; i++) {
			uint64_t bit = test_random(&random) % (size_of(path) * 8);
			flip(path, bit);
			ask(&w, 150, SEGMENTS);
			CU_ASSERT(is_certain(&w, B) || (k == 2 && is_open(&w)));
			path = path_of(1, suffixes[k != 0]);
			flip(path, bit);
		}
	}
	log_end();
}

static void
files_gone(unsigned i)
{
	for (unsigned k = 0; k < 3; k++)
		unlink(path_of(i, suffixes[k]));
}

static void
renamed(unsigned i, const char *as)
{
	char to[160];
	for (unsigned k = 0; k < 2; k++) {
		snprintf(to, sizeof(to), "%s/%s.%s", log_dir, as, suffixes[k]);
		CU_ASSERT_EQUAL(rename(path_of(i, suffixes[k]), to), 0);
	}
}

/* One taken away: the middle, and so that numbers do not tell; the last; and all that follow. */
static void
gone(void)
{
	struct whohad w;
	begin(true);
	files_gone(1);
	ask(&w, 150, SEGMENTS);
	CU_ASSERT(is_open(&w));
	renamed(2, "nat-20261124T160320Z-00000001");
	renamed(3, "nat-20261124T160500Z-00000002");
	ask(&w, 150, 3);
	CU_ASSERT(is_open(&w) && w.gaps == 1 && w.gap[0].lost == 2);
	log_end();
	begin(true);
	files_gone(3);
	ask(&w, 350, SEGMENTS);
	CU_ASSERT(is_open(&w));
	ask(&w, 150, SEGMENTS);
	CU_ASSERT(is_certain(&w, B) || is_open(&w));
	ask(&w, 50, SEGMENTS);
	CU_ASSERT(is_certain(&w, A));
	log_end();
}

/* After a restore a segment is there twice, under two names with one number. */
static void
twice(void)
{
	char words[400];
	struct whohad w;
	begin(true);
	for (unsigned k = 0; k < 2; k++) {
		snprintf(words, sizeof(words), "cp %s %s/nat-20261124T160230Z-00000000.%s",
		         path_of(0, suffixes[k]), log_dir, suffixes[k]);
		CU_ASSERT_EQUAL(system(words), 0);
	}
	ask(&w, 150, SEGMENTS);
	CU_ASSERT(is_certain(&w, B) || is_open(&w));
	ask(&w, 250, SEGMENTS);
	CU_ASSERT(is_open(&w));
	log_end();
}

/* A directory that was left for another one and taken again lacks what the other one has. */
static void
left_for_another(void)
{
	struct whohad w;
	struct log_writer_conf c;
	log_begin();
	c = writer_conf(1 << 20, true);
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	put(RECORD_START, 0, 0, 0, 0);
	put(RECORD_BLOCK_CREATE, 10, 1, A, 1024);
	log_writer_close(&writer, BEGIN_NS);
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS + 200 * SECOND), 0);
	put(RECORD_BLOCK_CREATE, 200, 4, A, 4096); /* 2 and 3: to B, in the other one */
	log_writer_close(&writer, BEGIN_NS);
	ask(&w, 150, 2);
	CU_ASSERT(is_open(&w) && w.gaps == 1 && w.gap[0].lost == 2);
	CU_ASSERT(w.gap[0].from_ms == BEGIN_NS / 1000000 + 10000);
	log_end();
}

static const struct test_case cases[] = {
	{"untouched", untouched},
	{"cut", cut},
	{"the last one cut", cut_last},
	{"a bit flipped", flipped},
	{"one taken away", gone},
	{"one there twice", twice},
	{"left for another directory", left_for_another},
};
TEST_MAIN("log_tamper", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: rotated by size and age, compressed, indexed, kept; crashes and a full disk. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl/log/jobs.h"
#include "log_world.h"

static const struct log_names main_pool = {.pool = "main"};

enum { LINE = 190 }; /* bytes of a block record, about */

static void
put_many(unsigned n, uint64_t *sequence, uint64_t ns)
{
	for (unsigned i = 0; i < n; i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, ns, ++*sequence, i, 1024);
		CU_ASSERT_EQUAL_FATAL(log_writer_put(&writer, &r, &main_pool, ns), 0);
	}
	CU_ASSERT_EQUAL(log_writer_tick(&writer, ns), 0);
}

/* total: what all segments of the directory hold together. */
static struct log_index_head
total(unsigned *segments)
{
	struct log_index_head sum = {0};
	struct log_list l;
	int folder = open(log_dir, O_RDONLY | O_DIRECTORY);
	CU_ASSERT_EQUAL_FATAL(log_list_make(&l, folder), 0);
	for (size_t i = 0; i < l.n; i++) {
		struct log_index ix;
		CU_ASSERT_EQUAL_FATAL(log_segment_open(&ix, folder, &l.file[i]), 0);
		sum.lines += ix.head.lines;
		sum.bad += ix.head.bad;
		sum.entries += ix.head.entries;
		if (ix.head.sequence_last[0] > sum.sequence_last[0])
			sum.sequence_last[0] = ix.head.sequence_last[0];
		log_index_fini(&ix);
	}
	*segments = (unsigned)l.n;
	log_list_free(&l);
	close(folder);
	return sum;
}

static void
rotation(bool gzip)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1000 * LINE, gzip);
	uint64_t sequence = 0, now = BEGIN_NS;
	unsigned segments;
	char name[LOG_NAME];
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, now), 0);
	CU_ASSERT_EQUAL(log_files("", NULL), 0); /* nothing before the first record */
	put_many(500, &sequence, now);
	CU_ASSERT_EQUAL(log_files(".jsonl", name), 1);
	CU_ASSERT_STRING_EQUAL(name, "nat-20261124T160000Z-00000000.jsonl");
	put_many(2500, &sequence, now += SECOND);
	log_writer_settle(&writer);
	CU_ASSERT(log_files(gzip ? ".jsonl.gz" : ".idx", NULL) >= 2);
	put_many(10, &sequence, now += SECOND);
	now += 3600 * SECOND;
	CU_ASSERT_EQUAL(log_writer_tick(&writer, now), 0); /* by age */
	log_writer_settle(&writer);
	CU_ASSERT_EQUAL(log_files(".jsonl", NULL), gzip ? 0 : log_files(".idx", NULL));
	struct log_index_head sum = total(&segments);
	CU_ASSERT(sum.lines == 3010 && sum.entries == 3010 && sum.bad == 0 && segments >= 3);
	CU_ASSERT_EQUAL(sum.sequence_last[0], 3010);
	put_many(1, &sequence, now - 7200 * SECOND); /* the clock went back */
	log_writer_close(&writer, now);
	sum = total(&segments);
	CU_ASSERT(sum.lines == 3011);
	struct log_troubles t = {0};
	CU_ASSERT(t.error == 0);
	log_files("", name);
	CU_ASSERT(strncmp(name, "nat-20261124T1600", 17) == 0); /* not before its predecessor */
	log_end();
}

/* A clock that is set back ends the segment, so that age and syncing begin anew. */
static void
clock_set_back(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, false);
	uint64_t sequence = 0, now = BEGIN_NS;
	unsigned segments;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, now), 0);
	put_many(10, &sequence, now);
	now -= 7200 * SECOND;
	put_many(10, &sequence, now);
	CU_ASSERT_EQUAL(log_files(".jsonl", NULL), 2);
	CU_ASSERT(writer.begun_ns == now && writer.synced_ns == now && writer.kept_ns == now);
	put_many(10, &sequence, now += 3500 * SECOND);
	CU_ASSERT_EQUAL(log_files(".jsonl", NULL), 2);
	CU_ASSERT_EQUAL(writer.synced_ns, now);
	put_many(10, &sequence, now += 101 * SECOND);
	CU_ASSERT_EQUAL(log_files(".jsonl", NULL), 3);
	log_writer_close(&writer, now);
	CU_ASSERT(total(&segments).lines == 40 && segments == 3);
	log_end();
}

static void
rotated_plain(void)
{
	rotation(false);
}

static void
rotated_gzip(void)
{
	rotation(true);
}

/* A child writes and is killed; what is left is finished and read, whatever the last line. */
static void
crash(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	char name[LOG_NAME], path[192];
	unsigned segments;
	pid_t pid = fork();
	if (pid == 0) {
		uint64_t sequence = 0;
		log_writer_open(&writer, &c, BEGIN_NS);
		put_many(1000, &sequence, BEGIN_NS);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL_FATAL(log_files(".jsonl", name), 1);
	snprintf(path, sizeof(path), "%s/%s", log_dir, name);
	FILE *f = fopen(path, "a");
	fputs("{\"time\":\"2026-11-24T16:00:00.000000Z\",\"event\":\"block_cr", f);
	fclose(f);
	struct log_index_head sum = total(&segments);
	CU_ASSERT(sum.lines == 1001 && sum.bad == 1 && sum.entries == 1001);
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS + SECOND), 0);
	log_writer_settle(&writer);
	struct log_troubles t = log_writer_troubles(&writer);
	CU_ASSERT(t.torn == 1 && t.error == 0);
	uint64_t sequence = 1000;
	put_many(5, &sequence, BEGIN_NS + SECOND);
	log_writer_close(&writer, BEGIN_NS + SECOND);
	CU_ASSERT(log_files(".jsonl", NULL) == 0 && log_files(".jsonl.gz", NULL) == 2);
	sum = total(&segments);
	CU_ASSERT(sum.entries == 1006 && sum.bad == 1 && segments == 2);
	log_end();
}

/* No file may grow beyond a limit: lines are kept until there is room, none is cut. */
static void
full_disk(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 30, true);
	struct rlimit old, tight;
	uint64_t sequence = 0;
	int rc = 0;
	unsigned segments;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 300001;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	setrlimit(RLIMIT_FSIZE, &tight);
	for (unsigned i = 0; i < 10000; i++) {
		struct record r = block_record(RECORD_BLOCK_CREATE, BEGIN_NS, sequence + 1, i, 1);
		int put = log_writer_put(&writer, &r, &main_pool, BEGIN_NS);
		sequence += put == 0;
		rc = put != 0 ? put : rc;
		if (i % 100 == 0)
			log_writer_tick(&writer, BEGIN_NS);
	}
	CU_ASSERT(rc == -EFBIG && sequence > 1000 && sequence < 5000);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_EQUAL(log_writer_tick(&writer, BEGIN_NS), 0);
	put_many(10, &sequence, BEGIN_NS);
	log_writer_close(&writer, BEGIN_NS);
	struct log_index_head sum = total(&segments);
	CU_ASSERT(sum.lines == sequence && sum.bad == 0);
	CU_ASSERT_EQUAL(sum.sequence_last[0], sequence);
	log_end();
}

static atomic_uint synced;

/* In the C library's place. */
int
fdatasync(int fd)
{
	atomic_fetch_add(&synced, 1);
	return fsync(fd);
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* The writer's thread stands before a disk that does not answer (a FIFO that nobody writes to):
 * what is to be synced meanwhile is one descriptor, not one a second. */
static void
hanging_disk(void)
{
	char path[192];
	uint64_t sequence = 0;
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, false);
	snprintf(path, sizeof(path), "%s/nat-20261124T150000Z-00000000.jsonl", log_dir);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	put_many(1, &sequence, BEGIN_NS);
	unsigned before = descriptors();
	atomic_store(&synced, 0);
	for (unsigned i = 1; i <= 100; i++)
		log_writer_tick(&writer, BEGIN_NS + i * SECOND);
	CU_ASSERT(descriptors() <= before + 1 + 1); /* that, and what the thread opens */
	int fifo = open(path, O_WRONLY);
	close(fifo);
	log_writer_settle(&writer);
	CU_ASSERT(fifo >= 0 && atomic_load(&synced) == 1);
	for (unsigned i = 0; i < 5; i++) { /* and then as ever */
		log_writer_tick(&writer, BEGIN_NS + (200 + i) * SECOND);
		log_writer_settle(&writer);
	}
	CU_ASSERT(atomic_load(&synced) == 6);
	log_writer_close(&writer, BEGIN_NS + 200 * SECOND);
	log_end();
}

/* The same disk while segments are rotated: a few wait with their descriptors and indexes, the
 * others are left as a crash leaves them, are counted, and are finished when the disk answers. */
static void
hanging_rotation(void)
{
	char path[192];
	uint64_t sequence = 0;
	unsigned segments;
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	c.rotate_seconds = 1;
	snprintf(path, sizeof(path), "%s/nat-20261124T150000Z-00000000.jsonl", log_dir);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	unsigned before = descriptors();
	for (unsigned i = 1; i <= 40; i++)
		put_many(10, &sequence, BEGIN_NS + i * SECOND);
	CU_ASSERT(descriptors() <= before + LOG_JOBS_FINISHING + 3);
	struct log_troubles t = log_writer_troubles(&writer);
	CU_ASSERT_EQUAL(t.left, 39 - LOG_JOBS_FINISHING);
	int fifo = open(path, O_WRONLY);
	CU_ASSERT(fifo >= 0 && unlink(path) == 0);
	close(fifo);
	log_writer_close(&writer, BEGIN_NS + 50 * SECOND);
	CU_ASSERT(log_files(".jsonl.gz", NULL) >= 40 && log_files(".jsonl", NULL) == 0);
	CU_ASSERT_EQUAL(total(&segments).entries, 400);
	log_end();
}

static void
kept(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	uint64_t sequence = 0, now = BEGIN_NS;
	c.keep_days = 10;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, now), 0);
	for (unsigned day = 0; day < 30; day++, now += 86400 * SECOND)
		put_many(10, &sequence, now);
	log_writer_settle(&writer);
	unsigned n = log_files(".jsonl.gz", NULL);
	CU_ASSERT(n >= 10 && n <= 12);
	log_writer_close(&writer, now);
	c.keep_bytes = 2000;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, now), 0);
	log_writer_settle(&writer);
	n = log_files(".jsonl.gz", NULL);
	CU_ASSERT(n < 3 && n == log_files(".idx", NULL));
	log_writer_close(&writer, now);
	log_end();
}

static char *
text_of(void *arg)
{
	return strdup(arg);
}

/* A segment reaches back further than `keep_days`, as far as it is not over: so do the
 * configurations of its time. */
static void
documents_kept(void)
{
	static const struct { unsigned hour, keep_hour; const char *text; } all[] = {
		{0, 0, "one"}, {1, 0, "two"}, {26, 2, "three"}, {100, 76, "four"},
	};
	struct archived a;
	char words[128];
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, false);
	uint64_t sequence = 0, hour_ms = 3600 * 1000;
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	put_many(10, &sequence, BEGIN_NS);
	for (unsigned i = 0; i < 4; i++) {
		struct log_document d = {
			.text = text_of, .arg = (void *)(uintptr_t)all[i].text,
			.now_ns = BEGIN_NS + all[i].hour * 3600 * SECOND,
			.keep_ms = all[i].keep_hour != 0 ?
			           BEGIN_NS / 1000000 + all[i].keep_hour * hour_ms : 0,
		};
		if (i == 3) { /* the segment has gone */
			log_writer_close(&writer, BEGIN_NS);
			snprintf(words, sizeof(words), "rm %s/nat-*", log_dir);
			CU_ASSERT_EQUAL(system(words), 0);
			CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, d.now_ns), 0);
		}
		log_writer_document(&writer, &d);
		log_writer_settle(&writer);
		int old = archive_find(writer.folder, BEGIN_NS / 1000000 + hour_ms / 2, &a);
		CU_ASSERT_EQUAL(old, i < 3 ? 0 : -ENOENT);
	}
	CU_ASSERT_EQUAL(log_files(".json", NULL), 2);
	log_writer_close(&writer, BEGIN_NS);
	log_end();
}

static void
refused(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	snprintf(c.directory, sizeof(c.directory), "/proc/no/such");
	CU_ASSERT_EQUAL(log_writer_open(&writer, &c, BEGIN_NS), -ENOENT);
}

/* Indexes that are damaged are made anew from their segments. */
static void
bad_index(void)
{
	log_begin();
	struct log_writer_conf c = writer_conf(1 << 20, true);
	uint64_t sequence = 0, random = test_seed();
	unsigned segments;
	char name[LOG_NAME], path[192];
	CU_ASSERT_EQUAL_FATAL(log_writer_open(&writer, &c, BEGIN_NS), 0);
	put_many(100, &sequence, BEGIN_NS);
	log_writer_close(&writer, BEGIN_NS);
	log_files(".idx", name);
	snprintf(path, sizeof(path), "%s/%s", log_dir, name);
	for (unsigned i = 0; i < 300; i++) {
		int fd = open(path, O_RDWR);
		uint8_t byte = (uint8_t)test_random(&random);
		off_t at = (off_t)(test_random(&random) % sizeof(struct log_index_head));
		CU_ASSERT(pwrite(fd, &byte, 1, at) == 1);
		if (i % 10 == 0)
			CU_ASSERT(ftruncate(fd, (off_t)(test_random(&random) % 6000)) == 0);
		close(fd);
		CU_ASSERT_EQUAL(total(&segments).entries, 100);
	}
	log_end();
}

static const struct test_case cases[] = {
	{"a clock that is set back", clock_set_back},
	{"rotated, plain", rotated_plain},
	{"rotated, compressed", rotated_gzip},
	{"killed while writing", crash},
	{"disk full", full_disk},
	{"disk that hangs", hanging_disk},
	{"disk that hangs while segments are rotated", hanging_rotation},
	{"kept for days and bytes", kept},
	{"configurations kept as long as segments", documents_kept},
	{"no directory", refused},
	{"damaged index", bad_index},
};
TEST_MAIN("log_writer", cases)

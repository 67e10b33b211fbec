/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations by the moment from which they were in force. */
#include "ctl/log/archive.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "log_world.h"

#define MS 1000000ull

static int folder;

static void
begin(void)
{
	log_begin();
	folder = open(log_dir, O_RDONLY | O_DIRECTORY);
	CU_ASSERT_FATAL(folder >= 0);
}

static void
end(void)
{
	close(folder);
	log_end();
}

static int
put(const char *text, uint64_t ms)
{
	struct archive_since now = {0, false};
	return archive_put(folder, text, strlen(text), BEGIN_NS + ms * MS, now);
}

static int
put_since(const char *text, uint64_t ms, int64_t since_ms, bool others)
{
	struct archive_since since = {BEGIN_NS + (uint64_t)since_ms * MS, others};
	return archive_put(folder, text, strlen(text), BEGIN_NS + ms * MS, since);
}

/* found: the text that was in force at a moment, "" for none. */
static const char *
found(uint64_t ms)
{
	static char text[64];
	struct archived a;
	size_t size;
	text[0] = '\0';
	if (archive_find(folder, BEGIN_NS / MS + ms, &a) != 0)
		return text;
	char *t = archive_read(folder, &a, &size);
	CU_ASSERT_FATAL(t != NULL && strlen(t) == size);
	snprintf(text, sizeof(text), "%s", t);
	free(t);
	return text;
}

static void
by_moment(void)
{
	struct archived a;
	char name[LOG_NAME];
	begin();
	CU_ASSERT_EQUAL(archive_find(folder, BEGIN_NS / MS, &a), -ENOENT);
	CU_ASSERT_EQUAL(put("one", 0), 1);
	CU_ASSERT_EQUAL(put("one", 10), 0); /* the same again */
	CU_ASSERT_EQUAL(put("two", 1500), 1);
	CU_ASSERT_EQUAL(put("three", 1501), 1);
	CU_ASSERT_EQUAL(put("one", 86400000), 1);
	CU_ASSERT_EQUAL(log_files(".json", name), 4);
	CU_ASSERT_STRING_EQUAL(name, "config-20261125T160000Z-000.json");
	CU_ASSERT_EQUAL(archive_find(folder, BEGIN_NS / MS - 1, &a), -ENOENT);
	CU_ASSERT_STRING_EQUAL(found(0), "one");
	CU_ASSERT_STRING_EQUAL(found(1499), "one");
	CU_ASSERT_STRING_EQUAL(found(1500), "two");
	CU_ASSERT_STRING_EQUAL(found(1501), "three");
	CU_ASSERT_STRING_EQUAL(found(86399999), "three");
	CU_ASSERT_STRING_EQUAL(found(86400000), "one");
	CU_ASSERT_EQUAL(archive_find(folder, BEGIN_NS / MS + 1, &a), 0);
	CU_ASSERT(a.from_ms == BEGIN_NS / MS && a.until_ms == BEGIN_NS / MS + 1500);
	CU_ASSERT_EQUAL(archive_find(folder, UINT64_MAX, &a), 0);
	CU_ASSERT_EQUAL(a.until_ms, 0);
	end();
}

/* may_be_next: may one that came after the one of a moment have been in force at it already? */
static bool
may_be_next(uint64_t ms)
{
	struct archived a, next;
	CU_ASSERT_EQUAL_FATAL(archive_find(folder, BEGIN_NS / MS + ms, &a), 0);
	return archive_next(folder, a.from_ms, BEGIN_NS / MS + ms, &next) == 0;
}

/* The clock is set back: the order in which they were in force stays, and what the clock showed
 * twice has no certain answer. */
static void
set_back(void)
{
	static const struct { uint64_t ms; const char *text; bool is_twice; } cases[] = {
		{0, "one", false}, {99999, "one", false}, {100000, "one", true},
		{200000, "two", true}, {300000, "three", true}, {300001, "four", true},
		{300002, "three", false}, {300003, "three", false}, {400000, "five", false},
	};
	begin();
	CU_ASSERT(put("one", 0) == 1 && put("two", 200000) == 1 && put("three", 300000) == 1);
	CU_ASSERT_EQUAL(put("three", 50000), 0); /* back, but nothing has changed */
	CU_ASSERT_EQUAL(put("four", 100000), 1);
	CU_ASSERT_EQUAL(put("four", 110000), 0);
	CU_ASSERT_EQUAL(put("three", 120000), 1); /* not the newest, though its name was the last */
	CU_ASSERT_EQUAL(put("five", 400000), 1);  /* the clock has caught up */
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_STRING_EQUAL(found(cases[i].ms), cases[i].text);
		CU_ASSERT_EQUAL(may_be_next(cases[i].ms), cases[i].is_twice);
	}
	end();
}

/* One that a daemon finds when it starts may have been in force since the one before was here. */
static void
found_late(void)
{
	struct archived a;
	begin();
	CU_ASSERT_EQUAL(put_since("one", 0, -1000, false), 1);
	CU_ASSERT_EQUAL(put_since("two", 9000, 5000, false), 1);
	for (uint64_t ms = 0; ms < 12000; ms += 500) {
		CU_ASSERT_EQUAL(archive_find(folder, BEGIN_NS / MS + ms, &a), 0);
		CU_ASSERT_EQUAL(a.from_ms, BEGIN_NS / MS + (ms < 9000 ? 0 : 9000));
		CU_ASSERT_EQUAL(may_be_next(ms), ms >= 5000 && ms < 9000);
	}
	end();
}

/* Between one and the same again others were in force that are not here: it is kept once more. */
static void
others_between(void)
{
	begin();
	CU_ASSERT_EQUAL(put("one", 0), 1);
	CU_ASSERT_EQUAL(put_since("one", 9000, 5000, false), 0);
	CU_ASSERT_EQUAL(put_since("one", 9000, 5000, true), 1);
	CU_ASSERT(!may_be_next(4999) && may_be_next(5000) && may_be_next(8999));
	end();
}

/* The first one, that may have been in force for long, on a full disk: one name, and then its
 * text under it. */
static void
first_without_room(void)
{
	struct rlimit was, little;
	begin();
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, SIG_IGN);
	little = was;
	little.rlim_cur = 2;
	setrlimit(RLIMIT_FSIZE, &little);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(put_since("one", 9000, 5000, false), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	CU_ASSERT_EQUAL(put_since("one", 9000, 5000, false), 1);
	CU_ASSERT_EQUAL(log_files("", NULL), 1);
	CU_ASSERT_STRING_EQUAL(found(9000), "one");
	end();
}

/* Those within a moment, one after the other; and of some that came late, only who may be meant. */
static void
next_ones(void)
{
	struct archived a;
	uint64_t begin_ms = BEGIN_NS / MS;
	begin();
	CU_ASSERT(put("one", 0) == 1 && put("two", 100) == 1 && put("one", 200) == 1);
	CU_ASSERT_EQUAL(put_since("three", 9000, 150, false), 1);
	CU_ASSERT(archive_next(folder, begin_ms, begin_ms + 250, &a) == 0 &&
	          a.from_ms == begin_ms + 100);
	CU_ASSERT(archive_next(folder, a.from_ms, begin_ms + 250, &a) == 0 &&
	          a.from_ms == begin_ms + 200);
	CU_ASSERT(archive_next(folder, a.from_ms, begin_ms + 250, &a) == 0 &&
	          a.from_ms == begin_ms + 9000);
	CU_ASSERT_EQUAL(archive_next(folder, a.from_ms, begin_ms + 250, &a), -ENOENT);
	CU_ASSERT(archive_next(folder, begin_ms, begin_ms + 50, &a) == -ENOENT);
	CU_ASSERT(archive_next(folder, begin_ms, begin_ms + 100, &a) == 0 &&
	          a.from_ms == begin_ms + 100);
	CU_ASSERT_EQUAL(archive_next(-1, 0, 0, &a), -EBADF);
	end();
}

/* On a full disk a name says that one came; it gets its text when there is room, and no other. */
static void
no_room(void)
{
	struct rlimit was, little;
	struct archived a;
	size_t size;
	uint64_t begin_ms = BEGIN_NS / MS;
	begin();
	CU_ASSERT(put("one", 0) == 1 && getrlimit(RLIMIT_FSIZE, &was) == 0);
	signal(SIGXFSZ, SIG_IGN);
	little = was;
	little.rlim_cur = 2;
	setrlimit(RLIMIT_FSIZE, &little);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(put("two", 1000), -EFBIG);
	CU_ASSERT_EQUAL(put("three", 2000), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	CU_ASSERT_EQUAL(log_files("", NULL), 3);
	CU_ASSERT(archive_find(folder, begin_ms + 1500, &a) == 0 && a.from_ms == begin_ms + 1000);
	CU_ASSERT_PTR_NULL(archive_read(folder, &a, &size));
	CU_ASSERT_EQUAL(put("three", 2000), 1);
	CU_ASSERT_STRING_EQUAL(found(2000), "three");
	CU_ASSERT(archive_find(folder, begin_ms + 1999, &a) == 0 && a.from_ms == begin_ms + 1000);
	CU_ASSERT_EQUAL(log_files("", NULL), 3);
	end();
}

/* What was in force at the moment stays, and all that came later. */
static void
kept(void)
{
	begin();
	put("one", 0);
	put("two", 1000);
	put("three", 2000);
	CU_ASSERT_EQUAL(archive_keep(folder, BEGIN_NS / MS - 1), 0);
	CU_ASSERT_EQUAL(log_files(".json", NULL), 3);
	CU_ASSERT_EQUAL(archive_keep(folder, BEGIN_NS / MS + 1999), 0);
	CU_ASSERT_EQUAL(log_files(".json", NULL), 2);
	CU_ASSERT_STRING_EQUAL(found(999), "");
	CU_ASSERT_STRING_EQUAL(found(1999), "two");
	CU_ASSERT_EQUAL(archive_keep(folder, UINT64_MAX), 0);
	CU_ASSERT_STRING_EQUAL(found(5000), "three");
	end();
}

/* Other files of the directory, and names that are nearly right, are nobody's. */
static void
strangers(void)
{
	static const char *const names[] = {
		"config.json", "config-20261124T160000Z.json", "config-20261124T160000Z-0001.json",
		"config-20261324T160000Z-000.json", "config-20261124T160000Z-000.json.bak",
		"nat-20261124T160000Z-00000000.jsonl", "config.new",
	};
	struct archived a;
	begin();
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = openat(folder, names[i], O_WRONLY | O_CREAT, 0600);
		CU_ASSERT_FATAL(fd >= 0);
		close(fd);
	}
	CU_ASSERT_EQUAL(archive_find(folder, UINT64_MAX, &a), -ENOENT);
	CU_ASSERT_EQUAL(archive_keep(folder, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(log_files("", NULL), sizeof(names) / sizeof(names[0]));
	CU_ASSERT_EQUAL(put("one", 0), 1);
	CU_ASSERT_STRING_EQUAL(found(0), "one");
	end();
}

static void
refused(void)
{
	struct archived a;
	struct archive_since now = {0, false};
	CU_ASSERT_EQUAL(archive_put(-1, "x", 1, BEGIN_NS, now), -EBADF);
	CU_ASSERT_EQUAL(archive_find(-1, BEGIN_NS, &a), -EBADF);
	CU_ASSERT_EQUAL(archive_put(-1, "x", (size_t)ARCHIVE_SIZE + 1, BEGIN_NS, now), -EFBIG);
}

static const struct test_case cases[] = {
	{"by moment", by_moment},
	{"a clock that is set back", set_back},
	{"found by a daemon that starts", found_late},
	{"kept", kept},
	{"strangers", strangers},
	{"those that follow", next_ones},
	{"others between", others_between},
	{"no room", no_room},
	{"no room for the first", first_without_room},
	{"refused", refused},
};
TEST_MAIN("archive", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Documents by the moment from which they were in force. */
#include "archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timetext.h"

#define NS_A_MS 1000000ull
#define TEMPORARY "config.new"
static const mode_t MODE = 0640;

static void
name_of(char out[ARCHIVE_NAME], uint64_t ms, uint64_t back_ms)
{
	char time[TIME_TEXT], back[32] = "";
	if (back_ms != 0)
		snprintf(back, sizeof(back), "-back%llu", (unsigned long long)back_ms);
	snprintf(out, ARCHIVE_NAME, "config-%s-%03u%s.json", time_put_compact(time, ms * NS_A_MS),
	         (unsigned)(ms % 1000), back);
}

/* ms_of: of a name; how far the clock was behind it. => 0 when it is none. */
static uint64_t
ms_of(const char *name, uint64_t *back_ms)
{
	static const size_t before = sizeof("config-") - 1;
	char again[ARCHIVE_NAME];
	uint64_t ns;
	unsigned ms;
	unsigned long long back = 0;
	if (strncmp(name, "config-", before) != 0 || !time_parse_compact(name + before, &ns) ||
	    sscanf(name + before + TIME_COMPACT, "-%3u-back%llu.json", &ms, &back) < 1)
		return 0;
	*back_ms = back;
	name_of(again, ns / NS_A_MS + ms, back);
	return strcmp(again, name) == 0 ? ns / NS_A_MS + ms : 0;
}

typedef void seen_fn(void *arg, const char *name, uint64_t ms, uint64_t back_ms);

/* each: of the directory, in any order. => 0 or -errno. */
static int
each(int folder, seen_fn *fn, void *arg)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		int rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		uint64_t back_ms, ms = ms_of(e->d_name, &back_ms);
		if (ms != 0)
			fn(arg, e->d_name, ms, back_ms);
	}
	closedir(dir);
	return 0;
}

struct search {
	uint64_t at_ms, from_ms, until_ms;
	char name[ARCHIVE_NAME];
};

static void
look(void *arg, const char *name, uint64_t ms, uint64_t back_ms)
{
	struct search *s = arg;
	if (ms <= s->at_ms && ms > s->from_ms) {
		s->from_ms = ms;
		snprintf(s->name, sizeof(s->name), "%.*s", ARCHIVE_NAME - 1, name);
	}
	if (ms > s->at_ms && (s->until_ms == 0 || ms < s->until_ms))
		s->until_ms = ms;
}

int
archive_find(int folder, uint64_t at_ms, struct archived *out)
{
	struct search s = {.at_ms = at_ms};
	int rc = each(folder, look, &s);
	if (rc == 0 && s.from_ms == 0)
		rc = -ENOENT;
	out->from_ms = s.from_ms;
	out->until_ms = s.until_ms;
	memcpy(out->name, s.name, sizeof(s.name));
	return rc;
}

struct seek {
	uint64_t after_ms, at_ms, found_ms;
};

static void
look_next(void *arg, const char *name, uint64_t ms, uint64_t back_ms)
{
	struct seek *s = arg;
	if (ms > s->after_ms && ms < s->found_ms &&
	    (ms <= s->at_ms || ms - s->at_ms <= back_ms))
		s->found_ms = ms;
}

int
archive_next(int folder, uint64_t after_ms, uint64_t at_ms, struct archived *out)
{
	struct seek s = {after_ms, at_ms, UINT64_MAX};
	int rc = each(folder, look_next, &s);
	if (rc == 0 && s.found_ms == UINT64_MAX)
		rc = -ENOENT;
	return rc == 0 ? archive_find(folder, s.found_ms, out) : rc;
}

/* read_whole: => false when the file ends before. */
static bool
read_whole(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t got;
	while (n < size && (got = read(fd, to + n, size - n)) > 0)
		n += (size_t)got;
	return n == size;
}

char *
archive_read(int folder, const struct archived *a, size_t *size)
{
	struct stat st;
	char *text = NULL;
	int fd = openat(folder, a->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= ARCHIVE_SIZE)
		text = calloc((size_t)st.st_size + 1, 1);
	if (text != NULL && !read_whole(fd, text, (size_t)st.st_size)) {
		free(text);
		text = NULL;
	}
	*size = text != NULL ? (size_t)st.st_size : 0;
	close(fd);
	return text;
}

static bool
is_equal(int folder, const struct archived *a, const char *text, size_t size)
{
	size_t have;
	char *old = archive_read(folder, a, &have);
	bool same = old != NULL && have == size && memcmp(old, text, size) == 0;
	free(old);
	return same;
}

static int
write_whole(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		size -= (size_t)n;
	}
	return fdatasync(fd) == 0 ? 0 : -errno;
}

/* write_aside: into the temporary file. */
static int
write_aside(int folder, const char *text, size_t size)
{
	int fd = openat(folder, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
	int rc = fd >= 0 ? write_whole(fd, text, size) : -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* mark: one came that cannot be kept. A name finds room where a text does not. */
static void
mark(int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	if (fd >= 0)
		close(fd);
}

static bool
is_mark(int folder, const struct archived *a)
{
	struct stat st;
	return fstatat(folder, a->name, &st, 0) == 0 && st.st_size == 0;
}

/* place: of one that comes now. => ms; *first_ms: since when it, or others, may have been. */
static uint64_t
place(int folder, uint64_t now_ms, const struct archived *newest, uint64_t *first_ms)
{
	struct archived before;
	bool has = newest->from_ms != 0, is_own = newest->from_ms == now_ms &&
	                                          is_mark(folder, newest);
	if (is_own)
		has = archive_find(folder, now_ms - 1, &before) == 0;
	if (!has) /* there is none that it may have followed */
		*first_ms = now_ms;
	return now_ms > newest->from_ms || is_own ? now_ms : newest->from_ms + 1;
}

int
archive_put(int folder, const char *text, size_t size, uint64_t now_ns, struct archive_since since)
{
	struct archived newest;
	char name[ARCHIVE_NAME];
	uint64_t now_ms = now_ns / NS_A_MS, first_ms = now_ms;
	if (since.ns != 0 && since.ns < now_ns)
		first_ms = since.ns / NS_A_MS;
	if (size > ARCHIVE_SIZE)
		return -EFBIG;
	if (archive_find(folder, UINT64_MAX, &newest) != 0)
		newest.from_ms = 0;
	else if (!since.others && is_equal(folder, &newest, text, size))
		return 0;
	uint64_t ms = place(folder, now_ms, &newest, &first_ms);
	int rc = write_aside(folder, text, size);
	name_of(name, ms, ms - first_ms);
	if (rc == 0 && renameat(folder, TEMPORARY, folder, name) != 0)
		rc = -errno;
	if (rc == 0) {
		fsync(folder);
		return 1;
	}
	unlinkat(folder, TEMPORARY, 0);
	if (ms == now_ms)
		mark(folder, name);
	return rc;
}

struct keep {
	uint64_t ms;
	int folder;
};

static void
drop_older(void *arg, const char *name, uint64_t ms, uint64_t back_ms)
{
	const struct keep *k = arg;
	if (ms < k->ms)
		unlinkat(k->folder, name, 0);
}

int
archive_keep(int folder, uint64_t from_ms)
{
	struct archived a;
	int rc = archive_find(folder, from_ms, &a);
	struct keep k = {a.from_ms, folder};
	return rc == 0 ? each(folder, drop_older, &k) : rc == -ENOENT ? 0 : rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names and contents of a log directory. */
#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "timetext.h"

enum { READ_CHUNK = 1 << 18 };

void
log_stem(char out[LOG_STEM], uint64_t now_ns, uint64_t number)
{
	char time[TIME_TEXT];
	snprintf(out, LOG_STEM, "nat-%s-%08llu", time_put_compact(time, now_ns),
	         (unsigned long long)number % LOG_STEM_NUMBERS);
}

bool
log_stem_number(const char *stem, uint64_t *number)
{
	static const char mask[] = "nat-ddddddddTddddddZ-dddddddd";
	size_t n = sizeof(mask) - 1;
	if (strlen(stem) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = stem[i] >= '0' && stem[i] <= '9';
		bool wants_digit = mask[i] == 'd';
		if (wants_digit ? !digit : stem[i] != mask[i])
			return false;
	}
	*number = strtoull(stem + n - 8, NULL, 10);
	return true;
}

uint64_t
log_stem_ms(const char *stem)
{
	uint64_t ns = 0;
	return time_parse_compact(stem + strlen("nat-"), &ns) ? ns / 1000000u : 0;
}

void
log_name(char out[LOG_NAME], const char *stem, const char *suffix)
{
	snprintf(out, LOG_NAME, "%.*s.%s", LOG_STEM - 1, stem, suffix);
}

static struct log_file *
file_add(struct log_list *l, const char *stem)
{
	if ((l->n & (l->n + 1)) == 0) { /* full at 0, 1, 3, 7, ... */
		void *more = realloc(l->file, (2 * l->n + 1) * sizeof(*l->file));
		if (more == NULL)
			return NULL;
		l->file = more;
	}
	struct log_file *f = &l->file[l->n++];
	memset(f, 0, sizeof(*f));
	snprintf(f->stem, sizeof(f->stem), "%s", stem);
	return f;
}

static int
list_add(struct log_list *l, int folder, const char *name)
{
	char stem[LOG_STEM];
	uint64_t number;
	struct stat st;
	const char *dot = strchr(name, '.');
	if (dot == NULL || (size_t)(dot - name) >= sizeof(stem))
		return 0;
	snprintf(stem, sizeof(stem), "%.*s", (int)(dot - name), name);
	bool plain = strcmp(dot, ".jsonl") == 0, gz = strcmp(dot, ".jsonl.gz") == 0;
	bool index = strcmp(dot, ".idx") == 0;
	if (!log_stem_number(stem, &number) || !(plain || gz || index))
		return 0;
	struct log_file *f = file_add(l, stem);
	if (f == NULL)
		return -ENOMEM;
	f->has_plain = plain;
	f->has_gz = gz;
	f->has_index = index;
	if (fstatat(folder, name, &st, 0) == 0)
		f->bytes = (uint64_t)st.st_size;
	return 0;
}

static int
by_stem(const void *a, const void *b)
{
	return strcmp(((const struct log_file *)a)->stem, ((const struct log_file *)b)->stem);
}

/* list_join: the files of a stem become one row. */
static void
list_join(struct log_list *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n; i++) {
		struct log_file *f = &l->file[i];
		struct log_file *last = kept != 0 ? &l->file[kept - 1] : NULL;
		if (last == NULL || strcmp(last->stem, f->stem) != 0) {
			l->file[kept++] = *f;
			continue;
		}
		last->has_plain |= f->has_plain;
		last->has_gz |= f->has_gz;
		last->has_index |= f->has_index;
		last->bytes += f->bytes;
	}
	l->n = kept;
}

int
log_list_make(struct log_list *l, int folder)
{
	*l = (struct log_list){0};
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *e; rc == 0 && (e = readdir(dir)) != NULL;)
		rc = list_add(l, folder, e->d_name);
	closedir(dir);
	if (rc != 0) {
		log_list_free(l);
		return rc;
	}
	if (l->n != 0)
		qsort(l->file, l->n, sizeof(*l->file), by_stem);
	list_join(l);
	return 0;
}

void
log_list_free(struct log_list *l)
{
	free(l->file);
	*l = (struct log_list){0};
}

/* Text that comes in chunks, cut into lines; what has no end yet waits in front. */
struct chunks {
	char *text;
	size_t have;
	bool skipping; /* a line that is too long */
};

static int
line_take(struct log_index *ix, struct chunks *c, const char *line, size_t size)
{
	struct record rec;
	struct log_names names;
	bool good = !c->skipping && log_line_parse(line, size, &rec, &names);
	c->skipping = false;
	return log_index_add(ix, good ? &rec : NULL, &names, size + 1);
}

static int
lines_take(struct log_index *ix, struct chunks *c)
{
	char *at = c->text, *end = c->text + c->have, *nl;
	int rc = 0;
	while (rc == 0 && (nl = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		rc = line_take(ix, c, at, (size_t)(nl - at));
		at = nl + 1;
	}
	c->have = (size_t)(end - at);
	if (c->have > LOG_LINE) {
		c->have = 0;
		c->skipping = true;
	}
	memmove(c->text, at, c->have);
	return rc;
}

int
log_segment_read(struct log_index *ix, int folder, const char *name)
{
	log_index_init(ix);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC), n = 0, rc = 0;
	if (fd < 0)
		return -errno;
	gzFile f = gzdopen(fd, "rb");
	struct chunks c = {.text = malloc(LOG_LINE + READ_CHUNK + 1)};
	if (f == NULL || c.text == NULL)
		rc = -ENOMEM;
	if (f == NULL)
		close(fd);
	while (rc == 0 && (n = gzread(f, c.text + c.have, READ_CHUNK)) > 0) {
		c.have += (size_t)n;
		rc = lines_take(ix, &c);
	}
	if (rc == 0 && (c.have != 0 || c.skipping))
		rc = log_index_add(ix, NULL, NULL, c.have); /* torn */
	bool damaged = f != NULL && gzclose(f) != Z_OK;
	if (rc == 0)
		rc = log_index_end(ix, damaged || n < 0);
	free(c.text);
	return rc == 0 && (damaged || n < 0) ? -EBADMSG : rc;
}

static int
segment_read_any(struct log_index *ix, int folder, const struct log_file *f)
{
	static const char *const suffixes[] = {"jsonl", "jsonl.gz"};
	char name[LOG_NAME];
	int rc = -ENOENT;
	for (unsigned i = 0; i < 2 && rc == -ENOENT; i++) {
		log_name(name, f->stem, suffixes[i]);
		rc = log_segment_read(ix, folder, name);
	}
	if (rc == 0 && ix->head.lines == 0 && !f->has_plain) /* it began with a line */
		rc = log_index_end(ix, true);
	if (rc == -EBADMSG)
		return 0;
	if (rc != 0)
		log_index_fini(ix);
	return rc;
}

int
log_segment_open(struct log_index *ix, int folder, const struct log_file *f)
{
	char name[LOG_NAME];
	log_name(name, f->stem, "idx");
	if (f->has_index && log_index_open(ix, folder, name) == 0)
		return 0;
	return segment_read_any(ix, folder, f);
}

int
log_segment_open_for(struct log_index *ix, int folder, const struct log_file *f,
                     be32 external)
{
	int rc = log_segment_open(ix, folder, f);
	if (rc != 0 || log_index_check(ix, external))
		return rc;
	log_index_fini(ix);
	return segment_read_any(ix, folder, f);
}

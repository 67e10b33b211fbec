/* SPDX-License-Identifier: Apache-2.0 */
/* The segment in use. */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs.h"

enum { KEEP_EVERY_S = 3600 };
#define NS_A_SECOND 1000000000ull

/* recover: names go on after the highest that is there. */
static int
recover(struct log_writer *w)
{
	struct log_list l;
	uint64_t number;
	int rc = log_list_make(&l, w->folder);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < l.n; i++) {
		const struct log_file *f = &l.file[i];
		if (log_stem_number(f->stem, &number) && number >= w->next_number)
			w->next_number = number + 1;
		snprintf(w->stem, sizeof(w->stem), "%s", f->stem);
	}
	log_list_free(&l);
	return 0;
}

static void
keep(struct log_writer *w, uint64_t now_ns)
{
	log_jobs_keep(w->jobs, w->next_number - (w->fd >= 0), now_ns);
	w->kept_ns = now_ns;
}

int
log_writer_open(struct log_writer *w, const struct log_writer_conf *conf, uint64_t now_ns)
{
	memset(w, 0, offsetof(struct log_writer, buffer));
	w->conf = *conf;
	w->jobs = NULL;
	w->fd = -1;
	log_index_init(&w->index);
	mkdir(conf->directory, 0750);
	w->folder = open(conf->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = w->folder < 0 ? -errno : 0;
	if (rc == 0 && (faccessat(w->folder, ".", W_OK | X_OK, 0) != 0))
		rc = -errno;
	if (rc == 0 && (w->jobs = log_jobs_create(w->folder, conf)) == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = recover(w);
	if (rc != 0) {
		log_writer_close(w, now_ns);
		return rc;
	}
	keep(w, now_ns);
	return 0;
}

/* segment_begin: under a name that sorts after all others, also when the clock went back. */
static int
segment_begin(struct log_writer *w, uint64_t now_ns)
{
	char stem[LOG_STEM], name[LOG_NAME];
	log_stem(stem, now_ns, w->next_number);
	if (strcmp(stem, w->stem) < 0)
		memcpy(stem, w->stem, strlen("nat-ddddddddTddddddZ"));
	log_name(name, stem, "jsonl");
	int fd = openat(w->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	memcpy(w->stem, stem, sizeof(stem));
	w->fd = fd;
	w->next_number++;
	w->begun_ns = w->synced_ns = now_ns;
	w->written = 0;
	return 0;
}

/* buffer_write: the whole buffer or nothing. */
static int
buffer_write(struct log_writer *w)
{
	size_t done = 0;
	while (done < w->buffered) {
		ssize_t n = write(w->fd, w->buffer + done, w->buffered - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n < 0 ? -errno : -EIO;
			if (done != 0 && ftruncate(w->fd, (off_t)w->written) != 0)
				return -errno;
			return rc;
		}
		done += (size_t)n;
	}
	w->written += w->buffered;
	w->buffered = 0;
	return 0;
}

static void
segment_end(struct log_writer *w, uint64_t now_ns)
{
	log_jobs_finish(w->jobs, w->stem, w->fd, &w->index);
	w->fd = -1;
	keep(w, now_ns);
}

/* Also when the clock was set back to before: what was to come then would wait for that again. */
static bool
is_due(uint64_t now_ns, uint64_t since_ns, uint64_t seconds)
{
	return now_ns < since_ns || now_ns - since_ns >= seconds * NS_A_SECOND;
}

static bool
is_rotated(const struct log_writer *w, uint64_t size, uint64_t now_ns)
{
	return size >= w->conf.rotate_bytes ||
	       is_due(now_ns, w->begun_ns, w->conf.rotate_seconds);
}

static void
sync_if_due(struct log_writer *w, uint64_t now_ns)
{
	int copy;
	if (w->fd < 0 || !is_due(now_ns, w->synced_ns, w->conf.sync_seconds))
		return;
	w->synced_ns = now_ns;
	copy = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0)
		log_jobs_sync(w->jobs, copy);
}

int
log_writer_tick(struct log_writer *w, uint64_t now_ns)
{
	int rc = 0;
	if (w->fd >= 0 && w->buffered != 0)
		rc = buffer_write(w);
	if (rc != 0)
		return rc;
	if (w->fd >= 0 && is_rotated(w, w->written, now_ns))
		segment_end(w, now_ns);
	sync_if_due(w, now_ns);
	if (is_due(now_ns, w->kept_ns, KEEP_EVERY_S))
		keep(w, now_ns);
	return 0;
}

int
log_writer_put(struct log_writer *w, const struct record *rec, const struct log_names *names,
               uint64_t now_ns)
{
	int rc = 0;
	if (w->fd >= 0 && (w->buffered >= LOG_BUFFER ||
	                   is_rotated(w, w->written + w->buffered, now_ns)))
		rc = log_writer_tick(w, now_ns);
	if (rc == 0 && w->fd < 0)
		rc = segment_begin(w, now_ns);
	if (rc != 0)
		return rc;
	size_t n = log_line_put(w->buffer + w->buffered, rec, names);
	rc = log_index_add(&w->index, rec, names, n);
	if (rc != 0)
		return rc;
	w->buffered += n;
	w->records++;
	return 0;
}

void
log_writer_close(struct log_writer *w, uint64_t now_ns)
{
	if (w->jobs != NULL) {
		if (w->fd >= 0)
			buffer_write(w);
		if (w->fd >= 0)
			segment_end(w, now_ns);
		log_jobs_destroy(w->jobs);
	}
	log_index_fini(&w->index);
	if (w->folder >= 0)
		close(w->folder);
	w->jobs = NULL;
	w->folder = w->fd = -1;
}

struct log_troubles
log_writer_troubles(struct log_writer *w)
{
	return log_jobs_troubles(w->jobs);
}

void
log_writer_settle(struct log_writer *w)
{
	log_jobs_settle(w->jobs);
}

void
log_writer_document(struct log_writer *w, const struct log_document *d)
{
	log_jobs_document(w->jobs, d);
}

bool
log_writer_documented(struct log_writer *w, int *rc)
{
	return log_jobs_documented(w->jobs, rc);
}

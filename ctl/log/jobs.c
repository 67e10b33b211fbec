/* SPDX-License-Identifier: Apache-2.0 */
/* What takes the disk's time happens here, away from whoever drains the rings. */
#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "archive.h"
#include "timetext.h"

enum { COPY = 1 << 16, GZIP_LEVEL = 6, SECONDS_A_DAY = 86400 };

enum job_kind { JOB_SYNC, JOB_FINISH, JOB_KEEP, JOB_DOCUMENT, JOB_END };

struct job {
	struct job *next;
	enum job_kind kind;
	int fd;
	char stem[LOG_STEM];
	struct log_index index;
	uint64_t limit, now_ns;
	struct log_document document;
};

struct log_jobs {
	struct log_writer_conf conf;
	int folder;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t given, done;
	struct job *first, **last;
	bool is_busy, is_syncing; /* a sync is given and not done */
	unsigned finishing;       /* segments that are given and not finished */
	bool is_keeping;          /* a configuration is given and not kept */
	int kept;                 /* what became of the last one */
	struct log_troubles troubles;
};

/* compress_into: everything of one file, compressed, into another; synced. => 0 or -errno. */
static int
compress_into(int in, int out)
{
	static _Thread_local char part[COPY];
	ssize_t n = 0;
	int copy = dup(out), rc = 0;
	gzFile f = copy >= 0 ? gzdopen(copy, "wb") : NULL;
	if (f == NULL)
		return -ENOMEM;
	gzsetparams(f, GZIP_LEVEL, Z_DEFAULT_STRATEGY);
	while (rc == 0 && (n = read(in, part, sizeof(part))) > 0)
		if (gzwrite(f, part, (unsigned)n) != n)
			rc = errno != 0 ? -errno : -EIO;
	if (n < 0)
		rc = -errno;
	if (gzclose(f) != Z_OK && rc == 0)
		rc = errno != 0 ? -errno : -EIO;
	return rc == 0 && fsync(out) != 0 ? -errno : rc;
}

static int
compress_segment(int folder, const char *stem)
{
	char plain[LOG_NAME], gz[LOG_NAME], temp[LOG_NAME + 8];
	log_name(plain, stem, "jsonl");
	log_name(gz, stem, "jsonl.gz");
	snprintf(temp, sizeof(temp), "%s.new", gz);
	int in = openat(folder, plain, O_RDONLY | O_CLOEXEC), rc;
	if (in < 0)
		return errno == ENOENT ? 0 : -errno; /* it was compressed before */
	int out = openat(folder, temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	rc = out >= 0 ? compress_into(in, out) : -errno;
	close(in);
	if (out >= 0)
		close(out);
	if (rc == 0 && renameat(folder, temp, folder, gz) != 0)
		rc = -errno;
	if (rc != 0) {
		unlinkat(folder, temp, 0);
		return rc;
	}
	fsync(folder);
	return unlinkat(folder, plain, 0) == 0 ? 0 : -errno;
}

static int
finish(struct log_jobs *j, const char *stem, struct log_index *index)
{
	char name[LOG_NAME];
	log_name(name, stem, "idx");
	int rc = log_index_save(index, j->folder, name);
	log_index_fini(index);
	return rc == 0 && j->conf.gzip ? compress_segment(j->folder, stem) : rc;
}

static int
job_finish(struct log_jobs *j, struct job *job)
{
	int rc = fsync(job->fd) != 0 ? -errno : 0;
	int finished = finish(j, job->stem, &job->index);
	return rc != 0 ? rc : finished;
}

static int
sync_plain(int folder, const char *stem)
{
	char name[LOG_NAME];
	log_name(name, stem, "jsonl");
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = fsync(fd) != 0 && errno != EINVAL ? -errno : 0; /* EINVAL: no file of the disk's */
	close(fd);
	return rc;
}

/* finish_left: a segment that a crash, a full disk or one that hung left. */
static int
finish_left(struct log_jobs *j, const struct log_file *f)
{
	struct log_index index;
	int rc = log_segment_open(&index, j->folder, f);
	if (rc != 0)
		return rc;
	if (!j->conf.gzip && (rc = sync_plain(j->folder, f->stem)) != 0) {
		log_index_fini(&index);
		return rc;
	}
	pthread_mutex_lock(&j->lock);
	j->troubles.torn += index.head.bad;
	pthread_mutex_unlock(&j->lock);
	if (!f->has_index)
		return finish(j, f->stem, &index);
	log_index_fini(&index);
	return compress_segment(j->folder, f->stem);
}

static void
file_delete(int folder, const struct log_file *f)
{
	static const char *const suffixes[] = {"jsonl", "jsonl.gz", "idx"};
	char name[LOG_NAME];
	for (unsigned i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		log_name(name, f->stem, suffixes[i]);
		unlinkat(folder, name, 0);
	}
}

/* is_over: is everything in this segment from before the moment? The next one began then. */
static bool
is_over(const struct log_list *l, size_t i, const char *moment)
{
	return i + 1 < l->n && strncmp(l->file[i + 1].stem + 4, moment, strlen(moment)) < 0;
}

static int
job_keep(struct log_jobs *j, const struct job *job)
{
	struct log_list l;
	char moment[TIME_TEXT] = "";
	uint64_t total = 0, days_ns = j->conf.keep_days * SECONDS_A_DAY * 1000000000ull;
	int rc = log_list_make(&l, j->folder);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < l.n; i++)
		total += l.file[i].bytes;
	if (j->conf.keep_days != 0 && job->now_ns > days_ns)
		time_put_compact(moment, job->now_ns - days_ns);
	for (size_t i = 0; i < l.n; i++) {
		const struct log_file *f = &l.file[i];
		uint64_t number;
		if (!log_stem_number(f->stem, &number) || number >= job->limit)
			break;
		bool alone = !f->has_plain && !f->has_gz;
		bool too_much = j->conf.keep_bytes != 0 && total > j->conf.keep_bytes;
		if (alone || too_much || (moment[0] != '\0' && is_over(&l, i, moment))) {
			file_delete(j->folder, f);
			total -= f->bytes;
		} else if (!f->has_index || (f->has_plain && j->conf.gzip)) {
			int left = finish_left(j, f);
			rc = left != 0 ? left : rc;
		}
	}
	log_list_free(&l);
	return rc;
}

/* first_ms: since when there are segments. => UINT64_MAX: there are none; 0: nobody can tell. */
static uint64_t
first_ms(int folder)
{
	struct log_list l;
	uint64_t first = UINT64_MAX;
	if (log_list_make(&l, folder) != 0)
		return 0;
	for (size_t i = 0; i < l.n; i++) {
		uint64_t ms = log_stem_ms(l.file[i].stem);
		first = ms < first ? ms : first;
	}
	log_list_free(&l);
	return first;
}

/* documents_drop: those of before a moment and of before all segments. */
static void
documents_drop(int folder, uint64_t keep_ms)
{
	uint64_t of_log_ms = first_ms(folder);
	archive_keep(folder, of_log_ms < keep_ms ? of_log_ms : keep_ms);
}

static int
document_keep(struct log_jobs *j, const struct log_document *d)
{
	char *text = d->text(d->arg);
	int rc = text == NULL ? -ENOMEM :
	         archive_put(j->folder, text, strlen(text), d->now_ns, d->since);
	free(text);
	if (rc >= 0 && d->keep_ms != 0)
		documents_drop(j->folder, d->keep_ms);
	return rc < 0 ? rc : 0;
}

/* job_document: its end is told to who gave it, not among the troubles. */
static void
job_document(struct log_jobs *j, const struct log_document *d)
{
	int rc = document_keep(j, d);
	pthread_mutex_lock(&j->lock);
	j->is_keeping = false;
	j->kept = rc;
	pthread_mutex_unlock(&j->lock);
}

static int
job_run(struct log_jobs *j, struct job *job)
{
	switch (job->kind) {
	case JOB_SYNC: return fdatasync(job->fd) == 0 ? 0 : -errno;
	case JOB_FINISH: return job_finish(j, job);
	case JOB_KEEP: return job_keep(j, job);
	case JOB_DOCUMENT: job_document(j, &job->document); return 0;
	default: return 0;
	}
}

static struct job *
job_take(struct log_jobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->is_busy = false;
	pthread_cond_broadcast(&j->done);
	while (j->first == NULL)
		pthread_cond_wait(&j->given, &j->lock);
	struct job *job = j->first;
	j->first = job->next;
	if (j->first == NULL)
		j->last = &j->first;
	j->is_busy = true;
	pthread_mutex_unlock(&j->lock);
	return job;
}

/* finish_begun: => false when more segments are under way than may be; each that is counts. */
static bool
finish_begun(struct log_jobs *j)
{
	pthread_mutex_lock(&j->lock);
	bool room = j->finishing < LOG_JOBS_FINISHING;
	if (room)
		j->finishing++;
	else
		j->troubles.left++;
	pthread_mutex_unlock(&j->lock);
	return room;
}

static void
finish_done(struct log_jobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->finishing--;
	pthread_mutex_unlock(&j->lock);
}

/* syncing_set: => what it was. */
static bool
syncing_set(struct log_jobs *j, bool is_syncing)
{
	pthread_mutex_lock(&j->lock);
	bool was = j->is_syncing;
	j->is_syncing = is_syncing;
	pthread_mutex_unlock(&j->lock);
	return was;
}

static void *
jobs_run(void *arg)
{
	struct log_jobs *j = arg;
	for (bool end = false; !end;) {
		struct job *job = job_take(j);
		int rc = job_run(j, job);
		end = job->kind == JOB_END;
		if (job->kind == JOB_SYNC)
			syncing_set(j, false);
		if (job->fd >= 0)
			close(job->fd);
		if (job->kind == JOB_FINISH)
			finish_done(j);
		free(job);
		if (rc == 0)
			continue;
		pthread_mutex_lock(&j->lock);
		j->troubles.error = rc;
		pthread_mutex_unlock(&j->lock);
	}
	return NULL;
}

static struct job *
job_new(enum job_kind kind, const char *stem, int fd)
{
	struct job *job = calloc(1, sizeof(*job));
	if (job == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	job->kind = kind;
	job->fd = fd;
	snprintf(job->stem, sizeof(job->stem), "%s", stem);
	return job;
}

static void
job_give(struct log_jobs *j, struct job *job)
{
	if (job == NULL)
		return;
	pthread_mutex_lock(&j->lock);
	*j->last = job;
	j->last = &job->next;
	pthread_cond_signal(&j->given);
	pthread_mutex_unlock(&j->lock);
}

void
log_jobs_sync(struct log_jobs *j, int fd)
{
	if (syncing_set(j, true)) {
		close(fd);
		return;
	}
	struct job *job = job_new(JOB_SYNC, "", fd);
	if (job == NULL)
		syncing_set(j, false);
	job_give(j, job);
}

void
log_jobs_finish(struct log_jobs *j, const char *stem, int fd, struct log_index *index)
{
	struct job *job = NULL;
	if (finish_begun(j)) {
		job = job_new(JOB_FINISH, stem, fd);
		if (job == NULL)
			finish_done(j);
	} else {
		close(fd);
	}
	if (job != NULL)
		job->index = *index;
	else
		log_index_fini(index); /* made anew from the segment when that is finished */
	log_index_init(index);
	job_give(j, job);
}

/* keep_again: the last job is one already: it does this one's work too. => was it? */
static bool
keep_again(struct log_jobs *j, uint64_t limit, uint64_t now_ns)
{
	pthread_mutex_lock(&j->lock);
	struct job *last = j->first;
	while (last != NULL && last->next != NULL)
		last = last->next;
	bool is_keep = last != NULL && last->kind == JOB_KEEP;
	if (is_keep) {
		last->limit = limit;
		last->now_ns = now_ns;
	}
	pthread_mutex_unlock(&j->lock);
	return is_keep;
}

void
log_jobs_keep(struct log_jobs *j, uint64_t limit, uint64_t now_ns)
{
	struct job *job;
	if (keep_again(j, limit, now_ns))
		return;
	job = job_new(JOB_KEEP, "", -1);
	if (job != NULL) {
		job->limit = limit;
		job->now_ns = now_ns;
	}
	job_give(j, job);
}

void
log_jobs_document(struct log_jobs *j, const struct log_document *d)
{
	struct job *job = job_new(JOB_DOCUMENT, "", -1);
	pthread_mutex_lock(&j->lock);
	j->is_keeping = job != NULL;
	j->kept = -ENOMEM;
	pthread_mutex_unlock(&j->lock);
	if (job != NULL)
		job->document = *d;
	job_give(j, job);
}

bool
log_jobs_documented(struct log_jobs *j, int *rc)
{
	pthread_mutex_lock(&j->lock);
	bool is_done = !j->is_keeping;
	*rc = j->kept;
	pthread_mutex_unlock(&j->lock);
	return is_done;
}

struct log_jobs *
log_jobs_create(int folder, const struct log_writer_conf *conf)
{
	struct log_jobs *j = calloc(1, sizeof(*j));
	if (j == NULL)
		return NULL;
	j->conf = *conf;
	j->folder = folder;
	j->last = &j->first;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->given, NULL);
	pthread_cond_init(&j->done, NULL);
	if (pthread_create(&j->thread, NULL, jobs_run, j) == 0)
		return j;
	free(j);
	return NULL;
}

void
log_jobs_settle(struct log_jobs *j)
{
	pthread_mutex_lock(&j->lock);
	while (j->first != NULL || j->is_busy)
		pthread_cond_wait(&j->done, &j->lock);
	pthread_mutex_unlock(&j->lock);
}

void
log_jobs_destroy(struct log_jobs *j)
{
	struct job *end = job_new(JOB_END, "", -1);
	job_give(j, end);
	if (end != NULL)
		pthread_join(j->thread, NULL);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->given);
	pthread_cond_destroy(&j->done);
	free(j);
}

struct log_troubles
log_jobs_troubles(struct log_jobs *j)
{
	pthread_mutex_lock(&j->lock);
	struct log_troubles t = j->troubles;
	j->troubles = (struct log_troubles){0};
	pthread_mutex_unlock(&j->lock);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The newest segments, back to where the last data plane began. */
#include "resume.h"

#include <string.h>

/*
 * take_workers: the last record of each that is not known from a newer segment. Its time is that of
 * its last one in the index, or when the segment begins: what is missing comes after that.
 */
static void
take_workers(struct log_resume *r, const struct log_index *ix)
{
	uint32_t line[LOG_WORKERS] = {0};
	bool wanted[LOG_WORKERS], any = false;
	for (unsigned w = 0; w < LOG_WORKERS; w++) {
		wanted[w] = r->sequence[w] == 0 && ix->head.sequence_last[w] != 0;
		any |= wanted[w];
		if (wanted[w]) {
			r->sequence[w] = ix->head.sequence_last[w];
			r->worker_ms[w] = ix->head.first_ms;
		}
	}
	for (uint64_t i = 0; any && i < ix->head.entries; i++) {
		const struct log_entry *e = &ix->entry[i];
		bool is_record = log_event_is_assignment(e->event) &&
		                 e->event != RECORD_BLOCK_INTERIM && e->worker < LOG_WORKERS;
		if (is_record && wanted[e->worker] && e->line >= line[e->worker]) {
			line[e->worker] = e->line;
			r->worker_ms[e->worker] = e->time_ms;
		}
	}
}

/* take: what one segment says, older than all that were taken before. */
static void
take(struct log_resume *r, const struct log_index *ix)
{
	size_t n;
	const struct log_entry *e = log_index_find(ix, 0, &n);
	take_workers(r, ix);
	if (r->last_ms == 0)
		r->last_ms = ix->head.last_ms;
	if (r->first_ms == 0 || (ix->head.first_ms != 0 && ix->head.first_ms < r->first_ms))
		r->first_ms = ix->head.first_ms;
	for (; n > 0 && r->start_ms == 0; n--)
		if (e[n - 1].event == RECORD_START)
			r->start_ms = e[n - 1].time_ms;
}

static void
least_of(struct log_resume *r)
{
	for (unsigned w = 0; w < LOG_WORKERS; w++) {
		if (r->sequence[w] == 0)
			r->worker_ms[w] = r->start_ms;
		else if (r->least_ms == 0 || r->worker_ms[w] < r->least_ms)
			r->least_ms = r->worker_ms[w];
	}
	r->least_ms = r->least_ms != 0 ? r->least_ms : r->start_ms;
}

int
log_resume_read(struct log_resume *r, int folder)
{
	struct log_list l;
	memset(r, 0, sizeof(*r));
	int rc = log_list_make(&l, folder);
	for (size_t i = rc == 0 ? l.n : 0; i > 0 && r->start_ms == 0; i--) {
		struct log_index ix;
		const struct log_file *f = &l.file[i - 1];
		if ((!f->has_plain && !f->has_gz) || log_segment_open(&ix, folder, f) != 0)
			continue;
		take(r, &ix);
		log_index_fini(&ix);
	}
	if (rc == 0)
		log_list_free(&l);
	if (r->start_ms != 0)
		r->first_ms = 0;
	least_of(r);
	return rc;
}

/* start_line: the line after the last beginning of a data plane; 0: there is none. */
static uint64_t
start_line(const struct log_index *ix)
{
	size_t n;
	const struct log_entry *e = log_index_find(ix, 0, &n);
	for (; n > 0; n--)
		if (e[n - 1].event == RECORD_START)
			return e[n - 1].line + 1ull;
	return 0;
}

static bool
is_of_block(unsigned event)
{
	return event == RECORD_BLOCK_CREATE || event == RECORD_BLOCK_DELETE ||
	       event == RECORD_BLOCK_INTERIM || event == RECORD_GAP;
}

static void
blocks_of(const struct log_index *ix, uint64_t from_line, log_block_fn *fn, void *arg)
{
	for (uint64_t i = 0; i < ix->head.entries; i++) {
		const struct log_entry *e = &ix->entry[i];
		if (e->line < from_line || !is_of_block(e->event))
			continue;
		struct record rec = {
			.event = e->event, .time_ns = e->time_ms * 1000000,
			.external = e->external, .subscriber = e->subscriber,
			.port_first = e->port_first, .port_last = e->port_last,
			.realm = e->realm, .worker = e->worker,
		};
		if (e->event == RECORD_BLOCK_INTERIM)
			rec.since_ns = e->sequence * 1000000;
		fn(arg, &rec, log_index_names(ix, e)->pool);
	}
}

/* first_file: the newest segment in which a data plane begins, within the limit; its line. */
static size_t
first_file(const struct log_list *l, int folder, uint64_t *line)
{
	size_t i = l->n;
	*line = 0;
	while (i > 0 && l->n - i < LOG_RESUME_SEGMENTS && *line == 0) {
		struct log_index ix;
		if (log_segment_open(&ix, folder, &l->file[--i]) != 0)
			continue;
		*line = start_line(&ix);
		log_index_fini(&ix);
	}
	return i;
}

int
log_resume_blocks(int folder, log_block_fn *fn, void *arg)
{
	struct log_list l;
	uint64_t line;
	int rc = log_list_make(&l, folder);
	if (rc != 0)
		return rc;
	for (size_t i = first_file(&l, folder, &line); i < l.n; i++, line = 0) {
		struct log_index ix;
		if (log_segment_open(&ix, folder, &l.file[i]) != 0)
			continue;
		blocks_of(&ix, line, fn, arg);
		log_index_fini(&ix);
	}
	log_list_free(&l);
	return 0;
}

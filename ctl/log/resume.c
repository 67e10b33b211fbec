/* SPDX-License-Identifier: Apache-2.0 */
/* The newest segments, back to where the last data plane began. */
#include "resume.h"

#include <string.h>

/* take: what one segment says, older than all that were taken before. */
static void
take(struct log_resume *r, const struct log_index *ix)
{
	size_t n;
	const struct log_entry *e = log_index_find(ix, 0, &n);
	for (unsigned w = 0; w < LOG_WORKERS; w++)
		if (r->sequence[w] == 0)
			r->sequence[w] = ix->head.sequence_last[w];
	if (r->last_ms == 0)
		r->last_ms = ix->head.last_ms;
	for (; n > 0 && r->start_ms == 0; n--)
		if (e[n - 1].event == RECORD_START)
			r->start_ms = e[n - 1].time_ms;
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
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which segments a search opens, and in which order. */
#include "whohad.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *stem;
	const struct log_file *file; /* NULL: the segment in use */
	const struct log_index *index;
	struct log_index own;
	bool is_open;
};

struct walk {
	const struct whohad_query *q;
	int folder;
	struct log_list list;
	struct part *part;           /* oldest first */
	size_t n;
	const struct whohad_live *live;
	struct whohad *out;
};

/* part_open: => false when it cannot be read, which counts as a bad line. */
static bool
part_open(struct walk *w, struct part *p)
{
	if (p->is_open)
		return p->index != NULL;
	p->is_open = true;
	w->out->opened++;
	if (p->file != NULL)
		p->index = log_segment_open(&p->own, w->folder, p->file) == 0 ? &p->own : NULL;
	w->out->bad += p->index != NULL ? p->index->head.bad : 1;
	return p->index != NULL;
}

typedef void event_fn(void *arg, const struct log_entry *e, const struct log_names *names,
                      const char *stem);

/* part_events: what concerns the question, in the order of the log. */
static void
part_events(const struct walk *w, const struct part *p, event_fn *fn, void *arg)
{
	size_t a = 0, b = 0, n_a, n_b = 0;
	const struct log_entry *of_all = log_index_find(p->index, 0, &n_a), *of_it = NULL;
	if (p->index->is_sorted)
		of_it = log_index_find(p->index, w->q->external, &n_b);
	while (a < n_a || b < n_b) {
		bool first = b == n_b || (a < n_a && of_all[a].line < of_it[b].line);
		const struct log_entry *e = first ? &of_all[a++] : &of_it[b++];
		if (whohad_concerns(w->q, e))
			fn(arg, e, log_index_names(p->index, e), p->stem);
	}
}

struct decision {
	uint64_t at_ms;
	bool is_made;
};

static void
look_for_decision(void *arg, const struct log_entry *e, const struct log_names *names,
                  const char *stem)
{
	struct decision *d = arg;
	d->is_made |= e->time_ms <= d->at_ms && whohad_decides(e);
}

/* first_part: where the fold begins; *reached: something there decides what was before. */
static size_t
first_part(struct walk *w, bool *reached)
{
	struct decision d = {.at_ms = w->q->at_ms};
	size_t i = w->n;
	while (i > 0 && !d.is_made) {
		struct part *p = &w->part[--i];
		if (part_open(w, p) && p->index->head.first_ms <= w->q->at_ms)
			part_events(w, p, look_for_decision, &d);
	}
	*reached = d.is_made;
	return i;
}

static void
fold_event(void *arg, const struct log_entry *e, const struct log_names *names, const char *stem)
{
	whohad_fold_event(arg, e, names, stem);
}

static void
log_bounds(struct walk *w)
{
	for (size_t i = 0; i < w->n && w->out->log_first_ms == 0; i++)
		if (part_open(w, &w->part[i]))
			w->out->log_first_ms = w->part[i].index->head.first_ms;
	for (size_t i = w->n; i > 0 && w->out->log_last_ms == 0; i--)
		if (part_open(w, &w->part[i - 1]))
			w->out->log_last_ms = w->part[i - 1].index->head.last_ms;
}

static void
gap_add(struct whohad *out, uint64_t from_ms, uint64_t to_ms, uint64_t lost)
{
	struct whohad_gap gap = {from_ms, to_ms, lost, RECORD_DAEMON};
	if (out->gaps == WHOHAD_GAPS)
		out->gaps_lost++;
	else
		out->gap[out->gaps++] = gap;
}

/* absent_add: segments have numbers without a hole: one that is not here is a gap. */
static void
absent_add(struct walk *w, const struct part *before, const struct part *p)
{
	uint64_t last = 0, number = 0;
	log_stem_number(before->stem, &last);
	log_stem_number(p->stem, &number);
	if (number != (last + 1) % LOG_STEM_NUMBERS)
		gap_add(w->out, before->index != NULL ? before->index->head.last_ms : 0,
		        p->index->head.first_ms, 0);
}

static void
walk_run(struct walk *w)
{
	struct whohad_fold fold;
	bool reached;
	log_bounds(w);
	size_t first = first_part(w, &reached);
	uint64_t begin = first < w->n && part_open(w, &w->part[first]) ?
	                 w->part[first].index->head.first_ms : 0;
	whohad_fold_begin(&fold, w->q, w->out, begin);
	for (size_t i = first; i < w->n && !fold.is_settled; i++) {
		if (!part_open(w, &w->part[i]))
			continue;
		if (i > first)
			absent_add(w, &w->part[i - 1], &w->part[i]);
		part_events(w, &w->part[i], fold_event, &fold);
	}
	if (w->live != NULL && w->live->waits != 0)
		gap_add(w->out, w->live->waits_ms, UINT64_MAX, w->live->waits);
	whohad_fold_end(&fold, reached);
}

static int
parts_make(struct walk *w, const struct whohad_live *live)
{
	size_t files = w->list.n;
	w->part = calloc(files + 1, sizeof(*w->part));
	if (w->part == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < files; i++) {
		const struct log_file *f = &w->list.file[i];
		bool in_use = live != NULL && live->index != NULL &&
		              strcmp(f->stem, live->stem) == 0;
		if (!in_use && (f->has_plain || f->has_gz))
			w->part[w->n++] = (struct part){.stem = f->stem, .file = f};
	}
	if (live != NULL && live->index != NULL && live->index->head.lines != 0)
		w->part[w->n++] = (struct part){.stem = live->stem, .index = live->index};
	w->out->segments = (unsigned)w->n;
	return 0;
}

int
whohad_search(const struct whohad_query *q, int folder, const struct whohad_live *live,
              struct whohad *out)
{
	struct walk w = {.q = q, .folder = folder, .live = live, .out = out};
	memset(out, 0, sizeof(*out));
	int rc = folder >= 0 ? log_list_make(&w.list, folder) : 0;
	if (rc == 0)
		rc = parts_make(&w, live);
	if (rc == 0)
		walk_run(&w);
	for (size_t i = 0; i < w.n; i++)
		if (w.part[i].is_open && w.part[i].index == &w.part[i].own)
			log_index_fini(&w.part[i].own);
	free(w.part);
	log_list_free(&w.list);
	return rc;
}

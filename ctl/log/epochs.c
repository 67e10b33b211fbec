/* SPDX-License-Identifier: Apache-2.0 */
/* Where the clock was set back, according to beginnings, steps, and holes between segments. */
#include "epochs.h"

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* last_before: the highest time that lines before this one have. */
static uint64_t
last_before(const struct log_index *ix, uint32_t line, uint32_t from)
{
	uint64_t last = 0;
	for (uint64_t i = 0; i < ix->head.entries; i++) {
		const struct log_entry *e = &ix->entry[i];
		if (e->line >= from && e->line < line && e->event != RECORD_GAP)
			last = later(last, e->time_ms);
	}
	return last;
}

static void
epoch_add(struct epochs *ep, size_t part, uint32_t line, uint64_t ms)
{
	if (ep->n == EPOCHS)
		ep->is_more = true;
	else
		ep->e[ep->n++] = (struct epoch){part, line, ms, ms};
}

static struct epoch *
now_in(struct epochs *ep)
{
	return &ep->e[ep->n - 1];
}

/* mark: a data plane began, or the clock was set. */
static void
mark(struct epochs *ep, size_t part, const struct log_index *ix, const struct log_entry *m,
     uint32_t *from)
{
	if (m->event == RECORD_START && m->time_ms == ep->start_ms)
		return; /* said again: it goes on */
	if (m->event == RECORD_START)
		ep->start_ms = m->time_ms;
	struct epoch *e = now_in(ep);
	e->last_ms = later(e->last_ms, later(m->sequence, last_before(ix, m->line, *from)));
	*from = m->line;
	if (m->time_ms < e->last_ms)
		epoch_add(ep, part, m->line, m->time_ms);
}

unsigned
epochs_part(struct epochs *ep, size_t part, const struct log_index *ix, bool follows)
{
	size_t n;
	uint32_t from = 0;
	const struct log_entry *m = log_index_find(ix, 0, &n);
	const struct log_index_head *h = &ix->head;
	if (h->first_ms == 0) /* nothing in it */
		return ep->n != 0 ? ep->n - 1 : 0;
	if (ep->n == 0 || (!follows && h->first_ms < now_in(ep)->last_ms))
		epoch_add(ep, part, 0, h->first_ms);
	unsigned begins = ep->n - 1;
	for (; n > 0; m++, n--)
		if (epochs_is_mark(m->event))
			mark(ep, part, ix, m, &from);
	struct epoch *e = now_in(ep);
	bool is_all = ep->n - 1 == begins;
	e->last_ms = later(e->last_ms, is_all ? h->last_ms : last_before(ix, UINT32_MAX, from));
	if (h->first_ms < ep->e[begins].first_ms && is_all)
		ep->e[begins].first_ms = h->first_ms;
	return begins;
}

unsigned
epochs_at(const struct epochs *ep, unsigned begins, size_t part, uint32_t line)
{
	unsigned k = begins;
	while (k + 1 < ep->n && ep->e[k + 1].part == part && ep->e[k + 1].line <= line)
		k++;
	return k;
}

static bool
holds(const struct epoch *e, uint64_t ms)
{
	return e->first_ms <= ms && ms <= e->last_ms;
}

/* The earliest one that can be meant: more is missing, or was held for longer, then. */
uint64_t
epochs_since(const struct epochs *ep, unsigned epoch, uint64_t since_ms, uint64_t ms)
{
	if (since_ms == 0)
		return 0;
	for (unsigned k = 0; k < epoch && k < ep->n; k++)
		if (holds(&ep->e[k], since_ms))
			return epoch_order(k, since_ms);
	if (epoch < ep->n && since_ms < ep->e[epoch].first_ms)
		return since_ms; /* before all that is here */
	return epoch_order(epoch, since_ms < ms ? since_ms : ms);
}

bool
epochs_of(const struct epochs *ep, unsigned epoch, uint64_t at_ms, uint64_t until_ms)
{
	const struct epoch *e = &ep->e[epoch];
	return (until_ms >= e->first_ms || epoch == 0) &&
	       (at_ms <= e->last_ms || epoch + 1 == ep->n);
}

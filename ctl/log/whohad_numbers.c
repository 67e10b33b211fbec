/* SPDX-License-Identifier: Apache-2.0 */
/* What no record says is missing: numbers of a worker that neither of two segments has. */
#include "whohad.h"

#include <string.h>

/* The lines and times between which a worker's missing records would have been. */
struct hole {
	uint32_t from_line, to_line;
	uint64_t from_ms, to_ms;
};

static bool
is_numbered(const struct log_entry *e, unsigned worker)
{
	return e->worker == worker && log_event_is_assignment(e->event) &&
	       e->event != RECORD_BLOCK_INTERIM;
}

static struct hole
hole_of(const struct log_index *a, const struct log_index *b, unsigned worker)
{
	struct hole h = {0, UINT32_MAX, a->head.first_ms, b->head.last_ms};
	for (uint64_t i = 0; i < a->head.entries; i++)
		if (is_numbered(&a->entry[i], worker) && a->entry[i].line >= h.from_line) {
			h.from_line = a->entry[i].line;
			h.from_ms = a->entry[i].time_ms;
		}
	for (uint64_t i = 0; i < b->head.entries; i++)
		if (is_numbered(&b->entry[i], worker) && b->entry[i].line <= h.to_line) {
			h.to_line = b->entry[i].line;
			h.to_ms = b->entry[i].time_ms;
		}
	return h;
}

/* last_ms: when a worker spoke last in a segment. */
static uint64_t
last_ms(const struct log_index *ix, unsigned worker)
{
	return hole_of(ix, ix, worker).from_ms;
}

/* is_told: does a gap of the worker's or of all stand between these lines, and begin with the hole?
 * One without a number that begins later (since when nat.log is none) says nothing of it. */
static bool
is_told(const struct log_index *ix, unsigned worker, uint32_t from, uint32_t to, uint64_t from_ms)
{
	size_t n;
	const struct log_entry *e = log_index_find(ix, 0, &n);
	for (; n > 0; n--, e++)
		if (e->event == RECORD_GAP && e->line >= from && e->line <= to &&
		    (e->subscriber != 0 || e->sequence <= from_ms) &&
		    (e->worker == worker || e->worker == RECORD_DAEMON))
			return true;
	return false;
}

static bool
begins(const struct log_index *ix)
{
	size_t n;
	const struct log_entry *e = log_index_find(ix, 0, &n);
	for (; n > 0; n--, e++)
		if (e->event == RECORD_START)
			return true;
	return false;
}

/* number_part: of one worker. => true with the gap that nobody says. */
static bool
number_part(const struct log_index *last, const struct log_index *ix, unsigned w,
            struct whohad_gap *gap)
{
	uint64_t wanted = last != NULL ? last->head.sequence_last[w] + 1 : 0;
	uint64_t first = ix->head.sequence_first[w];
	if (wanted == 0 || first == 0 || first == wanted)
		return false;
	struct hole h = hole_of(last, ix, w);
	if (is_told(last, w, h.from_line, UINT32_MAX, h.from_ms) ||
	    is_told(ix, w, 0, h.to_line, h.from_ms))
		return false;
	*gap = (struct whohad_gap){h.from_ms, h.to_ms, first > wanted ? first - wanted : 0,
	                           (uint8_t)w};
	return true;
}

unsigned
whohad_numbers_part(struct whohad_numbers *n, const struct log_index *ix,
                    struct whohad_gap gap[LOG_WORKERS])
{
	unsigned gaps = 0;
	if (begins(ix)) /* where its numbers begin anew the index has looked */
		memset(n->last, 0, sizeof(n->last));
	for (unsigned w = 0; w < LOG_WORKERS; w++) {
		gaps += number_part(n->last[w], ix, w, &gap[gaps]);
		if (ix->head.sequence_last[w] != 0)
			n->last[w] = ix;
		else if (n->last[w] != NULL &&
		         is_told(ix, w, 0, UINT32_MAX, last_ms(n->last[w], w)))
			n->last[w] = NULL; /* where its numbers go on nobody knows */
	}
	return gaps;
}

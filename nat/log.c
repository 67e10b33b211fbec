/* SPDX-License-Identifier: Apache-2.0 */
/* Records into the worker's ring. */
#include "nat/log.h"

enum { EXHAUSTED_EVERY_MS = 1000 };

void
log_put(struct nat_recorder *l, struct record *rec, const struct nat_clock *now)
{
	rec->time_ns = now->ns;
	rec->sequence = ++l->sequence;
	rec->worker = l->worker;
	l->stats->log_records++;
	if (l->ring == NULL || !record_put(l->ring, rec))
		l->stats->log_lost++;
}

void
log_exhausted(struct nat_recorder *l, struct record *rec, const struct nat_clock *now)
{
	if (now->ms < l->quiet_until_ms[rec->event])
		return;
	l->quiet_until_ms[rec->event] = now->ms + EXHAUSTED_EVERY_MS;
	log_put(l, rec, now);
}

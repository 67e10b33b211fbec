/* SPDX-License-Identifier: Apache-2.0 */
/* Records into the worker's ring. */
#include "nat/log.h"

enum { SECOND_MS = 1000 };

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

bool
log_pace_take(struct log_pace *p, const struct nat_clock *now, uint32_t a_second)
{
	if (now->ms >= p->until_ms)
		*p = (struct log_pace){.until_ms = now->ms + SECOND_MS};
	if (p->put >= a_second)
		return false;
	p->put++;
	return true;
}

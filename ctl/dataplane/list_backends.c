/* SPDX-License-Identifier: Apache-2.0 */
/* What the flows of each backend come to: sums over a stretch of the flow tables. */
#include "flow_walk.h"

/* Places of a page's rows by owner, half full at most: row + 1, 0 is none. */
enum { PLACES = 8192 };
static_assert(COMMAND_REPLY_MAX / sizeof(struct cmd_backend) <= PLACES / 2, "rows of a page fit");

struct sums {
	struct page pg; /* first: what the walk hands on */
	uint16_t place[PLACES];
};

static struct cmd_backend *
row_at(const struct page *pg, uint32_t i)
{
	return (struct cmd_backend *)(void *)(pg->out + (size_t)i * pg->record_size);
}

/* row_of: the owner's row, a new one if it has none yet. */
static struct cmd_backend *
row_of(struct sums *s, uint32_t owner)
{
	uint32_t i = owner * 0x9e3779b1u % PLACES;
	for (; s->place[i] != 0; i = (i + 1) % PLACES)
		if (row_at(&s->pg, s->place[i] - 1u)->owner == owner)
			return row_at(&s->pg, s->place[i] - 1u);
	s->place[i] = (uint16_t)(s->pg.count + 1);
	page_add(&s->pg, &(struct cmd_backend){.owner = owner});
	return row_at(&s->pg, s->pg.count - 1);
}

static void
take(struct page *pg, const struct snapshot *f)
{
	const struct cmd_filter *want = pg->filter;
	if (f->f.policy != POLICY_LB || (want->owner != 0 && want->owner != f->f.owner + 1))
		return;
	struct cmd_backend *row = row_of((struct sums *)(void *)pg, f->f.owner);
	row->flows++;
	row->active += f->f.state == CONN_TCP_EST || f->f.state == CONN_UDP_BOTH ||
	               f->f.state == CONN_ONE_EST;
	for (unsigned d = 0; d < 2; d++) {
		row->packets[d] += f->sum.packets[d];
		row->bytes[d] += f->sum.bytes[d];
	}
}

void
list_backends(struct page *pg)
{
	struct sums s = {.pg = *pg};
	flow_walk(&s.pg, take);
	*pg = s.pg;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who had a port that is in quarantine. */
#include "nat/rest.h"

#include "nat/state.h"

static uint64_t
hash_of(const struct rests *r, struct quarantined q)
{
	uint64_t key = (uint64_t)q.block << 18 | (uint64_t)q.proto << 16 | q.place;
	return mix64(key ^ r->seed, 0x8ebc6af09c88c6e3u);
}

static struct rest *
at(const struct rests *r, uint32_t number)
{
	return table_at(&r->t, number);
}

static uint32_t
find(const struct rests *r, struct quarantined q)
{
	uint32_t i = table_first(&r->t, hash_of(r, q));
	while (i != 0 && (at(r, i)->block != q.block || at(r, i)->proto != q.proto ||
	                  at(r, i)->place != q.place))
		i = table_next(&r->t, i);
	return i;
}

void
rest_begin(struct nat *n, const struct mapping *m)
{
	struct rests *r = &n->rests;
	struct quarantined q = {.block = m->block, .proto = m->proto,
		.place = m->port - (uint32_t)mapping_block(&n->mappings, m)->first};
	uint32_t i = find(r, q);
	if (i == 0) {
		if ((i = table_take(&r->t)) == 0)
			return;
		at(r, i)->block = q.block;
		at(r, i)->proto = q.proto;
		at(r, i)->place = q.place;
		table_link(&r->t, i, hash_of(r, q));
	}
	assert(!at(r, i)->is_resting && "it was mapped");
	at(r, i)->is_resting = 1;
	at(r, i)->inside_port = m->inside_port;
}

bool
rest_end(struct nat *n, struct quarantined q)
{
	struct rests *r = &n->rests;
	uint32_t i = find(r, q);
	if (i == 0)
		return true;
	bool was_stale = at(r, i)->stale != 0;
	at(r, i)->stale -= was_stale;
	at(r, i)->is_resting &= was_stale;
	if (at(r, i)->stale == 0 && !at(r, i)->is_resting) {
		table_unlink(&r->t, i, hash_of(r, q));
		table_give(&r->t, i);
	}
	return !was_stale;
}

bool
rest_recall(struct nat *n, struct quarantined q, be16 inside_port)
{
	uint32_t i = find(&n->rests, q);
	if (i == 0)
		return false;
	struct rest *e = at(&n->rests, i);
	if (!e->is_resting || e->inside_port != inside_port || e->stale == REST_STALE)
		return false;
	e->is_resting = 0;
	e->stale++;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Linear probing; what is taken out closes the gap behind it. */
#include "log_held.h"

#include <stdlib.h>
#include <string.h>

#include "lib/tuple.h"

enum { SLOTS_MIN = 1024 };

void
log_held_fini(struct log_held *h)
{
	free(h->slot);
	memset(h, 0, sizeof(*h));
}

void
log_held_clear(struct log_held *h)
{
	if (h->slot != NULL)
		memset(h->slot, 0, h->slots * sizeof(*h->slot));
	h->used = h->hand = 0;
}

static size_t
home_of(const struct log_held *h, be32 external, uint16_t first)
{
	uint64_t key = (uint64_t)external << 16 | first;
	return (size_t)mix64(key ^ 0x9e3779b97f4a7c15u, 0xe7037ed1a0b428dbu) & (h->slots - 1);
}

/* slot_of: where the block is, or the free slot where it would be. */
static struct held_block *
slot_of(const struct log_held *h, be32 external, uint16_t first)
{
	size_t i = home_of(h, external, first);
	while (h->slot[i].said_ns != 0 &&
	       (h->slot[i].external != external || h->slot[i].port_first != first))
		i = (i + 1) & (h->slots - 1);
	return &h->slot[i];
}

static bool
grow(struct log_held *h)
{
	struct log_held bigger = {.slots = h->slots != 0 ? h->slots * 2 : SLOTS_MIN};
	bigger.slot = calloc(bigger.slots, sizeof(*bigger.slot));
	if (bigger.slot == NULL)
		return false;
	for (size_t i = 0; i < h->slots; i++)
		if (h->slot[i].said_ns != 0)
			*slot_of(&bigger, h->slot[i].external, h->slot[i].port_first) = h->slot[i];
	free(h->slot);
	h->slot = bigger.slot;
	h->slots = bigger.slots;
	h->hand = 0;
	return true;
}

static void
held_add(struct log_held *h, const struct record *rec)
{
	if (h->used >= h->slots / 2 && !grow(h)) {
		h->missed++;
		return;
	}
	struct held_block *b = slot_of(h, rec->external, rec->port_first);
	h->used += b->said_ns == 0;
	*b = (struct held_block){
		.since_ns = rec->event == RECORD_BLOCK_INTERIM ? rec->since_ns : rec->time_ns,
		.said_ns = rec->time_ns, .external = rec->external,
		.subscriber = rec->subscriber, .port_first = rec->port_first,
		.port_last = rec->port_last, .pool = rec->pool, .realm = rec->realm,
		.worker = rec->worker,
	};
}

static void
held_del(struct log_held *h, const struct record *rec)
{
	if (h->slots == 0)
		return;
	size_t mask = h->slots - 1;
	size_t hole = (size_t)(slot_of(h, rec->external, rec->port_first) - h->slot);
	if (h->slot[hole].said_ns == 0)
		return;
	for (size_t i = (hole + 1) & mask; h->slot[i].said_ns != 0; i = (i + 1) & mask) {
		size_t home = home_of(h, h->slot[i].external, h->slot[i].port_first);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		h->slot[hole] = h->slot[i];
		hole = i;
	}
	h->slot[hole].said_ns = 0;
	h->used--;
}

/* doubt: a gap of a worker's, or of all; an interim record of before may have our clock's time. */
static void
doubt(struct log_held *h, const struct record *gap)
{
	uint64_t until = gap->time_ns > h->walked_ns ? gap->time_ns : h->walked_ns;
	for (unsigned w = 0; w <= UINT8_MAX; w++)
		if ((gap->worker == w || gap->worker == RECORD_DAEMON) && h->doubt_ns[w] < until)
			h->doubt_ns[w] = until;
}

static uint64_t
at_most(uint64_t ns, uint64_t most_ns)
{
	return ns < most_ns ? ns : most_ns;
}

/* set_back: what was said at moments that are still to come was said until now; who is in doubt
 * stays so, and nobody else. */
static void
set_back(struct log_held *h, uint64_t now_ns)
{
	for (size_t i = 0; i < h->slots; i++) {
		struct held_block *b = &h->slot[i];
		bool in_doubt = b->said_ns <= h->doubt_ns[b->worker];
		if (b->said_ns != 0)
			b->said_ns = at_most(b->said_ns, now_ns - (in_doubt ? 2 : 0));
	}
	for (unsigned w = 0; w <= UINT8_MAX; w++)
		h->doubt_ns[w] = at_most(h->doubt_ns[w], now_ns - 1);
}

void
log_held_see(struct log_held *h, const struct record *rec)
{
	if (rec->event == RECORD_BLOCK_CREATE || rec->event == RECORD_BLOCK_INTERIM)
		held_add(h, rec);
	else if (rec->event == RECORD_BLOCK_DELETE)
		held_del(h, rec);
	else if (rec->event == RECORD_GAP)
		doubt(h, rec);
	else if (rec->event == RECORD_START)
		log_held_clear(h);
	else if (rec->event == RECORD_CLOCK && rec->time_ns < rec->since_ns)
		set_back(h, rec->time_ns);
}

static struct record
interim_of(const struct held_block *b, uint64_t now_ns)
{
	return (struct record){
		.event = RECORD_BLOCK_INTERIM, .time_ns = now_ns, .since_ns = b->since_ns,
		.external = b->external, .subscriber = b->subscriber, .port_first = b->port_first,
		.port_last = b->port_last, .pool = b->pool, .realm = b->realm,
		.worker = b->worker,
	};
}

void
log_held_walk(struct log_held *h, uint64_t now_ns, uint64_t interval_ns,
              void (*fn)(void *arg, const struct record *rec), void *arg)
{
	if (h->slots == 0 || h->walked_ns == 0 || now_ns < h->walked_ns) {
		h->walked_ns = now_ns;
		return;
	}
	/* A slot has its turn every half interval; what is left of one's time counts later. */
	double slot_ns = (double)interval_ns / 2 / (double)h->slots;
	double due = (double)(now_ns - h->walked_ns) / slot_ns;
	size_t n = due < (double)h->slots ? (size_t)due : h->slots;
	h->walked_ns = n == h->slots ? now_ns : h->walked_ns + (uint64_t)((double)n * slot_ns);
	for (; n > 0; n--) {
		struct held_block *b = &h->slot[h->hand++ & (h->slots - 1)];
		if (b->said_ns == 0 || b->said_ns <= h->doubt_ns[b->worker] ||
		    now_ns < b->said_ns || now_ns - b->said_ns < interval_ns)
			continue;
		struct record rec = interim_of(b, now_ns);
		b->said_ns = now_ns;
		fn(arg, &rec);
	}
}

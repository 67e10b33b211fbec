/* SPDX-License-Identifier: Apache-2.0 */
/* Unsolicited SYNs: held, then refused. */
#include "syn.h"

#include "tcp.h"
#include "tx.h"

enum { UNREACHABLE_PORT = 3 };

static bool
is_bare_syn(const struct pkt *p)
{
	return p->event == EV_OPEN && (p->flags & PKT_FIRST) == 0;
}

static struct syn_slot *
set_of(struct syn_table *t, uint64_t hash)
{
	return &t->slot[(hash >> 32) % SYN_SETS * SYN_WAYS];
}

static struct syn_slot *
slot_take(struct syn_table *t, uint64_t hash)
{
	struct syn_slot *set = set_of(t, hash);
	for (unsigned i = 0; i < SYN_WAYS; i++) {
		if (set[i].is_taken)
			continue;
		t->ring[(t->first + t->n++) % SYN_SLOTS] = (uint16_t)(&set[i] - t->slot);
		return &set[i];
	}
	return NULL;
}

/* Is it held already? Then its sender is repeating himself. */
static bool
is_held(struct syn_table *t, uint64_t hash)
{
	const struct syn_slot *set = set_of(t, hash);
	for (unsigned i = 0; i < SYN_WAYS; i++)
		if (set[i].m != NULL && set[i].hash == hash)
			return true;
	return false;
}

void
syn_hold(struct worker *w, const struct pkt *p, uint8_t drop)
{
	struct syn_table *t = w->syns;
	struct syn_slot *s = NULL;
	if (is_bare_syn(p) && !is_held(t, p->hash))
		s = slot_take(t, p->hash);
	if (s == NULL) {
		pkt_drop(w, p, drop);
		return;
	}
	*s = (struct syn_slot){p->hash, p->m, w->now_ms + SYN_WAIT_MS, drop, true};
	*buf_meta(p->m) = (struct buf_meta){.cause = p->cause, .nic = p->nic, .loops = p->loops};
	t->held++;
	w->stats->held++;
	w->stats->nic[p->nic].held++;
}

/* A slot's packet, which waits no more. */
static struct pkt
unhold(struct worker *w, struct syn_slot *s)
{
	const struct buf_meta *meta = buf_meta(s->m);
	struct pkt p = {.m = s->m, .nic = meta->nic, .cause = meta->cause, .loops = meta->loops};
	s->m = NULL;
	w->syns->held--;
	w->stats->held--;
	w->stats->nic[p.nic].held--;
	return p;
}

void
syn_forget(struct worker *w, uint64_t hash)
{
	struct syn_slot *set = set_of(w->syns, hash);
	for (unsigned i = 0; i < SYN_WAYS; i++) {
		if (set[i].m == NULL || set[i].hash != hash)
			continue;
		struct pkt p = unhold(w, &set[i]);
		pkt_drop(w, &p, set[i].drop);
	}
}

void
syn_expire(struct worker *w)
{
	struct syn_table *t = w->syns;
	while (t->n != 0) {
		struct syn_slot *s = &t->slot[t->ring[t->first]];
		if ((int32_t)(w->now_ms - s->until_ms) < 0)
			return;
		t->first = (t->first + 1) % SYN_SLOTS;
		t->n--;
		s->is_taken = false;
		if (s->m == NULL)
			continue;
		struct pkt p = unhold(w, s);
		pkt_punt(w, &p, PUNT_UNREACHABLE, s->drop, UNREACHABLE_PORT);
	}
}

void
syn_fini(struct worker *w)
{
	for (unsigned i = 0; i < SYN_SLOTS; i++)
		if (w->syns->slot[i].m != NULL)
			w->shared->devs[0].ops->free(&w->syns->slot[i].m, 1);
}

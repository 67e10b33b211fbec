/* SPDX-License-Identifier: Apache-2.0 */
/* The table of shifted flows, and the numbers of their segments. */
#include "shift.h"

#include "tcp.h"

/* A power of two at which the index is half full at most. */
static uint32_t
slots_for(uint32_t capacity)
{
	uint32_t slots = 2;
	while (slots < 2 * (uint64_t)capacity)
		slots *= 2;
	return slots;
}

size_t
shift_memsize(uint32_t capacity)
{
	return capacity == 0 ? 0 : (capacity + (size_t)1) * sizeof(struct shift) +
	                           slots_for(capacity) * sizeof(uint32_t);
}

void
shift_init(struct shifts *t, void *mem, uint32_t capacity)
{
	*t = (struct shifts){.line = mem, .capacity = capacity};
	if (capacity == 0)
		return;
	t->slot = (uint32_t *)(t->line + capacity + 1);
	t->mask = slots_for(capacity) - 1;
	for (uint32_t i = capacity; i > 0; i--) {
		t->line[i].next = t->free;
		t->free = i;
	}
}

static uint32_t
home_of(const struct shifts *t, flow_ref ref)
{
	return (uint32_t)((ref >> 1) * 0x9e3779b97f4a7c15u >> 32) & t->mask;
}

/* The slot that names the flow's line, or the empty one at which the search ends. */
static uint32_t
slot_of(const struct shifts *t, flow_ref ref)
{
	uint32_t i = home_of(t, ref);
	while (t->slot[i] != 0 && t->line[t->slot[i]].ref != ref)
		i = (i + 1) & t->mask;
	return i;
}

struct shift *
shift_add(struct shifts *t, flow_ref ref)
{
	uint32_t n = t->free;
	if (n == 0)
		return NULL;
	ref &= ~1u;
	struct shift *s = &t->line[n];
	t->free = s->next;
	t->used++;
	*s = (struct shift){.ref = ref};
	t->slot[slot_of(t, ref)] = n;
	return s;
}

struct shift *
shift_find(const struct shifts *t, flow_ref ref)
{
	if (t->used == 0)
		return NULL;
	uint32_t n = t->slot[slot_of(t, ref & ~1u)];
	return n != 0 ? &t->line[n] : NULL;
}

/* Those behind an emptied slot move up, as far as their search would have passed it. */
static void
slots_close(struct shifts *t, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & t->mask; t->slot[i] != 0; i = (i + 1) & t->mask) {
		uint32_t home = home_of(t, t->line[t->slot[i]].ref);
		if (((i - home) & t->mask) < ((i - hole) & t->mask))
			continue;
		t->slot[hole] = t->slot[i];
		hole = i;
	}
	t->slot[hole] = 0;
}

void
shift_del(struct shifts *t, struct shift *s)
{
	shift_unwait(t, s);
	slots_close(t, slot_of(t, s->ref));
	*s = (struct shift){.next = t->free};
	t->free = shift_number(t, s);
	t->used--;
}

void
shift_wait(struct shifts *t, struct shift *s, unsigned queue)
{
	uint32_t n = shift_number(t, s), last = t->last[queue];
	s->tries = (uint8_t)(queue + 1);
	s->prev = last;
	s->next = 0;
	*(last != 0 ? &t->line[last].next : &t->first[queue]) = n;
	t->last[queue] = n;
}

void
shift_unwait(struct shifts *t, struct shift *s)
{
	if (s->tries == 0)
		return;
	unsigned queue = s->tries - 1u;
	*(s->prev != 0 ? &t->line[s->prev].next : &t->first[queue]) = s->next;
	*(s->next != 0 ? &t->line[s->next].prev : &t->last[queue]) = s->prev;
	s->next = s->prev = 0;
	s->tries = 0;
}

uint32_t
shift_ack(const struct shift *s, uint32_t ack)
{
	if (s->is_told || s->head == 0)
		return ack - s->seq[0];
	if (!tcp_is_before(s->first, ack))
		return ack;
	return tcp_is_before(ack, s->first + s->head) ? s->first : ack - s->head;
}

/* What a segment of direction d acknowledges, as the other end counts it. */
static uint32_t
acked(const struct shift *s, unsigned d, uint32_t number)
{
	return d == 0 ? number - s->seq[1] : shift_ack(s, number);
}

static uint16_t
scaled(uint16_t window, int scale)
{
	uint64_t w = scale >= 0 ? (uint64_t)window << scale : (uint64_t)window >> -scale;
	return w > UINT16_MAX ? UINT16_MAX : (uint16_t)w;
}

static void
edit_options(const struct shift *s, unsigned d, const struct tcp *t, uint64_t *diff)
{
	struct tcp_options o;
	tcp_options_read(t->h, t->header, &o);
	for (unsigned i = 0; i < 2u * o.blocks; i++) {
		unsigned at = o.sack + 4 * i;
		tcp_put32(t->h, at, acked(s, d, tcp_load(t->h, at)), diff);
	}
	if (o.time == 0 || s->time == 0)
		return;
	unsigned at = o.time + (d == 0 ? TIME_ECHO : TIME_VALUE);
	uint32_t value = tcp_load(t->h, at);
	tcp_put32(t->h, at, d == 0 ? value - s->time : value + s->time, diff);
}

void
shift_edit(const struct shift *s, unsigned d, const struct tcp *t)
{
	uint64_t diff = 0;
	uint8_t *h = t->h, flags = h[TCP_FLAGS];
	if (d == 1 || (flags & TCP_SYN) == 0)
		tcp_put32(h, TCP_SEQ, tcp_seq(h) + s->seq[d], &diff);
	if ((flags & TCP_ACK) != 0)
		tcp_put32(h, TCP_ACKNO, acked(s, d, tcp_ackno(h)), &diff);
	if (s->scale[d] != 0 && (flags & TCP_SYN) == 0)
		tcp_put16(h, TCP_WINDOW, scaled(tcp_window(h), s->scale[d]), &diff);
	edit_options(s, d, t, &diff);
	store16(h + TCP_SUM, csum_apply(load16(h + TCP_SUM), diff));
}

/* An octet of our header is the initiator's first one to it. */
static uint32_t
quoted_seq(const struct shift *s, unsigned d, uint32_t seq)
{
	if (d == 0 && s->head != 0 && seq - s->first < s->head)
		return s->first;
	if (d == 0 && tcp_is_before(seq, s->first))
		return seq;
	return seq - s->seq[d];
}

void
shift_quote(const struct shift *s, unsigned d, uint8_t *h, uint32_t size)
{
	uint64_t diff = 0;
	if (size < TCP_SEQ + 4)
		return;
	tcp_put32(h, TCP_SEQ, quoted_seq(s, d, tcp_seq(h)), &diff);
	if (size >= TCP_ACKNO + 4 && d == 0)
		tcp_put32(h, TCP_ACKNO, tcp_ackno(h) + s->seq[1], &diff);
	else if (size >= TCP_ACKNO + 4)
		tcp_put32(h, TCP_ACKNO, tcp_ackno(h) + s->seq[0], &diff);
	if (size >= TCP_SUM + 2)
		store16(h + TCP_SUM, csum_apply(load16(h + TCP_SUM), diff));
}

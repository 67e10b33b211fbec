/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Maglev table. Backends take turns in order of their keys; a turn takes the next free slot of
 * the backend's own permutation. The k-th turn of a backend falls into round k / weight, so all
 * play in proportion, whatever the others' weights, and everyone plays round 0: nobody starves,
 * however extreme the weights. A heap of (round, rank) says whose turn is next, so the time is that
 * of MAGLEV_SIZE turns for any weights. (When rounds were counted by the heaviest backend's turns,
 * one more for the heaviest of 1000 moved 2 % of the slots; now it moves 0.04 %.)
 *
 * The same turns, one slot after the other, are the order of weighted round robin.
 */
#include "maglev.h"

#include <errno.h>
#include <stdlib.h>

enum { MAX_WEIGHT = 65535, RANK_BITS = 16, ROUND_BITS = 30 };
static_assert(17 + ROUND_BITS + RANK_BITS <= 64, "MAGLEV_SIZE turns of weight 1 fit the heap");

struct player {
	uint64_t key;
	uint32_t weight;
	uint32_t number;   /* as the caller counts */
	uint32_t position; /* in its permutation: the slot to try next */
	uint32_t skip;
	uint32_t turns;    /* taken so far */
};

/* scramble: a bijection of 64 bits whose every output bit depends on every input bit. */
static uint64_t
scramble(uint64_t z)
{
	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93u;
	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93u;
	return z ^ (z >> 32);
}

uint64_t
maglev_key(const union addr *a, uint8_t family, be16 port)
{
	uint64_t h = scramble(a->q[0] + 0x9e3779b97f4a7c15u);
	h = scramble((h ^ a->q[1]) + 0x9e3779b97f4a7c15u);
	return scramble(h ^ ((uint64_t)family << 16 | port));
}

static int
player_compare(const void *a, const void *b)
{
	const struct player *x = a, *y = b;
	return x->key < y->key ? -1 : x->key > y->key;
}

/* players_set: the backends sorted by key, each with its permutation. => 0 or -EINVAL. */
static int
players_set(struct player *p, const struct maglev_backend *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (b[i].weight > MAX_WEIGHT)
			return -EINVAL;
		uint64_t offset = scramble(b[i].key ^ 0xa0761d6478bd642fu);
		uint64_t skip = scramble(b[i].key ^ 0xe7037ed1a0b428dbu);
		p[i] = (struct player){.key = b[i].key, .weight = b[i].weight,
			.number = (uint32_t)i, .position = (uint32_t)(offset % MAGLEV_SIZE),
			.skip = (uint32_t)(skip % (MAGLEV_SIZE - 1)) + 1};
	}
	qsort(p, n, sizeof(*p), player_compare);
	for (size_t i = 1; i < n; i++)
		if (p[i].key == p[i - 1].key)
			return -EINVAL;
	return 0;
}

/* heap_sink: let the entry at the top find its place among n. */
static void
heap_sink(uint64_t *heap, size_t n)
{
	uint64_t entry = heap[0];
	size_t i = 0;
	for (size_t child = 1; child < n; child = 2 * i + 1) {
		if (child + 1 < n && heap[child + 1] < heap[child])
			child++;
		if (entry <= heap[child])
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = entry;
}

/* player_slot: the next slot of its permutation that nobody has. => There is one. */
static uint32_t
player_slot(struct player *p, const uint16_t *slots)
{
	uint32_t slot;
	do {
		slot = p->position;
		p->position += p->skip;
		if (p->position >= MAGLEV_SIZE)
			p->position -= MAGLEV_SIZE;
	} while (slots[slot] != LB_NO_BACKEND);
	return slot;
}

/* players_alike: those of one weight take turns in their order; there is no heap to be kept. */
static void
players_alike(struct player *p, const uint64_t *order, size_t n, bool in_order, uint16_t *slots)
{
	size_t turn = 0;
	for (uint32_t filled = 0; filled < MAGLEV_SIZE; filled++) {
		struct player *now = &p[order[turn]];
		slots[in_order ? filled : player_slot(now, slots)] = (uint16_t)now->number;
		turn = turn + 1 < n ? turn + 1 : 0;
	}
}

static void
players_play(struct player *p, size_t n, uint64_t *heap, bool in_order, uint16_t *slots)
{
	size_t playing = 0;
	bool alike = true;
	for (size_t i = 0; i < n; i++) {
		if (p[i].weight == 0)
			continue;
		heap[playing++] = i; /* round 0; ascending, so a heap already */
		alike &= p[i].weight == p[heap[0]].weight;
	}
	if (playing > 0 && alike) {
		players_alike(p, heap, playing, in_order, slots);
		return;
	}
	for (uint32_t filled = 0; playing > 0 && filled < MAGLEV_SIZE; filled++) {
		size_t rank = heap[0] & ((1u << RANK_BITS) - 1);
		struct player *now = &p[rank];
		slots[in_order ? filled : player_slot(now, slots)] = (uint16_t)now->number;
		now->turns++;
		uint64_t round = ((uint64_t)now->turns << ROUND_BITS) / now->weight;
		heap[0] = round << RANK_BITS | rank;
		heap_sink(heap, playing);
	}
}

static int
table_build(const struct maglev_backend *b, size_t n, bool in_order, uint16_t *slots)
{
	for (uint32_t i = 0; i < MAGLEV_SIZE; i++)
		slots[i] = LB_NO_BACKEND;
	if (n > MAGLEV_MAX_BACKENDS)
		return -EINVAL;
	/* tidy: the compiler's, in the control daemon */
	struct player *players = calloc(n + 1, sizeof(struct player) + sizeof(uint64_t));
	if (players == NULL)
		return -ENOMEM;
	int rc = players_set(players, b, n);
	if (rc == 0)
		players_play(players, n, (uint64_t *)(void *)(players + n), in_order, slots);
	/* tidy: as above */
	free(players);
	return rc;
}

int
maglev_build(const struct maglev_backend *b, size_t n, uint16_t *slots)
{
	return table_build(b, n, false, slots);
}

int
maglev_order(const struct maglev_backend *b, size_t n, uint16_t *slots)
{
	return table_build(b, n, true, slots);
}

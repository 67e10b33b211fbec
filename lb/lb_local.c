/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local addresses and ports of fullnat flows. The address is the client's choice, by its class and
 * its hash; the port is chosen by a few random tries, then a scan from a random place.
 */
#include "lb_local.h"

#include <errno.h>

#include "lib/mem.h"

/* What of a client chooses its local address. */
struct lb_client {
	uint32_t hash;
	uint16_t class;
};

static uint64_t
random_next(struct lb_locals *l)
{
	l->random += 0x9e3779b97f4a7c15u;
	return mix64(l->random, 0xd6e8feb86659fd93u ^ l->random >> 32);
}

/* random_below: 0..n-1, without a division. => n > 0. */
static uint32_t
random_below(struct lb_locals *l, uint32_t n)
{
	return (uint32_t)(((random_next(l) >> 32) * n) >> 32);
}

/* local_pair: what all ports of a local address towards a backend share; low 16 bits zero. */
static uint64_t
local_pair(const union addr *local, const struct tuple *reply)
{
	uint64_t h = mix64(local->q[0] ^ 0x9e3779b97f4a7c15u, local->q[1] ^ 0xa0761d6478bd642fu);
	h = mix64(h ^ reply->src.q[0], reply->src.q[1] ^ 0xe7037ed1a0b428dbu);
	h = mix64(h ^ reply->sport, reply->proto ^ 0xd6e8feb86659fd93u);
	return h << 16;
}

/* key_slot: where the search for a key begins. */
static uint32_t
key_slot(const struct lb_locals *l, uint64_t key)
{
	uint64_t h = mix64(key >> 3, 0x9e3779b97f4a7c15u);
	return ((uint32_t)(h ^ h >> 32) << 3 | (uint32_t)(key & 7)) & l->mask;
}

/* key_find: the slot of the key, or the empty one at which its search ends. */
static uint32_t
key_find(const struct lb_locals *l, uint64_t key)
{
	uint32_t i = key_slot(l, key);
	while (l->slot[i] != 0 && l->slot[i] != key)
		i = (i + 1) & l->mask;
	return i;
}

/* key_del: out of the set; what was passed over on the way to later slots moves up. */
static void
key_del(struct lb_locals *l, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & l->mask; l->slot[i] != 0; i = (i + 1) & l->mask) {
		uint32_t wanted = key_slot(l, l->slot[i]);
		if (((i - wanted) & l->mask) < ((i - hole) & l->mask))
			continue;
		l->slot[hole] = l->slot[i];
		hole = i;
	}
	l->slot[hole] = 0;
	l->used--;
}

static uint64_t *
full_entry(struct lb_locals *l, uint64_t pair)
{
	return &l->full[pair >> 16 & (LOCAL_FULL - 1)];
}

/* local_is_mine: is any port of the local address this worker's? port_is_mine: is this one? */
static bool
local_is_mine(const struct lb_locals *l, const struct lb_view *v, uint32_t row)
{
	return v->local_owner[row] == l->worker || v->local_owner[row] == LB_LOCAL_SHARED;
}

static bool
port_is_mine(const struct lb_locals *l, const struct lb_view *v, uint32_t row, uint32_t port)
{
	const struct img_lb_local *a = &v->locals[row];
	return v->local_owner[row] != LB_LOCAL_SHARED ||
	       steer_worker_port(v->steer, &a->address, a->family, (uint16_t)port) == l->worker;
}

/* port_try: take this port towards the backend of reply. => false: in use. */
static bool
port_try(struct lb_locals *l, const union addr *local, uint64_t pair, uint32_t port,
         struct tuple *reply)
{
	uint32_t i = key_find(l, pair | port);
	if (l->slot[i] != 0)
		return false;
	l->slot[i] = pair | port;
	l->used++;
	reply->dst = *local;
	reply->dport = __builtin_bswap16((uint16_t)port);
	return true;
}

/* scan_range: the first free port of from..to. */
static bool
scan_range(struct lb_locals *l, const struct lb_view *v, uint32_t row, uint64_t pair,
           uint32_t from, uint32_t to, struct tuple *reply)
{
	uint32_t block = v->local_owner[row] == LB_LOCAL_SHARED ?
		(1u << v->steer->block_shift) - 1 : 0xffff;
	for (uint32_t port = from; port <= to; port++) {
		if (!port_is_mine(l, v, row, port)) {
			port |= block;
			continue;
		}
		uint32_t last = (port | block) < to ? port | block : to;
		for (; port <= last; port++)
			if (port_try(l, &v->locals[row].address, pair, port, reply))
				return true;
		port = last;
	}
	return false;
}

/* scan_local: any free port of one local address; if there is none, remember that. */
static bool
scan_local(struct lb_locals *l, const struct lb_view *v, uint32_t row, struct tuple *reply)
{
	const struct img_lb_local *a = &v->locals[row];
	uint64_t pair = local_pair(&a->address, reply);
	if (*full_entry(l, pair) == (pair | 1))
		return false;
	uint32_t start = a->port_first +
		random_below(l, (uint32_t)a->port_last - a->port_first + 1);
	if (scan_range(l, v, row, pair, start, a->port_last, reply) ||
	    (start > a->port_first && scan_range(l, v, row, pair, a->port_first, start - 1, reply)))
		return true;
	*full_entry(l, pair) = pair | 1;
	return false;
}

/* take_of_row: any free port of one local address. => false: none, or none of this worker. */
static bool
take_of_row(struct lb_locals *l, const struct lb_view *v, uint32_t row, struct tuple *reply)
{
	const struct img_lb_local *a = &v->locals[row];
	if (!local_is_mine(l, v, row))
		return false;
	uint64_t pair = local_pair(&a->address, reply);
	for (unsigned n = 0; n < LOCAL_TRIES; n++) {
		uint32_t port = a->port_first +
			random_below(l, (uint32_t)a->port_last - a->port_first + 1);
		if (port_is_mine(l, v, row, port) &&
		    port_try(l, &a->address, pair, port, reply))
			return true;
	}
	return scan_local(l, v, row, reply);
}

/*
 * take_of_rows: of the n rows of a service that are of the class, or of all others; beginning at
 * a place that depends on the client only.
 */
static bool
take_of_rows(struct lb_locals *l, const struct lb_view *v, const struct img_lb_service *s,
             struct lb_client c, bool in_class, struct tuple *reply)
{
	const uint16_t *class = v->local_class + s->first_local;
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->locals; i++)
		n += (class[i] == c.class) == in_class;
	uint32_t skip = (uint32_t)(((uint64_t)c.hash * n) >> 32);
	for (uint32_t i = 0, left = n + skip; left > 0; i = i + 1 < s->locals ? i + 1 : 0) {
		if ((class[i] == c.class) != in_class)
			continue;
		if (left-- <= n && take_of_row(l, v, s->first_local + i, reply))
			return true;
	}
	return false;
}

bool
lb_local_take(struct lb_locals *l, const struct lb_view *v, const struct img_lb_service *s,
              const union addr *client, struct tuple *reply)
{
	if (l->used >= l->capacity)
		return false;
	uint64_t h = mix64(client->q[0] ^ 0x4b33a62ed433d4a3u, client->q[1] ^ 0xa0761d6478bd642fu);
	struct lb_client c = {
		.hash = (uint32_t)(h ^ h >> 32),
		.class = steer_class(v->steer, client, reply->family),
	};
	return take_of_rows(l, v, s, c, true, reply) || take_of_rows(l, v, s, c, false, reply);
}

void
lb_local_put(struct lb_locals *l, const struct tuple *reply)
{
	uint64_t pair = local_pair(&reply->dst, reply);
	uint32_t i = key_find(l, pair | __builtin_bswap16(reply->dport));
	if (l->slot[i] != 0)
		key_del(l, i);
	if (*full_entry(l, pair) == (pair | 1))
		*full_entry(l, pair) = 0;
}

void
lb_locals_reload(struct lb_locals *l)
{
	memset(l->full, 0, sizeof(l->full));
}

static uint32_t
slots_for(uint32_t capacity)
{
	uint32_t size = 16;
	while (size / 2 < capacity && size < 1u << 31)
		size *= 2;
	return size;
}

size_t
lb_locals_memsize(uint32_t capacity)
{
	return slots_for(capacity) * sizeof(((struct lb_locals *)NULL)->slot[0]);
}

int
lb_locals_init(struct lb_locals *l, uint32_t capacity, uint16_t worker, uint64_t seed, int node)
{
	uint32_t size = slots_for(capacity);
	*l = (struct lb_locals){.mask = size - 1, .capacity = size / 2, .worker = worker,
		.random = mix64(seed ^ 0xa0761d6478bd642fu, worker + 0xe7037ed1a0b428dbu)};
	l->slot = mem_alloc((size_t)size * sizeof(*l->slot), node);
	return l->slot != NULL ? 0 : -ENOMEM;
}

void
lb_locals_fini(struct lb_locals *l)
{
	if (l->slot != NULL)
		mem_free(l->slot, ((size_t)l->mask + 1) * sizeof(*l->slot));
}

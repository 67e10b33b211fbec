/* SPDX-License-Identifier: Apache-2.0 */
/* Resolution of next hops, and the packets that wait for it. */
#include "neighbour.h"

#include <stdlib.h>

#include "arp.h"
#include "icmp_make.h"
#include "nd.h"
#include "out.h"
#include "own.h"

enum { BUCKETS = 1024, NEXTHOP_LEARN_MAX = NEXTHOP_MAX / 4 * 3, NO_INDEX = 0 };
static_assert((BUCKETS & (BUCKETS - 1)) == 0, "buckets are picked by a mask");

enum awaited_state { AWAITED_FREE, AWAITED_ASKED, AWAITED_ABSENT };

struct awaited {
	union addr address;
	uint64_t due_ns;  /* next question, or the end of being taken for absent */
	uint8_t family, nic, state, tries;
	uint16_t queued;
	uint16_t next;    /* of the bucket or the free list */
	struct rte_mbuf *queue[NEIGHBOUR_QUEUE];
};

struct live {
	uint64_t due_ns;     /* next question */
	uint64_t heard_ns;   /* last sign of life */
	uint8_t tries;
	uint8_t is_static;
};

struct neighbours {
	struct awaited awaited[NEIGHBOUR_AWAITED + 1]; /* 0 is none */
	uint16_t bucket[BUCKETS];
	uint16_t free;
	uint16_t n_awaited;
	uint32_t held;
	uint64_t awaited_due_ns, live_due_ns;
	uint32_t hand;       /* where revalidation goes on */
	struct live live[NEXTHOP_MAX];
};

struct neighbours *
neighbours_create(void)
{
	struct neighbours *n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	for (uint16_t i = 1; i <= NEIGHBOUR_AWAITED; i++)
		n->awaited[i].next = i < NEIGHBOUR_AWAITED ? i + 1 : NO_INDEX;
	n->free = 1;
	n->awaited_due_ns = n->live_due_ns = UINT64_MAX;
	return n;
}

void
neighbours_destroy(struct slow *s)
{
	struct neighbours *n = s->neighbours;
	for (uint16_t i = 1; n != NULL && i <= NEIGHBOUR_AWAITED; i++)
		for (uint16_t j = 0; j < n->awaited[i].queued; j++)
			out_free(s, n->awaited[i].queue[j]);
	free(n);
}

static uint16_t *
bucket_of(struct neighbours *n, uint8_t nic, const union addr *a)
{
	uint64_t h = mix64(a->q[0] ^ nic ^ 0x9e3779b97f4a7c15u, a->q[1] ^ 0xd6e8feb86659fd93u);
	return &n->bucket[h & (BUCKETS - 1)];
}

static struct awaited *
awaited_find(struct neighbours *n, uint8_t nic, uint8_t family, const union addr *a)
{
	for (uint16_t i = *bucket_of(n, nic, a); i != NO_INDEX; i = n->awaited[i].next) {
		struct awaited *w = &n->awaited[i];
		if (w->nic == nic && w->family == family && addr_equal(&w->address, a))
			return w;
	}
	return NULL;
}

/* A held packet stops waiting: out of the gauges. */
static void
unhold(struct slow *s, struct rte_mbuf *m)
{
	s->neighbours->held--;
	if (buf_meta(m)->arg != 0)
		return;
	s->stats->held--;
	s->stats->nic[buf_meta(m)->nic].held--;
}

static void
hold(struct slow *s, struct awaited *w, struct rte_mbuf *m, bool made_here)
{
	buf_meta(m)->arg = made_here;
	w->queue[w->queued++] = m;
	s->neighbours->held++;
	if (made_here)
		return;
	s->stats->held++;
	s->stats->nic[buf_meta(m)->nic].held++;
}

static void
held_drop(struct slow *s, struct awaited *w, unsigned reason)
{
	for (uint16_t i = 0; i < w->queued; i++) {
		struct rte_mbuf *m = w->queue[i];
		unhold(s, m);
		if (buf_meta(m)->arg != 0) {
			out_lost(s, m);
			continue;
		}
		if (reason == DROP_NO_NEIGHBOUR)
			icmp_make_host_lost(s, m, w->nic);
		slow_drop(s, m, reason);
	}
	w->queued = 0;
}

/* Send, or count as lost. => m is gone. */
static void
send_or_drop(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family, const uint8_t mac[6],
             bool made_here)
{
	uint16_t type = family == FAMILY_V4 ? ETHER_IP4 : ETHER_IP6;
	if (out_frame(s, m, nic, mac, type, made_here))
		return;
	if (made_here)
		out_lost(s, m);
	else
		slow_drop(s, m, s->gen->nic[nic].valid ? DROP_HANDOFF_FULL : DROP_NIC_UNKNOWN);
}

static void
held_send(struct slow *s, struct awaited *w, const uint8_t mac[6])
{
	for (uint16_t i = 0; i < w->queued; i++) {
		struct rte_mbuf *m = w->queue[i];
		bool made_here = buf_meta(m)->arg != 0;
		unhold(s, m);
		send_or_drop(s, m, w->nic, w->family, mac, made_here);
	}
	w->queued = 0;
}

static void
awaited_free(struct neighbours *n, struct awaited *w)
{
	uint16_t i = (uint16_t)(w - n->awaited), *at = bucket_of(n, w->nic, &w->address);
	while (*at != i)
		at = &n->awaited[*at].next;
	*at = w->next;
	*w = (struct awaited){.next = n->free};
	n->free = i;
	n->n_awaited--;
}

/* An address that does not answer makes room for one that has not been asked. */
static void
awaited_evict(struct neighbours *n)
{
	for (uint16_t i = 1; i <= NEIGHBOUR_AWAITED && n->free == NO_INDEX; i++)
		if (n->awaited[i].state == AWAITED_ABSENT)
			awaited_free(n, &n->awaited[i]);
}

static void
ask(struct slow *s, uint8_t nic, uint8_t family, const union addr *a, const uint8_t *mac)
{
	if (family == FAMILY_V4)
		arp_request(s, nic, a, mac);
	else
		nd_solicit(s, nic, a, mac);
}

static void
awaited_ask(struct slow *s, struct awaited *w)
{
	struct neighbours *n = s->neighbours;
	w->tries++;
	w->due_ns = s->now_ns + NEIGHBOUR_RETRY_NS;
	if (w->due_ns < n->awaited_due_ns)
		n->awaited_due_ns = w->due_ns;
	ask(s, w->nic, w->family, &w->address, NULL);
}

static struct awaited *
awaited_add(struct slow *s, uint8_t nic, uint8_t family, const union addr *a)
{
	struct neighbours *n = s->neighbours;
	if (n->free == NO_INDEX)
		awaited_evict(n);
	if (n->free == NO_INDEX)
		return NULL;
	uint16_t i = n->free, *head = bucket_of(n, nic, a);
	struct awaited *w = &n->awaited[i];
	n->free = w->next;
	*w = (struct awaited){.address = *a, .family = family, .nic = nic, .state = AWAITED_ASKED,
	                      .next = *head};
	*head = i;
	n->n_awaited++;
	awaited_ask(s, w);
	return w;
}

/* The MAC of an address in replay: 02:00 and the IPv4 address, 02:06 and a checksum. */
static void
mac_derive(uint8_t family, const union addr *a, uint8_t mac[6])
{
	uint32_t tail = a->w[0];
	if (family == FAMILY_V6) {
		uint32_t c = crc32c(0, a->b, 16);
		tail = htobe32(c);
	}
	mac[0] = 2;
	mac[1] = family == FAMILY_V6 ? 6 : 0;
	memcpy(mac + 2, &tail, 4);
}

/* It is at mac: publish, and let go what waited. */
static void
found(struct slow *s, uint8_t nic, uint8_t family, const union addr *a, const uint8_t mac[6],
      bool is_static)
{
	struct neighbours *n = s->neighbours;
	uint16_t id = nexthop_set(&s->shared->nexthops, nic, family, a, mac, NEXTHOP_UP);
	if (id != NEXTHOP_NONE)
		n->live[id] = (struct live){.due_ns = s->now_ns + NEIGHBOUR_REACHABLE_NS,
		                            .heard_ns = s->now_ns, .is_static = is_static};
	if (n->live_due_ns == UINT64_MAX && !is_static)
		n->live_due_ns = s->now_ns + NEIGHBOUR_REACHABLE_NS;
	struct awaited *w = awaited_find(n, nic, family, a);
	if (w == NULL)
		return;
	held_send(s, w, mac);
	awaited_free(n, w);
}

int
neighbour_output(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family,
                 const union addr *hop, bool made_here)
{
	struct neighbours *n = s->neighbours;
	uint16_t id = nexthop_find(&s->shared->nexthops, nic, family, hop);
	uint64_t word = id != NEXTHOP_NONE ? nexthop_word(&s->shared->nexthops, id) : 0;
	if (!s->gen->nic[nic].valid)
		return DROP_NIC_UNKNOWN;
	uint8_t mac[8];
	memcpy(mac, &word, 8);
	if (!nexthop_word_is_up(word) && s->derive_mac) {
		mac_derive(family, hop, mac);
		found(s, nic, family, hop, mac, false);
	}
	if (nexthop_word_is_up(word) || s->derive_mac) {
		send_or_drop(s, m, nic, family, mac, made_here);
		return SLOW_TAKEN;
	}
	struct awaited *w = awaited_find(n, nic, family, hop);
	if (w == NULL)
		w = awaited_add(s, nic, family, hop);
	if (w != NULL && w->state == AWAITED_ABSENT) {
		if (!made_here)
			icmp_make_host_lost(s, m, nic);
		return DROP_NO_NEIGHBOUR;
	}
	if (w == NULL || w->queued == NEIGHBOUR_QUEUE || n->held == NEIGHBOUR_HELD)
		return DROP_NEIGHBOUR_QUEUE;
	hold(s, w, m, made_here);
	return SLOW_TAKEN;
}

bool
neighbour_learn(struct slow *s, uint8_t nic, uint8_t family, const union addr *address,
                const uint8_t mac[6], bool create)
{
	struct neighbours *n = s->neighbours;
	const struct nexthop_table *t = &s->shared->nexthops;
	uint16_t id = nexthop_find(t, nic, family, address);
	if (id != NEXTHOP_NONE && n->live[id].is_static)
		return true;
	bool linked = own_link(s->gen, s->gen->nic[nic].realm, family, address) == nic ||
	              (family == FAMILY_V6 && addr_is_link_local(address));
	bool known = id != NEXTHOP_NONE || awaited_find(n, nic, family, address) != NULL;
	if (!known && !(create && linked && t->count < NEXTHOP_LEARN_MAX))
		return false;
	found(s, nic, family, address, mac, false);
	return true;
}

bool
neighbour_confirm(struct slow *s, uint8_t nic, uint8_t family, const union addr *address)
{
	struct neighbours *n = s->neighbours;
	uint16_t id = nexthop_find(&s->shared->nexthops, nic, family, address);
	if (id == NEXTHOP_NONE || !nexthop_word_is_up(nexthop_word(&s->shared->nexthops, id)))
		return false;
	n->live[id].tries = 0;
	n->live[id].heard_ns = s->now_ns;
	n->live[id].due_ns = s->now_ns + NEIGHBOUR_REACHABLE_NS;
	return true;
}

bool
neighbour_differs(const struct slow *s, uint8_t nic, uint8_t family, const union addr *address,
                  const uint8_t mac[6])
{
	uint16_t id = nexthop_find(&s->shared->nexthops, nic, family, address);
	uint64_t word = id != NEXTHOP_NONE ? nexthop_word(&s->shared->nexthops, id) : 0;
	return nexthop_word_is_up(word) && memcmp(&word, mac, 6) != 0;
}

static void
nexthop_kill(struct slow *s, uint16_t id)
{
	struct nexthop_table *t = &s->shared->nexthops;
	const struct nexthop *h = &t->entry[id];
	uint64_t word = nexthop_word(t, id);
	uint8_t mac[8];
	memcpy(mac, &word, 8);
	nexthop_set(t, h->nic, h->family, &h->address, mac, NEXTHOP_DEAD);
	s->neighbours->live[id].is_static = 0;
}

/* What is due for one address. => false when there were questions enough for now. */
static bool
awaited_step(struct slow *s, struct awaited *w, unsigned *asked)
{
	if (w->state == AWAITED_ABSENT) {
		awaited_free(s->neighbours, w);
	} else if (w->tries == NEIGHBOUR_TRIES) {
		held_drop(s, w, DROP_NO_NEIGHBOUR);
		w->state = AWAITED_ABSENT;
		w->due_ns = s->now_ns + NEIGHBOUR_ABSENT_NS;
	} else if (*asked == NEIGHBOUR_PROBES) {
		return false;
	} else {
		awaited_ask(s, w);
		++*asked;
	}
	return true;
}

static void
awaited_tick(struct slow *s)
{
	struct neighbours *n = s->neighbours;
	unsigned asked = 0;
	uint64_t due = UINT64_MAX;
	for (uint16_t i = 1; i <= NEIGHBOUR_AWAITED && n->n_awaited != 0; i++) {
		struct awaited *w = &n->awaited[i];
		if (w->state != AWAITED_FREE && w->due_ns <= s->now_ns &&
		    !awaited_step(s, w, &asked))
			break;
		if (w->state != AWAITED_FREE && w->due_ns < due)
			due = w->due_ns;
	}
	n->awaited_due_ns = asked < NEIGHBOUR_PROBES ? due : s->now_ns;
}

/* Ask one that has not been heard for long whether it is still there. => was it due? */
static bool
live_probe(struct slow *s, uint16_t id)
{
	struct live *l = &s->neighbours->live[id];
	const struct nexthop *h = &s->shared->nexthops.entry[id];
	uint64_t word = nexthop_word(&s->shared->nexthops, id);
	if (l->is_static || !nexthop_word_is_up(word) || l->due_ns > s->now_ns)
		return false;
	if (l->tries == NEIGHBOUR_TRIES) {
		nexthop_kill(s, id);
		return true;
	}
	uint8_t mac[8];
	memcpy(mac, &word, 8);
	l->tries++;
	l->due_ns = s->now_ns + NEIGHBOUR_RETRY_NS;
	ask(s, h->nic, h->family, &h->address, mac);
	return true;
}

static void
live_tick(struct slow *s)
{
	struct neighbours *n = s->neighbours;
	uint32_t count = s->shared->nexthops.count - NEXTHOP_FIRST, probes = 0;
	n->live_due_ns = s->now_ns + NEIGHBOUR_STEP_NS;
	for (uint32_t i = 0; i < count && probes < NEIGHBOUR_PROBES; i++) {
		n->hand = n->hand + 1 < count ? n->hand + 1 : 0;
		probes += live_probe(s, (uint16_t)(NEXTHOP_FIRST + n->hand));
	}
}

void
neighbour_tick(struct slow *s)
{
	if (s->derive_mac)
		return;
	if (s->now_ns >= s->neighbours->awaited_due_ns)
		awaited_tick(s);
	if (s->now_ns >= s->neighbours->live_due_ns)
		live_tick(s);
}

uint64_t
neighbour_due(const struct slow *s)
{
	const struct neighbours *n = s->neighbours;
	if (s->derive_mac)
		return UINT64_MAX;
	return n->awaited_due_ns < n->live_due_ns ? n->awaited_due_ns : n->live_due_ns;
}

static bool
nic_is_same(const struct gen_nic *a, const struct gen_nic *b)
{
	return a->valid == b->valid && a->dev == b->dev && a->vlan_be == b->vlan_be;
}

/* The neighbours of an interface that is now another one are gone. */
static void
nic_forget(struct slow *s, uint8_t nic)
{
	struct neighbours *n = s->neighbours;
	for (uint32_t id = NEXTHOP_FIRST; id < s->shared->nexthops.count; id++)
		if (s->shared->nexthops.entry[id].nic == nic)
			nexthop_kill(s, (uint16_t)id);
	for (uint16_t i = 1; i <= NEIGHBOUR_AWAITED; i++) {
		if (n->awaited[i].state == AWAITED_FREE || n->awaited[i].nic != nic)
			continue;
		held_drop(s, &n->awaited[i], DROP_NIC_UNKNOWN);
		awaited_free(n, &n->awaited[i]);
	}
}

void
neighbours_reload(struct slow *s, const struct generation *previous)
{
	struct neighbours *n = s->neighbours;
	for (unsigned i = 1; previous != NULL && i < MAX_NICS; i++)
		if (!nic_is_same(&previous->nic[i], &s->gen->nic[i]))
			nic_forget(s, (uint8_t)i);
	uint32_t rows, before = s->shared->nexthops.count;
	const struct img_neighbour *fixed = image_rows(s->gen->image, IMG_NEIGHBOURS, &rows);
	enum { STALE = 2 };
	for (uint32_t id = NEXTHOP_FIRST; id < before; id++)
		if (n->live[id].is_static)
			n->live[id].is_static = STALE;
	for (uint32_t i = 0; i < rows; i++)
		found(s, fixed[i].nic, fixed[i].family, &fixed[i].address, fixed[i].mac, true);
	for (uint32_t id = NEXTHOP_FIRST; id < before; id++)
		if (n->live[id].is_static == STALE)
			nexthop_kill(s, (uint16_t)id);
}

static void
row_of_awaited(const struct slow *s, const struct awaited *w, struct cmd_neighbour *out)
{
	*out = (struct cmd_neighbour){.address = w->address, .family = w->family, .nic = w->nic,
	                              .state = w->state == AWAITED_ASKED ? 2 : 0,
	                              .queued = w->queued};
}

bool
neighbour_row(const struct slow *s, uint32_t i, struct cmd_neighbour *out, bool *end)
{
	const struct neighbours *n = s->neighbours;
	*end = i > NEXTHOP_MAX + NEIGHBOUR_AWAITED;
	if (i > NEXTHOP_MAX) {
		const struct awaited *w = &n->awaited[*end ? 0 : i - NEXTHOP_MAX];
		row_of_awaited(s, w, out);
		return !*end && w->state != AWAITED_FREE;
	}
	if (i < NEXTHOP_FIRST || i >= s->shared->nexthops.count || i == NEXTHOP_MAX)
		return false;
	const struct nexthop *h = &s->shared->nexthops.entry[i];
	const struct live *l = &n->live[i];
	uint64_t word = nexthop_word(&s->shared->nexthops, (uint16_t)i);
	*out = (struct cmd_neighbour){.address = h->address, .family = h->family, .nic = h->nic,
	                              .state = nexthop_word_is_up(word), .is_static = l->is_static};
	memcpy(out->mac, &word, 6);
	if (!l->is_static)
		out->age_ms = (uint32_t)((s->now_ns - l->heard_ns) / 1000000);
	return true;
}

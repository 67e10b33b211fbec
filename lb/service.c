/* SPDX-License-Identifier: Apache-2.0 */
/* Services by address, protocol and port: the exact ones by hash, the others by prefix and span. */
#include "service.h"

#include <stdlib.h>

enum { TCP_SPANS, UDP_SPANS, SPANS_A_ROW = 2 };

static const uint8_t span_proto[2] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP};

static uint16_t
host(be16 port)
{
	return __builtin_bswap16(port);
}

static bool
is_exact(const struct img_lb_service *s)
{
	return lb_service_is_host(s) && s->port == s->port_last;
}

/* An exact service of the tuple: named protocol or any, as it was put there. */
static const struct img_lb_service *
exact_find(const struct lb_services *s, const struct tuple *t)
{
	const struct lb_index *x = &s->exact;
	uint32_t i = lb_endpoint_hash(&t->dst, t->dport, t->proto) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask) {
		const struct img_lb_service *r = &s->rows[x->slot[i] - 1];
		if (r->port == t->dport && r->family == t->family &&
		    lb_service_has_proto(r, t->proto) && addr_equal(&r->address, &t->dst))
			return r;
	}
	return NULL;
}

/* The protocol that is named goes before any: it is put there first. */
static void
exact_add(struct lb_services *s, uint32_t row, uint8_t proto)
{
	const struct img_lb_service *r = &s->rows[row];
	struct tuple t = {.dst = r->address, .dport = r->port, .family = r->family, .proto = proto};
	if (exact_find(s, &t) == NULL)
		lb_slot_fill(&s->exact, lb_endpoint_hash(&t.dst, t.dport, proto), row);
}

static void
exact_fill(struct lb_services *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (is_exact(&s->rows[i]) && s->rows[i].proto != LB_PROTO_ANY)
			exact_add(s, i, s->rows[i].proto);
	for (uint32_t i = 0; i < s->n; i++)
		for (unsigned k = 0; k < 2 && is_exact(&s->rows[i]); k++)
			if (s->rows[i].proto == LB_PROTO_ANY)
				exact_add(s, i, span_proto[k]);
}

static bool
same_site(const struct img_lb_service *a, const struct img_lb_service *b)
{
	return a->family == b->family && a->plen == b->plen && addr_equal(&a->address, &b->address);
}

/* Wider ranges go before those inside them, and of equal ones "any" before the protocol named. */
struct order {
	uint64_t key;
};

static uint64_t
order_of(const struct img_lb_service *r, uint32_t row)
{
	uint64_t first = host(r->port), narrow = 0xffffu - host(r->port_last);
	return first << 48 | narrow << 32 | (uint64_t)(r->proto != LB_PROTO_ANY) << 31 | row;
}

static int
order_compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	return (x->key > y->key) - (x->key < y->key);
}

/* Ports from..to-1 have this entry. => In ascending order, without gaps. */
static void
span_add(struct lb_services *s, struct lb_site *site, unsigned k, uint32_t from, uint32_t to,
         uint32_t entry)
{
	if (from >= to)
		return;
	s->span[s->n_spans++] = (struct lb_span){(uint16_t)from, (uint16_t)entry};
	site->n[k]++;
}

/* Ranges that are open at a port: each inside the one before it. */
struct nest {
	uint32_t at, depth;
	uint32_t *open; /* rows */
};

static void
nest_advance(struct lb_services *s, struct lb_site *site, unsigned k, struct nest *n, uint32_t to)
{
	while (n->depth > 0) {
		uint32_t row = n->open[n->depth - 1], end = host(s->rows[row].port_last) + 1u;
		if (end > to)
			break;
		span_add(s, site, k, n->at, end, row + 1);
		n->at = end > n->at ? end : n->at;
		n->depth--;
	}
	if (to > n->at) {
		span_add(s, site, k, n->at, to, n->depth > 0 ? n->open[n->depth - 1] + 1 : 0);
		n->at = to;
	}
}

/* The spans of a protocol, of rows from..to-1, which are all of the site. */
static void
spans_fill(struct lb_services *s, struct lb_site *site, unsigned k, uint32_t from, uint32_t to)
{
	struct order *order = (struct order *)(void *)s->scratch;
	struct nest nest = {.open = s->scratch + 2 * s->n};
	uint32_t n = 0;
	for (uint32_t i = from; i < to; i++)
		if (lb_service_has_proto(&s->rows[i], span_proto[k]))
			order[n++].key = order_of(&s->rows[i], i);
	qsort(order, n, sizeof(*order), order_compare);
	site->first[k] = s->n_spans;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = (uint32_t)order[i].key & 0x7fffffff;
		nest_advance(s, site, k, &nest, host(s->rows[row].port));
		nest.open[nest.depth++] = row;
	}
	nest_advance(s, site, k, &nest, 65536);
}

static uint32_t
site_hash(const union addr *prefix, uint8_t family, unsigned plen)
{
	return lb_endpoint_hash(prefix, (be16)plen, family);
}

static void
length_add(struct lb_services *s, uint8_t family, uint8_t plen)
{
	unsigned v6 = family == FAMILY_V6, n = s->n_lengths[v6], i = 0;
	uint8_t *length = s->length[v6];
	while (i < n && length[i] > plen)
		i++;
	if (i < n && length[i] == plen)
		return;
	memmove(length + i + 1, length + i, n - i);
	length[i] = plen;
	s->n_lengths[v6]++;
}

/* The rows of a prefix, if not all of them are exact ones. */
static void
site_add(struct lb_services *s, uint32_t from, uint32_t to)
{
	const struct img_lb_service *r = &s->rows[from];
	bool all_exact = true;
	for (uint32_t i = from; i < to; i++)
		all_exact &= is_exact(&s->rows[i]);
	if (all_exact)
		return;
	struct lb_site *site = &s->site[s->n_sites];
	*site = (struct lb_site){.prefix = r->address, .family = r->family, .plen = r->plen};
	spans_fill(s, site, TCP_SPANS, from, to);
	spans_fill(s, site, UDP_SPANS, from, to);
	lb_slot_fill(&s->by_site, site_hash(&r->address, r->family, r->plen), s->n_sites++);
	length_add(s, r->family, r->plen);
}

static const struct lb_site *
site_find(const struct lb_services *s, const union addr *prefix, uint8_t family, unsigned plen)
{
	const struct lb_index *x = &s->by_site;
	uint32_t i = site_hash(prefix, family, plen) & x->mask;
	for (; x->slot[i] != 0; i = (i + 1) & x->mask) {
		const struct lb_site *site = &s->site[x->slot[i] - 1];
		if (site->plen == plen && site->family == family &&
		    addr_equal(&site->prefix, prefix))
			return site;
	}
	return NULL;
}

/* => row + 1 of the port, or 0. */
static uint32_t
span_find(const struct lb_services *s, const struct lb_site *site, unsigned k, uint16_t port)
{
	const struct lb_span *v = s->span + site->first[k];
	uint32_t n = site->n[k];
	while (n > 1) {
		uint32_t half = n / 2;
		v += v[half].first <= port ? half : 0;
		n -= half;
	}
	return n == 1 ? v->row : 0;
}

static const struct img_lb_service *
prefix_find(const struct lb_services *s, const struct tuple *t)
{
	unsigned v6 = t->family == FAMILY_V6, k = t->proto == IPPROTO_L4_UDP;
	if (t->proto != span_proto[k])
		return NULL;
	for (unsigned i = 0; i < s->n_lengths[v6]; i++) {
		unsigned plen = s->length[v6][i];
		union addr prefix = addr_masked(&t->dst, plen);
		const struct lb_site *site = site_find(s, &prefix, t->family, plen);
		uint32_t row = site == NULL ? 0 : span_find(s, site, k, host(t->dport));
		if (row != 0)
			return &s->rows[row - 1];
	}
	return NULL;
}

const struct img_lb_service *
lb_services_find(const struct lb_services *s, const struct tuple *t)
{
	const struct img_lb_service *r = exact_find(s, t);
	return r == NULL && s->n_sites != 0 ? prefix_find(s, t) : r;
}

/* Parts of the block: order (8 bytes a row), open rows, both hashes, sites, spans. A row begins and
 * ends a span of each protocol, and every site has one more. */
static uint32_t
spans_most(uint32_t n)
{
	return 2 * (SPANS_A_ROW * n + n) + 2;
}

size_t
lb_services_memsize(uint32_t n)
{
	size_t words = 3 * (size_t)n + lb_slots_for(2 * n) + lb_slots_for(n);
	return (words + 1) / 2 * 8 + (size_t)n * sizeof(struct lb_site) +
	       spans_most(n) * sizeof(struct lb_span);
}

void
lb_services_init(struct lb_services *s, void *mem, const struct img_lb_service *rows, uint32_t n)
{
	uint32_t *at = mem;
	*s = (struct lb_services){.rows = rows, .n = n, .scratch = at};
	s->exact = (struct lb_index){at + 3 * (size_t)n, lb_slots_for(2 * n) - 1};
	s->by_site = (struct lb_index){s->exact.slot + s->exact.mask + 1, lb_slots_for(n) - 1};
	size_t words = (size_t)(s->by_site.slot + s->by_site.mask + 1 - at);
	s->site = (struct lb_site *)(void *)(at + (words + 1) / 2 * 2);
	s->span = (struct lb_span *)(void *)(s->site + n);
	exact_fill(s);
	for (uint32_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && same_site(&rows[from], &rows[to]);)
			to++;
		site_add(s, from, to);
	}
}

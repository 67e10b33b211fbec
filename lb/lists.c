/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of prefixes: their ranges are searched; what is laid out in front makes that short. */
#include "lists.h"

#include "lib/mem.h"

static uint64_t
half_of(const union addr *a, unsigned q)
{
	return __builtin_bswap64(a->q[q]);
}

/* The last of n ranges from `at` on that begins at or before the address; there is one. */
static uint32_t
search4(const struct img_lb_range4 *r, uint32_t at, uint32_t n, uint32_t a)
{
	while (n > 1) {
		uint32_t half = n / 2;
		at += r[at + half].first <= a ? half : 0;
		n -= half;
	}
	return at;
}

static bool
has4(const struct lb_list *l, uint32_t a)
{
	uint32_t from = 0, to = l->n4;
	if (l->top != NULL) {
		from = l->top[a >> 16];
		to = l->top[(a >> 16) + 1] + 1; /* a range may reach into the next /16 */
		to = to < l->n4 ? to : l->n4;
	}
	if (from >= to)
		return false;
	const struct img_lb_range4 *r = &l->range4[search4(l->range4, from, to - from, a)];
	return a >= r->first && a <= r->last;
}

/* The last of n numbers from `at` on that is not above the key, or `at`. */
static uint32_t
search_level(const uint64_t *v, uint32_t at, uint32_t n, uint64_t key)
{
	while (n > 1) {
		uint32_t half = n / 2;
		at += v[at + half] < key ? half : 0;
		n -= half;
	}
	return at;
}

static bool
is_below(const union addr *a, uint64_t high, uint64_t low)
{
	uint64_t h = half_of(a, 0);
	return h < high || (h == high && half_of(a, 1) <= low);
}

/*
 * From level to level: a number stands for the LIST_STRIDE below it. Upper halves that are equal
 * are told apart by the ranges alone: the search goes on from the last that is smaller.
 */
static uint32_t
begin6(const struct lb_list *l, uint64_t high)
{
	uint32_t at = 0;
	for (uint32_t k = l->levels; k-- > 0;) {
		uint32_t from = at * LIST_STRIDE, n = l->n_level[k] - from;
		if (k == l->levels - 1)
			from = 0, n = l->n_level[k];
		at = search_level(l->level[k], from, n < LIST_STRIDE ? n : LIST_STRIDE, high);
	}
	return at * LIST_STRIDE;
}

/* => the number of ranges up to the first whose upper half is above; at least one. */
static uint32_t
extent6(const struct lb_list *l, uint32_t from, uint64_t high)
{
	uint32_t step = LIST_STRIDE;
	while (l->n6 - from > step && half_of(&l->range6[from + step].first, 0) <= high)
		step = l->n6 - from > 2 * step ? 2 * step : l->n6 - from;
	return l->n6 - from < step ? l->n6 - from : step;
}

static bool
has6(const struct lb_list *l, const union addr *a)
{
	uint64_t high = half_of(a, 0), low = half_of(a, 1);
	if (l->n6 == 0)
		return false;
	uint32_t at = l->levels != 0 ? begin6(l, high) : 0;
	for (uint32_t n = extent6(l, at, high); n > 1;) {
		uint32_t half = n / 2;
		at += is_below(&l->range6[at + half].first, high, low) ? half : 0;
		n -= half;
	}
	const struct img_lb_range6 *r = &l->range6[at];
	uint64_t last = half_of(&r->last, 0);
	return is_below(&r->first, high, low) &&
	       (last > high || (last == high && half_of(&r->last, 1) >= low));
}

bool
lb_list_has(const struct lb_list *l, const union addr *a, uint8_t family)
{
	return family == FAMILY_V4 ? has4(l, __builtin_bswap32(a->w[0])) : has6(l, a);
}

static uint32_t
fewer(uint32_t n)
{
	return (n + LIST_STRIDE - 1) / LIST_STRIDE;
}

static size_t
list_size(const struct img_lb_list *row)
{
	size_t size = row->n4 > LIST_SHORT ? (LIST_TOP + 2) * sizeof(uint32_t) : 0;
	for (uint32_t n = fewer(row->n6); row->n6 > LIST_STRIDE; n = fewer(n)) {
		size += n * sizeof(uint64_t);
		if (n <= LIST_STRIDE)
			break;
	}
	return size;
}

/* top[i]: the first range that reaches into i << 16 or begins behind it. */
static uint8_t *
top_fill(struct lb_list *l, uint8_t *mem)
{
	uint32_t i = 0;
	l->top = (uint32_t *)(void *)mem;
	for (uint32_t k = 0; k < LIST_TOP; k++) {
		while (i < l->n4 && l->range4[i].last < k << 16)
			i++;
		l->top[k] = i;
	}
	l->top[LIST_TOP] = l->n4;
	return mem + (LIST_TOP + 2) * sizeof(uint32_t);
}

static uint8_t *
levels_fill(struct lb_list *l, uint8_t *mem)
{
	for (uint32_t n = fewer(l->n6); l->n6 > LIST_STRIDE; n = fewer(n)) {
		uint64_t *v = (uint64_t *)(void *)mem;
		for (uint32_t i = 0; i < n; i++)
			v[i] = l->levels == 0 ? half_of(&l->range6[i * LIST_STRIDE].first, 0) :
				l->level[l->levels - 1][i * LIST_STRIDE];
		l->level[l->levels] = v;
		l->n_level[l->levels++] = n;
		mem += n * sizeof(*v);
		if (n <= LIST_STRIDE)
			break;
	}
	return mem;
}

struct lb_lists *
lb_lists_create(const struct image_header *h)
{
	uint32_t n, n4, n6;
	const struct img_lb_list *row = image_rows(h, IMG_LB_LISTS, &n);
	const struct img_lb_range4 *range4 = image_rows(h, IMG_LB_RANGES4, &n4);
	const struct img_lb_range6 *range6 = image_rows(h, IMG_LB_RANGES6, &n6);
	size_t size = sizeof(struct lb_lists);
	for (uint32_t i = 0; i < n; i++)
		size += list_size(&row[i]);
	struct lb_lists *l = mem_alloc(size, -1);
	if (l == NULL)
		return NULL;
	uint8_t *mem = (uint8_t *)(l + 1);
	l->size = size;
	l->n = n;
	for (uint32_t i = 0; i < n; i++) {
		struct lb_list *to = &l->list[i];
		*to = (struct lb_list){.range4 = range4 + row[i].first4, .n4 = row[i].n4,
			.range6 = range6 + row[i].first6, .n6 = row[i].n6};
		mem = levels_fill(to, mem);
		if (to->n4 > LIST_SHORT)
			mem = top_fill(to, mem);
	}
	return l;
}

void
lb_lists_destroy(struct lb_lists *l)
{
	if (l != NULL)
		mem_free(l, l->size);
}

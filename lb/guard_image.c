/* SPDX-License-Identifier: Apache-2.0 */
/* Checking guards and lists of an image that nobody vouches for. */
#include "guard_image.h"

#include <errno.h>

struct check {
	const struct img_lb_service *services;
	const struct img_lb_list *lists;
	const struct img_lb_range4 *range4;
	const struct img_lb_range6 *range6;
	uint32_t n_services, n_lists, n4, n6, sources;
	char *err;
	size_t err_size;
};

#define refuse(c, ...) image_refuse((c)->err, (c)->err_size, __VA_ARGS__)

static int
check_sections(const struct check *c, const struct image_header *h)
{
	if (!image_section_is(h, IMG_LB_GUARDS, sizeof(struct img_lb_guard)) ||
	    !image_section_is(h, IMG_LB_LISTS, sizeof(struct img_lb_list)) ||
	    !image_section_is(h, IMG_LB_RANGES4, sizeof(struct img_lb_range4)) ||
	    !image_section_is(h, IMG_LB_RANGES6, sizeof(struct img_lb_range6)))
		return refuse(c, "a section of the balancer's lists has rows of another size");
	if (c->n_lists > LB_MAX_LISTS || c->n4 > LB_MAX_RANGES || c->n6 > LB_MAX_RANGES)
		return refuse(c, "%u lists with %u and %u ranges are too many", c->n_lists, c->n4,
		              c->n6);
	return 0;
}

/* An address as bytes; IPv4 ones stand in the first four of them. */
static bool
follows(const union addr *a, const union addr *before)
{
	return memcmp(a->b, before->b, sizeof(a->b)) > 0;
}

static int
check_list(const struct check *c, uint32_t row)
{
	const struct img_lb_list *l = &c->lists[row];
	if (!image_name_is_good(l->name))
		return refuse(c, "list %u: bad name", row);
	if ((uint64_t)l->first4 + l->n4 > c->n4 || (uint64_t)l->first6 + l->n6 > c->n6)
		return refuse(c, "list %u: ranges out of range", row);
	const struct img_lb_range4 *r4 = c->range4 + l->first4;
	for (uint32_t i = 0; i < l->n4; i++)
		if (r4[i].first > r4[i].last || (i > 0 && r4[i].first <= r4[i - 1].last))
			return refuse(c, "list %u: IPv4 range %u is not in order", row, i);
	const struct img_lb_range6 *r6 = c->range6 + l->first6;
	for (uint32_t i = 0; i < l->n6; i++)
		if (follows(&r6[i].first, &r6[i].last) ||
		    (i > 0 && !follows(&r6[i].first, &r6[i - 1].last)))
			return refuse(c, "list %u: IPv6 range %u is not in order", row, i);
	return 0;
}

static int
check_guard(const struct check *c, const struct img_lb_guard *g, uint32_t row)
{
	if (g->service >= c->n_services || (row > 0 && g->service <= g[-1].service))
		return refuse(c, "guard %u: service %u is none, or not in order", row, g->service);
	const struct img_lb_service *s = &c->services[g->service];
	if ((g->allow != LB_NO_LIST && g->allow >= c->n_lists) ||
	    (g->deny != LB_NO_LIST && g->deny >= c->n_lists))
		return refuse(c, "guard %u: list %u or %u is none", row, g->allow, g->deny);
	if (g->source_plen > addr_bits(s->family))
		return refuse(c, "guard %u: prefix length %u", row, g->source_plen);
	if (g->overflow > LB_OVERFLOW_STATELESS)
		return refuse(c, "guard %u: overflow %u is none", row, g->overflow);
	if (g->overflow == LB_OVERFLOW_STATELESS && s->mode == LB_MODE_FULLNAT)
		return refuse(c, "guard %u: fullnat cannot do without flows", row);
	if (g->overflow == LB_OVERFLOW_STATELESS && s->choice.scheduler > LB_SOURCE_HASH)
		return refuse(c, "guard %u: scheduler %u cannot do without flows", row,
		              s->choice.scheduler);
	if (s->choice.per_packet && (g->half_open != 0 || g->flows != 0))
		return refuse(c, "guard %u: bounds flows of single datagrams", row);
	if (s->tell != TELL_NONE && g->half_open != 0)
		return refuse(c, "guard %u: half-open flows of clients that are told of", row);
	if (g->source_rate != 0 && c->sources == 0)
		return refuse(c, "guard %u: limits sources, lb.capacity.sources is 0", row);
	return 0;
}

int
lb_guard_check(const struct image_header *h, char *err, size_t err_size)
{
	struct check c = {.err = err, .err_size = err_size};
	uint32_t n, n_plane;
	const struct img_lb_guard *g = image_rows(h, IMG_LB_GUARDS, &n);
	const struct img_plane *plane = image_rows(h, IMG_PLANE, &n_plane);
	c.services = image_rows(h, IMG_LB_SERVICES, &c.n_services);
	c.lists = image_rows(h, IMG_LB_LISTS, &c.n_lists);
	c.range4 = image_rows(h, IMG_LB_RANGES4, &c.n4);
	c.range6 = image_rows(h, IMG_LB_RANGES6, &c.n6);
	c.sources = n_plane != 0 ? plane->sources : 0;
	if (check_sections(&c, h) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < c.n_lists; i++)
		if (check_list(&c, i) != 0)
			return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		if (check_guard(&c, &g[i], i) != 0)
			return -EINVAL;
	return 0;
}

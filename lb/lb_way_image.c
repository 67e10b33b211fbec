/* SPDX-License-Identifier: Apache-2.0 */
/* Checking the ways of an image that nobody vouches for: outer headers are made of them as is. */
#include <errno.h>

#include "lb_image.h"

enum { DSCP_MAX = 63 };

struct check {
	const struct img_lb_service *services;
	const struct img_lb_backend *backends;
	const struct img_lb_way *ways;
	uint32_t n_services, n_backends, n_ways;
	char *err;
	size_t err_size;
};

/* What is wrong, as a sentence. => -EINVAL. */
#define refuse(c, ...) image_refuse((c)->err, (c)->err_size, __VA_ARGS__)

/* source_is_good: a unicast address without the bits that are filled in later. */
static bool
source_is_good(const struct img_lb_way *y, uint8_t family)
{
	const union addr *a = &y->source, *s = &y->spread;
	if (((a->q[0] & s->q[0]) | (a->q[1] & s->q[1])) != 0)
		return false;
	if (family == FAMILY_V4)
		return a->b[0] != 0 && a->b[0] != 127 && a->b[0] < 224 && s->b[0] == 0 &&
		       (a->w[1] | s->w[1]) == 0 && (a->q[1] | s->q[1]) == 0;
	return (a->q[0] | a->q[1]) != 0 && a->b[0] != 0xff && s->q[0] == 0;
}

static int
check_way(const struct check *c, uint32_t row)
{
	const struct img_lb_way *y = &c->ways[row];
	if (y->backend >= c->n_backends || (row > 0 && y[-1].backend >= y->backend))
		return refuse(c, "way %u: backend %u is none, or out of order", row, y->backend);
	const struct img_lb_backend *b = &c->backends[y->backend];
	uint8_t mode = c->services[b->service].mode;
	if (!lb_mode_is_way(mode))
		return refuse(c, "way %u: backend %u is translated to", row, y->backend);
	if (lb_mode_is_tunnel(mode) && !source_is_good(y, b->family))
		return refuse(c, "way %u: bad source address", row);
	if (mode == LB_MODE_GUE && y->port == 0)
		return refuse(c, "way %u: no port", row);
	if (y->dscp > DSCP_MAX || (mode == LB_MODE_L3DSR && y->dscp == 0))
		return refuse(c, "way %u: DSCP %u is none", row, y->dscp);
	if (y->mtu != 0 && (y->mtu < IMG_MIN_MTU || y->mtu > IMG_MAX_MTU))
		return refuse(c, "way %u: MTU %u is too small or too large", row, y->mtu);
	return 0;
}

int
lb_way_check(const struct image_header *h, char *err, size_t err_size)
{
	struct check c = {.err = err, .err_size = err_size};
	uint32_t wanted = 0, n_plane;
	const struct img_plane *plane = image_rows(h, IMG_PLANE, &n_plane);
	c.services = image_rows(h, IMG_LB_SERVICES, &c.n_services);
	c.backends = image_rows(h, IMG_LB_BACKENDS, &c.n_backends);
	c.ways = image_rows(h, IMG_LB_WAYS, &c.n_ways);
	if (!image_section_is(h, IMG_LB_WAYS, sizeof(struct img_lb_way)))
		return refuse(&c, "a balancer section has rows of another size");
	if (n_plane != 0 && plane->service_echo > IMG_ECHO_NEVER)
		return refuse(&c, "echo %u is none", plane->service_echo);
	for (uint32_t i = 0; i < c.n_services; i++) {
		const struct img_lb_service *s = &c.services[i];
		wanted += lb_mode_is_way(s->mode) ? s->backends : 0;
		if (lb_mode_is_way(s->mode) && s->choice.per_packet)
			return refuse(&c, "service %u: each datagram anew, and untranslated", i);
	}
	if (wanted != c.n_ways)
		return refuse(&c, "%u ways for %u backends that need one", c.n_ways, wanted);
	for (uint32_t i = 0; i < c.n_ways; i++)
		if (check_way(&c, i) != 0)
			return -EINVAL;
	return 0;
}

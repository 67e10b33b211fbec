/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the packets of health checks are. */
#include "asker.h"

static bool
is_asker(const struct lb_view *v, const struct tuple *t)
{
	for (uint32_t i = 0; i < v->n_askers; i++)
		if (v->askers[i].family == t->family && addr_equal(&v->askers[i].address, &t->src))
			return true;
	return false;
}

const struct img_lb_backend *
lb_asker_find(const struct lb_view *v, const struct img_lb_service *s, const struct tuple *t)
{
	uint32_t place = (uint32_t)__builtin_bswap16(t->sport) - LB_ASKER_PORT;
	if (!lb_mode_is_way(s->mode) || place >= s->backends || t->realm != 0 || !is_asker(v, t))
		return NULL;
	return &v->backends[s->first_backend + place];
}

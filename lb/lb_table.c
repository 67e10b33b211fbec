/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of services, as the compiler and the health of backends make them. */
#include "lb_table.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/tuple.h"

int
lb_table_make(const struct img_lb_service *s, const struct img_lb_backend *backends,
              uint16_t *slots)
{
	/* tidy: the compiler's, in the control daemon */
	struct maglev_backend *m = calloc(s->backends + (size_t)1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	lb_state_players(backends, s->backends, m);
	int rc = (lb_table_is_order(s->choice.scheduler) ? maglev_order : maglev_build)(
		m, s->backends, slots);
	/* tidy: as above */
	free(m);
	return rc;
}

uint64_t
lb_table_digest(const struct img_lb_service *s, const struct img_lb_backend *backends)
{
	uint64_t h = mix64(0x9fb21c651e98df25u + lb_table_is_order(s->choice.scheduler),
	                   0xc2b2ae3d27d4eb4fu + s->backends);
	for (uint32_t i = 0; i < s->backends; i++) {
		const struct img_lb_backend *b = &backends[i];
		h = mix64(h ^ maglev_key(&b->address, b->family, b->port),
		          0x9e3779b97f4a7c15u + lb_state_share(b)) + h;
	}
	return h;
}

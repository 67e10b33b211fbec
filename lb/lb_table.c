/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of services, as the compiler and the health of backends make them. */
#include "lb_table.h"

#include <errno.h>
#include <stdlib.h>

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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The engine's ways (lib/way.h) to the backends of a generation, of the image's rows.
 * Layout     An array by backend id, in memory of its own beside the view.
 * Invariant  1. A backend that the image has a way to has that one.
 *            2. Any other id that had a way in the generation before keeps it: its flows go on when
 *               it was removed, or its service has another mode now.
 * Owner      Constant, part of a generation.
 * Limits     LB_MAX_IDS rows of 128 bytes; as many as the highest id that has a way.
 */
#ifndef MR_LB_WAY_H
#define MR_LB_WAY_H

#include "lb/lb_view.h"

/* lb_ways_create: v->way and v->n_ways; previous may be NULL. => 0 or -ENOMEM. */
int lb_ways_create(struct lb_view *v, const struct image_header *h,
                   const struct generation *previous);
void lb_ways_destroy(struct lb_view *v);

/* lb_way_fill: the way that a row describes. */
void lb_way_fill(struct way *y, const struct img_lb_way *row, const struct img_lb_service *s,
                 const struct img_lb_backend *b);

#endif

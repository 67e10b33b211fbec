/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The place of a service: prefix, protocol and ports, from document to row, and which
 *            of them may stand beside each other.
 * Invariant  1. Two services of one prefix whose protocols meet have ranges of ports apart, or one
 *               within the other: so one of those that a packet matches is the most specific.
 * See        lb/service.h; docs/lb.md, "Services".
 */
#ifndef MR_CONFIG_SERVICE_PLACE_H
#define MR_CONFIG_SERVICE_PLACE_H

#include "model.h"

/* service_place_read: of service number `at` of the document; claims its addresses. */
void service_place_read(struct model *m, const json_t *json, size_t at, struct img_lb_service *s);
/* service_place_compare: the order of the image's rows; 0: the same place. */
int service_place_compare(const struct img_lb_service *a, const struct img_lb_service *b);
bool service_same_prefix(const struct img_lb_service *a, const struct img_lb_service *b);
/* service_places_clash: is neither the more specific one for some packet? */
bool service_places_clash(const struct img_lb_service *a, const struct img_lb_service *b);
/* service_is_exact: one address and one port? */
bool service_is_exact(const struct img_lb_service *s);
/* service_place_route: packets to it come to us. */
void service_place_route(struct model *m, const struct img_lb_service *s, struct origin origin);

#endif

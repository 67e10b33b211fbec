/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What becomes of a new connection under its service's guard: a flow, a packet forwarded
 *            without one, or nothing.
 * Invariant  1. Lists are asked first, before anything is spent; then bounds, then rates. What is
 *               refused changes nothing but the bucket of its source.
 *            2. Without a flow, packets of a connection go to the backend that its flow would have,
 *               and answers come from the service, as long as the service's backends stay the same.
 *               RSTs of either end too, and no others: who has a flow, or none, hears no stray one.
 *            3. Flows that exist are not asked.
 *            4. A full flow table is a bound of all services: what may do without a flow goes on as
 *               beyond its own, the rest is refused before anything is spent on it.
 * See        docs/lb.md, "Defence".
 */
#ifndef MR_LB_ADMIT_H
#define MR_LB_ADMIT_H

#include "lb/lb_view.h"
#include "lib/policy.h"

/* lb_is_denied: by its lists. */
bool lb_is_denied(const struct lb_view *v, const struct lb_guard *g, const struct tuple *t);

/*
 * lb_admit: bounds and rates; g may be NULL. => VERDICT_OPEN, VERDICT_STATELESS, or VERDICT_DROP
 * with spec->drop. Who has shaken hands with us (spec->is_answered) is not half-open, and needs a
 * flow.
 */
enum verdict lb_admit(struct lb_limits *l, const struct img_lb_service *s,
                      const struct lb_guard *g, const struct miss *m, struct flow_spec *spec);

/* lb_admit_rst: may a client's RST without a flow be of a connection that was forwarded without? */
bool lb_admit_rst(const struct lb_limits *l, const struct img_lb_service *s,
                  const struct lb_guard *g, const struct miss *m);

/*
 * lb_admit_reply: a nat-mode backend's packet of no flow: the answer to one that was forwarded
 * without, if there may be such. => VERDICT_STATELESS, or VERDICT_DROP with spec->drop.
 */
enum verdict lb_admit_reply(const struct lb_view *v, const struct lb_limits *l,
                            const struct miss *m, struct flow_spec *spec);

/*
 * lb_guess_reply: whose answer would it be, were it of a connection without a flow? => false: of
 * none. For ICMP errors that backends, and routers before them, send about such.
 */
bool lb_guess_reply(const struct lb_view *v, const struct lb_limits *l, const struct miss *m,
                    struct flow_spec *spec);

#endif

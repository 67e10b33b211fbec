/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Whether a service's SYNs are answered with cookies now: always, never, or while more
 *            of them open connections than it is to bear.
 * Layout     A slot for the low bits of a service's number: two services that share one count
 *            together.
 * Invariant  Cookies are believed for as long as one can be good after the last was given.
 * Owner      One worker, each with its share of the rate.
 * See        lib/synproxy.h; docs/lb.md, "SYN proxy".
 */
#ifndef MR_LB_SYN_H
#define MR_LB_SYN_H

#include <stdbool.h>

#include "lb_image.h"

enum {
	LB_SYN_SLOTS = 4096,
	LB_SYN_TICK_BITS = 30, /* of nanoseconds: 1.07 s, in which SYNs are counted */
	LB_SYN_HOLD = 10,      /* ticks that cookies are given after the last excess */
	LB_SYN_TRUST = 130,    /* ticks that a cookie may be good: two epochs */
};

struct lb_syn {
	uint32_t tick, count;
	uint32_t until; /* cookies are given before this tick; 0: never yet */
};

/* lb_syn_gives: is this SYN answered with a cookie? It is counted. */
bool lb_syn_gives(struct lb_syn table[LB_SYN_SLOTS], const struct img_lb_service *s,
                  uint16_t workers, uint64_t now_ns);
/* lb_syn_is_on: are cookies given now? lb_syn_takes: may one come back? */
bool lb_syn_is_on(const struct lb_syn table[LB_SYN_SLOTS], const struct img_lb_service *s,
                  uint64_t now_ns);
bool lb_syn_takes(const struct lb_syn table[LB_SYN_SLOTS], const struct img_lb_service *s,
                  uint64_t now_ns);

#endif

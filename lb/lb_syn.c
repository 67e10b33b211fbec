/* SPDX-License-Identifier: Apache-2.0 */
/* When a service's SYNs are answered with cookies. */
#include "lb_syn.h"

static uint32_t
tick_of(uint64_t now_ns)
{
	return (uint32_t)(now_ns >> LB_SYN_TICK_BITS);
}

bool
lb_syn_gives(struct lb_syn table[LB_SYN_SLOTS], const struct img_lb_service *s, uint16_t workers,
             uint64_t now_ns)
{
	struct lb_syn *r = &table[s->id % LB_SYN_SLOTS];
	uint32_t tick = tick_of(now_ns);
	if (s->syn_mode != LB_SYN_AUTO)
		return s->syn_mode == LB_SYN_ALWAYS;
	if (r->tick != tick) {
		r->tick = tick;
		r->count = 0;
	}
	if ((uint64_t)++r->count * workers > s->syn_rate)
		r->until = tick + 1 + LB_SYN_HOLD;
	return tick < r->until;
}

bool
lb_syn_is_on(const struct lb_syn table[LB_SYN_SLOTS], const struct img_lb_service *s,
             uint64_t now_ns)
{
	return s->syn_mode == LB_SYN_ALWAYS ||
	       (s->syn_mode == LB_SYN_AUTO &&
	        tick_of(now_ns) < table[s->id % LB_SYN_SLOTS].until);
}

bool
lb_syn_takes(const struct lb_syn table[LB_SYN_SLOTS], const struct img_lb_service *s,
             uint64_t now_ns)
{
	uint32_t until = table[s->id % LB_SYN_SLOTS].until;
	return s->syn_mode == LB_SYN_ALWAYS ||
	       (s->syn_mode == LB_SYN_AUTO && until != 0 &&
	        tick_of(now_ns) < until + LB_SYN_TRUST);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Two clocks, of which one can be set. */
#include "log_clock.h"

bool
log_clock_look(struct log_clock *c, uint64_t real_ns, uint64_t boot_ns, uint64_t *would_ns)
{
	const uint64_t step_ns = LOG_CLOCK_STEP_MS * UINT64_C(1000000);
	bool is_first = c->real_ns == 0;
	*would_ns = is_first ? real_ns : c->real_ns + (boot_ns - c->boot_ns);
	*c = (struct log_clock){real_ns, boot_ns};
	uint64_t off_ns = real_ns > *would_ns ? real_ns - *would_ns : *would_ns - real_ns;
	return off_ns >= step_ns;
}

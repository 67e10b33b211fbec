/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The order of what a log says where its times do not tell it. An epoch is a part of the
 *            log in which the clock went on; a new one begins where it was set back (between two
 *            data planes, or by a record of a step). A moment may lie in several: it was then shown
 *            by the clock several times, and nobody knows which one is meant.
 * Layout     An order is a number that grows along the log: epoch << EPOCH_SHIFT | milliseconds. In
 *            the first epoch, which is all of most logs, it is the milliseconds.
 * Invariant  1. Of two records of one worker the later one has no lower order.
 *            2. What may have come in one of several epochs counts as of the one that makes least
 *               certain.
 * Owner      One search.
 * Limits     EPOCHS; beyond, is_more: no answer is certain.
 * See        docs/log.md, "Who had it".
 */
#ifndef MR_LOG_EPOCHS_H
#define MR_LOG_EPOCHS_H

#include "index.h"

enum { EPOCHS = 64, EPOCH_SHIFT = 45 };

struct epoch {
	size_t part;                /* in which segment, and at which line, it begins */
	uint32_t line;
	uint64_t first_ms, last_ms; /* what the clock showed */
};

struct epochs {
	struct epoch e[EPOCHS];
	unsigned n;                 /* 0: nothing was seen */
	uint64_t start_ms;          /* of the last data plane that began */
	bool is_more;
};

static inline uint64_t
epoch_order(unsigned epoch, uint64_t ms)
{
	return (uint64_t)epoch << EPOCH_SHIFT | ms;
}

/* epoch_ms: what the clock showed; UINT64_MAX (never) stays. */
static inline uint64_t
epoch_ms(uint64_t order)
{
	return order != UINT64_MAX ? order & ((1ull << EPOCH_SHIFT) - 1) : order;
}

/* epochs_is_mark: may an epoch begin at such an event? */
static inline bool
epochs_is_mark(unsigned event)
{
	return event == RECORD_START || event == RECORD_CLOCK;
}

/* epochs_part: the next segment; follows: nothing is missing before it. => the epoch in which it
 * begins. */
unsigned epochs_part(struct epochs *ep, size_t part, const struct log_index *ix, bool follows);
/* epochs_at: the epoch of a line of a segment that begins in this one. */
unsigned epochs_at(const struct epochs *ep, unsigned begins, size_t part, uint32_t line);
/* epochs_since: the order of a moment that is named by a record of an epoch. */
uint64_t epochs_since(const struct epochs *ep, unsigned epoch, uint64_t since_ms, uint64_t ms);
/* epochs_of: does an epoch show anything of these moments? The last one may still come to them, and
 * before the first one there was a clock too. */
bool epochs_of(const struct epochs *ep, unsigned epoch, uint64_t at_ms, uint64_t until_ms);

#endif

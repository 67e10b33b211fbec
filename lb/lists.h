/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Is an address in a list of prefixes? For a million of them.
 * Layout     The image's ranges, sorted and merged. IPv4: in front of long lists a table of which
 *            range each value of the upper 16 bits begins at, so that a search stays within one
 *            /16. IPv6: every LIST_STRIDE-th beginning in an array of its own, and every
 *            LIST_STRIDE-th of these, and so on, so that the search's first steps stay in a few
 *            lines that are warm.
 * Invariant  1. lb_list_has says yes exactly for addresses inside of a prefix of the list.
 * Owner      Constant, part of a generation; any worker reads.
 * Limits     256 kB for the table of a list with more than LIST_SHORT ranges; 8/15 byte and 16/15
 *            of LIST_STRIDE-th for each IPv6 range.
 * See        docs/lb.md, "Defence", with what was measured.
 */
#ifndef MR_LB_LISTS_H
#define MR_LB_LISTS_H

#include "lb/guard_image.h"

enum { LIST_SHORT = 256, LIST_TOP = 1 << 16, LIST_STRIDE = 16, LIST_LEVELS = 6 };

struct lb_list {
	const struct img_lb_range4 *range4;
	const struct img_lb_range6 *range6;
	uint32_t n4, n6;
	uint32_t *top;                 /* LIST_TOP + 1 of them; NULL: the list is short */
	uint64_t *level[LIST_LEVELS];  /* upper halves of addresses; [0] has every 16th range's */
	uint32_t n_level[LIST_LEVELS];
	uint32_t levels;
};

struct lb_lists {
	struct lb_list list[LB_MAX_LISTS];
	uint32_t n;
	void *mem;
	size_t size;
};

/* lb_lists_create: of a checked image. => NULL when memory runs out. */
struct lb_lists *lb_lists_create(const struct image_header *h);
void lb_lists_destroy(struct lb_lists *l);

bool lb_list_has(const struct lb_list *l, const union addr *a, uint8_t family);

#endif

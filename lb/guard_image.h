/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What keeps a service from harm, in an image: bounds, rates, and lists of prefixes that
 *            may or may not open connections.
 * Layout     IMG_LB_GUARDS: a row for each service that has one, by ascending service.
 *            IMG_LB_LISTS: a row for each list; its prefixes are ranges of addresses, merged, in
 *            IMG_LB_RANGES4 and IMG_LB_RANGES6.
 * Invariant  lb_guard_check: services, lists and ranges exist; the ranges of a list ascend and do
 *            not touch.
 * Limits     LB_MAX_LISTS, LB_MAX_RANGES of each family.
 * See        docs/lb.md, "Defence". No DPDK header here: the compiler includes this.
 */
#ifndef MR_LB_GUARD_IMAGE_H
#define MR_LB_GUARD_IMAGE_H

#include "lb/lb_image.h"

enum { LB_MAX_LISTS = 256, LB_MAX_RANGES = 1 << 23, LB_NO_LIST = 0xffff };

/* What becomes of connections beyond a bound. */
enum lb_overflow { LB_OVERFLOW_DROP, LB_OVERFLOW_STATELESS };

struct img_lb_guard { /* 0: no limit */
	uint32_t service;       /* row in IMG_LB_SERVICES */
	uint32_t half_open, flows;
	uint32_t rate, burst;   /* new connections a second, and at once */
	uint32_t source_rate, source_burst; /* of one source prefix */
	uint16_t allow, deny;   /* rows in IMG_LB_LISTS, or LB_NO_LIST */
	uint8_t source_plen;
	uint8_t overflow;       /* enum lb_overflow */
	uint8_t zero[2];
};

struct img_lb_list {
	char name[IMAGE_NAME];
	uint32_t first4, n4;    /* rows in IMG_LB_RANGES4 */
	uint32_t first6, n6;
};

struct img_lb_range4 {
	uint32_t first, last;   /* host order */
};

struct img_lb_range6 {
	union addr first, last;
};

/* lb_guard_check: of an image whose services have been checked. => 0, or -EINVAL and a sentence. */
int lb_guard_check(const struct image_header *h, char *err, size_t err_size);

#endif

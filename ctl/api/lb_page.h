/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The services of the image in force and their backends, one after the other, as far as
 *            a page goes; and the cursor with which the next one goes on.
 * Layout     A cursor: the service's row (13 bits), its id (13), how many of its backends were
 *            shown (15), the id of the next (16), below a bit that is set. 0: the end.
 * Invariant  1. A page gets on: at least by one backend, or by a service.
 *            2. A service or a backend that is there all the time is shown once, whatever is added
 *               or removed between two pages: ids say where to go on, rows only where that is gone.
 *               Where others before it have gone, or come, too, as many may be missing or twice.
 * Limits     A page takes about as long as so many rows, LB_PAGE_MAX: what is summed up without a
 *            row is paid for by lb_page_spend.
 * Owner      One thread; as long as its lb_rows.
 * See        docs/api.md, "Listings".
 */
#ifndef MR_API_LB_PAGE_H
#define MR_API_LB_PAGE_H

#include "lb_rows.h"

/* What came whole before there were pages still does, up to LB_PAGE_MAX rows; as many backends'
 * counters of one context are summed up in the time of a row. */
enum { LB_PAGE_MAX = API_PAGE_MAX, LB_PAGE_SUMS = 256 };

struct lb_page {
	struct lb_rows v;
	const struct img_lb_service *only; /* NULL: all */
	uint32_t left;       /* rows that it has room for */
	uint32_t service;    /* row; at `end`: no more */
	uint32_t backend;    /* the next one of that service */
	uint32_t end;
	uint64_t weights;    /* of the service, for lb_rows_share */
	bool is_in;          /* the service was given out */
};

/* lb_page_begin: from the parameters service (or `name`), limit, cursor. => 0, or -1 and err. */
int lb_page_begin(struct api *api, const json_t *params, struct lb_page *p, struct rpc_error *err);
/* lb_page_service: the one to go on with, or the next; NULL: the page is full, or all were. */
const struct img_lb_service *lb_page_service(struct lb_page *p);
/* lb_page_is_first: was nothing of this service on a page before? Until lb_page_backend. */
static inline bool
lb_page_is_first(const struct lb_page *p)
{
	return p->backend == 0;
}

/* lb_page_backend: the next one of the service; NULL: the page is full, or there is none. */
const struct img_lb_backend *lb_page_backend(struct lb_page *p);
/* lb_page_sums: rows that it costs to go through the backends of a service. */
uint32_t lb_page_sums(const struct lb_page *p, const struct img_lb_service *s);
/* lb_page_spend: so many rows less have room. */
void lb_page_spend(struct lb_page *p, uint32_t rows);
/* lb_page_done: the service, whose backends are no rows here. */
void lb_page_done(struct lb_page *p);
/* lb_page_result: its cursor into an object. => object. */
json_t *lb_page_result(const struct lb_page *p, json_t *object);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Where a page of services and backends begins and ends. */
#include "lb_page.h"

#include <stdio.h>

enum { ROW_BITS = 13, ID_BITS = 13, OFFSET_BITS = 15, BACKEND_BITS = 16 };
static_assert((int)LB_MAX_SERVICES <= 1 << ROW_BITS, "a service's row fits");
static_assert((int)LB_MAX_SERVICE_IDS <= 1 << ID_BITS, "its id does");
static_assert((int)LB_MAX_BACKENDS < 1 << OFFSET_BITS, "all its backends do");
static_assert((int)LB_MAX_IDS <= 1 << BACKEND_BITS, "a backend's id does");

/* So that no cursor to go on with is 0, the end. */
#define BEGUN (1ull << 63)

/* Where the page before ended. */
struct place {
	uint32_t row, id, offset, backend;
};

static uint32_t
take_bits(uint64_t *cursor, unsigned bits)
{
	uint32_t value = (uint32_t)(*cursor & ((1ull << bits) - 1));
	*cursor >>= bits;
	return value;
}

static struct place
place_of(uint64_t cursor)
{
	struct place at;
	at.backend = take_bits(&cursor, BACKEND_BITS);
	at.offset = take_bits(&cursor, OFFSET_BITS);
	at.id = take_bits(&cursor, ID_BITS);
	at.row = take_bits(&cursor, ROW_BITS);
	return at;
}

/* service_at: row of the service; where it is gone, of the one that has come up to its place. */
static uint32_t
service_at(const struct lb_rows *v, struct place *at)
{
	if (at->row < v->services && v->service[at->row].id == at->id)
		return at->row;
	for (uint32_t i = 0; i < v->services; i++)
		if (v->service[i].id == at->id)
			return i;
	at->offset = 0;
	return at->row < v->services ? at->row : v->services;
}

/* backend_at: the same of the backend in its service. */
static uint32_t
backend_at(const struct lb_rows *v, uint32_t service, const struct place *at)
{
	const struct img_lb_service *s = &v->service[service];
	const struct img_lb_backend *b = &v->backend[s->first_backend];
	uint32_t n = lb_rows_count(v, s);
	if (at->offset == 0 || (at->offset < n && b[at->offset].id == at->backend))
		return at->offset;
	for (uint32_t i = 0; i < n; i++)
		if (b[i].id == at->backend)
			return i;
	return at->offset < n ? at->offset : n;
}

int
lb_page_begin(struct api *api, const json_t *params, struct lb_page *p, struct rpc_error *err)
{
	const char *name = param_string(params, "service") ?: param_string(params, "name");
	uint64_t cursor;
	*p = (struct lb_page){.left = (uint32_t)param_integer(params, "limit", LB_PAGE_MAX)};
	if (lb_rows_get(api, &p->v, err) != 0 || param_cursor(params, &cursor, err) != 0 ||
	    (name != NULL && (p->only = lb_rows_service(&p->v, name, err)) == NULL))
		return -1;
	struct place at = place_of(cursor);
	p->end = p->v.services;
	p->service = cursor != 0 ? service_at(&p->v, &at) : 0;
	if (p->only != NULL) {
		uint32_t row = (uint32_t)(p->only - p->v.service);
		at.offset = p->service == row ? at.offset : 0;
		p->service = row;
		p->end = row + 1;
	}
	if (p->service < p->end)
		p->backend = backend_at(&p->v, p->service, &at);
	return 0;
}

const struct img_lb_service *
lb_page_service(struct lb_page *p)
{
	const struct img_lb_service *s = p->v.service;
	if (p->is_in) {
		if (p->backend < lb_rows_count(&p->v, &s[p->service]))
			return NULL;
		p->service++;
		p->backend = 0;
	}
	p->is_in = p->left != 0 && p->service < p->end;
	if (!p->is_in)
		return NULL;
	p->weights = lb_rows_weights(&p->v, &s[p->service]);
	return &s[p->service];
}

const struct img_lb_backend *
lb_page_backend(struct lb_page *p)
{
	const struct img_lb_service *s = &p->v.service[p->service];
	if (p->left == 0 || p->backend >= lb_rows_count(&p->v, s))
		return NULL;
	p->left--;
	return &p->v.backend[s->first_backend + p->backend++];
}

uint32_t
lb_page_sums(const struct lb_page *p, const struct img_lb_service *s)
{
	uint32_t contexts = p->v.stats != NULL ? p->v.stats->contexts : 0;
	return 1 + lb_rows_count(&p->v, s) * contexts / LB_PAGE_SUMS;
}

void
lb_page_spend(struct lb_page *p, uint32_t rows)
{
	p->left -= rows < p->left ? rows : p->left;
}

void
lb_page_done(struct lb_page *p)
{
	p->backend = lb_rows_count(&p->v, &p->v.service[p->service]);
}

static uint64_t
cursor_of(const struct lb_page *p)
{
	if (p->service >= p->end)
		return 0;
	const struct img_lb_service *s = &p->v.service[p->service];
	bool is_inside = p->backend < lb_rows_count(&p->v, s);
	uint64_t cursor = p->service;
	cursor = cursor << ID_BITS | s->id;
	cursor = cursor << OFFSET_BITS | p->backend;
	return BEGUN | cursor << BACKEND_BITS |
	       (is_inside ? p->v.backend[s->first_backend + p->backend].id : 0);
}

json_t *
lb_page_result(const struct lb_page *p, json_t *object)
{
	return api_cursor_put(object, cursor_of(p));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of the statistics segment: made by the data plane, tested by its readers. */
#include "stats.h"

#include <errno.h>
#include <stddef.h>

enum { STATS_PAGE = 4096, STATS_MAX_CONTEXTS = 65 };

static const uint64_t backend_bytes = sizeof(struct stats_backend) * STATS_BACKENDS;

static uint64_t
page_up(uint64_t n)
{
	return (n + STATS_PAGE - 1) / STATS_PAGE * STATS_PAGE;
}

uint64_t
stats_segment_size(uint32_t contexts)
{
	return page_up(sizeof(struct stats_segment)) +
	       contexts * (sizeof(struct stats) + page_up(backend_bytes));
}

void
stats_segment_init(struct stats_segment *s, uint32_t contexts)
{
	s->contexts = contexts;
	s->drop_reasons = DROP_MAX;
	s->stats_offset = page_up(sizeof(*s));
	s->stats_stride = sizeof(struct stats);
	s->backend_offset = s->stats_offset + contexts * s->stats_stride;
	s->backend_stride = page_up(backend_bytes);
	s->size = stats_segment_size(contexts);
	s->version = STATS_VERSION;
	s->magic = STATS_MAGIC;
}

/* Do n rows of this stride and row size lie within the segment, aligned? */
static int
rows_fit(uint64_t offset, uint64_t stride, uint64_t row, uint64_t n, uint64_t size)
{
	return offset % 64 == 0 && stride % 64 == 0 && offset >= sizeof(struct stats_segment) &&
	       offset <= size && stride >= row && stride <= size && n * stride <= size - offset;
}

int
stats_segment_check(const struct stats_segment *s, uint64_t size)
{
	if (size < sizeof(*s) || s->magic != STATS_MAGIC || s->version != STATS_VERSION)
		return -EINVAL;
	if (s->size > size || s->contexts == 0 || s->contexts > STATS_MAX_CONTEXTS ||
	    s->drop_reasons != DROP_MAX)
		return -EINVAL;
	if (!rows_fit(s->stats_offset, s->stats_stride, sizeof(struct stats), s->contexts,
	              s->size) ||
	    !rows_fit(s->backend_offset, s->backend_stride, backend_bytes, s->contexts, s->size))
		return -EINVAL;
	return 0;
}

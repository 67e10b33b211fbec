/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of an address, and whether the pages that say so are whole. */
#include "index_pages.h"

#include <zlib.h>

uint32_t
log_index_sum_names(const struct log_index *ix)
{
	size_t size = ix->head.names * sizeof(*ix->names);
	return size != 0 ? (uint32_t)crc32(0, (const Bytef *)ix->names, (uInt)size) : 0;
}

uint32_t
log_index_sum(const struct log_index *ix, uint64_t page)
{
	uint64_t first = page * LOG_PAGE, left = ix->head.entries - first;
	size_t n = left < LOG_PAGE ? (size_t)left : LOG_PAGE;
	return (uint32_t)crc32(0, (const Bytef *)&ix->entry[first],
	                       (uInt)(n * sizeof(*ix->entry)));
}

static bool
page_good(const struct log_index *ix, uint64_t page)
{
	return ix->sum == NULL || ix->sum[page + 1] == log_index_sum(ix, page);
}

/* first_of: where an address begins, by entries of good pages only. => false: one is not. */
static bool
first_of(const struct log_index *ix, be32 external, bool checks, uint64_t *first)
{
	uint64_t low = 0, high = ix->head.entries, seen = UINT64_MAX;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (checks && middle / LOG_PAGE != seen && !page_good(ix, middle / LOG_PAGE))
			return false;
		seen = middle / LOG_PAGE;
		if (ix->entry[middle].external < external)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	return true;
}

bool
log_index_check(const struct log_index *ix, be32 external)
{
	uint64_t i, seen = UINT64_MAX;
	if (ix->sum == NULL)
		return true;
	if (!first_of(ix, external, true, &i))
		return false;
	for (; i < ix->head.entries; i++) {
		if (i / LOG_PAGE != seen && !page_good(ix, i / LOG_PAGE))
			return false;
		seen = i / LOG_PAGE;
		if (ix->entry[i].external != external)
			return true;
	}
	return true;
}

bool
log_index_check_all(const struct log_index *ix)
{
	uint64_t pages = log_index_pages(ix->head.entries);
	for (uint64_t i = 0; ix->sum != NULL && i < pages; i++)
		if (!page_good(ix, i))
			return false;
	return true;
}

const struct log_entry *
log_index_find(const struct log_index *ix, be32 external, size_t *n)
{
	uint64_t first = 0;
	*n = ix->head.entries;
	if (!ix->is_sorted)
		return ix->entry;
	first_of(ix, external, false, &first);
	*n = 0;
	while (first + *n < ix->head.entries && ix->entry[first + *n].external == external)
		++*n;
	return ix->entry + first;
}

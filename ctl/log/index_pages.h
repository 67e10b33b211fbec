/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The sums of an index: CRC-32 of its names and of each page of entries, so that what a
 *            search reads of a file, and only that, is known to be what was written.
 * Owner      index.c writes them; readers of an index ask log_index_check.
 * Limits     LOG_PAGE entries a page.
 */
#ifndef MR_LOG_INDEX_PAGES_H
#define MR_LOG_INDEX_PAGES_H

#include "index.h"

static inline uint64_t
log_index_pages(uint64_t entries)
{
	return (entries + LOG_PAGE - 1) / LOG_PAGE;
}

uint32_t log_index_sum_names(const struct log_index *ix);
uint32_t log_index_sum(const struct log_index *ix, uint64_t page);

#endif

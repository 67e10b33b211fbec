/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a size and its cases will take of the machine's memory, asked before any is
 *            taken; and which pages it is to come from.
 * Limits     Free is what memory_free says: an estimate, others may take it meanwhile.
 */
#ifndef MR_BENCH_NEEDS_H
#define MR_BENCH_NEEDS_H

#include "cases.h"

/* needs_fit: does it fit? => false and a sentence on stderr. */
bool needs_fit(const struct bench_case *c, uint64_t flows);

enum pages { PAGES_LARGEST, PAGES_4K, PAGES_2M, PAGES_1G };
/* pages_parse: "4k", "2m", "1g". => false: none of these. */
bool pages_parse(const char *text, enum pages *out);
/* pages_use: only these from now on. => false and a sentence when there are none. */
bool pages_use(enum pages pages);

#endif

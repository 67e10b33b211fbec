/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How far two short words are from each other, for "did you mean".
 * Limits     Words of 31 bytes; longer ones are far from everything.
 */
#ifndef MR_CONFIG_NEAR_H
#define MR_CONFIG_NEAR_H

/* Whoever is further away was not meant. */
enum { NEAR_MAX = 2, NEAR_WORD = 32 };

/* near_distance: insertions, deletions and exchanges between two words (Levenshtein). */
unsigned near_distance(const char *a, const char *b);

#endif

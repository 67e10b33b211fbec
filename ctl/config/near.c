/* SPDX-License-Identifier: Apache-2.0 */
/* The distance of two words, a row of the table at a time. */
#include "near.h"

#include <string.h>

unsigned
near_distance(const char *a, const char *b)
{
	unsigned row[NEAR_WORD], n = (unsigned)strlen(b);
	if (n >= NEAR_WORD || strlen(a) >= NEAR_WORD)
		return NEAR_WORD;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 0; a[i] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = i + 1;
		for (unsigned j = 0; j < n; j++) {
			unsigned best = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
		}
	}
	return row[n];
}

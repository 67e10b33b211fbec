/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The document on disk, for a machine that starts anew.
 * Invariant  At any moment the file holds a whole document: the old or the new one.
 * Owner      One thread.
 */
#ifndef MR_STORE_H
#define MR_STORE_H

#include <jansson.h>

/* store_save: write beside, fsync, rename, fsync the folder. => 0 or -errno. */
int store_save(const char *path, const json_t *doc);

#endif

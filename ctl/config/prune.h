/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What is left of a document with errors of form, so that what refers to what is checked
 *            all the same, and those of the errors found then that do not follow from the former.
 * Invariant  1. What prune_document gives has no error of form, but arrays may be too short.
 *            2. Paths in the errors that prune_errors adds are those of the whole document.
 * Owner      Values, no state.
 */
#ifndef MR_CONFIG_PRUNE_H
#define MR_CONFIG_PRUNE_H

#include "config.h"

struct prune {
	const json_t *bad;  /* {path: true}: what walk_check found wrong */
	json_t *kept;       /* {path of an array: [index in the whole document of each item]} */
	/* Something is missing there: who refers to it may be right. */
	bool nics, pools, checks, realms, lists;
};

/* prune_document: => new reference without defaults, or NULL: nothing can be checked. */
json_t *prune_document(struct prune *p, const json_t *doc, const json_t *bad);

/* prune_errors: add those of `found` that speak of objects that are whole. */
void prune_errors(const struct prune *p, const struct config_errors *found,
                  struct config_errors *errs);

void prune_fini(struct prune *p);

#endif

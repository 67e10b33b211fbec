/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What a valid document says without effect, or against an RFC, which may be a mistake:
 *            it is in force as it stands, and whoever gave it is told.
 * Owner      Values.
 * Limits     CONFIG_MAX_ERRORS, as errors.
 */
#ifndef MR_CONFIG_WARNINGS_H
#define MR_CONFIG_WARNINGS_H

#include "config.h"

/* config_warnings: doc is valid. => how many. */
unsigned config_warnings(const json_t *doc, struct config_errors *warnings);

#endif

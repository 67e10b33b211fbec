/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A log record as the JSON of the report.
 * Owner      Plain values.
 * See        lib/record.h.
 */
#ifndef MR_REPLAY_RECORD_JSON_H
#define MR_REPLAY_RECORD_JSON_H

#include <jansson.h>

#include "lib/image.h"
#include "lib/record.h"

/* record_json: new reference. image: of the generation in force, for the name of the pool. */
json_t *record_json(const struct record *r, const struct image_header *image);

#endif

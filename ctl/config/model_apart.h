/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which rules with a destination stand apart, so that their subscribers have mappings of
 *            their own there.
 * Owner      Values of one compilation.
 * See        nat/lane.h.
 */
#ifndef MR_CONFIG_MODEL_APART_H
#define MR_CONFIG_MODEL_APART_H

#include "model.h"

/* rules_part: => all rules are made. */
void rules_part(struct model *m);

#endif

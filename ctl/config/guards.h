/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What keeps services from harm, as rows: lists of prefixes, and guards of services.
 * Invariant  1. A guard says stateless only where a backend's answer tells its service: mode nat,
 *               one address, and no other service with the same backend and port.
 * See        lb/guard_image.h; docs/lb.md, "Defence".
 */
#ifndef MR_CONFIG_GUARDS_H
#define MR_CONFIG_GUARDS_H

#include "lb/guard_image.h"
#include "model.h"

/* Parts of model_create: lists, then (after model_lb) guards. */
void model_lists(struct model *m);
void model_guards(struct model *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Limits and thresholds of pools, tables and rules, and how pools choose, from the
 *            document to their rows.
 * Owner      Values of one compilation.
 * See        nat/limit.h, nat/threshold.h.
 */
#ifndef MR_CONFIG_MODEL_LIMITS_H
#define MR_CONFIG_MODEL_LIMITS_H

#include "model.h"
#include "option.h"

void nat_thresholds(struct model *m, const json_t *nat);
void pool_thresholds(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p);
/* pool_choice: how blocks and ports are given out, and what is kept for whom. */
void pool_choice(struct model *m, const json_t *pool, size_t i, struct img_nat_pool *p);
/* rule_fallback: => r has its pool. pool_find: row of a pool by name, or -1. */
void rule_fallback(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r);
int pool_find(const struct model *m, const char *name);
/* rule_limits: => r has its max_mappings. */
void rule_limits(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r);

#endif

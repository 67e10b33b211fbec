/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Mappings on request (PCP), from the document to their rows.
 * Owner      Values of one compilation.
 * See        nat/pcp.h; docs/nat.md, "Ports on request".
 */
#ifndef MR_CONFIG_MODEL_PCP_H
#define MR_CONFIG_MODEL_PCP_H

#include "model.h"

/* pcp_is_wanted: may the subscribers of a rule of this document ask, or somebody for them? */
bool pcp_is_wanted(const struct model *m);

/* rule_pcp: => r has its action. model_pcp: lifetimes, and who asks for others. */
void rule_pcp(struct model *m, const json_t *rule, size_t i, struct img_nat_rule *r);
void model_pcp(struct model *m);

#endif

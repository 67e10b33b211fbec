/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The answer by RST to a packet whose sender's next hop no worker knows yet.
 * Invariant  As for ICMP errors: to stations only, within the configured rate (icmp_make.h).
 */
#ifndef MR_RESET_MAKE_H
#define MR_RESET_MAKE_H

#include "slow.h"

void reset_make(struct slow *s, const struct packet *p);

#endif

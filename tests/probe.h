/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One packet into a world (enginetest.h), and what comes out of it.
 * Layout     What came out last stands in probe_frame, read in probe_view.
 */
#ifndef MR_PROBE_H
#define MR_PROBE_H

#include "enginetest.h"

extern uint8_t probe_frame[FRAME_MAX];
extern struct frame_view probe_view;

/* probe_world: a world whose usual next hops are resolved. probe_simple: with one worker. */
struct world *probe_world(struct world_options o);
struct world *probe_simple(void);

/* probe_arrive: a packet arrives and every worker has its turns. */
void probe_arrive(struct world *w, uint8_t nic, struct frame f);

/* probe_take: the next frame sent on a device; asserts that its checksums are right. */
bool probe_take(struct world *w, uint8_t dev);
bool probe_is_from(const char *src, uint16_t sport);
bool probe_is_to(const char *dst, uint16_t dport);

/* probe_expect_punt: the next punted packet is punted so. */
void probe_expect_punt(struct world *w, enum punt punt, unsigned drop, uint16_t arg);

#endif

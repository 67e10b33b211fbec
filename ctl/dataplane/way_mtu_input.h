/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       ICMP errors about outer packets of ours that were too big: what they say of the MTU on
 *            the way is learnt (lib/way_mtu.h).
 * Invariant  Nothing is believed of an address that no way of the generation leads to, of another
 *            source, protocol or port than ours, or that was larger than the packet.
 */
#ifndef MR_WAY_MTU_INPUT_H
#define MR_WAY_MTU_INPUT_H

#include "slow.h"

/* way_mtu_input: => how it ended. */
int way_mtu_input(struct slow *s, struct rte_mbuf *m);

/* way_mtu_turn: numbers end; how many there are is for all to see. */
void way_mtu_turn(struct slow *s);

/* way_mtu_due: when the next number ends. => ns, or UINT64_MAX. */
uint64_t way_mtu_due(const struct slow *s);

#endif

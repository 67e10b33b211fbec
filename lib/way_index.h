/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which outer headers are ours: of a packet that an ICMP error quotes.
 * Layout     Ways with an outer header in an open-addressed table by where they lead, half full at
 *            most; of those that have one header one stands for all.
 * Invariant  way_by_outer knows every header that lib/encap.h writes under the generation, and no
 *            other of another source, destination, protocol or port.
 * Owner      Constant, part of a generation; a policy's view_create fills it.
 * See        lib/way.h, lib/way_mtu.h.
 */
#ifndef MR_WAY_INDEX_H
#define MR_WAY_INDEX_H

#include "generation.h"

/* way_index_slots: how many the index of n ways wants. way_index_fill: of zeroed ones. */
uint32_t way_index_slots(uint32_t n);
void way_index_fill(struct way_index *x, const struct way *ways, uint32_t n);

/* way_by_outer: the way that begins packets so; at l3 are size >= 28 (IPv4), 48 (IPv6) octets. */
const struct way *way_by_outer(const struct generation *g, const uint8_t *l3, uint32_t size);

#endif

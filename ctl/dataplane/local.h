/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Packets to addresses of our own: echo is answered, neighbour discovery goes to nd.c,
 *            the rest is refused so that its sender knows (TCP RST, port or protocol unreachable),
 *            which is also how a traceroute to us ends.
 * Limits     Fragments are not put together: what comes in fragments is not answered.
 * See        RFC 1122, 3.2.2; RFC 4443, 4.2; RFC 9293, 3.10.7.1.
 */
#ifndef MR_LOCAL_H
#define MR_LOCAL_H

#include "slow.h"

/* local_input: a packet punted as PUNT_LOCAL. => enum slow_end or a drop reason. */
int local_input(struct slow *s, struct rte_mbuf *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       When the epoch of the Port Control Protocol begins, by which all clients learn that
 *            what they have asked for is to be asked for again.
 * Invariant  1. It begins when a worker has the time first, when outside addresses came or went,
 *               and when all leases were ended by a command: not before the last of them, for who
 *               asked again in between would lose that too and not learn of it.
 *            2. Where a generation makes an end of such a command some of them are lost.
 * Owner      One worker; all of them do alike, within what a command takes.
 * See        RFC 6887, 8.5; ctl/dataplane/pcp_announce.h, which tells it.
 */
#ifndef MR_NAT_EPOCH_H
#define MR_NAT_EPOCH_H

#include "nat/state.h"

static inline void
epoch_begin(struct nat *n)
{
	n->epoch_ms = n->clock.ms;
	n->stats->pcp_epoch_ns = n->clock.ns;
}

static inline void
epoch_reload(struct nat *n, const struct nat_rules *r)
{
	if ((n->outside != r->outside && n->began_ms != 0) || n->is_clearing)
		epoch_begin(n);
	n->outside = r->outside;
	n->is_clearing = false;
}

/* epoch_cut: lease_cut, where nobody is told of his own lease if all end. */
static inline bool
epoch_cut(struct nat *n, const struct cmd_nat_filter *what, uint32_t *at, uint32_t steps)
{
	bool is_all = nat_filter_is_all(what), is_over = lease_cut(n, what, !is_all, at, steps);
	n->is_clearing = is_all && !is_over;
	if (is_all && is_over)
		epoch_begin(n);
	return is_over;
}

#endif

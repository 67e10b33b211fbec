/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Leases that are taken from their clients: by an operator's command, by a configuration
 *            that forbids them, or with their pool address. Where only the address is gone, what
 *            MAP has made goes on with another one.
 * Invariant  1. A client is told (nat/update.h), unless he has asked anew himself.
 *            2. What moves keeps its nonce, its time and its filters, and its port where the other
 *               address has that to give. What PEER has made does not move: its remote end
 *               knows it by its address. Nor what PREFER_FAILURE was said of: the address that was
 *               agreed on cannot be provided.
 * Owner      One worker.
 * See        RFC 6887, 14.2; nat/drain.h, when an address that drains is gone.
 */
#ifndef MR_NAT_TAKEN_H
#define MR_NAT_TAKEN_H

#include "nat/state.h"

enum taken {
	TAKEN_NOT,
	TAKEN_CLEARED,   /* by a command */
	TAKEN_STATIC,    /* its inside endpoint is a static mapping's */
	TAKEN_ADDRESS,   /* is no pool's any more, or its drain is over */
	TAKEN_FORBIDDEN, /* who has asked for it might not now */
};

/* taken_why: by the generation in force; may: ask too if it might be asked for now. */
enum taken taken_why(const struct nat *n, const struct lease *l, bool may);

/* taken_end: it ends, for that reason, and its client is told. => updates have room. */
void taken_end(struct nat *n, struct lease *l, enum taken why);

#endif

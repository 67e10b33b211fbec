/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The server side of the Port Control Protocol, version 2: subscribers ask for mappings
 *            that are there before any packet, or that outlast silence, keep them, and give them
 *            up; servers of the operator ask for them (THIRD_PARTY). Opcodes ANNOUNCE, MAP and
 *            PEER, options THIRD_PARTY, PREFER_FAILURE and FILTER.
 * Layout     A worker answers those whose home it is, in place of the request (lib/serve.h). What
 *            was granted is a lease, nat/lease.h, on a mapping like any other: same blocks, same
 *            limits, same log.
 * Invariant  1. An answer is never longer than its request filled up to words, or than a header:
 *               nothing to amplify.
 *            2. A request changes nothing of another inside address: the client's address has to be
 *               the packet's source; but for who is listed (img_nat_asker).
 *            3. A mapping that somebody holds with another nonce is neither changed nor ended.
 *            4. What is refused has changed nothing.
 * Owner      One worker.
 * Limits     TCP and UDP, one port a request; LEASE_FILTERS and LEASE_PEERS of a mapping.
 * See        RFC 6887; RFC 6888 REQ-9; docs/nat.md, "Ports on request"; nat/update.h for what is
 *            said unasked.
 */
#ifndef MR_NAT_PCP_H
#define MR_NAT_PCP_H

#include "nat/state.h"

enum { PCP_PORT = 5351, PCP_MAX = 1100, PCP_HEADER = 24, PCP_MAP = 36, PCP_PEER = 56 };

enum pcp_result {
	PCP_SUCCESS, PCP_UNSUPP_VERSION, PCP_NOT_AUTHORIZED, PCP_MALFORMED_REQUEST,
	PCP_UNSUPP_OPCODE, PCP_UNSUPP_OPTION, PCP_MALFORMED_OPTION, PCP_NETWORK_FAILURE,
	PCP_NO_RESOURCES, PCP_UNSUPP_PROTOCOL, PCP_USER_EX_QUOTA, PCP_CANNOT_PROVIDE_EXTERNAL,
	PCP_ADDRESS_MISMATCH, PCP_EXCESSIVE_REMOTE_PEERS,
};

/* pcp_home: whose a request to an address of ours is; HOME_NOT_MINE: it is none, or its sender is a
 * subscriber who may not ask. */
int pcp_home(const struct generation *g, const struct miss *m, const uint8_t *data,
             uint32_t size);

/* pcp_answer: the request of `size` octets at data becomes its answer. => octets, 0: none. */
uint32_t pcp_answer(struct nat *n, const struct miss *m, uint8_t *data, uint32_t size,
                    uint32_t room);

#endif

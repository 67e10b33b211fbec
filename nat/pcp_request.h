/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A request of the Port Control Protocol, as far as it is understood: its places, its
 *            options, and what its opcodes have in common.
 * Layout     Header, the opcode's part, options; of MAP and PEER the first 36 octets are the same,
 *            and PEER says for which remote endpoint behind them.
 * Invariant  1. What is read of a request is within its size: pcp_judge has looked (nat/pcp.c).
 * Owner      One worker, on its stack.
 * Limits     LEASE_FILTERS filters a request; more are said to be too many.
 * See        RFC 6887, 7, 11, 12 and 13.
 */
#ifndef MR_NAT_PCP_REQUEST_H
#define MR_NAT_PCP_REQUEST_H

#include "lib/wire.h"
#include "nat/pcp.h"
#include "nat/rules.h"

enum { PCP_RESPONSE = 0x80 };
enum { OP_ANNOUNCE, OP_MAP, OP_PEER, PCP_OPCODES };
/* Places in a message: header, then those of MAP and PEER. */
enum { AT_OPCODE = 1, AT_RESULT = 3, AT_LIFETIME = 4, AT_CLIENT = 8, AT_EPOCH = 8, AT_ZERO = 12,
       AT_NONCE = 24, AT_PROTO = 36, AT_INSIDE_PORT = 40, AT_PORT = 42, AT_ADDRESS = 44,
       AT_PEER_PORT = 60, AT_PEER = 64 };

enum pcp_option { THIRD_PARTY = 1, PREFER_FAILURE, FILTER, OPTIONAL = 128 };
enum { OPTION_HEADER = 4, THIRD_PARTY_SIZE = OPTION_HEADER + 16 };

struct pcp_request {
	struct nat *n;
	const struct miss *from; /* as it came */
	const struct miss *m; /* whose it is: the sender's, or the third party's that he names */
	const struct img_nat_asker *asker; /* the sender, if he may ask for others */
	uint8_t *data;
	uint32_t size;
	uint32_t lifetime; /* of the answer */
	bool is_third;
	bool prefers_failure;
	bool filters_anew; /* those of before go */
	bool has_excess;   /* more filters than fit */
	uint32_t n_filters;
	struct lease_remote filters[LEASE_FILTERS];
	struct miss third; /* is_third: as if it had sent the request */
};

/* pcp_options: those behind the opcode's part, which is over at `at`. */
enum pcp_result pcp_options(struct pcp_request *q, uint32_t at);
/* pcp_options_keep: those that were understood, in an answer. => its octets. */
uint32_t pcp_options_keep(const struct pcp_request *q, uint32_t at);

/* pcp_option_size: octets of one with what fills it up, in so many; 0: it does not end there. */
uint32_t pcp_option_size(const uint8_t *o, uint32_t room);

/*
 * pcp_asker: the row by which a sender may ask for others, or NULL. pcp_third_find: for whom a
 * request is, if it says so in due form. pcp_third: the request as if he had sent it.
 */
const struct img_nat_asker *pcp_asker(const struct nat_rules *r, const struct miss *m);
bool pcp_third_find(const uint8_t *data, uint32_t size, be32 *address);
struct miss pcp_third(const struct miss *m, const struct img_nat_asker *a, be32 address);
/* pcp_third_party: the option. pcp_third_write, pcp_filter_write: it, and a filter, in a message.
 * => octets. */
enum pcp_result pcp_third_party(struct pcp_request *q, const uint8_t *o);
uint32_t pcp_third_write(uint8_t *o, be32 address);
uint32_t pcp_filter_write(uint8_t *o, const struct lease_remote *r);

/* pcp_address_put: an IPv4 address in 16 octets; pcp_address_get: => false: it is none. */
void pcp_address_put(uint8_t *at, be32 address);
bool pcp_address_get(const uint8_t *at, be32 *address);

/* pcp_header_write: of an answer, but for its opcode and what is zero. pcp_error_lifetime: how long
 * a result holds; of success 0. */
void pcp_header_write(const struct nat *n, uint8_t *d, uint8_t result, uint32_t lifetime);
uint32_t pcp_error_lifetime(uint8_t result);

/* pcp_know: who has asked for a lease, and how. */
void pcp_know(const struct pcp_request *q, struct lease *l);

/* pcp_granted: an external endpoint, for so long. */
enum pcp_result pcp_granted(struct pcp_request *q, be32 address, be16 port, uint32_t lifetime);
enum pcp_result pcp_granted_mapping(struct pcp_request *q, uint32_t number, uint32_t lifetime);
/* pcp_leave: what was made is not wanted after all: back to how it was. */
enum pcp_result pcp_leave(struct nat *n, uint32_t number, enum pcp_result r);
/* pcp_refusal: why there is no mapping. */
enum pcp_result pcp_refusal(uint8_t drop);
/* pcp_seconds: those that are asked for, within the bounds; or 0. */
uint32_t pcp_seconds(const struct pcp_request *q);
/* pcp_wish: the mapping that is asked for, for packets as sent. => its rule is NULL: he may not. */
struct wish pcp_wish(const struct pcp_request *q, const struct miss *sent);
/* pcp_sent: a first packet of the inside endpoint, to nowhere: what a mapping is made for. */
struct miss pcp_sent(const struct miss *m, uint8_t proto, be16 port);
/* pcp_sent_to: the same to a remote endpoint, whose realm is found. */
void pcp_sent_to(struct miss *sent, struct lease_remote *peer);
/* pcp_is_at_home: is it this worker whose subscriber he is for what he sends there? */
bool pcp_is_at_home(const struct nat *n, const struct wish *w);
/* pcp_static: of a static mapping *outside is the external endpoint. */
bool pcp_static(const struct pcp_request *q, uint64_t *outside);
/* pcp_rule: the rule that decides about a subscriber's mappings, or NULL: he may not ask (nor may
 * another for him: is_third), or is none. */
const struct img_nat_rule *pcp_rule(const struct nat_rules *r, const struct miss *sent,
                                    bool is_third);
/* pcp_suits: is an external endpoint the one that is suggested? Of zeros any is. */
bool pcp_suits(const struct pcp_request *q, be32 address, be16 port);
/* pcp_nothing: as wanted, and nothing is there. */
enum pcp_result pcp_nothing(struct pcp_request *q);
/* pcp_holds: is it the nonce that a lease was made with? If not, how long it lasts is told. */
bool pcp_holds(struct pcp_request *q, const struct lease *l);

/* pcp_map, pcp_peer: the opcodes. */
enum pcp_result pcp_map(struct pcp_request *q);
enum pcp_result pcp_peer(struct pcp_request *q);

#endif

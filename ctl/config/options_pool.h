/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Rows of the option table: how a pool gives what it has, and when it is spoken of, or
 *            tables that all share are.
 * Owner      ctl/config/options.c, where they stand among the others.
 */
#ifndef MR_CONFIG_OPTIONS_POOL_H
#define MR_CONFIG_OPTIONS_POOL_H

#define OPTIONS_POOL_CHOICE \
	{"nat.pools[].reserve", CONFIG_INT, "0", 0, NAT_MAX_RESERVE, NULL, 0, \
	 "blocks kept for each subscriber that has one: others get none of them; holds for " \
	 "subscribers that begin after it"}, \
	{"nat.pools[].pairing", CONFIG_WORD, "hard", 0, 0, "hard soft", 0, \
	 "`soft`: a subscriber whose address has no block left may use another of the pool " \
	 "(RFC 4787 REQ-2)"}, \
	{"nat.pools[].block_order", CONFIG_WORD, "random", 0, 0, "random sequential", 0, \
	 "which block of an address is given: any, or the lowest that is free"}, \
	{"nat.pools[].port_order", CONFIG_WORD, "random", 0, 0, "random sequential", 0, \
	 "which port of a block is given: any (RFC 6056), or the next"}, \
	{"nat.pools[].keep_port", CONFIG_BOOL, "false", 0, 0, NULL, 0, \
	 "the inside port is the external one too, where that is free"}, \
	{"nat.pools[].keep_parity", CONFIG_BOOL, "false", 0, 0, NULL, 0, \
	 "even ports for even ones, odd ones for odd, where there are (RFC 4787 REQ-4)"}, \
	{"nat.pools[].allocation", CONFIG_WORD, "blocks", 0, 0, "blocks ports", 0, \
	 "`ports`: one by one, from all that nobody has; each mapping is logged, `block_size` " \
	 "and `block_order` do not matter, `max_blocks` is the addresses a subscriber may use " \
	 "where `pairing` is soft, 10 at most"}, \
	{"nat.pools[].used_high", CONFIG_INT, "0", 0, 100, NULL, 0, \
	 "percent of its blocks in use at which a `threshold` event is logged; 0: never"}, \
	{"nat.pools[].used_low", CONFIG_INT, NULL, 0, 99, NULL, 0, \
	 "percent at which it is logged that there are few again; default: 10 less"}

#define OPTIONS_NAT_MARKS \
	{"nat.mappings_high", CONFIG_INT, "0", 0, 100, NULL, 0, \
	 "percent of `nat.capacity.mappings` in use on a worker, of its part, at which a " \
	 "`threshold` event is logged; 0: never"}, \
	{"nat.mappings_low", CONFIG_INT, NULL, 0, 99, NULL, 0, \
	 "percent at which it is logged that there are few again; default: 10 less"}, \
	{"nat.subscribers_high", CONFIG_INT, "0", 0, 100, NULL, 0, \
	 "the same of `nat.capacity.subscribers`: who has a pool address"}, \
	{"nat.subscribers_low", CONFIG_INT, NULL, 0, 99, NULL, 0, \
	 "percent at which it is logged that there are few again; default: 10 less"}

#endif

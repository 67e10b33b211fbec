/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Rows of the option table: mappings on request (PCP), how long they last, and who asks
 *            for others.
 * Owner      ctl/config/options.c, where they stand among the others.
 */
#ifndef MR_CONFIG_OPTIONS_PCP_H
#define MR_CONFIG_OPTIONS_PCP_H

#define OPTIONS_PCP \
	{"nat.pcp", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "mappings on request"}, \
	{"nat.pcp.min_lifetime", CONFIG_INT, "120", 1, NAT_MAX_LEASE_S, NULL, 0, \
	 "seconds that one lasts at least, whatever was asked for (RFC 6887, 15: 120)"}, \
	{"nat.pcp.max_lifetime", CONFIG_INT, "86400", 1, NAT_MAX_LEASE_S, NULL, 0, \
	 "seconds that one lasts at most until it is asked for again"}, \
	{"nat.pcp.third_party", CONFIG_ARRAY, NULL, 0, NAT_MAX_ASKERS, NULL, 0, \
	 "who may ask for mappings of others (option THIRD_PARTY, RFC 6887, 13.1): servers of " \
	 "the operator, on a network where nobody else can have their addresses"}, \
	{"nat.pcp.third_party[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a server, or several"}, \
	{"nat.pcp.third_party[].nic", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ, \
	 "interface of arrival"}, \
	{"nat.pcp.third_party[].source", CONFIG_PREFIX4, NULL, 0, 0, NULL, REQ, \
	 "their addresses"}, \
	{"nat.pcp.third_party[].realm", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, 0, \
	 "realm of the subscribers that they ask for (`outside`, or a name); default: that of " \
	 "the interface"}

#endif

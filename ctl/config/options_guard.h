/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The rows of the option table (options.c) for what keeps services from harm.
 * Owner      Constant; options.c alone includes it.
 * See        docs/lb.md, "Defence"; model_guards.c, model_lists.c.
 */
#ifndef MR_CONFIG_OPTIONS_GUARD_H
#define MR_CONFIG_OPTIONS_GUARD_H

#include "lb/guard_image.h"

#define OPTIONS_SERVICE_GUARD \
	{"lb.services[].allow", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, 0, \
	 "name of the list of sources that may open connections; default: all may"}, \
	{"lb.services[].deny", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, 0, \
	 "name of the list of sources that may not, even if `allow` has them"}, \
	{"lb.services[].limits", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, \
	 "bounds of the service, all workers together; see lb.md"}, \
	{"lb.services[].limits.half_open", CONFIG_INT, "0", 0, 200000000, NULL, 0, \
	 "half-open connections (TCP: handshake not done; UDP: not answered); 0: no bound"}, \
	{"lb.services[].limits.flows", CONFIG_INT, "0", 0, 200000000, NULL, 0, \
	 "connections in all; 0: no bound"}, \
	{"lb.services[].limits.overflow", CONFIG_WORD, NULL, 0, 0, "stateless drop", 0, \
	 "beyond a bound, or with a full flow table: forwarded without a flow, or dropped; " \
	 "default: the first if possible"}, \
	{"lb.services[].limits.rate", CONFIG_INT, "0", 0, 100000000, NULL, 0, \
	 "new connections a second; 0: no limit"}, \
	{"lb.services[].limits.burst", CONFIG_INT, NULL, 1, 100000000, NULL, 0, \
	 "new connections at once; default: `rate`"}, \
	{"lb.services[].limits.source_rate", CONFIG_INT, "0", 0, 100000000, NULL, 0, \
	 "new connections a second of a source prefix; 0: no limit"}, \
	{"lb.services[].limits.source_burst", CONFIG_INT, NULL, 1, 100000000, NULL, 0, \
	 "new connections at once of a source prefix; default: `source_rate`"}, \
	{"lb.services[].limits.source_prefix", CONFIG_INT, NULL, 1, 128, NULL, 0, \
	 "length of a source prefix; default: 24, for IPv6 56"}

#define OPTIONS_LISTS \
	{"lb.lists", CONFIG_ARRAY, NULL, 0, LB_MAX_LISTS, NULL, 0, \
	 "lists of source prefixes, which services name"}, \
	{"lb.lists[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a list"}, \
	{"lb.lists[].name", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ, \
	 "what services call it by; unique"}, \
	{"lb.lists[].prefixes", CONFIG_ARRAY, NULL, 0, 65536, NULL, 0, "of either family"}, \
	{"lb.lists[].prefixes[]", CONFIG_PREFIX, NULL, 0, 0, NULL, 0, "a prefix or an address"}, \
	{"lb.lists[].file", CONFIG_PATH, NULL, 2, 255, NULL, 0, \
	 "file of more, one a line, `#` before comments; read when a configuration is applied"}

#endif

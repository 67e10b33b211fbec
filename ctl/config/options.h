/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The rows of the option table (options.c) and the limits that they and the compiler
 *            share. Others go through option.h.
 * Owner      Constant.
 * Limits     The enum below; those of policies stand in their image headers.
 */
#ifndef MR_CONFIG_OPTIONS_H
#define MR_CONFIG_OPTIONS_H

#include "option.h"

enum {
	CONFIG_MAX_DEVS = 16,
	CONFIG_MAX_NICS = 63, /* 64 rows, of which row 0 is none */
	CONFIG_MAX_CORE = 1023,
	CONFIG_MAX_ROUTES = 8192,
	CONFIG_MAX_NEIGHBOURS = 4096,
	CONFIG_MAX_TIMEOUT_S = 604800, /* a week; idle times in ms must stay below 2^31 */
	CONFIG_MAX_POOL_ADDRESSES = 65536,
	CONFIG_MAX_COLLECTORS = 8, /* of a kind */
	CONFIG_MAX_PATH = 200,
	CONFIG_MAX_CHECKS = 256,
	CONFIG_MAX_STATICS = 4096,
};

extern const struct config_option config_options[];
extern const size_t config_n_options;

#endif

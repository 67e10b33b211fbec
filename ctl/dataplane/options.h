/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The command line of millrace.
 * See        docs/man/millrace.8
 */
#ifndef MR_OPTIONS_H
#define MR_OPTIONS_H

#include <stdbool.h>

enum { OPTIONS_EAL = 32 };

struct options {
	const char *socket;
	bool no_huge;
	unsigned n_eal;
	char *eal[OPTIONS_EAL]; /* handed to EAL as they are */
};

/* options_parse: => true to go on; else *status is what to exit with (help and version were
 * printed, or what is wrong). */
bool options_parse(struct options *o, int argc, char **argv, int *status);

#endif

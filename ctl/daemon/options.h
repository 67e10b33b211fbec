/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The command line of millraced.
 * Owner      Filled once, then constant.
 */
#ifndef MR_DAEMON_OPTIONS_H
#define MR_DAEMON_OPTIONS_H

struct options {
	const char *control, *plane, *store;
	const char *config, *log; /* or NULL */
};

/* options_parse: => -1 to go on, else the exit status (a message was printed). */
int options_parse(struct options *o, int argc, char **argv);

#endif

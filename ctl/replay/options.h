/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The command line of millrace-replay.
 * Invariant  1. options_parse gives a complete set or an error message on stderr, never both.
 * Owner      Plain values; strings are borrowed from argv.
 * Limits     OPTIONS_MAX_INPUTS inputs.
 * See        docs/man/millrace-replay.1.
 */
#ifndef MR_REPLAY_OPTIONS_H
#define MR_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { OPTIONS_MAX_INPUTS = 64, OPTIONS_MAX_SECONDS = 1000000000 };

enum replay_exit {
	REPLAY_OK = 0,
	REPLAY_INPUT = 1, /* configuration or a file cannot be used */
	REPLAY_USAGE = 2, /* command line or control file is wrong */
	REPLAY_BROKEN = 3, /* the accounting identity does not hold: a defect of Millrace */
};

struct input_option {
	const char *nic; /* not terminated: nic_size bytes */
	int nic_size;
	const char *file;
};

struct options {
	const char *config, *out, *control, *report;
	struct input_option in[OPTIONS_MAX_INPUTS];
	unsigned n_in;
	unsigned workers;  /* 0: as the configuration says */
	uint64_t seed;
	uint64_t until_ns; /* since the first packet; 0: no longer than needed */
	bool quiet;
};

/* complain: a sentence on stderr, with the program's name and the end of the line. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* options_parse: => true; or false and *status, the exit status (0 after --help, --version). */
bool options_parse(struct options *o, int argc, char **argv, int *status);

/* seconds_parse: "12.5" to nanoseconds. => false if it is no number in 0..OPTIONS_MAX_SECONDS. */
bool seconds_parse(const char *text, uint64_t *ns);

#endif

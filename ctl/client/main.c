/* SPDX-License-Identifier: Apache-2.0 */
/* millctl: options of the program, then a command. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { TIMEOUT_S = 10 };

/* global_option: one of the program's own. => words it took, 0: none of them, -1: misused. */
static int
global_option(struct session *s, int argc, char **argv)
{
	char *end;
	if (strcmp(argv[0], "--json") == 0) {
		s->json = true;
		return 1;
	}
	bool is_socket = strcmp(argv[0], "--socket") == 0;
	if (!is_socket && strcmp(argv[0], "--timeout") != 0)
		return 0;
	if (argc < 2) {
		fprintf(stderr, "error: %s wants a value\n", argv[0]);
		return -1;
	}
	if (is_socket) {
		s->path = argv[1];
		return 2;
	}
	double seconds = strtod(argv[1], &end);
	if (*end != '\0' || !(seconds > 0 && seconds <= 86400)) {
		fprintf(stderr, "error: --timeout wants seconds\n");
		return -1;
	}
	s->timeout_ms = (int)(seconds * 1000);
	return 2;
}

/* global_options: take the program's own out of the words, wherever they stand. => words left. */
static int
global_options(struct session *s, int argc, char **argv)
{
	int left = 0;
	for (int i = 0; i < argc;) {
		bool first = left == 0;
		bool raw = !first && strcmp(argv[0], "complete") == 0;
		int n = raw ? 0 : global_option(s, argc - i, argv + i);
		if (n < 0)
			return -1;
		if (n == 0)
			argv[left++] = argv[i++];
		i += n;
	}
	return left;
}

static int
run(struct session *s, int argc, char **argv)
{
	int used = 0;
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
		help_all(s->out);
		return EXIT_DONE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		fprintf(s->out, "millctl %s\n", MILLRACE_VERSION);
		return EXIT_DONE;
	}
	for (int i = 1; i < argc && strcmp(argv[0], "complete") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return help_noun(s->out, argv[0], i > 1 ? argv[1] : NULL, s->err);
	const struct command_row *row = command_find(argc, argv, &used, s->err);
	if (row == NULL)
		return EXIT_USAGE;
	return command_run_row(s, row, argc - used, argv + used);
}

int
main(int argc, char **argv)
{
	struct session s = {.path = "/run/millrace/control.sock", .timeout_ms = TIMEOUT_S * 1000,
	                    .fd = -1, .out = stdout, .err = stderr};
	signal(SIGPIPE, SIG_IGN);
	int left = global_options(&s, argc - 1, argv + 1);
	if (left == 0)
		help_all(stderr);
	int status = left > 0 ? run(&s, left, argv + 1) : EXIT_USAGE;
	session_close(&s);
	return fflush(stdout) == 0 ? status : EXIT_NO;
}

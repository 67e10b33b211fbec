/* SPDX-License-Identifier: Apache-2.0 */
/* Names of objects for the shell's completion, asked of the daemon that the words so far name. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { ASK_MS = 500 /* who presses a key does not wait for longer */ };

/* print_members: of the rows of a result, which is given up. */
static void
print_members(struct session *s, json_t *r, const char *list, const char *member)
{
	json_t *o;
	size_t i;
	json_array_foreach(json_object_get(r, list), i, o) {
		const char *name = json_string_value(json_object_get(o, member));
		if (name != NULL)
			fprintf(s->out, "%s\n", name);
	}
	json_decref(r);
}

/* print_names: of what the argument `arg` of the row names; service is the word that is. */
static void
print_names(struct session *s, const struct command_row *row, const char *arg, const char *service)
{
	bool is_name = strcmp(arg, "name") == 0;
	if (strcmp(arg, "service") == 0 || (is_name && strcmp(row->noun, "service") == 0))
		print_members(s, session_list(s, "service.list", json_object(), "services",
		                              SESSION_ALL), "services", "name");
	else if (strcmp(arg, "pool") == 0 || (is_name && strcmp(row->noun, "pool") == 0))
		print_members(s, session_call(s, "pool.list", json_object()), "pools", "name");
	else if (strcmp(arg, "address") == 0 && service != NULL)
		print_members(s, session_list(s, "backend.list", json_pack("{s:s}", "service",
		                              service), "backends", SESSION_ALL), "backends",
		              "address");
}

/* globals_take: the program's own options before the command. => words that they are. */
static int
globals_take(struct session *s, int argc, char **argv)
{
	int n = 0;
	while (n < argc && strncmp(argv[n], "--", 2) == 0) {
		if (strcmp(argv[n], "--socket") == 0 && n + 1 < argc)
			s->path = argv[n + 1];
		n += strcmp(argv[n], "--json") == 0 ? 1 : 2;
	}
	return n;
}

void
complete_names(struct session *s, int argc, char **argv)
{
	char arg[48];
	const char *service = NULL;
	int used, number = 0, own = globals_take(s, argc, argv);
	FILE *said = s->err, *nowhere = fopen("/dev/null", "we");
	if (nowhere == NULL)
		return;
	const struct command_row *row = own < argc ? command_find(argc - own, argv + own, &used,
	                                                          nowhere) : NULL;
	for (int i = own + (row != NULL ? used : 0); row != NULL && i < argc; i++) {
		if (row_arg(row, number, arg, sizeof(arg)) && strcmp(arg, "service") == 0)
			service = argv[i];
		number += strncmp(argv[i], "--", 2) != 0;
	}
	s->err = nowhere;
	s->timeout_ms = ASK_MS;
	if (row != NULL && row_arg(row, number, arg, sizeof(arg)))
		print_names(s, row, arg, service);
	s->err = said;
	fclose(nowhere);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* nat whohad: asked of the daemon, or of a directory without one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"

static json_t *
search_directory(struct session *s, const struct command_row *row, const char *directory,
                 const json_t *params)
{
	struct whohad_query q = {.external = 0};
	struct whohad w;
	char text[256];
	int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = folder < 0 ? -errno : 0;
	json_t *result = NULL;
	s->status = EXIT_NO;
	bool good = api_params_good(row_method(row)->params, params, text, sizeof(text)) &&
	            api_whohad_query(params, (uint64_t)time(NULL) * 1000000000u, &q, text,
	                             sizeof(text));
	q.known_ms = 0; /* what comes after the last record is nowhere here */
	if (!good)
		fprintf(s->err, "error: %s\n", text);
	else if (rc != 0 || (rc = whohad_search(&q, folder, NULL, &w)) != 0)
		fprintf(s->err, "error: %s: %s\n", directory, strerror(-rc));
	else {
		result = api_whohad_json(&q, &w, 0);
		api_whohad_then(result, &q,
		                &(struct whohad_archive){folder, false, w.log_last_ms,
		                                         w.is_twice || w.is_leapt});
	}
	if (folder >= 0)
		close(folder);
	return result;
}

int
run_whohad(struct session *s, const struct command_row *row, int argc, char **argv)
{
	const char *directory = NULL;
	int status = EXIT_USAGE, left = take_word(argc, argv, "--directory", &directory,
	                                           s->err);
	json_t *params = left >= 0 ? args_parse(row, left, argv, s->err, &status) : NULL;
	if (params == NULL)
		return status;
	json_t *result;
	if (directory != NULL) {
		result = search_directory(s, row, directory, params);
		json_decref(params);
	} else {
		result = session_call(s, row->method, params);
	}
	return print_answers(s, row, result);
}

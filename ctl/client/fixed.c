/* SPDX-License-Identifier: Apache-2.0 */
/* nat forward, nat reverse: asked of the daemon, or of a configuration file without one. */
#include <stdlib.h>

#include "commands.h"
#include "ctl/config/config.h"

/* ask_file: the file is compiled here as the daemon would. => NULL after a message. */
static json_t *
ask_file(struct session *s, const struct command_row *row, const char *file, const json_t *params)
{
	struct config_errors errs = {0};
	size_t size;
	char text[256];
	s->status = EXIT_NO;
	if (!api_params_good(row_method(row)->params, params, text, sizeof(text))) {
		fprintf(s->err, "error: %s\n", text);
		return NULL;
	}
	json_t *doc = config_load(file, &errs), *result = NULL;
	struct image_header *image = doc != NULL ? config_compile(doc, NULL, 1, &size, &errs) :
	                                           NULL;
	if (image == NULL)
		print_config_errors(s->err, &errs);
	if (image != NULL && !api_nat_ask(image, params, &result, text, sizeof(text)))
		fprintf(s->err, "error: %s\n", text);
	json_decref(doc);
	free(image);
	return result;
}

int
run_fixed(struct session *s, const struct command_row *row, int argc, char **argv)
{
	const char *file = NULL;
	int status = EXIT_USAGE, left = take_word(argc, argv, "--config", &file, s->err);
	json_t *params = left >= 0 ? args_parse(row, left, argv, s->err, &status) : NULL;
	if (params == NULL)
		return status;
	json_t *result = NULL;
	if (file == NULL) {
		result = session_call(s, row->method, params);
	} else {
		result = ask_file(s, row, file, params);
		json_decref(params);
	}
	bool is_nobodys = result != NULL &&
	                  json_array_size(json_object_get(result, "answers")) == 0;
	status = print_answers(s, row, result);
	if (is_nobodys && !s->json)
		fprintf(s->out, "\nnobody's, by the configuration\n");
	return status;
}

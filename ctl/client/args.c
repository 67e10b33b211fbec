/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the command line to the parameters of a method, by the API's own table of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl/config/config.h"
#include "ctl/config/near.h"

const struct api_method *
row_method(const struct command_row *row)
{
	size_t n;
	const struct api_method *m = api_methods(&n);
	for (size_t i = 0; row->method != NULL && i < n; i++)
		if (strcmp(m[i].name, row->method) == 0)
			return &m[i];
	return NULL;
}

bool
row_arg(const struct command_row *row, int i, char *out, size_t size)
{
	const char *args = row->args;
	for (; i > 0 && args[0] != '\0'; i--) {
		args += strcspn(args, " ");
		args += strspn(args, " ");
	}
	snprintf(out, size, "%.*s", (int)strcspn(args, " "), args);
	return out[0] != '\0';
}

bool
row_is_arg(const struct command_row *row, const char *param)
{
	char word[48];
	for (int i = 0; row_arg(row, i, word, sizeof(word)); i++)
		if (strcmp(word, param) == 0)
			return true;
	return false;
}

void
option_name(const char *param, char *out, size_t size)
{
	const char *dot = strrchr(param, '.');
	snprintf(out, size, "--%s", dot != NULL ? dot + 1 : param);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
}

/* use_find: a parameter of the method by its own name, or by that of its option. */
static bool
use_find(const struct command_row *row, const char *name, bool is_option,
         struct api_param_use *use)
{
	char option[64];
	const char *s = row_method(row)->params;
	while ((s = api_param_next(s, use)) != NULL) {
		option_name(use->name, option, sizeof(option));
		if (strcmp(is_option ? option : use->name, name) == 0 &&
		    !(is_option && row_is_arg(row, use->name)))
			return true;
	}
	return false;
}

/*
 * object_value: JSON text, or the file of that name, or "-" for standard input. What is wrong with
 * a file is no wrong usage: *status says EXIT_NO.
 */
static json_t *
object_value(const char *word, FILE *err, int *status)
{
	struct config_errors errs = {0};
	json_t *v = word[0] == '{' ? config_parse(word, strlen(word), &errs) :
	            config_load(strcmp(word, "-") == 0 ? "/dev/stdin" : word, &errs);
	if (v == NULL)
		print_config_errors(err, &errs);
	*status = v != NULL ? *status : EXIT_NO;
	return v;
}

/* word_bool: => NULL and a message if it is neither of the two words. */
static json_t *
word_bool(const char *name, const char *word, FILE *err)
{
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return json_boolean(word[0] == 't');
	fprintf(err, "error: %s: wanted true or false, not \"%s\"\n", name, word);
	return NULL;
}

static json_t *
value_of(const struct api_param_use *use, const char *word, FILE *err, int *status)
{
	char *end;
	if (use->type == API_OBJECT)
		return object_value(word, err, status);
	if (use->type == API_BOOL)
		return word_bool(use->name, word, err);
	if (use->type != API_INTEGER)
		return json_string(word) ?: json_string("?");
	errno = 0;
	long long n = strtoll(word, &end, 10);
	if (end == word || *end != '\0' || errno != 0)
		fprintf(err, "error: %s: wanted a number, not \"%s\"\n", use->name, word);
	else if (n < use->param->min)
		fprintf(err, "error: %s: wanted %lld or more, not %lld\n", use->name,
		        use->param->min, n);
	else
		return json_integer(n);
	return NULL;
}

/* param_set: put a value (taken over) under a dotted name. */
static void
param_set(json_t *params, const char *name, json_t *value)
{
	const char *dot = strchr(name, '.');
	char group[48];
	if (dot != NULL) {
		snprintf(group, sizeof(group), "%.*s", (int)(dot - name), name);
		if (json_object_get(params, group) == NULL)
			json_object_set_new(params, group, json_object());
		params = json_object_get(params, group);
		name = dot + 1;
	}
	json_object_set_new(params, name, value);
}

/* unbracket: "[::1]" to "::1" in place, what follows the bracket left out. */
static void
unbracket(char *word, char *bracket)
{
	*bracket = '\0';
	memmove(word, word + 1, strlen(word));
}

/*
 * split_endpoint: "10.0.0.7:80" and "[::1]:80" where an address may have a port beside it.
 * => false: what stands behind the colon is no number, said.
 */
static bool
split_endpoint(const struct command_row *row, const char *name, char *word, json_t *params,
               FILE *err, int *status)
{
	struct api_param_use use;
	char port[64], *colon = strrchr(word, ':'), *bracket = strchr(word, ']');
	size_t n = strlen(name);
	if (colon == NULL || n < 7 || strcmp(name + n - 7, "address") != 0 ||
	    (word[0] != '[' && strchr(word, ':') != colon))
		return true;
	snprintf(port, sizeof(port), "%.*sport", (int)(n - 7), name);
	bool is_closed = word[0] == '[' && bracket != NULL;
	if (is_closed && bracket[1] == '\0')
		unbracket(word, bracket);
	if (!use_find(row, port, false, &use) || (is_closed && bracket + 1 != colon))
		return true;
	json_t *v = value_of(&use, colon + 1, err, status);
	if (v == NULL)
		return false;
	param_set(params, port, v);
	if (is_closed)
		unbracket(word, bracket);
	else
		*colon = '\0';
	return true;
}

static int
set_arg(const struct command_row *row, int number, const char *given, json_t *params, FILE *err,
        int *status)
{
	char name[48], word[4096];
	struct api_param_use use;
	if (!row_arg(row, number, name, sizeof(name)) ||
	    !use_find(row, name, false, &use)) {
		fprintf(err, "error: one word too many: \"%s\"\n", given);
		return -1;
	}
	snprintf(word, sizeof(word), "%s", given);
	if (!split_endpoint(row, name, word, params, err, status))
		return -1;
	json_t *v = value_of(&use, use.type == API_OBJECT ? given : word, err, status);
	if (v == NULL)
		return -1;
	param_set(params, use.name, v);
	return 0;
}

static void
say_no_option(const struct command_row *row, const char *name, FILE *err)
{
	char option[64], near[64] = "";
	struct api_param_use use;
	unsigned best = NEAR_MAX + 1;
	for (const char *s = row_method(row)->params; (s = api_param_next(s, &use)) != NULL;) {
		option_name(use.name, option, sizeof(option));
		unsigned d = near_distance(name, option);
		if (d >= best || row_is_arg(row, use.name))
			continue;
		snprintf(near, sizeof(near), "%s", option);
		best = d;
	}
	fprintf(err, near[0] != '\0' ? "error: no option %s; did you mean %s?\n" :
	        "error: no option %s%s\n", name, near);
}

/* set_option: => how many words it took, or -1. */
static int
set_option(const struct command_row *row, char **argv, int argc, json_t *params, FILE *err,
           int *status)
{
	char name[64];
	struct api_param_use use;
	const char *equals = strchr(argv[0], '=');
	const char *word = equals != NULL ? equals + 1 : argc > 1 ? argv[1] : NULL;
	snprintf(name, sizeof(name), "%.*s",
	         (int)(equals != NULL ? equals - argv[0] : (long)strlen(argv[0])), argv[0]);
	if (!use_find(row, name, true, &use)) {
		say_no_option(row, name, err);
		return -1;
	}
	if (use.type == API_BOOL && equals == NULL) {
		param_set(params, use.name, json_true());
		return 1;
	}
	if (word == NULL) {
		fprintf(err, "error: %s wants a value\n", name);
		return -1;
	}
	json_t *v = value_of(&use, word, err, status);
	if (v == NULL)
		return -1;
	param_set(params, use.name, v);
	return equals != NULL ? 1 : 2;
}

static int
check_missing(const struct command_row *row, const json_t *params, FILE *err)
{
	struct api_param_use use;
	char word[64];
	for (const char *s = row_method(row)->params; (s = api_param_next(s, &use)) != NULL;)
		if (!use.optional && json_at(params, use.name) == NULL) {
			help_word(row, &use, word, sizeof(word));
			fprintf(err, "error: %s is missing\n", word);
			return -1;
		}
	return 0;
}

json_t *
args_parse(const struct command_row *row, int argc, char **argv, FILE *err, int *status)
{
	json_t *params = json_object();
	int number = 0, n = 0, rc = 0;
	*status = EXIT_USAGE;
	for (int i = 0; i < argc && rc == 0; i += n) {
		n = 1;
		if (strncmp(argv[i], "--", 2) == 0)
			n = set_option(row, argv + i, argc - i, params, err, status);
		else
			rc = set_arg(row, number++, argv[i], params, err, status);
		rc = n < 0 ? -1 : rc;
	}
	if (rc == 0)
		rc = check_missing(row, params, err);
	if (rc == 0)
		return params;
	if (*status == EXIT_USAGE)
		help_usage(err, row);
	json_decref(params);
	return NULL;
}

int
take_word(int argc, char **argv, const char *name, const char **value, FILE *err)
{
	int left = 0;
	size_t size = strlen(name);
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], name, size) == 0 && argv[i][size] == '=') {
			*value = argv[i] + size + 1;
		} else if (strcmp(argv[i], name) != 0) {
			argv[left++] = argv[i];
		} else if (++i < argc) {
			*value = argv[i];
		} else {
			fprintf(err, "error: %s wants a value\n", name);
			return -1;
		}
	}
	return left;
}

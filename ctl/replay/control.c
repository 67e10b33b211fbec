/* SPDX-License-Identifier: Apache-2.0 */
/* The control file of a replay. */
#include "ctl/replay/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/replay/options.h"

void
workers_override(json_t *document, unsigned workers)
{
	json_t *w = json_object_get(document, "workers");
	if (!json_is_object(document) || workers == 0)
		return;
	if (!json_is_object(w)) {
		w = json_object();
		json_object_set_new(document, "workers", w);
	}
	json_object_set_new(w, "count", json_integer(workers));
	json_object_del(w, "cores");
}

static int
line_error(const char *path, unsigned number, const char *what)
{
	complain("%s:%u: %s", path, number, what);
	return REPLAY_USAGE;
}

static int
line_parse(struct control_line *l, const char *path, const char *text, size_t size)
{
	json_error_t e;
	char why[JSON_ERROR_TEXT_LENGTH + 32];
	json_t *r = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
	if (r == NULL) {
		snprintf(why, sizeof(why), "not JSON: column %d: %s", e.column, e.text);
		return line_error(path, l->number, why);
	}
	l->request = r;
	if (!json_is_object(r))
		return line_error(path, l->number, "expected a request object");
	json_t *at = json_object_get(r, "at");
	double s = json_number_value(at);
	if (!json_is_number(at) || !(s >= 0 && s <= OPTIONS_MAX_SECONDS))
		return line_error(path, l->number, "\"at\": expected seconds since the first "
		                  "packet, a number from 0 to 1000000000");
	if (!json_is_string(json_object_get(r, "method")))
		return line_error(path, l->number, "\"method\": expected the name of a method");
	l->at_ns = (uint64_t)(s * 1e9 + 0.5);
	return REPLAY_OK;
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

/* line_add: room for one more. => NULL when there is none. */
static struct control_line *
line_add(struct control *c)
{
	if (c->n == CONTROL_MAX_LINES)
		return NULL;
	struct control_line *more = realloc(c->line, (c->n + 1) * sizeof(*more));
	if (more == NULL)
		return NULL;
	c->line = more;
	more[c->n] = (struct control_line){0};
	return &more[c->n++];
}

static int
lines_read(struct control *c, const char *path, FILE *f, unsigned workers)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t size;
	int status = REPLAY_OK;
	for (unsigned number = 1; status == REPLAY_OK && (size = getline(&text, &room, f)) >= 0;
	     number++) {
		if (is_blank(text))
			continue;
		struct control_line *l = line_add(c);
		if (l == NULL) {
			status = line_error(path, number, "too many requests");
			break;
		}
		l->number = number;
		status = line_parse(l, path, text, (size_t)size);
		const json_t *params = json_object_get(l->request, "params");
		workers_override(json_object_get(params, "config"), workers);
	}
	free(text);
	return status;
}

static int
line_compare(const void *a, const void *b)
{
	const struct control_line *x = a, *y = b;
	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

int
control_load(struct control *c, const char *path, unsigned workers)
{
	*c = (struct control){0};
	if (path == NULL)
		return REPLAY_OK;
	FILE *f = fopen(path, "r");
	if (f == NULL) {
		complain("%s: %s", path, strerror(errno));
		return REPLAY_INPUT;
	}
	int status = lines_read(c, path, f, workers);
	fclose(f);
	if (c->n > 1)
		qsort(c->line, c->n, sizeof(c->line[0]), line_compare);
	return status;
}

void
control_free(struct control *c)
{
	for (size_t i = 0; i < c->n; i++)
		json_decref(c->line[i].request);
	free(c->line);
}

uint64_t
control_at(const struct control *c)
{
	return c->next < c->n ? c->line[c->next].at_ns : UINT64_MAX;
}

json_t *
control_run(struct control *c, struct api *api)
{
	struct control_line *l = &c->line[c->next++];
	json_t *at = json_incref(json_object_get(l->request, "at"));
	json_object_del(l->request, "at");
	json_t *response = api_call(api, l->request);
	return json_pack("{s:o, s:i, s:O, s:o}", "at", at, "line", (int)l->number, "method",
	                 json_object_get(l->request, "method"), "response",
	                 response != NULL ? response : json_null());
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines wait for their turn beside the loop. */
#include "requests.h"

#include <stdlib.h>
#include <string.h>

struct waiting {
	struct changer_job job;
	struct requests *requests;
	struct server_ticket *ticket;
	json_t *request, *response;
	size_t size;
	char line[];     /* if it was not parsed yet */
};

/* Its line is parsed, and what is left of it freed, beside the loop: both take their time. */
static void
run(void *arg)
{
	struct waiting *w = arg;
	struct requests *r = w->requests;
	if (w->request == NULL) {
		changer_leave(r->changer);
		w->request = api_parse(w->line, w->size, &w->response);
		changer_enter(r->changer);
	}
	if (w->request != NULL)
		w->response = api_call(r->api, w->request);
	r->after(r->ctx, true);
	changer_leave(r->changer);
	json_decref(w->request);
	w->request = NULL;
	changer_enter(r->changer);
}

static void
done(void *arg, bool ran)
{
	struct waiting *w = arg;
	server_answer(w->ticket, w->response);
	json_decref(w->request);
	free(w);
}

static json_t *
no_memory(void)
{
	return json_pack("{s:s, s:n, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", "error", "code",
	                 -32603, "message", "memory ran out");
}

/* put_off: the line, or the request (reference taken over) that it is, waits for its turn. => NULL,
 * or why it does not. */
static json_t *
put_off(struct requests *r, json_t *request, const char *line, size_t size)
{
	size_t n = request == NULL ? size : 0;
	struct waiting *w = calloc(1, sizeof(*w) + n);
	struct server_ticket *ticket = w != NULL ? server_later(r->server) : NULL;
	if (ticket == NULL) {
		json_decref(request);
		free(w);
		return no_memory();
	}
	*w = (struct waiting){.job = {.run = run, .done = done, .arg = w}, .requests = r,
	                      .ticket = ticket, .request = request, .size = n};
	if (n != 0)
		memcpy(w->line, line, n);
	changer_put(r->changer, &w->job, false);
	return NULL;
}

json_t *
requests_line(void *arg, const char *line, size_t size)
{
	struct requests *r = arg;
	json_t *response = NULL, *request = NULL;
	if (size > REQUESTS_LINE)
		return put_off(r, NULL, line, size);
	request = api_parse(line, size, &response);
	if (request != NULL && api_takes_long(request))
		return put_off(r, request, NULL, 0);
	api_met_busy(r->api);
	if (request != NULL)
		response = api_call(r->api, request);
	if (api_met_busy(r->api)) {
		json_decref(response);
		return put_off(r, request, NULL, 0);
	}
	json_decref(request);
	r->after(r->ctx, false);
	return response;
}

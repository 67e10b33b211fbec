/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over the daemon's socket, and what to say when they fail. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
session_close(struct session *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int
unreachable(struct session *s, const char *why)
{
	fprintf(s->err, "error: %s: %s\n", s->path, why);
	fprintf(s->err, "Is millraced running, and may you use its socket? "
	        "`--socket PATH` names another one.\n");
	session_close(s);
	s->status = EXIT_NO_DAEMON;
	return -1;
}

static int
session_connect(struct session *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (s->fd >= 0)
		return 0;
	if (strlen(s->path) >= sizeof(a.sun_path))
		return unreachable(s, strerror(ENAMETOOLONG));
	memcpy(a.sun_path, s->path, strlen(s->path));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return unreachable(s, strerror(errno));
	return 0;
}

static int
send_line(struct session *s, const char *line, size_t size)
{
	while (size > 0) {
		struct pollfd p = {.fd = s->fd, .events = POLLOUT};
		if (poll(&p, 1, s->timeout_ms) <= 0)
			return unreachable(s, "does not take the request");
		ssize_t n = send(s->fd, line, size, MSG_NOSIGNAL);
		if (n < 0)
			return unreachable(s, strerror(errno));
		line += n;
		size -= (size_t)n;
	}
	return 0;
}

/* receive_line: => malloc'ed text without the line end and *size, or NULL. */
static char *
receive_line(struct session *s, size_t *size)
{
	size_t room = 65536;
	char *text = malloc(room), *bigger = text;
	*size = 0;
	while (bigger != NULL) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		if (poll(&p, 1, s->timeout_ms) <= 0) {
			unreachable(s, "no answer in time (see --timeout)");
			break;
		}
		ssize_t n = recv(s->fd, text + *size, room - *size, 0);
		if (n <= 0) {
			unreachable(s, n == 0 ? "closed by the daemon" : strerror(errno));
			break;
		}
		*size += (size_t)n;
		if (text[*size - 1] == '\n')
			return text;
		if (*size == room && (bigger = realloc(text, room *= 2)) != NULL)
			text = bigger;
	}
	free(text);
	return NULL;
}

static void
print_errors(struct session *s, const json_t *error)
{
	const json_t *list = json_object_get(json_object_get(error, "data"), "errors"), *e;
	const char *message = json_string_value(json_object_get(error, "message"));
	size_t i;
	if (json_array_size(list) == 0)
		fprintf(s->err, "error: %s\n", message != NULL ? message : "?");
	json_array_foreach((json_t *)list, i, e) {
		const char *path = json_string_value(json_object_get(e, "path"));
		const char *text = json_string_value(json_object_get(e, "message"));
		fprintf(s->err, "error: %s%s%s\n", path != NULL ? path : "",
		        path != NULL && path[0] != '\0' ? ": " : "", text != NULL ? text : "?");
	}
}

static json_t *
read_response(struct session *s)
{
	size_t size;
	json_error_t je;
	char *text = receive_line(s, &size);
	if (text == NULL)
		return NULL;
	json_t *response = json_loadb(text, size, 0, &je), *result = NULL;
	free(text);
	if (response == NULL) {
		unreachable(s, "the answer is not JSON");
		return NULL;
	}
	const json_t *error = json_object_get(response, "error");
	if (error != NULL) {
		print_errors(s, error);
		s->status = EXIT_NO;
	} else {
		result = json_incref(json_object_get(response, "result"));
		s->status = EXIT_DONE;
	}
	json_decref(response);
	return result;
}

json_t *
session_call(struct session *s, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
	                            method, "params", params);
	char *line = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	json_t *result = NULL;
	json_decref(request);
	if (line == NULL) {
		fprintf(s->err, "error: the request is not UTF-8\n");
		s->status = EXIT_USAGE;
		return NULL;
	}
	if (session_connect(s) == 0 && send_line(s, line, strlen(line)) == 0 &&
	    send_line(s, "\n", 1) == 0)
		result = read_response(s);
	free(line);
	return result;
}

/* page_add: what the next page says, after what was said. The first one's word counts for what is
 * no list. */
static void
page_add(json_t *all, const json_t *page)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)page, key, v)
		if (json_is_array(v) && json_is_array(json_object_get(all, key)))
			json_array_extend(json_object_get(all, key), v);
	json_object_set(all, "cursor", json_object_get(page, "cursor"));
}

json_t *
session_list(struct session *s, const char *method, json_t *params, const char *list,
             json_int_t limit)
{
	json_t *all = NULL, *page;
	for (bool more = true; more; json_decref(page)) {
		json_int_t left = limit - (json_int_t)json_array_size(json_object_get(all, list));
		json_object_set_new(params, "limit",
		                    json_integer(left < SESSION_PAGE ? left : SESSION_PAGE));
		page = session_call(s, method, json_deep_copy(params));
		if (page == NULL) {
			json_decref(all);
			all = NULL;
			break;
		}
		if (all != NULL)
			page_add(all, page);
		else
			all = json_incref(page);
		json_t *cursor = json_object_get(page, "cursor");
		json_object_set(params, "cursor", cursor);
		more = json_is_string(cursor) &&
		       (json_int_t)json_array_size(json_object_get(all, list)) < limit;
	}
	json_decref(params);
	return all;
}

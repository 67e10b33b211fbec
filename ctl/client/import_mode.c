/* SPDX-License-Identifier: Apache-2.0 */
/* How packets get to the servers of another balancer, in our modes. */
#include <string.h>

#include "import.h"

static const struct { char kind; const char *mode, *words; } modes[] = {
	{'m', "nat", "masquerading"}, {'g', "dsr", "direct routing"}, {'i', "ipip", "tunnelling"},
};

static const char *
text_of(const json_t *service, const char *key)
{
	const char *s = json_string_value(json_object_get(service, key));
	return s != NULL ? s : "";
}

/* mode_of: a tunnel has kinds. => NULL: there is no such. */
static const char *
mode_of(char kind, const char *tunnel)
{
	if (kind == 'i' && tunnel != NULL)
		return strcmp(tunnel, "ipip") == 0 || strcmp(tunnel, "gre") == 0 ||
		       strcmp(tunnel, "gue") == 0 ? tunnel : NULL;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (modes[i].kind == kind)
			return modes[i].mode;
	return NULL;
}

static const char *
words_of(char kind)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (modes[i].kind == kind)
			return modes[i].words;
	return "";
}

void
import_mode(struct import *im, unsigned line, json_t *service, char kind, const char *tunnel)
{
	const char *mode = mode_of(kind, tunnel), *have = text_of(service, "mode");
	if (mode == NULL) {
		import_note(im, line, "tunnel %.20s; it becomes mode ipip", tunnel);
		mode = "ipip";
	}
	if (json_object_get(service, IMPORT_MODE) != NULL) {
		if (strcmp(mode, have) != 0)
			import_note(im, line, "%s; the service's first server says mode %s",
			            words_of(kind), have);
		return;
	}
	json_object_set_new(service, IMPORT_MODE, json_true());
	json_object_set_new(service, "mode", json_string(mode));
	if (strcmp(mode, "nat") != 0 && json_object_del(service, "schedule") == 0)
		import_note(im, line, "one-packet scheduling: in mode %s a flow keeps its server, "
		            "since answers do not say whose they are", mode);
}

void
import_tunnel_port(struct import *im, unsigned line, json_t *service, const json_t *words)
{
	long port = word_number(words, 0, 1, 65535);
	if (strcmp(text_of(service, "mode"), "gue") != 0)
		return;
	if (port < 0)
		import_note(im, line, "tunnel port %.20s: expected a number", word_at(words, 0));
	else
		json_object_set_new(service, "tunnel_port", json_integer(port));
}

long
import_port(struct import *im, unsigned line, const json_t *service, long port)
{
	long own = json_integer_value(json_object_get(service, "port"));
	const char *mode = text_of(service, "mode");
	if (port == 0 || port == own || strcmp(mode, "nat") == 0)
		return port != 0 ? port : own;
	import_note(im, line, "port %ld of a server: in mode %s it listens on the service's", port,
	            mode);
	return own;
}

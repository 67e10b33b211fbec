/* SPDX-License-Identifier: Apache-2.0 */
/* The log: no rows of the image, only what its options must have in common. */
#include "model.h"

static void
say(struct model *m, const char *kind, size_t i, const char *key, const char *what)
{
	struct config_path path;
	path_make(&path, "log.%s[%zu].%s", kind, i, key);
	config_error_add(m->errs, path.text, "%s", what);
}

static void
check_collector(struct model *m, const char *kind, size_t i, const json_t *c)
{
	static const char *const of_tls[] = {"ca", "server_name", "certificate", "key"};
	bool tls = strcmp(get_text(c, "transport"), "tls") == 0;
	for (unsigned k = 0; k < 4 && !tls; k++)
		if (get_text(c, of_tls[k]) != NULL)
			say(m, kind, i, of_tls[k], "is for transport \"tls\" only");
	bool certificate = get_text(c, "certificate") != NULL, key = get_text(c, "key") != NULL;
	if (tls && certificate != key)
		say(m, kind, i, certificate ? "key" : "certificate",
		    "missing; a certificate and its key go together");
}

void
model_log(struct model *m)
{
	static const char *const kinds[] = {"syslog", "ipfix"};
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const json_t *list = model_get(m, "log", kinds[k]), *c;
		size_t i;
		json_array_foreach((json_t *)list, i, c)
			check_collector(m, kinds[k], i, c);
	}
}

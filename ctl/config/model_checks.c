/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks: which options go with which type, and who names which check. */
#include <stdio.h>

#include "checks.h"
#include "model.h"

/* What only some types have a use for, of those options that have no default. */
static const struct { const char *key; unsigned types; } uses[] = {
#define T(t) (1u << CHECK_##t)
	{"port", T(TCP) | T(HTTP) | T(HTTPS) | T(UDP)},
	{"path", T(HTTP) | T(HTTPS)},
	{"host", T(HTTP) | T(HTTPS)},
	{"status", T(HTTP) | T(HTTPS)},
	{"body", T(HTTP) | T(HTTPS)},
	{"body_regex", T(HTTP) | T(HTTPS)},
	{"ca_file", T(HTTPS)},
	{"send", T(TCP) | T(UDP)},
	{"expect", T(TCP) | T(UDP)},
	{"script", T(SCRIPT)},
#undef T
};

static void
check_uses(struct model *m, const json_t *check, size_t i, enum check_type type)
{
	struct config_path path;
	for (size_t k = 0; k < sizeof(uses) / sizeof(uses[0]); k++) {
		if (json_object_get(check, uses[k].key) == NULL || uses[k].types >> type & 1)
			continue;
		path_make(&path, "lb.checks[%zu].%s", i, uses[k].key);
		config_error_add(m->errs, path.text, "is of no use in a check of type %s",
		                 check_type_name(type));
	}
	path_make(&path, "lb.checks[%zu].arguments", i);
	if (type != CHECK_SCRIPT && json_array_size(json_object_get(check, "arguments")) != 0)
		config_error_add(m->errs, path.text, "is of no use in a check of type %s",
		                 check_type_name(type));
}

static void
check_needs(struct model *m, const json_t *check, size_t i, enum check_type type)
{
	const char *key = type == CHECK_UDP ? "send" : "script";
	struct config_path path;
	if ((type != CHECK_UDP && type != CHECK_SCRIPT) || json_object_get(check, key) != NULL)
		return;
	path_make(&path, "lb.checks[%zu].%s", i, key);
	config_error_add(m->errs, path.text, "missing; a check of type %s needs it",
	                 check_type_name(type));
}

static void
check_escapes(struct model *m, const json_t *check, size_t i, const char *key)
{
	const char *text = get_text(check, key), *bad;
	struct check_bytes bytes;
	struct config_path path;
	if (text == NULL || bytes_read(text, &bytes, &bad))
		return;
	path_make(&path, "lb.checks[%zu].%s", i, key);
	config_error_add(m->errs, path.text, "\"%.4s\" is no escape; expected \\n, \\r, \\t, \\\\ "
	                 "or \\xHH", bad);
}

static void
check_regex(struct model *m, const json_t *check, size_t i)
{
	const char *text = get_text(check, "body_regex");
	struct config_path path;
	char why[128];
	regex_t regex;
	path_make(&path, "lb.checks[%zu].body_regex", i);
	if (text == NULL)
		return;
	if (json_object_get(check, "body") != NULL)
		config_error_add(m->errs, path.text, "stands beside body; expected one of them");
	int rc = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);
	if (rc == 0) {
		regfree(&regex);
		return;
	}
	regerror(rc, NULL, why, sizeof(why));
	config_error_add(m->errs, path.text, "is no regular expression: %s", why);
}

static void
check_check(struct model *m, const json_t *check, size_t i)
{
	static const char *const escaped[] = {"send", "expect", "body"};
	enum check_type type = check_type_of(get_text(check, "type"));
	struct config_path path;
	path_make(&path, "lb.checks[%zu].name", i);
	if (strcmp(get_text(check, "name"), "none") == 0)
		config_error_add(m->errs, path.text, "\"none\" means no check; expected another "
		                 "name");
	check_uses(m, check, i, type);
	check_needs(m, check, i, type);
	for (size_t k = 0; k < sizeof(escaped) / sizeof(escaped[0]); k++)
		check_escapes(m, check, i, escaped[k]);
	check_regex(m, check, i);
}

/* reference_check: is there a check of this name? "none" is for backends. */
static void
reference_check(struct model *m, const json_t *names, const char *name, const char *path)
{
	if (name == NULL || json_object_get(names, name) != NULL ||
	    (m->pruned != NULL && m->pruned->checks))
		return;
	config_error_add(m->errs, path, "there is no check \"%s\"; expected the name of one in "
	                 "lb.checks", name);
}

/* reference_port: a backend without a port of its own, and a check that has to have one? */
static void
reference_port(struct model *m, const json_t *check, const json_t *service, const json_t *backend,
               const char *path)
{
	const json_t *port = json_object_get(backend, "port");
	bool keeps = port != NULL ? json_integer_value(port) == 0 :
	             json_object_get(service, "ports") != NULL; /* neither: that was said */
	if (check == NULL || !keeps || json_object_get(check, "port") != NULL)
		return;
	enum check_type type = check_type_of(get_text(check, "type"));
	if (type != CHECK_ICMP && type != CHECK_SCRIPT)
		config_error_add(m->errs, path, "%s has no port of its own, as the client chooses "
		                 "it; expected a check with a port", get_text(backend, "address"));
}

static void
service_references(struct model *m, const json_t *names, const json_t *service, size_t i)
{
	const json_t *backends = json_object_get(service, "backends");
	struct config_path path;
	path_make(&path, "lb.services[%zu].check", i);
	reference_check(m, names, get_text(service, "check"), path.text);
	for (size_t j = 0; j < json_array_size(backends); j++) {
		const json_t *backend = json_array_get(backends, j);
		const char *own = get_text(backend, "check");
		const char *name = own != NULL ? own : get_text(service, "check");
		if (name == NULL || strcmp(name, "none") == 0)
			continue;
		path_make(&path, "lb.services[%zu].backends[%zu].check", i, j);
		if (own != NULL)
			reference_check(m, names, own, path.text);
		reference_port(m, json_object_get(names, name), service, backend, path.text);
	}
}

/* service_passive: handshakes are seen where TCP is, and answers pass through here. */
static void
service_passive(struct model *m, const json_t *service, size_t i)
{
	const json_t *passive = json_object_get(service, "passive");
	const char *mode = get_text(service, "mode");
	struct config_path path;
	if (passive == NULL || get_int(passive, "failures") == 0)
		return;
	path_make(&path, "lb.services[%zu].passive.failures", i);
	if (strcmp(get_text(service, "protocol"), "udp") == 0)
		config_error_add(m->errs, path.text, "is of no use with UDP, which has no "
		                 "handshakes; expected 0, or a check");
	else if (strcmp(mode, "nat") != 0 && strcmp(mode, "fullnat") != 0)
		config_error_add(m->errs, path.text, "is of no use in mode %s, in which backends' "
		                 "answers do not pass through here; expected 0, or a check", mode);
}

void
model_checks(struct model *m)
{
	const json_t *checks = model_get(m, "lb", "checks");
	const json_t *services = model_get(m, "lb", "services");
	json_t *names = json_object();
	for (size_t i = 0; i < json_array_size(checks); i++) {
		const json_t *check = json_array_get(checks, i);
		check_check(m, check, i);
		json_object_set(names, get_text(check, "name"), (json_t *)check);
	}
	for (size_t i = 0; i < json_array_size(services); i++) {
		service_references(m, names, json_array_get(services, i), i);
		service_passive(m, json_array_get(services, i), i);
	}
	json_decref(names);
}

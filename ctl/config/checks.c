/* SPDX-License-Identifier: Apache-2.0 */
/* From the document to the values that a check is run with. */
#include "checks.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "forms.h"
#include "model.h"
#include "walk.h"

static const char *const types[] = {"tcp", "http", "https", "udp", "icmp", "script"};

const char *
check_type_name(enum check_type type)
{
	return types[type];
}

enum check_type
check_type_of(const char *word)
{
	unsigned i = 0;
	while (i < CHECK_SCRIPT && strcmp(types[i], word) != 0)
		i++;
	return i;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* escape_read: what follows a backslash. => how many characters, 0: it is none. */
static size_t
escape_read(const char *s, uint8_t *out)
{
	static const char letters[] = "nrt\\", bytes[] = "\n\r\t\\";
	const char *at = s[0] != '\0' ? strchr(letters, s[0]) : NULL;
	if (at != NULL) {
		*out = (uint8_t)bytes[at - letters];
		return 1;
	}
	if (s[0] != 'x' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return 0;
	*out = (uint8_t)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
	return 3;
}

bool
bytes_read(const char *text, struct check_bytes *out, const char **bad)
{
	out->n = 0;
	while (*text != '\0' && out->n < CHECK_MAX_TEXT) {
		uint8_t *to = &out->b[out->n++];
		size_t n = 1;
		*bad = text;
		if (*text != '\\')
			*to = (uint8_t)*text;
		else if ((n = escape_read(text + 1, to)) == 0)
			return false;
		else
			n++;
		text += n;
	}
	return true;
}

static void
check_bytes(const json_t *json, const char *key, struct check_bytes *out)
{
	const char *text = get_text(json, key), *bad;
	if (text != NULL)
		bytes_read(text, out, &bad);
}

static void
check_status(const json_t *list, struct check *c)
{
	for (size_t i = 0; i < json_array_size(list) && i < CHECK_MAX_STATUS; i++) {
		int first = 0, last = 0;
		status_read(json_string_value(json_array_get(list, i)), &first, &last);
		c->status[i][0] = (uint16_t)first;
		c->status[i][1] = (uint16_t)last;
		c->n_status++;
	}
	if (c->n_status != 0)
		return;
	c->status[0][0] = 200;
	c->status[0][1] = 299;
	c->n_status = 1;
}

static void
check_rule(const json_t *json, struct check_rule *r)
{
	const json_t *damping = json_object_get(json, "damping");
	r->rise = (uint8_t)get_int(json, "rise");
	r->fall = (uint8_t)get_int(json, "fall");
	r->start_down = strcmp(get_text(json, "start"), "down") == 0;
	r->changes = (uint8_t)get_int(damping, "changes");
	r->period_s = (uint32_t)get_int(damping, "period");
	r->hold_s = (uint32_t)get_int(damping, "hold");
}

static void
check_texts(const json_t *json, struct check *c)
{
	const json_t *arguments = json_object_get(json, "arguments");
	const char *regex = get_text(json, "body_regex"), *path = get_text(json, "path");
	c->method = get_text(json, "method");
	c->path = path != NULL ? path : "/";
	c->host = get_text(json, "host");
	c->ca_file = get_text(json, "ca_file");
	c->script = get_text(json, "script");
	check_bytes(json, "send", &c->send);
	check_bytes(json, "expect", &c->expect);
	check_bytes(json, "body", &c->body);
	c->has_regex = regex != NULL && regcomp(&c->regex, regex, REG_EXTENDED | REG_NOSUB) == 0;
	c->n_arguments = (unsigned)json_array_size(arguments);
	for (unsigned i = 0; i < c->n_arguments; i++)
		c->argument[i] = json_string_value(json_array_get(arguments, i));
}

static enum check_target
target_of(const char *word)
{
	return word == NULL ? CHECK_AS_CAN : strcmp(word, "service") == 0 ? CHECK_SERVICE :
	                                                                     CHECK_BACKEND;
}

static void
check_fill(const json_t *json, struct check *c)
{
	c->name = get_text(json, "name");
	c->type = check_type_of(get_text(json, "type"));
	c->target = target_of(get_text(json, "target"));
	c->interval_ms = (uint32_t)get_int(json, "interval_ms");
	c->timeout_ms = (uint32_t)get_int(json, "timeout_ms");
	c->jitter = (uint8_t)get_int(json, "jitter");
	c->port = (uint16_t)get_int(json, "port");
	c->verify = json_is_true(json_object_get(json, "verify"));
	c->answer = json_is_true(json_object_get(json, "answer"));
	check_rule(json, &c->rule);
	check_status(json_object_get(json, "status"), c);
	check_texts(json, c);
}

/* section_filled: lb.checks with defaults. */
static json_t *
section_filled(const json_t *doc)
{
	json_t *list = json_object_get(json_object_get(doc, "lb"), "checks");
	json_t *only = json_pack("{s:{s:O*}}", "lb", "checks", list), *filled = walk_fill(only);
	json_t *out = json_incref(json_object_get(json_object_get(filled, "lb"), "checks"));
	json_decref(only);
	json_decref(filled);
	return out;
}

static void
askers_fill(const json_t *doc, struct checks *c)
{
	const json_t *list = json_object_get(json_object_get(doc, "lb"), "check_sources");
	for (size_t i = 0; i < json_array_size(list) && c->n_askers < LB_MAX_ASKERS; i++) {
		struct img_lb_asker *a = &c->asker[c->n_askers++];
		addr_parse(json_string_value(json_array_get(list, i)), &a->address, &a->family);
	}
}

struct checks *
checks_create(const json_t *doc)
{
	json_t *filled = section_filled(doc);
	size_t n = json_array_size(filled);
	struct checks *c = calloc(1, sizeof(*c) + n * sizeof(c->check[0]));
	if (c == NULL || filled == NULL) {
		json_decref(filled);
		free(c);
		return NULL;
	}
	c->references = 1;
	c->n = n;
	c->filled = filled;
	for (size_t i = 0; i < n; i++)
		check_fill(json_array_get(filled, i), &c->check[i]);
	askers_fill(doc, c);
	return c;
}

struct checks *
checks_get(struct checks *c)
{
	c->references++;
	return c;
}

void
checks_put(struct checks *c)
{
	if (c == NULL || --c->references != 0)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (c->check[i].has_regex)
			regfree(&c->check[i].regex);
	json_decref(c->filled);
	free(c);
}

const struct check *
checks_find(const struct checks *c, const char *name)
{
	for (size_t i = 0; name != NULL && i < c->n; i++)
		if (strcmp(c->check[i].name, name) == 0)
			return &c->check[i];
	return NULL;
}

const struct check *
checks_of(const struct checks *c, const json_t *service, size_t i)
{
	const json_t *backend = json_array_get(json_object_get(service, "backends"), i);
	const char *own = get_text(backend, "check");
	return checks_find(c, own != NULL ? own : get_text(service, "check"));
}

const char *
check_asks_not(enum check_type type, uint16_t port, const struct img_lb_service *s,
               bool has_source)
{
	uint8_t proto = type == CHECK_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	if (type == CHECK_ICMP || type == CHECK_SCRIPT)
		return "it is of a type that asks no port";
	if (!lb_mode_is_way(s->mode))
		return "in this mode traffic goes to the backend's own address";
	if (!has_source)
		return "lb.check_sources has no address of the service's family";
	if (s->proto != LB_PROTO_ANY && s->proto != proto)
		return "the service is of the other protocol";
	if (port == 0 ? s->port != s->port_last :
	    port < ntohs(s->port) || port > ntohs(s->port_last))
		return "its port is none of the service";
	return NULL;
}

bool
checks_ask_service(const struct checks *c, const struct check *k, const struct img_lb_service *s)
{
	bool has_source = false;
	for (unsigned i = 0; i < c->n_askers; i++)
		has_source |= c->asker[i].family == s->family;
	return k != NULL && k->target != CHECK_BACKEND &&
	       check_asks_not(k->type, k->port, s, has_source) == NULL;
}

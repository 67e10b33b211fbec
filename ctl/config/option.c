/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the option table, and what a row says of itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

const struct config_option *
option_root(void)
{
	return config_options;
}

const struct config_option *
option_next(const struct config_option *o)
{
	return o + 1 < config_options + config_n_options ? o + 1 : NULL;
}

/* option_rest: what o's path has beyond parent's ("" is above all), NULL if it is not inside. */
static const char *
option_rest(const struct config_option *parent, const struct config_option *o)
{
	size_t n = strlen(parent->path);
	if (strncmp(o->path, parent->path, n) != 0)
		return NULL;
	const char *rest = o->path + n;
	if (n == 0)
		return rest;
	return *rest == '.' || *rest == '[' ? rest : NULL;
}

const struct config_option *
option_child_next(const struct config_option *parent, const struct config_option *child)
{
	const struct config_option *o = child == NULL ? parent : child;
	while ((o = option_next(o)) != NULL) {
		const char *rest = option_rest(parent, o);
		if (rest == NULL)
			return NULL;
		rest += *rest == '.';
		if (strpbrk(rest, ".[") == NULL)
			return o;
	}
	return NULL;
}

const struct config_option *
option_child(const struct config_option *parent, const char *key)
{
	const struct config_option *o = NULL;
	while ((o = option_child_next(parent, o)) != NULL)
		if (strcmp(option_key(o), key) == 0)
			return o;
	return NULL;
}

const struct config_option *
option_item(const struct config_option *array)
{
	return array + 1; /* tree order: the items' row follows */
}

bool
option_ignored(const struct config_option *parent, const char *key)
{
	return strcmp(key, "comment") == 0 ||
	       (parent == option_root() && strcmp(key, "$schema") == 0);
}

const char *
option_key(const struct config_option *o)
{
	const char *dot = strrchr(o->path, '.');
	return dot == NULL ? o->path : dot + 1;
}

bool
option_words_at(const struct config_option *o, unsigned i, char *out, size_t size)
{
	const char *w = o->words;
	for (; i > 0 && w != NULL; i--) {
		w = strchr(w, ' ');
		w = w == NULL ? NULL : w + 1;
	}
	if (w == NULL)
		return false;
	snprintf(out, size, "%.*s", (int)strcspn(w, " "), w);
	return true;
}

int
option_word(const struct config_option *o, const char *s)
{
	char word[64];
	for (unsigned i = 0; option_words_at(o, i, word, sizeof(word)); i++)
		if (strcmp(word, s) == 0)
			return (int)i;
	return -1;
}

json_t *
option_default(const struct config_option *o)
{
	if (o->fallback == NULL)
		return NULL;
	if (o->type == CONFIG_INT || o->type == CONFIG_POWER2)
		return json_integer(strtoll(o->fallback, NULL, 10));
	if (o->type == CONFIG_BOOL)
		return json_boolean(strcmp(o->fallback, "true") == 0);
	return json_string(o->fallback);
}

static void
words_expected(const struct config_option *o, char *out, size_t size)
{
	char word[64];
	size_t n = (size_t)snprintf(out, size, "one of");
	for (unsigned i = 0; n < size && option_words_at(o, i, word, sizeof(word)); i++)
		n += (size_t)snprintf(out + n, size - n, "%s \"%s\"", i == 0 ? "" : ",", word);
}

static const char *const type_expected[] = {
	[CONFIG_OBJECT] = "an object",
	[CONFIG_BOOL] = "true or false",
	[CONFIG_ADDRESS] = "an IPv4 or IPv6 unicast address",
	[CONFIG_INTERFACE] = "an address with its prefix length, such as 192.0.2.1/24",
	[CONFIG_PREFIX] = "an IPv4 or IPv6 prefix or address, such as 192.0.2.0/24",
	[CONFIG_PREFIX4] = "an IPv4 prefix or address, such as 100.64.0.0/10",
	[CONFIG_RANGE4] = "an IPv4 address, prefix or first-last range",
	[CONFIG_RANGE] = "an IPv6 address, or an IPv4 address, prefix or first-last range",
	[CONFIG_PORTS] = "ports first-last, such as 1024-65535",
	[CONFIG_MAC] = "a unicast MAC address, such as 02:00:00:00:00:01",
	[CONFIG_PATH] = "an absolute path without spaces, such as /var/log/millrace",
	[CONFIG_HOST] = "an IPv4 or IPv6 address, such as 192.0.2.1",
	[CONFIG_UNICAST] = "an IPv4 or IPv6 unicast address or prefix",
	[CONFIG_STATUS] = "an HTTP status or first-last, such as 200-299",
};

void
option_expected(const struct config_option *o, char *out, size_t size)
{
	switch (o->type) {
	case CONFIG_ARRAY:
		snprintf(out, size, "an array of %" PRId64 " to %" PRId64 " items", o->min, o->max);
		break;
	case CONFIG_INT:
		snprintf(out, size, "an integer from %" PRId64 " to %" PRId64, o->min, o->max);
		break;
	case CONFIG_POWER2:
		snprintf(out, size, "a power of two from %" PRId64 " to %" PRId64, o->min, o->max);
		break;
	case CONFIG_NAME:
		snprintf(out, size, "a name of %" PRId64 " to %" PRId64 " characters "
		         "A-Z a-z 0-9 _ . : -",
		         o->min, o->max);
		break;
	case CONFIG_DEVICE:
		snprintf(out, size, "a DPDK device of %" PRId64 " to %" PRId64
		         " printable characters without spaces", o->min, o->max);
		break;
	case CONFIG_HEX:
		snprintf(out, size, "%" PRId64 " to %" PRId64 " octets as hexadecimal digits",
		         o->min, o->max);
		break;
	case CONFIG_TEXT:
		snprintf(out, size, "a text of %" PRId64 " to %" PRId64
		         " printable ASCII characters", o->min, o->max);
		break;
	case CONFIG_WORD:
		words_expected(o, out, size);
		break;
	default:
		snprintf(out, size, "%s", type_expected[o->type]);
	}
}

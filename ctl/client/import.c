/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of other balancers' set-ups share: messages, words, services and checks. */
#include "import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/addrtext.h"

enum { NAME = 32, MAX_BACKENDS = 16384, MAX_WEIGHT = 65535, MAX_PER_PACKET = 127 };

void
import_begin(struct import *im, const char *file, FILE *err)
{
	*im = (struct import){.file = file, .err = err, .services = json_array(),
	                      .checks = json_array()};
}

void
import_given(struct import *im, const json_t *checks)
{
	if (json_is_array(checks))
		json_array_extend(im->checks, (json_t *)checks);
}

void
import_end(struct import *im)
{
	json_decref(im->services);
	json_decref(im->checks);
}

json_t *
import_result(struct import *im)
{
	import_order(im);
	for (size_t i = 0; i < json_array_size(im->services); i++)
		json_object_del(json_array_get(im->services, i), IMPORT_WEIGHTLESS);
	for (size_t i = 0; i < json_array_size(im->services); i++)
		json_object_del(json_array_get(im->services, i), IMPORT_MODE);
	json_t *lb = json_pack("{s:O}", "services", im->services);
	if (json_array_size(im->checks) != 0)
		json_object_set(lb, "checks", im->checks);
	return json_pack("{s:o}", "lb", lb);
}

static void
say(struct import *im, unsigned line, const char *kind, const char *format, va_list ap)
{
	fprintf(im->err, "%s:%u: %s: ", im->file, line, kind);
	vfprintf(im->err, format, ap);
	fputc('\n', im->err);
}

void
import_note(struct import *im, unsigned line, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(im, line, "not taken over", format, ap);
	va_end(ap);
	im->notes++;
}

void
import_error(struct import *im, unsigned line, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(im, line, "error", format, ap);
	va_end(ap);
	im->errors++;
}

void
import_clean(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n' && text[i] != '\t')
			text[i] = text[i] == '\r' ? ' ' : '?';
}

json_t *
import_words(const char *line)
{
	json_t *words = json_array();
	for (;;) {
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '\n' || *line == '#')
			return words;
		bool quoted = *line == '"';
		size_t n = quoted ? strcspn(++line, "\"\n") : strcspn(line, " \t\n");
		json_array_append_new(words, json_stringn(line, n));
		line += n + (quoted && line[n] == '"');
	}
}

const char *
word_at(const json_t *words, size_t i)
{
	const char *s = json_string_value(json_array_get(words, i));
	return s != NULL ? s : "";
}

static long
text_number(const char *s, long least, long most)
{
	char *end;
	errno = 0;
	long n = strtol(s, &end, 10);
	return end != s && *end == '\0' && errno == 0 && n >= least && n <= most ? n : -1;
}

long
word_number(const json_t *words, size_t i, long least, long most)
{
	return text_number(word_at(words, i), least, most);
}

bool
import_endpoint(const char *text, char address[IMPORT_ADDRESS], long *port)
{
	bool v6 = text[0] == '[';
	const char *end = v6 ? strchr(text, ']') : strrchr(text, ':');
	union addr a;
	uint8_t family;
	if (end == NULL || (v6 && end[1] != ':'))
		return false;
	snprintf(address, IMPORT_ADDRESS, "%.*s", (int)(end - text - v6), text + v6);
	*port = text_number(end + 1 + v6, 0, 65535);
	return *port >= 0 && addr_parse(address, &a, &family) && (family == FAMILY_V6) == v6;
}

static bool
same_endpoint(const json_t *o, const char *address, long port)
{
	union addr a, b;
	uint8_t fa, fb;
	return json_integer_value(json_object_get(o, "port")) == port &&
	       addr_parse(json_string_value(json_object_get(o, "address")), &a, &fa) &&
	       addr_parse(address, &b, &fb) && fa == fb && addr_equal(&a, &b);
}

json_t *
import_find(const struct import *im, const char *protocol, const char *address, long port)
{
	for (size_t i = 0; i < json_array_size(im->services); i++) {
		json_t *s = json_array_get(im->services, i);
		if (strcmp(json_string_value(json_object_get(s, "protocol")), protocol) == 0 &&
		    same_endpoint(s, address, port))
			return s;
	}
	return NULL;
}

/* address_good: => its family, 0 after a note. */
static uint8_t
address_good(struct import *im, unsigned line, const char *address)
{
	union addr a;
	uint8_t family;
	if (!addr_parse(address, &a, &family))
		import_note(im, line, "%.60s is no address; expected numbers, not names", address);
	else if (!addr_is_unicast(&a, family))
		import_note(im, line, "%.60s is no address that a host can have", address);
	else
		return family;
	return 0;
}

json_t *
import_service(struct import *im, unsigned line, const char *protocol, const char *address,
               long port)
{
	char name[128];
	bool again = import_find(im, protocol, address, port) != NULL;
	if (again)
		import_note(im, line, "%s %.60s port %ld is there already", protocol, address,
		            port);
	if (again || address_good(im, line, address) == 0)
		return NULL;
	int n = port != 0 ? snprintf(name, sizeof(name), "%s-%s-%ld", protocol, address, port) :
		snprintf(name, sizeof(name), "%s-%s-all", protocol, address);
	if (n >= NAME)
		snprintf(name, sizeof(name), "%s-service-%zu", protocol,
		         json_array_size(im->services) + 1);
	json_t *s = json_pack("{s:s, s:s, s:I, s:s, s:s, s:[]}", "name", name, "address", address,
	                      "port", (json_int_t)port, "protocol", protocol, "mode", "nat",
	                      "backends");
	if (port == 0) {
		json_object_del(s, "port");
		json_object_set_new(s, "ports", json_string("1-65535"));
	}
	json_array_append_new(im->services, s);
	return s;
}

json_t *
import_backend(struct import *im, unsigned line, json_t *service, const char *address, long port,
               long weight)
{
	json_t *list = json_object_get(service, "backends");
	const char *own = json_string_value(json_object_get(service, "address"));
	uint8_t family = address_good(im, line, address), service_family;
	union addr a;
	if (family == 0 || !addr_parse(own, &a, &service_family))
		return NULL;
	if (family != service_family) {
		import_note(im, line, "%s is not of the family of the service %s", address, own);
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		if (same_endpoint(json_array_get(list, i), address, port)) {
			import_note(im, line, "%s port %ld is there already", address, port);
			return NULL;
		}
	if (weight > MAX_WEIGHT) {
		import_note(im, line, "weight %ld; it becomes %d", weight, MAX_WEIGHT);
		weight = MAX_WEIGHT;
	}
	if (json_array_size(list) == MAX_PER_PACKET && json_object_del(service, "schedule") == 0)
		import_note(im, line, "one-packet scheduling: there are more than %d servers",
		            MAX_PER_PACKET);
	if (weight > 1 && json_object_get(service, IMPORT_WEIGHTLESS) != NULL)
		weight = 1;
	json_t *b = json_pack("{s:s, s:I, s:I}", "address", address, "port", (json_int_t)port,
	                      "weight", (json_int_t)weight);
	if (port == 0)
		json_object_del(b, "port");
	json_array_append_new(list, b);
	return b;
}

/* check_named: is there a check of this name? */
static bool
check_named(const struct import *im, const char *name)
{
	for (size_t i = 0; i < json_array_size(im->checks); i++) {
		const json_t *have = json_object_get(json_array_get(im->checks, i), "name");
		if (json_is_string(have) && strcmp(json_string_value(have), name) == 0)
			return true;
	}
	return false;
}

const char *
import_check(struct import *im, json_t *check)
{
	char name[NAME];
	const char *type = json_string_value(json_object_get(check, "type"));
	size_t n = json_array_size(im->checks);
	for (size_t i = 0; i < json_array_size(im->checks); i++) {
		json_t *have = json_array_get(im->checks, i), *was = json_object_get(have, "name");
		if (was != NULL)
			json_object_set(check, "name", was);
		if (was == NULL || !json_equal(have, check))
			continue;
		json_decref(check);
		return json_string_value(json_object_get(have, "name"));
	}
	do
		snprintf(name, sizeof(name), "%s-%zu", type, ++n);
	while (check_named(im, name));
	json_object_set_new(check, "name", json_string(name));
	json_array_append_new(im->checks, check);
	return json_string_value(json_object_get(check, "name"));
}

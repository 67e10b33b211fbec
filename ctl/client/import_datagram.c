/* SPDX-License-Identifier: Apache-2.0 */
/* keepalived's checkers that send a datagram: UDP_CHECK and DNS_CHECK. */
#include <ctype.h>
#include <string.h>

#include "ctl/config/checks.h"
#include "import_tree.h"

enum { ESCAPE = 4 /* "\x0a" */, MAX_OCTETS = CHECK_MAX_TEXT / ESCAPE, DNS_LABEL = 63 };

static const struct aside aside[] = {
	{"min_reply_length", "any length will do"},
	{"max_reply_length", "any length will do"},
};

static const struct { const char *name; uint8_t type; } dns_types[] = {
	{"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"MX", 15}, {"TXT", 16}, {"AAAA", 28},
	{"RRSIG", 46}, {"DNSKEY", 48},
};

/* octets_set: as escapes of an option. */
static void
octets_set(json_t *o, const char *key, const uint8_t *octets, size_t n)
{
	char text[CHECK_MAX_TEXT + 1] = "";
	for (size_t i = 0; i < n && i < MAX_OCTETS; i++)
		snprintf(text + i * ESCAPE, sizeof(text) - i * ESCAPE, "\\x%02x", octets[i]);
	json_object_set_new(o, key, json_string(text));
}

/* hex_set: the words behind the first, hexadecimal digits. */
static void
hex_set(struct import *im, const json_t *node, json_t *o, const char *key)
{
	uint8_t octets[MAX_OCTETS];
	size_t n = 0;
	bool good = json_array_size(node_words(node)) > 1;
	for (size_t i = 1; i < json_array_size(node_words(node)); i++)
		for (const char *w = node_word(node, i); *w != '\0' && good; w += 2) {
			unsigned byte;
			good = n < MAX_OCTETS && isxdigit((unsigned char)w[0]) &&
			       isxdigit((unsigned char)w[1]) && sscanf(w, "%2x", &byte) == 1;
			if (good)
				octets[n++] = (uint8_t)byte;
			else
				break;
		}
	if (good && n != 0)
		octets_set(o, key, octets, n);
	else
		import_note(im, node_line(node), "%.40s: expected octets as pairs of hexadecimal "
		            "digits, %d at most", node_word(node, 0), MAX_OCTETS);
}

bool
datagram_statement(struct import *im, const char *checker, const json_t *node, json_t *o)
{
	const char *word = node_word(node, 0);
	bool is_udp = strcmp(checker, "UDP_CHECK") == 0, is_dns = strcmp(checker, "DNS_CHECK") == 0;
	if (is_udp && strcmp(word, "payload") == 0) {
		hex_set(im, node, o, "send");
	} else if (is_udp && strcmp(word, "require_reply") == 0) {
		json_object_set_new(o, "answer", json_true());
		if (json_array_size(node_words(node)) > 1)
			hex_set(im, node, o, "expect");
	} else if (is_udp && strstr(word, "_reply_length") != NULL) {
		node_aside(im, node, aside, sizeof(aside) / sizeof(aside[0]), "check");
	} else if (is_dns && strcmp(word, "type") == 0) {
		json_object_set_new(o, "dns type", json_string(node_word(node, 1)));
	} else if (is_dns && strcmp(word, "name") == 0) {
		json_object_set_new(o, "dns name", json_string(node_word(node, 1)));
	} else {
		return false;
	}
	return true;
}

/* name_put: "www.example.net" as labels, MAX_OCTETS - 16 at most. => octets, 0: it is no name. */
static size_t
name_put(const char *name, uint8_t *out)
{
	size_t n = 0;
	if (strcmp(name, ".") == 0)
		name = "";
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		if (label == 0 || label > DNS_LABEL || n + label + 2 > MAX_OCTETS - 16)
			return 0;
		out[n++] = (uint8_t)label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	out[n++] = 0;
	return n;
}

static uint8_t
type_of(const char *word)
{
	for (size_t i = 0; i < sizeof(dns_types) / sizeof(dns_types[0]); i++)
		if (strcmp(dns_types[i].name, word) == 0)
			return dns_types[i].type;
	return 0;
}

/* question_set: of one question with the identifier "Mr"; the answer begins with that. */
static bool
question_set(json_t *o, const char *name, const char *type)
{
	uint8_t q[MAX_OCTETS] = {'M', 'r', 1 /* recursion */, 0, 0, 1 /* question */};
	size_t n = name_put(name, q + 12);
	if (n == 0 || type_of(type) == 0)
		return false;
	n += 12;
	q[n + 1] = type_of(type);
	q[n + 3] = 1; /* IN */
	octets_set(o, "send", q, n + 4);
	octets_set(o, "expect", q, 2);
	return true;
}

/* taken: a text of the object, taken out of it. => new reference. */
static json_t *
taken(json_t *o, const char *key, const char *otherwise)
{
	json_t *v = json_object_get(o, key) != NULL ? json_incref(json_object_get(o, key)) :
	                                              json_string(otherwise);
	json_object_del(o, key);
	return v;
}

bool
datagram_end(struct import *im, const char *checker, const json_t *node, json_t *o)
{
	if (strcmp(checker, "UDP_CHECK") == 0) {
		if (json_object_get(o, "answer") == NULL)
			json_object_set_new(o, "answer", json_false());
		if (json_object_get(o, "send") == NULL)
			octets_set(o, "send", (const uint8_t *)"", 1);
	}
	if (strcmp(checker, "DNS_CHECK") != 0)
		return true;
	json_t *name = taken(o, "dns name", "."), *type = taken(o, "dns type", "SOA");
	bool good = question_set(o, json_string_value(name), json_string_value(type));
	if (good)
		import_note(im, node_line(node), "DNS_CHECK: any answer will do, whatever its code "
		            "is");
	else
		import_note(im, node_line(node), "DNS_CHECK for %.20s of %.60s; its backends have "
		            "no check", json_string_value(type), json_string_value(name));
	json_decref(name);
	json_decref(type);
	return good;
}

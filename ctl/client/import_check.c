/* SPDX-License-Identifier: Apache-2.0 */
/* keepalived's checkers as checks of ours. */
#include <string.h>

#include "ctl/config/checks.h"
#include "ctl/config/forms.h"
#include "import_tree.h"

static const struct { const char *name, *type; } checkers[] = {
	{"HTTP_GET", "http"},   {"SSL_GET", "https"},     {"TCP_CHECK", "tcp"},
	{"SMTP_CHECK", "tcp"},  {"MISC_CHECK", "script"}, {"PING_CHECK", "icmp"},
	{"UDP_CHECK", "udp"},   {"DNS_CHECK", "udp"},     {"BFD_CHECK", NULL},
	{"FILE_CHECK", NULL},
};
enum { CHECKERS = sizeof(checkers) / sizeof(checkers[0]) };

/* What is said of keywords inside checkers that have no counterpart; NULL: nothing to say. */
static const struct aside aside[] = {
	{"connect_ip", "a check goes to the backend's own address"},
	{"bindto", "the kernel chooses the source address"},
	{"bind_if", "the kernel chooses the interface"},
	{"bind_port", "the kernel chooses the source port"},
	{"fwmark", "checks have no mark"},
	{"warmup", "first checks are spread over an interval anyway"},
	{"helo_name", "SMTP is checked by its greeting"},
	{"misc_dynamic", "exit status 0 is good, all others are bad"},
	{"user", "scripts run as the daemon does"},
	{"digest", "name a text in `body` instead"},
	{"http_protocol", "HTTP/1.1 it is"},
	{"enable_sni", NULL},
	{"log_all_failures", NULL},
};

bool
is_checker(const char *word)
{
	for (int i = 0; i < CHECKERS; i++)
		if (strcmp(checkers[i].name, word) == 0)
			return true;
	return false;
}

static void
set_number(json_t *o, const char *key, long n)
{
	json_object_set_new(o, key, json_integer(n));
}

/* set_bounded: a number as far as the option allows. */
static void
set_bounded(struct import *im, const json_t *node, json_t *o, const char *key, long n, long least,
            long most)
{
	long fits = n < least ? least : n > most ? most : n;
	if (fits != n)
		import_note(im, node_line(node), "%s %ld; it becomes %ld", key, n, fits);
	set_number(o, key, fits);
}

/* set_text: if the option can have it. */
static void
set_text(struct import *im, const json_t *node, json_t *o, const char *key, const char *text,
         size_t most)
{
	if (text[0] == '\0' || strlen(text) > most)
		import_note(im, node_line(node), "%.40s: expected a text of %zu characters at most",
		            node_word(node, 0), most);
	else
		json_object_set_new(o, key, json_string(text));
}

bool
is_host(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                              "0123456789_.:-";
	size_t n = strlen(text);
	return n > 0 && n <= 253 && strspn(text, letters) == n;
}

static void
set_host(struct import *im, const json_t *node, json_t *o)
{
	if (is_host(node_word(node, 1)))
		json_object_set_new(o, "host", json_string(node_word(node, 1)));
	else
		import_note(im, node_line(node), "virtualhost %.60s", node_word(node, 1));
}

/* set_status: status_code 200, or several and ranges. */
static void
set_status(struct import *im, const json_t *node, json_t *o)
{
	json_t *list = json_array();
	for (size_t i = 1; i < json_array_size(node_words(node)); i++) {
		const char *w = node_word(node, i);
		int first, last;
		if (status_read(w, &first, &last) && first <= last && i <= CHECK_MAX_STATUS)
			json_array_append_new(list, json_string(w));
		else
			import_note(im, node_line(node), "status_code %.20s", w);
	}
	if (json_array_size(list) != 0)
		json_object_set(o, "status", list);
	json_decref(list);
}

static void
set_regex(struct import *im, const json_t *node, json_t *o)
{
	regex_t compiled;
	const char *text = node_word(node, 1);
	if (regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) != 0) {
		import_note(im, node_line(node), "regex %.60s is no POSIX expression", text);
		return;
	}
	regfree(&compiled);
	import_note(im, node_line(node), "regex of PCRE; it becomes one of POSIX, look whether "
	            "that means the same");
	set_text(im, node, o, "body_regex", text, 256);
}

static void
url_read(struct import *im, const json_t *url, json_t *o)
{
	for (size_t i = 0; i < json_array_size(node_block(url)); i++) {
		const json_t *node = json_array_get(node_block(url), i);
		const char *word = node_word(node, 0);
		if (strcmp(word, "path") == 0 && node_word(node, 1)[0] == '/' &&
		    strchr(node_word(node, 1), ' ') == NULL)
			set_text(im, node, o, "path", node_word(node, 1), 1024);
		else if (strcmp(word, "path") == 0)
			import_note(im, node_line(node), "path %.60s: expected one from / on",
			            node_word(node, 1));
		else if (strcmp(word, "status_code") == 0)
			set_status(im, node, o);
		else if (strcmp(word, "virtualhost") == 0)
			set_host(im, node, o);
		else if (strcmp(word, "regex") == 0)
			set_regex(im, node, o);
		else
			node_aside(im, node, aside, sizeof(aside) / sizeof(aside[0]), "check");
	}
}

/* script_read: misc_path "/path/to/program argument…". */
static void
script_read(struct import *im, const json_t *node, json_t *o)
{
	json_t *words = import_words(node_word(node, 1)), *arguments = json_array();
	size_t n = json_array_size(words);
	bool good = word_at(words, 0)[0] == '/' && word_at(words, 0)[1] != '\0' &&
	            n <= CHECK_MAX_ARGUMENTS + 1;
	for (size_t i = 0; i < n; i++)
		good = good && strlen(word_at(words, i)) <= 255;
	for (size_t i = 1; i < n && good; i++)
		json_array_append(arguments, json_array_get(words, i));
	if (good && strchr(word_at(words, 0), ' ') == NULL)
		json_object_set(o, "script", json_array_get(words, 0));
	else
		import_note(im, node_line(node), "misc_path %.60s: expected a path from / on and "
		            "%d arguments at most", node_word(node, 1), CHECK_MAX_ARGUMENTS);
	if (json_array_size(arguments) != 0)
		json_object_set(o, "arguments", arguments);
	json_decref(arguments);
	json_decref(words);
}

/* timing: => false: it is another keyword. */
static bool
timing(struct import *im, const json_t *node, json_t *o)
{
	const char *word = node_word(node, 0);
	bool is_retry = strcmp(word, "retry") == 0 || strcmp(word, "nb_get_retry") == 0;
	bool is_timeout = strcmp(word, "connect_timeout") == 0 || strcmp(word, "misc_timeout") == 0;
	long n;
	if (is_retry && (n = word_number(node_words(node), 1, 0, 1000000)) >= 0) {
		set_bounded(im, node, o, "fall", n + 1, 1, 100);
	} else if (is_retry) {
		import_error(im, node_line(node), "%s %.40s: expected a number", word,
		             node_word(node, 1));
	} else if (is_timeout && (n = node_ms(im, node)) >= 0) {
		set_bounded(im, node, o, "timeout_ms", n, 10, 600000);
	} else if (strcmp(word, "delay_loop") == 0 && (n = node_ms(im, node)) >= 0) {
		set_bounded(im, node, o, "interval_ms", n, 100, 3600000);
	} else if (strcmp(word, "delay_before_retry") == 0) {
		import_note(im, node_line(node), "delay_before_retry: a check that failed is "
		            "repeated after the interval");
	} else {
		return is_timeout || strcmp(word, "delay_loop") == 0;
	}
	return true;
}

static void
checker_statement(struct import *im, const json_t *node, json_t *o, bool *has_url)
{
	const char *word = node_word(node, 0);
	long port;
	if (timing(im, node, o))
		return;
	if (strcmp(word, "connect_port") == 0) {
		port = word_number(node_words(node), 1, 1, 65535);
		if (port < 0)
			import_error(im, node_line(node), "connect_port %.40s: expected a port",
			             node_word(node, 1));
		else
			set_number(o, "port", port);
	} else if (strcmp(word, "url") == 0 && *has_url) {
		import_note(im, node_line(node), "a second url: a check asks for one");
	} else if (strcmp(word, "url") == 0) {
		*has_url = true;
		url_read(im, node, o);
	} else if (strcmp(word, "virtualhost") == 0) {
		set_host(im, node, o);
	} else if (strcmp(word, "alpha") == 0) {
		json_object_set_new(o, "start", json_string("down"));
	} else if (strcmp(word, "misc_path") == 0) {
		script_read(im, node, o);
	} else {
		node_aside(im, node, aside, sizeof(aside) / sizeof(aside[0]), "check");
	}
}

/* checker_prune: what its type has no use for, since it stood where keepalived allows it. */
static void
checker_prune(json_t *o, const char *type)
{
	static const char *const web[] = {"path", "host", "status", "body_regex"};
	bool is_web = strncmp(type, "http", 4) == 0;
	for (int i = 0; i < 4 && !is_web; i++)
		json_object_del(o, web[i]);
	if (strcmp(type, "script") != 0) {
		json_object_del(o, "script");
		json_object_del(o, "arguments");
	}
	if (strcmp(type, "icmp") == 0 || strcmp(type, "script") == 0)
		json_object_del(o, "port");
}

json_t *
checker_read(struct import *im, const json_t *node, const struct check_defaults *d)
{
	const char *name = node_word(node, 0), *type = NULL;
	bool has_url = false;
	for (int i = 0; i < CHECKERS; i++)
		if (strcmp(checkers[i].name, name) == 0)
			type = checkers[i].type;
	if (type == NULL) {
		import_note(im, node_line(node), "%s; its backends have no check", name);
		return NULL;
	}
	json_t *o = json_pack("{s:s, s:I, s:I, s:I}", "type", type, "interval_ms",
	                      (json_int_t)(d->delay_ms >= 100 ? d->delay_ms : 60000),
	                      "timeout_ms", (json_int_t)5000, "rise", (json_int_t)1);
	if (d->retry >= 0)
		set_number(o, "fall", d->retry < 100 ? d->retry + 1 : 100);
	if (d->alpha)
		json_object_set_new(o, "start", json_string("down"));
	if (d->virtualhost != NULL)
		json_object_set_new(o, "host", json_string(d->virtualhost));
	for (size_t i = 0; i < json_array_size(node_block(node)); i++) {
		const json_t *n = json_array_get(node_block(node), i);
		if (!datagram_statement(im, name, n, o))
			checker_statement(im, n, o, &has_url);
	}
	if (strcmp(name, "SMTP_CHECK") == 0)
		json_object_set_new(o, "expect", json_string("220"));
	checker_prune(o, type);
	bool is_bare = strcmp(type, "script") == 0 && json_object_get(o, "script") == NULL;
	if (is_bare)
		import_note(im, node_line(node), "%s without a program; its backends have no check",
		            name);
	if (!is_bare && datagram_end(im, name, node, o))
		return o;
	json_decref(o);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* keepalived.conf: virtual servers as services, real servers as backends. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/addrtext.h"
#include "import_tree.h"

/* What is said of keywords of virtual and real servers; NULL: nothing, it means nothing to us. */
static const struct aside aside[] = {
	{"persistence_engine", "persistence by an engine"},
	{"sorry_server_inhibit", "the server of last resort gets connections when no other can"},
	{"quorum", "a service has no quorum: any backend that is up gets connections"},
	{"quorum_up", "events are in `millctl health events`"},
	{"quorum_down", "events are in `millctl health events`"},
	{"hysteresis", "a service has no quorum"},
	{"notify_up", "events are in `millctl health events`"},
	{"notify_down", "events are in `millctl health events`"},
	{"lthreshold", "a backend takes new connections again below the upper threshold"},
	{"ha_suspend", "checks run always"},
	{"omega", "nobody is told at the end"},
	{"delay_before_retry", "a check that failed is repeated after the interval"},
	{"smtp_alert", "events are in `millctl health events`"},
	{"virtualhost", "it is no host's name"},
	{"weight", NULL}, {"protocol", NULL},
};

struct virtual_server {
	struct import *im;
	const json_t *node, *groups;
	const char *protocol;   /* "tcp", "udp"; NULL after a note */
	const json_t *algorithm, *kind, *persistence, *granularity, *ops, *sorry;
	json_t *flags;          /* nodes of the scheduler's flags */
	struct check_defaults checks;
	long weight;
	json_t *services;
};

static void
note_aside(struct import *im, const json_t *node, const char *where)
{
	node_aside(im, node, aside, sizeof(aside) / sizeof(aside[0]), where);
}

static void
protocol_read(struct virtual_server *v, const json_t *node)
{
	const char *word = node_word(node, 1);
	v->protocol = strcmp(word, "TCP") == 0 ? "tcp" : strcmp(word, "UDP") == 0 ? "udp" : NULL;
	if (v->protocol == NULL)
		import_note(v->im, node_line(node), "protocol %.20s: services are of TCP or UDP",
		            word);
}

/* setting: one statement of a virtual server. */
static void
setting(struct virtual_server *v, const json_t *node)
{
	const char *word = node_word(node, 0);
	long n;
	if (strcmp(word, "delay_loop") == 0 && (n = node_ms(v->im, node)) >= 0)
		v->checks.delay_ms = n < 100 ? 100 : n;
	else if (strcmp(word, "lb_algo") == 0 || strcmp(word, "lvs_sched") == 0)
		v->algorithm = node;
	else if (strcmp(word, "lb_kind") == 0 || strcmp(word, "lvs_method") == 0)
		v->kind = node;
	else if (strcmp(word, "persistence_timeout") == 0)
		v->persistence = node;
	else if (strcmp(word, "persistence_granularity") == 0)
		v->granularity = node;
	else if (strcmp(word, "ops") == 0)
		v->ops = node;
	else if (strcmp(word, "sorry_server") == 0)
		v->sorry = node;
	else if (strncmp(word, "sh-", 3) == 0 || strncmp(word, "mh-", 3) == 0 ||
	         strncmp(word, "flag-", 5) == 0)
		json_array_append(v->flags, (json_t *)node);
	else if (strcmp(word, "protocol") == 0)
		protocol_read(v, node);
	else if (strcmp(word, "retry") == 0)
		v->checks.retry = word_number(node_words(node), 1, 0, 1000000);
	else if (strcmp(word, "alpha") == 0)
		v->checks.alpha = true;
	else if (strcmp(word, "virtualhost") == 0 && is_host(node_word(node, 1)))
		v->checks.virtualhost = node_word(node, 1);
	else if (strcmp(word, "weight") == 0)
		v->weight = word_number(node_words(node), 1, 0, 2147483647);
	else if (strcmp(word, "real_server") != 0 && strcmp(word, "delay_loop") != 0)
		note_aside(v->im, node, "virtual server");
}

/* services_add: one address of the virtual server; "192.0.2.10-12" is several. */
static void
services_add(struct virtual_server *v, unsigned line, const char *text, long port)
{
	char address[IMPORT_ADDRESS];
	const char *dash = strchr(text, '-'), *dot = strrchr(text, '.');
	long first = 0, last = 0;
	if (dash != NULL && dot != NULL && strchr(text, ':') == NULL) {
		first = strtol(dot + 1, NULL, 10);
		last = strtol(dash + 1, NULL, 10);
	}
	if (last < first || last >= IMPORT_RANGE || first < 0)
		last = first - 1; /* no addresses: said below */
	if (dash == NULL)
		first = last = 0;
	for (long i = first; i <= last; i++) {
		snprintf(address, sizeof(address), "%s", text);
		if (dash != NULL)
			snprintf(address, sizeof(address), "%.*s.%ld", (int)(dot - text), text, i);
		json_t *s = import_service(v->im, line, v->protocol, address, port);
		if (s != NULL)
			json_array_append(v->services, s);
	}
	if (last < first)
		import_note(v->im, line, "%.60s: expected first-last of the last number", text);
}

static void
address_read(struct virtual_server *v, const json_t *node, size_t at)
{
	long port = word_number(node_words(node), at + 1, 0, 65535);
	if (strcmp(node_word(node, at), "fwmark") == 0)
		import_note(v->im, node_line(node), "firewall mark %.20s: a service has an address",
		            node_word(node, at + 1));
	else if (json_array_size(node_words(node)) <= at + 1)
		services_add(v, node_line(node), node_word(node, at), 0);
	else if (port < 0)
		import_error(v->im, node_line(node), "port %.40s: expected a number",
		             node_word(node, at + 1));
	else
		services_add(v, node_line(node), node_word(node, at), port);
}

static void
group_read(struct virtual_server *v, const char *name)
{
	for (size_t i = 0; i < json_array_size(v->groups); i++) {
		const json_t *group = json_array_get(v->groups, i);
		if (strcmp(node_word(group, 1), name) != 0)
			continue;
		for (size_t k = 0; k < json_array_size(node_block(group)); k++)
			address_read(v, json_array_get(node_block(group), k), 0);
		return;
	}
	import_error(v->im, node_line(v->node), "there is no virtual_server_group %.60s", name);
}

/* backend_check: a server of all ports has to be asked on one. */
static void
backend_check(struct virtual_server *v, const json_t *node, json_t *backend, const char *check)
{
	for (size_t i = 0; i < json_array_size(v->im->checks); i++) {
		const json_t *c = json_array_get(v->im->checks, i);
		const char *type = json_string_value(json_object_get(c, "type"));
		const char *name = json_string_value(json_object_get(c, "name"));
		if (name == NULL || strcmp(name, check) != 0) /* one that was given may have none */
			continue;
		bool is_asked = json_object_get(backend, "port") != NULL ||
			json_object_get(c, "port") != NULL || strcmp(type, "script") == 0 ||
			strcmp(type, "icmp") == 0;
		if (is_asked)
			json_object_set_new(backend, "check", json_string(check));
		else
			import_note(v->im, node_line(node), "the check of a server of all ports "
			            "that names no port");
	}
}

/* sorry_server: in a group of its own behind the others, not checked, as there. */
static void
sorry_server(struct virtual_server *v)
{
	bool has_port = json_array_size(node_words(v->sorry)) > 2;
	long port = has_port ? word_number(node_words(v->sorry), 2, 0, 65535) : 0;
	unsigned line = node_line(v->sorry);
	if (port < 0) {
		import_error(v->im, line, "port %.40s: expected a number", node_word(v->sorry, 2));
		return;
	}
	for (size_t i = 0; i < json_array_size(v->services); i++) {
		json_t *s = json_array_get(v->services, i);
		long to = import_port(v->im, line, s, port);
		json_t *b = import_backend(v->im, line, s, node_word(v->sorry, 1), to, 1);
		if (b != NULL)
			json_object_set_new(b, "priority", json_integer(1));
	}
}

/* real_server: into every service of the virtual server. */
static void
real_server(struct virtual_server *v, const json_t *node)
{
	long port = word_number(node_words(node), 2, 0, 65535), weight = v->weight;
	bool has_port = json_array_size(node_words(node)) > 2;
	const char *check = NULL, *most = "0";
	bool inhibits = false;
	if (has_port && port < 0) {
		import_error(v->im, node_line(node), "port %.40s: expected a number",
		             node_word(node, 2));
		return;
	}
	for (size_t i = 0; i < json_array_size(node_block(node)); i++) {
		const json_t *n = json_array_get(node_block(node), i);
		if (strcmp(node_word(n, 0), "uthreshold") == 0)
			most = node_word(n, 1);
		else if (strcmp(node_word(n, 0), "weight") == 0)
			weight = word_number(node_words(n), 1, 0, 2147483647);
		else if (strcmp(node_word(n, 0), "inhibit_on_failure") == 0)
			inhibits = true;
		else if (!is_checker(node_word(n, 0)))
			note_aside(v->im, n, "real server");
		else if (check != NULL)
			import_note(v->im, node_line(n), "%s: a backend has one check",
			            node_word(n, 0));
		else {
			json_t *o = checker_read(v->im, n, &v->checks);
			check = o != NULL ? import_check(v->im, o) : NULL;
		}
	}
	if (weight < 0) {
		import_error(v->im, node_line(node), "its weight is no number from 0 on");
		return;
	}
	for (size_t i = 0; i < json_array_size(v->services); i++) {
		json_t *s = json_array_get(v->services, i);
		long to = import_port(v->im, node_line(node), s, has_port ? port : 0);
		json_t *b = import_backend(v->im, node_line(node), s, node_word(node, 1), to,
		                           weight);
		if (b != NULL && check != NULL)
			backend_check(v, node, b, check);
		if (b != NULL)
			import_limit(v->im, node_line(node), s, b, most);
		if (b != NULL && inhibits) /* its connections stay; so they do at the others then */
			json_object_set_new(s, "dead", json_string("stay"));
	}
}

/* check_gather: a check that all backends have becomes the service's. */
static void
check_gather(json_t *service)
{
	const json_t *list = json_object_get(service, "backends");
	const json_t *first = json_object_get(json_array_get(list, 0), "check");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *own = json_object_get(json_array_get(list, i), "check");
		if (own == NULL || !json_equal((json_t *)own, (json_t *)first))
			return;
	}
	if (first == NULL)
		return;
	json_object_set(service, "check", (json_t *)first);
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_del(json_array_get(list, i), "check");
}

/* choice_read: how the virtual server's services choose; what differs is said once. */
static void
choice_read(struct virtual_server *v, json_t *s)
{
	unsigned line = node_line(v->algorithm != NULL ? v->algorithm : v->node);
	import_scheduler(v->im, line, s,
	                 v->algorithm != NULL ? node_word(v->algorithm, 1) : "wlc");
	for (size_t i = 0; i < json_array_size(v->flags); i++) {
		const json_t *flag = json_array_get(v->flags, i);
		import_flags(v->im, node_line(flag), s, node_word(flag, 0));
	}
	if (v->persistence != NULL) {
		const char *timeout = node_word(v->persistence, 1);
		import_persistence(v->im, node_line(v->persistence), s,
		                   timeout[0] != '\0' ? timeout : "360",
		                   v->granularity != NULL ? node_word(v->granularity, 1) : NULL);
	}
	if (v->ops != NULL)
		import_per_packet(v->im, node_line(v->ops), s);
	import_choice_end(v->im, line, s);
	for (size_t i = 1; i < json_array_size(v->services); i++)
		import_choice_copy(json_array_get(v->services, i), s);
}

/* said_of_services: what is of all services of a virtual server. */
static void
said_of_services(struct virtual_server *v)
{
	json_t *s = json_array_get(v->services, 0);
	const char *kind = v->kind != NULL ? node_word(v->kind, 1) : "NAT";
	if (s == NULL)
		return;
	choice_read(v, s);
	char letter = strcmp(kind, "DR") == 0 ? 'g' : strcmp(kind, "TUN") == 0 ? 'i' : 'm';
	if (letter == 'm' && strcmp(kind, "NAT") != 0)
		import_note(v->im, node_line(v->kind), "%.20s; it becomes mode nat", kind);
	import_mode(v->im, node_line(v->kind != NULL ? v->kind : v->node), s, letter, NULL);
	for (size_t i = 1; i < json_array_size(v->services); i++) {
		json_t *other = json_array_get(v->services, i);
		json_object_set(other, "mode", json_object_get(s, "mode"));
		if (json_object_get(s, "schedule") == NULL)
			json_object_del(other, "schedule");
	}
}

static void
virtual_server(struct import *im, const json_t *node, const json_t *groups)
{
	struct virtual_server v = {.im = im, .node = node, .groups = groups, .protocol = "tcp",
	                           .checks = {.delay_ms = -1, .retry = -1}, .weight = 1,
	                           .services = json_array(), .flags = json_array()};
	const json_t *inside = node_block(node);
	for (size_t i = 0; i < json_array_size(inside); i++)
		setting(&v, json_array_get(inside, i));
	if (v.protocol != NULL && strcmp(node_word(node, 1), "group") == 0)
		group_read(&v, node_word(node, 2));
	else if (v.protocol != NULL)
		address_read(&v, node, 1);
	said_of_services(&v);
	for (size_t i = 0; i < json_array_size(inside); i++) {
		const json_t *n = json_array_get(inside, i);
		if (strcmp(node_word(n, 0), "real_server") == 0 && json_array_size(v.services) != 0)
			real_server(&v, n);
	}
	if (v.sorry != NULL)
		sorry_server(&v);
	for (size_t i = 0; i < json_array_size(v.services); i++)
		check_gather(json_array_get(v.services, i));
	json_decref(v.services);
	json_decref(v.flags);
}

void
import_keepalived(struct import *im, const char *text)
{
	char *expanded = macros_expand(im, text);
	json_t *nodes = tree_read(im, expanded != NULL ? expanded : text);
	json_t *groups = json_array();
	for (size_t i = 0; i < json_array_size(nodes); i++)
		if (strcmp(node_word(json_array_get(nodes, i), 0), "virtual_server_group") == 0)
			json_array_append(groups, json_array_get(nodes, i));
	for (size_t i = 0; i < json_array_size(nodes) && im->errors == 0; i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *word = node_word(node, 0);
		if (strcmp(word, "virtual_server") == 0)
			virtual_server(im, node, groups);
		else if (strncmp(word, "vrrp", 4) == 0)
			import_note(im, node_line(node), "%.40s %.40s: Millrace announces no "
			            "addresses itself", word, node_word(node, 1));
		else if (strncmp(word, "include", 7) == 0)
			import_note(im, node_line(node), "include %.60s: import that file too",
			            node_word(node, 1));
		else if (word[0] == '@')
			import_note(im, node_line(node), "%.40s %.40s: it depends on where "
			            "keepalived runs; write out what is meant here", word,
			            node_word(node, 1));
		else if (strcmp(word, "virtual_server_group") != 0)
			import_note(im, node_line(node), "%.40s", word);
	}
	json_decref(groups);
	json_decref(nodes);
	free(expanded);
}

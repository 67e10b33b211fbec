/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       `millctl import`: the set-up of another balancer as services and checks of ours, and a
 *            sentence for each thing that could not be taken over.
 * Layout     A reader a format (import_ipvsadm.c, import_keepalived.c) over a text in memory; both
 *            build the same JSON.
 * Invariant  1. Every line is taken over, or said of: nothing is lost in silence.
 *            2. With an error (the text is not of the format) nothing is put out.
 *            3. What is put out is valid but for what another part of the document makes wrong.
 * Owner      One call.
 * Limits     IMPORT_DEPTH blocks inside one another; names of 31 characters.
 * See        docs/health.md, docs/config.md.
 */
#ifndef MR_CLIENT_IMPORT_H
#define MR_CLIENT_IMPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { IMPORT_DEPTH = 16, IMPORT_ADDRESS = 64, IMPORT_RANGE = 256 };

/* Of a service whose scheduler knows weight 0 and no others; it is not put out. */
#define IMPORT_WEIGHTLESS "weightless"
/* Of a service whose servers are used in the order of their weights; it is not put out. */
#define IMPORT_ORDER "by order"
/* Of a service whose mode has been said; it is not put out. */
#define IMPORT_MODE "mode is said"

struct import {
	const char *file;     /* for messages */
	FILE *err;
	json_t *services, *checks;
	unsigned notes, errors;
};

void import_begin(struct import *im, const char *file, FILE *err);
void import_end(struct import *im);
/* import_given: checks that the document already has; those that are read are the same, or have
 * other names. */
void import_given(struct import *im, const json_t *checks);
/* import_result: {"lb": {...}}, with the checks that were given; new reference. */
json_t *import_result(struct import *im);

/* The readers. The text is printable ASCII, tabs and line ends (import_clean). */
void import_ipvsadm(struct import *im, const char *text);
void import_keepalived(struct import *im, const char *text);
/* import_clean: what is no such character becomes '?'. */
void import_clean(char *text, size_t n);

/* import_note: FILE:LINE: not taken over: … import_error: FILE:LINE: error: … */
void import_note(struct import *im, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void import_error(struct import *im, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* import_words: the words of a line as an array, quotes undone; it ends at a line end or #. */
json_t *import_words(const char *line);
/* word_at: word number i, "" beyond the last. word_number: as a number within the bounds, or -1. */
const char *word_at(const json_t *words, size_t i);
long word_number(const json_t *words, size_t i, long least, long most);

/* import_endpoint: "192.0.2.1:80" or "[2001:db8::1]:80". => false if it is neither. */
bool import_endpoint(const char *text, char address[IMPORT_ADDRESS], long *port);
/* import_service: a new one; NULL after a note. protocol: "tcp" or "udp". */
json_t *import_service(struct import *im, unsigned line, const char *protocol, const char *address,
                       long port);
json_t *import_find(const struct import *im, const char *protocol, const char *address, long port);
json_t *import_backend(struct import *im, unsigned line, json_t *service, const char *address,
                       long port, long weight);
/*
 * Of a service, by IPVS's words; notes say what differs (import_choice.c). The scheduler comes
 * before its flags (separated by commas), import_choice_end after all, before backends.
 */
void import_scheduler(struct import *im, unsigned line, json_t *service, const char *name);
void import_flags(struct import *im, unsigned line, json_t *service, const char *flags);
void import_persistence(struct import *im, unsigned line, json_t *service, const char *timeout,
                        const char *mask);
void import_per_packet(struct import *im, unsigned line, json_t *service);
void import_choice_end(struct import *im, unsigned line, json_t *service);
/* import_choice_copy: another service chooses as this one. import_limit: of a backend. */
void import_choice_copy(json_t *to, const json_t *from);
/* import_order: servers of services with IMPORT_ORDER into groups, the heaviest first. */
void import_order(struct import *im);
void import_limit(struct import *im, unsigned line, const json_t *service, json_t *backend,
                  const char *connections);
/*
 * How packets get to servers (import_mode.c). import_mode: 'm' masqueraded, 'g' as they are, 'i' in
 * a tunnel (of which kind, or NULL); the first server's is the service's. import_tunnel_port: its
 * UDP port. import_port: where a server listens (0: on the service's port).
 */
void import_mode(struct import *im, unsigned line, json_t *service, char kind, const char *tunnel);
void import_tunnel_port(struct import *im, unsigned line, json_t *service, const json_t *words);
long import_port(struct import *im, unsigned line, const json_t *service, long port);
/* import_check: give a check (taken over) a name, or find the same one. => its name. */
const char *import_check(struct import *im, json_t *check);

#endif

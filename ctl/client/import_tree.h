/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       keepalived.conf as a tree: statements with their words, their line and the block that
 *            follows in braces; and the checks in such blocks.
 * Layout     A statement is {"line": n, "words": [...], "block": [statements]}; no block, no key.
 * Limits     IMPORT_DEPTH blocks inside one another, then an error.
 */
#ifndef MR_CLIENT_IMPORT_TREE_H
#define MR_CLIENT_IMPORT_TREE_H

#include "import.h"

/* tree_read: => array of statements, with errors in im if braces do not match. */
json_t *tree_read(struct import *im, const char *text);

unsigned node_line(const json_t *node);
const char *node_word(const json_t *node, size_t i);
const json_t *node_words(const json_t *node);
const json_t *node_block(const json_t *node);
/* node_ms: word 1 as seconds, in milliseconds; -1 after an error. */
long node_ms(struct import *im, const json_t *node);

/* A keyword that is not taken over, and why; NULL: nothing is said, it means nothing to us. */
struct aside {
	const char *word, *why;
};
/* node_aside: say of a statement what the table does; else that a `where` does not know it. */
void node_aside(struct import *im, const json_t *node, const struct aside *table, size_t n,
                const char *where);

/* What checks of a virtual server have in common unless they say otherwise; -1, NULL: not given. */
struct check_defaults {
	long delay_ms, retry;
	bool alpha;
	const char *virtualhost;
};

/* checker_read: the check of a statement. => new object without a name, or NULL after a note. */
json_t *checker_read(struct import *im, const json_t *node, const struct check_defaults *d);
/* is_checker: is it the name of a kind of check, known or not? */
bool is_checker(const char *word);

/* macros_expand: the text with what it defines put in, line by line. => the caller's to free. */
char *macros_expand(struct import *im, const char *text);

/* datagram_statement: of UDP_CHECK or DNS_CHECK. => false: it is none of theirs. datagram_end: what
 * is sent. => false after a note: there is no such check. */
bool datagram_statement(struct import *im, const char *checker, const json_t *node, json_t *o);
bool datagram_end(struct import *im, const char *checker, const json_t *node, json_t *o);

/* is_host: can it be a check's host? */
bool is_host(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Reading keepalived's braces. */
#include "import_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct import *im;
	const char *at;     /* the next line */
	unsigned line;
	json_t *words;      /* of this one */
	size_t next;
};

/* words_split: a brace at the end of a word is one of its own; ! begins a comment too. */
static json_t *
words_split(json_t *words)
{
	json_t *out = json_array();
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *w = word_at(words, i);
		size_t n = strlen(w);
		if (w[0] == '!')
			break;
		if (n > 1 && w[n - 1] == '{') {
			json_array_append_new(out, json_stringn(w, n - 1));
			json_array_append_new(out, json_string("{"));
		} else {
			json_array_append(out, json_array_get(words, i));
		}
	}
	json_decref(words);
	return out;
}

/* line_next: => false at the end. */
static bool
line_next(struct reader *r)
{
	json_decref(r->words);
	r->words = NULL;
	if (*r->at == '\0')
		return false;
	r->words = words_split(import_words(r->at));
	r->next = 0;
	r->line++;
	r->at += strcspn(r->at, "\n");
	r->at += *r->at == '\n';
	return true;
}

static bool
is_brace(const char *w)
{
	return (w[0] == '{' || w[0] == '}') && w[1] == '\0';
}

/* statement: the words up to a brace or the line's end. */
static json_t *
statement(struct reader *r)
{
	json_t *words = json_array();
	while (r->next < json_array_size(r->words) && !is_brace(word_at(r->words, r->next)))
		json_array_append(words, json_array_get(r->words, r->next++));
	return json_pack("{s:i, s:o}", "line", (int)r->line, "words", words);
}

/* block: statements up to the brace that closes it, or the end of the text. */
static json_t *
block(struct reader *r, unsigned depth)
{
	json_t *nodes = json_array();
	unsigned opened = r->line;
	for (;;) {
		if (r->words == NULL || r->next >= json_array_size(r->words)) {
			if (line_next(r))
				continue;
			if (depth > 0)
				import_error(r->im, opened, "this block is not closed");
			return nodes;
		}
		const char *w = word_at(r->words, r->next);
		json_t *last = json_array_get(nodes, json_array_size(nodes) - 1);
		if (!is_brace(w)) {
			json_array_append_new(nodes, statement(r));
			continue;
		}
		r->next++;
		if (w[0] == '}' && depth > 0)
			return nodes;
		bool opens = w[0] == '{' && depth < IMPORT_DEPTH && last != NULL &&
		             node_block(last) == NULL;
		if (opens)
			json_object_set_new(last, "block", block(r, depth + 1));
		else
			import_error(r->im, r->line, "%s is not expected here", w);
		if (r->im->errors > IMPORT_DEPTH)
			return nodes;
	}
}

json_t *
tree_read(struct import *im, const char *text)
{
	struct reader r = {.im = im, .at = text};
	json_t *nodes = block(&r, 0);
	json_decref(r.words);
	return nodes;
}

unsigned
node_line(const json_t *node)
{
	return (unsigned)json_integer_value(json_object_get(node, "line"));
}

const json_t *
node_words(const json_t *node)
{
	return json_object_get(node, "words");
}

const char *
node_word(const json_t *node, size_t i)
{
	return word_at(node_words(node), i);
}

const json_t *
node_block(const json_t *node)
{
	return json_object_get(node, "block");
}

void
node_aside(struct import *im, const json_t *node, const struct aside *table, size_t n,
           const char *where)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(table[i].word, node_word(node, 0)) != 0)
			continue;
		if (table[i].why != NULL)
			import_note(im, node_line(node), "%s: %s", table[i].word, table[i].why);
		return;
	}
	import_note(im, node_line(node), "%.40s: not known in a %s", node_word(node, 0), where);
}

long
node_ms(struct import *im, const json_t *node)
{
	const char *word = node_word(node, 1);
	char *end;
	double s = strtod(word, &end);
	if (end != word && *end == '\0' && isfinite(s) && s >= 0 && s <= 3600)
		return (long)(s * 1000);
	import_error(im, node_line(node), "%.40s %.40s: expected seconds, 0 to 3600",
	             node_word(node, 0), word);
	return -1;
}

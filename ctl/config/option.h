/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The options of the configuration document as rows of one table: the checker, the
 *            defaults, the JSON Schema and the reference in docs/config.md are made from it.
 * Layout     A row's path has "[]" where an array's items stand: "nat.pools[].ports". The row of
 *            the document itself has the path "". Rows stand in tree order: what is inside an
 *            object or array follows it directly.
 * Invariant  1. Every row but the first has its parent before it; siblings have different keys.
 *            2. A default, where there is one, passes its own row's check.
 * Owner      Constant.
 * Limits     CONFIG_PATH bytes of a path.
 * See        docs/config.md; docs/adding.md, "An option".
 */
#ifndef MR_CONFIG_OPTION_H
#define MR_CONFIG_OPTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_OBJECT,
	CONFIG_ARRAY,     /* min..max items */
	CONFIG_INT,       /* min..max */
	CONFIG_POWER2,    /* a power of two, min..max */
	CONFIG_BOOL,
	CONFIG_NAME,      /* [A-Za-z0-9_.:-], min..max characters */
	CONFIG_DEVICE,    /* printable ASCII without spaces, min..max characters */
	CONFIG_WORD,      /* one of words */
	CONFIG_ADDRESS,   /* unicast, either family */
	CONFIG_INTERFACE, /* address/length, the address is a host's */
	CONFIG_PREFIX,    /* address/length without host bits, or an address */
	CONFIG_PREFIX4,   /* the same, IPv4 only */
	CONFIG_RANGE4,    /* IPv4: address, prefix, or first-last */
	CONFIG_RANGE,     /* the same, or an IPv6 address */
	CONFIG_PORTS,     /* first-last */
	CONFIG_MAC,       /* unicast */
	CONFIG_PATH,      /* of a file: absolute, printable ASCII without spaces, min..max */
	CONFIG_HOST,      /* an address, also of this host itself */
	CONFIG_TEXT,      /* printable ASCII, min..max characters */
	CONFIG_STATUS,    /* of HTTP: number, or first-last */
	CONFIG_UNICAST,   /* as CONFIG_PREFIX, of addresses that hosts can have */
	CONFIG_HEX,       /* octets as hexadecimal digits, min..max octets */
};

enum config_flag {
	CONFIG_REQUIRED = 1 << 0,
	CONFIG_RESTART = 1 << 1, /* fixed while millrace runs */
};

struct config_option {
	const char *path;
	enum config_type type;
	const char *fallback; /* the default as text; NULL: none, help says what absence means */
	int64_t min, max;
	const char *words;    /* CONFIG_WORD: separated by one space */
	unsigned flags;
	const char *help;
};

/* option_root: the first row. option_next: the row after, NULL at the end. */
const struct config_option *option_root(void);
const struct config_option *option_next(const struct config_option *o);

/* option_child_next: walk the keys of an object's row; start with child = NULL. */
const struct config_option *option_child_next(const struct config_option *parent,
                                              const struct config_option *child);
/* option_child: the row of a key, or NULL. option_item: the row of an array's items. */
const struct config_option *option_child(const struct config_option *parent, const char *key);
const struct config_option *option_item(const struct config_option *array);

/* option_ignored: may the key stand in this object, without a meaning to us? */
bool option_ignored(const struct config_option *parent, const char *key);

/* option_key: the last word of the path ("ports"). */
const char *option_key(const struct config_option *o);

/* option_word: is s one of the row's words? => its number, or -1. */
int option_word(const struct config_option *o, const char *s);

/* option_words_at: copy word number i into out. => false when there is none. */
bool option_words_at(const struct config_option *o, unsigned i, char *out, size_t size);

/* option_default: the default as a JSON value (new reference), or NULL. */
json_t *option_default(const struct config_option *o);

/* option_expected: "an integer from 1 to 64", for messages and the reference. */
void option_expected(const struct config_option *o, char *out, size_t size);

/* config_reference: the table of docs/config.md as Markdown; malloc'ed. */
char *config_reference(void);

#endif

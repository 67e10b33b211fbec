/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The health checks of a document as plain values, for those that run them.
 * Layout     Texts belong to a copy of the document's section that the set keeps; bytes with their
 *            escapes undone and compiled expressions belong to the set.
 * Invariant  The document passed config_check: nothing here can be wrong, only memory can run out.
 * Lifetime   A check is good as long as a reference to its set is held.
 * Limits     the enum; CONFIG_MAX_CHECKS checks.
 * See        docs/health.md.
 */
#ifndef MR_CONFIG_CHECKS_H
#define MR_CONFIG_CHECKS_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "lb/lb_image.h"

enum {
	CHECK_MAX_STATUS = 16,
	CHECK_MAX_TEXT = 512,
	CHECK_MAX_ARGUMENTS = 16,
	CHECK_MAX_FALLS = 10, /* of damping.changes */
};

/* What passive health does where the service does not say: as the option table has it. */
enum { PASSIVE_SHARE = 50, PASSIVE_WINDOW_S = 10, PASSIVE_HOLD_S = 30, PACE_MAX_S = 60 };

enum check_type { CHECK_TCP, CHECK_HTTP, CHECK_HTTPS, CHECK_UDP, CHECK_ICMP, CHECK_SCRIPT };

/* What is asked for; CHECK_AS_CAN: the service's address where check_asks_not does not. */
enum check_target { CHECK_AS_CAN, CHECK_BACKEND, CHECK_SERVICE };

/* When results become a verdict. */
struct check_rule {
	uint8_t rise, fall;
	uint8_t changes;   /* of damping; 0: none */
	bool start_down;   /* before the first result */
	uint32_t period_s, hold_s;
};

struct check_bytes {
	uint16_t n;
	uint8_t b[CHECK_MAX_TEXT];
};

struct check {
	const char *name;
	enum check_type type;
	enum check_target target;
	struct check_rule rule;
	uint32_t interval_ms, timeout_ms;
	uint8_t jitter;            /* percent */
	uint16_t port;             /* host order; 0: the backend's */
	const char *method, *path, *script;
	const char *host, *ca_file; /* or NULL */
	uint16_t status[CHECK_MAX_STATUS][2];
	unsigned n_status;
	struct check_bytes send, expect, body; /* n 0: none */
	bool has_regex, verify, answer;
	regex_t regex;
	unsigned n_arguments;
	const char *argument[CHECK_MAX_ARGUMENTS];
};

struct checks {
	unsigned references;
	size_t n;
	json_t *filled; /* lb.checks with defaults */
	unsigned n_askers;
	struct img_lb_asker asker[LB_MAX_ASKERS]; /* lb.check_sources */
	struct check check[];
};

/* checks_create: => a set with one reference, NULL when memory runs out. */
struct checks *checks_create(const json_t *doc);
struct checks *checks_get(struct checks *c);
void checks_put(struct checks *c);

/* checks_find: by name; NULL for no name, "none", and one that is not there. */
const struct check *checks_find(const struct checks *c, const char *name);
/* checks_of: the check of backend number i of a service of the document, or NULL. */
const struct check *checks_of(const struct checks *c, const json_t *service, size_t i);

/*
 * check_asks_not: why a check of this type and port (0: none of its own) cannot ask backends of the
 * service for the service's address, a clause. has_source: there is an address to ask from. =>
 * NULL: it can.
 */
const char *check_asks_not(enum check_type type, uint16_t port, const struct img_lb_service *s,
                           bool has_source);
/* checks_ask_service: does this check? */
bool checks_ask_service(const struct checks *c, const struct check *k,
                        const struct img_lb_service *s);

/* check_type_name: "tcp". */
const char *check_type_name(enum check_type type);
enum check_type check_type_of(const char *word);

/* bytes_read: undo escapes. => false and *bad at the one that is none. */
bool bytes_read(const char *text, struct check_bytes *out, const char **bad);

#endif

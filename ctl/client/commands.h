/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The commands of millctl: one row each, from which running, help, completion and the
 *            manual's reference come. Parameters and help texts are the API's own.
 * Layout     args: parameters of the method that stand without a name, in order ("service
 *            backend.address"); every other parameter is an option, "--" and its last word.
 * Invariant  Every method of the API has a row (tests/test_client.c).
 * See        docs/adding.md, "A request of the socket".
 */
#ifndef MR_CLIENT_COMMANDS_H
#define MR_CLIENT_COMMANDS_H

#include "client.h"
#include "ctl/api/api.h"
#include "ctl/config/config.h"
#include "table.h"

struct command_row {
	const char *noun, *verb;  /* verb "": the noun alone, or "show" */
	const char *method;       /* of the API; NULL: no request of its own */
	const char *args;
	/* The method's key of a listing that is paged, or NULL. is_whole: all of it is shown, if no
	 * --limit is given. */
	const char *list;
	bool is_whole;
	const struct view *views; /* up to one without path; NULL: as JSON */
	/* run: instead of a request. => an EXIT_. */
	int (*run)(struct session *s, const struct command_row *row, int argc, char **argv);
	const char *local;        /* with run: its arguments, for help */
	const char *help;         /* NULL: the method's */
	const char *extra;        /* with run and a method: arguments beside its parameters */
};

const struct command_row *command_rows(size_t *n);

/* command_find: the row of words; *used of them are its name. => NULL and a message to err. */
const struct command_row *command_find(int argc, char **argv, int *used, FILE *err);
/* command_run: everything after the name. => an EXIT_. */
int command_run_row(struct session *s, const struct command_row *row, int argc, char **argv);

/* call_listing: row's list until the limit that params has (taken over) is reached; or NULL. */
json_t *call_listing(struct session *s, const struct command_row *row, json_t *params);

/* print_result: by the row's views, or as JSON. */
void print_result(struct session *s, const struct command_row *row, const json_t *result);
/* print_answers: the same of a result (taken over; NULL: none, and it was said) that has `answers`.
 * => an EXIT_: EXIT_NO if there are none. */
int print_answers(struct session *s, const struct command_row *row, json_t *result);
/* print_config_errors: one a line. */
void print_warnings(FILE *err, const json_t *warnings); /* of a configuration */
void print_config_errors(FILE *err, const struct config_errors *errs);

/* args.c: words to parameters. => new object, or NULL and *status after a message to err. */
json_t *args_parse(const struct command_row *row, int argc, char **argv, FILE *err, int *status);
const struct api_method *row_method(const struct command_row *row);
/* take_word: "--name VALUE" out of the words, if it is there. => words left, or -1 and said. */
int take_word(int argc, char **argv, const char *name, const char **value, FILE *err);
/* row_arg: name of argument number i of a row. => false: it takes fewer. */
bool row_arg(const struct command_row *row, int i, char *out, size_t size);
bool row_is_arg(const struct command_row *row, const char *param);
/* option_name: "filter.source_port" to "--source-port". */
void option_name(const char *param, char *out, size_t size);

/* help.c */
void help_row(FILE *out, const struct command_row *row);
/* help_usage: the row is not used so. => EXIT_USAGE. */
int help_usage(FILE *err, const struct command_row *row);
void help_all(FILE *out);
/* help_noun: of all its verbs, or of one if verb is not NULL. => an EXIT_. */
int help_noun(FILE *out, const char *noun, const char *verb, FILE *err);
/* help_word: a parameter as it is written on the command line: "SERVICE", "--port". */
void help_word(const struct command_row *row, const struct api_param_use *use, char *out,
               size_t size);
/* help_man, help_api: the generated parts of millctl(1) and docs/api.md. */
void help_man(FILE *out);
void help_api(FILE *out);
/* complete: what may follow these words, one a line. */
void complete(FILE *out, int argc, char **argv);
/* complete_names: objects that may, as the daemon has them; nothing if it does not say. */
void complete_names(struct session *s, int argc, char **argv);

/* views.c */
extern const struct view view_applied[], view_flows[], view_flow_count[], view_mappings[],
	view_subscribers[], view_subscriber[], view_addresses[], view_cleared[],
	view_blocks[], view_pools[], view_pool[], view_services[],
	view_service[], view_backends[], view_backend[], view_stats[], view_drops[], view_nics[],
	view_neighbours[], view_routes[], view_steering[], view_log[], view_sinks[],
	view_whohad[], view_forward[], view_reverse[], view_generation[],
	view_methods[], view_version[], view_health[], view_health_events[],
	view_lb_table[], view_lb_where[], view_lb_spread[], view_lb_handshakes[],
	view_lb_mtus[];

/* lb.c */
int run_lb(struct session *s, const struct command_row *row, int argc, char **argv);
enum lb_columns { LB_CONNECTIONS, LB_STATS, LB_RATE };
/* lb_print: results of lb.list; of LB_RATE two, so many seconds apart. */
void lb_print(FILE *out, enum lb_columns columns, const json_t *before, const json_t *now,
              double seconds);

/* natviews.c; filter_words: words of a filter as one string; NULL: wrong, said. */
int run_nat_show(struct session *s, const struct command_row *row, int argc, char **argv);
int run_nat_count(struct session *s, const struct command_row *row, int argc, char **argv);
int run_nat_clear(struct session *s, const struct command_row *row, int argc, char **argv);
json_t *filter_words(const struct command_row *row, int argc, char **argv, FILE *err);

/* local.c, top.c, whohad.c, fixed.c: commands that are more than one request. */
int run_config_check(struct session *s, const struct command_row *row, int argc, char **argv);
int run_config_get(struct session *s, const struct command_row *row, int argc, char **argv);
int run_log_follow(struct session *s, const struct command_row *row, int argc, char **argv);
int run_whohad(struct session *s, const struct command_row *row, int argc, char **argv);
int run_fixed(struct session *s, const struct command_row *row, int argc, char **argv);
int run_call(struct session *s, const struct command_row *row, int argc, char **argv);
int run_help(struct session *s, const struct command_row *row, int argc, char **argv);
int run_complete(struct session *s, const struct command_row *row, int argc, char **argv);
int run_import(struct session *s, const struct command_row *row, int argc, char **argv);
int run_metrics(struct session *s, const struct command_row *row, int argc, char **argv);
int run_top(struct session *s, const struct command_row *row, int argc, char **argv);

/*
 * metrics_print: answers to generation.show, stats, pool, backend and service.list, log.sinks;
 * but for the first all may be NULL, together.
 */
enum { METRICS_SOURCES = 6 };
void metrics_print(FILE *out, json_t *const answer[METRICS_SOURCES]);

/* top_share: how many rows of each list fit into the lines, each with its header; in turn. */
enum { TOP_LISTS = 3 };
void top_share(size_t lines, const size_t want[TOP_LISTS], size_t got[TOP_LISTS]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, finding a row in it, and running it. */
#include "commands.h"
#include "ctl/config/near.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 100 };

#define WHOLE(of) .list = of, .is_whole = true /* in pages, of which nobody has to know */

static const struct command_row rows[] = {
	{"service", "list", "service.list", "", WHOLE("services"), .views = view_services},
	{"service", "show", "service.show", "name", WHOLE("backends"), .views = view_service},
	{"service", "add", "service.add", "service", .views = view_applied},
	{"service", "remove", "service.remove", "name", .views = view_applied},
	{"backend", "list", "backend.list", "service", WHOLE("backends"), .views = view_backends},
	{"backend", "show", "backend.show", "service address", .views = view_backend},
	{"backend", "add", "backend.add", "service backend.address", .views = view_applied},
	{"backend", "remove", "backend.remove", "service address", .views = view_applied},
	{"backend", "weight", "backend.weight", "service address weight", .views = view_applied},
	{"backend", "drain", "backend.drain", "service address", .views = view_applied},
	{"backend", "maint", "backend.maint", "service address", .views = view_applied},
	{"backend", "ready", "backend.ready", "service address", .views = view_applied},
	{"backend", "up", "backend.up", "service address", .views = view_applied},
	{"backend", "down", "backend.down", "service address", .views = view_applied},
	{"backend", "auto", "backend.auto", "service address", .views = view_applied},
	{"lb", "list", "lb.list", "service", WHOLE("services"), .run = run_lb,
	 .extra = "[--stats | --rate]"},
	{"lb", "table", "lb.table", "service", WHOLE("backends"), .views = view_lb_table},
	{"lb", "where", "lb.where", "service client.address", .views = view_lb_where},
	{"lb", "spread", "lb.spread", "service", WHOLE("services"), .views = view_lb_spread},
	{"lb", "handshakes", "lb.handshakes", "service", WHOLE("backends"),
	 .views = view_lb_handshakes},
	{"lb", "mtus", "lb.mtus", "", WHOLE("mtus"), .views = view_lb_mtus},
	{"lb", "", "lb.list", "service", WHOLE("services"), .run = run_lb,
	 .extra = "[--stats | --rate]"},
	{"health", "list", "health.list", "", .list = "backends", .views = view_health},
	{"health", "events", "health.events", "", .views = view_health_events},
	{"health", "", "health.list", "", .list = "backends", .views = view_health},
	{"pool", "list", "pool.list", "", .views = view_pools},
	{"pool", "show", "pool.show", "name", .views = view_pool},
	{"pool", "add-range", "pool.add_range", "pool range", .views = view_applied},
	{"pool", "remove-range", "pool.remove_range", "pool range", .views = view_applied},
	{"pool", "drain-range", "pool.drain_range", "pool range", .views = view_applied},
	{"pool", "ready-range", "pool.ready_range", "pool range", .views = view_applied},
	{"subscriber", "list", "subscriber.list", "", .list = "subscribers",
	 .views = view_subscribers},
	{"subscriber", "show", "subscriber.show", "address", .views = view_subscriber},
	{"mapping", "list", "mapping.list", "", .list = "mappings", .views = view_mappings},
	{"flow", "list", "flow.list", "", .list = "flows", .views = view_flows},
	{"flow", "count", "flow.count", "", .views = view_flow_count},
	{"stats", "", "stats", "", .views = view_stats},
	{"drops", "", "stats", "", .views = view_drops,
	 .help = "packets that were not forwarded, by reason"},
	{"metrics", "", NULL, "", .run = run_metrics, .local = "",
	 .help = "counters and gauges in the text format of Prometheus"},
	{"top", "", NULL, "", .run = run_top, .local = "[--interval S] [--count N] [--once]",
	 .help = "rates by interface, drops and services, refreshed"},
	{"log", "list", "log.list", "", .views = view_log},
	{"log", "follow", NULL, "", .run = run_log_follow, .local = "[KEY=VALUE...]",
	 .help = "log records as they come, until interrupted"},
	{"log", "sinks", "log.sinks", "", .views = view_sinks},
	{"nat", "forward", "nat.forward", "address", .views = view_forward, .run = run_fixed,
	 .extra = "[--config FILE]"},
	{"nat", "reverse", "nat.reverse", "external.address", .views = view_reverse,
	 .run = run_fixed, .extra = "[--config FILE]"},
	{"nat", "whohad", "nat.whohad", "external.address", .views = view_whohad,
	 .run = run_whohad, .extra = "[--directory DIR]"},
	{"nat", "show", "nat.show", "what", .run = run_nat_show, .extra = "[KEY=VALUE...]"},
	{"nat", "count", "nat.count", "what", .run = run_nat_count, .extra = "[KEY=VALUE...]"},
	{"nat", "clear", "nat.clear", "filter", .run = run_nat_clear, .extra = "[KEY=VALUE...]"},
	{"nat", "cleared", "nat.cleared", "", .views = view_cleared},
	{"nat", "follow", NULL, "", .run = run_log_follow, .local = "[KEY=VALUE...]",
	 .help = "the last ten log records of what the filter wants, then those to come"},
	{"nic", "list", "nic.list", "", .views = view_nics},
	{"neighbour", "list", "neighbour.list", "", .views = view_neighbours},
	{"route", "list", "route.list", "", .views = view_routes},
	{"steering", "", "steering.show", "", .views = view_steering},
	{"generation", "", "generation.show", "", .views = view_generation},
	{"config", "check", "config.check", "config", .run = run_config_check, .local = "FILE",
	 .help = "is this file a valid configuration? Needs no daemon"},
	{"config", "apply", "config.apply", "config", .views = view_applied},
	{"config", "get", "config.get", "", .run = run_config_get, .local = ""},
	{"config", "schema", "config.schema", "", .views = NULL},
	{"import", "ipvsadm", NULL, "", .run = run_import, .local = "FILE [--into CONFIG]",
	 .help = "a dump of `ipvsadm -Sn` as a configuration; says what is not taken over"},
	{"import", "keepalived", NULL, "", .run = run_import, .local = "FILE [--into CONFIG]",
	 .help = "a keepalived.conf as a configuration; says what is not taken over"},
	{"call", "", NULL, "", .run = run_call, .local = "METHOD [JSON]",
	 .help = "any request of the API, with its parameters as JSON"},
	{"methods", "", "rpc.methods", "", .views = view_methods,
	 .help = "requests that the daemon answers, for `call`"},
	{"version", "", "version", "", .views = view_version},
	{"help", "", NULL, "", .run = run_help, .local = "[NOUN [VERB]]",
	 .help = "all commands, or those of a noun, or one"},
	{"complete", "", NULL, "", .run = run_complete, .local = "WORD...",
	 .help = "what may follow these words, for shells"},
};

const struct command_row *
command_rows(size_t *n)
{
	*n = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

/* word_near: the noun that was meant, or if verb is given the verb of this noun; NULL: none. */
static const char *
word_near(const char *noun, const char *verb)
{
	const char *word = verb != NULL ? verb : noun, *near = NULL;
	unsigned best = NEAR_MAX + 1;
	size_t n;
	const struct command_row *r = command_rows(&n);
	for (size_t i = 0; i < n; i++) {
		const char *have = verb != NULL ? r[i].verb : r[i].noun;
		unsigned d = near_distance(word, have);
		if ((verb != NULL && strcmp(r[i].noun, noun) != 0) || 2 * d >= strlen(word))
			continue;
		near = d < best ? have : near;
		best = d < best ? d : best;
	}
	return near;
}

static void
say_verbs(FILE *err, const char *noun, const char *verb)
{
	size_t n, known = 0;
	const struct command_row *r = command_rows(&n);
	for (size_t i = 0; i < n; i++)
		known += strcmp(r[i].noun, noun) == 0;
	if (noun[0] == '-') {
		fprintf(err, "error: no option %s; `millctl help` lists them\n", noun);
		return;
	}
	bool is_noun = known == 0;
	const char *near = is_noun || verb != NULL ? word_near(noun, is_noun ? NULL : verb) : NULL;
	if (near != NULL && is_noun)
		fprintf(err, "error: no command \"%s\"; did you mean \"%s\"?\n", noun, near);
	else if (near != NULL)
		fprintf(err, "error: %s: no \"%s\"; did you mean \"%s\"?\n", noun, verb, near);
	if (near != NULL)
		return;
	if (known == 0)
		fprintf(err, "error: no command \"%s\"; there are:", noun);
	else if (verb == NULL)
		fprintf(err, "error: %s: what to do? One of:", noun);
	else
		fprintf(err, "error: %s: no \"%s\"; there are:", noun, verb);
	for (size_t i = 0; i < n; i++)
		if (known != 0 && strcmp(r[i].noun, noun) == 0)
			fprintf(err, " %s", r[i].verb[0] != '\0' ? r[i].verb : "show");
		else if (known == 0 && (i == 0 || strcmp(r[i].noun, r[i - 1].noun) != 0))
			fprintf(err, " %s", r[i].noun);
	fprintf(err, "\n");
}

const struct command_row *
command_find(int argc, char **argv, int *used, FILE *err)
{
	const char *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].noun, argv[0]) != 0)
			continue;
		bool alone = rows[i].verb[0] == '\0';
		bool show = alone && rows[i].method != NULL && verb != NULL &&
		            strcmp(verb, "show") == 0;
		if (alone || (verb != NULL && strcmp(rows[i].verb, verb) == 0)) {
			*used = alone && !show ? 1 : 2;
			return &rows[i];
		}
	}
	say_verbs(err, argv[0], verb);
	return NULL;
}

json_t *
call_listing(struct session *s, const struct command_row *row, json_t *params)
{
	const json_t *given = json_object_get(params, "limit");
	json_int_t limit = given != NULL ? json_integer_value(given) :
	                   row->is_whole ? SESSION_ALL : LIMIT;
	return session_list(s, row->method, params, row->list, limit);
}

void
print_result(struct session *s, const struct command_row *row, const json_t *result)
{
	if (s->json || row->views == NULL) {
		json_dumpf(result, s->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
		fputc('\n', s->out);
		return;
	}
	for (const struct view *v = row->views; v->path != NULL; v++)
		view_print(s->out, v, result);
	const char *cursor = json_string_value(json_object_get(result, "cursor"));
	if (row->list != NULL && cursor != NULL)
		fprintf(s->err, "There are more; see --limit, or go on with --cursor %s.\n",
		        cursor);
}

int
print_answers(struct session *s, const struct command_row *row, json_t *result)
{
	if (result == NULL)
		return s->status;
	print_result(s, row, result);
	bool answered = json_array_size(json_object_get(result, "answers")) != 0;
	json_decref(result);
	return answered ? EXIT_DONE : EXIT_NO;
}

void
print_config_errors(FILE *err, const struct config_errors *errs)
{
	for (unsigned i = 0; i < errs->n; i++)
		fprintf(err, "error: %s%s%s\n", errs->e[i].path,
		        errs->e[i].path[0] != '\0' ? ": " : "", errs->e[i].message);
	if (errs->lost != 0)
		fprintf(err, "error: and %u more\n", errs->lost);
}

/* A change that is in force, but would not outlive the machine. */
static void
warn_not_stored(struct session *s, const json_t *result)
{
	const char *reason = json_string_value(json_object_get(result, "reason"));
	if (json_is_false(json_object_get(result, "stored")))
		fprintf(s->err, "warning: in force, but not on disk: %s\n",
		        reason != NULL ? reason : "?");
}

void
print_warnings(FILE *err, const json_t *warnings)
{
	const json_t *w;
	size_t i;
	json_array_foreach((json_t *)warnings, i, w)
		fprintf(err, "warning: %s: %s\n", json_string_value(json_object_get(w, "path")),
		        json_string_value(json_object_get(w, "message")));
}

int
command_run_row(struct session *s, const struct command_row *row, int argc, char **argv)
{
	if (row->run != NULL)
		return row->run(s, row, argc, argv);
	int status;
	json_t *params = args_parse(row, argc, argv, s->err, &status);
	if (params == NULL)
		return status;
	json_t *result = row->list != NULL ? call_listing(s, row, params) :
	                                     session_call(s, row->method, params);
	if (result == NULL)
		return s->status;
	print_result(s, row, result);
	warn_not_stored(s, result);
	print_warnings(s->err, json_object_get(result, "warnings"));
	json_decref(result);
	return EXIT_DONE;
}

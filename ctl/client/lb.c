/* SPDX-License-Identifier: Apache-2.0 */
/* millctl lb: services with their backends in the layout that ipvsadm made familiar. */
#include <string.h>
#include <time.h>

#include "commands.h"

enum { LINES_MAX_COLUMNS = 8, INDENT = 5 };

/* A column of numbers or words: of a backend, and of its service where that has it. */
struct lb_column {
	const char *header, *path;
	bool of_service;
};

static const struct lb_column connections[] = {
	{"Forward", NULL, false}, {"Weight", "weight", false}, {"ActiveConn", "active", false},
	{"InActConn", "inactive", false}, {"State", "state", false}, {NULL, NULL, false},
};
static const struct lb_column stats[] = {
	{"Conns", "opened", true}, {"InPkts", "packets_in", true},
	{"OutPkts", "packets_out", true}, {"InBytes", "bytes_in", true},
	{"OutBytes", "bytes_out", true}, {"Refused", "refused", true},
	{"NoAnswer", "unanswered", true}, {NULL, NULL, false},
};
static const struct lb_column rates[] = {
	{"CPS", "opened", true}, {"InPPS", "packets_in", true}, {"OutPPS", "packets_out", true},
	{"InBPS", "bytes_in", true}, {"OutBPS", "bytes_out", true}, {NULL, NULL, false},
};

/* What is printed: a line of the table, the widths of all. */
struct lb_table {
	FILE *out;
	const struct lb_column *column;
	bool is_rate;
	double seconds;
	size_t name_width, width[LINES_MAX_COLUMNS];
	bool measures; /* the first time through: nothing is printed */
};

/* forward_word: modes that ipvsadm knows by its own words. */
static const char *
forward_word(const char *mode)
{
	static const struct { const char *mode, *word; } words[] = {
		{"nat", "Masq"}, {"dsr", "Route"}, {"ipip", "Tunnel"}, {"fullnat", "FullNAT"},
		{"l3dsr", "L3DSR"}, {"gre", "GRE"}, {"gue", "GUE"},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].mode, mode) == 0)
			return words[i].word;
	return mode;
}

static void
value_text(const struct lb_table *t, const struct lb_column *c, const json_t *service,
           const json_t *before, const json_t *now, char out[CELL])
{
	if (c->path == NULL) {
		snprintf(out, CELL, "%s",
		         forward_word(json_string_value(json_object_get(service, "mode"))));
		return;
	}
	if (!t->is_rate) {
		cell_text(now, &(struct column){c->header, c->path, TEXT}, out);
		return;
	}
	double d = json_number_value(json_object_get(now, c->path)) -
	           json_number_value(json_object_get(before, c->path));
	snprintf(out, CELL, "%.0f", before != NULL && d > 0 && t->seconds > 0 ? d / t->seconds : 0);
}

/* put_name: what stands first in a line. */
static void
put_name(struct lb_table *t, const char *name)
{
	if (t->measures && strlen(name) > t->name_width)
		t->name_width = strlen(name);
	else if (!t->measures)
		fprintf(t->out, "%-*s", (int)t->name_width, name);
}

static void
put_cell(struct lb_table *t, unsigned i, const char *text)
{
	if (t->measures) {
		t->width[i] = strlen(text) > t->width[i] ? strlen(text) : t->width[i];
		return;
	}
	bool last = t->column[i + 1].header == NULL, word = t->column[i].path == NULL ||
		strcmp(t->column[i].path, "state") == 0;
	if (word)
		fprintf(t->out, " %-*s", last ? 0 : (int)t->width[i], text);
	else
		fprintf(t->out, " %*s", (int)t->width[i], text);
}

static void
end_line(const struct lb_table *t)
{
	if (!t->measures)
		fputc('\n', t->out);
}

/* flags: as ipvsadm writes them: what is kept of clients, and datagrams one by one. */
static void
service_flags(const json_t *service, char *out, size_t size)
{
	const json_t *p = json_object_get(service, "persistence");
	int n = snprintf(out, size, " %s",
	                 json_string_value(json_object_get(service, "scheduler")));
	if (json_is_object(p))
		n += snprintf(out + n, size - (size_t)n, " persistent %lld mask /%lld",
		              (long long)json_integer_value(json_object_get(p, "timeout")),
		              (long long)json_integer_value(json_object_get(p, "mask")));
	if (json_is_true(json_object_get(service, "per_packet")))
		snprintf(out + n, size - (size_t)n, " ops");
}

static void
put_service(struct lb_table *t, const json_t *before, const json_t *s)
{
	char name[CELL], proto[8], flags[CELL], cell[CELL];
	snprintf(proto, sizeof(proto), "%.7s", json_string_value(json_object_get(s, "protocol")));
	for (char *p = proto; *p != '\0'; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
	snprintf(name, sizeof(name), "%-4s %.200s", proto,
	         json_string_value(json_object_get(s, "place")));
	if (!t->column[0].of_service) { /* scheduler and flags follow, in no column */
		service_flags(s, flags, sizeof(flags));
		if (!t->measures)
			fprintf(t->out, "%s%s\n", name, flags);
		return;
	}
	put_name(t, name);
	for (unsigned i = 0; t->column[i].header != NULL; i++) {
		value_text(t, &t->column[i], s, before, s, cell);
		put_cell(t, i, cell);
	}
	end_line(t);
}

/* like: the element of a list with the same values under both keys, or NULL. */
static const json_t *
like(const json_t *list, const json_t *row, const char *key, const char *other)
{
	size_t i;
	const json_t *o;
	json_array_foreach((json_t *)list, i, o)
		if (json_equal(json_object_get(o, key), json_object_get(row, key)) &&
		    (other == NULL ||
		     json_equal(json_object_get(o, other), json_object_get(row, other))))
			return o;
	return NULL;
}

static void
put_backend(struct lb_table *t, const json_t *service, const json_t *before, const json_t *b)
{
	char address[CELL], name[CELL], cell[CELL];
	cell_text(b, &(struct column){"", "address", ENDPOINT}, address);
	snprintf(name, sizeof(name), "  -> %.200s", address);
	put_name(t, name);
	for (unsigned i = 0; t->column[i].header != NULL; i++) {
		value_text(t, &t->column[i], service, before, b, cell);
		put_cell(t, i, cell);
	}
	end_line(t);
}

static void
put_headers(struct lb_table *t)
{
	static const char remote[] = "  -> RemoteAddress:Port";
	if (t->column[0].of_service) {
		put_name(t, "Prot LocalAddress:Port");
		for (unsigned i = 0; t->column[i].header != NULL; i++)
			put_cell(t, i, t->column[i].header);
		end_line(t);
		if (!t->measures)
			fprintf(t->out, "%s\n", remote);
		return;
	}
	if (!t->measures)
		fprintf(t->out, "Prot LocalAddress:Port Scheduler Flags\n");
	put_name(t, remote);
	for (unsigned i = 0; t->column[i].header != NULL; i++)
		put_cell(t, i, t->column[i].header);
	end_line(t);
}

static void
put_all(struct lb_table *t, const json_t *before, const json_t *now)
{
	const json_t *services = json_object_get(now, "services"), *s, *b;
	size_t i, k;
	put_headers(t);
	json_array_foreach((json_t *)services, i, s) {
		const json_t *was = like(json_object_get(before, "services"), s, "name", NULL);
		put_service(t, was, s);
		json_array_foreach(json_object_get(s, "backends"), k, b)
			put_backend(t, s, like(json_object_get(was, "backends"), b, "address",
			                       "port"), b);
	}
}

void
lb_print(FILE *out, enum lb_columns columns, const json_t *before, const json_t *now,
         double seconds)
{
	struct lb_table t = {.out = out, .is_rate = columns == LB_RATE, .seconds = seconds,
		.column = columns == LB_STATS ? stats : columns == LB_RATE ? rates : connections};
	t.measures = true;
	put_all(&t, before, now);
	t.measures = false;
	put_all(&t, before, now);
}

/* take_columns: --stats and --rate out of the words. => how many are left, or -1. */
static int
take_columns(int argc, char **argv, enum lb_columns *columns, FILE *err)
{
	int left = 0;
	*columns = LB_CONNECTIONS;
	for (int i = 0; i < argc; i++) {
		enum lb_columns c = strcmp(argv[i], "--stats") == 0 ? LB_STATS :
		                    strcmp(argv[i], "--rate") == 0 ? LB_RATE : LB_CONNECTIONS;
		if (c == LB_CONNECTIONS) {
			argv[left++] = argv[i];
			continue;
		}
		if (*columns != LB_CONNECTIONS && *columns != c) {
			fprintf(err, "error: --stats and --rate: wanted one of them\n");
			return -1;
		}
		*columns = c;
	}
	return left;
}

/* ask: lb.list through all its pages; a service that goes on on the next one becomes one again. */
static json_t *
ask(struct session *s, const struct command_row *row, const json_t *params)
{
	json_t *all = call_listing(s, row, json_deep_copy(params));
	json_t *services = json_object_get(all, "services");
	for (size_t i = 1; i < json_array_size(services); i++) {
		json_t *one = json_array_get(services, i - 1), *next = json_array_get(services, i);
		if (!json_equal(json_object_get(one, "name"), json_object_get(next, "name")))
			continue;
		json_array_extend(json_object_get(one, "backends"),
		                  json_object_get(next, "backends"));
		json_array_remove(services, i--);
	}
	return all;
}

/* later: the same a second later. => the seconds that passed, *now in place of *before. */
static double
later(struct session *s, const struct command_row *row, const json_t *params, json_t **now)
{
	struct timespec second = {.tv_sec = 1};
	double from = json_number_value(json_object_get(*now, "time"));
	nanosleep(&second, NULL);
	*now = ask(s, row, params);
	return json_number_value(json_object_get(*now, "time")) - from;
}

int
run_lb(struct session *s, const struct command_row *row, int argc, char **argv)
{
	enum lb_columns columns;
	int status = EXIT_USAGE, left = take_columns(argc, argv, &columns, s->err);
	json_t *params = left >= 0 ? args_parse(row, left, argv, s->err, &status) : NULL;
	if (params == NULL)
		return status;
	json_t *before = ask(s, row, params), *now = before;
	double seconds = 0;
	if (before != NULL && columns == LB_RATE && !s->json)
		seconds = later(s, row, params, &now);
	json_decref(params);
	if (now != NULL && s->json)
		print_result(s, row, now);
	else if (now != NULL)
		lb_print(s->out, columns, before, now, seconds);
	status = now != NULL ? EXIT_DONE : s->status;
	if (now != before)
		json_decref(now);
	json_decref(before);
	return status;
}

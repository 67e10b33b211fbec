/* SPDX-License-Identifier: Apache-2.0 */
/*
 * millctl top: two samples of the counters, and their difference by second, in 80 columns and as
 * many lines as the terminal has.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "commands.h"

struct top {
	double interval;
	long count;           /* screens; 0: until interrupted */
	bool clear;
	json_t *before, *now; /* results of stats */
	json_t *services_before, *services;
	double seconds;       /* between them */
	double taken;
};

static double
clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* member: the element of an array whose key is name. */
static const json_t *
member(const json_t *array, const char *key, const char *name)
{
	size_t i;
	const json_t *o;
	json_array_foreach((json_t *)array, i, o) {
		const char *have = json_string_value(json_object_get(o, key));
		if (have != NULL && strcmp(have, name) == 0)
			return o;
	}
	return NULL;
}

static double
rate(const struct top *t, const json_t *now, const json_t *before, const char *path)
{
	double d = json_number_value(json_at(now, path)) - json_number_value(json_at(before, path));
	return d > 0 && t->seconds > 0 ? d / t->seconds : 0;
}

static bool
sample(struct session *s, struct top *t)
{
	json_t *now = session_call(s, "stats", json_pack("{s:b}", "all", 1));
	json_t *services = now != NULL ? session_list(s, "service.list", json_object(),
	                                               "services", SESSION_ALL) : NULL;
	double at = clock_s();
	if (services == NULL) {
		json_decref(now);
		return false;
	}
	json_decref(t->before);
	json_decref(t->services_before);
	t->before = t->now;
	t->services_before = t->services;
	t->now = now;
	t->services = services;
	t->seconds = t->before != NULL ? at - t->taken : 0;
	t->taken = at;
	return true;
}

static void
print_total(FILE *out, const struct top *t)
{
	const json_t *now = json_object_get(t->now, "totals");
	const json_t *before = json_object_get(t->before, "totals");
	char in[CELL], sent[CELL], opened[CELL], dropped[CELL];
	text_si(rate(t, now, before, "received"), "pkt/s", in);
	text_si(rate(t, now, before, "sent"), "pkt/s", sent);
	text_si(rate(t, now, before, "flows_opened"), "/s", opened);
	text_si(rate(t, now, before, "dropped"), "pkt/s", dropped);
	fprintf(out, "flows %lld (opened %s)   mappings %lld   subscribers %lld\n",
	        (long long)json_integer_value(json_at(now, "flows")), opened,
	        (long long)json_integer_value(json_at(now, "mappings")),
	        (long long)json_integer_value(json_at(now, "subscribers")));
	fprintf(out, "received %s   sent %s   dropped %s\n", in, sent, dropped);
}

static void
print_nics(FILE *out, const struct top *t, size_t n)
{
	const json_t *nics = json_object_get(t->now, "nics");
	if (n != 0)
		fprintf(out, "\n%-16s  %10s  %10s  %10s  %10s  %10s\n", "NIC", "RX PKT/S",
		        "RX BIT/S", "TX PKT/S", "TX BIT/S", "DROPS/S");
	for (size_t i = 0; i < n; i++) {
		const json_t *nic = json_array_get(nics, i);
		const char *name = json_string_value(json_object_get(nic, "name"));
		const json_t *b = member(json_object_get(t->before, "nics"), "name", name);
		char rx[CELL], rxb[CELL], tx[CELL], txb[CELL], drop[CELL];
		text_si(rate(t, nic, b, "rx_packets"), "", rx);
		text_si(8 * rate(t, nic, b, "rx_bytes"), "", rxb);
		text_si(rate(t, nic, b, "tx_packets"), "", tx);
		text_si(8 * rate(t, nic, b, "tx_bytes"), "", txb);
		text_si(rate(t, nic, b, "dropped"), "", drop);
		fprintf(out, "%-16s  %10s  %10s  %10s  %10s  %10s\n", name, rx, rxb, tx, txb, drop);
	}
}

/* A line of the drops or services. */
struct top_row {
	const char *name, *help;
	double rate;
	long long flows;
};

static int
by_rate(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return x->flows < y->flows ? 1 : x->flows > y->flows ? -1 : strcmp(x->name, y->name);
}

/* drop_rows: what is dropped now, the most first; malloc'ed. */
static struct top_row *
drop_rows(const struct top *t, size_t *n)
{
	const json_t *list = json_object_get(t->now, "drops"), *d;
	const json_t *before = json_object_get(t->before, "drops");
	struct top_row *rows = calloc(json_array_size(list) + 1, sizeof(*rows));
	size_t i;
	*n = 0;
	json_array_foreach((json_t *)list, i, d) {
		const char *reason = json_string_value(json_object_get(d, "reason"));
		double r = rate(t, d, member(before, "reason", reason), "packets");
		if (rows != NULL && r > 0)
			rows[(*n)++] = (struct top_row){
				reason, json_string_value(json_object_get(d, "help")), r, 0};
	}
	if (*n > 1)
		qsort(rows, *n, sizeof(*rows), by_rate);
	return rows;
}

static void
print_drops(FILE *out, const struct top_row *rows, size_t n)
{
	if (n != 0)
		fprintf(out, "\n%-16s  %8s  MEANING\n", "DROPS", "PKT/S");
	for (size_t i = 0; i < n; i++) {
		char text[CELL];
		text_si(rows[i].rate, "", text);
		fprintf(out, "%-16s  %8s  %.52s\n", rows[i].name, text, rows[i].help);
	}
}

/* service_rows: the busiest first; malloc'ed. */
static struct top_row *
service_rows(const struct top *t, size_t *n)
{
	enum { SHOWN = 10 };
	const json_t *list = json_object_get(t->services, "services"), *o;
	const json_t *before = json_object_get(t->services_before, "services");
	struct top_row *rows = calloc(json_array_size(list) + 1, sizeof(*rows));
	size_t i;
	*n = rows != NULL ? json_array_size(list) : 0;
	for (i = 0; i < *n; i++) {
		o = json_array_get(list, i);
		rows[i].name = json_string_value(json_object_get(o, "name"));
		rows[i].flows = json_integer_value(json_object_get(o, "flows"));
		rows[i].rate = rate(t, o, member(before, "name", rows[i].name), "opened");
	}
	if (*n > 1)
		qsort(rows, *n, sizeof(*rows), by_rate);
	*n = *n < SHOWN ? *n : SHOWN;
	return rows;
}

static void
print_services(FILE *out, const struct top_row *rows, size_t n)
{
	if (n != 0)
		fprintf(out, "\n%-20s  %14s  %14s\n", "SERVICES", "OPENED", "FLOWS");
	for (size_t i = 0; i < n; i++) {
		char text[CELL];
		text_si(rows[i].rate, "/s", text);
		fprintf(out, "%-20s  %14s  %14lld\n", rows[i].name, text, rows[i].flows);
	}
}

void
top_share(size_t lines, const size_t want[TOP_LISTS], size_t got[TOP_LISTS])
{
	enum { HEAD = 2 }; /* an empty line and the header */
	bool more = true;
	memset(got, 0, TOP_LISTS * sizeof(got[0]));
	while (more) {
		more = false;
		for (unsigned i = 0; i < TOP_LISTS; i++) {
			size_t cost = got[i] == 0 ? HEAD + 1 : 1;
			if (got[i] == want[i] || cost > lines)
				continue;
			lines -= cost;
			got[i]++;
			more = true;
		}
	}
}

/* screen_lines: of the terminal, without the two of the totals and the cursor's. */
static size_t
screen_lines(const struct session *s, const struct top *t)
{
	enum { OTHERS = 3, ANY = 1 << 20 };
	struct winsize w;
	if (!t->clear || ioctl(fileno(s->out), TIOCGWINSZ, &w) != 0 || w.ws_row == 0)
		return ANY;
	return w.ws_row > OTHERS ? w.ws_row - OTHERS : 0;
}

static void
print_screen(struct session *s, const struct top *t)
{
	size_t want[TOP_LISTS], got[TOP_LISTS];
	struct top_row *drops = drop_rows(t, &want[1]), *services = service_rows(t, &want[2]);
	want[0] = json_array_size(json_object_get(t->now, "nics"));
	top_share(screen_lines(s, t), want, got);
	if (t->clear)
		fputs("\033[H\033[J", s->out);
	print_total(s->out, t);
	print_nics(s->out, t, got[0]);
	print_drops(s->out, drops, got[1]);
	print_services(s->out, services, got[2]);
	if (!t->clear)
		fputc('\n', s->out);
	fflush(s->out);
	free(drops);
	free(services);
}

static int
top_options(struct top *t, int argc, char **argv)
{
	char *end = NULL;
	for (int i = 0; i < argc; i++) {
		bool more = i + 1 < argc;
		if (strcmp(argv[i], "--once") == 0)
			t->count = 1;
		else if (strcmp(argv[i], "--interval") == 0 && more)
			t->interval = strtod(argv[++i], &end);
		else if (strcmp(argv[i], "--count") == 0 && more)
			t->count = strtol(argv[++i], &end, 10);
		else
			return -1;
		if (end != NULL && *end != '\0')
			return -1;
	}
	return t->interval >= 0.1 && t->interval <= 3600 && t->count >= 0 ? 0 : -1;
}

static void
print_json(struct session *s, const struct top *t)
{
	json_t *o = json_pack("{s:f, s:O, s:O, s:O}", "seconds", t->seconds, "before", t->before,
	                      "now", t->now, "services", t->services);
	json_dumpf(o, s->out, JSON_COMPACT);
	fputc('\n', s->out);
	fflush(s->out);
	json_decref(o);
}

int
run_top(struct session *s, const struct command_row *row, int argc, char **argv)
{
	struct top t = {.interval = 1};
	if (top_options(&t, argc, argv) != 0)
		return help_usage(s->err, row);
	t.clear = t.count == 0 && !s->json;
	bool good = sample(s, &t);
	for (long shown = 0; good && (t.count == 0 || shown < t.count); shown++) {
		poll(NULL, 0, (int)(t.interval * 1000));
		good = sample(s, &t);
		if (good && s->json)
			print_json(s, &t);
		else if (good)
			print_screen(s, &t);
		if (ferror(s->out)) /* who read it is gone */
			s->status = EXIT_NO;
		good = good && !ferror(s->out);
	}
	json_decref(t.before);
	json_decref(t.now);
	json_decref(t.services_before);
	json_decref(t.services);
	return good ? EXIT_DONE : s->status;
}

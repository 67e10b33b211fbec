/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and lines for people out of JSON results. */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const json_t *
json_at(const json_t *v, const char *path)
{
	while (v != NULL && path[0] != '\0') {
		char key[64];
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) :
		                       json_object_get(v, key);
		path += n + (path[n] == '.');
	}
	return v;
}

void
text_bytes(double bytes, char out[CELL])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	int u = 0;
	while (bytes >= 1000 && u < 5) {
		bytes /= 1000;
		u++;
	}
	snprintf(out, CELL, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

void
text_si(double value, const char *unit, char out[CELL])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T"};
	int p = 0;
	while (value >= 1000 && p < 4) {
		value /= 1000;
		p++;
	}
	snprintf(out, CELL, p == 0 ? "%.0f %s%s" : "%.2f %s%s", value, prefixes[p], unit);
}

static void
text_time(double seconds, char out[CELL])
{
	long long ms = (long long)(seconds * 1000 + 0.5); /* cut, .760 could be .759 */
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out, CELL, "%s.%03d", text, (int)(ms % 1000));
}

static void
text_duration(double seconds, char out[CELL])
{
	long long s = (long long)seconds;
	int used = s >= 86400 ? snprintf(out, CELL, "%lld d ", s / 86400) : 0;
	snprintf(out + used, CELL - (size_t)used, "%02lld:%02lld:%02lld", s / 3600 % 24,
	         s / 60 % 60, s % 60);
}

static void
text_endpoint(const json_t *row, const char *path, char out[CELL])
{
	char port[96];
	snprintf(port, sizeof(port), "%s_port", path);
	const char *last = strrchr(path, '.');
	if (strcmp(last != NULL ? last + 1 : path, "address") == 0)
		snprintf(port, sizeof(port), "%.*sport", (int)(strlen(path) - 7), path);
	const char *address = json_string_value(json_at(row, path));
	bool brackets = address != NULL && strchr(address, ':') != NULL;
	snprintf(out, CELL, brackets ? "[%s]:%lld" : "%s:%lld", address != NULL ? address : "",
	         (long long)json_integer_value(json_at(row, port)));
}

static void
text_list(const json_t *list, char out[CELL])
{
	size_t i, used = 0;
	const json_t *v;
	json_array_foreach((json_t *)list, i, v) {
		const char *sep = i != 0 ? ", " : "";
		if (used >= CELL - 1)
			break;
		if (json_is_string(v))
			snprintf(out + used, CELL - used, "%s%s", sep, json_string_value(v));
		else
			snprintf(out + used, CELL - used, "%s%lld", sep,
			         (long long)json_integer_value(v));
		used += strlen(out + used);
	}
}

static void
text_plain(const json_t *v, char out[CELL])
{
	if (json_is_string(v))
		snprintf(out, CELL, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(out, CELL, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(out, CELL, "%g", json_real_value(v));
}

void
cell_text(const json_t *row, const struct column *c, char out[CELL])
{
	const json_t *v = json_at(row, c->path);
	snprintf(out, CELL, "-");
	if (v == NULL || json_is_null(v))
		return;
	switch (c->format) {
	case SECONDS: snprintf(out, CELL, "%.1f s", json_number_value(v)); break;
	case PERCENT: snprintf(out, CELL, "%.1f %%", json_number_value(v)); break;
	case YES_NO: snprintf(out, CELL, "%s", json_is_true(v) ? "yes" : "no"); break;
	case BYTES: text_bytes(json_number_value(v), out); break;
	case DURATION: text_duration(json_number_value(v), out); break;
	case ENDPOINT: text_endpoint(row, c->path, out); break;
	case TIME: text_time(json_number_value(v), out); break;
	case LIST: text_list(v, out); break;
	default: text_plain(v, out); break;
	}
}

static bool
is_right(enum format f)
{
	return f == NUMBER || f == SECONDS || f == PERCENT || f == BYTES;
}

static void
put_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	if (right)
		fprintf(out, "%*s", (int)width, text);
	else
		fprintf(out, "%-*s", last ? 0 : (int)width, text);
	fputs(last ? "\n" : "  ", out);
}

static void
print_rows(FILE *out, const struct view *v, const json_t *rows)
{
	char cell[CELL];
	size_t width[VIEW_COLUMNS], n = 0, i;
	const json_t *row;
	while (n < VIEW_COLUMNS && v->column[n].header != NULL)
		n++;
	for (size_t c = 0; c < n; c++)
		width[c] = strlen(v->column[c].header);
	json_array_foreach((json_t *)rows, i, row)
		for (size_t c = 0; c < n; c++) {
			cell_text(row, &v->column[c], cell);
			width[c] = strlen(cell) > width[c] ? strlen(cell) : width[c];
		}
	for (size_t c = 0; c < n; c++)
		put_cell(out, v->column[c].header, width[c], is_right(v->column[c].format),
		         c + 1 == n);
	json_array_foreach((json_t *)rows, i, row)
		for (size_t c = 0; c < n; c++) {
			cell_text(row, &v->column[c], cell);
			put_cell(out, cell, width[c], is_right(v->column[c].format), c + 1 == n);
		}
}

static void
print_lines(FILE *out, const struct view *v, const json_t *object)
{
	const struct column *end = v->column;
	char cell[CELL];
	size_t width = 0;
	while (end < v->column + VIEW_COLUMNS && end->header != NULL)
		end++;
	for (const struct column *c = v->column; c < end; c++)
		width = strlen(c->header) > width ? strlen(c->header) : width;
	for (const struct column *c = v->column; c < end; c++) {
		cell_text(object, c, cell);
		fprintf(out, "%-*s  %s\n", (int)width, c->header, cell);
	}
}

void
view_print(FILE *out, const struct view *v, const json_t *result)
{
	const json_t *part = json_at(result, v->path);
	bool is_empty = json_is_array(part) && json_array_size(part) == 0;
	if (part == NULL || (v->title != NULL && is_empty))
		return;
	if (v->title != NULL)
		fprintf(out, "\n%s\n", v->title);
	if (json_is_array(part))
		print_rows(out, v, part);
	else
		print_lines(out, v, part);
}

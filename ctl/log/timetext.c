/* SPDX-License-Identifier: Apache-2.0 */
/* The calendar without the C library's locale and time zone, and quick enough for every record. */
#include "timetext.h"

#include <string.h>

enum { SECONDS_A_DAY = 86400, YEAR_MIN = 1970, YEAR_MAX = 2500 };
#define NS_A_SECOND 1000000000ull

struct civil {
	unsigned year, month, day, hour, minute, second;
};

/* Days since 1970 to a date and back, counted in years that begin in March. */
static struct civil
civil_of(uint64_t seconds)
{
	uint64_t days = seconds / SECONDS_A_DAY + 719468;
	unsigned rest = (unsigned)(seconds % SECONDS_A_DAY);
	unsigned era = (unsigned)(days / 146097), day = (unsigned)(days % 146097);
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned in_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * in_year + 2) / 153;
	struct civil c = {
		.year = year + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
		.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60,
	};
	return c;
}

static int64_t
seconds_of(const struct civil *c)
{
	unsigned year = c->year - (c->month <= 2);
	unsigned month = c->month > 2 ? c->month - 3 : c->month + 9;
	unsigned in_era = year % 400;
	unsigned day = in_era * 365 + in_era / 4 - in_era / 100 + (153 * month + 2) / 5 +
	               c->day - 1;
	int64_t days = (int64_t)(year / 400) * 146097 + day - 719468;
	return days * SECONDS_A_DAY + c->hour * 3600 + c->minute * 60 + c->second;
}

static char *
digits(char *out, unsigned n, unsigned value)
{
	for (unsigned i = n; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + n;
}

char *
time_put(char out[TIME_TEXT], uint64_t ns)
{
	struct civil c = civil_of(ns / NS_A_SECOND);
	memcpy(out, "0000-00-00T00:00:00.000000Z", TIME_TEXT);
	digits(out, 4, c.year);
	digits(out + 5, 2, c.month);
	digits(out + 8, 2, c.day);
	digits(out + 11, 2, c.hour);
	digits(out + 14, 2, c.minute);
	digits(out + 17, 2, c.second);
	digits(out + 20, 6, (unsigned)(ns % NS_A_SECOND / 1000));
	return out;
}

char *
time_put_compact(char out[TIME_TEXT], uint64_t ns)
{
	struct civil c = civil_of(ns / NS_A_SECOND);
	char *p = digits(digits(digits(out, 4, c.year), 2, c.month), 2, c.day);
	*p++ = 'T';
	p = digits(digits(digits(p, 2, c.hour), 2, c.minute), 2, c.second);
	memcpy(p, "Z", 2);
	return out;
}

struct text {
	const char *p, *end;
};

static bool
take_digits(struct text *t, unsigned n, unsigned min, unsigned max, unsigned *value)
{
	*value = 0;
	for (unsigned i = 0; i < n; i++) {
		if (t->p == t->end || *t->p < '0' || *t->p > '9')
			return false;
		*value = *value * 10 + (unsigned)(*t->p++ - '0');
	}
	return *value >= min && *value <= max;
}

static bool
take_char(struct text *t, const char *set)
{
	if (t->p == t->end || *t->p == '\0' || strchr(set, *t->p) == NULL)
		return false;
	t->p++;
	return true;
}

static bool
take_date(struct text *t, struct civil *c)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (!(take_digits(t, 4, YEAR_MIN, YEAR_MAX, &c->year) && take_char(t, "-") &&
	      take_digits(t, 2, 1, 12, &c->month) && take_char(t, "-") &&
	      take_digits(t, 2, 1, 31, &c->day)))
		return false;
	bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
	return c->day <= days[c->month - 1] + (leap && c->month == 2 ? 1u : 0);
}

static bool
take_clock(struct text *t, struct civil *c, uint64_t *ns, uint64_t *span_ns)
{
	uint64_t unit = NS_A_SECOND;
	*ns = 0;
	*span_ns = NS_A_SECOND;
	if (!(take_digits(t, 2, 0, 23, &c->hour) && take_char(t, ":") &&
	      take_digits(t, 2, 0, 59, &c->minute) && take_char(t, ":") &&
	      take_digits(t, 2, 0, 59, &c->second)))
		return false;
	if (!take_char(t, "."))
		return true;
	for (unsigned d; t->p != t->end && take_digits(t, 1, 0, 9, &d);) {
		unit /= 10;
		*ns += d * unit;
	}
	*span_ns = unit != 0 ? unit : 1;
	return unit != NS_A_SECOND;
}

/* take_zone: Z or an offset. => seconds east of UTC. */
static bool
take_zone(struct text *t, int64_t *east)
{
	unsigned hour, minute;
	*east = 0;
	if (take_char(t, "Zz"))
		return true;
	bool west = t->p != t->end && *t->p == '-';
	if (!(take_char(t, "+-") && take_digits(t, 2, 0, 23, &hour) && take_char(t, ":") &&
	      take_digits(t, 2, 0, 59, &minute)))
		return false;
	*east = (int64_t)(hour * 3600 + minute * 60) * (west ? -1 : 1);
	return true;
}

bool
time_parse_span(const char *s, size_t size, uint64_t *ns, uint64_t *span_ns)
{
	struct text t = {s, s + size};
	struct civil c;
	uint64_t fraction;
	int64_t east;
	if (!(take_date(&t, &c) && take_char(&t, "Tt ") && take_clock(&t, &c, &fraction, span_ns) &&
	      take_zone(&t, &east) && t.p == t.end))
		return false;
	int64_t seconds = seconds_of(&c) - east;
	*ns = (uint64_t)seconds * NS_A_SECOND + fraction;
	return seconds >= 0;
}

bool
time_parse(const char *s, size_t size, uint64_t *ns)
{
	uint64_t span_ns;
	return time_parse_span(s, size, ns, &span_ns);
}

bool
time_parse_compact(const char *s, uint64_t *ns)
{
	char text[TIME_TEXT];
	if (strnlen(s, TIME_COMPACT) < TIME_COMPACT)
		return false;
	int n = snprintf(text, sizeof(text), "%.4s-%.2s-%.5s:%.2s:%.3s", s, s + 4, s + 6, s + 11,
	                 s + 13);
	return time_parse(text, (size_t)n, ns);
}

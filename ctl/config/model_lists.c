/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of prefixes: from the document and from files, as sorted and merged ranges. A file has a
 * prefix or an address a line; what follows # is a comment. What it says is not quoted in errors:
 * whoever may apply a configuration need not be who may read every file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guards.h"

/* The ranges of one list while they are collected. */
struct ranges {
	struct rows v4, v6;
};

static union addr
addr_next(const union addr *a)
{
	union addr r = *a;
	for (unsigned i = sizeof(r.b); i-- > 0 && ++r.b[i] == 0;)
		;
	return r;
}

static void
range_add(struct model *m, struct ranges *r, const struct prefix *p)
{
	union addr last = prefix_last(p);
	if (p->family == FAMILY_V4) {
		struct img_lb_range4 *to = rows_add(m, &r->v4);
		if (to != NULL)
			*to = (struct img_lb_range4){host_from_v4(&p->address),
			                             host_from_v4(&last)};
	} else {
		struct img_lb_range6 *to = rows_add(m, &r->v6);
		if (to != NULL)
			*to = (struct img_lb_range6){p->address, last};
	}
}

static int
compare4(const void *x, const void *y)
{
	const struct img_lb_range4 *a = x, *b = y;
	return (a->first > b->first) - (a->first < b->first);
}

static int
compare6(const void *x, const void *y)
{
	const struct img_lb_range6 *a = x, *b = y;
	return addr_compare(&a->first, &b->first);
}

/* touches4, touches6: does a range that begins no earlier go on where this one ends, or before?
 * Then this one has it from now on. */
static bool
touches4(void *x, const void *y)
{
	struct img_lb_range4 *to = x;
	const struct img_lb_range4 *from = y;
	bool is = to->last == UINT32_MAX || from->first <= to->last + 1;
	if (is && from->last > to->last)
		to->last = from->last;
	return is;
}

static bool
touches6(void *x, const void *y)
{
	struct img_lb_range6 *to = x;
	const struct img_lb_range6 *from = y;
	union addr next = addr_next(&to->last);
	bool is = addr_compare(&from->first, &to->last) <= 0 || addr_equal(&from->first, &next);
	if (is && addr_compare(&from->last, &to->last) > 0)
		to->last = from->last;
	return is;
}

/* merge: what overlaps or touches becomes one; appended to the section. => how many. */
static uint32_t
merge(struct model *m, struct rows *r, struct rows *out, int (*compare)(const void *, const void *),
      bool (*touches)(void *to, const void *from))
{
	void *to = NULL;
	size_t before = out->n;
	if (r->n > 1)
		qsort(r->data, r->n, r->size, compare);
	for (size_t i = 0; i < r->n; i++) {
		const void *from = rows_at(r, i);
		if (to != NULL && touches(to, from))
			continue;
		to = rows_add(m, out);
		if (to == NULL)
			return 0;
		memcpy(to, from, r->size);
	}
	return (uint32_t)(out->n - before);
}

/* line_read: a line of so many octets. => false: it is no prefix. An empty line is none. */
static bool
line_read(struct model *m, struct ranges *r, char *line, size_t size)
{
	struct prefix p;
	if (strlen(line) != size)
		return false;
	char *end = line + strcspn(line, "#\r\n");
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	line += strspn(line, " \t");
	if (*line == '\0')
		return true;
	if (!network_parse(line, &p))
		return false;
	p = prefix_network(&p);
	range_add(m, r, &p);
	return true;
}

/* file_open: nothing but a file, since a pipe or a device might keep the daemon waiting. */
static FILE *
file_open(const char *file)
{
	struct stat st;
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	FILE *f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (f == NULL) {
		close(fd);
		errno = EINVAL;
	}
	return f;
}

static void
file_read(struct model *m, struct ranges *r, const char *file, const char *path)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t size;
	FILE *f = file_open(file);
	if (f == NULL) {
		config_error_add(m->errs, path, "%.150s: %s; expected a file of prefixes", file,
		                 strerror(errno));
		return;
	}
	while (!m->failed && r->v4.n + r->v6.n < LB_MAX_RANGES &&
	       (size = getline(&line, &room, f)) >= 0) {
		number++;
		if (!line_read(m, r, line, (size_t)size)) {
			config_error_add(m->errs, path, "%.150s line %zu is no prefix; expected "
			                 "one such as 192.0.2.0/24 or 2001:db8::/32", file, number);
			break;
		}
	}
	free(line);
	if (ferror(f))
		config_error_add(m->errs, path, "%.150s: cannot be read", file);
	if (r->v4.n + r->v6.n >= LB_MAX_RANGES)
		config_error_add(m->errs, path, "%.150s has %d prefixes or more; expected fewer",
		                 file, LB_MAX_RANGES);
	fclose(f);
}

static void
list_add(struct model *m, const json_t *json, size_t i)
{
	struct config_path path;
	struct ranges r = {{.size = sizeof(struct img_lb_range4)},
	                   {.size = sizeof(struct img_lb_range6)}};
	const json_t *prefixes = json_object_get(json, "prefixes");
	const char *file = get_text(json, "file");
	struct img_lb_list *row = rows_add(m, &m->lists);
	if (row == NULL)
		return;
	for (size_t k = 0; k < json_array_size(prefixes); k++) {
		struct prefix p;
		if (network_parse(json_string_value(json_array_get(prefixes, k)), &p))
			range_add(m, &r, &p);
	}
	path_make(&path, "lb.lists[%zu].file", i);
	if (file != NULL)
		file_read(m, &r, file, path.text);
	snprintf(row->name, sizeof(row->name), "%s", get_text(json, "name"));
	row->first4 = (uint32_t)m->ranges4.n;
	row->n4 = merge(m, &r.v4, &m->ranges4, compare4, touches4);
	row->first6 = (uint32_t)m->ranges6.n;
	row->n6 = merge(m, &r.v6, &m->ranges6, compare6, touches6);
	free(r.v4.data);
	free(r.v6.data);
}

void
model_lists(struct model *m)
{
	const json_t *lists = model_get(m, "lb", "lists");
	for (size_t i = 0; i < json_array_size(lists) && !m->failed; i++)
		list_add(m, json_array_get(lists, i), i);
	if (m->ranges4.n > LB_MAX_RANGES || m->ranges6.n > LB_MAX_RANGES)
		config_error_add(m->errs, "lb.lists", "have %zu and %zu ranges together, IPv4 and "
		                 "IPv6; expected %d at most of each", m->ranges4.n, m->ranges6.n,
		                 LB_MAX_RANGES);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Table and JSON of a bench run; see report.h. */
#include "report.h"

#include <errno.h>
#include <stdio.h>

#include <jansson.h>

static const char *const memory_names[BENCH_MEMORY_PARTS] = {
	[BENCH_FLOWS] = "flows", [BENCH_INDEX] = "index", [BENCH_NAT] = "nat", [BENCH_LB] = "lb",
	[BENCH_OTHER] = "other", [BENCH_REST] = "rest",
};
static const char *const page_names[3] = {"1g", "2m", "4k"};

void
report_machine(struct report *r, uint64_t flows, const struct machine *m)
{
	const char *const pages[3] = {
		"1 GB pages", "2 MB pages", m->made_huge < m->pages[2] / 2 ?
		"ordinary pages: every random line costs a page walk" :
		"ordinary pages, which the kernel has made huge",
	};
	r->size[r->n_sizes++] = (struct report_size){flows, *m};
	printf("\n%llu flows: F %.1f ns (a random line, prefetched), dependent %.1f ns, rte_hash ",
	       (unsigned long long)flows, m->f_ns, m->chase_ns);
	printf(m->hash_ns > 0 ? "bulk %.1f ns\n" : "not measured\n", m->hash_ns);
	for (unsigned i = 0; i < 3; i++)
		if (m->pages[i] != 0)
			printf("on %s\n", pages[i]);
	printf("  %-18s %-8s %10s %9s %9s %7s %7s %9s %8s\n", "case", "part", "flows", "ns",
	       "least", "F", "least F", "cold ns", "B/flow");
}

void
report_machine_end(struct report *r, const struct machine *m)
{
	r->size[r->n_sizes - 1].machine.f_ns_end = m->f_ns_end;
	printf("  F at the end: %.1f ns\n", m->f_ns_end);
}

static void
print_or_blank(int width, double v)
{
	if (v > 0)
		printf(" %*.1f", width, v);
	else
		printf(" %*s", width, "");
}

static void
print_extras(const struct result *x)
{
	if (x->cumulative_ns > 0)
		printf("  up to here %.1f", x->cumulative_ns);
	if (x->load > 0)
		printf("  load %.2f, a second line for %.2f %%", x->load, 100 * x->second);
	if (x->ratio > 0)
		printf("  ratio %.3f", x->ratio);
	if (x->max_ns > 0)
		printf("  p50 %.0f p99 %.0f p99.9 %.0f p99.99 %.0f max %.0f"
		       "; empty loop p99.9 %.0f max %.0f",
		       x->p50_ns, x->p99_ns, x->p999_ns, x->p9999_ns, x->max_ns,
		       x->idle_p999_ns, x->idle_max_ns);
}

static void
print_memory(const struct result *x)
{
	double grows = 0;
	printf("    bytes a flow, of room for %llu:", (unsigned long long)x->room);
	for (unsigned i = 0; i < BENCH_MEMORY_PARTS; i++) {
		printf(" %s %.1f%s", memory_names[i], x->memory[i],
		       i + 1 < BENCH_MEMORY_PARTS ? "," : "; ");
		grows += i != BENCH_REST ? x->memory[i] : 0;
	}
	printf("all but the rest, which is fixed, %.1f\n", grows);
}

/* Multiples of the F of the same moments, else of that at the beginning. */
static double
in_f(const struct result *x, const struct machine *m)
{
	if (x->absolute)
		return 0;
	return x->f > 0 ? x->f : x->ns / m->f_ns;
}

void
report_result(struct report *r, const struct result *res)
{
	const struct machine *m = &r->size[r->n_sizes - 1].machine;
	if (r->n_results < REPORT_RESULTS) {
		r->at_size[r->n_results] = r->n_sizes - 1;
		r->result[r->n_results++] = *res;
	}
	printf("  %-18s %-8s %10llu", res->name, res->part != NULL ? res->part : "",
	       (unsigned long long)res->flows);
	if (m->tick_ns > 0)
		printf(" %9.1f %9.1f %7.2f %7.2f", res->ns, res->ns_min, in_f(res, m),
		       res->absolute ? 0 : res->f_min);
	else
		printf(" counted %llu", (unsigned long long)res->units);
	print_or_blank(9, res->cold_ns);
	print_or_blank(8, res->bytes_per_flow);
	print_extras(res);
	printf("%s%s%s\n", res->failed ? "  FAILED" : "", res->note[0] != 0 ? "  " : "",
	       res->note);
	if (res->memory[BENCH_FLOWS] > 0)
		print_memory(res);
	fflush(stdout);
}

static void
set_real(json_t *o, const char *key, double v)
{
	if (v > 0)
		json_object_set_new(o, key, json_real(v));
}

static json_t *
memory_json(const struct result *x)
{
	json_t *o = json_object();
	for (unsigned i = 0; i < BENCH_MEMORY_PARTS; i++)
		json_object_set_new(o, memory_names[i], json_real(x->memory[i]));
	return o;
}

static void
set_latency(json_t *o, const struct result *x)
{
	set_real(o, "p50_ns", x->p50_ns);
	set_real(o, "p99_ns", x->p99_ns);
	set_real(o, "p999_ns", x->p999_ns);
	set_real(o, "p9999_ns", x->p9999_ns);
	set_real(o, "max_ns", x->max_ns);
	set_real(o, "idle_p999_ns", x->idle_p999_ns);
	set_real(o, "idle_max_ns", x->idle_max_ns);
}

static json_t *
case_json(const struct report *r, unsigned i)
{
	const struct result *x = &r->result[i];
	const struct report_size *size = &r->size[r->at_size[i]];
	double f = in_f(x, &size->machine);
	double f_ns = x->absolute || f <= 0 ? size->machine.f_ns : x->ns / f;
	json_t *o = json_pack("{s:s, s:I, s:f, s:f, s:f, s:f}", "case", x->name, "flows",
	                      (json_int_t)x->flows, "ns", x->ns, "ns_min", x->ns_min, "f",
	                      f, "f_ns", f_ns);
	set_real(o, "f_min", x->f_min);
	if (x->part != NULL) {
		json_object_set_new(o, "part", json_string(x->part));
		json_object_set_new(o, "size", json_integer((json_int_t)size->flows));
	}
	set_real(o, "cumulative_ns", x->cumulative_ns);
	set_real(o, "cold_ns", x->cold_ns);
	set_real(o, "bytes_per_flow", x->bytes_per_flow);
	if (x->room > 0)
		json_object_set_new(o, "room", json_integer((json_int_t)x->room));
	if (x->memory[BENCH_FLOWS] > 0)
		json_object_set_new(o, "memory", memory_json(x));
	if (x->load > 0) {
		json_object_set_new(o, "load", json_real(x->load));
		json_object_set_new(o, "second_line", json_real(x->second));
	}
	set_real(o, "ratio", x->ratio);
	set_latency(o, x);
	if (x->failed)
		json_object_set_new(o, "failed", json_string(x->note));
	else if (x->note[0] != '\0')
		json_object_set_new(o, "note", json_string(x->note));
	return o;
}

static json_t *
machine_json(const struct report_size *size)
{
	const struct machine *m = &size->machine;
	json_t *pages = json_object();
	for (unsigned i = 0; i < 3; i++)
		json_object_set_new(pages, page_names[i], json_integer((json_int_t)m->pages[i]));
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:o}", "flows", (json_int_t)size->flows,
	                 "f_ns", m->f_ns, "f_ns_end", m->f_ns_end, "dependent_ns", m->chase_ns,
	                 "rte_hash_ns", m->hash_ns, "pages", pages);
}

int
report_json(const struct report *r, const char *file)
{
	json_t *sizes = json_array(), *cases = json_array();
	double f_ns = r->n_sizes > 0 ? r->size[r->n_sizes - 1].machine.f_ns : 0;
	for (unsigned i = 0; i < r->n_sizes; i++)
		json_array_append_new(sizes, machine_json(&r->size[i]));
	for (unsigned i = 0; i < r->n_results; i++)
		json_array_append_new(cases, case_json(r, i));
	json_t *o = json_pack("{s:f, s:o, s:o}", "f_ns", f_ns, "machine", sizes, "cases", cases);
	errno = EIO;
	int rc = json_dump_file(o, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0 ? -errno : 0;
	json_decref(o);
	return rc;
}

unsigned
report_failed(const struct report *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < r->n_results; i++)
		n += r->result[i].failed;
	return n;
}

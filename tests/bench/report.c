/* SPDX-License-Identifier: Apache-2.0 */
/* Table and JSON of a bench run; see report.h. */
#include "report.h"

#include <errno.h>
#include <stdio.h>

#include <jansson.h>


static const struct machine *
machine_of(const struct report *r, unsigned i)
{
	return &r->size[r->at_size[i]].machine;
}

void
report_machine(struct report *r, uint64_t flows, const struct machine *m)
{
	r->size[r->n_sizes++] = (struct report_size){flows, *m};
	printf("\n%llu flows: F %.1f ns (a random line, prefetched), dependent %.0f ns, "
	       "rte_hash bulk %.1f ns\n",
	       (unsigned long long)flows, m->f_ns, m->chase_ns, m->hash_ns);
	printf("%s\n", m->huge ? "on huge pages" :
	                         "on ordinary pages: every random line costs a page walk");
	printf("  %-18s %12s %9s %7s %9s %8s\n", "case", "flows", "ns", "F", "cold ns", "B/flow");
}

static void
print_or_blank(int width, double v)
{
	if (v > 0)
		printf(" %*.1f", width, v);
	else
		printf(" %*s", width, "");
}

void
report_result(struct report *r, const struct result *res)
{
	unsigned i = r->n_results++;
	r->result[i] = *res;
	r->at_size[i] = r->n_sizes - 1;
	double f = machine_of(r, i)->f_ns;
	printf("  %-18s %12llu %9.1f %7.2f", res->name, (unsigned long long)res->flows, res->ns,
	       res->ns / f);
	print_or_blank(9, res->cold_ns);
	print_or_blank(8, res->bytes_per_flow);
	if (res->ratio > 0)
		printf("  ratio %.3f", res->ratio);
	if (res->max_ns > 0)
		printf("  p50 %.0f p99 %.0f p99.9 %.0f p99.99 %.0f max %.0f"
		       "; empty loop p99.9 %.0f max %.0f",
		       res->p50_ns, res->p99_ns, res->p999_ns, res->p9999_ns, res->max_ns,
		       res->idle_p999_ns, res->idle_max_ns);
	printf("%s%s%s\n", res->failed ? "  FAILED" : "", res->note[0] != 0 ? "  " : "",
	       res->note);
	fflush(stdout);
}

static void
set_real(json_t *o, const char *key, double v)
{
	if (v > 0)
		json_object_set_new(o, key, json_real(v));
}

static json_t *
case_json(const struct report *r, unsigned i)
{
	const struct result *x = &r->result[i];
	json_t *o = json_pack("{s:s, s:I, s:f, s:f, s:f}", "case", x->name, "flows",
	                      (json_int_t)x->flows, "ns", x->ns, "f",
	                      x->ns / machine_of(r, i)->f_ns,
	                      "f_ns", machine_of(r, i)->f_ns);
	set_real(o, "cold_ns", x->cold_ns);
	set_real(o, "bytes_per_flow", x->bytes_per_flow);
	set_real(o, "ratio", x->ratio);
	set_real(o, "p50_ns", x->p50_ns);
	set_real(o, "p99_ns", x->p99_ns);
	set_real(o, "p999_ns", x->p999_ns);
	set_real(o, "p9999_ns", x->p9999_ns);
	set_real(o, "max_ns", x->max_ns);
	set_real(o, "idle_p999_ns", x->idle_p999_ns);
	set_real(o, "idle_max_ns", x->idle_max_ns);
	if (x->failed)
		json_object_set_new(o, "failed", json_string(x->note));
	else if (x->note[0] != '\0')
		json_object_set_new(o, "note", json_string(x->note));
	return o;
}

int
report_json(const struct report *r, const char *file)
{
	json_t *sizes = json_array(), *cases = json_array();
	const struct report_size *last = &r->size[r->n_sizes - 1];
	for (unsigned i = 0; i < r->n_sizes; i++) {
		const struct machine *m = &r->size[i].machine;
		json_t *size = json_pack("{s:I, s:f, s:f, s:f}", "flows",
		                         (json_int_t)r->size[i].flows, "f_ns", m->f_ns,
		                         "dependent_ns", m->chase_ns, "rte_hash_ns", m->hash_ns);
		json_array_append_new(sizes, size);
	}
	for (unsigned i = 0; i < r->n_results; i++)
		json_array_append_new(cases, case_json(r, i));
	json_t *o = json_pack("{s:f, s:o, s:o}", "f_ns", last->machine.f_ns, "machine", sizes,
	                      "cases", cases);
	int rc = json_dump_file(o, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(o);
	return rc < 0 ? -EIO : 0;
}

unsigned
report_failed(const struct report *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < r->n_results; i++)
		n += r->result[i].failed;
	return n;
}

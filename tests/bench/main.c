/* SPDX-License-Identifier: Apache-2.0 */
/* millrace-bench: the production pipeline and its parts, beside what the machine can do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "report.h"

static struct report report;

static bool
wanted(const struct options *o, unsigned i)
{
	return (o->cases >> i & 1) != 0;
}

/* Nothing is taken before everything is known to fit. Of the default sizes, those that do not are
 * left out. => false: what was asked for does not fit. */
static bool
sizes_fit(struct options *o)
{
	unsigned n = 0;
	for (unsigned s = 0; s < o->n_flows; s++) {
		bool fits = true;
		for (unsigned i = 0; i < bench_n_cases; i++)
			fits = fits && (!wanted(o, i) || needs_fit(&bench_cases[i], o->flows[s]));
		if (fits)
			o->flows[n++] = o->flows[s];
		else if (o->sizes_given)
			return false;
	}
	o->n_flows = n;
	return n > 0;
}

static void
case_run(const struct bench_case *c, const struct options *o, struct machine *m,
         uint64_t flows)
{
	struct bench b;
	struct result rows[ROWS_MAX] = {{.name = c->name, .flows = flows}};
	if (bench_open(&b, c, m, flows, o->rounds) && (!c->fill || bench_fill(&b, NULL))) {
		c->run(&b, rows);
	} else {
		rows[0].failed = true;
		snprintf(rows[0].note, sizeof(rows[0].note), "could not open the flows");
	}
	for (unsigned i = 0; i < ROWS_MAX && rows[i].name != NULL; i++) {
		if (b.rig != NULL && !c->grows)
			bench_memory(&b, &rows[i]);
		report_result(&report, &rows[i]);
	}
	bench_close(&b);
}

/* => NULL, or what is wrong with the machine's figures. */
static const char *
machine_run(const struct options *o, struct machine *m, uint64_t flows)
{
	*m = (struct machine){.f_ns = 1};
	if (o->callgrind)
		return NULL;
	if (machine_measure(m, flows) < 0)
		return "there is no memory for as many lines as flows";
	if (!o->no_hash)
		machine_hash(m, (uint32_t)flows);
	return machine_doubt(m);
}

static bool
size_run(const struct options *o, uint64_t flows)
{
	struct machine m;
	const char *doubt = machine_run(o, &m, flows);
	report_machine(&report, flows, &m);
	if (doubt != NULL)
		fprintf(stderr, "millrace-bench: %llu flows: the machine's own figures cannot be: "
		        "%s\n", (unsigned long long)flows, doubt);
	for (unsigned i = 0; i < bench_n_cases; i++)
		if (wanted(o, i))
			case_run(&bench_cases[i], o, &m, flows);
	if (!o->callgrind) {
		machine_end(&m);
		report_machine_end(&report, &m);
	}
	return doubt == NULL;
}

static int
report_write(const struct options *o)
{
	int rc = o->report != NULL ? report_json(&report, o->report) : 0;
	if (rc < 0)
		fprintf(stderr, "millrace-bench: --report: cannot write %s: %s\n", o->report,
		        strerror(-rc));
	return rc;
}

int
main(int argc, char **argv)
{
	struct options o;
	int rc = options_parse(argc, argv, &o);
	if (rc != 0)
		return rc < 0 ? 2 : 0;
	bench_share(o.subscribers);
	if (!pages_use(o.pages) || !sizes_fit(&o) || report_write(&o) < 0)
		return 1;
	bool good = true;
	for (unsigned i = 0; i < o.n_flows; i++)
		good &= size_run(&o, o.flows[i]);
	if (report_write(&o) < 0 || !good)
		return 1;
	return report_failed(&report) != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* millrace-replay: captures in, captures out, on a simulated clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/config.h"
#include "ctl/replay/control.h"
#include "ctl/replay/inputs.h"
#include "ctl/replay/options.h"
#include "ctl/replay/report.h"
#include "ctl/replay/sim.h"

struct replay {
	struct options options;
	struct inputs inputs;
	struct control control;
	struct outputs outputs;
	struct sim sim;
	struct run run;
	json_t *answers;
	void *image;
	size_t image_size;
};

static int
config_failed(const char *file, const struct config_errors *errs)
{
	for (unsigned i = 0; i < errs->n; i++) {
		const struct config_error *e = &errs->e[i];
		if (e->path[0] == '\0' && strncmp(e->message, file, strlen(file)) == 0)
			complain("%s", e->message);
		else
			complain("%s: %s%s%s", file, e->path,
			        e->path[0] != '\0' ? ": " : "", e->message);
	}
	if (errs->lost != 0)
		complain("%s: %u more errors", file, errs->lost);
	return REPLAY_INPUT;
}

/* outputs_take: who fails must not leave an earlier run's captures and report in place. */
static int
outputs_take(struct replay *r, const json_t *doc)
{
	const struct options *o = &r->options;
	outputs_protect(&r->outputs, o->config);
	if (o->control != NULL)
		outputs_protect(&r->outputs, o->control);
	for (unsigned i = 0; i < o->n_in; i++)
		outputs_protect(&r->outputs, o->in[i].file);
	if (o->report != NULL && outputs_is_input(&r->outputs, o->report)) {
		complain("%s: would be written over, but is an input", o->report);
		return REPLAY_INPUT;
	}
	if (o->report != NULL)
		outputs_remove(&r->outputs, o->report);
	outputs_forget(&r->outputs, o->out, doc);
	return REPLAY_OK;
}

/* config_take: the configuration file to an image. */
static int
config_take(struct replay *r)
{
	static struct config_errors errs;
	json_t *doc = config_load(r->options.config, &errs);
	if (outputs_take(r, doc) != REPLAY_OK) {
		json_decref(doc);
		return REPLAY_INPUT;
	}
	if (doc == NULL)
		return config_failed(r->options.config, &errs);
	workers_override(doc, r->options.workers);
	r->image = config_compile(doc, NULL, 1, &r->image_size, &errs);
	json_decref(doc);
	return r->image != NULL ? REPLAY_OK : config_failed(r->options.config, &errs);
}

/*
 * packets_put: the frame that comes next, and those that follow it at the same moment on the same
 * device, up to a burst: they were in the device's queue together.
 */
static void
packets_put(struct replay *r)
{
	struct input *in = inputs_first(&r->inputs);
	uint64_t time_ns = in->next.time_ns;
	uint16_t dev = in->dev;
	for (unsigned n = 0; n < BURST; n++) {
		if (sim_put(&r->sim, dev, in->next.data, in->next.size))
			in->frames++;
		else
			in->unreadable++;
		input_advance(in);
		in = inputs_first(&r->inputs);
		if (in == NULL || in->next.time_ns != time_ns || in->dev != dev)
			break;
	}
	r->run.last_ns = time_ns;
	sim_settle(&r->sim);
}

static void
request_make(struct replay *r)
{
	r->sim.active_ns = r->sim.now_ns;
	json_array_append_new(r->answers, control_run(&r->control, r->sim.api));
	sim_settle(&r->sim);
}

/* run_events: packets and requests in order of time; at the same moment requests come first. */
static void
run_events(struct replay *r)
{
	for (;;) {
		const struct input *in = inputs_first(&r->inputs);
		uint64_t packet = in != NULL ? in->next.time_ns : UINT64_MAX;
		uint64_t at = control_at(&r->control);
		uint64_t request = at != UINT64_MAX ? r->run.first_ns + at : UINT64_MAX;
		if (packet == UINT64_MAX && request == UINT64_MAX)
			break;
		sim_advance(&r->sim, packet < request ? packet : request);
		if (request <= packet)
			request_make(r);
		else
			packets_put(r);
	}
	sim_advance(&r->sim, r->run.first_ns + r->options.until_ns);
	r->run.end_ns = r->sim.now_ns;
}

static int
report(struct replay *r)
{
	char why[SIM_ERR];
	int status = REPLAY_OK;
	json_t *j = report_make(&r->sim, &r->inputs, &r->run, r->answers);
	if (!r->options.quiet)
		report_print(j, stdout);
	if (r->options.report != NULL) {
		int error = report_write(j, r->options.report);
		if (error != 0) {
			complain("%s: %s", r->options.report, strerror(-error));
			status = REPLAY_INPUT;
		}
	}
	json_decref(j);
	if (sim_broken(&r->sim, why, sizeof(why)) != NULL) {
		complain("the counters do not add up: %s", why);
		status = REPLAY_BROKEN;
	}
	return status;
}

static int
simulate(struct replay *r)
{
	char err[SIM_ERR];
	const struct input *first = inputs_first(&r->inputs);
	int status = REPLAY_INPUT;
	r->run.seed = r->options.seed;
	r->run.first_ns = r->run.last_ns = first != NULL ? first->next.time_ns : 0;
	if (outputs_open(&r->outputs, r->options.out, err, sizeof(err)) == 0 &&
	    sim_open(&r->sim, r->image, r->options.seed, &r->outputs, r->run.first_ns, err,
	             sizeof(err)) == 0) {
		run_events(r);
		status = report(r);
	} else {
		complain("%s", err);
	}
	sim_close(&r->sim);
	if (outputs_close(&r->outputs, err, sizeof(err)) != 0) {
		complain("%s", err);
		status = REPLAY_INPUT;
	}
	return status;
}

static int
replay(struct replay *r)
{
	int status = config_take(r);
	if (status == REPLAY_OK)
		status = inputs_open(&r->inputs, &r->options, r->image);
	if (status == REPLAY_OK)
		status = control_load(&r->control, r->options.control, r->options.workers);
	if (status == REPLAY_OK)
		status = simulate(r);
	return status;
}

int
main(int argc, char **argv)
{
	static struct replay r;
	int status;
	if (!options_parse(&r.options, argc, argv, &status))
		return status;
	r.answers = json_array();
	status = replay(&r);
	json_decref(r.answers);
	inputs_close(&r.inputs);
	control_free(&r.control);
	free(r.image);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* millraced: the JSON socket, the configuration on disk, the log, and the way to the data plane. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/config/config.h"
#include "ctl/config/warnings.h"
#include "health_checker.h"
#include "log_service.h"
#include "options.h"
#include "plane_client.h"
#include "requests.h"
#include "server.h"
#include "store.h"

enum { TICK_MS = 100, CONNECT_TICKS = 5, RETRY_TICKS = 50, EVENTS = 4 };

/* What the daemon itself does beside the loop; once more, if it was asked for meanwhile. */
struct task {
	struct changer_job job;
	struct daemon *d;
	void (*run)(struct daemon *d);
	bool waits, is_begun, again, is_first;
};

struct daemon {
	struct options opt;
	struct event_base *base;
	struct api *api;
	struct plane_client plane;
	struct event *plane_event; /* while connected */
	struct event *events[EVENTS]; /* signals, and the tick; NULL: not begun */
	struct server *server;
	struct changer *changer;
	struct requests requests;
	struct task agree, hangup, health, keep;
	struct log_service *logs;
	struct checker *checker;
	char health_file[512];     /* beside the store */
	FILE *log;
	uint64_t saved;            /* api_changes of what the store holds */
	bool saves;                /* a job is at it */
	uint64_t ticks;
	char last[512];            /* last message, so that it is not repeated */
};

static void say(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct daemon *d, const char *fmt, ...)
{
	char text[sizeof(d->last)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strcmp(text, d->last) == 0)
		return;
	memcpy(d->last, text, sizeof(text));
	fprintf(stderr, "millraced: %s\n", text);
}

static bool
is_saved(const struct daemon *d)
{
	return api_document(d->api) == NULL || api_changes(d->api) == d->saved;
}

/* save: of a job, or when nothing else is to be done any more: the disk is waited for. */
static int
save(void *arg)
{
	struct daemon *d = arg;
	uint64_t changes = api_changes(d->api);
	if (d->saves || is_saved(d))
		return 0;
	json_t *doc = json_incref((json_t *)(uintptr_t)api_document(d->api));
	d->saves = true;
	changer_leave(d->changer);
	int rc = store_save(d->opt.store, doc);
	changer_enter(d->changer);
	d->saves = false;
	json_decref(doc);
	if (rc == 0)
		d->saved = changes;
	else
		say(d, "the configuration cannot be kept in %s: %s", d->opt.store, strerror(-rc));
	return rc;
}

static void
task_put(struct task *t)
{
	t->again = t->is_begun;
	if (t->waits)
		return;
	t->waits = true;
	changer_put(t->d->changer, &t->job, t->is_first);
}

static void
keep(struct daemon *d)
{
	save(d);
}

/* keep_again: what could not be kept is tried again with each request, and as time goes by. */
static void
keep_again(struct daemon *d)
{
	if (!d->saves && !d->keep.waits && !is_saved(d))
		task_put(&d->keep);
}

/* after_line: what a request changed is kept before it is answered. */
static void
after_line(void *arg, bool job)
{
	struct daemon *d = arg;
	char err[512];
	if (job)
		save(d);
	else
		keep_again(d);
	if (job && checker_save(d->checker, err, sizeof(err)) != 0)
		say(d, "health: %s", err);
}

static void
log_open(struct daemon *d)
{
	if (d->opt.log == NULL)
		return;
	if (d->log != NULL)
		fclose(d->log);
	d->log = fopen(d->opt.log, "ae");
	if (d->log == NULL)
		say(d, "log %s: %s", d->opt.log, strerror(errno));
}

static void
on_records(void *arg, const struct record *rec, size_t n)
{
	struct daemon *d = arg;
	api_records(d->api, rec, n);
	for (size_t i = 0; i < n && d->log != NULL; i++) {
		json_t *o = api_record_json(d->api, &rec[i]);
		json_dumpf(o, d->log, JSON_COMPACT);
		fputc('\n', d->log);
		json_decref(o);
	}
}

/* drain: records stay in their rings until it is known what is in force, and so where they go. */
static void
drain(void *arg)
{
	struct daemon *d = arg;
	const struct stats_segment *stats = d->plane.stats;
	bool is_known = api_document(d->api) != NULL || !d->agree.waits;
	log_service_drain(d->logs, is_known ? d->plane.records : NULL,
	                  stats != NULL ? stats->start_time_ns : 0, d->plane.image,
	                  d->plane.given_ns);
	const char *trouble = log_service_trouble(d->logs);
	if (trouble != NULL)
		say(d, "%s", trouble);
	if (d->log != NULL && fflush(d->log) != 0)
		say(d, "log %s: %s", d->opt.log, strerror(errno));
}

/* plane_heed: its end is heard of again, after an image was with it. */
static void
plane_heed(struct daemon *d)
{
	if (d->plane_event != NULL && !d->plane.is_busy && !event_pending(d->plane_event, EV_READ,
	                                                                 NULL))
		event_add(d->plane_event, NULL);
}

static void
task_run(void *arg)
{
	struct task *t = arg;
	t->is_begun = true;
	t->run(t->d);
}

static void
task_done(void *arg, bool ran)
{
	struct task *t = arg;
	t->waits = t->is_begun = false;
	plane_heed(t->d);
	if (ran && t->again)
		task_put(t);
}

static void
agree(struct daemon *d)
{
	char err[512] = "";
	if (d->plane_event == NULL)
		return;
	if (api_link_changed(d->api, err, sizeof(err)) != 0)
		say(d, "the configuration was not applied: %s", err);
	save(d);
}

static void
disconnect(struct daemon *d)
{
	drain(d);
	event_free(d->plane_event);
	d->plane_event = NULL;
	plane_client_close(&d->plane);
	say(d, "the data plane is gone; trying again");
}

/* on_plane: between commands the data plane has nothing to say, so this is the end; but while an
 * image is with it this may be the answer, which a job waits for. */
static void
on_plane(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	if (d->plane.is_busy)
		event_del(d->plane_event);
	else
		disconnect(d);
}

static void
reconnect(struct daemon *d)
{
	char err[256] = "";
	if (plane_client_connect(&d->plane, err, sizeof(err)) != 0) {
		say(d, "no data plane: %s", err);
		return;
	}
	d->plane_event = event_new(d->base, d->plane.fd, EV_READ | EV_PERSIST, on_plane, d);
	event_add(d->plane_event, NULL);
	say(d, "connected to the data plane at %s", d->opt.plane);
	log_service_found(d->logs, d->plane.image);
	task_put(&d->agree);
}

static void
health(struct daemon *d)
{
	char err[512] = "";
	if (checker_apply(d->checker, err, sizeof(err)) != 0)
		say(d, "health: %s", err);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	drain(d);
	plane_heed(d);
	if (d->plane_event == NULL && d->ticks % CONNECT_TICKS == 0)
		reconnect(d);
	else if (d->plane_event != NULL && d->plane.image == NULL &&
	         d->ticks % RETRY_TICKS == RETRY_TICKS - 1 && !changer_is_busy(d->changer))
		task_put(&d->agree);
	if (d->ticks % CONNECT_TICKS == 0)
		keep_again(d);
	if (checker_tick(d->checker) && !d->health.waits)
		task_put(&d->health);
	d->ticks++;
}

/* offer_file: load a document for the data plane. => 0, or -1 and its errors were printed. */
static int
offer_file(struct daemon *d, const char *file, bool wins)
{
	struct config_errors errs = {0};
	changer_leave(d->changer);
	json_t *doc = config_load(file, &errs);
	bool good = doc != NULL && config_check(doc, &errs);
	if (good)
		config_warnings(doc, &errs);
	changer_enter(d->changer);
	if (good)
		api_offer(d->api, doc, wins);
	for (unsigned i = 0; i < errs.n; i++)
		fprintf(stderr, "millraced: %s: %s%s%s%s\n", file, good ? "warning: " : "",
		        errs.e[i].path,
		        errs.e[i].path[0] != '\0' ? ": " : "", errs.e[i].message);
	json_decref(doc);
	return good ? 0 : -1;
}

static void
read_again(struct daemon *d)
{
	if (offer_file(d, d->opt.config, true) == 0)
		agree(d);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	d->last[0] = '\0';
	log_open(d);
	if (d->opt.config != NULL)
		task_put(&d->hangup);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	api_stop(d->api);
	event_base_loopbreak(d->base);
}

/* folder_make: the folder of a file, if it is not there. Whoever uses the file says what failed. */
static void
folder_make(const char *file)
{
	char folder[256];
	const char *slash = strrchr(file, '/');
	if (slash == NULL || slash == file || (size_t)(slash - file) >= sizeof(folder))
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - file), file);
	mkdir(folder, 0755);
}

static int
offer_first(struct daemon *d)
{
	if (d->opt.config != NULL)
		return offer_file(d, d->opt.config, true);
	if (access(d->opt.store, F_OK) == 0 && offer_file(d, d->opt.store, false) != 0)
		fprintf(stderr, "millraced: %s is not used\n", d->opt.store);
	return 0;
}

/* Before anybody can know that we are there: who stops us at once is heard, too. */
static void
events_begin(struct daemon *d)
{
	struct timeval tick = {.tv_usec = TICK_MS * 1000};
	d->events[0] = evsignal_new(d->base, SIGTERM, on_end, d);
	d->events[1] = evsignal_new(d->base, SIGINT, on_end, d);
	d->events[2] = evsignal_new(d->base, SIGHUP, on_hangup, d);
	d->events[3] = event_new(d->base, -1, EV_PERSIST, on_tick, d);
	for (int i = 0; i < EVENTS; i++)
		event_add(d->events[i], i == EVENTS - 1 ? &tick : NULL);
}

static void
leave(void *arg)
{
	changer_leave(arg);
}

static void
enter(void *arg)
{
	changer_enter(arg);
}

static void
task_init(struct daemon *d, struct task *t, void (*run)(struct daemon *d), bool is_first)
{
	*t = (struct task){.job = {.run = task_run, .done = task_done, .arg = t}, .d = d,
	                   .run = run, .is_first = is_first};
}

/* beside: what takes long is the changer's. */
static void
beside(struct daemon *d)
{
	d->plane.aside = (struct api_aside){d->changer, leave, enter};
	api_set_aside(d->api, &d->plane.aside);
	task_init(d, &d->agree, agree, true);
	task_init(d, &d->hangup, read_again, false);
	task_init(d, &d->health, health, false);
	task_init(d, &d->keep, keep, false);
}

static int
start(struct daemon *d)
{
	folder_make(d->opt.control);
	folder_make(d->opt.store);
	plane_client_init(&d->plane, d->opt.plane);
	struct plane_link link = plane_client_link(&d->plane);
	struct log_feed feed = {on_records, drain, d};
	d->api = api_create(&link);
	d->base = event_base_new();
	d->changer = d->base != NULL ? changer_create(d->base) : NULL;
	if (d->api == NULL || d->changer == NULL || offer_first(d) != 0)
		return -1;
	beside(d);
	d->logs = log_service_create(d->base, d->api, &feed);
	if (d->logs == NULL)
		return -1;
	api_set_log(d->api, log_service_link(d->logs));
	api_set_store(d->api, save, d);
	const char *slash = strrchr(d->opt.store, '/');
	snprintf(d->health_file, sizeof(d->health_file), "%.*shealth.json",
	         slash != NULL ? (int)(slash - d->opt.store + 1) : 0, d->opt.store);
	d->checker = checker_create(d->base, d->api, d->health_file);
	if (d->checker == NULL)
		return -1;
	checker_set_aside(d->checker, &d->plane.aside);
	log_open(d);
	events_begin(d);
	d->requests = (struct requests){.api = d->api, .changer = d->changer, .after = after_line,
	                                .ctx = d};
	d->server = server_create(d->base, d->opt.control, requests_line, &d->requests);
	d->requests.server = d->server;
	if (d->server == NULL)
		fprintf(stderr, "millraced: %s: %s\n", d->opt.control, strerror(errno));
	return d->server != NULL ? 0 : -1;
}

static void
run(struct daemon *d)
{
	on_tick(-1, 0, d);
	event_base_dispatch(d->base);
}

static void
stop(struct daemon *d)
{
	if (d->changer != NULL)
		changer_finish(d->changer);
	if (d->server != NULL) {
		drain(d);
		save(d);
		server_destroy(d->server);
	}
	for (int i = 0; i < EVENTS && d->events[i] != NULL; i++)
		event_free(d->events[i]);
	if (d->plane_event != NULL)
		event_free(d->plane_event);
	plane_client_close(&d->plane);
	checker_destroy(d->checker);
	log_service_destroy(d->logs);
	api_destroy(d->api);
	if (d->log != NULL)
		fclose(d->log);
	changer_destroy(d->changer);
	if (d->base != NULL)
		event_base_free(d->base);
}

int
main(int argc, char **argv)
{
	static struct daemon d;
	int status = options_parse(&d.opt, argc, argv);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (start(&d) == 0)
		run(&d);
	else
		status = 1;
	stop(&d);
	libevent_global_shutdown();
	return status == 1;
}

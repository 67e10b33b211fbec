/* SPDX-License-Identifier: Apache-2.0 */
/* When checks run. */
#include "health_checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "store.h"
#include "system_clock.h"

enum { SPARE_FILES = 1024 /* for clients and the rest */, NO_NUMBER = UINT32_MAX };
static const uint64_t SECOND = 1000000000, MS = 1000000;

enum slot_state { IDLE, IN_LINE, BUSY };

struct slot {
	struct checker *checker;
	struct health_target *target;
	struct probe probe;
	struct event timer;
	enum slot_state state;
	bool program;                  /* the check that runs is one */
	uint64_t due_ns, began_ns;     /* monotonic */
	STAILQ_ENTRY(slot) line;
};
STAILQ_HEAD(line, slot);

struct checker {
	struct event_base *base;
	struct api *api;
	struct health *health;
	struct prober prober;
	const char *file;
	struct line sockets, programs; /* who is due and has to wait */
	struct slot **busy;            /* by the number of its probe */
	uint32_t *free_number;
	uint32_t most;                 /* that may run at once */
	struct health_load *load;      /* of the table of health */
	uint64_t random;
	uint64_t apply_ns, saved;      /* not before; changes that are on disk */
	struct api_aside aside;
	bool saves;      /* somebody waits for the disk */
};

/* random_below: splitmix64; nobody is to guess when checks come, but it is no secret either. */
static uint64_t
random_below(struct checker *c, uint64_t n)
{
	uint64_t z = (c->random += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return n == 0 ? 0 : (z ^ (z >> 31)) % n;
}

static void
timer_set(struct slot *s, uint64_t wait_ns)
{
	struct timeval t = {.tv_sec = (time_t)(wait_ns / SECOND),
	                    .tv_usec = (suseconds_t)(wait_ns % SECOND / 1000)};
	event_add(&s->timer, &t);
}

static void
slot_wait(struct slot *s, uint64_t due_ns)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	s->state = IDLE;
	s->due_ns = due_ns;
	timer_set(s, due_ns > now ? due_ns - now : 0);
}

/* slot_again: an interval after it was due last, give or take its jitter, but not in the past. */
static void
slot_again(struct slot *s)
{
	const struct check *k = s->target->conf.check;
	uint64_t now = clock_ns(CLOCK_MONOTONIC), interval = k->interval_ms * MS;
	uint64_t span = interval * k->jitter / 100;
	uint64_t due = s->due_ns + interval - span + random_below(s->checker, 2 * span + 1);
	slot_wait(s, due > now ? due : now);
}

static struct line *
line_of(struct checker *c, const struct check *k)
{
	return k->type == CHECK_SCRIPT ? &c->programs : &c->sockets;
}

static bool
has_room(const struct checker *c, const struct check *k)
{
	return c->load->running < c->most && (k->type != CHECK_SCRIPT || script_room(&c->prober));
}

static void
slot_free_number(struct slot *s)
{
	struct checker *c = s->checker;
	c->busy[s->probe.number] = NULL;
	c->free_number[--c->load->running] = s->probe.number;
}

/* slot_result: the check is over. */
static void
slot_result(struct slot *s, bool good)
{
	uint64_t took = clock_ns(CLOCK_MONOTONIC) - s->began_ns;
	health_result(s->checker->health, s->target, good, s->probe.reason, took,
	              clock_ns(CLOCK_REALTIME));
	slot_again(s);
}

static void line_move(struct checker *c, struct line *line);

static void
on_done(struct probe *p, bool good)
{
	struct slot *s = (struct slot *)((char *)p - offsetof(struct slot, probe));
	struct checker *c = s->checker;
	bool program = s->program;
	event_del(&s->timer);
	slot_free_number(s);
	slot_result(s, good);
	if (program)
		line_move(c, &c->programs);
	line_move(c, &c->sockets);
}

static void
slot_start(struct slot *s)
{
	struct checker *c = s->checker;
	const struct check *k = s->target->conf.check;
	uint64_t late;
	s->began_ns = clock_ns(CLOCK_MONOTONIC);
	late = s->began_ns > s->due_ns ? s->began_ns - s->due_ns : 0;
	c->load->started++;
	c->load->late_ns += late;
	c->load->late_max_ns = late > c->load->late_max_ns ? late : c->load->late_max_ns;
	s->probe = (struct probe){.prober = &c->prober, .set = c->health->set, .check = k,
	                          .conf = &s->target->conf, .done = on_done,
	                          .number = c->free_number[c->load->running++]};
	c->busy[s->probe.number] = s;
	s->state = BUSY;
	s->program = k->type == CHECK_SCRIPT;
	if (probe_start(&s->probe) == 0) {
		timer_set(s, k->timeout_ms * MS);
		return;
	}
	slot_free_number(s);
	slot_result(s, false);
}

/* line_move: start who has waited longest, as many as there is room for. */
static void
line_move(struct checker *c, struct line *line)
{
	struct slot *s;
	while ((s = STAILQ_FIRST(line)) != NULL && has_room(c, s->target->conf.check)) {
		STAILQ_REMOVE_HEAD(line, line);
		c->load->waiting--;
		slot_start(s);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;
	struct checker *c = s->checker;
	const struct check *k = s->target->conf.check;
	if (s->state == BUSY) {
		bool good = probe_timeout(&s->probe);
		slot_free_number(s);
		slot_result(s, good);
		line_move(c, &c->sockets);
	} else if (has_room(c, k) && STAILQ_EMPTY(line_of(c, k))) {
		slot_start(s);
	} else {
		s->state = IN_LINE;
		c->load->waiting++;
		STAILQ_INSERT_TAIL(line_of(c, k), s, line);
	}
}

/* slot_stop: whatever it does, it does no more. */
static void
slot_stop(struct slot *s)
{
	struct checker *c = s->checker;
	event_del(&s->timer);
	if (s->state == BUSY) {
		probe_stop(&s->probe);
		slot_free_number(s);
	} else if (s->state == IN_LINE) {
		/* its check may be of another type by now: it stands in one of the two */
		struct slot *at;
		STAILQ_FOREACH(at, &c->sockets, line)
			if (at == s)
				break;
		struct line *line = at == s ? &c->sockets : &c->programs;
		STAILQ_REMOVE(line, s, slot, line);
		c->load->waiting--;
	}
	s->state = IDLE;
}

static void
on_removed(void *ctx, struct health_target *t)
{
	struct checker *c = ctx;
	struct slot *s = t->user;
	if (s == NULL)
		return;
	slot_stop(s);
	c->load->backends--;
	free(s);
	t->user = NULL;
}

/* first_due: where an earlier life left off, else anywhere within the interval. */
static uint64_t
first_due(struct checker *c, const struct health_target *t)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), wall = clock_ns(CLOCK_REALTIME);
	uint64_t interval = t->conf.check->interval_ms * MS;
	uint64_t ago = wall > t->checked_ns ? wall - t->checked_ns : 0;
	if (t->checked_ns != 0 && ago < interval)
		return now + interval - ago;
	return now + random_below(c, interval);
}

static void
on_changed(void *ctx, struct health_target *t)
{
	struct checker *c = ctx;
	struct slot *s = t->user;
	if (t->conf.check == NULL) {
		on_removed(c, t);
		return;
	}
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL)
			return;
		s->checker = c;
		s->target = t;
		t->user = s;
		c->load->backends++;
		evtimer_assign(&s->timer, c->base, on_timer, s);
		slot_wait(s, first_due(c, t));
		return;
	}
	uint64_t latest = clock_ns(CLOCK_MONOTONIC) + t->conf.check->interval_ms * MS;
	if (s->state == IDLE && s->due_ns > latest + t->conf.check->interval_ms * MS / 2)
		slot_wait(s, latest);
}

/* most_busy: as many as descriptors allow; the limit is raised to what it may be. */
static uint32_t
most_busy(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return 64;
	rlim_t wanted = CHECKER_BUSY + SPARE_FILES;
	if (l.rlim_cur < wanted) {
		l.rlim_cur = l.rlim_max < wanted ? l.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &l);
	}
	if (l.rlim_cur >= wanted)
		return CHECKER_BUSY;
	return l.rlim_cur > 2 * SPARE_FILES ? (uint32_t)(l.rlim_cur - SPARE_FILES) :
	                                      (uint32_t)l.rlim_cur / 4 + 1;
}

struct checker *
checker_create(struct event_base *base, struct api *api, const char *file)
{
	struct checker *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->base = base;
	c->api = api;
	c->health = api_health(api);
	c->load = &c->health->load;
	c->file = file;
	c->most = most_busy();
	c->busy = calloc(c->most, sizeof(struct slot *));
	c->free_number = calloc(c->most, sizeof(*c->free_number));
	STAILQ_INIT(&c->sockets);
	STAILQ_INIT(&c->programs);
	if (c->busy == NULL || c->free_number == NULL || !prober_init(&c->prober, base) ||
	    getrandom(&c->random, sizeof(c->random), 0) != sizeof(c->random)) {
		checker_destroy(c);
		return NULL;
	}
	for (uint32_t i = 0; i < c->most; i++)
		c->free_number[i] = i;
	json_t *saved = file != NULL ? json_load_file(file, 0, NULL) : NULL;
	health_load(c->health, saved);
	json_decref(saved);
	c->health->hooks = (struct health_hooks){c, on_changed, on_removed};
	return c;
}

void
checker_set_aside(struct checker *c, const struct api_aside *aside)
{
	c->aside = *aside;
}

int
checker_save(struct checker *c, char *err, size_t err_size)
{
	uint64_t changes = c->health->changes;
	if (c->file == NULL || changes == c->saved || c->health->set == NULL || c->saves)
		return 0;
	json_t *state = health_save(c->health);
	c->saves = true;
	api_leave(&c->aside);
	int rc = store_save(c->file, state);
	json_decref(state);
	api_enter(&c->aside);
	c->saves = false;
	if (rc == 0)
		c->saved = changes;
	else
		snprintf(err, err_size, "%s: %s", c->file, strerror(-rc));
	return rc;
}

void
checker_destroy(struct checker *c)
{
	if (c == NULL)
		return;
	char err[256];
	c->saved--; /* with the times of the last checks, even if nothing changed */
	checker_save(c, err, sizeof(err));
	c->health->hooks = (struct health_hooks){0};
	for (size_t i = 0; i < c->health->n; i++)
		on_removed(c, c->health->target[i]);
	prober_fini(&c->prober);
	free(c->busy);
	free(c->free_number);
	free(c);
}

/* Onto disk, then to the data plane: who starts anew never knows less than that does. */
int
checker_apply(struct checker *c, char *err, size_t err_size)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	int saved = checker_save(c, err, err_size);
	int rc = api_health_apply(c->api, err, err_size);
	uint64_t after = clock_ns(CLOCK_MONOTONIC);
	c->apply_ns = after + 4 * (after - now);
	if (rc < 0)
		c->apply_ns = after + CHECKER_RETRY_S * SECOND;
	return rc < 0 ? rc : saved;
}

bool
checker_tick(struct checker *c)
{
	line_move(c, &c->programs); /* killed ones are reaped late */
	api_turn(c->api);
	return c->health->dirty && clock_ns(CLOCK_MONOTONIC) >= c->apply_ns;
}

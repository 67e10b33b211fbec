/* SPDX-License-Identifier: Apache-2.0 */
/* The loop goes on while a job computes; jobs come in order; what they share is in one hand. */
#include "ctl/daemon/changer.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/test.h"

enum { JOBS = 200, STEPS = 5, COMPUTED = 1000 };

static struct event_base *base;
static struct changer *changer;

/* Shared by the loop and the jobs, without a lock: who has the baton counts. */
static unsigned turns, ticks, done_jobs, order[JOBS + 1], away, most_away;
static struct event *ticker;

struct task {
	struct changer_job job;
	unsigned number, sum;
	bool ran;
};
static struct task tasks[JOBS + 1];

static void
compute(struct task *t)
{
	away++; /* ours still */
	most_away = away > most_away ? away : most_away;
	changer_leave(changer);
	for (unsigned i = 0; i < COMPUTED; i++)
		t->sum += i;
	changer_enter(changer);
	away--;
}

static void
run(void *arg)
{
	struct task *t = arg;
	for (unsigned i = 0; i < STEPS; i++) {
		turns++;
		compute(t);
	}
}

static void
done(void *arg, bool ran)
{
	struct task *t = arg;
	t->ran = ran;
	order[done_jobs++] = t->number;
	if (done_jobs == JOBS)
		event_base_loopbreak(base);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	turns++;
	ticks++;
	event_add(ticker, &(struct timeval){0});
}

static void
begin(void)
{
	turns = ticks = done_jobs = away = most_away = 0;
	memset(tasks, 0, sizeof(tasks));
	base = event_base_new();
	changer = changer_create(base);
	CU_ASSERT_PTR_NOT_NULL_FATAL(changer);
	ticker = event_new(base, -1, 0, on_tick, NULL);
}

static void
end(void)
{
	changer_finish(changer);
	changer_destroy(changer);
	event_free(ticker);
	event_base_free(base);
}

static void
put(unsigned i, void (*job)(void *arg), bool first)
{
	tasks[i] = (struct task){.job = {.run = job, .done = done, .arg = &tasks[i]}, .number = i};
	changer_put(changer, &tasks[i].job, first);
}

static void
jobs_in_order_beside_the_loop(void)
{
	begin();
	CU_ASSERT(!changer_is_busy(changer));
	for (unsigned i = 0; i < JOBS; i++)
		put(i, run, false);
	CU_ASSERT(changer_is_busy(changer));
	event_add(ticker, &(struct timeval){0});
	event_base_dispatch(base);
	CU_ASSERT_EQUAL(done_jobs, JOBS);
	CU_ASSERT(!changer_is_busy(changer));
	CU_ASSERT_EQUAL(turns, JOBS * STEPS + ticks); /* none was lost */
	CU_ASSERT_EQUAL(most_away, 1);                /* no two jobs at once */
	for (unsigned i = 0; i < JOBS; i++)
		CU_ASSERT(order[i] == i && tasks[i].ran &&
		          tasks[i].sum == STEPS * (COMPUTED * (COMPUTED - 1) / 2));
	end();
}

/* It has left until the loop has turned so often. */
static atomic_uint seen;

static void
run_until_seen(void *arg)
{
	changer_leave(changer);
	while (atomic_load(&seen) < 50)
		poll(NULL, 0, 1);
	changer_enter(changer);
}

static void
on_seen(evutil_socket_t fd, short what, void *arg)
{
	atomic_fetch_add(&seen, 1);
	event_add(ticker, &(struct timeval){0});
}

static void
done_break(void *arg, bool ran)
{
	done(arg, ran);
	event_base_loopbreak(base);
}

static void
loop_turns_while_a_job_has_left(void)
{
	begin();
	event_free(ticker);
	ticker = event_new(base, -1, 0, on_seen, NULL);
	atomic_store(&seen, 0);
	put(0, run_until_seen, false);
	tasks[0].job.done = done_break;
	event_add(ticker, &(struct timeval){0});
	event_base_dispatch(base); /* would wait for ever if the loop did not turn */
	CU_ASSERT(tasks[0].ran && atomic_load(&seen) >= 50);
	end();
}

/* The first job puts another before those that wait. */
static void
run_and_put(void *arg)
{
	put(JOBS, run, true);
}

static void
first_is_before_others(void)
{
	begin();
	put(0, run_and_put, false);
	for (unsigned i = 1; i < JOBS - 1; i++)
		put(i, run, false);
	event_base_dispatch(base);
	CU_ASSERT(done_jobs == JOBS && order[0] == 0 && order[1] == JOBS && order[2] == 1);
	end();
}

static void
end_waits_for_one_and_drops_the_rest(void)
{
	begin();
	for (unsigned i = 0; i < 3; i++)
		put(i, run, false);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	CU_ASSERT(changer_is_busy(changer));
	changer_finish(changer);
	CU_ASSERT(!changer_is_busy(changer));
	CU_ASSERT(done_jobs == 3 && !tasks[2].ran && tasks[0].ran);
	CU_ASSERT_EQUAL(turns % STEPS, 0); /* what had begun came to its end */
	end();
}

/* In the loop's own thread there is nobody to leave to. */
static void
loop_does_not_leave(void)
{
	begin();
	changer_leave(changer);
	turns++;
	changer_enter(changer);
	CU_ASSERT_EQUAL(turns, 1);
	end();
}

static const struct test_case cases[] = {
	{"jobs in order beside the loop", jobs_in_order_beside_the_loop},
	{"loop turns while a job has left", loop_turns_while_a_job_has_left},
	{"first is before others", first_is_before_others},
	{"end waits for one and drops the rest", end_waits_for_one_and_drops_the_rest},
	{"loop does not leave", loop_does_not_leave},
};

int
main(void)
{
	return test_main("changer", cases, sizeof(cases) / sizeof(cases[0]));
}

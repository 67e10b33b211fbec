/* SPDX-License-Identifier: Apache-2.0 */
/* The baton between the loop and the thread of jobs. */
#include "changer.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct changer {
	STAILQ_HEAD(, changer_job) jobs; /* that wait; the loop's */
	struct changer_job *job;         /* that has begun; the loop's, read in the thread */
	struct event *next, *wanted;     /* a job may begin; the thread wants the baton */
	int fd;                          /* of wanted */
	pthread_t thread;
	pthread_mutex_t lock;            /* of what follows */
	pthread_cond_t turned;
	bool is_lent;                    /* the thread has the baton */
	bool is_over;                    /* job has ended */
	bool ends;                       /* no more jobs */
};

/* Events that are made active at once would come before all that the system has to tell. */
static const struct timeval soon = {0};

/* baton_wait: until it is lent, or nothing comes any more. => is it? */
static bool
baton_wait(struct changer *c)
{
	while (!c->is_lent && !c->ends)
		pthread_cond_wait(&c->turned, &c->lock);
	return c->is_lent;
}

static void *
thread_run(void *arg)
{
	struct changer *c = arg;
	pthread_mutex_lock(&c->lock);
	while (baton_wait(c)) {
		pthread_mutex_unlock(&c->lock);
		c->job->run(c->job->arg);
		pthread_mutex_lock(&c->lock);
		c->is_over = true;
		c->is_lent = false;
		pthread_cond_broadcast(&c->turned);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* lend: until the job leaves or ends. */
static void
lend(struct changer *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_lent = true;
	pthread_cond_broadcast(&c->turned);
	while (c->is_lent)
		pthread_cond_wait(&c->turned, &c->lock);
	bool is_over = c->is_over;
	c->is_over = false;
	pthread_mutex_unlock(&c->lock);
	if (!is_over)
		return;
	struct changer_job *job = c->job;
	c->job = NULL;
	job->done(job->arg, true);
	if (!STAILQ_EMPTY(&c->jobs))
		event_add(c->next, &soon);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct changer *c = arg;
	if (c->job != NULL || STAILQ_EMPTY(&c->jobs))
		return;
	c->job = STAILQ_FIRST(&c->jobs);
	STAILQ_REMOVE_HEAD(&c->jobs, next);
	lend(c);
}

static void
on_wanted(evutil_socket_t fd, short what, void *arg)
{
	struct changer *c = arg;
	uint64_t n;
	if (read(c->fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		lend(c);
}

/* thread_start: signals are the loop's. => 0, or an error. */
static int
thread_start(struct changer *c)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&c->thread, NULL, thread_run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct changer *
changer_create(struct event_base *base)
{
	struct changer *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	STAILQ_INIT(&c->jobs);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->turned, NULL);
	c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	c->next = event_new(base, -1, 0, on_next, c);
	c->wanted = event_new(base, c->fd, EV_READ | EV_PERSIST, on_wanted, c);
	if (c->fd >= 0 && c->next != NULL && c->wanted != NULL &&
	    event_add(c->wanted, NULL) == 0 && thread_start(c) == 0)
		return c;
	if (c->next != NULL)
		event_free(c->next);
	if (c->wanted != NULL)
		event_free(c->wanted);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	return NULL;
}

void
changer_destroy(struct changer *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->ends = true;
	pthread_cond_broadcast(&c->turned);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	event_free(c->next);
	event_free(c->wanted);
	close(c->fd);
	pthread_cond_destroy(&c->turned);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
changer_put(struct changer *c, struct changer_job *job, bool first)
{
	if (first)
		STAILQ_INSERT_HEAD(&c->jobs, job, next);
	else
		STAILQ_INSERT_TAIL(&c->jobs, job, next);
	event_add(c->next, &soon);
}

bool
changer_is_busy(const struct changer *c)
{
	return c->job != NULL || !STAILQ_EMPTY(&c->jobs);
}

void
changer_finish(struct changer *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	while (c->job != NULL)
		if (poll(&p, 1, -1) > 0)
			on_wanted(c->fd, EV_READ, c);
	while (!STAILQ_EMPTY(&c->jobs)) {
		struct changer_job *job = STAILQ_FIRST(&c->jobs);
		STAILQ_REMOVE_HEAD(&c->jobs, next);
		job->done(job->arg, false);
	}
}

/* is_job: is this the thread of jobs? In the loop, as at the start, there is nobody to leave to. */
static bool
is_job(const struct changer *c)
{
	return pthread_equal(pthread_self(), c->thread) != 0;
}

void
changer_leave(struct changer *c)
{
	if (!is_job(c))
		return;
	pthread_mutex_lock(&c->lock);
	c->is_lent = false;
	pthread_cond_broadcast(&c->turned);
	pthread_mutex_unlock(&c->lock);
}

void
changer_enter(struct changer *c)
{
	uint64_t one = 1;
	if (!is_job(c))
		return;
	(void)!write(c->fd, &one, sizeof(one));
	pthread_mutex_lock(&c->lock);
	while (!c->is_lent)
		pthread_cond_wait(&c->turned, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

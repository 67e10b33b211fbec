/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A thread for what takes long, beside the event loop. The two take turns, so what they
 *            share needs no locks; a job says where it only computes from what is its own, and
 *            meanwhile the loop goes on.
 * Layout     A baton: the loop has it, or the thread. The loop lends it when a job begins and when
 *            a job wants it back (by an event), and waits until it has it again.
 * Invariant  1. Only who has the baton touches what both know.
 *            2. Jobs run one after the other, in the order in which they were put; none begins
 *               while another one has left.
 *            3. done is called in the loop, once for each job, after it or instead of it.
 * Owner      The loop's thread; changer_leave and changer_enter are a job's.
 * See        ctl/api/api.h, struct api_aside; docs/design.md, "Processes".
 */
#ifndef MR_CHANGER_H
#define MR_CHANGER_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

struct changer_job {
	STAILQ_ENTRY(changer_job) next;
	void (*run)(void *arg);             /* in the thread, with the baton */
	void (*done)(void *arg, bool ran);  /* ran: false when the changer ended before */
	void *arg;
};

struct changer;

/* changer_create: => NULL when there is no thread or memory. */
struct changer *changer_create(struct event_base *base);
/* changer_destroy: after changer_finish. */
void changer_destroy(struct changer *c);
/* changer_put: the job is the caller's until it is done. first: before those that wait. */
void changer_put(struct changer *c, struct changer_job *job, bool first);
/* changer_is_busy: has a job begun, or does one wait? */
bool changer_is_busy(const struct changer *c);
/* changer_finish: wait for the end of the job that has begun; those that wait do not run. */
void changer_finish(struct changer *c);

/* changer_leave: what follows needs nothing that is shared, until changer_enter. Both do nothing
 * where no job runs: in the loop's thread. */
void changer_leave(struct changer *c);
void changer_enter(struct changer *c);

#endif

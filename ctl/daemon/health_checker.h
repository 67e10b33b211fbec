/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Runs the health checks of the document in force: when each is due and how many run
 *            at once. What comes of them goes to the table of health and to the data plane.
 * Layout     A slot a backend that has a check, with one timer: until the next check is due, or
 *            until the one that runs has taken too long.
 * Invariant  1. A backend has one check under way at most; the next is due one interval after this
 *               one was, whatever it took.
 *            2. CHECKER_BUSY checks run at once at most, PROBE_SCRIPTS of them programs. Who is due
 *               beyond that waits in line, and its timeout begins when it starts.
 *            3. A document that changes starts, moves and ends no check of a backend that stays,
 *               but for one whose new interval ends sooner.
 *            4. The data plane gets one generation a tick at most, and less often when they take
 *               long: four times as long as the last one took passes between two.
 * Owner      The event loop's thread; nothing here waits.
 * See        docs/health.md; ctl/api/health.h, health_probe.h.
 */
#ifndef MR_HEALTH_CHECKER_H
#define MR_HEALTH_CHECKER_H

#include "ctl/api/api.h"
#include "health_probe.h"

enum { CHECKER_BUSY = 4096, CHECKER_RETRY_S = 2 };

struct checker;

/* checker_create: verdicts of an earlier life are in `file`. => NULL when memory runs out. */
struct checker *checker_create(struct event_base *base, struct api *api, const char *file);
/* checker_destroy: what is known is saved first. */
void checker_destroy(struct checker *c);

/* checker_set_aside: around the wait for the disk. */
void checker_set_aside(struct checker *c, const struct api_aside *aside);
/* checker_save: keep what changed on disk. checker_apply: the same, and give it to the data plane;
 * it takes long, see struct api_aside. => 0, or -errno and err. */
int checker_save(struct checker *c, char *err, size_t err_size);
int checker_apply(struct checker *c, char *err, size_t err_size);
/* checker_tick: what time brings. => is checker_apply due? */
bool checker_tick(struct checker *c);

#endif

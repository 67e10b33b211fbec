/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The health of every backend: what is known, what was forced, what happened; state
 *            beside the configuration, which outlives it. Whoever runs the checks reports here.
 * Layout     One target a backend, known by its key, "tcp 192.0.2.1:80 10.0.0.7:8080". Targets
 *            stand in the order of the image's rows, and sorted by key.
 * Invariant  1. Targets change in health_commit only, which cannot fail; a plan that is not
 *               committed leaves no trace.
 *            2. A backend that stays in the document keeps its target, whatever else changes.
 *            3. The data plane's image says of each backend what lb_state_settle makes of its
 *               target, its configuration and the time (health_patch).
 * Owner      One thread.
 * Lifetime   A target until its `removed` hook; its check as long as its set (checks_get).
 * Limits     LB_MAX_BACKENDS targets, HEALTH_EVENTS events kept.
 * See        docs/health.md; verdict.h.
 */
#ifndef MR_HEALTH_H
#define MR_HEALTH_H

#include "drain.h"
#include "lb/lb_image.h"
#include "pace.h"
#include "passive.h"
#include "verdict.h"

enum { HEALTH_EVENTS = 4096, HEALTH_KEY = 128, HEALTH_REASON = 120 };

enum health_forced { HEALTH_AUTO, HEALTH_FORCED_UP, HEALTH_FORCED_DOWN };

/* What the configuration says of a backend. */
struct health_conf {
	const struct check *check; /* NULL: none */
	char service[IMAGE_NAME];
	union addr address, service_address;
	uint8_t family, proto;
	uint8_t configured;        /* enum lb_backend_state */
	uint8_t service_family, service_plen;
	be16 port, service_port, service_last_port;
	uint32_t id, row;          /* stable number; row in IMG_LB_BACKENDS */
	uint16_t place;            /* within its service */
	bool asks_service;         /* its check asks for the service's address: lb/asker.h */
	uint32_t slow_start_s, deadline_s; /* 0: none */
	struct passive_rule passive;
};

struct health_target {
	char key[HEALTH_KEY];
	struct health_conf conf, next; /* next: of the plan under way */
	struct course course, next_course;
	struct course_samples samples;
	struct pace pace;
	struct passive_state passive;
	uint64_t due_ns;               /* its course: drain.h */
	struct health_state state;
	uint8_t forced;                /* enum health_forced */
	uint64_t checked_ns;           /* the last check ended; 0: there was none */
	uint64_t latency_ns;           /* of it */
	char reason[HEALTH_REASON];    /* of its result */
	uint64_t stamp;                /* last plan that has it */
	bool committed;
	void *user;                    /* of whoever runs the checks */
};

struct health_event {
	uint64_t number, time_ns;
	char service[IMAGE_NAME];
	union addr address;
	uint8_t family;
	be16 port;
	const char *health, *was;      /* words */
	char reason[HEALTH_REASON];
};

/* How checking goes, as whoever runs the checks says: starts, and how late they were. */
struct health_load {
	uint64_t started, late_ns, late_max_ns;
	uint32_t backends, running, waiting;
};

/* What whoever runs the checks wants to know. */
struct health_hooks {
	void *ctx;
	void (*changed)(void *ctx, struct health_target *t); /* is new, or may have another check */
	void (*removed)(void *ctx, struct health_target *t);
};

struct health {
	struct checks *set;
	struct health_target **target, **sorted;
	size_t n;
	struct health_target **next, **next_sorted; /* of the plan */
	struct checks *next_set;
	size_t n_next;
	uint64_t stamp;
	uint64_t planned_ns;    /* the time of the plan */
	bool dirty;             /* the image may say something else */
	bool has_passive;       /* some backend may be lowered by passive health */
	struct pace_times times;
	uint64_t turn_ns;       /* the course of some target is due: drain.h */
	uint64_t turned_ns;     /* when that was asked last */
	uint64_t changes;       /* grows with what health_save would say */
	json_t *saved;          /* verdicts of an earlier life */
	struct health_event *event; /* ring of HEALTH_EVENTS */
	uint64_t events;        /* ever */
	struct health_hooks hooks;
	struct health_load load;
};

/* health_init: => false when memory runs out. */
bool health_init(struct health *h);
void health_fini(struct health *h);

/*
 * health_plan: the targets that a document and its image have. It touches nothing that results of
 * checks do, so these may come in meanwhile. => false when memory runs out. health_plan_courses:
 * what becomes of their drains and slow starts; then health_commit or health_abort.
 */
bool health_plan(struct health *h, const json_t *doc, const struct image_header *image);
void health_plan_courses(struct health *h, const struct image_header *image, uint64_t now_ns);
void health_commit(struct health *h);
void health_abort(struct health *h);

/*
 * health_patch: write states into an image's backend rows; tables and checksum are of before then.
 * planned: of the plan, else of what is committed. => rows that changed, or -ENOMEM.
 * health_advance: the courses of all targets at this time; before a patch that is not planned.
 */
int health_patch(const struct health *h, bool planned, uint64_t now_ns, struct image_header *image);
void health_advance(struct health *h, uint64_t now_ns);

/* health_result: a check of the target ended. */
void health_result(struct health *h, struct health_target *t, bool good, const char *reason,
                   uint64_t latency_ns, uint64_t now_ns);
void health_force(struct health *h, struct health_target *t, enum health_forced forced,
                  uint64_t now_ns);

/* health_event: its health was this word, and is what health_word says now, for this reason. */
void health_event(struct health *h, const struct health_target *t, const char *was,
                  const char *reason, uint64_t now_ns);

/* health_is_out: is it down for traffic, as configured by `conf`? */
bool health_is_out(const struct health_target *t, const struct health_conf *conf);
/* health_word: "up", "down", "held", "unchecked", "none", "forced-up", "forced-down". */
const char *health_word(const struct health_target *t);

/* health_by_row: of a row of the committed image, or NULL. */
struct health_target *health_by_row(const struct health *h, uint32_t row, uint32_t id);

/* health_save: verdicts and what was forced, as JSON (new reference). health_load: those of an
 * earlier life, for targets that are not there yet. */
json_t *health_save(const struct health *h);
void health_load(struct health *h, const json_t *saved);
/* health_restore: give a new target what health_load had for it. */
void health_restore(struct health *h, struct health_target *t);

#endif

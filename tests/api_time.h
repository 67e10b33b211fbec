/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       An API over a clock that is moved by hand, for the tests of what comes with time.
 */
#ifndef MR_API_TIME_H
#define MR_API_TIME_H

#include "api_world.h"

static const uint64_t SECOND = 1000000000;
static const uint64_t BEGIN = 1700000000ull * 1000000000;
static uint64_t now;

static inline uint64_t
test_clock(void *ctx)
{
	return now;
}

/* apply_web: service web with these members besides its backends (a list); before: what stands in
 * the section before `services`. */
static inline void
apply_web(const char *before, const char *members, const char *backends)
{
	char text[4096];
	snprintf(text, sizeof(text), "{\"config\":{\"nics\":[{\"name\":\"in\",\"device\":\"d\","
	         "\"addresses\":[\"10.1.0.1/24\"]}],\"lb\":{%s\"services\":[{\"name\":\"web\","
	         "\"address\":\"192.0.2.1\",\"port\":80,%s\"backends\":[%s]}]}}}", before, members,
	         backends);
	done("config.apply", text);
}

/* begin_web: an API at BEGIN with this service. */
static inline void
begin_web(const char *before, const char *members, const char *backends)
{
	begin_empty();
	now = BEGIN;
	api_set_clock(api, test_clock, NULL);
	apply_web(before, members, backends);
}

/* turn: what the daemon does all the time. => generations made. */
static inline int
turn(void)
{
	char err[256];
	api_turn(api);
	return api_health_apply(api, err, sizeof(err));
}

/* pass: time goes on as in the daemon, a second at a time. => generations made. */
static inline int
pass(unsigned seconds)
{
	int made = turn();
	for (unsigned i = 0; i < seconds; i++) {
		now += SECOND;
		made += turn();
	}
	return made;
}

#endif

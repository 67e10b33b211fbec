/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of a verdict. */
#include "verdict.h"

#include <string.h>

static const uint64_t SECOND = 1000000000;

static enum health_change
rise(struct health_state *s, uint64_t now_ns)
{
	s->verdict = HEALTH_UP;
	s->run = 0;
	s->since_ns = now_ns;
	s->clean_ns = 0;
	if (s->held)
		s->falls = 0;
	s->held = false;
	return HEALTH_ROSE;
}

/* falls_count: add one, forget those of before the period. => is it one too many? */
static bool
falls_count(struct health_state *s, const struct check_rule *rule, uint64_t now_ns)
{
	uint8_t kept = 0;
	if (rule->changes == 0)
		return false;
	for (uint8_t i = 0; i < s->falls; i++) {
		uint64_t fell_ns = s->fell_ns[i] < now_ns ? s->fell_ns[i] : now_ns;
		if (now_ns - fell_ns < rule->period_s * SECOND)
			s->fell_ns[kept++] = fell_ns;
	}
	if (kept == CHECK_MAX_FALLS)
		memmove(s->fell_ns, s->fell_ns + 1, --kept * sizeof(s->fell_ns[0]));
	s->fell_ns[kept++] = now_ns;
	s->falls = kept;
	return kept >= rule->changes;
}

static enum health_change
fall(struct health_state *s, const struct check_rule *rule, uint64_t now_ns)
{
	bool first = s->verdict == HEALTH_UNCHECKED;
	s->verdict = HEALTH_DOWN;
	s->run = 0;
	s->since_ns = now_ns;
	s->clean_ns = 0;
	if (!first)
		s->held = falls_count(s, rule, now_ns);
	return s->held ? HEALTH_FELL_HELD : HEALTH_FELL;
}

static enum health_change
passed(struct health_state *s, const struct check_rule *rule, uint64_t now_ns)
{
	if (s->verdict == HEALTH_UNCHECKED)
		return rise(s, now_ns);
	if (s->verdict == HEALTH_UP) {
		s->run = 0;
		return HEALTH_SAME;
	}
	if (s->clean_ns == 0 || s->clean_ns > now_ns) /* or the clock was set back */
		s->clean_ns = now_ns;
	s->run += s->run < UINT8_MAX;
	bool held = s->held && rule->changes != 0 &&
	            now_ns - s->clean_ns < rule->hold_s * SECOND;
	return s->run >= rule->rise && !held ? rise(s, now_ns) : HEALTH_SAME;
}

static enum health_change
failed(struct health_state *s, const struct check_rule *rule, uint64_t now_ns)
{
	if (s->verdict == HEALTH_UNCHECKED)
		return fall(s, rule, now_ns);
	if (s->verdict == HEALTH_UP && ++s->run >= rule->fall)
		return fall(s, rule, now_ns);
	if (s->verdict == HEALTH_DOWN) {
		s->run = 0;
		s->clean_ns = 0;
	}
	return HEALTH_SAME;
}

struct health_step
health_step(struct health_state s, const struct check_rule *rule, bool good, uint64_t now_ns)
{
	struct health_step step = {.state = s};
	step.change = good ? passed(&step.state, rule, now_ns) :
	                     failed(&step.state, rule, now_ns);
	return step;
}

bool
health_is_down(const struct health_state *s, const struct check_rule *rule)
{
	return s->verdict == HEALTH_UNCHECKED ? rule->start_down : s->verdict == HEALTH_DOWN;
}

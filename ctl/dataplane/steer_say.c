/* SPDX-License-Identifier: Apache-2.0 */
/* Steering in words. */
#include "steer_say.h"

#include <stdarg.h>
#include <stdio.h>

/* Text that grows, as far as it fits. */
struct say {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void
say(struct say *s, const char *format, ...)
{
	va_list args;
	if (s->used >= s->size)
		return;
	va_start(args, format);
	int n = vsnprintf(s->text + s->used, s->size - s->used, format, args);
	va_end(args);
	s->used += n > 0 ? (size_t)n : 0;
}

/* "a, b and c". */
static void
say_list(struct say *s, const char *const *names, unsigned n, uint32_t which)
{
	unsigned left = (unsigned)__builtin_popcount(which);
	for (unsigned i = 0; i < n; i++) {
		if ((which >> i & 1) == 0)
			continue;
		say(s, "%s%s", names[i], --left > 1 ? ", " : left == 1 ? " and " : "");
	}
}

static void
say_traffic(struct say *s, uint16_t traffic)
{
	static const char *const names[STEER_TRAFFICS] = {
		"subscribers", "replies to pool addresses", "clients (IPv4)", "clients (IPv6)",
		"replies of backends (IPv4)", "replies of backends (IPv6)",
		"replies to local addresses (IPv4)", "replies to local addresses (IPv6)",
	};
	say_list(s, names, STEER_TRAFFICS, traffic);
}

static void
say_rules(struct say *s, const struct steer_offer *o)
{
	static const char *const names[STEER_ABILITIES] = {
		"address to queue", "blocks of ports to queue", "any bits of a port to queue",
		"echo identifiers to queue", "RSS with a key of its own",
	};
	uint32_t which = 0;
	for (unsigned i = 0; i < STEER_ABILITIES; i++)
		which |= o->can[i] != 0 ? 1u << i : 0;
	say(s, "; flow rules: ");
	say_list(s, names, STEER_ABILITIES, which);
	if (which == 0)
		say(s, "none of ours");
}

static void
say_offer(char *text, size_t size, const struct steer_offer *o)
{
	struct say s = {text, size, 0};
	say(&s, "%s: %u of %u receive queues", o->driver, o->rx_queues, o->max_queues);
	if (!o->hashes4 && !o->hashes6)
		say(&s, "; no RSS over addresses");
	else
		say(&s, "; RSS over %s, key of %u bytes, table of %u",
		    o->hashes4 && o->hashes6 ? "IPv4 and IPv6" : o->hashes4 ? "IPv4" : "IPv6",
		    o->key_size, o->reta_size);
	say_rules(&s, o);
}

static void
say_choice(char *text, size_t size, const struct steer_plan *p, const struct steer_result *r)
{
	static const char *const keys[STEER_KEYS] = {
		"", "RSS by source, for both families", "RSS by IPv4 destination",
		"RSS by IPv6 destination",
	};
	struct say s = {text, size, 0};
	if (p->strength == STEER_ALONE) {
		say(&s, "nothing to steer: one worker");
		return;
	}
	say(&s, "%u %s", p->strength, p->strength == STEER_BY_RSS ? "(RSS): " :
	    p->strength == STEER_BY_RULES ? "(RSS and rules): " : "(hand-off): ");
	if (p->setup.key != STEER_KEY_NONE)
		say(&s, "%s", keys[p->setup.key]);
	if (r->rules != 0)
		say(&s, "%s%u flow rules", p->setup.key != STEER_KEY_NONE ? "; " : "", r->rules);
	if (p->setup.key == STEER_KEY_NONE && r->rules == 0)
		say(&s, "software only");
}

/* Why there is no better. */
static void
say_hindrance(struct say *s, const struct steer_plan *p, const struct steer_offer *o,
              const struct steer_result *r, uint16_t workers)
{
	if (o->rx_queues < 2)
		say(s, "the device has one receive queue");
	else if (r->rss_error != NULL)
		say(s, "its driver refuses key or table (%s)", r->rss_error);
	else if (o->reta_size != 0 && o->reta_size < workers)
		say(s, "its table has fewer entries than there are workers");
	else if (p->setup.key == STEER_KEY_NONE)
		say(s, "its driver has no RSS over addresses with a key and a table of ours");
	else if (p->crowded != 0)
		say(s, "more than %d flow rules would be needed", STEER_RULES);
	else if (r->refused != 0)
		say(s, "the device refuses %u of its flow rules (%s)", r->refused, r->refusal);
	else
		say(s, "one key cannot serve all of it, and the device takes no rules for the "
		    "rest");
}

static void
say_reason(char *text, size_t size, const struct steer_plan *p, const struct steer_offer *o,
           const struct steer_result *r, uint16_t workers)
{
	struct say s = {text, size, 0};
	if (p->strength == STEER_ALONE)
		return;
	if (p->arrives == 0)
		say(&s, "nothing that has a home is expected here");
	if (p->by_rss != 0) {
		say(&s, "the key brings home ");
		say_traffic(&s, p->by_rss);
	}
	if (p->by_rules != 0) {
		say(&s, "%srules bring home ", p->by_rss != 0 ? "; " : "");
		say_traffic(&s, p->by_rules);
	}
	if (p->left == 0)
		return;
	say(&s, "%s", p->by_rss != 0 || p->by_rules != 0 ? "; not " : "");
	say_traffic(&s, p->left);
	say(&s, ": ");
	say_hindrance(&s, p, o, r, workers);
}

static void
say_cost(char *text, size_t size, const struct steer_plan *p, const struct steer_offer *o,
         uint16_t workers)
{
	struct say s = {text, size, 0};
	if (p->strength != STEER_BY_HANDOFF) {
		say(&s, "none in software");
		return;
	}
	if (o->rx_queues < workers)
		say(&s, "%u of %u workers get their packets from others; ", workers - o->rx_queues,
		    workers);
	if (p->left == 0 || (p->by_rss | p->by_rules) == 0)
		say(&s, "about %u of %u packets change workers over a ring", workers - 1, workers);
	else
		say(&s, "of what is not brought home, about %u of %u packets change workers over "
		    "a ring", workers - 1, workers);
}

void
steer_say(struct cmd_steering *out, const struct steer_plan *p, const struct steer_offer *o,
          const struct steer_result *r, uint16_t workers)
{
	static const char *const keys[STEER_KEYS] = {"driver", "inside", "outside4", "outside6"};
	say_offer(out->offers, sizeof(out->offers), o);
	say_choice(out->choice, sizeof(out->choice), p, r);
	out->reason[0] = '\0';
	say_reason(out->reason, sizeof(out->reason), p, o, r, workers);
	say_cost(out->cost, sizeof(out->cost), p, o, workers);
	snprintf(out->key, sizeof(out->key), "%s", keys[p->setup.key]);
	out->strength = p->strength;
	out->rx_queues = o->rx_queues;
	out->reta_size = p->setup.reta_size;
	out->rules = r->rules;
	out->refused = r->refused;
}

void
steer_say_lies(struct cmd_steering *out, uint64_t missteered, uint64_t mishashed)
{
	struct say s = {out->cost, sizeof(out->cost), 0};
	out->lies = 1;
	say(&s, "%llu packets arrived at other workers than the device promised (%s), and change "
	    "workers over a ring", (unsigned long long)missteered,
	    mishashed != 0 ? "its hashes are not those of the key" :
	                     "it hashes, or looks up its table, in a way of its own");
}

void
steer_say_gone(struct cmd_steering *out)
{
	struct say s = {out->cost, sizeof(out->cost), 0};
	say(&s, "it was pulled out: nothing comes or goes by it until millrace starts anew");
}

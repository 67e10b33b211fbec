/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of several epochs in one, and those that contradict each other. */
#include "whohad.h"

#include <string.h>

/* is_other: another subscriber? Of two data planes one number may be of two realms. */
static bool
is_other(const struct whohad_answer *a, const struct whohad_answer *b)
{
	return a->subscriber != b->subscriber || a->realm != b->realm ||
	       strcmp(a->names.realm, b->names.realm) != 0;
}

/* is_same: the same subscriber's same block or mapping, for as long as each says. */
static bool
is_same(const struct whohad_answer *a, const struct whohad_answer *b)
{
	return a->kind == b->kind && !is_other(a, b) && a->port_first == b->port_first &&
	       a->inside_port == b->inside_port && a->proto == b->proto;
}

/* is_against: can they not both have had it? A mapping is its block's subscriber's. */
static bool
is_against(const struct whohad_answer *a, const struct whohad_answer *b)
{
	return is_other(a, b) && (a->proto == b->proto || a->proto == 0 || b->proto == 0);
}

void
whohad_conflicts(struct whohad *out)
{
	for (unsigned i = 0; i < out->answers; i++)
		for (unsigned k = i + 1; k < out->answers; k++)
			if (is_against(&out->answer[i], &out->answer[k])) {
				out->answer[i].is_certain = out->answer[k].is_certain = false;
				out->is_ambiguous = true;
			}
	for (unsigned i = 0; i < out->answers && out->answers_lost != 0; i++)
		out->answer[i].is_certain = false; /* who is not listed may be another one */
	out->is_ambiguous |= out->answers_lost != 0;
}

/* answers_add: of another epoch, what is new. => is it the same set? */
static bool
answers_add(struct whohad *out, const struct whohad *more)
{
	unsigned had = out->answers, found = 0;
	for (unsigned i = 0; i < more->answers; i++) {
		struct whohad_answer *same = NULL;
		for (unsigned k = 0; k < had && same == NULL; k++)
			if (is_same(&out->answer[k], &more->answer[i]))
				same = &out->answer[k];
		if (same != NULL) {
			same->is_certain &= more->answer[i].is_certain;
			found++;
		} else if (out->answers < WHOHAD_ANSWERS) {
			out->answer[out->answers++] = more->answer[i];
		} else {
			out->answers_lost++;
		}
	}
	return found == had && found == more->answers;
}

void
whohad_merge(struct whohad *out, const struct whohad *more)
{
	if (!answers_add(out, more)) {
		for (unsigned i = 0; i < out->answers; i++)
			out->answer[i].is_certain = false;
		out->is_ambiguous = true;
	}
	for (unsigned i = 0; i < more->gaps; i++)
		whohad_gap_add(out, &more->gap[i]);
	out->answers_lost += more->answers_lost;
	out->gaps_lost += more->gaps_lost;
	out->is_ambiguous |= more->is_ambiguous;
	out->is_leapt |= more->is_leapt;
	out->is_beyond |= more->is_beyond;
	out->is_complete &= more->is_complete && out->answers_lost == 0;
	out->is_as_now = false;
	out->is_twice = true;
}

static void
answer_plain(struct whohad_answer *a)
{
	uint64_t *all[] = {&a->from_ms, &a->since_ms, &a->proven_ms, &a->to_ms, &a->heard_ms};
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i] = epoch_ms(*all[i]);
}

void
whohad_plain(struct whohad *out)
{
	for (unsigned i = 0; i < out->answers; i++)
		answer_plain(&out->answer[i]);
	for (unsigned i = 0; i < out->gaps; i++) {
		out->gap[i].from_ms = epoch_ms(out->gap[i].from_ms);
		out->gap[i].to_ms = epoch_ms(out->gap[i].to_ms);
	}
	out->log_first_ms = epoch_ms(out->log_first_ms);
	out->log_last_ms = epoch_ms(out->log_last_ms);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names and help texts of the drop reasons. */
#include "drop.h"

static const struct {
	const char *name, *help;
} reason_text[DROP_MAX] = {
#define X(id, name, help) [DROP_##id] = {name, help},
	DROP_REASONS(X)
#undef X
};

const char *
drop_name(unsigned reason)
{
	return reason < DROP_MAX ? reason_text[reason].name : "?";
}

const char *
drop_help(unsigned reason)
{
	return reason < DROP_MAX ? reason_text[reason].help : "?";
}

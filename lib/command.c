/* SPDX-License-Identifier: Apache-2.0 */
/* Is a block from the socket a command? */
#include "command.h"

#include <errno.h>

static bool
filter_is_sane(const struct cmd_filter *f)
{
	return (f->family == 0 || f->family == FAMILY_V4 || f->family == FAMILY_V6) &&
	       f->state < CONN_MAX;
}

static bool
may_count(uint32_t kind)
{
	return kind == CMD_FLOWS || kind == CMD_MAPPINGS || kind == CMD_SUBSCRIBERS ||
	       kind == CMD_BLOCKS;
}

int
command_check(const void *data, size_t size)
{
	struct command c;
	if (size != sizeof(c))
		return -EINVAL;
	memcpy(&c, data, sizeof(c));
	if (c.magic != COMMAND_MAGIC || c.version != COMMAND_VERSION)
		return -EINVAL;
	if (c.kind < CMD_HELLO || c.kind >= CMD_MAX || c.limit > COMMAND_MAX_LIMIT)
		return -EINVAL;
	if (c.flags > CMD_COUNT || (c.flags == CMD_COUNT && !may_count(c.kind)))
		return -EINVAL;
	if (c.kind == CMD_APPLY && (c.size < sizeof(struct image_header) || c.size > IMAGE_MAX))
		return -EINVAL;
	return filter_is_sane(&c.filter) ? 0 : -EINVAL;
}

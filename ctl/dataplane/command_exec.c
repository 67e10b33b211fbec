/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the control daemon: what kind, which rows, where the next page begins. */
#include "command_exec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/cut.h"
#include "neighbour.h"
#include "slow.h"

void
command_refuse(struct reply *r, int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	r->status = status;
	vsnprintf(r->err, sizeof(r->err), format, args);
	va_end(args);
}

static void
list_neighbours(struct page *pg)
{
	bool end = false;
	for (uint64_t i = pg->cursor; pg->count < pg->room && !end; i++) {
		pg->next = i + 1;
		struct cmd_neighbour row;
		if (neighbour_row(pg->plane->slow, (uint32_t)i, &row, &end))
			page_add(pg, &row);
	}
	if (end)
		pg->next = 0;
}

static void
list_way_mtus(struct page *pg)
{
	const struct way_mtus *t = &pg->plane->shared.way_mtus;
	for (uint64_t i = pg->cursor; i < WAY_MTUS; i++) {
		struct way_mtu_row e;
		if (!way_mtu_row(t, (uint32_t)i, pg->now_ms, &e))
			continue;
		if (pg->count == pg->room) {
			pg->next = i;
			return;
		}
		page_add(pg, &(struct cmd_way_mtu){.address = e.to, .family = e.family,
		                                   .mtu = e.mtu, .left_ms = e.left_ms});
	}
}

static void
list_nics(struct page *pg)
{
	const struct generation *g = pg->plane->gen;
	for (uint64_t i = pg->cursor != 0 ? pg->cursor : 1; i < g->n_nics; i++) {
		const struct img_nic *n = &g->nics[i];
		if (n->name[0] == 0)
			continue;
		if (pg->count == pg->room) {
			pg->next = i;
			return;
		}
		const struct dev *d = &pg->plane->devs[n->dev];
		struct cmd_nic row = {.vlan = n->vlan, .mtu = n->mtu, .link_up = d->link_up,
		                      .rx_queues = d->rx_queues, .tx_queues = d->tx_queues,
		                      .speed_mbps = d->speed_mbps};
		memcpy(row.name, n->name, sizeof(row.name));
		memcpy(row.device, d->name, sizeof(row.device));
		memcpy(row.mac, g->nic[i].mac, 6);
		page_add(pg, &row);
	}
}

static void
list_steering(struct page *pg)
{
	struct plane *p = pg->plane;
	for (uint64_t i = pg->cursor; i < p->n_steering; i++) {
		if (pg->count == pg->room) {
			pg->next = i;
			return;
		}
		struct cmd_steering row = p->steering[i];
		plane_missteered(p, (uint16_t)i, &row.missteered, &row.mishashed);
		page_add(pg, &row);
	}
}

static void
list_cut(struct page *pg)
{
	struct plane *p = pg->plane;
	struct cmd_cut row = {.number = p->shared.cut.number, .workers = p->n_workers};
	row.busy = cut_busy(&p->shared, p->worker, &row.flows);
	row.is_short = cut_is_short(&p->shared, p->worker);
	page_add(pg, &row);
}

static void
cut(struct plane *p, const struct command *cmd, struct reply *reply)
{
	if (cmd->cursor != p->gen->number) {
		command_refuse(reply, -EAGAIN, "another configuration runs by now; say it again");
		return;
	}
	reply->cursor = cut_post(&p->shared, p->worker, POLICY_NAT, cmd->cursor,
	                         &cmd->filter.nat, sizeof(cmd->filter.nat));
	if (reply->cursor == 0)
		command_refuse(reply, -EBUSY, "the workers are still at an earlier one");
}

static const struct {
	void (*list)(struct page *pg);
	uint32_t record_size;
} listing[CMD_MAX] = {
	[CMD_FLOWS] = {list_flows, sizeof(struct cmd_flow)},
	[CMD_MAPPINGS] = {list_mappings, sizeof(struct cmd_mapping)},
	[CMD_SUBSCRIBERS] = {list_subscribers, sizeof(struct cmd_subscriber)},
	[CMD_POOLS] = {list_pools, sizeof(struct cmd_pool_address)},
	[CMD_NEIGHBOURS] = {list_neighbours, sizeof(struct cmd_neighbour)},
	[CMD_NICS] = {list_nics, sizeof(struct cmd_nic)},
	[CMD_STEERING] = {list_steering, sizeof(struct cmd_steering)},
	[CMD_BLOCKS] = {list_blocks, sizeof(struct cmd_block)},
	[CMD_CUT_SHOW] = {list_cut, sizeof(struct cmd_cut)},
	[CMD_BACKENDS] = {list_backends, sizeof(struct cmd_backend)},
	[CMD_WAY_MTUS] = {list_way_mtus, sizeof(struct cmd_way_mtu)},
};

static void
list(struct plane *p, const struct command *cmd, uint64_t now_ns, struct reply *reply, void *out,
     size_t room)
{
	uint32_t size = listing[cmd->kind].record_size;
	size_t fit = room / size;
	struct page pg = {.plane = p, .filter = &cmd->filter,
	                  .now_ms = (uint32_t)(now_ns / 1000000),
	                  .cursor = cmd->cursor, .out = out, .record_size = size,
	                  .counts = (cmd->flags & CMD_COUNT) != 0};
	pg.room = cmd->limit != 0 && cmd->limit < fit ? cmd->limit : (uint32_t)fit;
	if (pg.counts)
		pg.room = UINT32_MAX;
	if (pg.room == 0) {
		command_refuse(reply, -EMSGSIZE, "no room for a record of %u bytes", size);
		return;
	}
	listing[cmd->kind].list(&pg);
	reply->count = pg.count;
	reply->record_size = pg.counts ? 0 : size;
	reply->cursor = pg.next;
}

void
plane_command(struct plane *p, const struct command *cmd, uint64_t now_ns, struct reply *reply,
              void *out, size_t room)
{
	*reply = (struct reply){.magic = COMMAND_MAGIC, .version = COMMAND_VERSION,
	                        .kind = cmd->kind, .generation = p->gen->number};
	if (command_check(cmd, sizeof(*cmd)) != 0)
		command_refuse(reply, -EINVAL, "not a command of this version");
	else if (listing[cmd->kind].list != NULL)
		list(p, cmd, now_ns, reply, out, room);
	else if (cmd->kind == CMD_CUT)
		cut(p, cmd, reply);
	else if (cmd->kind != CMD_HELLO)
		command_refuse(reply, -EINVAL,
		               "an image comes with a file descriptor, over the socket");
}

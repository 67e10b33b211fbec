/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in memory: a pool of buffers, and first-in first-out lists of buffers for the queues. */
#include "nic_mem.h"

#include <assert.h>
#include <stdlib.h>

#include "mem.h"

struct fifo {
	struct rte_mbuf **slot;
	uint32_t mask;       /* slots - 1; as many slots as the pool has buffers, or more */
	uint32_t head, tail; /* counts of what went in and came out */
};

struct mem_dev {
	struct nic_mem *mem;
	struct mem_dev *next;
	uint16_t queues;
	struct fifo tx;   /* of all queues: frames come out in the order in which they were sent */
	struct fifo rx[]; /* one a queue */
};

struct nic_mem {
	uint8_t *buffers;
	size_t buffers_size, stride;
	uint32_t n, room;
	uint32_t free_count, fresh; /* buffers on the stack; buffers that were ever used */
	struct rte_mbuf **free;
	struct mem_dev *devs;
};

enum { BUF_ALIGN = 64, LINK_OVERHEAD = 18, MTU_LIMIT = 65535 };

static bool
fifo_init(struct fifo *f, uint32_t buffers)
{
	uint32_t slots = 1;
	while (slots < buffers)
		slots *= 2;
	*f = (struct fifo){.slot = calloc(slots, sizeof(struct rte_mbuf *)), .mask = slots - 1};
	return f->slot != NULL;
}

static bool
fifo_put(struct fifo *f, struct rte_mbuf *m)
{
	if (f->head - f->tail > f->mask)
		return false;
	f->slot[f->head++ & f->mask] = m;
	return true;
}

static struct rte_mbuf *
fifo_take(struct fifo *f)
{
	return f->tail != f->head ? f->slot[f->tail++ & f->mask] : NULL;
}

struct nic_mem *
nic_mem_create(uint32_t buffers, uint32_t room)
{
	struct nic_mem *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	assert(room <= UINT16_MAX - BUF_HEADROOM);
	m->n = buffers;
	m->room = room;
	m->stride = sizeof(struct rte_mbuf) + BUF_HEADROOM + room;
	m->stride = (m->stride + BUF_ALIGN - 1) / BUF_ALIGN * BUF_ALIGN;
	m->buffers_size = m->stride * buffers;
	m->buffers = mem_alloc(m->buffers_size, -1);
	m->free = calloc(buffers, sizeof(struct rte_mbuf *));
	if (m->buffers == NULL || m->free == NULL) {
		nic_mem_destroy(m);
		return NULL;
	}
	return m;
}

static void
dev_destroy(struct mem_dev *md)
{
	for (uint16_t q = 0; q < md->queues; q++)
		free(md->rx[q].slot);
	free(md->tx.slot);
	free(md);
}

void
nic_mem_destroy(struct nic_mem *m)
{
	if (m == NULL)
		return;
	while (m->devs != NULL) {
		struct mem_dev *md = m->devs;
		m->devs = md->next;
		dev_destroy(md);
	}
	mem_free(m->buffers, m->buffers_size);
	free(m->free);
	free(m);
}

static struct rte_mbuf *
buffer_take(struct nic_mem *m)
{
	struct rte_mbuf *b;
	if (m->free_count > 0)
		b = m->free[--m->free_count];
	else if (m->fresh < m->n)
		b = (struct rte_mbuf *)(void *)(m->buffers + m->stride * m->fresh++);
	else
		return NULL;
	memset(b, 0, sizeof(*b));
	b->buf_addr = b + 1;
	b->buf_len = (uint16_t)(BUF_HEADROOM + m->room);
	b->data_off = BUF_HEADROOM;
	b->refcnt = 1;
	b->nb_segs = 1;
	b->pool = (struct rte_mempool *)(void *)m; /* only passed back to buffers_free */
	return b;
}

static struct rte_mbuf *
buffer_alloc(struct dev *d)
{
	struct rte_mbuf *b = buffer_take(((struct mem_dev *)d->ctx)->mem);
	if (b != NULL)
		b->port = d->id;
	return b;
}

static void
buffers_free(struct rte_mbuf **bufs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct nic_mem *m = (struct nic_mem *)(void *)bufs[i]->pool;
		assert(m->free_count < m->fresh && bufs[i]->refcnt == 1);
		bufs[i]->refcnt = 0; /* a second free is found */
		m->free[m->free_count++] = bufs[i];
	}
}

static uint16_t
queue_rx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	struct mem_dev *md = d->ctx;
	uint16_t i = 0;
	while (i < n && (bufs[i] = fifo_take(&md->rx[queue])) != NULL)
		i++;
	return i;
}

static uint16_t
queue_tx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	struct mem_dev *md = d->ctx;
	uint16_t i = 0;
	while (i < n && fifo_put(&md->tx, bufs[i]))
		i++;
	return i;
}

void
nic_mem_dev(struct nic_mem *m, struct dev *d, uint16_t id, uint16_t queues)
{
	static const struct dev_ops ops = {
		.rx = queue_rx, .tx = queue_tx, .alloc = buffer_alloc, .free = buffers_free,
	};
	struct mem_dev *md = calloc(1, sizeof(*md) + queues * sizeof(struct fifo));
	bool ok = md != NULL && fifo_init(&md->tx, m->n);
	for (uint16_t q = 0; ok && q < queues; q++)
		ok = fifo_init(&md->rx[q], m->n);
	assert(ok); /* tests and tools only: nothing to go on with */
	md->mem = m;
	md->queues = queues;
	md->next = m->devs;
	m->devs = md;
	uint32_t mtu = m->room > LINK_OVERHEAD ? m->room - LINK_OVERHEAD : 0;
	*d = (struct dev){
		.ops = &ops, .ctx = md, .id = id, .port_id = id, .rx_queues = queues,
		.tx_queues = queues, .mtu_max = (uint16_t)(mtu < MTU_LIMIT ? mtu : MTU_LIMIT),
		.mac = {0x02, 0x6d, 0x72, 0, 0, (uint8_t)(id + 1)}, .mac_filter = 1, .link_up = 1,
		.name = "memory",
	};
}

bool
nic_mem_put(struct dev *d, uint16_t queue, const void *frame, uint32_t size)
{
	struct mem_dev *md = d->ctx;
	if (size > md->mem->room)
		return false;
	struct rte_mbuf *b = buffer_alloc(d);
	if (b == NULL)
		return false;
	memcpy(buf_data(b), frame, size);
	b->data_len = (uint16_t)size;
	b->pkt_len = size;
	if (fifo_put(&md->rx[queue], b))
		return true;
	buffers_free(&b, 1);
	return false;
}

struct rte_mbuf *
nic_mem_take(struct dev *d)
{
	return fifo_take(&((struct mem_dev *)d->ctx)->tx);
}

uint32_t
nic_mem_free_count(const struct nic_mem *m)
{
	return m->free_count + (m->n - m->fresh);
}

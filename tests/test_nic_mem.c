/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in memory: frames come through whole and in order, buffers neither leak nor double. */
#include <string.h>

#include "lib/mem.h"
#include "lib/nic_mem.h"
#include "tests/test.h"

enum { BUFFERS = 50, ROOM = 2048, QUEUES = 3 };

static void
buffer_fields(void)
{
	struct nic_mem *m = nic_mem_create(BUFFERS, ROOM);
	struct dev d;
	nic_mem_dev(m, &d, 4, 1);
	CU_ASSERT_EQUAL(d.mac[5], 5);
	CU_ASSERT_EQUAL(d.id, 4);
	for (unsigned round = 0; round < 2; round++) {
		struct rte_mbuf *b = d.ops->alloc(&d);
		CU_ASSERT_EQUAL((uintptr_t)b % 64, 0);
		CU_ASSERT_EQUAL(b->data_off, BUF_HEADROOM);
		CU_ASSERT_EQUAL(b->buf_len, BUF_HEADROOM + ROOM);
		CU_ASSERT(b->data_len == 0 && b->pkt_len == 0);
		CU_ASSERT(b->nb_segs == 1 && b->next == NULL && b->refcnt == 1);
		CU_ASSERT_EQUAL(b->port, 4);
		memset(b->buf_addr, 0xee, b->buf_len);
		b->data_off = 3;
		b->hash.usr = 7;
		d.ops->free(&b, 1);
	}
	CU_ASSERT_EQUAL(nic_mem_free_count(m), BUFFERS);
	nic_mem_destroy(m);
}

static void
exhaustion(void)
{
	struct nic_mem *m = nic_mem_create(BUFFERS, ROOM);
	struct rte_mbuf *b[BUFFERS];
	struct dev d;
	nic_mem_dev(m, &d, 0, 1);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < BUFFERS; i++) {
			b[i] = d.ops->alloc(&d);
			CU_ASSERT_PTR_NOT_NULL_FATAL(b[i]);
			for (unsigned j = 0; j < i; j++)
				CU_ASSERT_PTR_NOT_EQUAL(b[i], b[j]);
		}
		CU_ASSERT_PTR_NULL(d.ops->alloc(&d));
		CU_ASSERT_FALSE(nic_mem_put(&d, 0, "frame", 5));
		CU_ASSERT_EQUAL(nic_mem_free_count(m), 0);
		d.ops->free(b, BUFFERS);
		CU_ASSERT_EQUAL(nic_mem_free_count(m), BUFFERS);
	}
	nic_mem_destroy(m);
}

static void
lengths(void)
{
	static const uint8_t frame[ROOM + 1];
	struct nic_mem *m = nic_mem_create(BUFFERS, ROOM);
	struct rte_mbuf *b;
	struct dev d;
	nic_mem_dev(m, &d, 0, 1);
	CU_ASSERT_FALSE(nic_mem_put(&d, 0, frame, ROOM + 1));
	CU_ASSERT_TRUE(nic_mem_put(&d, 0, frame, ROOM));
	CU_ASSERT_EQUAL(d.ops->rx(&d, 0, &b, 1), 1);
	CU_ASSERT(b->data_len == ROOM && b->pkt_len == ROOM);
	d.ops->free(&b, 1);
	nic_mem_destroy(m);
}

/* Each queue receives its own frames in order; what is sent comes out in order of sending. */
static void
queues(void)
{
	struct nic_mem *m = nic_mem_create(BUFFERS, ROOM);
	struct rte_mbuf *b[BURST];
	struct dev d[2];
	nic_mem_dev(m, &d[0], 0, QUEUES);
	nic_mem_dev(m, &d[1], 1, QUEUES);
	for (uint8_t i = 0; i < 30; i++)
		CU_ASSERT_TRUE(nic_mem_put(&d[0], i % QUEUES, &i, 1));
	CU_ASSERT_EQUAL(d[1].ops->rx(&d[1], 0, b, BURST), 0);
	for (uint16_t q = 0; q < QUEUES; q++) {
		uint16_t n = d[0].ops->rx(&d[0], q, b, 7);
		CU_ASSERT_EQUAL(n, 7);
		n += d[0].ops->rx(&d[0], q, b + 7, BURST - 7);
		CU_ASSERT_EQUAL(n, 10);
		for (uint16_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(*buf_data(b[i]), i * QUEUES + q);
		CU_ASSERT_EQUAL(d[1].ops->tx(&d[1], q, b, n), n);
	}
	for (unsigned i = 0; i < 30; i++) {
		b[0] = nic_mem_take(&d[1]);
		CU_ASSERT_EQUAL(*buf_data(b[0]), i % 10 * QUEUES + i / 10);
		d[1].ops->free(b, 1);
	}
	CU_ASSERT_PTR_NULL(nic_mem_take(&d[1]));
	CU_ASSERT_EQUAL(nic_mem_free_count(m), BUFFERS);
	nic_mem_destroy(m);
}

static const struct test_case cases[] = {
	{"fields of a buffer", buffer_fields},
	{"exhaustion", exhaustion},
	{"lengths", lengths},
	{"queues", queues},
};

int
main(void)
{
	mem_use_huge(0);
	return test_main("nic_mem", cases, sizeof(cases) / sizeof(cases[0]));
}

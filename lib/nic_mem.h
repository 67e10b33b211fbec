/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Devices in memory, without EAL: what a test, a replay or a bench puts in is received,
 *            what is sent can be taken out. Same seam as ethdev (nic.h).
 * Layout     A pool of buffers (struct rte_mbuf, headroom, room); a FIFO for each receive queue and
 *            one for what is sent.
 * Owner      One thread, or one thread a queue when the pool is not shared between threads.
 * Limits     The pool's size; nic_mem_put says false when it is empty.
 */
#ifndef MR_NIC_MEM_H
#define MR_NIC_MEM_H

#include "nic.h"

struct nic_mem; /* a pool and its devices */

/* nic_mem_create: a pool of so many buffers with `room` bytes of data behind the headroom (together
 * below 64 kB). => NULL when memory runs out. */
struct nic_mem *nic_mem_create(uint32_t buffers, uint32_t room);
void nic_mem_destroy(struct nic_mem *m);
/* nic_mem_dev: fill in a device of so many queue pairs. Its MAC is 02:6d:72:00:00:<id+1>. */
void nic_mem_dev(struct nic_mem *m, struct dev *d, uint16_t id, uint16_t queues);
/* nic_mem_put: a frame arrives on a queue. => false when no buffer is left or it is too long. */
bool nic_mem_put(struct dev *d, uint16_t queue, const void *frame, uint32_t size);
/* nic_mem_take: the next frame sent on any queue, oldest first, or NULL; give it back with free. */
struct rte_mbuf *nic_mem_take(struct dev *d);
/* nic_mem_free_count: buffers in the pool; equal to its size when nothing leaks. */
uint32_t nic_mem_free_count(const struct nic_mem *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One order of DPDK's rings made visible to ThreadSanitizer. A producer that waits for
 *            the one before it reads the tail relaxed, and so the consumer, that sees the second
 *            one's tail, is formally not behind the first one's write. On x86 each load is an
 *            acquire, so the rings are right as they run here; with this also on paper.
 * Limits     For the build of tests/tsan/run only, where it is put before every source.
 */
#ifndef MR_RING_ORDER_H
#define MR_RING_ORDER_H

#if __has_include(<rte_pause.h>)
#include <rte_config.h>
#include <rte_pause.h>
#define rte_wait_until_equal_32(address, expected, order) \
	rte_wait_until_equal_32(address, expected, __ATOMIC_ACQUIRE)
#endif

#endif

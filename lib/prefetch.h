/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Prefetches that the compiler cannot drop.
 * Invariant  1. They are instructions in the place where they are written. (gcc 12 takes a function
 *               that does nothing but __builtin_prefetch for one without effects, and drops the
 *               call: the hit path at 1 M flows lost 150 ns a packet so.)
 * See        docs/design.md, "The hit path".
 */
#ifndef MR_PREFETCH_H
#define MR_PREFETCH_H

/* prefetch_read, prefetch_write: the line of p into the core's cache; any address will do.
 * prefetch_once: what is read soon, once; it takes no room of the second level. */
static inline void
prefetch_read(const void *p)
{
	__asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)p));
}

static inline void
prefetch_once(const void *p)
{
	__asm__ volatile("prefetchnta %0" : : "m"(*(const char *)p));
}

static inline void
prefetch_write(const void *p)
{
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
}

#endif

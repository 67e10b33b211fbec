/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into the programs of a lab: their system clock, with as many nanoseconds added as the file
 * MR_LEAP says (eight octets), from one moment to the next. The machine's own is left alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *leap;

static void __attribute__((constructor))
leap_open(void)
{
	const char *path = getenv("MR_LEAP");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd >= 0 ? mmap(NULL, sizeof(*leap), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (fd >= 0)
		close(fd);
	if (map != MAP_FAILED)
		leap = map;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);
	if (rc != 0 || leap == NULL || id != CLOCK_REALTIME)
		return rc;
	int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + *leap;
	t->tv_sec = ns / 1000000000;
	t->tv_nsec = ns % 1000000000;
	return 0;
}

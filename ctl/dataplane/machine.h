/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What an image wants of this machine (CPUs, memory), whether it is there, and the
 *            arguments with which EAL is started for it.
 * Layout     Lcore 0 is the main lcore, lcores 1 and on are the workers; each runs on the CPU that
 *            the configuration says, also when two of them share one.
 * Invariant  Nothing here starts or changes anything.
 */
#ifndef MR_MACHINE_H
#define MR_MACHINE_H

#include "lib/image.h"
#include "lib/mem.h"
#include "options.h"

enum { MACHINE_ARGS = 64, MACHINE_TEXT = 8192 };

/* Arguments for EAL. */
struct eal_args {
	int argc;
	char *argv[MACHINE_ARGS + 1];
	char text[MACHINE_TEXT];
	size_t used;
	bool no_huge; /* packet buffers are not in huge pages */
	uint64_t buffers; /* bytes of them */
};

/* machine_huge: do command line and image let us take huge pages? */
bool machine_huge(const struct options *o, const struct img_plane *plane);
/* machine_pages: what the pages of the tables cost. => false: nothing to say, else a sentence.
 * `buffers` are bytes. */
bool machine_pages(const struct mem_usage *tables, size_t made_huge, uint64_t buffers,
                   bool is_allowed, char *line, size_t size);

/* machine_check: are the CPUs of the image there for us? => 0, or -EINVAL and a sentence. */
int machine_check(const struct img_plane *plane, char *err, size_t err_size);

/* machine_buffers: packet buffers of one device; the devices share what is configured. */
uint32_t machine_buffers(const struct image_header *image);
/* machine_mtu: the largest MTU among the interfaces of a device. */
uint16_t machine_mtu(const struct image_header *image, unsigned dev);

/* machine_memory: bytes that EAL has to have: packet buffers, its own tables. */
uint64_t machine_memory(const struct image_header *image);

/* machine_eal_args: => false when they are too many or too long. */
bool machine_eal_args(struct eal_args *a, const struct options *o,
                      const struct image_header *image);

#endif

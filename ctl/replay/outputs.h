/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The captures that come out: one file for each interface, DIR/NIC.pcap.
 * Invariant  1. Every interface of every configuration in force has a file, be it without frames.
 *            2. No file that is read is written over.
 * Owner      One thread.
 * Limits     OUTPUTS_MAX interfaces over the whole run.
 */
#ifndef MR_REPLAY_OUTPUTS_H
#define MR_REPLAY_OUTPUTS_H

#include <jansson.h>
#include <sys/types.h>

#include "ctl/replay/capture.h"
#include "ctl/replay/options.h"
#include "lib/image.h"

enum { OUTPUTS_MAX = 1024 };

struct output {
	char nic[IMAGE_NAME];
	struct capture_out *file;
	uint64_t frames;
};

struct outputs {
	const char *dir;
	struct {
		dev_t dev;
		ino_t ino;
	} input[OPTIONS_MAX_INPUTS + 2]; /* files that must not be written over */
	unsigned n_inputs;
	struct output out[OUTPUTS_MAX];
	unsigned n;
};

/* outputs_protect: this is an input. Before all others. */
void outputs_protect(struct outputs *o, const char *path);
/* outputs_is_input: must the file not be written over? */
bool outputs_is_input(const struct outputs *o, const char *path);
/* outputs_forget: take away what an earlier run left for the interfaces of a document. */
void outputs_forget(const struct outputs *o, const char *dir, const json_t *doc);
/* outputs_remove: the file of an earlier run, if it is one and no input. */
void outputs_remove(const struct outputs *o, const char *path);
/* outputs_open: the directory (made if it is not there). => 0, or -errno and a sentence. */
int outputs_open(struct outputs *o, const char *dir, char *err, size_t err_size);
/* outputs_add: files for the interfaces of an image that have none yet. => as above. */
int outputs_add(struct outputs *o, const struct image_header *image, char *err, size_t err_size);
/* outputs_write: a frame that left by an interface. => false if there is no such. */
bool outputs_write(struct outputs *o, const char *nic, uint64_t time_ns, const void *data,
                   uint32_t size);
/* outputs_close: => 0, or -errno and which file could not be written. */
int outputs_close(struct outputs *o, char *err, size_t err_size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The captures that go in, merged into one sequence by timestamp.
 * Invariant  1. Frames come in order of time; those of equal time in order of the command line,
 *               and within a capture in the order of the file.
 *            2. One frame of each capture is looked ahead, no more.
 * Owner      One thread.
 * Limits     OPTIONS_MAX_INPUTS captures.
 */
#ifndef MR_REPLAY_INPUTS_H
#define MR_REPLAY_INPUTS_H

#include "ctl/replay/capture.h"
#include "ctl/replay/options.h"
#include "lib/image.h"

struct input {
	struct capture *capture;
	const char *file;
	char nic[IMAGE_NAME];
	uint16_t dev;          /* device of the interface */
	bool has;              /* next is valid */
	struct frame next;
	uint64_t frames;       /* that went in */
	uint64_t unreadable;   /* longer than any device's buffer: did not go in */
};

struct inputs {
	struct input in[OPTIONS_MAX_INPUTS];
	unsigned n;
};

/* inputs_open: => REPLAY_OK, or the exit status and a sentence on stderr. */
int inputs_open(struct inputs *ins, const struct options *o, const struct image_header *image);
void inputs_close(struct inputs *ins);
/* inputs_first: the input whose frame (->next) comes next, or NULL at the end. */
struct input *inputs_first(struct inputs *ins);
/* input_advance: past the frame. */
void input_advance(struct input *in);

#endif

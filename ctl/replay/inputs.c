/* SPDX-License-Identifier: Apache-2.0 */
/* The captures that go in, merged by timestamp. */
#include "ctl/replay/inputs.h"

#include <stdio.h>
#include <string.h>

#include "lib/nic.h"

/* The names that there are, for those who mistyped one. */
static void
names_list(char *text, size_t size, const struct img_nic *nics, uint32_t n)
{
	size_t at = 0;
	text[0] = '\0';
	for (uint32_t i = 1; i < n && at < size; i++)
		if (nics[i].name[0] != '\0')
			at += (size_t)snprintf(text + at, size - at, "%s%s", at != 0 ? ", " : "",
			                       nics[i].name);
}

static bool
find_nic(struct input *in, const struct input_option *o, const struct image_header *image)
{
	uint32_t n;
	const struct img_nic *nics = image_rows(image, IMG_NICS, &n);
	for (uint32_t i = 1; i < n; i++) {
		size_t size = strnlen(nics[i].name, IMAGE_NAME);
		if (size == (size_t)o->nic_size && memcmp(nics[i].name, o->nic, size) == 0) {
			memcpy(in->nic, nics[i].name, IMAGE_NAME);
			in->dev = nics[i].dev;
			return true;
		}
	}
	char names[MAX_NICS * (IMAGE_NAME + 2)];
	names_list(names, sizeof(names), nics, n);
	complain("--in %.*s=%s: the configuration has no such interface; it has: %s", o->nic_size,
	         o->nic, o->file, names);
	return false;
}

static int
input_open(struct input *in, const struct input_option *o, const struct image_header *image)
{
	char err[CAPTURE_ERR];
	if (!find_nic(in, o, image))
		return REPLAY_USAGE;
	in->file = o->file;
	in->capture = capture_open(o->file, err, sizeof(err));
	if (in->capture == NULL) {
		complain("%s", err);
		return REPLAY_INPUT;
	}
	input_advance(in);
	return REPLAY_OK;
}

int
inputs_open(struct inputs *ins, const struct options *o, const struct image_header *image)
{
	memset(ins, 0, sizeof(*ins));
	for (unsigned i = 0; i < o->n_in; i++) {
		ins->n = i + 1;
		int status = input_open(&ins->in[i], &o->in[i], image);
		if (status != REPLAY_OK)
			return status;
	}
	return REPLAY_OK;
}

void
inputs_close(struct inputs *ins)
{
	for (unsigned i = 0; i < ins->n; i++)
		capture_close(ins->in[i].capture);
}

struct input *
inputs_first(struct inputs *ins)
{
	struct input *first = NULL;
	for (unsigned i = 0; i < ins->n; i++) {
		struct input *in = &ins->in[i];
		if (in->has && (first == NULL || in->next.time_ns < first->next.time_ns))
			first = in;
	}
	return first;
}

void
input_advance(struct input *in)
{
	int got = capture_next(in->capture, &in->next);
	in->has = got == 1;
	if (got < 0)
		complain("warning: %s: the rest cannot be read: %s", in->file,
		         capture_error(in->capture));
}

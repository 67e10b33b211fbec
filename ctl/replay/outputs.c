/* SPDX-License-Identifier: Apache-2.0 */
/* The captures that come out, one for each interface. */
#include "ctl/replay/outputs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int
outputs_open(struct outputs *o, const char *dir, char *err, size_t err_size)
{
	o->dir = dir;
	if (mkdir(dir, 0777) == 0 || errno == EEXIST)
		return 0;
	int error = errno;
	snprintf(err, err_size, "%s: %s", dir, strerror(error));
	return -error;
}

void
outputs_protect(struct outputs *o, const char *path)
{
	struct stat s;
	if (o->n_inputs == sizeof(o->input) / sizeof(o->input[0]) || stat(path, &s) != 0 ||
	    !S_ISREG(s.st_mode))
		return;
	o->input[o->n_inputs].dev = s.st_dev;
	o->input[o->n_inputs++].ino = s.st_ino;
}

bool
outputs_is_input(const struct outputs *o, const char *path)
{
	struct stat s;
	if (stat(path, &s) != 0)
		return false;
	for (unsigned i = 0; i < o->n_inputs; i++)
		if (o->input[i].dev == s.st_dev && o->input[i].ino == s.st_ino)
			return true;
	return false;
}

void
outputs_remove(const struct outputs *o, const char *path)
{
	struct stat s;
	if (outputs_is_input(o, path) || lstat(path, &s) != 0)
		return;
	if (S_ISREG(s.st_mode))
		unlink(path);
	else if (S_ISLNK(s.st_mode) && stat(path, &s) == 0 && S_ISREG(s.st_mode) &&
	         truncate(path, 0) != 0)
		complain("warning: %s: %s", path, strerror(errno));
}

void
outputs_forget(const struct outputs *o, const char *dir, const json_t *doc)
{
	const json_t *nics = json_object_get(doc, "nics");
	char path[4096];
	for (size_t i = 0; i < json_array_size(nics); i++) {
		const json_t *nic = json_array_get(nics, i);
		const char *name = json_string_value(json_object_get(nic, "name"));
		if (name == NULL || strchr(name, '/') != NULL || strlen(name) >= IMAGE_NAME)
			continue;
		int size = snprintf(path, sizeof(path), "%s/%s.pcap", dir, name);
		if (size > 0 && (size_t)size < sizeof(path))
			outputs_remove(o, path);
	}
}

static struct output *
output_find(struct outputs *o, const char *nic)
{
	for (unsigned i = 0; i < o->n; i++)
		if (strncmp(o->out[i].nic, nic, IMAGE_NAME) == 0)
			return &o->out[i];
	return NULL;
}

static int
output_create(struct outputs *o, const char *nic, char *err, size_t err_size)
{
	char path[4096];
	if (o->n == OUTPUTS_MAX) {
		snprintf(err, err_size, "%s: more than %d interfaces", o->dir, OUTPUTS_MAX);
		return -ENOSPC;
	}
	int size = snprintf(path, sizeof(path), "%s/%.*s.pcap", o->dir, IMAGE_NAME, nic);
	if (size < 0 || (size_t)size >= sizeof(path)) {
		snprintf(err, err_size, "%.100s…: name too long", o->dir);
		return -ENAMETOOLONG;
	}
	if (outputs_is_input(o, path)) {
		snprintf(err, err_size, "%.400s: would be written over, but is an input", path);
		return -EEXIST;
	}
	struct output *out = &o->out[o->n];
	out->file = capture_out_create(path, err, err_size);
	if (out->file == NULL)
		return -EIO;
	memcpy(out->nic, nic, IMAGE_NAME);
	o->n++;
	return 0;
}

int
outputs_add(struct outputs *o, const struct image_header *image, char *err, size_t err_size)
{
	uint32_t n;
	const struct img_nic *nics = image_rows(image, IMG_NICS, &n);
	for (uint32_t i = 1; i < n; i++) {
		if (nics[i].name[0] == '\0' || output_find(o, nics[i].name) != NULL)
			continue;
		int status = output_create(o, nics[i].name, err, err_size);
		if (status != 0)
			return status;
	}
	return 0;
}

bool
outputs_write(struct outputs *o, const char *nic, uint64_t time_ns, const void *data,
              uint32_t size)
{
	struct output *out = output_find(o, nic);
	if (out == NULL)
		return false;
	capture_out_write(out->file, time_ns, data, size);
	out->frames++;
	return true;
}

int
outputs_close(struct outputs *o, char *err, size_t err_size)
{
	int status = 0;
	for (unsigned i = 0; i < o->n; i++) {
		int error = capture_out_close(o->out[i].file);
		if (error != 0 && status == 0) {
			status = error;
			snprintf(err, err_size, "%s/%.*s.pcap: %s", o->dir, IMAGE_NAME,
			         o->out[i].nic, strerror(-error));
		}
	}
	o->n = 0;
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the document so that a crash at any moment leaves a whole one. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	int rc = write_all(fd, text, strlen(text));
	if (rc == 0)
		rc = write_all(fd, "\n", 1);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static void
sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int
store_save(const char *path, const json_t *doc)
{
	char temp[PATH_MAX];
	char *text = json_dumps(doc, JSON_INDENT(2));
	if (text == NULL)
		return -ENOMEM;
	snprintf(temp, sizeof(temp), "%s.new", path);
	int rc = write_file(temp, text);
	free(text);
	if (rc == 0 && rename(temp, path) != 0)
		rc = -errno;
	if (rc == 0)
		sync_folder(path);
	else
		unlink(temp);
	return rc;
}

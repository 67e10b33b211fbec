/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A directory for a log, and records for it, for the tests of the log on disk.
 */
#ifndef MR_LOG_WORLD_H
#define MR_LOG_WORLD_H

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/log/writer.h"
#include "test.h"

#define SECOND 1000000000ull
#define BEGIN_NS (1795536000ull * SECOND) /* 2026-11-24T16:00:00Z */

static char log_dir[64];
static struct log_writer writer __attribute__((unused));

static inline struct log_writer_conf
writer_conf(uint64_t rotate_bytes, bool gzip)
{
	struct log_writer_conf c = {.rotate_bytes = rotate_bytes, .rotate_seconds = 3600,
	                            .sync_seconds = 1, .gzip = gzip};
	snprintf(c.directory, sizeof(c.directory), "%s", log_dir);
	return c;
}

static inline void
log_begin(void)
{
	snprintf(log_dir, sizeof(log_dir), "/tmp/mr-log-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(log_dir) != NULL);
}

/* log_files: how many there are with this end of the name, the last one's name in name. */
static inline unsigned
log_files(const char *suffix, char name[LOG_NAME])
{
	DIR *d = opendir(log_dir);
	unsigned n = 0;
	char last[LOG_NAME] = "";
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t have = strlen(e->d_name), want = strlen(suffix);
		if (e->d_name[0] == '.' || have < want ||
		    strcmp(e->d_name + have - want, suffix) != 0)
			continue;
		n++;
		if (strcmp(e->d_name, last) > 0)
			snprintf(last, sizeof(last), "%.63s", e->d_name);
	}
	closedir(d);
	if (name != NULL)
		snprintf(name, LOG_NAME, "%s", last);
	return n;
}

static inline void
log_end(void)
{
	char name[LOG_NAME], path[192];
	while (log_files("", name) != 0) {
		snprintf(path, sizeof(path), "%s/%s", log_dir, name);
		unlink(path);
	}
	CU_ASSERT_EQUAL(rmdir(log_dir), 0);
}

static inline struct record
block_record(enum record_event event, uint64_t ns, uint64_t sequence, uint32_t subscriber,
             uint16_t first)
{
	return (struct record){
		.time_ns = ns, .sequence = sequence, .event = (uint8_t)event,
		.subscriber = htonl(0x64400000 + subscriber), .external = htonl(0xcb007100),
		.port_first = first, .port_last = (uint16_t)(first + 511),
	};
}

#endif

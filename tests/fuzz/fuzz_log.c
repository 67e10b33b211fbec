/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log directory of anybody: the first two bytes say how much of the input is the index, the rest
 * is the segment, plain or compressed by the bit above. A search reads both and must end well; a
 * line that is read is written the same again.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl/log/whohad.h"
#include "fuzz.h"

static const char stem[] = "nat-20261124T160000Z-00000000";
static int folder = -1;

static void
folder_make(void)
{
	char path[] = "/dev/shm/mr-fuzz-log-XXXXXX";
	if (folder >= 0)
		return;
	MUST(mkdtemp(path) != NULL);
	folder = open(path, O_RDONLY | O_DIRECTORY);
	MUST(folder >= 0);
}

static void
file_make(const char *suffix, const uint8_t *data, size_t size)
{
	char name[LOG_NAME];
	log_name(name, stem, suffix);
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void
head_seal(uint8_t *index, size_t size)
{
	struct log_index_head h;
	if (size < sizeof(h))
		return;
	memcpy(&h, index, sizeof(h));
	h.crc = 0;
	h.crc = (uint32_t)crc32(0, (const Bytef *)&h, sizeof(h));
	memcpy(index, &h, sizeof(h));
}

static void
lines_round(const uint8_t *data, size_t size)
{
	struct record rec, back;
	struct log_names names, again;
	char line[LOG_LINE];
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end != NULL ? (size_t)(end - data) : size;
		if (log_line_parse((const char *)data, n, &rec, &names)) {
			size_t put = log_line_put(line, &rec, &names);
			MUST(put <= sizeof(line) && line[put - 1] == '\n');
			MUST(log_line_parse(line, put - 1, &back, &again));
			MUST(back.event == rec.event && back.sequence == rec.sequence);
		}
		data += n + (end != NULL);
		size -= n + (end != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t index[1 << 16];
	if (size < 8)
		return 0;
	folder_make();
	size_t n = (size_t)(data[0] | data[1] << 8) & 0x7fff;
	bool gz = data[1] >> 7;
	struct whohad_query q = {.at_ms = 1795536000000u + data[4] * 1000u, .port = data[5],
	                         .proto = data[6]};
	memcpy(&q.external, data, sizeof(q.external));
	data += 8;
	size -= 8;
	n = n < size ? n : size;
	memcpy(index, data, n);
	head_seal(index, n);
	file_make("idx", index, n);
	file_make(gz ? "jsonl.gz" : "jsonl", data + n, size - n);
	struct whohad w;
	MUST(whohad_search(&q, folder, NULL, &w) == 0);
	MUST(w.answers <= WHOHAD_ANSWERS && w.gaps <= WHOHAD_GAPS);
	lines_round(data + n, size - n);
	char name[LOG_NAME];
	log_name(name, stem, gz ? "jsonl.gz" : "jsonl");
	unlinkat(folder, name, 0);
	return 0;
}

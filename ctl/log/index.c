/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes in memory and in files. */
#include "index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "index_pages.h"

enum { INDEX_VERSION = 3, VERSION_WITHOUT_SUMS = 2, ROOM = 4096, MS = 1000000 };
static const char index_magic[8] = "MRLOGIX";

void
log_index_init(struct log_index *ix)
{
	memset(ix, 0, sizeof(*ix));
	memcpy(ix->head.magic, index_magic, sizeof(index_magic));
	ix->head.version = INDEX_VERSION;
}

void
log_index_fini(struct log_index *ix)
{
	if (ix->map != NULL) {
		munmap(ix->map, ix->map_size);
	} else {
		free(ix->entry);
		free(ix->names);
	}
	memset(ix, 0, sizeof(*ix));
}

static bool
is_indexed(unsigned event)
{
	return log_event_is_assignment(event) || log_event_is_of_all(event);
}

/* names_number: of a pair of names, which is added if it is new. */
static uint16_t
names_number(struct log_index *ix, const struct log_names *names)
{
	uint32_t i;
	if (names == NULL || (names->pool[0] == '\0' && names->realm[0] == '\0'))
		return LOG_NAMES;
	for (i = 0; i < ix->head.names; i++)
		if (strcmp(ix->names[i].pool, names->pool) == 0 &&
		    strcmp(ix->names[i].realm, names->realm) == 0)
			return (uint16_t)i;
	if (i == LOG_NAMES)
		return LOG_NAMES;
	void *more = realloc(ix->names, (i + 1) * sizeof(*ix->names));
	if (more == NULL)
		return LOG_NAMES;
	ix->names = more;
	memset(&ix->names[i], 0, sizeof(ix->names[i])); /* what is behind a name goes to disk too */
	snprintf(ix->names[i].pool, IMAGE_NAME, "%s", names->pool);
	snprintf(ix->names[i].realm, IMAGE_NAME, "%s", names->realm);
	ix->head.names++;
	return (uint16_t)i;
}

static struct log_entry
entry_of(struct log_index *ix, const struct record *rec, const struct log_names *names)
{
	struct log_entry e = {
		.time_ms = rec->time_ns / MS, .sequence = rec->sequence, .external = rec->external,
		.subscriber = rec->subscriber, .port_first = rec->port_first,
		.port_last = rec->port_last, .inside_port = rec->inside_port,
		.names = names_number(ix, names), .line = (uint32_t)ix->head.lines,
		.event = rec->event, .proto = rec->proto, .realm = rec->realm,
		.worker = rec->worker,
	};
	if (log_event_has_since(rec))
		e.sequence = rec->since_ns / MS;
	if (log_event_is_of_all(rec->event))
		e.external = 0;
	if (rec->event == RECORD_GAP)
		e.subscriber = rec->lost < UINT32_MAX ? (uint32_t)rec->lost : UINT32_MAX;
	return e;
}

static void
head_add(struct log_index_head *h, const struct record *rec)
{
	uint64_t ms = rec->time_ns / MS;
	if (h->first_ms == 0 || ms < h->first_ms)
		h->first_ms = ms;
	if (ms > h->last_ms)
		h->last_ms = ms;
	if (rec->event == RECORD_GAP)
		h->lost += rec->lost;
	if (rec->event == RECORD_START) { /* workers count anew */
		memset(h->sequence_first, 0, sizeof(h->sequence_first));
		memset(h->sequence_last, 0, sizeof(h->sequence_last));
	}
	if (rec->worker >= LOG_WORKERS || rec->sequence == 0)
		return;
	if (h->sequence_first[rec->worker] == 0)
		h->sequence_first[rec->worker] = rec->sequence;
	h->sequence_last[rec->worker] = rec->sequence;
}

static int
entry_add(struct log_index *ix, const struct log_entry *e)
{
	if (ix->head.entries == ix->room) {
		size_t room = ix->room == 0 ? ROOM : ix->room * 2;
		void *more = realloc(ix->entry, room * sizeof(*ix->entry));
		if (more == NULL)
			return -ENOMEM;
		ix->entry = more;
		ix->room = room;
	}
	ix->entry[ix->head.entries++] = *e;
	return 0;
}

static int
gap_add(struct log_index *ix, unsigned worker, uint64_t since_ms, uint64_t ms, uint64_t lost)
{
	struct log_entry gap = {
		.time_ms = ms, .sequence = since_ms,
		.subscriber = lost < UINT32_MAX ? (uint32_t)lost : UINT32_MAX,
		.names = LOG_NAMES, .event = RECORD_GAP, .worker = (uint8_t)worker,
		.line = ix->head.lines != 0 ? (uint32_t)ix->head.lines - 1 : 0,
	};
	return entry_add(ix, &gap);
}

static void
expect_any(struct log_index *ix)
{
	memset(ix->expected, 0, sizeof(ix->expected));
}

/* expect: what a gap or a beginning says of the numbers to come. */
static void
expect(struct log_index *ix, const struct record *rec)
{
	bool is_known = rec->worker < LOG_WORKERS && rec->lost != 0;
	if (rec->event == RECORD_START)
		for (unsigned w = 0; w < LOG_WORKERS; w++)
			ix->expected[w] = 1;
	else if (rec->event == RECORD_GAP && is_known && ix->expected[rec->worker] != 0)
		ix->expected[rec->worker] += rec->lost;
	else if (rec->event == RECORD_GAP && rec->worker < LOG_WORKERS)
		ix->expected[rec->worker] = 0;
	else if (rec->event == RECORD_GAP) /* with none lost it speaks of what came since */
		for (unsigned w = 0; w < LOG_WORKERS; w++)
			if (rec->lost != 0 || rec->since_ns / MS <= ix->said_ms[w])
				ix->expected[w] = 0;
}

/* number_see: of a worker's record; where its number is not the next one, a gap nobody says. */
static int
number_see(struct log_index *ix, const struct record *rec)
{
	unsigned w = rec->worker;
	uint64_t ms = rec->time_ns / MS;
	int rc = 0;
	if (log_event_is_of_all(rec->event))
		expect(ix, rec);
	else if (w < LOG_WORKERS && rec->sequence != 0) {
		uint64_t expected = ix->expected[w], got = rec->sequence;
		if (expected != 0 && got != expected)
			rc = gap_add(ix, w, ix->said_ms[w], ms,
			             got > expected ? got - expected : 0);
		ix->expected[w] = got + 1;
		ix->said_ms[w] = ms;
	}
	return rc;
}

/* unread_add: the bad lines before this record as a gap, that a search sees what they may hide. */
static int
unread_add(struct log_index *ix, const struct record *rec)
{
	expect_any(ix);
	return gap_add(ix, RECORD_DAEMON, ix->head.last_ms, rec->time_ns / MS, ix->unread);
}

int
log_index_add(struct log_index *ix, const struct record *rec, const struct log_names *names,
              size_t bytes)
{
	struct log_index_head *h = &ix->head;
	if (rec != NULL && ix->unread != 0 && unread_add(ix, rec) != 0)
		return -ENOMEM;
	if (rec != NULL && number_see(ix, rec) != 0)
		return -ENOMEM;
	if (rec != NULL && is_indexed(rec->event)) {
		struct log_entry e = entry_of(ix, rec, names);
		if (entry_add(ix, &e) != 0)
			return -ENOMEM;
	}
	if (rec != NULL)
		head_add(h, rec);
	h->bad += rec == NULL;
	ix->unread = rec == NULL ? ix->unread + 1 : 0;
	h->lines++;
	h->bytes += bytes;
	return 0;
}

int
log_index_end(struct log_index *ix, bool damaged)
{
	uint64_t unread = ix->unread;
	ix->head.bad += damaged;
	ix->unread = 0;
	return damaged || unread != 0 ?
	       gap_add(ix, RECORD_DAEMON, ix->head.last_ms, 0, damaged ? 0 : unread) : 0;
}

static int
compare(const void *a, const void *b)
{
	const struct log_entry *x = a, *y = b;
	if (x->external != y->external)
		return x->external < y->external ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

void
log_index_sort(struct log_index *ix)
{
	if (!ix->is_sorted && ix->head.entries != 0)
		qsort(ix->entry, ix->head.entries, sizeof(*ix->entry), compare);
	ix->is_sorted = true;
}

static uint32_t
head_crc(const struct log_index_head *head)
{
	struct log_index_head h = *head;
	h.crc = 0;
	return (uint32_t)crc32(0, (const Bytef *)&h, sizeof(h));
}

static bool
write_all(int fd, const void *data, size_t size)
{
	for (const char *p = data; size > 0;) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* sums_write: of the names, and of each page of entries. */
static bool
sums_write(int fd, const struct log_index *ix)
{
	uint64_t pages = log_index_pages(ix->head.entries);
	uint32_t *sum = malloc((pages + 1) * sizeof(*sum));
	bool good = sum != NULL;
	for (uint64_t i = 0; good && i <= pages; i++)
		sum[i] = i == 0 ? log_index_sum_names(ix) : log_index_sum(ix, i - 1);
	good = good && write_all(fd, sum, (pages + 1) * sizeof(*sum));
	free(sum);
	return good;
}

int
log_index_save(struct log_index *ix, int folder, const char *name)
{
	char temp[128];
	log_index_sort(ix);
	ix->head.crc = head_crc(&ix->head);
	snprintf(temp, sizeof(temp), "%s.new", name);
	int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	bool good = write_all(fd, &ix->head, sizeof(ix->head)) &&
	            write_all(fd, ix->names, ix->head.names * sizeof(*ix->names)) &&
	            write_all(fd, ix->entry, ix->head.entries * sizeof(*ix->entry)) &&
	            sums_write(fd, ix) &&
	            fsync(fd) == 0;
	int rc = good ? 0 : -errno;
	close(fd);
	if (rc == 0 && renameat(folder, temp, folder, name) != 0)
		rc = -errno;
	if (rc != 0)
		unlinkat(folder, temp, 0);
	return rc;
}

/* head_good: do the numbers of a file of this size make sense? */
static bool
head_good(const struct log_index_head *h, size_t size)
{
	if (size < sizeof(*h) || memcmp(h->magic, index_magic, sizeof(index_magic)) != 0 ||
	    (h->version != INDEX_VERSION && h->version != VERSION_WITHOUT_SUMS) ||
	    h->crc != head_crc(h) || h->names > LOG_NAMES || h->entries > UINT32_MAX * 2ull)
		return false;
	size_t rest = size - sizeof(*h);
	size_t names = h->names * sizeof(struct log_names);
	size_t entries = h->entries * sizeof(struct log_entry);
	size_t sums = h->version == INDEX_VERSION ?
	              (log_index_pages(h->entries) + 1) * sizeof(uint32_t) : 0;
	return names <= rest && rest - names == entries + sums;
}

static int
index_take(struct log_index *ix, void *map, size_t size)
{
	memcpy(&ix->head, map, sizeof(ix->head));
	ix->map = map;
	ix->map_size = size;
	ix->is_sorted = true;
	ix->names = (void *)((char *)map + sizeof(ix->head));
	ix->entry = (void *)(ix->names + ix->head.names);
	ix->sum = NULL;
	if (ix->head.version == INDEX_VERSION)
		ix->sum = (const void *)(ix->entry + ix->head.entries);
	if (ix->sum != NULL && ix->sum[0] != log_index_sum_names(ix))
		return -EBADMSG;
	for (uint32_t i = 0; i < ix->head.names; i++)
		if (memchr(ix->names[i].pool, '\0', IMAGE_NAME) == NULL ||
		    memchr(ix->names[i].realm, '\0', IMAGE_NAME) == NULL)
			return -EBADMSG;
	return 0;
}

int
log_index_open(struct log_index *ix, int folder, const char *name)
{
	struct stat st;
	log_index_init(ix);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_t size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	void *map = size >= sizeof(ix->head) ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) :
	                                       MAP_FAILED;
	close(fd);
	if (map == MAP_FAILED)
		return -EBADMSG;
	if (head_good(map, size) && index_take(ix, map, size) == 0)
		return 0;
	munmap(map, size);
	log_index_init(ix);
	return -EBADMSG;
}

const struct log_names *
log_index_names(const struct log_index *ix, const struct log_entry *e)
{
	static const struct log_names none;
	return e->names < ix->head.names ? &ix->names[e->names] : &none;
}

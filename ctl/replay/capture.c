/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: reading through libpcap, writing by hand. */
#include "ctl/replay/capture.h"

#include <assert.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct capture {
	pcap_t *pcap;
	uint64_t last_ns, raised;
	int done; /* what capture_next says from now on, when ended */
	bool ended;
};

struct capture_out {
	FILE *file;
	int error;
};

/* What pcap files begin with, and each of their frames; in the byte order of the writer. */
struct pcap_file_start {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy;
	uint32_t snaplen, link;
};
static_assert(sizeof(struct pcap_file_start) == 24, "layout of the format");

struct pcap_frame_start {
	uint32_t seconds, nanoseconds;
	uint32_t size, wire_size;
};
static_assert(sizeof(struct pcap_frame_start) == 16, "layout of the format");

enum { PCAP_MAGIC_NS = 0xa1b23c4d };

/* What libpcap says, which begins with the file's name or not. */
static const char *
without_name(const char *why, const char *path)
{
	size_t n = strlen(path);
	return strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0 ? why + n + 2 : why;
}

struct capture *
capture_open(const char *path, char *err, size_t err_size)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (p == NULL) {
		snprintf(err, err_size, "%s: cannot be read as a capture: %.180s", path,
		         without_name(why, path));
		return NULL;
	}
	int link = pcap_datalink(p);
	if (link != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(link);
		snprintf(err, err_size, "%s: link type is %s (%d), expected Ethernet", path,
		         name != NULL ? name : "unknown", link);
		pcap_close(p);
		return NULL;
	}
	struct capture *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		snprintf(err, err_size, "%s: out of memory", path);
		pcap_close(p);
		return NULL;
	}
	c->pcap = p;
	return c;
}

/*
 * frame_time: nanoseconds of a header that may hold anything. libpcap takes a pcap file's unsigned
 * seconds for signed ones, so times from 2038 on come out negative.
 */
static uint64_t
frame_time(const struct pcap_pkthdr *h)
{
	int64_t s = h->ts.tv_sec, ns = h->ts.tv_usec;
	if (s < 0 && s >= INT32_MIN)
		s += (int64_t)1 << 32;
	if (s < 0)
		s = 0;
	if ((uint64_t)s > CAPTURE_MAX_S)
		s = (int64_t)CAPTURE_MAX_S;
	if (ns < 0 || ns >= CAPTURE_NS_PER_S)
		ns = CAPTURE_NS_PER_S - 1;
	return (uint64_t)s * CAPTURE_NS_PER_S + (uint64_t)ns;
}

int
capture_next(struct capture *c, struct frame *f)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	if (c->ended)
		return c->done;
	int got = pcap_next_ex(c->pcap, &h, &data);
	if (got != 1) {
		c->ended = true;
		c->done = got == PCAP_ERROR_BREAK ? 0 : -1;
		return c->done;
	}
	uint64_t t = frame_time(h);
	if (t < c->last_ns) {
		t = c->last_ns;
		c->raised++;
	}
	c->last_ns = t;
	*f = (struct frame){.data = data, .size = h->caplen, .wire_size = h->len, .time_ns = t};
	return 1;
}

const char *
capture_error(const struct capture *c)
{
	return c->done < 0 ? pcap_geterr(c->pcap) : "";
}

uint64_t
capture_raised(const struct capture *c)
{
	return c->raised;
}

void
capture_close(struct capture *c)
{
	if (c == NULL)
		return;
	pcap_close(c->pcap);
	free(c);
}

static void
out_bytes(struct capture_out *o, const void *data, size_t size)
{
	if (o->error == 0 && size != 0 && fwrite(data, size, 1, o->file) != 1)
		o->error = errno != 0 ? errno : EIO;
}

struct capture_out *
capture_out_create(const char *path, char *err, size_t err_size)
{
	struct capture_out *o = calloc(1, sizeof(*o));
	if (o == NULL || (o->file = fopen(path, "wb")) == NULL) {
		snprintf(err, err_size, "%s: cannot be written: %s", path, strerror(errno));
		free(o);
		return NULL;
	}
	struct pcap_file_start start = {
		.magic = PCAP_MAGIC_NS, .major = 2, .minor = 4,
		.snaplen = CAPTURE_SNAPLEN, .link = CAPTURE_LINK_ETHERNET,
	};
	out_bytes(o, &start, sizeof(start));
	return o;
}

void
capture_out_write(struct capture_out *o, uint64_t time_ns, const void *data, uint32_t size)
{
	struct pcap_frame_start start = {
		.seconds = (uint32_t)(time_ns / CAPTURE_NS_PER_S),
		.nanoseconds = (uint32_t)(time_ns % CAPTURE_NS_PER_S),
		.size = size,
		.wire_size = size,
	};
	out_bytes(o, &start, sizeof(start));
	out_bytes(o, data, size);
}

int
capture_out_close(struct capture_out *o)
{
	if (o == NULL)
		return 0;
	if (fclose(o->file) != 0 && o->error == 0)
		o->error = errno;
	int error = o->error;
	free(o);
	return -error;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The generation image: one configuration, compiled by the control daemon into a flat,
 *            pointer-free, checksummed block that the data plane executes.
 * Layout     struct image_header, then a directory of sections, then the sections, each at a
 *            64-byte boundary and an array of fixed-size rows. Host byte order; addresses and ports
 *            that packets carry are in wire order (be16, be32, union addr).
 * Invariant  1. The checksum (CRC-32C over all bytes with the field itself zero) matches.
 *            2. Every section lies inside the image, sections do not overlap, row sizes match.
 *            3. Every number that names a row of another section is in range. image_check holds 1
 *               to 3 for the core sections; a policy's check holds 3 for its own.
 *            4. Section kinds are unique; unknown kinds are ignored.
 * Owner      The daemon makes it; after publication it is constant.
 * Limits     IMAGE_MAX bytes; the MAX of each row kind below.
 * See        docs/design.md, "Generations". No DPDK header here: the daemon includes this.
 */
#ifndef MR_IMAGE_H
#define MR_IMAGE_H

#include <stddef.h>

#include "addr.h"
#include "conn.h"

enum {
	IMAGE_MAGIC = 0x4d524731, /* "MRG1" */
	IMAGE_VERSION = 4,
	IMAGE_MAX_SECTIONS = 32,
	IMAGE_NAME = 32, /* bytes of a name with its final zero: [A-Za-z0-9_.:-] */
};
#define IMAGE_MAX ((size_t)1 << 30)

enum { /* what image_check holds the core sections to */
	IMG_MAX_WORKERS = 64,
	IMG_MAX_DEVS = 16,
	IMG_MAX_NICS = 64, /* row 0, which is none, included */
	IMG_MAX_REALMS = 64, /* row 0, the outside, included */
	IMG_MAX_ADDRESSES = 4096,
	IMG_MAX_ROUTES = 1 << 22,
	IMG_MAX_NEIGHBOURS = 16384,
	IMG_MAX_CAPACITY = (1 << 29) - 1,
	IMG_MIN_MTU = 576,
	IMG_MAX_MTU = 9216,
	IMG_MIN_MSS = IMG_MIN_MTU - 60, /* of IPv6, in the least MTU */
	IMG_MAX_VLAN = 4094,
};

enum image_kind {
	IMG_PLANE = 1,    /* struct img_plane, 1 row */
	IMG_DEVS,         /* struct img_dev */
	IMG_NICS,         /* struct img_nic; row 0 is "no interface", a row without a name is
	                   * unused (was removed: the others keep their numbers) */
	IMG_ADDRESSES,    /* struct img_address: our own addresses */
	IMG_ROUTES,       /* struct img_route, sorted, see below */
	IMG_NEIGHBOURS,   /* struct img_neighbour: static ones */
	IMG_TIMERS,       /* struct timer_set; row 0 is the default */
	IMG_DOCUMENT,     /* bytes: the JSON document this was compiled from, without defaults */
	IMG_IDS,          /* bytes: JSON, the daemon's stable numbers; opaque to the data plane */
	IMG_REALMS,       /* struct img_realm; row 0 is the outside, a row without a name is
	                   * unused (as of interfaces); the data plane wants numbers only */
	IMG_NAT_CONF = 16, /* nat/nat_image.h */
	IMG_NAT_POOLS,
	IMG_NAT_ADDRESSES,
	IMG_NAT_RULES,
	IMG_NAT_PORTS,
	IMG_NAT_HOLES,
	IMG_LB_SERVICES = 24, /* lb/lb_image.h */
	IMG_LB_BACKENDS,
	IMG_LB_SLOTS,
	IMG_LB_LOCALS,
	IMG_LB_WAYS,
	IMG_LB_QUIC = 36,
	IMG_NAT_STATICS = 40, /* nat/nat_image.h */
	IMG_NAT_STATICS_OUT,
	IMG_NAT_INSIDE,
	IMG_LB_GUARDS = 56, /* lb/guard_image.h */
	IMG_LB_LISTS,
	IMG_LB_RANGES4,
	IMG_LB_RANGES6,
	IMG_LB_ASKERS,    /* struct img_lb_asker */
};

struct image_section {
	uint32_t kind;
	uint32_t row_size;
	uint64_t offset;
	uint64_t rows;
	uint64_t zero;
};
static_assert(sizeof(struct image_section) == 32, "directory row");

struct image_header {
	uint32_t magic, version;
	uint32_t checksum;
	uint32_t sections;
	uint64_t size;
	uint64_t generation; /* grows by one with every image the daemon makes */
	uint8_t digest[16];  /* of the document, so that equal configurations can be told */
	uint8_t zero[16];
	struct image_section section[IMAGE_MAX_SECTIONS];
};
static_assert(sizeof(struct image_header) == 64 + 32 * IMAGE_MAX_SECTIONS, "header layout");

/* Which service addresses answer echo. */
enum img_echo {
	IMG_ECHO_ALWAYS,
	IMG_ECHO_HEALTHY, /* those with a backend that takes new flows */
	IMG_ECHO_NEVER,
};

/* Sizes and shape fixed at start: a change needs a restart of millrace, and is refused without. */
struct img_plane {
	uint16_t workers;
	uint16_t main_core;           /* CPU of the slow path */
	uint16_t core[64];            /* CPU of each worker */
	uint32_t flows_v4, flows_v6;  /* capacity, all workers together */
	uint32_t mappings;            /* capacity, all workers together */
	uint32_t subscribers;
	uint32_t permissions;         /* address-dependent filtering; 0: no rule may ask for it */
	uint32_t quarantine;          /* ports in quarantine; 0: there may be none */
	uint32_t endpoints;           /* local ones, of fullnat; 0: no service may be */
	uint32_t pool_addresses;      /* capacity */
	uint32_t persistence;         /* entries of the balancer; 0: no service may have it */
	uint32_t buffers;             /* packet buffers */
	uint32_t leases;              /* mappings kept on request (PCP); 0: no rule may ask */
	uint32_t shifts;              /* flows with numbers of their own; 0: there may be none */
	uint8_t steer_class_bits;
	uint8_t steer_split_blocks;
	uint8_t steer_block_shift;
	uint8_t huge_pages;           /* 0: never, 1: where present */
	/* Changeable while running: */
	uint32_t icmp_rate_pps;       /* generated ICMP, token bucket */
	uint32_t icmp_burst;
	uint32_t idle_us;             /* longest sleep of an idle worker; 0: busy poll */
	uint8_t pool_echo;            /* 1: echo requests to pool addresses are answered */
	uint8_t service_echo;         /* enum img_echo: those to service addresses */
	uint8_t routes_unclaimed;     /* bit 0: IPv4, 1: IPv6 that nobody claims is routed */
	uint8_t reset_is_final;       /* 1: but a SYN nothing revives what was reset: lib/final.h */
	uint32_t sources;             /* of lb.capacity: token buckets; fixed as those above */
};

/* img_share: one worker's part of what all of them have together, rounded up. */
static inline uint32_t
img_share(uint32_t total, unsigned n_workers)
{
	return total / n_workers + (total % n_workers != 0);
}

struct img_dev {
	char device[128]; /* DPDK device string: PCI address or vdev with arguments */
};

struct img_realm {
	char name[IMAGE_NAME];
};

enum { IMG_NIC_MAC = 1 }; /* img_nic.flags: mac is given by the configuration */
struct img_nic {
	char name[IMAGE_NAME];
	uint8_t dev;    /* row of IMG_DEVS */
	uint8_t realm;  /* address space of what arrives here; 0 is the outside */
	uint16_t vlan;  /* 0: untagged */
	uint16_t mtu;   /* of IP packets */
	uint8_t mac[6];
	uint32_t flags;
	uint16_t mss[2]; /* TCP segments of IPv4, of IPv6 at most; 0: no limit */
};

struct img_address {
	union addr address;
	uint8_t family, plen, nic, zero[5];
};

enum route_kind {
	ROUTE_VIA = 1,     /* to a gateway */
	ROUTE_CONNECTED,   /* the destination is its own next hop */
	ROUTE_LOCAL,       /* an address of an interface of ours */
	ROUTE_SERVICE,     /* a service address: local for ARP, ND and echo */
	ROUTE_POOL,        /* a NAT pool address; arg is its row in IMG_NAT_ADDRESSES, or
	                    * IMG_NO_POOL: the address is a static mapping's, of no pool */
	ROUTE_LB_LOCAL,    /* a fullnat source address; arg is its row in IMG_LB_LOCALS */
	ROUTE_UNREACHABLE, /* answer Destination Unreachable */
	ROUTE_BROADCAST,   /* of a connected IPv4 network: never forwarded (RFC 2644) */
};

#define IMG_NO_POOL UINT32_MAX

/* Sorted by realm, then family, then plen descending, then address ascending (memcmp): longest
 * match in a realm is one binary search for each length that occurs. Unique by all of these. */
struct img_route {
	union addr prefix; /* bits beyond plen are zero */
	uint8_t family, plen;
	uint8_t kind;      /* enum route_kind */
	uint8_t nic;       /* of the next hop, or of the local address */
	uint32_t arg;
	union addr gateway;
	uint8_t realm;     /* of packets that take it; 0 of addresses that are ours in all realms */
	uint8_t zero[7];
};

struct img_neighbour {
	union addr address;
	uint8_t family, nic, mac[6];
};

/*
 * image_check: is this block of size bytes an image whose core sections can be used without
 * another test? What it reads it takes for hostile. => 0, or -EINVAL and one sentence in err.
 */
int image_check(const void *data, size_t size, char *err, size_t err_size);

/* image_refuse: a sentence into err, for the checks of a part. => -EINVAL. */
int image_refuse(char *err, size_t err_size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* image_name_is_good: is a row's name ended, not empty, and of the letters that names have? */
bool image_name_is_good(const char name[IMAGE_NAME]);

/* image_rows: rows of a section (=> NULL and *n = 0 if absent). => The image was checked. */
const void *image_rows(const struct image_header *h, uint32_t kind, uint32_t *n);
/* image_rows_own: the same, for whoever makes the image and may write them. */
static inline void *
image_rows_own(struct image_header *h, uint32_t kind, uint32_t *n)
{
	return (void *)(uintptr_t)image_rows(h, kind, n);
}

/* image_section_is: does the section, if present, have rows of row_size? For policies' checks. */
bool image_section_is(const struct image_header *h, uint32_t kind, size_t row_size);

/* Building, for the compiler: sections are appended in any order, then the header is closed. */
struct image_builder {
	uint8_t *data;
	size_t size, room;
	int failed;
};
void image_build_begin(struct image_builder *b, uint64_t generation);
/* image_build_rows: append a section; rows are copied, or zero and for the caller to fill in until
 * the next call where they are NULL. Memory failure is remembered in failed. */
void image_build_rows(struct image_builder *b, uint32_t kind, const void *rows, size_t row_size,
                      size_t n);
/* image_build_more: go on with an image (malloc'ed, the builder's from now on). */
void image_build_more(struct image_builder *b, struct image_header *h);
/* image_build_end: close. => the image (free() it) and *size, or NULL. */
void *image_build_end(struct image_builder *b, size_t *size);

/* image_lean: a checked image without one section, into image_lean_size bytes at out. */
size_t image_lean_size(const struct image_header *h, uint32_t kind);
struct image_header *image_lean(const struct image_header *h, uint32_t kind, void *out);

/* crc32c: Castagnoli, as the checksum and for derived addresses. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

#endif

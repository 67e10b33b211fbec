/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The balancer's sections of a generation image.
 * Layout     Rows of fixed size. The table of a service, of which its scheduler chooses, is
 *            MAGLEV_SIZE slots of 16 bits in IMG_LB_SLOTS, each the number of a backend within its
 *            service, LB_NO_BACKEND if none (lb/lb_table.h). One that the generation which runs
 *            has is not there: LB_SLOTS_KEPT (lb/tables.h).
 * Invariant  lb_image_check: services are sorted by (prefix, protocol, ports) and unique; backend
 *            and slot ranges are in range; every slot names a backend of its service; every backend
 *            that needs a way has one (lb_way_check).
 * Limits     LB_MAX_SERVICES, LB_MAX_BACKENDS, LB_MAX_LOCALS in all; backend ids are unique and
 *            below LB_MAX_IDS.
 * See        lib/image.h, lb/maglev.h. No DPDK header here: the compiler includes this.
 */
#ifndef MR_LB_IMAGE_H
#define MR_LB_IMAGE_H

#include "lib/image.h"
#include "lib/tell.h"

enum {
	MAGLEV_SIZE = 65537,
	LB_MAX_SERVICES = 4096,
	LB_MAX_BACKENDS = 16384,
	LB_MAX_LOCALS = 4096,
	LB_MAX_IDS = 65536,
	LB_MAX_SERVICE_IDS = 2 * LB_MAX_SERVICES, /* those that are and those that were */
	LB_MAX_WEIGHT = 65535,
	LB_NO_BACKEND = 0xffff,
	LB_MAX_PERSISTENCE_S = 604800,
	LB_MAX_PER_PACKET = 127, /* backends of a service that is chosen for packet by packet */
	LB_MAX_ASKERS = 16,
	/* A check that asks for a service's address comes from this port and its backend's place in
	 * the service: below what Linux gives to clients of its own. */
	LB_ASKER_PORT = 16384,
};
static_assert((int)LB_ASKER_PORT + (int)LB_MAX_BACKENDS <= 32768, "ports below the ephemeral ones");

enum { LB_PROTO_ANY = 0 };
enum lb_mode {
	LB_MODE_NAT, LB_MODE_FULLNAT,
	/* Backends see the packets as they were sent and answer clients themselves (lib/way.h): */
	LB_MODE_DSR, LB_MODE_L3DSR, LB_MODE_IPIP, LB_MODE_GRE, LB_MODE_GUE,
	LB_MODE_MAX,
};

/* Only LB_READY takes new flows. lb/state.h says who is in which state. */
enum lb_backend_state {
	LB_READY,
	LB_DRAIN,   /* by request: no new flows, those that it has and persistence stay */
	LB_DOWN,    /* its checks say so */
	LB_MAINT,   /* by request: as if it were down */
	LB_STANDBY, /* healthy, but a group before its own is enough */
	LB_OVER,    /* its drain's deadline has passed */
	LB_STATES
};

/* What becomes of the flows of a backend that is dead, or whose drain is over. */
enum lb_fate { LB_FATE_MOVE, LB_FATE_RESET, LB_FATE_STAY, LB_FATES };
/* What becomes of a new flow when no backend takes it. */
enum lb_none { LB_NONE_REJECT, LB_NONE_DROP, LB_NONE_USE_ALL, LB_NONES };
enum lb_syn_mode { LB_SYN_OFF, LB_SYN_AUTO, LB_SYN_ALWAYS, LB_SYN_MODES };
enum lb_syn_flag { LB_SYN_SACK = 1 << 0, LB_SYN_TIME = 1 << 1, LB_SYN_FLAGS = 3 };
enum { LB_SYN_NO_SCALE = 15, LB_SYN_MAX_SCALE = 14, LB_SYN_MIN_MSS = 216, LB_SYN_MAX_MSS = 8940 };

/* draft-ietf-quic-load-balancers-21: three bits name a configuration, 7 is none. */
enum {
	QUIC_CONFIGS = 7, QUIC_MAX_PLAIN = 19, QUIC_MIN_NONCE = 4,
	QUIC_MAX_SERVER_ID = QUIC_MAX_PLAIN - QUIC_MIN_NONCE,
	LB_MAX_QUIC = 4096,
};

/* How the backend of a new flow is chosen: lb/choice.h. */
enum lb_scheduler {
	LB_MAGLEV,
	LB_SOURCE_HASH, /* Maglev by the client's address */
	LB_TWO_CHOICES,
	LB_ROUND_ROBIN,
	LB_LEAST_CONNECTIONS,
	LB_SCHEDULERS
};
enum lb_hash { LB_HASH_TUPLE, LB_HASH_SOURCE, LB_HASH_SOURCE_PORT, LB_HASHES };

struct img_lb_choice {
	uint8_t scheduler;      /* enum lb_scheduler */
	uint8_t hash;           /* enum lb_hash; what does not hash has LB_HASH_TUPLE */
	uint8_t per_packet;     /* 1: each datagram is chosen for anew (UDP) */
	uint8_t mask;           /* persistence: bits of a client's address that count */
	uint32_t persistence_s; /* 0: there is none */
};

struct img_lb_service { /* sorted: family, address, plen, proto, ports (memcmp of wire bytes) */
	char name[IMAGE_NAME];
	union addr address;     /* bits beyond plen are zero */
	uint8_t family, proto;  /* TCP, UDP or LB_PROTO_ANY, which is both */
	be16 port;              /* the first one */
	uint32_t id;            /* stable over generations */
	uint32_t first_backend, backends; /* rows in IMG_LB_BACKENDS */
	uint32_t slots;         /* which table of IMG_LB_SLOTS: rows slots*MAGLEV_SIZE and on;
	                         * LB_SLOTS_KEPT: that of the service of this id which runs */
	uint32_t first_local, locals;     /* rows in IMG_LB_LOCALS (fullnat) */
	uint8_t mode;           /* enum lb_mode */
	uint8_t timers;         /* row in IMG_TIMERS */
	uint8_t plen;
	uint8_t when_none;      /* enum lb_none */
	be16 port_last;         /* all: 1 to 65535 */
	uint8_t dead, over;     /* enum lb_fate: backend down or in maintenance; drain over */
	struct img_lb_choice choice;
	uint16_t min_healthy;   /* groups are added up to so many healthy backends; 0 is as 1 */
	uint32_t syn_rate;      /* LB_SYN_AUTO: SYNs a second */
	uint16_t syn_mss;       /* of SYN-ACKs of ours */
	uint16_t first_quic;    /* rows in IMG_LB_QUIC (UDP) */
	uint8_t quics;
	uint8_t tell;           /* enum tell: how backends learn of the client (fullnat) */
	uint8_t toa_kind;       /* TELL_TOA: of the option */
	uint8_t syn_mode;       /* enum lb_syn_mode (TCP) */
	uint8_t syn_flags;      /* enum lb_syn_flag: what SYN-ACKs of ours offer */
	uint8_t syn_scale;      /* of windows; LB_SYN_NO_SCALE: not offered */
	uint8_t stateless;      /* 1: packets go without flows where the flow table is full */
	uint8_t zero[3];
	uint64_t table;         /* what its table was made of (lb_table_digest) */
};
#define LB_SLOTS_KEPT UINT32_MAX

struct img_lb_backend {
	union addr address;
	uint8_t family, state; /* enum lb_backend_state */
	be16 port;             /* 0: the one that the client speaks to */
	uint32_t id;           /* stable over generations; flow.owner of its flows */
	uint32_t weight;
	uint32_t service;      /* row in IMG_LB_SERVICES */
	uint32_t max_flows;    /* it may have, all workers together; 0: any number */
	uint8_t priority;      /* its group; 0 is the first */
	uint8_t withheld;      /* tenths of the weight, while it starts slowly: 0..9 */
	uint8_t zero[2];
	uint8_t server_id[QUIC_MAX_SERVER_ID], server_id_size; /* of QUIC; 0: none */
};

struct img_lb_quic {       /* how connection IDs of a service are read */
	uint8_t id;            /* below QUIC_CONFIGS; unique within the service */
	uint8_t server_id, nonce; /* octets of each */
	uint8_t has_key;
	uint8_t key[16];
};
enum { LB_TENTHS = 10 };

struct img_lb_local {
	union addr address;
	uint8_t family, zero;
	uint16_t port_first, port_last; /* host order */
	uint16_t class;        /* steer_class of the address */
};

/* One for each backend of services of LB_MODE_DSR and on, in their order. */
struct img_lb_way {
	union addr source;     /* of outer headers, of the backend's family; 0: there are none */
	union addr spread;     /* bits of it that a flow's hash fills; IPv6: of the last 64 */
	uint32_t backend;      /* row in IMG_LB_BACKENDS */
	uint16_t mtu;          /* of the way to it; 0: that of the interface */
	be16 port;             /* LB_MODE_GUE */
	uint8_t dscp;          /* LB_MODE_L3DSR */
	uint8_t always_df;
	uint8_t zero[6];
};

struct img_lb_asker { /* a daemon's address, from which its checks ask: lb/asker.h */
	union addr address;
	uint8_t family, zero[7];
};

/* lb_mode_is_way: does a backend see packets as they were sent? lb_mode_is_tunnel: in others? */
static inline bool
lb_mode_is_way(uint8_t mode)
{
	return mode >= LB_MODE_DSR;
}

static inline bool
lb_mode_is_tunnel(uint8_t mode)
{
	return mode >= LB_MODE_IPIP;
}

/* lb_mode_name: as in the configuration. => "?" out of range. */
const char *lb_mode_name(unsigned mode);

/* lb_services_by_id: rows of services of an image (NULL: none) by their stable number. */
struct lb_by_id {
	const struct img_lb_service *service[LB_MAX_SERVICE_IDS];
};
void lb_services_by_id(const struct image_header *h, struct lb_by_id *out);

/* lb_table_known: the service whose table is the same, or NULL. */
static inline const struct img_lb_service *
lb_table_known(const struct lb_by_id *old, const struct img_lb_service *s)
{
	const struct img_lb_service *o = s->id < LB_MAX_SERVICE_IDS ? old->service[s->id] : NULL;
	return o != NULL && o->table == s->table && o->backends == s->backends ? o : NULL;
}

/* lb_way_check: ways of a checked image's services and backends. => 0 or -EINVAL and a sentence. */
int lb_way_check(const struct image_header *h, char *err, size_t err_size);

/* lb_image_check: the policy's part of checking an image. => 0 or -EINVAL and a sentence. */
int lb_image_check(const struct image_header *h, char *err, size_t err_size);

#endif

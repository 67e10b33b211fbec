/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       How subscribers behave: what each begins when, and which packets come of it. A queue
 *            of events in order of time; whoever takes one is told what is to be sent.
 * Layout     Apps: web (a DNS question, then TCP connections that end), video (one long TCP
 *            connection), game (UDP both ways, every 15 s), peer to peer (one UDP port and many
 *            peers, strangers among them), a bot (SYNs to everywhere), a scanner outside.
 * Invariant  The day depends on the seed alone, and on what is learnt of translated endpoints.
 * Limits     PEOPLE_SESSIONS sessions at a time; beyond, nothing new begins.
 */
#ifndef MR_DAY_PEOPLE_H
#define MR_DAY_PEOPLE_H

#include "frames.h"

enum { PEOPLE_SESSIONS = 1 << 18 };
enum app { APP_WEB, APP_DNS, APP_VIDEO, APP_GAME, APP_P2P, APP_BOT, APP_SCAN, APPS };
extern const char *const app_names[APPS];

struct session {
	uint32_t inside, server;   /* host order */
	uint16_t port, server_port;
	uint32_t outside;          /* learnt; 0: not seen yet */
	uint16_t outside_port;
	uint8_t app, proto, step;
	uint8_t in_use;
	uint32_t left;             /* exchanges still to come */
	uint32_t number;           /* carried by its packets */
};

/* What an event comes to: a packet from inside, or from outside. */
struct doing {
	uint64_t at_ns;
	bool is_packet, from_inside;
	struct day_packet packet;
	struct session *session;   /* NULL: a scan */
};

extern uint64_t people_begun[APPS];

/* people_open: so many subscribers, from begin_ns to end_ns; nothing begins after that. */
void people_open(uint32_t subscribers, uint64_t seed, uint64_t begin_ns, uint64_t end_ns);
/* people_next: the next event. => false: nothing is left. */
bool people_next(struct doing *d);
/* people_session: the session of a packet, NULL: none that lives. */
struct session *people_session(uint32_t number);

#endif

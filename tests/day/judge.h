/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What must hold all day: a slow and obvious book of mappings, kept from the log, that
 *            every packet outside is held against; and the log on disk, asked who it was.
 * Invariant  1. Of one external endpoint and protocol one mapping lives at a time, and after it the
 *               port rests for the quarantine.
 *            2. A packet outside comes from the mapping that lives, of the endpoint that sent it.
 *            3. `whohad` names the subscriber of every packet, with certainty, from block records.
 *            4. A block is somebody's from its first record to its last, and nobody else's; each
 *               mapping is in a block of its subscriber's; at the end nobody has one.
 * Limits     DAY_SUBSCRIBERS; DAY_PACKETS packets are kept for the last question, the rest by lot.
 */
#ifndef MR_DAY_JUDGE_H
#define MR_DAY_JUDGE_H

#include <jansson.h>

#include "frames.h"

enum { DAY_SUBSCRIBERS = 65536, DAY_PACKETS = 20000, DAY_POOL = 64 };

/* From these on addresses are numbered. */
#define DAY_INSIDE 0x64400000u /* 100.64.0.0 */
#define DAY_OUTSIDE 0xcb007100u /* 203.0.113.0 */

struct day_sums {
	uint64_t outside, inside;       /* packets judged */
	uint64_t mappings, mappings_most, mappings_now;
	uint64_t blocks, blocks_most, blocks_now;
	uint64_t block_records, other_records;
	uint64_t asked;                 /* of whohad */
	uint64_t wrong;                 /* what must not be, said on stderr */
};
extern struct day_sums day_sums;

/* judge_open: a log directory of its own. => false: there is none. judge_close: gone again. */
bool judge_open(uint64_t now_ns, uint64_t quarantine_ns);
void judge_close(void);
/* judge_record: one of the log, as the API shows it, in order. */
void judge_record(const json_t *record);
/* judge_outside: a packet seen outside, of this inside endpoint. */
void judge_outside(const struct day_packet *p, uint32_t inside, uint16_t port, uint64_t now_ns);
/* judge_wrong: count and say what must not be. */
void judge_wrong(uint64_t now_ns, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* judge_ask: who was it, of all the packets that were kept. */
void judge_ask(uint64_t now_ns);
/* judge_busiest: block records of the subscriber that has most. */
uint64_t judge_busiest(uint32_t *subscriber);

#endif

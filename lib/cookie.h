/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       SYN cookies: an initial sequence number that says, when it comes back acknowledged,
 *            that its receiver asked for a connection a moment ago, and with which options.
 * Layout     32 bits: 3 for the MSS (one of a table, rounded down), 1 for SACK, 4 for the window
 *            scale (15: none), 24 of SipHash over both ends, the initiator's number and these
 *            options. So options come back whether or not the initiator uses timestamps.
 * Invariant  1. cookie_check of what cookie_make gave is true for COOKIE_LIFE epochs, with the
 *               options that were given, its MSS rounded down.
 *            2. The key is another one in every epoch (2^36 ns, 69 s), made from the secret.
 * Owner      The worker; both packets of a handshake come to the same one.
 * Limits     Who guesses has one chance in 2^23 a segment.
 * See        RFC 4987 section 3.6; docs/lb.md, "SYN proxy".
 */
#ifndef MR_COOKIE_H
#define MR_COOKIE_H

#include "tuple.h"

enum { COOKIE_LIFE = 2, COOKIE_EPOCH_BITS = 36, COOKIE_NO_SCALE = 15, COOKIE_SIZES = 8 };

struct cookie {
	uint16_t mss;
	uint8_t scale; /* COOKIE_NO_SCALE: none */
	bool sack;
};

struct cookies {
	const uint64_t *secret; /* two words */
	uint64_t epoch;         /* of key[0]; those before follow */
	uint64_t key[COOKIE_LIFE][2];
	bool is_made;
};

void cookies_init(struct cookies *c, const uint64_t secret[2]);

/* cookie_make: for a SYN from t.src with number isn. */
uint32_t cookie_make(struct cookies *c, const struct tuple *t, uint32_t isn, struct cookie o,
                     uint64_t now_ns);
/* cookie_check: is it one of ours for that SYN? */
bool cookie_check(struct cookies *c, const struct tuple *t, uint32_t isn, uint32_t cookie,
                  uint64_t now_ns, struct cookie *o);

#endif

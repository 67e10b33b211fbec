/* SPDX-License-Identifier: Apache-2.0 */
/* The connection table: a row for every state, direction and event, and whole conversations. */
#include <string.h>

#include "lib/conn.h"
#include "tests/test.h"

#define FREE CONN_FREE
#define NEW CONN_UDP_NEW
#define BOTH CONN_UDP_BOTH
#define ICMP CONN_ICMP
#define SYN CONN_TCP_SYN
#define MID CONN_TCP_MID
#define EST CONN_TCP_EST
#define FIN_I CONN_TCP_FIN_I
#define FIN_R CONN_TCP_FIN_R
#define CLOSING CONN_TCP_CLOSING
#define TRANS CONN_TCP_TRANS
#define SYN1 CONN_ONE_SYN
#define EST1 CONN_ONE_EST
#define FIN1 CONN_ONE_FIN
#define MID1 CONN_ONE_MID
#define OTHER CONN_OTHER

static const uint8_t events_of[] = {EV_OTHER, EV_SYN, EV_FIN, EV_RST, EV_OPEN};
enum { N_EVENTS = sizeof(events_of) };

static const struct {
	uint8_t state;
	uint8_t next[2][N_EVENTS]; /* OTHER, SYN, FIN, RST, OPEN */
} rows[] = {
	{FREE, {{FREE, FREE, FREE, FREE, FREE}, {FREE, FREE, FREE, FREE, FREE}}},
	{NEW, {{NEW, NEW, NEW, NEW, NEW}, {BOTH, BOTH, BOTH, BOTH, BOTH}}},
	{BOTH, {{BOTH, BOTH, BOTH, BOTH, BOTH}, {BOTH, BOTH, BOTH, BOTH, BOTH}}},
	{ICMP, {{ICMP, ICMP, ICMP, ICMP, ICMP}, {ICMP, ICMP, ICMP, ICMP, ICMP}}},
	{SYN, {{SYN, SYN, SYN, TRANS, SYN}, {EST, EST, FIN_R, TRANS, EST}}},
	{MID, {{MID, MID, MID, TRANS, MID}, {EST, EST, FIN_R, TRANS, EST}}},
	{EST, {{EST, EST, FIN_I, TRANS, EST}, {EST, EST, FIN_R, TRANS, EST}}},
	{FIN_I, {{FIN_I, FIN_I, FIN_I, TRANS, FIN_I}, {FIN_I, FIN_I, CLOSING, TRANS, FIN_I}}},
	{FIN_R, {{FIN_R, FIN_R, CLOSING, TRANS, FIN_R}, {FIN_R, FIN_R, FIN_R, TRANS, FIN_R}}},
	{CLOSING, {{CLOSING, SYN, CLOSING, CLOSING, CLOSING},
	           {CLOSING, SYN, CLOSING, CLOSING, SYN}}},
	{TRANS, {{EST, EST, EST, TRANS, TRANS}, {EST, EST, EST, TRANS, EST}}},
	/* One-sided: what the other side says, if any of it is seen, changes nothing. */
	{SYN1, {{EST1, SYN1, FIN1, MID1, SYN1}, {SYN1, SYN1, SYN1, SYN1, SYN1}}},
	{EST1, {{EST1, EST1, FIN1, MID1, EST1}, {EST1, EST1, EST1, EST1, EST1}}},
	{FIN1, {{FIN1, SYN1, FIN1, FIN1, SYN1}, {FIN1, FIN1, FIN1, FIN1, FIN1}}},
	{MID1, {{SYN1, SYN1, FIN1, MID1, MID1}, {MID1, MID1, MID1, MID1, MID1}}},
	{OTHER, {{OTHER, OTHER, OTHER, OTHER, OTHER}, {OTHER, OTHER, OTHER, OTHER, OTHER}}},
};

/* RFC 9293 section 3.10.7.4: what has neither ACK nor a meaning of its own no end takes. */
static void
without_ack(void)
{
	static const uint8_t events[] = {EV_NULL, EV_FIN_ALONE};
	for (unsigned s = 0; s < CONN_MAX; s++)
		for (unsigned k = 0; k < 2; k++) {
			CU_ASSERT_EQUAL(conn_next[s][0][events[k]], s);
			CU_ASSERT_EQUAL(conn_next[s][1][events[k]], s == NEW ? BOTH : s);
		}
	for (unsigned event = 0; event < EV_MAX; event++)
		CU_ASSERT_EQUAL(conn_opens_none(event), event == EV_RST || event == EV_NULL ||
		                                        event == EV_FIN_ALONE);
}

static void
every_cell(void)
{
	CU_ASSERT_EQUAL(sizeof(rows) / sizeof(rows[0]), CONN_MAX);
	for (unsigned i = 0; i < CONN_MAX; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			for (unsigned k = 0; k < N_EVENTS; k++)
				CU_ASSERT_EQUAL(conn_next[rows[i].state][dir][events_of[k]],
				                rows[i].next[dir][k]);
}

/* conn.h, invariants 1 and 2. */
static void
cells_are_states(void)
{
	for (unsigned s = 0; s < CONN_MAX; s++)
		for (unsigned dir = 0; dir < 2; dir++)
			for (unsigned k = 0; k < N_EVENTS; k++) {
				unsigned next = conn_next[s][dir][events_of[k]];
				CU_ASSERT(next < CONN_MAX);
				CU_ASSERT((next == CONN_FREE) == (s == CONN_FREE));
			}
}

/*
 * A conversation: a letter a packet, capital from the initiator, small from the responder:
 * S SYN with ACK, O without, A anything without flags that count, F FIN, R RST.
 */
static const struct {
	uint8_t from;
	const char *packets;
	uint8_t to;
	const char *why;
} talks[] = {
	{SYN, "sA", EST, "handshake"},
	{SYN, "SSS", SYN, "SYN retransmitted, nobody answers"},
	{SYN, "o", EST, "simultaneous open (RFC 5382 REQ-2a)"},
	{SYN, "osS", EST, "the same, and what acknowledges both"},
	{SYN, "r", TRANS, "refused"},
	{EST, "AaAaAa", EST, "data"},
	{EST, "Faaaa", FIN_I, "half-closed, the other side sends on"},
	{EST, "fAAAA", FIN_R, "the same the other way"},
	{EST, "FafA", CLOSING, "orderly end"},
	{EST, "Ff", CLOSING, "FINs that cross"},
	{EST, "fF", CLOSING, "FINs that cross"},
	{EST, "FF", FIN_I, "FIN retransmitted is one FIN"},
	{EST, "R", TRANS, "RST of the initiator"},
	{EST, "rA", EST, "RST was spoofed: challenge ACK (RFC 5961 section 3)"},
	{EST, "Ra", EST, "the same the other way"},
	{EST, "ra", EST, "RST was spoofed: its sender, who has sent none, goes on"},
	{EST, "RA", EST, "the same the other way"},
	{EST, "rAr", TRANS, "challenge ACK, second RST"},
	{EST, "S", EST, "SYN inside a connection (RFC 5961 section 4)"},
	{EST, "O", EST, "the same, without ACK"},
	{EST, "FO", FIN_I, "half-closed is not over"},
	{EST, "RAO", EST, "a RST that did not end it"},
	{EST, "FfS", SYN, "opened anew"},
	{EST, "FfSsA", EST, "opened anew, answered"},
	{EST, "FfO", CLOSING, "opened anew, or another connection: lib/again.h says"},
	{EST, "RO", TRANS, "the same"},
	{EST, "FfsSa", EST, "opened anew by the responder"},
	{EST, "FfoSa", EST, "the same, without ACK"},
	{EST, "FfAR", CLOSING, "an RST after both FINs changes nothing"},
	{MID, "AAA", MID, "picked up, peer silent"},
	{MID, "Aa", EST, "picked up, peer speaks"},
	{MID, "Ar", TRANS, "picked up, peer refuses"},
	{SYN1, "A", EST1, "one-sided: the third packet"},
	{SYN1, "SS", SYN1, "one-sided: the peer is silent"},
	{SYN1, "AAAFA", FIN1, "one-sided: whole life, the initiator closes"},
	{EST1, "AAA", EST1, "one-sided: the responder's FIN is not heard"},
	{FIN1, "AAS", SYN1, "one-sided: opened anew"},
	{EST1, "FOA", EST1, "one-sided: opened anew, off the closing timer"},
	{MID1, "O", MID1, "one-sided: opened anew, or another connection: lib/again.h says"},
	{FIN1, "R", FIN1, "one-sided: an RST after FIN changes nothing"},
	{EST1, "RAA", EST1, "one-sided: RST was spoofed"},
	{EST1, "RA", SYN1, "one-sided: RST, and one packet more that was on its way"},
	{MID1, "AA", EST1, "one-sided: picked up"},
	{MID1, "F", FIN1, "one-sided: picked up at its end"},
	{EST1, "sfra", EST1, "one-sided: what seems to be an answer says nothing"},
	{NEW, "AAA", NEW, "UDP unanswered"},
	{NEW, "Aa", BOTH, "UDP answered"},
};

static unsigned
event_of(char letter)
{
	switch (letter | 0x20) {
	case 's': return EV_SYN;
	case 'o': return EV_OPEN;
	case 'f': return EV_FIN;
	case 'r': return EV_RST;
	default: return EV_OTHER;
	}
}

static void
conversations(void)
{
	for (unsigned i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		uint8_t state = talks[i].from;
		for (const char *p = talks[i].packets; *p != 0; p++)
			state = conn_next[state][*p >= 'a'][event_of(*p)];
		if (state != talks[i].to)
			printf("%s: %s\n", talks[i].packets, talks[i].why);
		CU_ASSERT_EQUAL(state, talks[i].to);
	}
}

/* RST wins over FIN, FIN over SYN, and without ACK all but RST are others; all 256 flag bytes. */
static void
events(void)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		unsigned want = (flags & 4) != 0   ? EV_RST
		                : (flags & 1) != 0 ? EV_FIN
		                : (flags & 2) == 0 ? EV_OTHER
		                                   : EV_SYN;
		if (want != EV_RST && (flags & 16) == 0)
			want |= EV_ALONE;
		CU_ASSERT_EQUAL(conn_event((uint8_t)flags), want);
	}
}

static void
names(void)
{
	for (unsigned i = 0; i < CONN_MAX; i++)
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(conn_state_name(i), conn_state_name(j));
	CU_ASSERT_STRING_EQUAL(conn_state_name(CONN_TCP_EST), "established");
	CU_ASSERT_STRING_EQUAL(conn_state_name(CONN_MAX), "?");
}

static const struct test_case cases[] = {
	{"every cell", every_cell},
	{"segments without ACK", without_ack},
	{"every cell is a state", cells_are_states},
	{"conversations", conversations},
	{"events of flag bytes", events},
	{"names", names},
};
TEST_MAIN("conn", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP answers, whole, in pieces and wrong, and what a check says of them. */
#include <string.h>

#include "ctl/daemon/health_http.h"
#include "test.h"

static struct check plain = {.method = "GET", .path = "/x", .n_status = 1, .status = {{200, 299}}};
static struct check two = {.n_status = 2, .status = {{200, 200}, {301, 302}}};
static struct check body = {.n_status = 1, .status = {{200, 299}}, .body = {2, "ok"}};
static struct check regex = {.n_status = 1, .status = {{200, 299}}, .has_regex = true};

#define OK "HTTP/1.1 200 OK\r\n"

/* ended: the connection was closed behind the text. */
static const struct {
	const struct check *check;
	const char *text;
	bool ended;
	enum judgement judgement;
	const char *reason;
} rows[] = {
	{&plain, "", false, JUDGE_MORE, ""},
	{&plain, "", true, JUDGE_BAD, "closed without an answer"},
	{&plain, OK, false, JUDGE_MORE, ""},
	{&plain, OK "\r\n", false, JUDGE_GOOD, "200"},
	{&plain, "HTTP/1.0 204 No Content\r\nServer: x\r\n\r\n", false, JUDGE_GOOD, "204"},
	{&plain, "HTTP/1.1 204\r\n\r\n", false, JUDGE_GOOD, "204"},
	{&plain, "HTTP/1.1 503 Bad\r\n\r\n", false, JUDGE_BAD, "503, expected 200-299"},
	{&two, "HTTP/1.1 503 Bad\r\n\r\n", false, JUDGE_BAD, "503, expected 200 or 301-302"},
	{&two, "HTTP/1.1 302 Found\r\n\r\n", false, JUDGE_GOOD, "302"},
	{&plain, "HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n", false, JUDGE_GOOD, "200"},
	{&plain, "HTTP/1.1 100 Continue\r\n\r\n", false, JUDGE_MORE, ""},
	{&plain, "HTTP/1.1 101 Switching\r\n\r\n", false, JUDGE_BAD, "101, expected 200-299"},
	{&plain, "SSH-2.0-OpenSSH\r\n", false, JUDGE_BAD, "no HTTP/1 answer"},
	{&plain, "HTTP/2.0 200 OK\r\n\r\n", false, JUDGE_BAD, "no HTTP/1 answer"},
	{&plain, "HTTP/1.1 2x0 OK\r\n\r\n", false, JUDGE_BAD, "no HTTP/1 answer"},
	{&plain, "HTTP/1.1 2000 OK\r\n\r\n", false, JUDGE_BAD, "no HTTP/1 answer"},
	{&plain, "HTTP/1.1\r\n\r\n", false, JUDGE_BAD, "no HTTP/1 answer"},
	/* bodies by length, by the end, in chunks */
	{&body, OK "Content-Length: 4\r\n\r\na", false, JUDGE_MORE, ""},
	{&body, OK "Content-Length: 4\r\n\r\nxokx", false, JUDGE_GOOD, "200, body as expected"},
	{&body, OK "content-length:4\r\n\r\nxkox", false, JUDGE_BAD, "but the body is not"},
	{&body, OK "Content-Length: 1\r\n\r\nxok", false, JUDGE_BAD, "but the body is not"},
	{&body, OK "\r\nno", false, JUDGE_MORE, ""},
	{&body, OK "\r\nno", true, JUDGE_BAD, "but the body is not"},
	{&body, OK "\r\nso ok", false, JUDGE_GOOD, "body as expected"},
	{&body, OK "X-Ok: ok\r\n\r\n", true, JUDGE_BAD, "but the body is not"},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", false,
	 JUDGE_GOOD, "body as expected"},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\no\r\n1", false, JUDGE_MORE, ""},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", false, JUDGE_BAD,
	 "but the body is not"},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", false, JUDGE_BAD,
	 "but the body is not"},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\nok", false, JUDGE_GOOD,
	 "body as expected"},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\n-2\r\nno\r\n", false, JUDGE_BAD,
	 "but the body is not"},
	{&body, "HTTP/1.1 500 X\r\n\r\nok", true, JUDGE_BAD, "500, expected 200-299"},
	{&regex, OK "Content-Length: 3\r\n\r\nabc", false, JUDGE_GOOD, "body as expected"},
	{&regex, OK "Content-Length: 4\r\n\r\nabcd", false, JUDGE_BAD, "but the body is not"},
	{&regex, OK "Content-Length: 4\r\n\r\nabc", false, JUDGE_MORE, ""},
	/* a bare LF ends a line, too (RFC 9112, 2.2) */
	{&plain, "HTTP/1.1 200 OK\n\n", false, JUDGE_GOOD, "200"},
	{&plain, "HTTP/1.1 204\n\n", false, JUDGE_GOOD, "204"},
	{&plain, "HTTP/1.0 200 OK\nServer: x\n", false, JUDGE_MORE, ""},
	{&plain, OK "Server: x\n\r\n", false, JUDGE_GOOD, "200"},
	{&plain, OK "Server: x\r\n\n", false, JUDGE_GOOD, "200"},
	{&plain, "HTTP/1.1 503 Bad\n\n", false, JUDGE_BAD, "503, expected 200-299"},
	{&plain, "HTTP/1.1 100 Continue\n\n" OK "\n", false, JUDGE_GOOD, "200"},
	{&body, "HTTP/1.1 200 OK\nContent-Length: 4\n\nxokx", false, JUDGE_GOOD,
	 "body as expected"},
	{&body, "HTTP/1.1 200 OK\nContent-Length: 1\n\nxok", false, JUDGE_BAD,
	 "but the body is not"},
	{&body, "HTTP/1.1 200 OK\nX: ok\n\nno", true, JUDGE_BAD, "but the body is not"},
	{&body, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\no\n1\nk\n0\n\n", false,
	 JUDGE_GOOD, "body as expected"},
	{&body, OK "Transfer-Encoding: chunked\r\n\r\n2\r\nnook\r\n0\r\n\r\n", true, JUDGE_BAD,
	 "but the body is not"},
};

static void
test_rows(void)
{
	regcomp(&regex.regex, "^a.c$", REG_EXTENDED | REG_NOSUB);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char reason[64] = "";
		size_t n = strlen(rows[i].text);
		char *exact = malloc(n + 1); /* so that a sanitizer sees who reads too far */
		memcpy(exact, rows[i].text, n);
		enum judgement j = http_judge(rows[i].check, exact, n, rows[i].ended, reason,
		                              sizeof(reason));
		bool good = j == rows[i].judgement && strstr(reason, rows[i].reason) != NULL;
		CU_ASSERT(good);
		if (!good)
			printf("\n%s\n  wanted %d %s\n  got    %d %s\n", rows[i].text,
			       rows[i].judgement, rows[i].reason, j, reason);
		free(exact);
	}
}

/* Cut anywhere, an answer is judged as when it is whole, or not yet. */
static void
test_pieces(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t whole = strlen(rows[i].text);
		char reason[64];
		for (size_t n = 0; n < whole && rows[i].judgement != JUDGE_MORE; n++) {
			char *exact = malloc(n + 1);
			memcpy(exact, rows[i].text, n);
			enum judgement j = http_judge(rows[i].check, exact, n, false, reason,
			                              sizeof(reason));
			CU_ASSERT(j == JUDGE_MORE || j == rows[i].judgement);
			free(exact);
		}
	}
}

/* Bytes changed and cut off at random: read within bounds, and always decided at the end. */
static void
test_random_bytes(void)
{
	uint64_t seed = test_seed();
	for (unsigned k = 0; k < 20000; k++) {
		const char *text = rows[test_random(&seed) % (sizeof(rows) / sizeof(rows[0]))].text;
		size_t n = strlen(text);
		char *t = malloc(n + 1), reason[64] = "";
		memcpy(t, text, n);
		for (unsigned c = (unsigned)(test_random(&seed) % 4); n > 0 && c > 0; c--)
			t[test_random(&seed) % n] = "\r\n: 0fF\xff"[test_random(&seed) % 8];
		n -= n > 0 ? test_random(&seed) % n : 0;
		const struct check *c = rows[test_random(&seed) % (sizeof(rows) /
		                                                   sizeof(rows[0]))].check;
		CU_ASSERT(http_judge(c, t, n, true, reason, sizeof(reason)) != JUDGE_MORE);
		CU_ASSERT(reason[0] != '\0');
		free(t);
	}
}

static void
test_request(void)
{
	char out[HTTP_REQUEST], long_path[1025];
	size_t n = http_request(&plain, "h.example", out);
	CU_ASSERT(n == strlen(out));
	CU_ASSERT_STRING_EQUAL(out, "GET /x HTTP/1.1\r\nHost: h.example\r\n"
	                       "User-Agent: millraced\r\nAccept: */*\r\n"
	                       "Connection: close\r\n\r\n");
	memset(long_path, 'a', 1024);
	long_path[0] = '/';
	long_path[1024] = '\0';
	char host[254];
	memset(host, 'h', 253);
	host[253] = '\0';
	struct check c = {.method = "OPTIONS", .path = long_path};
	n = http_request(&c, host, out);
	CU_ASSERT(n < HTTP_REQUEST - 1 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0);
}

static const struct test_case cases[] = {
	{"answers", test_rows},
	{"answers in pieces", test_pieces},
	{"random bytes", test_random_bytes},
	{"the request", test_request},
};
TEST_MAIN("health_http", cases)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answer to an HTTP check: read within bounds, decided at the end, and what is
 * decided of a part that is no end is not decided otherwise of the whole.
 */
#include "ctl/daemon/health_http.h"
#include "fuzz.h"

static struct check checks[] = {
	{.n_status = 1, .status = {{200, 299}}},
	{.n_status = 2, .status = {{200, 299}, {301, 301}}, .body = {2, "ok"}},
	{.n_status = 1, .status = {{100, 599}}, .has_regex = true},
};

static enum judgement
judge(const struct check *c, const uint8_t *data, size_t n, bool ended)
{
	char reason[64] = "", *exact = malloc(n + 1);
	memcpy(exact, data, n);
	exact = realloc(exact, n != 0 ? n : 1);
	enum judgement j = http_judge(c, exact, n, ended, reason, sizeof(reason));
	MUST(memchr(reason, 0, sizeof(reason)) != NULL);
	MUST(j == JUDGE_MORE || reason[0] != '\0');
	free(exact);
	return j;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t part = size > 0 ? data[0] * size / 256 : 0;
	if (!checks[2].has_regex || checks[2].regex.re_nsub == 0)
		MUST(regcomp(&checks[2].regex, "^(a|b)+c", REG_EXTENDED) == 0);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum judgement whole = judge(&checks[i], data, size, true);
		enum judgement early = judge(&checks[i], data, part, false);
		MUST(whole != JUDGE_MORE);
		MUST(early == JUDGE_MORE || early == whole || checks[i].body.n != 0);
	}
	return 0;
}

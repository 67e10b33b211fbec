/* SPDX-License-Identifier: Apache-2.0 */
/* millctl metrics: samples and their labels, and that the text is what Prometheus reads. */
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "ctl/client/commands.h"
#include "test.h"

static const char *const given[METRICS_SOURCES] = {
	"{\"connected\":true,\"running\":7,\"uptime\":1.5}",
	"{\"totals\":{\"received\":12,\"flows\":3,\"handoffs\":{\"home\":1}},"
	"\"nics\":[{\"name\":\"in\\\"\\\\\\n\",\"rx_packets\":5,\"dropped\":1}],"
	"\"drops\":[{\"reason\":\"no_route\",\"packets\":4}],"
	"\"contexts\":[{\"context\":\"slow_path\",\"received\":1},"
	"{\"context\":\"worker\",\"worker\":0,\"received\":11}]}",
	"{\"pools\":[{\"name\":\"p\",\"blocks\":504,\"blocks_used\":2,"
	"\"ports_used\":{\"tcp\":9}}]}",
	"{\"backends\":[{\"service\":\"web\",\"address\":\"2001:db8::1\",\"port\":80,\"flows\":2,"
	"\"health\":\"down\",\"share\":33.5}]}",
	"{\"services\":[{\"name\":\"web\",\"flows\":2,\"opened\":6,\"ready\":0}]}",
	"{\"sinks\":[]}",
};

/* printed: the text of the first n answers; malloc'ed. */
static char *
printed(unsigned n)
{
	json_t *answer[METRICS_SOURCES] = {0};
	char *text;
	size_t size;
	for (unsigned i = 0; i < n; i++) {
		answer[i] = json_loads(given[i], 0, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(answer[i]);
	}
	FILE *out = open_memstream(&text, &size);
	metrics_print(out, answer);
	fclose(out);
	for (unsigned i = 0; i < n; i++)
		json_decref(answer[i]);
	return text;
}

static void
samples(void)
{
	static const char *const wanted[] = {
		"\nmillrace_up 1\n", "\nmillrace_generation 7\n", "\nmillrace_uptime_seconds 1.5\n",
		"\nmillrace_nic_receive_packets_total{name=\"in\\\"\\\\\\n\"} 5\n",
		"\nmillrace_drops_total{reason=\"no_route\"} 4\n",
		"\nmillrace_worker_received_packets_total{context=\"slow_path\"} 1\n",
		"\nmillrace_worker_received_packets_total{context=\"worker\",worker=\"0\"} 11\n",
		"\nmillrace_pool_blocks_used{name=\"p\"} 2\n",
		"\nmillrace_pool_tcp_ports_used{name=\"p\"} 9\n",
		"\nmillrace_backend_flows{service=\"web\",address=\"2001:db8::1\","
		"port=\"80\"} 2\n",
		"port=\"80\",health=\"down\"} 1\n", "port=\"80\",health=\"up\"} 0\n",
		"port=\"80\"} 33.5\n", "\n# TYPE millrace_received_total counter\n",
		"\nmillrace_received_total 12\n",
		"\n# TYPE millrace_flows gauge\nmillrace_flows 3\n",
	};
	char *text = printed(METRICS_SOURCES);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		CU_ASSERT(strstr(text, wanted[i]) != NULL);
		if (strstr(text, wanted[i]) == NULL)
			printf("\nnot there: %s\n", wanted[i]);
	}
	CU_ASSERT(strstr(text, "handoffs") == NULL); /* an object is no number */
	free(text);
}

/* Each sample stands behind the type of its family, each family is there once. */
static void
format(void)
{
	char *text = printed(METRICS_SOURCES), *save = NULL, family[128] = "";
	char *twice = strdup(text);
	for (char *l = strtok_r(text, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) {
		if (strncmp(l, "# TYPE ", 7) == 0) {
			snprintf(family, sizeof(family), "%.*s", (int)strcspn(l + 7, " "), l + 7);
			char head[160];
			snprintf(head, sizeof(head), "# TYPE %s ", family);
			CU_ASSERT(strstr(strstr(twice, head) + 1, head) == NULL);
		} else if (l[0] != '#') {
			size_t n = strcspn(l, "{ ");
			CU_ASSERT(n == strlen(family) && strncmp(l, family, n) == 0);
			CU_ASSERT(isdigit((unsigned char)strrchr(l, ' ')[1]));
			for (size_t i = 0; i < n; i++)
				CU_ASSERT(islower((unsigned char)l[i]) || l[i] == '_' ||
				          isdigit((unsigned char)l[i]));
		}
	}
	free(twice);
	free(text);
}

/* Without a data plane there is still somebody who says so. */
static void
plane_gone(void)
{
	char *text = printed(1);
	CU_ASSERT(strstr(text, "\nmillrace_up 1\n") != NULL);
	CU_ASSERT(strstr(text, "millrace_drops_total") == NULL);
	CU_ASSERT(strstr(text, "millrace_backend_health") == NULL);
	free(text);
}

static const struct test_case cases[] = {
	{"samples and labels", samples}, {"the format", format}, {"no data plane", plane_gone},
};
TEST_MAIN("metrics", cases)

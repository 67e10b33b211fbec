/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of millrace-replay. */
#include "ctl/replay/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nic.h"

enum { OPTION_DEFAULT_SEED = 1 };

static const char usage[] =
	"Usage: millrace-replay --config FILE --in NIC=FILE ... --out DIR [option ...]\n"
	"Send captures through Millrace offline; the capture's timestamps are the clock.\n"
	"\n"
	"  -c, --config FILE   configuration, as for millraced (JSON)\n"
	"  -i, --in NIC=FILE   capture (pcap, pcapng) that arrives at an interface; repeatable\n"
	"  -o, --out DIR       where NIC.pcap is written for each interface\n"
	"  -C, --control FILE  requests to make on the way: JSON lines with \"at\" in seconds\n"
	"  -r, --report FILE   write counters, records and answers as JSON\n"
	"  -w, --workers N     number of workers, instead of the configuration's\n"
	"  -s, --seed S        seed of hashes and random ports (default 1)\n"
	"  -u, --until T       run on until T seconds after the first packet\n"
	"  -q, --quiet         no table on standard output\n"
	"  -h, --help          this text\n"
	"  -V, --version       version\n"
	"\n"
	"Exit status: 0 done, 1 configuration or file unusable, 2 usage, 3 counters wrong.\n"
	"See millrace-replay(1).\n";

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"in", required_argument, NULL, 'i'},
	{"out", required_argument, NULL, 'o'},
	{"control", required_argument, NULL, 'C'},
	{"report", required_argument, NULL, 'r'},
	{"workers", required_argument, NULL, 'w'},
	{"seed", required_argument, NULL, 's'},
	{"until", required_argument, NULL, 'u'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

void
complain(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("millrace-replay: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

bool
seconds_parse(const char *text, uint64_t *ns)
{
	uint64_t whole = 0, part = 0, unit = 1000000000;
	const char *p = text;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (uint64_t)(*p - '0');
		if (whole > OPTIONS_MAX_SECONDS)
			return false;
	}
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			unit /= 10;
			part += unit * (uint64_t)(*p - '0');
		}
	}
	*ns = whole * 1000000000 + part;
	return *p == '\0';
}

static bool
number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &end, 0);
	return errno == 0 && *end == '\0' && *value >= min && *value <= max;
}

static bool
input_add(struct options *o, const char *arg)
{
	const char *eq = strchr(arg, '=');
	if (eq == NULL || eq == arg || eq[1] == '\0') {
		complain("--in %s: expected NIC=FILE", arg);
		return false;
	}
	if (o->n_in == OPTIONS_MAX_INPUTS) {
		complain("more than %d inputs", OPTIONS_MAX_INPUTS);
		return false;
	}
	o->in[o->n_in++] = (struct input_option){arg, (int)(eq - arg), eq + 1};
	return true;
}

static bool
bad_value(const char *option, const char *value, const char *expected)
{
	complain("--%s %s: expected %s", option, value, expected);
	return false;
}

static bool
option_take(struct options *o, int option, const char *arg)
{
	uint64_t n;
	switch (option) {
	case 'c':
		o->config = arg;
		return true;
	case 'i':
		return input_add(o, arg);
	case 'o':
		o->out = arg;
		return true;
	case 'C':
		o->control = arg;
		return true;
	case 'r':
		o->report = arg;
		return true;
	case 'w':
		if (!number_parse(arg, 1, MAX_WORKERS, &n))
			return bad_value("workers", arg, "a number from 1 to 64");
		o->workers = (unsigned)n;
		return true;
	case 's':
		return number_parse(arg, 0, INT64_MAX, &o->seed) ||
		       bad_value("seed", arg, "a number from 0 to 2^63-1");
	case 'u':
		return seconds_parse(arg, &o->until_ns) ||
		       bad_value("until", arg, "seconds from 0 to 1000000000");
	case 'q':
		o->quiet = true;
		return true;
	default:
		fprintf(stderr, "Try millrace-replay --help.\n");
		return false;
	}
}

static bool
required(const char *value, const char *what)
{
	if (value == NULL)
		complain("%s is missing; try --help", what);
	return value != NULL;
}

bool
options_parse(struct options *o, int argc, char **argv, int *status)
{
	static const char letters[] = "c:i:o:C:r:w:s:u:qhV";
	int option;
	*o = (struct options){.seed = OPTION_DEFAULT_SEED};
	*status = REPLAY_OK;
	while ((option = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return false;
		}
		if (option == 'V') {
			puts("millrace-replay " MR_VERSION);
			return false;
		}
		if (!option_take(o, option, optarg)) {
			*status = REPLAY_USAGE;
			return false;
		}
	}
	*status = REPLAY_USAGE;
	if (optind < argc) {
		complain("%s: unexpected argument; try --help", argv[optind]);
		return false;
	}
	return required(o->config, "--config FILE") &&
	       required(o->n_in != 0 ? o->in[0].file : NULL, "--in NIC=FILE") &&
	       required(o->out, "--out DIR");
}

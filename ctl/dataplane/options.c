/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of millrace. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
	"usage: millrace [--socket PATH] [--no-huge] [--eal ARG]...\n"
	"\n"
	"The data plane of Millrace: carrier-grade NAT and load balancer. It waits for its\n"
	"configuration on a socket; millraced connects there and brings it.\n"
	"\n"
	"  --socket PATH  where millraced finds it (default /run/millrace/plane.sock)\n"
	"  --no-huge      take no huge pages, whatever the configuration says\n"
	"  --eal ARG      one argument for DPDK's EAL, as it is; may be given several times\n"
	"  --version      print the version and exit\n"
	"  --help         print this and exit\n"
	"\n"
	"See millrace(8).\n";

static bool
eal_add(struct options *o, char *arg, int *status)
{
	if (o->n_eal == OPTIONS_EAL) {
		fprintf(stderr, "millrace: more than %d arguments for EAL\n", OPTIONS_EAL);
		*status = 2;
		return false;
	}
	o->eal[o->n_eal++] = arg;
	return true;
}

bool
options_parse(struct options *o, int argc, char **argv, int *status)
{
	static const struct option known[] = {
		{"socket", required_argument, NULL, 's'}, {"no-huge", no_argument, NULL, 'n'},
		{"eal", required_argument, NULL, 'e'},    {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int c;
	*o = (struct options){.socket = "/run/millrace/plane.sock"};
	*status = 0;
	while ((c = getopt_long(argc, argv, "hV", known, NULL)) != -1) {
		if (c == 's') {
			o->socket = optarg;
		} else if (c == 'n') {
			o->no_huge = true;
		} else if (c == 'e') {
			if (!eal_add(o, optarg, status))
				return false;
		} else if (c == 'V') {
			printf("millrace %s\n", MR_VERSION);
			return false;
		} else {
			*status = c == 'h' ? 0 : 2;
			fputs(usage, c == 'h' ? stdout : stderr);
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "millrace: '%s': no such argument; see millrace --help\n", argv[optind]);
	*status = 2;
	return false;
}

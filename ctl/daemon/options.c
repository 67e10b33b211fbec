/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of millraced. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
	"usage: millraced [--control PATH] [--plane PATH] [--config FILE] [--store FILE]\n"
	"                 [--log FILE]\n"
	"  --control PATH  socket for clients (/run/millrace/control.sock)\n"
	"  --plane PATH    socket of millrace (/run/millrace/plane.sock)\n"
	"  --config FILE   the configuration to begin with; SIGHUP reads it again\n"
	"  --store FILE    where the configuration is kept (/var/lib/millrace/config.json)\n"
	"  --log FILE      append NAT log records as JSON lines; SIGHUP opens it again\n"
	"  --help, --version\n"
	"See millraced(8).\n";

static const struct option longs[] = {
	{"control", required_argument, NULL, 'c'}, {"plane", required_argument, NULL, 'p'},
	{"config", required_argument, NULL, 'f'},  {"store", required_argument, NULL, 's'},
	{"log", required_argument, NULL, 'l'},     {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},       {0},
};

int
options_parse(struct options *o, int argc, char **argv)
{
	int c;
	*o = (struct options){.control = "/run/millrace/control.sock",
	                      .plane = "/run/millrace/plane.sock",
	                      .store = "/var/lib/millrace/config.json"};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'c': o->control = optarg; break;
		case 'p': o->plane = optarg; break;
		case 'f': o->config = optarg; break;
		case 's': o->store = optarg; break;
		case 'l': o->log = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		case 'v': puts("millraced " MILLRACE_VERSION); return 0;
		default: fputs(usage, stderr); return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "millraced: unexpected argument \"%s\"\n%s", argv[optind], usage);
	return 2;
}

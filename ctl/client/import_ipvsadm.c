/* SPDX-License-Identifier: Apache-2.0 */
/* The dump of `ipvsadm -Sn`: one command a line, services (-A) before their servers (-a). */
#include <string.h>

#include "ctl/config/addrtext.h"
#include "import.h"

/* Options by their short letter; what has an argument. */
static const struct { const char *word; char letter; bool argument; } options[] = {
	{"-A", 'A', false}, {"--add-service", 'A', false},
	{"-E", 'A', false}, {"--edit-service", 'A', false},
	{"-a", 'a', false}, {"--add-server", 'a', false},
	{"-e", 'a', false}, {"--edit-server", 'a', false},
	{"-t", 't', true}, {"--tcp-service", 't', true},
	{"-u", 'u', true}, {"--udp-service", 'u', true},
	{"--sctp-service", 'c', true},
	{"-f", 'f', true}, {"--fwmark-service", 'f', true},
	{"-6", '6', false}, {"--ipv6", '6', false},
	{"-s", 's', true}, {"--scheduler", 's', true},
	{"-p", 'p', true}, {"--persistent", 'p', true},
	{"-M", 'M', true}, {"--netmask", 'M', true},
	{"-b", 'b', true}, {"--sched-flags", 'b', true},
	{"--pe", 'P', true},
	{"-o", 'o', false}, {"--ops", 'o', false},
	{"-r", 'r', true}, {"--real-server", 'r', true},
	{"-g", 'g', false}, {"--gatewaying", 'g', false},
	{"-i", 'i', false}, {"--ipip", 'i', false},
	{"-m", 'm', false}, {"--masquerading", 'm', false},
	{"-w", 'w', true}, {"--weight", 'w', true},
	{"-x", 'x', true}, {"--u-threshold", 'x', true},
	{"-y", 'y', true}, {"--l-threshold", 'y', true},
	{"--tun-type", 'T', true}, {"--tun-port", 'O', true}, {"--tun-nocsum", 'N', false},
	{"--tun-csum", 'N', false}, {"--tun-remcsum", 'N', false},
};

struct line {
	unsigned number;
	char command;          /* 'A', 'a' */
	char method;           /* 'g', 'i', 'm' */
	const char *value[128]; /* of options with an argument, by letter */
	bool has[128];
};

static int
option_find(const char *word)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].word, word) == 0)
			return (int)i;
	return -1;
}

/* line_read: => false after an error. */
static bool
line_read(struct import *im, struct line *l, const json_t *words)
{
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = word_at(words, i);
		int at = option_find(word);
		if (at < 0) {
			import_error(im, l->number, "%.60s: unknown option; expected a line of "
			             "ipvsadm -Sn", word);
			return false;
		}
		char letter = options[at].letter;
		l->has[(int)letter] = true;
		if (letter == 'A' || letter == 'a')
			l->command = letter;
		if (letter == 'g' || letter == 'i' || letter == 'm')
			l->method = letter;
		if (!options[at].argument)
			continue;
		/* -p stands alone where the timeout is IPVS's own */
		if (letter == 'p' && (word_at(words, i + 1)[0] == '-' ||
		                      i + 1 == json_array_size(words)))
			continue;
		if (++i >= json_array_size(words)) {
			import_error(im, l->number, "%s: wants a value", word);
			return false;
		}
		l->value[(int)letter] = word_at(words, i);
	}
	return true;
}

/* line_service: which service it speaks of. => false after a note or an error. */
static bool
line_service(struct import *im, const struct line *l, const char **protocol,
             char address[IMPORT_ADDRESS], long *port)
{
	const char *value = l->value['t'] != NULL ? l->value['t'] : l->value['u'];
	*protocol = l->value['t'] != NULL ? "tcp" : "udp";
	if (l->value['f'] != NULL || l->value['c'] != NULL) {
		import_note(im, l->number, "%s %.60s: services are of TCP or UDP",
		            l->value['f'] != NULL ? "firewall mark" : "SCTP service",
		            l->value['f'] != NULL ? l->value['f'] : l->value['c']);
		return false;
	}
	if (value != NULL && import_endpoint(value, address, port))
		return true;
	import_error(im, l->number, "%.60s: expected address:port in numbers, as of ipvsadm -Sn",
	             value != NULL ? value : "no service");
	return false;
}

static void
service_line(struct import *im, const struct line *l, const char *protocol, const char *address,
             long port)
{
	json_t *s = import_service(im, l->number, protocol, address, port);
	if (s == NULL)
		return;
	import_scheduler(im, l->number, s, l->value['s'] != NULL ? l->value['s'] : "wlc");
	if (l->value['b'] != NULL)
		import_flags(im, l->number, s, l->value['b']);
	if (l->has['p'])
		import_persistence(im, l->number, s, l->value['p'] != NULL ? l->value['p'] : "360",
		                   l->value['M']);
	if (l->value['P'] != NULL)
		import_note(im, l->number, "persistence engine %.40s", l->value['P']);
	if (l->has['o'])
		import_per_packet(im, l->number, s);
	import_choice_end(im, l->number, s);
}

/* server_read: without a port it is the service's. */
static bool
server_read(const char *text, char address[IMPORT_ADDRESS], long *port)
{
	union addr a;
	uint8_t family;
	*port = 0;
	if (!addr_parse(text, &a, &family))
		return import_endpoint(text, address, port);
	snprintf(address, IMPORT_ADDRESS, "%s", text);
	return true;
}

static void
server_line(struct import *im, const struct line *l, const char *protocol, const char *address,
            long port)
{
	char backend[IMPORT_ADDRESS];
	long backend_port, weight = 1;
	json_t *s = import_find(im, protocol, address, port);
	json_t *words = json_pack("[s]", l->value['w'] != NULL ? l->value['w'] : "1");
	weight = word_number(words, 0, 0, 2147483647);
	json_decref(words);
	if (l->value['r'] == NULL || !server_read(l->value['r'], backend, &backend_port)) {
		import_error(im, l->number, "%.60s: expected -r address:port in numbers",
		             l->value['r'] != NULL ? l->value['r'] : "no server");
		return;
	}
	if (weight < 0) {
		import_error(im, l->number, "-w %.20s: expected a weight", l->value['w']);
		return;
	}
	if (s == NULL) {
		import_note(im, l->number, "server %s, since its service is not", l->value['r']);
		return;
	}
	import_mode(im, l->number, s, l->method != '\0' ? l->method : 'g', l->value['T']);
	if (l->value['O'] != NULL) {
		words = json_pack("[s]", l->value['O']);
		import_tunnel_port(im, l->number, s, words);
		json_decref(words);
	}
	backend_port = import_port(im, l->number, s, backend_port);
	json_t *b = import_backend(im, l->number, s, backend, backend_port, weight);
	if (b == NULL)
		return;
	if (l->value['x'] != NULL)
		import_limit(im, l->number, s, b, l->value['x']);
	if (l->value['y'] != NULL && strcmp(l->value['y'], "0") != 0)
		import_note(im, l->number, "lower threshold of %.20s connections: a backend takes "
		            "new ones again below the upper one", l->value['y']);
}

/* is_listing: what people look at, and not what ipvsadm reads again? */
static bool
is_listing(const char *text)
{
	static const char *const words[] = {"IP Virtual Server", "Prot LocalAddress", "  -> "};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

void
import_ipvsadm(struct import *im, const char *text)
{
	unsigned number = 0;
	if (is_listing(text)) {
		import_error(im, 1, "this is a listing, as of ipvsadm -L; expected the dump of "
		             "ipvsadm -Sn");
		return;
	}
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		struct line l = {.number = ++number};
		json_t *words = import_words(at);
		const char *protocol;
		char address[IMPORT_ADDRESS];
		long port;
		if (json_array_size(words) != 0 && line_read(im, &l, words)) {
			if (l.command == '\0')
				import_error(im, number, "no -A and no -a; expected a line of "
				             "ipvsadm -Sn");
			else if (line_service(im, &l, &protocol, address, &port))
				(l.command == 'A' ? service_line : server_line)(im, &l, protocol,
				                                                address, port);
		}
		json_decref(words);
	}
}

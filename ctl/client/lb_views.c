/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of the balancer's tables, handshakes and workers. */
#include "commands.h"

#define END {0}

const struct view view_lb_table[] = {
	{NULL, "table", {
	  {"service", "service", TEXT}, {"scheduler", "scheduler", TEXT}, {"table", "kind", TEXT},
	  {"slots", "slots", NUMBER}, {"without a backend", "empty", NUMBER}}},
	{"Slots", "backends", {
	  {"BACKEND", "address", ENDPOINT}, {"STATE", "state", TEXT},
	  {"WEIGHT", "weight", NUMBER}, {"SLOTS", "slots", NUMBER}, {"SHARE", "share", PERCENT},
	  {"BY WEIGHT", "by_weight", PERCENT}}}, END,
};

const struct view view_lb_where[] = {
	{NULL, "backends", {
	  {"SLOT", "slot", NUMBER}, {"BACKEND", "address", ENDPOINT}, {"STATE", "state", TEXT}}},
	{"Not looked at", "notes", {{"", "text", TEXT}}}, END,
};

#define SPREAD_COLUMNS                                                                         \
	{"WORKER", "worker", NUMBER}, {"FLOWS", "flows", NUMBER}, {"OPENED", "opened", NUMBER}, \
	{"SHARE", "share", PERCENT}, {"ANSWERED", "answered", NUMBER},                         \
	{"REFUSED", "refused", NUMBER}, {"UNANSWERED", "unanswered", NUMBER}

const struct view view_lb_spread[] = {
	{NULL, "services", {{"SERVICE", "service", TEXT}, SPREAD_COLUMNS}},
	{"Backends", "backends", {{"BACKEND", "address", ENDPOINT}, SPREAD_COLUMNS}}, END,
};

#define HANDSHAKE_COLUMNS                                                                      \
	{"ANSWERED", "answered", NUMBER}, {"REFUSED", "refused", NUMBER},                      \
	{"UNANSWERED", "unanswered", NUMBER}, {"FAILED", "failed", PERCENT},                   \
	{"UNFINISHED", "unfinished", NUMBER}, {"SYN AGAIN", "repeated", NUMBER},               \
	{"50 % BELOW MS", "half_below_ms", NUMBER}, {"90 %", "most_below_ms", NUMBER},         \
	{"99 %", "nearly_all_below_ms", NUMBER}

const struct view view_lb_handshakes[] = {
	{NULL, "backends", {
	  {"SERVICE", "service", TEXT}, {"BACKEND", "address", ENDPOINT}, HANDSHAKE_COLUMNS}},
	{"Services", "services", {{"SERVICE", "service", TEXT}, HANDSHAKE_COLUMNS}},
	{"From the first SYN to its answer", "waits", {
	  {"SERVICE", "service", TEXT}, {"BACKEND", "address", ENDPOINT},
	  {"FROM MS", "from_ms", NUMBER}, {"BELOW MS", "below_ms", NUMBER},
	  {"HANDSHAKES", "handshakes", NUMBER}}}, END,
};

const struct view view_lb_mtus[] = {
	{NULL, "mtus", {
	  {"ADDRESS", "address", TEXT}, {"MTU", "mtu", NUMBER}, {"LEFT", "left", SECONDS},
	  {"SERVICES", "services", LIST}}},
	{"Backends", "backends", {
	  {"SERVICE", "service", TEXT}, {"BACKEND", "address", ENDPOINT}, {"MODE", "mode", TEXT},
	  {"STATE", "state", TEXT}, {"MTU", "mtu", NUMBER}}}, END,
};

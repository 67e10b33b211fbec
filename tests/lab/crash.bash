# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/lab/run: who had a port, over the deaths of the data plane and of the daemon. An instance of its own, with one
# block of ports: whoever is first has it, and after a crash that is somebody else.
crash=$state/crash
crash_env= # for both programs

crash_config() {
	jq -n --arg log "$crash/log" '"framesz=16384,framecnt=512,blocksz=16384" as $frames |
		{workers: {count: 1, main_core: 0, cores: [1], idle_us: 50, buffers: 4096, flows: {ipv4: 10000, ipv6: 1000}},
		 realms: [{name: "red"}, {name: "blue"}],
		 nics: [{name: "one", device: "net_af_packet0,iface=r-red,\($frames)", realm: "red", addresses: ["100.64.0.1/10"]},
		        {name: "two", device: "net_af_packet1,iface=r-blue,\($frames)", realm: "blue", addresses: ["100.64.0.1/10"]},
		        {name: "out", device: "net_af_packet2,iface=r-out,\($frames)", addresses: ["198.51.103.2/24"]}],
		 routes: [{prefix: "0.0.0.0/0", via: "198.51.103.1"}],
		 nat: {pools: [{name: "one", addresses: ["203.0.115.1"], ports: "1024-1087", block_size: 64}],
		       rules: [{name: "all", source: "100.64.0.0/10", pool: "one"}]},
		 log: {files: {directory: $log}}}' >"$crash/config.json"
}
crash_plane() {
	spawn box env $crash_env "$build/ctl/dataplane/millrace" --no-huge --socket "$crash/plane" >>"$crash/out" 2>&1
	plane_pid=$!
}
crash_daemon() {
	env $crash_env "$build/ctl/daemon/millraced" --plane "$crash/plane" --control "$crash/control" --store "$crash/store" \
		--config "$crash/config.json" >>"$crash/out" 2>&1 &
	daemon_pid=$!
}
crash_kill() { # crash_kill PID…: at once, and waits until they are gone
	kill -9 "$@"
	wait "$@" 2>/dev/null
}
# crash_ask REALM: until it has a port of the pool's, which is said.
crash_ask() {
	local i port
	for i in $(seq 40); do
		port=$(in_ns "$1" timeout 4 $tool where 6000 198.51.103.1 7000 2>/dev/null) && [ -n "$port" ] && break
		sleep 0.1
	done
	[ "${port% *}" = 203.0.115.1 ] || { fail "$1 is seen at '$port'"; return 1; }
	echo "${port/ /:}"
}
now() { date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }
# crash_said AT [MORE…]: realm, end and certainty of each answer, whether that is all, and how many gaps matter.
crash_said() {
	"$build/ctl/client/millctl" --socket "$crash/control" --json nat whohad 203.0.115.1:1030 --at "$@" |
		jq -r '([.answers[] | "\(.realm_name) \(.end) \(.certain)"] | join(", ")) + "; \(.complete) \(.gaps | length)"'
}
crash_is() { said=$(crash_said "$1"); [ "$said" = "$2" ]; }
crash_says() { # crash_says WHEN AT WANTED: as soon as the daemon has heard of it
	local said
	soon crash_is "$2" "$3" || { fail "$1: '$said', not '$3'"; return 1; }
}
plane_runs_again() { [ "$(grep -c '^millrace: generation .* runs' "$crash/out")" = 2 ]; }
crash_run() {
	local before between after blue alone last r=0
	crash_plane
	crash_daemon
	crash_ask red >/dev/null || return 1
	before=$(now)
	crash_says "before the crash, while it runs" "$before" "red held true; true 0" || return 1
	crash_kill "$plane_pid"
	sleep 0.3
	between=$(now)
	sleep 0.2
	crash_plane
	soon plane_runs_again || { fail "it does not run again"; return 1; }
	after=$(now)
	crash_says "when it began anew" "$after" "; true 0" || r=1
	crash_ask blue >/dev/null || return 1
	blue=$(now)
	crash_says "by another" "$blue" "blue held true; true 0" || r=1
	crash_says "before the crash" "$before" "red restarted true; true 0" || r=1
	crash_says "between" "$between" "red restarted false; false 0" || r=1
	crash_says "when it began anew, later" "$after" "; true 0" || r=1
	crash_kill "$daemon_pid" # the data plane goes on without anybody listening, and dies too
	sleep 0.3
	alone=$(now)
	crash_kill "$plane_pid"
	crash_plane
	crash_daemon
	crash_ask red >/dev/null || return 1
	last=$(now)
	crash_says "after all that" "$last" "red held true; true 0" || r=1
	crash_says "long before" "$before" "red restarted true; true 0" || r=1
	crash_says "when nobody listened" "$alone" "blue restarted false; false 1" || r=1
	return $r
}
crash_lab() { # crash_lab FUNCTION: in a lab of its own
	local i r plane_pid=0 daemon_pid=0
	rm -rf "$crash"
	mkdir -p "$crash/log"
	crash_config
	for i in red blue; do
		ip netns add "mr-$i"
		wire box "r-$i" "$i" eth0
		realm_host "$i"
	done
	wire box r-out net second
	address net second 198.51.103.1/24
	in_ns net ip route add 203.0.115.0/24 via 198.51.103.2
	$1
	r=$?
	crash_kill "$plane_pid" "$daemon_pid"
	ip -n mr-box link del r-out
	realm_hosts_gone
	[ $r = 0 ] || tail -3 "$crash/out"
	return $r
}
t_whohad_crash() { # kill -9 of the data plane, then of both: who had the port is certain where that can be known, and only there
	crash_lab crash_run
}
pcp_wait() { # pcp_wait WORD: until the client has said it
	soon has "$crash/client" "^$1" || fail "the client has not $1: $(tr '\n' ';' <"$crash/client")"
}
pcp_keep() { # a client that stays has a mapping
	jq '.nat.rules[0] += {nic: "one", pcp: true} | .nat.pools[0].ports = "1024-65535"' "$crash/config.json" >"$crash/config.new"
	mv "$crash/config.new" "$crash/config.json"
	crash_plane
	crash_daemon
	crash_ask red >/dev/null || return 1
	sleep 3.1 # or the epoch cannot be seen to fall
	spawn red python3 "$top/tests/lab/pcp_tool.py" keep 100.64.0.1 7777 600 >"$crash/client" 2>&1
	pcp_wait mapped
}
pcp_restart_run() {
	local address port before after what began
	pcp_keep || return 1
	began=$(date +%s)
	read -r what _ address port _ before < <(grep ^mapped "$crash/client")
	crash_kill "$plane_pid"
	crash_plane
	pcp_wait lost && pcp_wait renewed || return 1
	read -r what _ _ _ _ after < <(grep ^renewed "$crash/client")
	[ "$(cut -d' ' -f2-5 < <(grep ^renewed "$crash/client"))" = "0 $address $port 600" ] && [ "$before" -ge 3 ] &&
		[ $((after - before)) -le $(($(date +%s) - began - 2)) ] ||
		{ fail "before and after: $(tr '\n' ';' <"$crash/client")"; return 1; }
	in_ns net bash -c "echo from outside >/dev/udp/$address/$port"
	pcp_wait "heard from outside"
}
pcp_who() { # pcp_who ADDRESS PORT TIME: who had it, each once, and whether that is certain and all
	"$build/ctl/client/millctl" --socket "$crash/control" --json nat whohad "$1:$2" --at "$3" --protocol udp |
		jq -r '([.answers[] | "\(.realm_name) \(.subscriber) \(.certain)"] | unique | join(", ")) + "; \(.complete)"'
}
pcp_is() { [[ "$(pcp_who "$1" "$2" "$3")" = $4 ]]; } # pcp_is ADDRESS PORT TIME PATTERN
pcp_cleared_run() {
	local address port at who
	pcp_keep || return 1
	read -r _ _ address port _ < <(grep ^mapped "$crash/client")
	at=$(now)
	soon pcp_is "$address" "$port" "$at" "red 100.64.0.* true; true" || { fail "who has it: $(pcp_who "$address" "$port" "$at")"; return 1; }
	who=$(pcp_who "$address" "$port" "$at")
	"$build/ctl/client/millctl" --socket "$crash/control" nat clear subscriber=0.0.0.0/0 >/dev/null || { fail "clear"; return 1; }
	pcp_wait lost && pcp_wait renewed || return 1
	[ "$(cut -d' ' -f2-5 < <(grep ^renewed "$crash/client"))" = "0 $address $port 600" ] || { fail "renewed: $(tr '\n' ';' <"$crash/client")"; return 1; }
	at=$(now)
	soon pcp_is "$address" "$port" "$at" "$who" || { fail "who has it again: $(pcp_who "$address" "$port" "$at"), not $who"; return 1; }
	in_ns net bash -c "echo from outside >/dev/udp/$address/$port"
	pcp_wait "heard from outside"
}
t_nat_pcp_cleared() { # everything is cleared: a client hears the announcement, sees that the epoch fell, and has its port again, which rests
	local crash=$state/pcp
	crash_lab pcp_cleared_run
}
t_nat_pcp_restart() { # kill -9 of the data plane: a client hears the announcement, sees that the epoch fell, and has its port again
	local crash=$state/pcp
	crash_lab pcp_restart_run
}

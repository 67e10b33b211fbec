# SPDX-License-Identifier: Apache-2.0
# Sourced by run: backends that die, that come back, and that are deployed anew, with and without a daemon that sees it.

be_stop() { in_ns "$1" nginx -c "$state/$1/nginx.conf" -s stop 2>/dev/null; } # be_stop HOST
be_start() { in_ns "$1" nginx -c "$state/$1/nginx.conf"; }
# visited FILE N [SINCE]: have visitors been there so often, since a time?
visited() { [ "$(awk -v since="${3:-0}" '$1 > since' "$1" | wc -l)" -ge "$2" ]; }
# checked_since TIME [ADDRESS]: has every backend of the service been asked after that?
checked_since() {
	ctl --json health --service web | holds "[.backends[] | select(.address | endswith(\"${2:-}\"))] | length > 0 and all(.checked > $1)"
}
# ports_to BACKEND N FIRST: N ports from FIRST on that connections to it come from, and N of others.
ports_to() {
	local port mine=0 others=0
	for ((port = $3; port < $3 + 400 && (mine < $2 || others < $2); port++)); do
		if ctl --json lb where web "$net:$port" | holds ".backends[0].address == \"$1\""; then
			mine=$((mine + 1))
			[ $mine -gt "$2" ] || echo $port
		else
			others=$((others + 1))
			[ $others -gt "$2" ] || echo $port
		fi
	done
}

size_of() { stat -c %s "$1"; }
larger() { [ "$(size_of "$1")" -gt "$2" ]; } # larger FILE OCTETS
t_health_killed() { # a backend dies: only its own connections fail, and new ones soon go elsewhere
	local f=$state/hk port pids=() sizes=() i=0 died known broken=0
	for port in $(ports_to 10.0.0.12 3 "$(ports 400)"); do
		i=$((i + 1))
		slow_fetch net http://$vip/100m "$f.$i" 100 5 --speed-time 6 --speed-limit 1 --local-port "$port" || return 1
		pids+=("$slow $port")
	done
	visitors "$f" & local visits=$!
	ctl --json flow list --service web --source $net --state established --limit 1000 |
		jq -r '.flows[] | "\(.original.source_port) \(.backend)"' >"$f.where"
	soon visited "$f" 5 || { fail "no visitors"; return 1; }
	died=$(date +%s.%N)
	interrupt be2 nginx KILL
	until_health be2 down || return 1
	known=$(date +%s.%N)
	for i in 1 2 3 4 5 6; do sizes[i]=$(size_of "$f.$i"); done
	ctl health --service web >"$f.health"
	soon visited "$f" 10 "$known" || { fail "no visitors when be2 was dead"; return 1; }
	touch "$f.stop"
	wait $visits
	be_start be2
	i=0
	for slow in "${pids[@]}"; do
		i=$((i + 1))
		if grep -q "^${slow#* } 10.0.0.12" "$f.where"; then
			broken=$((broken + 1))
			soon gone "${slow% *}" || { fail "download $i goes on, though it is be2's"; return 1; }
			wait "${slow% *}" && { fail "download $i is whole, though it is be2's"; return 1; }
		else
			soon larger "$f.$i" $((sizes[i] + 1000000)) || { fail "download $i does not go on, though it is not be2's: $(cat "$f.$i.err")"; return 1; }
			kill "${slow% *}"
			cmp -s -n "$(size_of "$f.$i")" "$f.$i" "$state/100m" || { fail "download $i: bytes differ"; return 1; }
			rm -f "$f.$i"
		fi
	done
	[ $broken = 3 ] || { cat "$f.where"; fail "$broken of 6 downloads were be2's, not 3"; return 1; }
	awk -v known="$known" '!/ be[123] sees / && $1 > known { print; bad = 1 } END { exit bad }' "$f" ||
		{ fail "requests failed when be2 was known to be dead"; return 1; }
	# 2 checks of 200 ms and 10 %, 0.2 s for the generation: 0.7 s, where nobody else wants the CPU
	awk -v died="$died" -v known="$known" 'BEGIN { exit known - died > 5 }' || { fail "be2 was known to be dead from $died to $known"; return 1; }
	grep -q '10.0.0.12.*down.*connect: refused' "$f.health" || { cat "$f.health"; fail "no reason given"; return 1; }
	until_health be2 up || return 1
	pages 60 | grep -q '^be2 ' || fail "be2 gets nothing, though it is up"
}
# be2_serves WORD: its state for traffic in the service.
be2_serves() { ctl --json backend list web | holds ".backends[] | select(.address == \"10.0.0.12\") | .serves_as == \"$1\""; }
t_passive_health() { # without a check: clients' handshakes say that a port is closed, and others serve on
	local f=$state/passive
	ctl config get >"$f.before"
	web_set '{passive: {failures: 2, hold: 3}} | del(.check)' || return 1
	be_stop be2
	visitors "$f" & local visits=$!
	soon be2_serves down
	ctl lb web >"$f.lb"
	ctl health events >"$f.events"
	pages 30 >"$f.seen"
	be2_serves down || { cat "$f.events"; fail "be2 is not down, or not for 3 s"; return 1; }
	be_start be2
	touch "$f.stop"
	wait $visits
	grep -q 'passive: [0-9]* of [0-9]* handshakes failed' "$f.events" || { cat "$f.events"; fail "be2 was not lowered"; return 1; }
	grep -q -- '-> 10.0.0.12:80 .* down$' "$f.lb" || { cat "$f.lb"; fail "millctl lb does not say so"; return 1; }
	[ "$(grep -c '^be[13] ' "$f.seen")" = 30 ] || { fail "requests failed though be2 was lowered: $(grep -v '^be[13] ' "$f.seen" | head -1)"; return 1; }
	soon be2_serves ready
	pages 60 | grep -q '^be2 ' || { ctl lb; fail "be2 did not come back"; return 1; }
	ctl --json health events --limit 1000 | holds '[.events[] | select(.service == "web" and .address == "10.0.0.12") | .time][-2:] | .[1] - .[0] >= 3' ||
		{ ctl health events; fail "it was not down for 3 s"; return 1; }
	ctl --json lb handshakes web | holds '[.backends[] | select(.address == "10.0.0.12")][0] | .refused >= 2 and .answered >= 1' ||
		{ ctl lb handshakes web; fail "counters"; return 1; }
	ctl config apply "$f.before" >/dev/null
}
# generation_at_rest: the generation that runs and its document's digest, once it was the same for a second: a verdict is
# on disk before the data plane has it.
generation_at_rest() {
	local now last='' i
	for i in {1..30}; do
		now=$(ctl --json generation | jq -c '[.running, .digest]')
		[ "$now" = "$last" ] && break
		last=$now
		sleep 1
	done
	echo "$now"
}
t_health_daemon_killed() { # no flap, no request lost
	local f=$state/hdk before after
	be_stop be1
	until_health be1 down || return 1
	before=$(generation_at_rest)
	visitors "$f" & local visits=$!
	soon visited "$f" 5
	stop_one millraced KILL
	soon visited "$f" 10 "$(date +%s.%N)" || { fail "no visitors without the daemon"; return 1; }
	start_daemon
	wait_ready || { fail "no daemon"; return 1; }
	ctl --json health --service web | holds '.backends | sort_by(.address) | map(.health) == ["down", "up", "up"]' ||
		{ ctl health; fail "the daemon forgot"; return 1; }
	soon checked_since "$(($(date +%s) + 2))" || { ctl health; fail "the daemon does not check"; return 1; }
	touch "$f.stop"
	wait $visits
	after=$(ctl --json generation | jq -c '[.running, .digest]')
	ctl --json health events >"$f.events"
	be_start be1
	[ "$(failures "$f")" = 0 ] || { grep -vE '^[0-9.]+ be[123] sees ' "$f" | head -3; fail "$(failures "$f") requests failed"; return 1; }
	grep -q ' be1 ' "$f" && { fail "be1 got a connection, though it is dead"; return 1; }
	[ "$before" = "$after" ] || { fail "before $before, after $after"; return 1; }
	holds '.events == []' <"$f.events" || { cat "$f.events"; fail "backends flapped"; return 1; }
	until_health be1 up
}
t_health_damped() { # the third fall within a minute holds it down for 3 s
	local f=$state/damped i failed
	ctl config get >"$f.before"
	jq '.lb.checks[0].damping = {changes: 3, period: 60, hold: 3}' "$f.before" >"$f.json"
	ctl config apply "$f.json" >/dev/null || return 1
	for i in 1 2 3; do
		until_health be3 up || return 1
		be_stop be3
		[ $i = 3 ] && break
		until_health be3 down || return 1
		be_start be3
	done
	until_health be3 held || return 1
	ctl health events | grep -q '10.0.0.13.*held.*connect: refused; down 3 times in 60 s, held down' ||
		{ ctl health events; fail "no event"; return 1; }
	failed=$(date +%s.%N)
	soon checked_since "$failed" .13
	be_start be3
	until_health be3 up || return 1
	awk -v failed="$failed" -v up="$(date +%s.%N)" 'BEGIN { exit up - failed < 3 }' || { ctl health events; fail "up again within 3 s after a failure"; return 1; }
	ctl config apply "$f.before" >/dev/null
}
# open_flows BACKEND: the client's connections to the service that are not closing.
open_flows() {
	local state
	for state in syn established fin_initiator fin_responder; do
		ctl --json flow list --protocol tcp --service web --source $net --backend "$1" --state $state | jq -r '.flows[].state'
	done | wc -l
}
none_open() { [ "$(open_flows "$1")" = 0 ]; }
t_rolling_deploy() { # every backend is drained, stopped, started and used again: not one request fails
	local f=$state/rolling i b
	spawn net wrk -t 1 -c 8 -d $longest --timeout 10 -H 'Connection: close' http://$vip/ >"$f" 2>&1
	local load=$!
	slow_fetch net http://$vip/100m "$f.part" 30 10 || return 1
	for i in 1 2 3; do
		b=10.0.0.1$i
		ctl backend drain web $b --deadline 60 >/dev/null || return 1
		soon none_open $b || { ctl flow list --service web --source $net --backend $b | grep -v closing; fail "be$i is not drained"; return 1; }
		ctl --json backend show web $b | holds '.backend.drain | .deadline - .since == 60' || { ctl backend show web $b; fail "no deadline"; return 1; }
		be_stop be$i
		be_start be$i
		ctl backend ready web $b >/dev/null || return 1
		until_health be$i up || return 1
	done
	slow_fetched "$f.part" 30 || return 1
	kill -INT $load
	wait $load
	grep -q 'requests in' "$f" || { cat "$f"; fail "no report"; return 1; }
	! grep -E 'Socket errors|Non-2xx' "$f" || { cat "$f"; fail "requests failed"; return 1; }
	[ "$(awk '/requests in/ { print $1 }' "$f")" -gt 200 ] || { cat "$f"; fail "hardly a request"; }
}
t_dead_reset() { # the client of a dead backend hears of it at once, by a reset that its stack accepts
	local f=$state/reset began took port b='' pid status
	ctl config get >"$f.before"
	jq '(.lb.services[] | select(.name == "web")).dead = "reset"' "$f.before" >"$f.json"
	ctl config apply "$f.json" >/dev/null || return 1
	port=$(ports 1)
	# A client that says something every 100 ms, on one connection.
	spawn net python3 -c 'import socket, sys, time
s = socket.create_connection((sys.argv[1], 80), source_address=("", int(sys.argv[2])))
s.sendall(b"GET / HTTP/1.1\r\nX: ")
while True: s.sendall(b"x"); time.sleep(0.1)' $vip "$port" 2>"$f.said"
	pid=$!
	backend_of() { # which is in $b then
		b=$(ctl --json flow list --service web --source-port "$1" --state established | jq -r '.flows[0].backend // "" | sub(":[0-9]+$"; "")')
		[ -n "$b" ]
	}
	soon backend_of "$port" || { cat "$f.said"; fail "no connection"; return 1; }
	ctl backend down web "$b" >/dev/null || return 1
	began=$(milliseconds)
	soon gone $pid || { fail "not reset within $patience s"; return 1; }
	took=$(($(milliseconds) - began))
	wait $pid
	status=$?
	ctl backend auto web "$b" >/dev/null
	ctl config apply "$f.before" >/dev/null
	until_health be${b##*.1} up || return 1
	[ $status = 1 ] && grep -q 'ConnectionResetError' "$f.said" || { cat "$f.said"; fail "the client ended with $status"; return 1; }
	[ $took -lt 5000 ] || fail "after $took ms only"
}

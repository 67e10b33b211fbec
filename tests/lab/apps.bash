# SPDX-License-Identifier: Apache-2.0
# End to end, part of tests/lab/run: what applications of subscribers do to live with address translation. Without any ALG.
apps="python3 $top/tests/lab/apps_tool.py"
traversal="python3 $top/tests/lab/udp_tool.py"

# app_servers HOST…: STUN and SIP on 3478. Their ends are in `servers`.
app_servers() {
	local h
	servers=""
	for h; do
		spawn "$h" $apps stun-server 3478 >/dev/null 2>&1
		servers="$servers $!"
	done
	for h; do
		soon listens "$h" u 3478
	done
}
t_nat_call() { # two subscribers learn by STUN where they are seen, tell each other, and media flows both ways; SIP is told its rport
	local f=$state/call a b said r=0
	rm -f "$f".*
	app_servers net far
	a=$(in_ns sub1 $apps stun 5062 $net 3478) b=$(in_ns sub1 $apps stun 5062 $far 3478)
	[ -n "$a" ] && [ "$a" = "$b" ] || { r=1; fail "STUN: '$a' at one server, '$b' at the other"; }
	said=$(in_ns sub1 $apps sip 5062 $net 3478)
	[ "$said" = "$a" ] || { r=1; fail "SIP: rport '$said', STUN '$a'"; }
	spawn sub2 $apps call 4002 $net 3478 "$f.2" "$f.1" >"$f.said2"
	local other=$!
	said=$(in_ns sub1 $apps call 4000 $net 3478 "$f.1" "$f.2")
	wait $other
	kill $servers
	[ "$said" = "heard 50 from $(cat "$f.2")" ] || { r=1; fail "sub1 $said, sub2 is at $(cat "$f.2")"; }
	[ "$(cat "$f.said2")" = "heard 50 from $(cat "$f.1")" ] || { r=1; fail "sub2 $(cat "$f.said2"), sub1 is at $(cat "$f.1")"; }
	return $r
}
t_nat_ike() { # two subscribers have their tunnels from UDP ports 500 and 4500 to one gateway, told apart by port
	local p a b pid pids=""
	for p in 500 4500; do spawn net $traversal reflect $p >/dev/null 2>&1; pids="$pids $!"; done
	for p in 500 4500; do
		soon listens net u $p
		a=$(in_ns sub1 $traversal where $p $net $p) b=$(in_ns sub2 $traversal where $p $net $p)
		[ -n "$a" ] && [ -n "$b" ] && [ "$a" != "$b" ] || { kill $pids; fail "port $p: seen as '$a' and '$b'"; return 1; }
	done
	kill $pids
}
t_nat_ftp() { # passive works without help; active cannot, since the address within is not one outside
	local said r=0 pid
	spawn net $apps ftp-server 2121 >/dev/null 2>&1
	pid=$!
	soon listens net t 2121
	said=$(in_ns sub1 $apps ftp $net 2121 passive)
	[ "$said" = 1024000 ] || { r=1; fail "passive: $said"; }
	said=$(in_ns sub1 $apps ftp $net 2121 active)
	[ "$said" = "no data" ] || { r=1; fail "active: $said"; }
	kill $pid
	return $r
}
t_traceroute_tcp() {
	local hops
	hops=$(in_ns sub1 traceroute -T -p 80 -n -q 1 -w 10,0,0 -m 5 $net | awk 'NR > 1 { printf "%s ", $2 }')
	[ "$hops" = "100.64.0.1 $net " ] || fail "hops: $hops"
}
t_nat_pcp_update() { # an operator ends what a subscriber has asked for: he is told, thrice, on the socket that he asked from, and has his port again
	local pcp="python3 $top/tests/lab/pcp_tool.py" heard=$state/pcp.update address port i client
	spawn sub1 $pcp told 100.64.0.1 6300 900 >"$heard" 2>&1
	client=$!
	soon has "$heard" ^mapped || { fail "no mapping: $(cat "$heard")"; return 1; }
	read -r address port < <(awk '/^mapped/ { print $3, $4 }' "$heard")
	ctl nat clear subscriber=100.64.0.11 protocol=udp >/dev/null || fail "clear"
	told_thrice() { [ "$(grep -c ^told "$heard")" = 3 ]; }
	soon told_thrice
	kill "$client"
	[ "$(sed 1d "$heard" | uniq -c | xargs)" = "3 told 0 $address $port 0" ] || { fail "told: $(tr '\n' ';' <"$heard")"; return 1; }
	read -r _ _ i _ <<<"$(in_ns sub1 $pcp map 100.64.0.1 udp 6300 900 "$port")"
	[ "$i" = "$port" ] || fail "asked for $port again, got $i"
}
t_nat_pcp_peer() { # what a host has asked to keep is where it is seen; strangers to it are not let in; NAT-PMP is told that it is not spoken
	local pcp="python3 $top/tests/lab/pcp_tool.py" at result to port left
	at=$(in_ns sub1 $traversal where 6200 $net 7000)
	read -r result to port left <<<"$(in_ns sub1 $pcp peer 100.64.0.1 udp 6200 900 $net 7000)"
	[ "$result $to $port $left" = "0 $at 900" ] || { fail "peer: $result $to $port $left, seen as $at"; return 1; }
	[ "$(ctl --json nat show mapping subscriber=100.64.0.11 protocol=udp | jq "[.mappings[] | select(.external_port == $port)][0].lease_s > 890")" = true ] ||
		{ fail "no lease is shown"; return 1; }
	read -r result to port left <<<"$(in_ns sub1 $pcp peer 100.64.0.1 udp 6200 0 $net 7000)"
	[ "$result $to $port" = "0 $at" ] && [ "$left" -gt 890 ] || { fail "0 seconds do not end it: $result $to $port $left"; return 1; }
	[ "$(in_ns sub1 $pcp version 100.64.0.1 0)" = "version 2 result 1" ] || fail "NAT-PMP: $(in_ns sub1 $pcp version 100.64.0.1 0)"
}

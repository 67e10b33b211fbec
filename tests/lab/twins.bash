# SPDX-License-Identifier: Apache-2.0
# Lab tests of two and three balancers with the same services behind an ECMP hop. Sourced by run.
#
#   cli 198.51.104.2 ── net, the hop ─┬─ mr-out [ box: millrace ] mr-farm ──┬─ rack ── be1 be2 be3
#                                     ├─ mr-out [ box2: millrace ] mr-farm ─┤
#                                     └─ mr-out [ box3: millrace ] mr-farm ─┘
#
# The hop has one nexthop for each, in a resilient group, and hashes addresses and ports.

# twin N COMMAND…: of the lab's functions, for the second or third balancer.
twin() {
	local n=$1
	shift
	(state=$state/twin$n plane_host=box$n plane_sock=$state/plane.sock control_sock=$state/control.sock
	"$@")
}

# twin_config: what both have: the services of modes.bash, and those of all modes on the port of tcp_tool.py.
twin_config() {
	modes_config '(.lb.services | map(select((.address | test("192.0.2.2|:2::2")) and .mode != "fullnat"))) as $m |
		.lb.services += ($m | map(.name = "talk-" + .name | .port = 7007)) |
		.lb.services += [s("talk-nat"; "nat"; "192.0.2.26"; $b4), s("talk-full"; "fullnat"; "192.0.2.27"; $b4)
			+ {local_addresses: ["10.0.0.250"]}] | (.lb.services[-2:][].port) = 7007'
}

# hop N…: the hop shares out to these.
hop() {
	local f
	for f in 4 6; do
		in_ns net ip nexthop replace id $f group "$(printf "/$f%s" "$@" | cut -c2-)" type resilient buckets 256 idle_timer 0 ||
			return 1
	done
}

# twin_add N: one more balancer, its way from the hop, and the backends' way back to it.
twin_add() {
	local n=$1 be mac4 out=$((95 + 4 * $1)) farm=10.0.0.$(($1 + 1)) f=$state/twin$1/config.json
	mkdir -p "$state/twin$n"
	wire "box$n" mr-out net "box$n"
	wire "box$n" mr-farm rack "box$n"
	in_ns rack ip link set "box$n" master br0
	address net "box$n" 198.51.$out.1/24 "2001:db8:$n$n::1/64"
	ctl config get | jq --arg n "$n" --arg out "198.51.$out" --arg farm "$farm" '.nics = [.nics[1:][] | (.addresses |= map(
		sub("198.51.100.2"; $out + ".2") | sub("8:1::2"; "8:" + $n + $n + "::2") |
		sub("10.0.0.1/"; $farm + "/") | sub("8:f::1/"; "8:f::a" + $n + "/")))] | del(.nat) |
		.routes |= map(.via |= (sub("198.51.100.1"; $out + ".1") | sub("8:1::1"; "8:" + $n + $n + "::1"))) |
		.lb.services |= map(select(.check == null and (.local_addresses == null or .name == "talk-full"))) |
		(.lb.services[] | select(.name == "talk-full")).local_addresses = ["10.0.0.25" + $n]' >"$f"
	twin "$n" start_with "$f" || { tail -n 5 "$state/twin$n"/*.log; fail "no balancer $n"; return 1; }
	in_ns net ip nexthop add id "4$n" via 198.51.$out.2 dev "box$n"
	in_ns net ip nexthop add id "6$n" via "2001:db8:$n$n::2" dev "box$n"
	mac4=$(in_ns be1 ping -q -c 1 -W 2 $farm >/dev/null; in_ns be1 ip neigh show $farm | grep -o '..:..:..:..:..:..')
	[ -n "$mac4" ] || { fail "$farm has no station address"; return 1; }
	for be in be1 be2 be3; do
		in_ns $be nft add rule ip twins in iifname eth0 ether saddr "$mac4" ct mark set "$n"
		in_ns $be nft add rule ip twins out ct mark "$n" meta mark set "$n"
		in_ns $be ip rule add fwmark "$n" table "10$n"
		in_ns $be ip route add default via $farm table "10$n"
	done
}

# twins_up N…: these balancers, the hop, the client; backends answer through the balancer that they heard from.
twins_up() {
	local i n
	wire net cli cli eth0
	address net cli 198.51.104.1/24 2001:db8:5::1/64
	address cli eth0 198.51.104.2/24 2001:db8:5::2/64
	in_ns cli ip route add default via 198.51.104.1
	in_ns cli ip -6 route add default via 2001:db8:5::1
	# A veth carries its sender's hash, which the hop takes for its own; Linux would draw another for what it sends again.
	in_ns cli sysctl -qw net.core.txrehash=0
	in_ns net sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
	in_ns net ip nexthop add id 41 via 198.51.100.2 dev box
	in_ns net ip nexthop add id 61 via 2001:db8:1::2 dev box
	for i in 1 2 3; do
		in_ns be$i nft -f - <<-NFT
			table ip twins {
				chain in { type filter hook prerouting priority mangle; iifname "eth0" ct mark set 1; }
				chain out { type route hook output priority mangle; }
			}
		NFT
		in_ns be$i python3 "$here/tcp_tool.py" echo 7007 be$i >"$state/twins.echo.$i" 2>&1 &
		echo $! >"$state/twins.echo.$i.pid"
		disown $!
	done
	for n in "$@"; do twin_add "$n" || return 1; done
	hop 1 "$@" || return 1
	in_ns net ip route add 192.0.2.16/28 nhid 4
	in_ns net ip -6 route add 2001:db8:2::20/123 nhid 6
	for i in $(seq 50); do [ "$(cat "$state"/twins.echo.? | grep -c ready)" = 3 ] && break; sleep 0.1; done
}

# twins_down N…
twins_down() {
	local i n
	for n in "$@"; do twin "$n" stop; done
	in_ns net ip route del 192.0.2.16/28
	in_ns net ip -6 route del 2001:db8:2::20/123
	in_ns net ip nexthop flush >/dev/null
	for i in 1 2 3; do
		kill "$(cat "$state/twins.echo.$i.pid")"
		in_ns be$i nft delete table ip twins
		for n in "$@"; do
			in_ns be$i ip rule del fwmark "$n" table "10$n"
			in_ns be$i ip route flush table "10$n"
		done
	done
	in_ns net ip link del cli
	for n in "$@"; do in_ns net ip link del "box$n"; in_ns rack ip link del "box$n"; done
}

# twin_flows: "SERVICE CLIENT-PORT BACKEND" of each flow of the talks.
twin_flows() {
	ctl --json flow list --protocol tcp --limit 1000 --destination-port 7007 |
		jq -r '.flows[] | select(.backend) | "\(.service) \(.original.source_port) \(.backend | sub(":[0-9]+$"; ""))"' | sort
}

# flows_of N…: "N SERVICE CLIENT-PORT BACKEND" of each flow of balancer N.
flows_of() {
	local n
	for n in "$@"; do
		if [ "$n" = 1 ]; then twin_flows; else twin "$n" twin_flows; fi | sed "s/^/$n /"
	done
}

# open_talks FILE N…: when all talks are open, the flows of these balancers; the machine may be slow.
open_talks() {
	local to=$1 i
	shift
	for i in $(seq 30); do
		flows_of "$@" >"$to"
		[ "$(wc -l <"$to")" -ge 160 ] && return
		sleep 0.2
	done
	fail "of 160 talks $(wc -l <"$to") are open"
}

# twin_talks: the lines of 160 talks, of all modes.
twin_talks() {
	local name i port=$((10000 + RANDOM % 90 * 200)) # others than in a run before
	for name in nat=192.0.2.26 full=192.0.2.27 dsr=192.0.2.20 ipip=192.0.2.21 gue=192.0.2.22 gre=192.0.2.23 l3dsr=192.0.2.24 \
		4in6=192.0.2.25 dsr6=2001:db8:2::20 gue6=2001:db8:2::22; do
		for i in $(seq 16); do port=$((port + 1)); echo "talk-${name%=*} ${name#*=} 7007 $port"; done
	done
}

# twins_talk: talks of all modes and a wrk through both; the second is killed among them, and the hop told so.
twins_talk() {
	local f=$state/twins
	twin_talks >"$f.talks"
	in_ns cli python3 "$here/tcp_tool.py" chat 6 <"$f.talks" >"$f.said" 2>&1 & local talks=$!
	wrk_at cli "$f.wrk" 4 6 http://192.0.2.22/ & local load=$!
	sleep 0.5
	open_talks "$f.both" 1 2 || return 1
	sed -n 's/^1 //p' "$f.both" >"$f.first"
	sed -n 's/^2 //p' "$f.both" >"$f.second"
	kill -9 $(ip netns pids mr-box2)
	sleep 0.3
	[ -z "$(ip netns pids mr-box2)" ] || { fail "the second lives"; return 1; }
	hop 1
	sleep 1.5
	twin_flows >"$f.then"
	wait $talks $load
}

# twins_judge: what became of the talks.
twins_judge() {
	local f=$state/twins r=0
	join -j 1 <(sed 's/ /-/' "$f.first" | sort) <(sed 's/ /-/' "$f.second" | sort) | awk '{ print; bad = 1 } END { exit bad }' ||
		{ fail "on both"; r=1; }
	# Of those of the survivor none moved; those of the other came with the backend that they had.
	join -j 1 <(sed 's/ /-/' "$f.first" | sort) <(sed 's/ /-/' "$f.then" | sort) | awk '$2 != $3 { print; bad = 1 } END { exit bad }' ||
		{ fail "moved in the survivor"; r=1; }
	join -j 1 <(grep -v '^talk-full' "$f.second" | sed 's/ /-/' | sort) <(sed 's/ /-/' "$f.then" | sort) |
		awk '$2 != $3 { print; bad = 1 } END { exit bad || !NR }' || { fail "came to another backend"; r=1; }
	# Every talk went on to the end, but those in mode fullnat whose local port died with the second.
	awk 'FNR == NR { second[$2] = 1; next } $1 == "talk-full" && $2 in second { next }
		$5 != "good" || $4 < 4 { print; bad = 1 } END { exit bad || FNR < 160 }' "$f.second" "$f.said" ||
		{ fail "talks broke"; r=1; }
	awk 'FNR == NR { n[$1]++; next } { m[$1]++ } END { for (s in n) if (m[s]) k++; exit k != 10 }' "$f.first" "$f.second" ||
		{ fail "not all services were on both"; r=1; }
	awk '/^requests / { seen = 1; bad = $2 < 100 || $4 != 0 } END { exit !seen || bad }' "$f.wrk" || { cat "$f.wrk"; fail "wrk"; r=1; }
	return $r
}

t_two_balancers() { # one of two behind an ECMP hop is killed under load: no connection breaks, all keep their backend
	local f=$state/twins r=0
	modes_up
	ctl config get >"$f.before"
	twin_config >"$f.json"
	ctl config apply "$f.json" >"$f.apply" || { cat "$f.apply"; return 1; }
	if twins_up 2 && twins_talk; then twins_judge || r=1; else r=1; fi
	twins_down 2 2>/dev/null
	ctl config apply "$f.before" >"$f.apply" || { cat "$f.apply"; r=1; }
	return $r
}

# trio_talk: talks and a wrk through three; the third is killed among them, comes back with nothing, and gets its share again.
trio_talk() {
	local f=$state/twins n r=0
	twin_talks >"$f.talks"
	in_ns cli python3 "$here/tcp_tool.py" chat 9 <"$f.talks" >"$f.said" 2>&1 & local talks=$!
	wrk_at cli "$f.wrk" 4 9 http://192.0.2.22/ & local load=$!
	sleep 0.5
	open_talks "$f.first" 1 2 3 || return 1
	kill -9 $(ip netns pids mr-box3)
	hop 1 2
	sleep 1
	flows_of 1 2 >"$f.second"
	twin 3 stop
	twin 3 start_with "$state/twin3/config.json" || { fail "the third does not come back"; r=1; }
	hop 1 2 3
	sleep 2
	twin 3 twin_flows | sed 's/^/3 /' >"$f.third"
	wait $talks $load
	return $r
}

# trio_judge: what became of the talks.
trio_judge() {
	local f=$state/twins r=0
	# Whoever has a connection, then or later, has it on the backend on which it began; but for local ports that died.
	cat "$f.first" "$f.second" "$f.third" | awk '$2 != "talk-full" { k = $2 " " $3
		if (k in be && be[k] != $4) { print k, be[k], $4; bad = 1 } be[k] = $4 } END { exit bad || !NR }' ||
		{ fail "came to another backend"; r=1; }
	# Each of the three had all services, and what came back had some of all again but those of local ports.
	awk '{ n[$1 " " $2]++ } END { exit length(n) != 30 }' "$f.first" || { fail "not all services were on all"; r=1; }
	awk '$2 != "talk-full" { n[$2]++ } END { exit length(n) < 8 }' "$f.third" || { fail "nothing came back to the third"; r=1; }
	# Every talk went on to the end, but those in mode fullnat that were of another balancer for a while.
	awk '$1 != "talk-full" && ($5 != "good" || $4 < 4) { print; bad = 1 } END { exit bad || NR < 160 }' "$f.said" ||
		{ fail "talks broke"; r=1; }
	awk '/^requests / { seen = 1; bad = $2 < 100 || $4 != 0 } END { exit !seen || bad }' "$f.wrk" || { cat "$f.wrk"; fail "wrk"; r=1; }
	return $r
}

t_three_balancers() { # one of three is killed under load and comes back with nothing: all connections keep their backend
	local f=$state/twins r=0
	modes_up
	ctl config get >"$f.before"
	twin_config >"$f.json"
	ctl config apply "$f.json" >"$f.apply" || { cat "$f.apply"; return 1; }
	if twins_up 2 3 && trio_talk; then trio_judge || r=1; else r=1; fi
	twins_down 2 3 2>/dev/null
	ctl config apply "$f.before" >"$f.apply" || { cat "$f.apply"; r=1; }
	return $r
}

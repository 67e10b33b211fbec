# SPDX-License-Identifier: Apache-2.0
# Lab test of two balancers with the same services behind an ECMP hop. Sourced by run.
#
#   cli 198.51.104.2 ── net, the hop ─┬─ mr-out [ box: millrace ] mr-farm ─┬─ rack ── be1 be2 be3
#                                     └─ mr-out [ box2: millrace ] mr-farm ┘
#
# The hop has one nexthop for each, in a resilient group, and hashes addresses and ports.

# second COMMAND…: of the lab's functions, for the second balancer.
second() {
	(state=$state/second plane_host=box2 plane_sock=$state/plane.sock control_sock=$state/control.sock
	"$@")
}

# twin_config: what both have: the services of modes.bash, and those of all modes on the port of tcp_tool.py.
twin_config() {
	modes_config '(.lb.services | map(select((.address | test("192.0.2.2|:2::2")) and .mode != "fullnat"))) as $m |
		.lb.services += ($m | map(.name = "talk-" + .name | .port = 7007)) |
		.lb.services += [s("talk-nat"; "nat"; "192.0.2.26"; $b4), s("talk-full"; "fullnat"; "192.0.2.27"; $b4)
			+ {local_addresses: ["10.0.0.250"]}] | (.lb.services[-2:][].port) = 7007'
}

# twins_up: the second balancer, the hop, the client; backends answer through the balancer that they heard from.
twins_up() {
	local i f=$state/second/config.json mac4
	mkdir -p "$state/second"
	wire box2 mr-out net box2
	wire box2 mr-farm rack box2
	wire net cli cli eth0
	in_ns rack ip link set box2 master br0
	address net box2 198.51.103.1/24 2001:db8:3::1/64
	address net cli 198.51.104.1/24 2001:db8:5::1/64
	address cli eth0 198.51.104.2/24 2001:db8:5::2/64
	in_ns cli ip route add default via 198.51.104.1
	in_ns cli ip -6 route add default via 2001:db8:5::1
	# A veth carries its sender's hash, which the hop takes for its own; Linux would draw another for what it sends again.
	in_ns cli sysctl -qw net.core.txrehash=0
	ctl config get | jq '.nics = [.nics[1:][] | (.addresses |= map(sub("198.51.100.2"; "198.51.103.2") | sub("8:1::2"; "8:3::2") |
		sub("10.0.0.1/"; "10.0.0.3/") | sub("8:f::1/"; "8:f::3/")))] | del(.nat) |
		.routes |= map(.via |= (sub("198.51.100.1"; "198.51.103.1") | sub("8:1::1"; "8:3::1"))) |
		.lb.services |= map(select(.check == null and (.local_addresses == null or .name == "talk-full"))) |
		(.lb.services[] | select(.name == "talk-full")).local_addresses = ["10.0.0.251"]' >"$f"
	second start_with "$f" || { tail -n 5 "$state"/second/*.log; fail "no second balancer"; return 1; }
	in_ns net sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
	in_ns net ip nexthop add id 41 via 198.51.100.2 dev box
	in_ns net ip nexthop add id 42 via 198.51.103.2 dev box2
	in_ns net ip nexthop add id 61 via 2001:db8:1::2 dev box
	in_ns net ip nexthop add id 62 via 2001:db8:3::2 dev box2
	for i in 4 6; do
		in_ns net ip nexthop add id $i group ${i}1/${i}2 type resilient buckets 256 idle_timer 0 || return 1
	done
	in_ns net ip route add 192.0.2.16/28 nhid 4
	in_ns net ip -6 route add 2001:db8:2::20/123 nhid 6
	mac4=$(in_ns be1 ping -q -c 1 -W 2 10.0.0.3 >/dev/null; in_ns be1 ip neigh show 10.0.0.3 | grep -o '..:..:..:..:..:..')
	[ -n "$mac4" ] || { fail "10.0.0.3 has no station address"; return 1; }
	for i in 1 2 3; do
		in_ns be$i nft -f - <<-NFT
			table ip twins {
				chain in { type filter hook prerouting priority mangle;
					iifname "eth0" ether saddr $mac4 ct mark set 2
					iifname "eth0" ether saddr != $mac4 ct mark set 1; }
				chain out { type route hook output priority mangle; ct mark 2 meta mark set 2; }
			}
		NFT
		in_ns be$i ip rule add fwmark 2 table 102
		in_ns be$i ip route add default via 10.0.0.3 table 102
		in_ns be$i python3 "$here/tcp_tool.py" echo 7007 be$i >"$state/twins.echo.$i" 2>&1 &
		echo $! >"$state/twins.echo.$i.pid"
		disown $!
	done
	for i in $(seq 50); do [ "$(cat "$state"/twins.echo.? | grep -c ready)" = 3 ] && break; sleep 0.1; done
}

twins_down() {
	local i
	second stop
	in_ns net ip route del 192.0.2.16/28
	in_ns net ip -6 route del 2001:db8:2::20/123
	in_ns net ip nexthop flush >/dev/null
	for i in 1 2 3; do
		kill "$(cat "$state/twins.echo.$i.pid")"
		in_ns be$i nft delete table ip twins
		in_ns be$i ip rule del fwmark 2 table 102
		in_ns be$i ip route flush table 102
	done
	for i in cli box2; do in_ns net ip link del $i; done
	in_ns rack ip link del box2
}

# twin_flows: "SERVICE CLIENT-PORT BACKEND" of each flow of the talks.
twin_flows() {
	ctl --json flow list --protocol tcp --limit 1000 --destination-port 7007 |
		jq -r '.flows[] | select(.backend) | "\(.service) \(.original.source_port) \(.backend | sub(":[0-9]+$"; ""))"' | sort
}

# twins_talk: talks of all modes and a wrk through both; the second is killed among them, and the hop told so.
twins_talk() {
	local f=$state/twins name i port=$((10000 + RANDOM % 90 * 200)) # others than in a run before
	for name in nat=192.0.2.26 full=192.0.2.27 dsr=192.0.2.20 ipip=192.0.2.21 gue=192.0.2.22 gre=192.0.2.23 l3dsr=192.0.2.24 \
		4in6=192.0.2.25 dsr6=2001:db8:2::20 gue6=2001:db8:2::22; do
		for i in $(seq 16); do port=$((port + 1)); echo "talk-${name%=*} ${name#*=} 7007 $port"; done
	done >"$f.talks"
	in_ns cli python3 "$here/tcp_tool.py" chat 4 <"$f.talks" >"$f.said" 2>&1 & local talks=$!
	wrk_at cli "$f.wrk" 4 4 http://192.0.2.22/ & local load=$!
	sleep 1.2
	twin_flows >"$f.first"
	second twin_flows >"$f.second"
	kill -9 $(ip netns pids mr-box2)
	sleep 0.3
	[ -z "$(ip netns pids mr-box2)" ] || { fail "the second lives"; return 1; }
	for i in 4 6; do in_ns net ip nexthop replace id $i group ${i}1 type resilient buckets 256 idle_timer 0; done
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
		$5 != "good" || $4 < 5 { print; bad = 1 } END { exit bad || FNR < 160 }' "$f.second" "$f.said" ||
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
	if twins_up && twins_talk; then twins_judge || r=1; else r=1; fi
	twins_down 2>/dev/null
	ctl config apply "$f.before" >"$f.apply" || { cat "$f.apply"; r=1; }
	return $r
}

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
	station() { mac4=$(in_ns be1 ping -q -c 1 -W 2 $farm >/dev/null; in_ns be1 ip neigh show $farm | grep -o '..:..:..:..:..:..'); }
	soon station || { fail "$farm has no station address"; return 1; }
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
		spawn be$i python3 "$here/tcp_tool.py" echo 7007 be$i >"$state/twins.echo.$i" 2>&1
		echo $! >"$state/twins.echo.$i.pid"
		disown $!
	done
	for n in "$@"; do twin_add "$n" || return 1; done
	hop 1 "$@" || return 1
	in_ns net ip route add 192.0.2.16/28 nhid 4
	in_ns net ip -6 route add 2001:db8:2::20/123 nhid 6
	for i in 1 2 3; do soon has "$state/twins.echo.$i" ready || { fail "no talker at be$i"; return 1; }; done
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

# flows_of N…: "N SERVICE CLIENT-PORT BACKEND" of each flow of balancer N that is one of the talks.
twin_flows() {
	ctl --json flow list --protocol tcp --limit 10000 --destination-port 7007 |
		jq -r '.flows[] | select(.backend) | "\(.service) \(.original.source_port) \(.backend | sub(":[0-9]+$"; ""))"'
}
flows_of() {
	local n
	for n in "$@"; do
		if [ "$n" = 1 ]; then twin_flows; else twin "$n" twin_flows; fi | sort | sed "s/^/$n /"
	done | awk 'FNR == NR { talks[$4] = 1; next } $3 in talks' "$state/twins.talks" -
}

# twin_talks: the lines of TALKS talks of each of ten services. Where the hop sends one is drawn by chance (a veth carries the
# hash of its socket): that one of three boxes has none of a service has the probability 30 (2/3)^48, one in nine millions. (With
# 16 talks it was one in 22.)
TALKS=48
twin_talks() {
	local name i port
	port=$(ports $((10 * TALKS)))
	for name in nat=192.0.2.26 full=192.0.2.27 dsr=192.0.2.20 ipip=192.0.2.21 gue=192.0.2.22 gre=192.0.2.23 l3dsr=192.0.2.24 \
		4in6=192.0.2.25 dsr6=2001:db8:2::20 gue6=2001:db8:2::22; do
		for i in $(seq $TALKS); do echo "talk-${name%=*} ${name#*=} 7007 $port"; port=$((port + 1)); done
	done
}
# talks_begin N…: the talks, and a wrk, through these balancers; their flows, when all are open, are in FILE first.
talks_begin() {
	local f=$state/twins
	rm -f "$f.stop"
	twin_talks >"$f.talks"
	spawn cli python3 "$here/tcp_tool.py" chat "$f.stop" <"$f.talks" >"$f.said" 2>&1
	talks=$!
	wrk_at cli "$f.wrk" $longest 4 http://192.0.2.22/ &
	load=$!
	all_open() {
		flows_of "$@" >"$f.first"
		[ "$(wc -l <"$f.first")" -ge $((10 * TALKS)) ]
	}
	soon all_open "$@" || fail "of $((10 * TALKS)) talks $(wc -l <"$f.first") are open: $(spread "$f.first")"
}
# talks_end: each talks once more, but those in mode fullnat whose flow another balancer has, or none.
talks_end() {
	local f=$state/twins
	grep '^talk-full' "$f.talks" | awk 'FILENAME != "-" { stays[$3] = 1; next } !($4 in stays) { print $4 }' "$f.stays" - >"$f.stop.new"
	mv "$f.stop.new" "$f.stop"
	interrupt cli wrk
	wait $talks $load
}
# spread FILE: how many flows each balancer has of each service, those that lack some first.
spread() { awk '{ n[$2 " " $1]++; s[$2] = 1 } END { for (i in s) print i, n[i " " 1] + 0, n[i " " 2] + 0, n[i " " 3] + 0 }' "$1" | sort | paste -sd,; }
# flows_came FROM N TO: have all flows of balancer N in FROM, but those of local ports, come to one of those in TO?
flows_came() {
	awk -v n="$2" 'FILENAME == ARGV[1] { has[$2 " " $3] = 1; next } $1 == n && $2 != "talk-full" && !($2 " " $3 in has) { print; bad = 1 }
		END { exit bad }' "$3" "$1"
}
box_dies() { # box_dies N
	local pids
	pids=$(ip netns pids "mr-box$1")
	kill -9 $pids
	soon none_in "box$1" || fail "box$1 lives"
}
none_in() { [ -z "$(ip netns pids "mr-$1")" ]; }

# talks_judge SECOND-LOOK…: what became of them.
talks_judge() {
	local f=$state/twins r=0
	# Whoever has a connection, then or later, has it on the backend on which it began; but for local ports that died.
	cat "$f.first" "$@" | awk '$2 != "talk-full" { k = $2 " " $3
		if (k in be && be[k] != $4) { print k, be[k], $4; bad = 1 } be[k] = $4 } END { exit bad || !NR }' ||
		{ fail "came to another backend"; r=1; }
	# Every talk went on to the end.
	awk '$5 != "good" && $5 != "lost" || $4 < 2 && $5 != "lost" { print; bad = 1 } END { exit bad || NR != '$((10 * TALKS))' }' "$f.said" >"$f.broken" ||
		{ head -8 "$f.broken"; fail "of $(wc -l <"$f.said") talks $(wc -l <"$f.broken") broke"; r=1; }
	awk '$1 != "talk-full" && $5 == "lost" { bad = 1 } END { exit bad }' "$f.said" || { fail "others than those of local ports are lost"; r=1; }
	awk '/^requests / { seen = 1; bad = $2 < 100 || $4 != 0 } END { exit !seen || bad }' "$f.wrk" || { cat "$f.wrk"; fail "wrk"; r=1; }
	return $r
}

# twins_talk: talks of all modes and a wrk through both; the second is killed among them, and the hop told so.
twins_talk() {
	local f=$state/twins r=0
	talks_begin 1 2 || return 1
	box_dies 2 || return 1
	hop 1
	all_came() {
		flows_of 1 >"$f.then"
		flows_came "$f.first" 2 "$f.then" >"$f.missing"
	}
	soon all_came || { head -5 "$f.missing"; fail "$(wc -l <"$f.missing") flows of the second did not come to the first"; r=1; }
	grep '^1 ' "$f.first" >"$f.stays"
	talks_end
	[ "$(awk '{ n[$1 " " $2] = 1 } END { print length(n) }' "$f.first")" = 20 ] || { fail "not all services were on both: $(spread "$f.first")"; r=1; }
	# None was on both, and of those of the survivor none moved.
	[ -z "$(awk '{ print $2, $3 }' "$f.first" | sort | uniq -d)" ] || { fail "on both: $(awk '{ print $2, $3 }' "$f.first" | sort | uniq -d | head -3 | xargs)"; r=1; }
	awk 'FILENAME == ARGV[1] { was[$2 " " $3] = $4; next } $2 " " $3 in was && was[$2 " " $3] != $4 { print; bad = 1 } END { exit bad }' "$f.stays" "$f.then" ||
		{ fail "moved in the survivor"; r=1; }
	talks_judge "$f.then" || r=1
	return $r
}

t_two_balancers() { # one of two behind an ECMP hop is killed under load: no connection breaks, all keep their backend
	twins_lab twins_talk 2
}

# trio_talk: talks and a wrk through three; the third is killed among them, comes back with nothing, and gets its share again.
trio_talk() {
	local f=$state/twins r=0
	talks_begin 1 2 3 || return 1
	box_dies 3 || return 1
	hop 1 2
	all_came() {
		flows_of 1 2 >"$f.second"
		flows_came "$f.first" 3 "$f.second" >"$f.missing"
	}
	soon all_came || { head -5 "$f.missing"; fail "$(wc -l <"$f.missing") flows of the third did not come to the others"; r=1; }
	twin 3 stop
	twin 3 start_with "$state/twin3/config.json" || { fail "the third does not come back"; r=1; }
	hop 1 2 3
	# What came back has some of all again, but those of local ports.
	some_back() {
		flows_of 3 >"$f.third"
		[ "$(awk '$2 != "talk-full" { n[$2] = 1 } END { print length(n) }' "$f.third")" = 9 ]
	}
	soon some_back || { fail "to the third came back only: $(spread "$f.third")"; r=1; }
	: >"$f.stays" # which of three has a local port that still stands, nobody knows
	talks_end
	[ "$(awk '{ n[$1 " " $2] = 1 } END { print length(n) }' "$f.first")" = 30 ] || { fail "not all services were on all: $(spread "$f.first")"; r=1; }
	talks_judge "$f.second" "$f.third" || r=1
	return $r
}

t_three_balancers() { # one of three is killed under load and comes back with nothing: all connections keep their backend
	twins_lab trio_talk 2 3
}

# twins_lab FUNCTION N…: among these balancers beside the first.
twins_lab() {
	local f=$state/twins r=0 talks load
	modes_up
	ctl config get >"$f.before"
	twin_config >"$f.json"
	ctl config apply "$f.json" >"$f.apply" || { cat "$f.apply"; return 1; }
	twins_up "${@:2}" && "$1" || r=1
	twins_down "${@:2}" 2>/dev/null
	ctl config apply "$f.before" >"$f.apply" || { cat "$f.apply"; r=1; }
	return $r
}

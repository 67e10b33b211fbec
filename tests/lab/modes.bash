# SPDX-License-Identifier: Apache-2.0
# Lab tests of all forwarding modes, with backends that answer past millrace. Sourced by run.

# be_takes N: backend N has the addresses of the services that it answers for by itself, a way to the internet host beside
# millrace, and takes packets out of tunnels: by Linux's own drivers, or by decap_tool.py where the kernel has none.
be_takes() {
	local h=be$1 i
	in_ns $h sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0
	for i in 20 21 22 23 24 25; do address $h lo 192.0.2.$i/32 2001:db8:2::$i/128; done
	in_ns $h ip rule add from 192.0.2.16/28 table 99
	in_ns $h ip route add default via 10.0.0.254 table 99
	in_ns $h ip route add 100.64.0.0/10 via 10.0.0.1 table 99 # subscribers stand behind millrace
	in_ns $h ip -6 rule add from 2001:db8:2::20/123 table 99
	in_ns $h ip -6 route add default via 2001:db8:f::254 table 99
	in_ns $h nft -f - <<-NFT
		table ip l3dsr { chain in { type filter hook prerouting priority raw;
			ip daddr 10.0.0.1$1 ip dscp 11 notrack ip daddr set 192.0.2.24; }; }
		table ip6 l3dsr { chain in { type filter hook prerouting priority raw;
			ip6 daddr 2001:db8:f::1$1 ip6 dscp 12 notrack ip6 daddr set 2001:db8:2::24; }; }
	NFT
	if in_ns $h ip link set tunl0 up 2>/dev/null && in_ns $h ip fou add port 6080 gue 2>/dev/null; then
		in_ns $h ip -6 fou add port 6080 gue
		for i in sit0 ip6tnl0; do in_ns $h ip link set $i up; done
		in_ns $h ip link set ip6tnl0 type ip6tnl mode any
		in_ns $h ip link add gre1 type gre local 10.0.0.1$1 remote any
		in_ns $h ip link add gre6 type ip6gre local 2001:db8:f::1$1 remote any
		for i in gre1 gre6; do in_ns $h ip link set $i up; done
		in_ns $h sysctl -qw net.ipv4.conf.tunl0.rp_filter=0 net.ipv4.conf.gre1.rp_filter=0
		return
	fi
	spawn $h python3 "$here/decap_tool.py" decap0 6080 >"$state/decap.$1" 2>&1
	disown $!
	soon has "$state/decap.$1" ready
	in_ns $h sysctl -qw net.ipv4.conf.decap0.rp_filter=0
	in_ns $h ip link set decap0 up
}

# modes_up: backends that can answer in every mode, made by the first test that wants them.
modes_up() {
	local i pids=''
	[ ! -e "$state/modes.up" ] || return 0
	modprobe -qa ipip sit ip6_tunnel ip_gre ip6_gre fou fou6 2>/dev/null
	wire net rack rack net
	in_ns rack ip link set net master br0
	address net rack 10.0.0.254/24 2001:db8:f::254/64
	for i in 1 2 3; do be_takes $i & pids="$pids $!"; done
	wait $pids
	touch "$state/modes.up"
}

# modes_config [EXPRESSION]: the configuration that runs and services of all modes on port 80, changed by a jq expression.
modes_config() {
	ctl config get | jq '
		["11", "12", "13"] as $n | [$n[] | {address: "10.0.0.\(.)"}] as $b4 | [$n[] | {address: "2001:db8:f::\(.)"}] as $b6 |
		def s(name; mode; address; b): {name: name, mode: mode, address: address, port: 80, backends: b};
		.lb.services += [
			s("full6"; "fullnat"; "2001:db8:2::11"; $b6) + {local_addresses: ["2001:db8:f::250"]},
			s("dsr"; "dsr"; "192.0.2.20"; $b4), s("dsr6"; "dsr"; "2001:db8:2::20"; $b6),
			s("ipip"; "ipip"; "192.0.2.21"; $b4) + {tunnel_source: "10.99.0.0/24"}, s("ipip6"; "ipip"; "2001:db8:2::21"; $b6),
			s("gue"; "gue"; "192.0.2.22"; $b4), s("gue6"; "gue"; "2001:db8:2::22"; $b6),
			s("gre"; "gre"; "192.0.2.23"; $b4), s("gre6"; "gre"; "2001:db8:2::23"; $b6),
			s("l3dsr"; "l3dsr"; "192.0.2.24"; $b4) + {dscp: 11}, s("l3dsr6"; "l3dsr"; "2001:db8:2::24"; $b6) + {dscp: 12},
			s("4in6"; "ipip"; "192.0.2.25"; $b6), s("6in4"; "gue"; "2001:db8:2::25"; $b4)] | '"${1:-.}"
}

# mode_bytes NAME URL MTU: a page, large packets up and down, and what the client learns of the MTU.
mode_bytes() {
	local f=$state/modes host
	case $(get net "$2") in be?\ sees*) ;; *) fail "$1: $(get net "$2")"; return 1 ;; esac
	in_ns net curl -sS -g --max-time 60 -r 0-599999 "${2}100m" | cmp -s - "$f.part" || { fail "$1: bytes differ"; return 1; }
	in_ns net curl -sS -g --max-time 60 --data-binary @"$f.part" "$2" | grep -q '^be' || { fail "$1: upload"; return 1; }
	host=${2#http://} host=${host%/}
	[ "$3" = 1500 ] || in_ns net ip route get "$(tr -d '[]' <<<"$host")" | grep -q "mtu $3" ||
		fail "$1: the client never learnt that $3 octets fit"
}

t_lb_modes_from_subscriber() { # who is behind the NAT of the same box uses services of every mode, and large answers arrive whole
	local f=$state/inward mode where r=0
	modes_up
	ctl config get >"$f.before"
	modes_config >"$f.json"
	ctl config apply "$f.json" >"$f.said" || { cat "$f.said"; return 1; }
	head -c 600000 "$state/100m" >"$f.part"
	for mode in "fullnat 11" "dsr 20" "ipip 21" "gue 22" "gre 23" "l3dsr 24" "4in6 25"; do
		where=192.0.2.${mode#* }
		case $(get sub1 "http://$where/") in be?\ sees*) ;; *) fail "$mode: $(get sub1 "http://$where/")"; r=1; continue ;; esac
		in_ns sub1 curl -sS --max-time 60 -r 0-599999 "http://$where/100m" | cmp -s - "$f.part" || { fail "$mode: bytes differ"; r=1; }
	done
	ctl config apply "$f.before" >"$f.said" || { cat "$f.said"; r=1; }
	return $r
}

t_lb_modes() { # backends answer past millrace: every mode, large packets up and down, a smaller link behind the client
	local f=$state/modes mode where i found r=0
	modes_up
	ctl config get >"$f.before"
	modes_config >"$f.json"
	ctl config apply "$f.json" >"$f.said" || { cat "$f.said"; return 1; }
	head -c 600000 "$state/100m" >"$f.part"
	while read -r mode where mtu; do
		mode_bytes "$mode" "http://$where/" "$mtu" || r=1
	done <<-MODES
		full6 [2001:db8:2::11] 1500
		dsr 192.0.2.20 1500
		dsr6 [2001:db8:2::20] 1500
		ipip 192.0.2.21 1480
		ipip6 [2001:db8:2::21] 1460
		gue 192.0.2.22 1472
		gue6 [2001:db8:2::22] 1452
		gre 192.0.2.23 1476
		gre6 [2001:db8:2::23] 1456
		l3dsr 192.0.2.24 1500
		l3dsr6 [2001:db8:2::24] 1500
		4in6 192.0.2.25 1460
		6in4 [2001:db8:2::25] 1472
	MODES
	for mode in "dsr 20" "gue 22" "l3dsr 24"; do # the router before `far` tells the service's address of 1300 bytes
		where=192.0.2.${mode#* } found=
		in_ns far curl -sS --max-time 60 -r 0-599999 "http://$where/100m" | cmp -s - "$f.part" || { fail "far, $mode: bytes differ"; r=1; }
		for i in 1 2 3; do in_ns be$i ip route get $far from "$where" | grep -q 'mtu 1300' && found=1; done
		[ -n "$found" ] || { fail "$mode: no backend learnt the path MTU"; r=1; }
		for i in 1 2 3; do in_ns be$i ip route flush cache; done
	done
	ctl config apply "$f.before" >"$f.said" || { cat "$f.said"; r=1; }
	return $r
}

# wrk_at HOST FILE SECONDS CONNECTIONS URL [HEADER]: what tests/lab/wrk.lua says goes into FILE. It connects once before it
# counts time, and would wait for a backend that is not there for minutes.
wrk_at() {
	in_ns "$1" timeout $(($3 + patience)) wrk -t 1 -c "$4" -d "$3" --timeout 8 -s "$here/wrk.lua" ${6:+-H "$6"} "$5" >"$2" 2>&1
}
# wrk_good NAME FILE LEAST: at least so many requests, none failed, every backend served.
wrk_good() {
	awk -v least="$3" '/^requests / { seen = 1; bad = $2 < least || $4 != 0 || $6 == 0 || $8 == 0 || $10 == 0 }
		END { exit !seen || bad }' "$2" || { fail "$1: $(grep -E '^requests |Socket errors|unable|rror' "$2" | xargs)"; }
}
t_lb_modes_wrk() { # HTTP by wrk, a connection for each request: in every mode and family no request fails, all backends serve
	local f=$state/modes family mode where pids r=0
	modes_up
	ctl config get >"$f.before"
	modes_config >"$f.json"
	ctl config apply "$f.json" >"$f.said" || { cat "$f.said"; return 1; }
	for family in 'web=192.0.2.10 full=192.0.2.11 dsr=192.0.2.20 l3dsr=192.0.2.24 ipip=192.0.2.21 gre=192.0.2.23 gue=192.0.2.22 4in6=192.0.2.25' \
		'web6=10 full6=11 dsr6=20 l3dsr6=24 ipip6=21 gre6=23 gue6=22 6in4=25'; do
		pids=''
		for mode in $family; do
			where=${mode#*=}
			case $where in *.*) ;; *) where="[2001:db8:2::$where]" ;; esac
			wrk_at net "$f.${mode%=*}.wrk" 2 4 "http://$where/" 'Connection: close' & pids="$pids $!"
		done
		wait $pids
		for mode in $family; do wrk_good "${mode%=*}" "$f.${mode%=*}.wrk" 40 || r=1; done
	done
	ctl config apply "$f.before" >"$f.said" || { cat "$f.said"; r=1; }
	return $r
}
# asks_until CONDITION FAILURE: of the 36 backends whose checks ask for the service's address.
asks_are() { ctl --json health --limit 1000 | holds "[.backends[] | select(.check == \"asks\")] | length == 36 and all($1)"; }
asks_until() {
	soon asks_are "$1" && return
	ctl --json health --limit 1000 | jq -r '.backends[] | select(.check == "asks") | "\(.service) \(.address) \(.health) \(.reason)"' | head -12
	fail "$2"
}
asks_go() {
	asks_until '.health == "up" and (.reason | test("200"))' "not all of them are up" || return 1
	in_ns be2 ip address del 192.0.2.20/32 dev lo
	asks_until '.health == (if .service == "dsr" and .address == "10.0.0.12" then "down" else "up" end)' "of be2 only the service dsr is down" || return 1
	bare_is_up() { ctl --json health --service bare | holds '.backends | all(.health == "up")'; }
	soon bare_is_up || { ctl health --service bare; fail "asked by itself it is up"; return 1; }
	ctl --json flow list --source 10.0.0.77 | holds '.flows == []' || { ctl flow list --source 10.0.0.77; fail "checks made flows"; return 1; }
	address be2 lo 192.0.2.20/32
	asks_until '.health == "up"' "be2 did not come back"
}
t_checks_ask_service() { # a backend without the service's address is alive by itself, and dead to those who ask for the service
	local f=$state/asks r=0
	modes_up
	ctl config get >"$f.before"
	in_ns ctl ip route replace 192.0.2.0/24 via 10.0.0.1
	in_ns ctl ip -6 route replace 2001:db8:2::/64 via 2001:db8:f::1
	modes_config '.lb.check_sources = ["10.0.0.77", "10.0.0.2", "2001:db8:f::2"] |
		.lb.checks += [{name: "asks", type: "http", interval_ms: 200, timeout_ms: 1000, rise: 1, fall: 1, target: "service"},
			{name: "plain", type: "http", interval_ms: 200, timeout_ms: 1000, rise: 1, fall: 1, target: "backend"}] |
		.lb.services |= map(if .mode | IN("dsr", "l3dsr", "ipip", "gre", "gue") then .check = "asks" else . end) |
		.lb.services += [s("bare"; "nat"; "192.0.2.40"; $b4) + {check: "plain"}]' >"$f.json"
	if ctl config apply "$f.json" >"$f.said"; then asks_go || r=1; else cat "$f.said"; r=1; fi
	address be2 lo 192.0.2.20/32
	ctl config apply "$f.before" >"$f.said" || { cat "$f.said"; r=1; }
	return $r
}

# SPDX-License-Identifier: Apache-2.0
# Sourced by run: what backends of UDP services are told of their clients, read by dnsdist and by tests/lab/told_tool.py.

# told_config: services in front of dnsdist (port 5300) and of told_tool (5301) at be1 and be2. The check's question has a header
# that says LOCAL.
told_config() {
	jq '.lb.checks += [{name: "dns", type: "udp", interval_ms: 200, timeout_ms: 2000, rise: 1, fall: 2, damping: {changes: 0},
		expect: "\\x12\\x34", send: ("\\r\\n\\r\\n\\x00\\r\\nQUIT\\n\\x20\\x00\\x00\\x00" +
			"\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01x\\x00\\x00\\xff\\x00\\x01")}] |
		.lb.services += [
		{name: "dns", address: "192.0.2.12", port: 53, local_addresses: ["10.0.0.250"], check: "dns",
		 backends: [{address: "10.0.0.11", port: 5300}, {address: "10.0.0.12", port: 5300}]},
		{name: "dns6", address: "2001:db8:2::12", port: 53, local_addresses: ["2001:db8:f::250"], check: "dns",
		 backends: [{address: "2001:db8:f::11", port: 5300}]},
		{name: "read", address: "192.0.2.12", port: 5301, local_addresses: ["10.0.0.250"],
		 backends: [{address: "10.0.0.11"}]},
		{name: "read6", address: "2001:db8:2::12", port: 5301, local_addresses: ["2001:db8:f::250"],
		 backends: [{address: "2001:db8:f::11"}]}
		| . + {protocol: "udp", mode: "fullnat", client_address: "proxy-v2"}]' "$1"
}

# dns_server HOST: dnsdist there answers with the address that a question comes from, as it was told; from the farm it takes none
# without a header.
dns_server() {
	cat >"$state/$1/dnsdist.conf" <<-EOC
		setLocal("0.0.0.0:5300")
		addLocal("[::]:5300")
		setACL({"0.0.0.0/0", "::/0"})
		setProxyProtocolACL({"10.0.0.0/24", "2001:db8:f::/64"})
		setSecurityPollSuffix("")
		addAction(AllRule(), LuaAction(function(dq) return DNSAction.Spoof, dq.remoteaddr:toString() end))
	EOC
	ip netns exec "mr-$1" dnsdist --supervised --disable-syslog -C "$state/$1/dnsdist.conf" >"$state/$1/dnsdist.log" 2>&1 &
	echo $! >"$state/dnsdist.$1.pid"
}

# whoami PORT FAMILY: what a backend says of a question from net.
whoami() {
	case $2 in
	4) in_ns net dig +short +time=5 +tries=3 -b "198.51.100.1#$1" @192.0.2.12 x A ;;
	6) in_ns net dig +short +time=5 +tries=3 -b "2001:db8:1::1#$1" @2001:db8:2::12 x AAAA ;;
	esac
}

dns_asked() {
	local i said
	dns_up() { ctl --json health --limit 1000 | holds '[.backends[] | select(.service == "dns" or .service == "dns6") | .health] == ["up", "up", "up"]'; }
	soon dns_up || { ctl health; fail "the checks do not pass"; return 1; }
	for i in 5353 5353 5353 5354 5355 5356; do # of one flow every datagram
		said=$(whoami $i 4)
		[ "$said" = 198.51.100.1 ] || { fail "port $i: '$said'"; return 1; }
		said=$(whoami $i 6)
		[ "$said" = 2001:db8:1::1 ] || { fail "IPv6, port $i: '$said'"; return 1; }
	done
	in_ns ctl dig +short +time=1 +tries=1 -p 5300 @10.0.0.11 x A | grep -q '^10' && { fail "a question without a header is answered"; return 1; }
	true
}
t_told_by_dnsdist() {
	local was=$state/was.json i r
	ctl config get >"$was"
	told_config "$was" >"$state/told.json"
	for i in be1 be2; do dns_server $i; done
	ctl config apply "$state/told.json" >/dev/null && dns_asked
	r=$?
	ctl config apply "$was" >/dev/null || r=1
	for i in be1 be2; do stop_one dnsdist.$i; done
	return $r
}

read_asked() {
	local told="python3 $top/tests/lab/told_tool.py" octets said
	said=$(in_ns net $told probe 6101 192.0.2.12 5301 1472)
	[ "$said" = 1472 ] || { fail "an MTU of '$said' was learnt"; return 1; }
	said=$(in_ns net $told probe 6101 2001:db8:2::12 5301 1452)
	[ "$said" = 1448 ] || { fail "IPv6: an MTU of '$said' was learnt"; return 1; }
	for octets in 0 1 1444 1472 3000 9000; do
		said=$(in_ns net $told ask 6100 192.0.2.12 5301 $octets)
		[ "$said" = "198.51.100.1 6100 $octets" ] || { fail "$octets octets: '$said'"; return 1; }
		said=$(in_ns net $told ask 6100 2001:db8:2::12 5301 $octets)
		[ "$said" = "2001:db8:1::1 6100 $octets" ] || { fail "IPv6, $octets octets: '$said'"; return 1; }
	done
	true
}
t_told_in_datagrams() { # whole, in fragments both ways of cutting, and what a client's kernel learns of the MTU
	local was=$state/was.json r
	ctl config get >"$was"
	told_config "$was" >"$state/told.json"
	ip netns exec mr-be1 python3 "$top/tests/lab/told_tool.py" serve 5301 &
	echo $! >"$state/told_tool.pid"
	soon listens be1 u 5301
	ctl config apply "$state/told.json" >/dev/null && read_asked
	r=$?
	ctl config apply "$was" >/dev/null || r=1
	stop_one told_tool
	in_ns net ip route flush cache; in_ns net ip -6 route flush cache
	return $r
}

# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/lab/run: what pools give to whom, asked by real hosts. Two pools beside that of the lab, which leave it alone.
tight=203.0.113.70 wide=203.0.113.64 wider=203.0.113.65

# pools_config CHANGE: the lab's configuration with the pool `tight`, 64 ports given one by one to who goes to the internet host,
# and the pool `wide`, four blocks of 64 ports of which each subscriber is promised two, for who goes to far.
pools_config() {
	jq --arg tight $tight --arg wide $wide '.nat.pools += [
			{name: "tight", addresses: [$tight], ports: "5952-6015", allocation: "ports", keep_port: true, keep_parity: true},
			{name: "wide", addresses: [$wide], ports: "1024-1279", block_size: 64, max_blocks: 4, reserve: 2}] |
		.nat.rules |= [{name: "to-net", nic: "inside", source: "100.64.0.0/10", destination: "198.51.100.1", pool: "tight"},
			{name: "to-far", nic: "inside", source: "100.64.0.0/10", destination: "198.51.102.0/24", pool: "wide"}] + . |
		.nat.quarantine = 0 | '"$1" "$state/pools.was"
}
pools_apply() { # pools_apply CHANGE
	pools_config "$1" >"$state/pools.json"
	ctl config apply "$state/pools.json" >/dev/null
}
ports_of() { in_ns "$1" $tool many "$2" "$3" "$4" 7000; } # ports_of HOST FIRST COUNT SERVER: external ones, a line each
seen_at() { sed 's/.* sees \([0-9.]*\).*/\1/' <<<"$1"; }

pools_by_destination() {
	local said
	said="$(seen_at "$(get sub1 http://$net/)") $(seen_at "$(get sub1 http://198.51.102.2/)")"
	[ "$said" = "$tight $wide" ] || { fail "sub1 is seen as $said, not as $tight $wide"; return 1; }
	[ "$(in_ns sub1 dig +short +time=5 @$net www.example.net)" = $net ] || { fail "no answer by DNS"; return 1; }
	iperf sub1 -c $net -n 20M | holds '.end.sum_received.bytes > 15000000' || fail "iperf3 to $net"
}
pools_keep() { # the inside port if nobody has it, else one as even as it
	local a b
	a=$(in_ns sub1 $tool where 5998 $net 7000) b=$(in_ns sub2 $tool where 5998 $net 7000)
	[ "$a" = "$tight 5998" ] || { fail "sub1's port 5998 is '$a'"; return 1; }
	[ "${b% *}" = $tight ] && [ "$b" != "$a" ] && [ $((${b#* } % 2)) = 0 ] || fail "sub2's port 5998 is '$b'"
}
pools_one_by_one() { # both subscribers together get every port of the address, once, and then nobody; the log names who
	local n
	ports_of sub1 20000 40 $net >"$state/ports"
	ports_of sub2 20000 40 $net >>"$state/ports"
	n=$(sort -u "$state/ports" | awk '$2 >= 5952 && $2 <= 6015' | wc -l)
	[ "$n" -ge 60 ] && [ "$n" = "$(wc -l <"$state/ports")" ] || { fail "$n ports of 64 ($(wc -l <"$state/ports") answers)"; return 1; }
	[ "$(ctl nat count mapping pool=tight protocol=udp)" = 64 ] || { fail "$(ctl nat show mapping pool=tight)"; return 1; }
	ports_of sub1 30000 1 $net >"$state/ports"
	[ -s "$state/ports" ] && { fail "a port beyond the last: $(cat "$state/ports")"; return 1; }
	[ "$(ctl nat count block pool=tight)" = 0 ] || { fail "there are blocks"; return 1; }
	refused_named "$tight" "100.64.0.11 100.64.0.12"
}
refused_named() { # refused_named ADDRESS SUBSCRIBERS: as events of the log and as lines
	local said
	refused_are() {
		said=$(ctl --json log list --address "$1" --limit 1000 |
			jq -r '[.records[] | select(.event == "ports_exhausted") | .subscriber] | unique | join(" ")')
		[ "$said" = "$2" ]
	}
	soon refused_are "$1" "$2" || { fail "refused at $1 are '$said', not $2"; return 1; }
	ctl log list --address "$1" --limit 1000 | grep -q "ports_exhausted.*${2##* }" || fail "millctl log list does not say so"
}
pools_reserve() { # sub2 has one block; whatever sub1 takes, the second that was promised is there
	local n
	ports_of sub2 20000 1 198.51.102.2 >/dev/null
	n=$(ports_of sub1 20000 140 198.51.102.2 | sort -u | wc -l)
	[ "$n" -gt 100 ] && [ "$n" -le 128 ] || { fail "sub1 got $n ports of its two blocks"; return 1; }
	n=$(ports_of sub2 20000 110 198.51.102.2 | sort -u | wc -l)
	[ "$n" = 110 ] || { fail "sub2 got $n ports of 110"; return 1; }
	[ "$(ctl nat count block pool=wide)" = 4 ] || fail "$(ctl nat show block pool=wide)"
}
t_pool_options() { # ports one by one, kept ports, pools by destination, a reserve
	local r
	ctl config get >"$state/pools.was"
	pools_apply . && pools_by_destination && pools_keep && pools_one_by_one && pools_reserve
	r=$?
	ctl config apply "$state/pools.was" >/dev/null
	return $r
}

t_pool_drain() { # a new address gives at once, the old one keeps what it has until its deadline, and then nothing
	local was=$state/pools.was said began ended
	ctl config get >"$was"
	pools_apply .
	slow_fetch sub1 http://198.51.102.2/100m "$state/pools.get" 100 2 || return 1
	began=$(milliseconds)
	pools_apply '.nat.drain_deadline = 3 | .nat.pools[-1] |= (.addresses += ["'$wider'"] | .drain = ["'$wide'"])' || return 1
	said=$(seen_at "$(get sub1 http://198.51.102.2/)")
	[ "$said" = $wider ] || { fail "sub1 is seen as $said, not as $wider"; return 1; }
	soon gone $slow || { fail "the connection goes on behind the deadline"; return 1; }
	ended=$(milliseconds)
	wait $slow && { fail "the connection was not cut"; return 1; }
	[ $((ended - began)) -ge 3000 ] || { fail "the connection ended $((ended - began)) ms after it had got 3 s"; return 1; }
	wide_is_empty() { [ "$(ctl nat count mapping external=$wide)" = 0 ]; }
	soon wide_is_empty || { fail "$(ctl nat show mapping external=$wide)"; return 1; }
	ctl config apply "$was" >/dev/null
}

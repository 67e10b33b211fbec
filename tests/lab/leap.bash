# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/lab/run, after crash.bash, whose instance this is: the system's clock is set while both programs run
# (leap_clock.c). One block of ports, so whoever is second is refused, which is a record too.
leap_set() { # leap_set SECONDS: what is added from now on
	python3 -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("<q", int(sys.argv[2]) * 10**9))' "$state/leap" "$1"
}
leap_now() { date -u -d "$1 seconds" +%Y-%m-%dT%H:%M:%S.%6NZ; } # leap_now SECONDS: what the programs' clock shows
leap_lines() { zcat -f "$crash"/log/nat-*.jsonl*; } # a leap ends a segment
leap_run() {
	local start seen back over hole after refused r=0
	crash_plane
	crash_daemon
	crash_ask red >/dev/null || return 1
	start=$(leap_now +0)
	sleep 2.5
	over=$(leap_now -1) # shown twice, soon
	leap_set -2
	sleep 1.5
	back=$(leap_now -2)
	sleep 0.2
	leap_set 3600
	sleep 0.5
	hole=$(leap_now +1800)
	after=$(leap_now +3600)
	spawn blue $tool where 6000 198.51.103.1 7000 >/dev/null 2>&1 # there is nothing left
	local refused_pid=$!
	crash_says "before" "$start" "red held true; true 0" || r=1
	crash_says "shown twice" "$over" "red held true; true 0" || r=1
	crash_says "after it was set back" "$back" "red held true; true 0" || r=1
	crash_says "never shown" "$hole" "red held false; false 0" || r=1
	crash_says "after it was set forward" "$after" "red held true; true 0" || r=1
	leap_seen() { # how the clock was set
		seen=$(leap_lines | jq -rs '[.[] | select(.event == "clock") | (.time[:19] + "Z" | fromdate) - (.since[:19] + "Z" | fromdate)] |
			map(if . < 0 then "back" elif . > 3000 then "forward" else "?" end) | join(" ")')
		[ "$seen" = "back forward" ]
	}
	soon leap_seen || { fail "the clock was set: '$seen'"; r=1; }
	leap_refused() { # when
		refused=$(leap_lines | jq -rs '[.[] | select(.event == "addresses_exhausted" or .event == "ports_exhausted") | .time] | max')
		[[ "$refused" > "$after" ]]
	}
	soon leap_refused || { fail "the refusal after $after has the time $refused"; r=1; }
	kill $refused_pid
	return $r
}
t_whohad_leap() { # the clock is set back and forward while both run: who had the port is certain where the clock leaves no doubt
	local r crash_env="LD_PRELOAD=$state/leap.so MR_LEAP=$state/leap"
	cc -shared -fPIC -O1 -o "$state/leap.so" "$top/tests/lab/leap_clock.c" || return 1
	head -c 8 /dev/zero >"$state/leap"
	crash_lab leap_run
	r=$?
	rm -f "$state/leap.so" "$state/leap"
	return $r
}

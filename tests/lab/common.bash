# SPDX-License-Identifier: Apache-2.0
# Sourced by run: what tests have in common. How to wait, how to ask, and what becomes of a test that fails.
#
# A test waits for what it wants to see (soon), and not for a time; `patience` is for machines that are slow and busy, and
# nobody waits so long where all is well. What is drawn by chance (ports, hashes) is drawn so often that hardly one run of
# 300 000 fails by it, or ports are chosen by `lb where`.
patience=30
longest=180 # seconds that a test may take before it is ended

ctl() { "$build/ctl/client/millctl" --socket "$control_sock" "$@"; }
fail() { echo "      $*"; return 1; }
# soon COMMAND…: until it succeeds. has FILE PATTERN: is there such a line?
soon() {
	local end=$((SECONDS + patience))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
has() { grep -q -- "$2" "$1" 2>/dev/null; }
gone() { ! runs "$1"; }
# spawn HOST COMMAND…: in the background; $! is its own number then (of a function in the background it is a shell's, and who
# kills that leaves the command alone).
spawn() {
	local h=$1
	shift
	ip netns exec "mr-$h" "$@" <&0 &
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
listens() { in_ns "$1" ss -Hln"$2" "sport = :$3" | grep -q .; } # listens HOST t|u PORT
# ports N: the first of so many ports that no test has had before.
ports() {
	local first
	first=$(cat "$state/ports.next" 2>/dev/null || echo 10000)
	echo $((first + $1)) >"$state/ports.next"
	echo "$first"
}

get() { in_ns "$1" curl -sS -g --max-time 20 "$2" 2>&1; } # get HOST URL
# pages N: what so many new connections to the service get, one after the other.
pages() { in_ns net curl -sS --max-time 20 -H 'Connection: close' "http://$vip/?[1-$1]" 2>&1; }
# visits N: of each of N clients, twelve at once.
visits() {
	in_ns net ip route replace local 198.51.105.0/24 dev lo
	for i in $(seq "$1"); do
		in_ns net curl -sSZ --max-time 20 --interface "198.51.105.$i" -H 'Connection: close' "http://$vip/?[1-12]" 2>&1
	done
}
# visitors FILE: new connections to the service, one after the other, until FILE.stop is there: "TIME ANSWER", of its beginning.
visitors() {
	rm -f "$1.stop"
	while [ ! -e "$1.stop" ]; do
		in_ns net curl -sS --max-time 20 http://$vip/ 2>&1 | sed "s/^/$(date +%s.%N) /"
	done >"$1"
}
failures() { grep -vcE '^[0-9.]+ be[123] sees ' "$1"; }

same_bytes() { [ "$(sha256sum <"$1")" = "$(sha256sum <"$state/100m")" ]; }
same_part() { cmp -s "$1" <(head -c "$2" "$state/100m"); } # same_part FILE OCTETS
# fetch HOST URL: 100 MB, every byte compared.
fetch() {
	local f=$state/fetched.$1
	in_ns "$1" curl -sS -g --max-time 100 -o "$f" "$2" || { fail "curl $2 failed"; return 1; }
	same_bytes "$f" || { fail "$2: bytes differ"; return 1; }
	rm -f "$f"
}
# fetch_part URL: 20 MB.
fetch_part() {
	local f=$state/part
	in_ns net curl -sS -g --max-time 60 -r 0-19999999 -o "$f" "$1" || { fail "curl $1 failed"; return 1; }
	same_part "$f" 20000000 || { fail "$1: bytes differ"; return 1; }
}
# slow_fetch HOST URL FILE MEGABYTES RATE [MORE…]: in the background, at RATE MB/s; its number is in $slow. It runs when there is
# something in FILE.
slow_fetch() {
	rm -f "$3"
	spawn "$1" curl -sS --limit-rate "$5M" -r "0-$(($4 * 1000000 - 1))" -o "$3" "${@:6}" "$2" 2>"$3.err"
	slow=$!
	soon test -s "$3" || fail "$2: nothing came: $(cat "$3.err")"
}
# slow_fetched FILE MEGABYTES: its end.
slow_fetched() {
	wait "$slow" || { fail "the download broke: $(cat "$1.err")"; return 1; }
	same_part "$1" $(($2 * 1000000)) || { fail "bytes differ"; return 1; }
	rm -f "$1"
}
# iperf HOST ARGUMENTS…: a server has one client at a time, and tells the next one when it has not done with the last.
iperf() {
	local h=$1 said
	shift
	for _ in $(seq 50); do
		said=$(in_ns "$h" iperf3 -J "$@")
		[[ "$said" = *"server is busy"* ]] || break
		sleep 0.1
	done
	echo "$said"
}

# health_rows: "ADDRESS HEALTH SERVES-AS" of each backend with a check, and whether all workers have what runs.
health_rows() {
	{ ctl --json backend list --limit 1000; ctl --json generation; } 2>/dev/null | jq -rs '
		(.[0].backends[]? | select(.health != "none") | "\(.address) \(.health) \(.serves_as)"),
		"workers \(.[1] as $g | $g.running > 0 and ($g.workers | all(. == $g.running)))"'
}
# health_is BACKEND HEALTH: so say the checks of every service that has one, of be1, be2 or be3, and so the workers act.
health_is() {
	local serves=down
	[ "$2" != up ] || serves=ready
	health_rows | awk -v be="1${1#be}$" -v want="$2 $serves" '$1 == "workers" { known = $2 == "true" }
		$1 ~ be { n++; bad = bad || $2 " " $3 != want } END { exit !n || bad || !known }'
}
until_health() { # until_health BACKEND HEALTH
	soon health_is "$1" "$2" || fail "$1 is not $2: $(health_rows | grep -E "1${1#be} |workers" | sort | uniq -c | xargs)"
}
all_well() {
	health_rows | awk '$1 == "workers" { known = $2 == "true"; next } { n++; bad = bad || $2 " " $3 != "up ready" } END { exit !n || bad || !known }'
}
# interrupt HOST PROGRAM [SIGNAL]: as ^C would; of a program, since a host may have others that later tests want.
interrupt() {
	local pid
	for pid in $(ip netns pids "mr-$1"); do
		[ "$(cat /proc/$pid/comm)" = "$2" ] && kill "-${3:-INT}" $pid
	done
}

# lab_begin: a lab with nothing done to it. Checks are quicker in tests than in the lab that one looks at.
lab_begin() {
	up
	jq '.lb.checks[0].interval_ms = 200' "$top/deploy/lab.json" >"$state/lab.json"
	MR_LAB_CONFIG=$state/lab.json start
	for h in net far; do spawn $h $tool reflect 7000 >/dev/null 2>&1; disown $!; done
	for h in net far; do soon listens $h u 7000 || die "no reflector in mr-$h"; done
}
# test_run NAME FILE: in a process group of its own, $group; what it says goes into FILE.
test_run() {
	local watch first status
	soon all_well || { health_rows; fail "the lab is not well before the test"; } >"$2" || return 1
	set -m
	("t_$1") >"$2" 2>&1 </dev/null &
	group=$!
	set +m
	sleep $longest &
	watch=$!
	wait -n -p first "$group" "$watch"
	status=$?
	if [ "$first" = "$watch" ]; then
		kill -9 -- "-$group"
		wait "$group" 2>/dev/null
		echo "      not over after $longest s" >>"$2"
		return 1
	fi
	kill $watch
	wait $watch 2>/dev/null
	return $status
}
# test_failed NAME FILE: what is to be known of it, briefly, into the report; then the lab begins anew, since nobody knows
# what such a test leaves behind.
test_failed() {
	local reason
	reason=$(grep '^      [^ ]' "$2" | head -1 | sed 's/^ *//')
	reasons+=("$1: ${reason:-$(tail -n 1 "$2")}")
	{
		echo "   FAIL $1"
		head -n 15 "$2" | cut -c1-300
		[ "$(wc -l <"$2")" -le 15 ] || echo "      … $(wc -l <"$2") lines"
		tail -qn 2 "$state/millrace.log" "$state/millraced.log" 2>/dev/null | cut -c1-200 | sed 's/^/      | /'
	} >"$2.report"
	cat "$2.report" >>"$report"
	tail -n +2 "$2.report"
	rm -f "$2.report"
	kill -9 -- "-$group" 2>/dev/null
	lab_begin
}

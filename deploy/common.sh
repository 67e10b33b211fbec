# SPDX-License-Identifier: Apache-2.0
# Shared by quickstart, check and lab: saying what is done, packages, building. Sourced by bash.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${MR_BUILD:-$top/build}

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# run: show a command as one would type it, then run it.
run() { printf '%s   $ %s%s\n' "$dim" "$*" "$plain"; "$@"; }

need_root() {
	[ "$(id -u)" = 0 ] || die "network namespaces and packet sockets need root: sudo $0 $*"
}

# packages PURPOSE...: install what is missing of deploy/packages, without starting services.
packages() {
	local purpose missing=() p
	for purpose in "$@"; do
		for p in $(awk -v w="$purpose" '$1 == w { for (i = 2; i <= NF; i++) print $i }' \
			"$top/deploy/packages"); do
			dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
				missing+=("$p")
		done
	done
	if [ ${#missing[@]} = 0 ]; then
		say "everything needed is installed"
		return
	fi
	say "installing: ${missing[*]}"
	need_root
	local guard=/usr/sbin/policy-rc.d made=
	if [ ! -e $guard ]; then
		printf '#!/bin/sh\nexit 101\n' >$guard && chmod 755 $guard && made=1
	fi
	local log
	log=$(mktemp)
	if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		[ -n "$made" ] && rm -f $guard
		tail -20 "$log" >&2
		die "apt-get could not install: ${missing[*]} (log: $log)"
	fi
	[ -n "$made" ] && rm -f $guard
	rm -f "$log"
}

# compile DIR [meson options]: configure once, then build; quiet unless it fails.
compile() {
	local dir=$1 log
	shift
	log=$(mktemp)
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" "$top" "$@" >"$log" 2>&1 || { cat "$log" >&2; die "meson setup failed"; }
	fi
	ninja -C "$dir" >"$log" 2>&1 || { grep -E -A8 'error: |FAILED: ' "$log" | head -60 >&2; die "the build failed (ninja -C $dir)"; }
	rm -f "$log"
}

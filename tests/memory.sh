#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# Memory. Under valgrind: the programs of tests/unit and tests/pty, and every command line that needs no device; the same
# command lines once more with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer in the programs, as
# check-unit has them in its own. `make check-memory` builds what is below build/memory. TAP.
cd "$(dirname "$0")/.." || exit 1
memory=$PWD/build/memory
STAGE=$memory/valgrind
. tests/unit/tap.bash
valgrind=$(command -v valgrind)
reported() { # what was reported into this folder, and is there at all
	local file
	for file in "$1"/*; do
		[[ ! -s $file ]] || { cat "$file"; return 1; }
	done
	[[ ${file-} != "$1/*" || ${2-} ]] || { echo "nothing is in $1"; return 1; }
}

# Reachable at the end is what libraries keep for themselves; and of TIOCEXCL this valgrind knows no argument.
options=(-q --sim-hints=lax-ioctls --leak-check=full '--errors-for-leak-kinds=definite,possible' --error-exitcode=99)
under_valgrind() { # PROGRAM: all of it runs, and nothing is reported. That takes too long for some times that it measures.
	local name logs plan
	name=$(basename "$1") logs=$tmp/$(basename "$1").logs
	mkdir "$logs"
	CMOCKA_MESSAGE_OUTPUT=TAP "$valgrind" "${options[@]}" --log-file="$logs/%p" "$1" >"$tmp/$name.out" 2>&1
	plan=$(sed -n 's/^1\.\.//p' "$tmp/$name.out")
	reported "$logs" && equal "$(grep -cE '^(not )?ok ' "$tmp/$name.out")" "$plan"
}
for program in "$memory"/{unit,pty}/*; do
	[[ ! -x $program ]] || check "${program#"$memory"/} is clean under valgrind" under_valgrind "$program"
done

# wrap STAGE LOGS COMMAND…: each program there is run by COMMAND from now on.
wrap() {
	local program quiet
	for program in "$1"/usr/{bin/replug,bin/replug-relay,lib/udev/replug-match}; do
		quiet=''
		# It ends with what it has, so as to cost each plug less.
		[[ $program != */replug-match ]] || quiet='--leak-check=no'
		mkdir -p "$1/real"
		mv "$program" "$1/real/"
		printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$("$2" "$quiet")" "$1/real/$(basename "$program")" >"$program"
		chmod 755 "$program"
	done
}
by_valgrind() { echo "$valgrind ${options[*]} $1 --log-file=$tmp/valgrind.logs/%p"; }
by_sanitizers() {
	echo "env ASAN_OPTIONS=log_path=$tmp/sanitizers.logs/p,exitcode=99${1:+,detect_leaks=0} UBSAN_OPTIONS=print_stacktrace=1,log_path=$tmp/sanitizers.logs/p"
}

# On a machine with nothing to be disturbed: /run and /sys are tmpfs, with a dongle, a relay board and two records. An answer
# is one of the statuses; what else goes wrong is in the logs.
cat >"$tmp/commands" <<-'OUTER'
	mount -t tmpfs none /run && mount -t tmpfs none /sys || exit
	# PORT VID PID NUMBER NAME
	while read -r port vid pid number name; do
		dir=/sys/bus/usb/devices/$port
		mkdir -p "$dir/$port:1.0"
		for file in "idVendor $vid" "idProduct $pid" 'busnum 199' "devnum $number" "product $name" 'bConfigurationValue 1' 'bNumInterfaces 1'; do
			echo "${file#* }" >"$dir/${file%% *}"
		done
	done <<-END
		1-1 534d 2109 5 USB Video
		1-2 16c0 05df 6 USBRelay2
	END
	node=/sys/bus/usb/devices/1-2/1-2:1.0/hidraw/hidraw9
	mkdir -p /run/replug/relay "$node"
	echo 240:9 >"$node/dev"
	echo DEVNAME=hidraw9 >"$node/uevent"
	ln -s /sys/class/hidraw "$node/subsystem"
	echo '{"state": "failed", "id": "534d:2109", "section": "capture", "product": "USB Video", "action": "reset", "error": "x",
		"steps": {"reset": 5, "back": 7}, "resets": [1, 2], "owed": "power=usb9-port9", "when": 1800000000}' >/run/replug/1-1.json
	echo '{"state": "recovered", "id": "1a86:7523", "section": "hid", "chip": true, "version": 56, "baud": 9600}' >/run/replug/1-3.json
	echo 'pid 1 protocol 1 baud 9600 off -' >/run/replug/relay/1-2.1.press
	while read -r line; do
		status=0
		"$1"/usr/bin/$line >/dev/null 2>&1 </dev/null || status=$?
		((status <= 5)) || { echo "$line: status $status"; exit 1; }
	done <<-END
		replug list
		replug list --json
		replug list 534d:2109
		replug status
		replug status --json
		replug status capture
		replug check
		replug health
		replug health --json
		replug health --metrics
		replug health usb=99-9
		replug refresh
		replug refresh --dry-run
		replug refresh --dry-run usb=99-9
		replug recover --dry-run capture hid
		replug recover product="USB*" bus=099/099 /dev/null
		replug recover capture
		replug reset --method=rebind capture
		replug reset --dry-run --method=power usb=99-9
		replug ch9329 info
		replug ch9329 info capture --baud=auto
		replug ch9329 reset usb=99-9
		replug settle
		replug gone 1-3
		replug lost
		replug status
		replug-relay list
		replug-relay list --json
		replug-relay get usb=1-2 --channel=2
		replug-relay pulse usb=1-2 --channel=2 --for=50ms
		replug-relay on usb=1-2 --channel=3
		replug-relay off usb=1-2 --all
		replug-relay release
	END
OUTER
commands() { # STAGE
	local map=()
	[[ $(id -u) == 0 ]] || map=(--map-root-user)
	unshare --mount "${map[@]}" bash "$tmp/commands" "$1"
}

for mode in valgrind sanitizers; do
	stage=$memory/$mode
	# Some of it is run as nobody.
	chmod 711 "$tmp"
	mkdir -m 1777 "$tmp/$mode.logs"
	wrap "$stage" "by_$mode"
	for script in cli relay match; do
		check "$script.sh, $mode" env STAGE="$stage" EMULATOR="$mode" "tests/unit/$script.sh"
	done
	check "other command lines, $mode" commands "$stage"
	check "of all those, $mode has nothing to report" reported "$tmp/$mode.logs" "${mode#valgrind}"
done
finish

# shellcheck shell=bash
# What the emulator's own tests share, besides what they have in common with the cases. Sourced by them.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
# replug would heal what is broken here on purpose.
rm -f /usr/lib/udev/rules.d/60-replug.rules && udevadm control --reload
dmesg -C
start_emulator

differ() { [[ $1 != "$2" ]] || { printf "still '%s'\n" "$1"; return 1; }; }
gone() { [[ ! -e $1 ]] || { printf '%s is there\n' "$1"; return 1; }; }
dev() { echo "/sys/bus/usb/devices/${at[$1]}"; }
attr() { cat "$(dev "$1")/$2" 2>/dev/null; }
driver() { basename "$(readlink "$(dev "$1"):1.$2/driver")"; }
millis() { echo $(($(date +%s%N) / 1000000)); }
happened() { saw_times "$2" "$1"; } # PATTERN N
logged_at() { emu log --since "$mark" | awk -v word="$1" '$4 == word { printf "%d\n", $2 * 1000; exit }'; }
# ID…: of devices that no driver keeps from showing all of their descriptors.
lsusb_finds_nothing_wrong() {
	local id
	for id; do
		equal "$(lsusb -v -d "$id" 2>&1 | grep -iE 'error|warning|unrecognized|can.t|junk|wrong|unavailable')" '' || return 1
		[[ $(lsusb -d "$id") ]] || { echo "no $id"; return 1; }
	done
}
# What a board experienced since the mark, but for the life of its tty and its USB: "report FF 01, closed 1".
experienced() { # NAME [WORDS]
	emu log --since "$mark" | awk -v name="$1" -v words="^(${2:-report|frame|garbage|answer|suppressed|eproto|closed|opened})\$" '
		$3 == name && $4 ~ words { $1 = $2 = $3 = ""; sub(/^ +/, ""); printf "%s%s", comma, $0; comma = ", " }'
}
contacts() { experienced "$1" 'closed|opened'; }
reset() { # NAME ID: one usbreset; its words in $said, its time in $took
	mark
	local start
	start=$(millis)
	said=$(usbreset "$2" 2>&1)
	took=$(($(millis) - start))
}
ready() { # NAME: its drivers have taken it
	happens " $1 configured" && udevadm settle
	at[$1]=$(emu port "$1")
}

# The power of a device's port, also while the device is not there.
disable() { # NAME [0|1]
	local file=/sys/bus/usb/devices/${at[$1]%-*}-0:1.0/usb${at[$1]%-*}-port${at[$1]#*-}/disable
	if [[ ${2-} ]]; then echo "$2" >"$file"; else cat "$file"; fi
}
hub() { PYTHONDONTWRITEBYTECODE=1 python3 /bench/emu/hub.py "$@"; } # see there
hub_says() { equal "$(hub status "$1")" "$2"; } # PORT WORDS
stays_away() { # NAME SECONDS [DISABLE]: looked at all the time, for nobody tells that nothing happens
	local end
	end=$(($(millis) + $2 * 1000))
	while (($(millis) < end)); do
		equal "$(disable "$1")" "${3-1}" && gone "$(dev "$1")" || return 1
		read -rt 0.05 -u "$never" || :
	done
}

# PREFIX FILE ARG…: what a Python client found out, see bench.py.
python_says() {
	local prefix=$1 verdict rest
	shift
	while read -r verdict rest; do
		case $verdict in
		pass) ok "$prefix: $rest" ;;
		fail) not_ok "$prefix: $rest" ;;
		'#') printf '# %s\n' "$rest" ;;
		*) printf '# python: %s %s\n' "$verdict" "$rest" ;;
		esac
	done < <(PYTHONPATH=/bench/emu PYTHONDONTWRITEBYTECODE=1 python3 "$@" 2>&1 || echo "fail it came to its end")
}

nothing_timed_out() { equal "$(dmesg | grep -E 'error -110|timed out|WARNING:|BUG:')" ''; }
finish() { # in place of the cases', who look at what replug left behind
	mark
	emu unplug-all >/dev/null 2>&1
	check 'nothing was left to time out' nothing_timed_out
	echo "# all: $SECONDS s"
	echo "1..$n"
	((failures == 0))
	exit
}

# shellcheck shell=bash
# What the cases share: TAP output, the emulator, and waiting for a state with a deadline. Sourced by them.
set -u

n=0 failures=0
ok() { printf 'ok %d - %s\n' $((++n)) "$*"; }
not_ok() {
	printf 'not ok %d - %s\n' $((++n)) "$*"
	failures=$((failures + 1))
}

# check DESCRIPTION COMMAND…: one assertion; what the command printed is shown when it fails.
check() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$what"; else
		not_ok "$what"
		printf '# %s\n' "command: $*" | head -5
		[[ -z $out ]] || printf "#   %s\n" "${out//$'\n'/$'\n#   '}"
	fi
}

equal() { [[ $1 == "$2" ]] || { printf "'%s' is not '%s'\n" "$1" "$2"; return 1; }; }
between() { [[ $1 -ge $2 && $1 -le $3 ]] || { printf '%s is not within %s and %s\n' "$1" "$2" "$3"; return 1; }; }
not() { ! "$@"; }
exits() { # STATUS COMMAND…
	local want=$1 got=0
	shift
	"$@" || got=$?
	[[ $got == "$want" ]] || { printf 'exit status %s instead of %s\n' "$got" "$want"; return 1; }
}

# Nothing ever comes out of this: reading it with a time limit waits without starting a process.
exec {never}<> <(:)

# until SECONDS COMMAND…: until it succeeds. For state that announces itself to nobody. (Without KVM waiting takes no time, but
# asking does.)
until_() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || { printf 'not within the time: %s\n' "$*"; return 1; }
		read -rt 0.2 -u "$never" || :
	done
}

# Nothing happens by itself in a case but for those about just that, which set timers=keep before.
timers_off() {
	systemctl stop replug-{health,refresh}.{timer,service}
	! systemctl is-active replug-{health,refresh}.{timer,service}
}
[[ ${timers:-} == keep ]] || until_ 30 timers_off || { echo 'Bail out! the timers cannot be stopped'; exit 1; }

# What replug says of a port: its state, or any other field of `replug status --json`.
field() { replug status --json | jq -r --arg port "$1" --arg key "$2" '.[] | select(.port == $port) | .[$key]'; }
state() { [[ $(replug status --json "usb=$1") =~ \"state\":\"([a-z-]+)\" ]] && echo "${BASH_REMATCH[1]}"; }
is_state() { equal "$(state "$1")" "$2"; }
# The record itself is looked at first: asking replug again and again would keep the machine from getting there.
record_says() { [[ $(<"/run/replug/$1.json") == *'"state":"'$2'"'* ]]; }
becomes() { # PORT STATE [SECONDS]
	until_ "${3:-20}" record_says "$1" "$2" && until_ 5 is_state "$1" "$2" || { replug status; return 1; }
}

# What the device experienced: lines of the emulator's log since $mark.
mark=0
mark() { mark=$(emu mark); }
saw() { emu count --since "$mark" "$1"; }
saw_times() { equal "$(saw "$2")" "$1" || { emu log --since "$mark"; return 1; }; } # N PATTERN
happens() { emu wait --since "$mark" --timeout "${2:-15}" "$1" >/dev/null; }       # PATTERN [SECONDS]

in_order() { # PATTERN…: the device experienced these one after the other; others may lie between
	emu log --since "$mark" | awk 'BEGIN { for (i = 1; i < ARGC; i++) want[i] = ARGV[i]; n = ARGC - 1; ARGC = 1; at = 1 }
		at <= n && $0 ~ want[at] { at++ } { all = all $0 "\n" }
		END { if (at <= n) { printf "not seen, or not after what came before it: %s\n%s", want[at], all; exit 1 } }' "$@"
}
# shellcheck disable=SC2034 # used by the cases
reset_frame='frame 57 AB 00 0F 00 11 ok'

# Devices by name: each keeps its port, so that is asked for once.
declare -A at
plug() { emu plug "$@" && at[$1]=$(emu port "$1"); } # NAME [KIND] [KEY=VALUE…]
# It was reset since the mark, and the outcome is there. The record says busy before the device sees a reset.
ends() { happens " $1 reset" "${3:-20}" && becomes "${at[$1]}" "$2" "${3:-20}"; } # NAME STATE [SECONDS]
healed() { ends "$1" recovered "${2:-20}"; }                                        # NAME [SECONDS]
replug_it() { settled; emu unplug "$1" && mark && emu plug "$@"; }                  # NAME [KEY=VALUE…]
chip() { replug status --json "usb=${at[$1]}" | jq -r --arg key "$2" '.[0].chip[$key]'; } # NAME KEY
# /dev/video0, of a dongle
picture() { local v; for v in "/sys/bus/usb/devices/${at[$1]}:1.0/video4linux"/*; do [[ $(<"$v/index") != 0 ]] || echo "/dev/${v##*/}"; done; }
node() { basename "$(echo "/sys/bus/usb/devices/${at[$1]}:1.0"/ttyUSB*)"; }       # NAME: of a bridge

# Relay boards: plugged, and their node there with its permissions.
board() { # NAME [KIND] [KEY=VALUE…]
	plug "$@" && happens " $1 configured" >/dev/null && until_ 10 has_node "$1" && udevadm settle
}
has_node() { [[ -e $(echo "/sys/bus/usb/devices/$(emu port "$1"):1.0"/*/hidraw/hidraw* | head -1) || -e $(echo "/sys/bus/usb/devices/$(emu port "$1"):1.0"/ttyUSB*) ]]; }
# How long a contact was closed, in ms, since the mark.
held_for() { # NAME CHANNEL
	emu log --since "$mark" | awk -v name="$1" -v n="$2" '$3 != name || $5 != n { next }
		$4 == "closed" { from = $2 } $4 == "opened" && from { printf "%d\n", ($2 - from) * 1000; exit }'
}
# What a board's contacts did since the mark: "closed 1, opened 1".
moves() { emu log --since "$mark" | awk -v name="$1" '$3 == name && $4 ~ /^(closed|opened)$/ {
	printf "%s%s %s", comma, $4, $5; comma = ", " }'; }

# What the journal says. What was just said may be on its way there: for who counts, or wants it not to be there.
heard() { journalctl --sync; }
journal() { journalctl -b -o cat --no-pager "$@"; }
happens_in_journal() { until_ "${2:-15}" journal_says "$1"; } # PATTERN [SECONDS]
journal_says() { journal | grep -qE -e "$1"; }
runs() { journal -u 'replug@*' | grep -c '^Starting replug@' || :; } # units started so far

configure() { cat >/etc/replug.conf; } # from standard input
# Where a unit has processes, systemd need not be asked. What it has still to start is a job of its.
idle() {
	local group
	for group in /sys/fs/cgroup/system.slice/system-replug.slice/replug*@*; do [[ ! -d $group ]] || return; done
	equal "$(systemctl list-jobs --plain --no-legend 'replug@*' 'replug-settle@*')" ''
}
settled() { udevadm settle && until_ 60 idle; } # no unit of ours is at work

# How units of ours have failed, each way once: a plug's are forgotten as soon as they have, but for the journal. On a host
# that is very busy, the ten seconds for what replug-lost.service does at its end are too few.
ways_to_fail() { journal -t systemd | sed -nE "s/^(replug[a-z-]*@?).*: Failed with result '(.*)'\.\$/\1 \2/p" | grep -vx 'replug-lost timeout' | sort -u | paste -sd,; }
# shellcheck disable=SC2053 # a pattern
like() { [[ $1 == $2 ]] || { printf "'%s' is not like '%s'\n" "$1" "$2"; return 1; }; } # TEXT PATTERN

# Nothing may be left behind: called at the end of every case. One in which units of ours fail says how before, in may_fail.
nothing_left() {
	settled
	heard
	# One that was killed is there until init has collected it.
	check 'no process of ours is left' until_ 5 not pgrep -x 'replug.*'
	check 'no lock is held' equal "$(grep -c /run/replug <(ls -l /proc/*/fd 2>/dev/null))" 0
	check 'no unit has failed' equal "$(systemctl list-units --state=failed --plain --no-legend)" ''
	check "how units of ours have failed: ${may_fail:-in no way}" like "$(ways_to_fail)" "${may_fail-}"
}

finish() {
	nothing_left
	((failures == 0)) || { echo '# the journal:'; journal -t replug -t replug-match -t systemd | tail -30 | sed 's/^/#   /'; }
	echo "1..$n"
	((failures == 0))
	exit
}

# The kernel puts an idle dongle to sleep (and its driver allows that anew whenever it is bound), and vhci may lose a device
# when another wakes up: what is plugged stays awake, unless a test lets it sleep.
start_emulator() {
	emu serve --daemon || { echo 'Bail out! the emulator does not start'; exit 1; }
	echo -1 >/sys/module/usbcore/parameters/autosuspend
}

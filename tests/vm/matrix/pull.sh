# shellcheck shell=bash
# A cell up to its outcome: the device made ready, its fault put in, the trigger pulled. Sourced by the engine, whose
# run_cell's variables these work with.

record() { # NAME FIELD: of the port's record as it is in the file; empty: there is none
	local all pattern="\"$2\":\"([^\"]*)\""
	[[ -r /run/replug/${at[$1]}.json ]] || return 0
	all=$(<"/run/replug/${at[$1]}.json")
	[[ ! $all =~ $pattern ]] || echo "${BASH_REMATCH[1]}"
}
listed() { [[ -e /sys/bus/usb/devices/${at[$1]} ]]; }
not_listed() { ! listed "$1"; }
cgroup() { echo "/sys/fs/cgroup/system.slice/system-replug.slice/${units[$1]}"; }
# No unit of its port is at work, nor about to be. An empty cgroup says nothing: that of a killed unit stays behind where the
# last of its processes came out of the kernel after systemd had forgotten the unit.
at_rest() {
	local pid=''
	{ read -r pid <"/sys/fs/cgroup/system.slice/system-replug.slice/${units[$1]}/cgroup.procs"; } 2>/dev/null
	[[ ! $pid && $(systemctl show -P ActiveState "${units[$1]}") =~ ^(inactive|failed)$ ]]
}
unlocked() { [[ ! -e /run/replug/${at[$1]}.lock ]] || flock -n 9 9<"/run/replug/${at[$1]}.lock"; }
gone_on_record() { [[ $(record "$1" state) == gone ]]; }
take_out() { # and udev and whoever it starts are done with it
	emu unplug "$1"
	until_ 20 not_listed "$1" && until_ 20 gone_on_record "$1" && until_ 20 at_rest "$1"
}
runs_ended() { [[ -s $work/ended.${at[$1]} ]]; }

in_background() { # COMMAND…: until the cell's end
	"$@" &
	helpers+=($!)
}
on() { # NAME PATTERN SETTING…: when the device has felt this
	local name=$1 pattern=$2
	shift 2
	emu wait --since "$mark" --timeout "$limit" " $name $pattern" >/dev/null && emu set "$name" "$@"
}

# What `health` can see of a fault that shows itself only in the reset: the chip hangs, or the dongle stalls until then.
ailment() { # NAME
	if [[ $1 == b* ]]; then echo wedge=1; else echo 'sick=1 heals-on=reset'; fi
}
visible='^(sick|ep0-stall|deaf|usb-stuck|dead|wedge|garbage|foreign|baud)='

put_in() { # NAME
	local s=$settings
	case $s in
	thief)
		in_background /bench/matrix/thief.py "${at[$1]}" >"$work/thief.$1"
		[[ $trigger == plug ]] || until_ 10 test -s "$work/thief.$1"
		return
		;;
	kill=*) s='' ;;
	deaf=1 | usb-stuck=1) # one that is so from the beginning is never there
		[[ $trigger != plug ]] || { in_background on "$1" reset "$s"; return; } ;;
	esac
	# Its first configuration comes with the plug; what is meant is the one after the reset.
	[[ $trigger != plug || $s != unplug-on=configured ]] || s=unplug-on=configured:2
	if [[ $trigger == health && ! $s =~ $visible ]]; then
		# The two rounds open the tty and ask the chip, too: what is meant is the run after them, which sends it a RESET.
		[[ $s != unplug-on=open ]] || s=unplug-on=open:3
		[[ $s != unplug-on=frame ]] || s=unplug-on=ack
		s="$s $(ailment "$1")"
		[[ $1 == b* ]] || in_background on "$1" reset sick=0 # also of a reset that fails
	fi
	# shellcheck disable=SC2086 # words
	[[ ! $s ]] || emu set "$1" $s
}
# SETTINGS: what takes them away
undone() {
	local s
	for s in $1 sick=0; do
		case $s in
		thief | kill=*) ;;
		baud=*) echo baud=9600 ;;
		heals-on=*) echo heals-on=reset ;;
		drop-at-reset=*) echo drop-at-reset=-1 ;;
		*) echo "${s%%=*}=0" ;;
		esac
	done
}

prepare() {
	local name more=''
	[[ $trigger != refresh ]] || more=';every = 1s'
	for name in "${names[@]}"; do
		equal "$(emu count --since "${seen[$name]}" " $name reset")" 0 >/dev/null || complain "$name was reset after the cell before"
		fit "$name" "$keys$more"
		[[ $trigger != plug ]] || take_out "$name" >/dev/null || complain "$name is not gone when it is unplugged"
		rm -f "/run/replug/${at[$name]}.json" "$work/ended.${at[$name]}"
		# A round asks at the rate that was found before, and for any other it has to know that one.
		[[ $trigger != health || $settings != baud=* || $keys != *auto* ]] || need "$name: before" by_hand "$name"
	done
	mark=$(emu mark)
	line=$(wc -l <"$work/journal")
	for name in "${names[@]}"; do put_in "$name"; done
	[[ $trigger != refresh ]] || for name in "${names[@]}"; do until_ 10 due "$name" || complain "$name does not get due"; done
}
due() { [[ $(replug refresh --dry-run "usb=${at[$1]}") == *': due; '* ]]; }

run='' # the command of a trigger that is one
start() {
	"$@" >"$work/said.${names[0]}" 2>&1 &
	run=$!
}
pull() {
	: >"$work/said.${names[0]}"
	case $trigger in
	plug)
		for name in "${names[@]}"; do emu plug "$name" & done
		;;
	hand) start replug recover "${ports[@]/#/usb=}" ;;
	refresh) start replug refresh "${ports[@]/#/usb=}" ;;
	health) # one bad round may be chance
		[[ $settings == thief || $settings == usb-stuck=1 ]] || {
			exits 1 replug health --heal "${ports[@]/#/usb=}" >/dev/null 2>&1 || complain 'the first bad round has another status than 1'
			emu count --since "$mark" " ${names[0]} reset" | grep -qx 0 || complain 'it is reset in the first bad round'
		}
		start replug health --heal "${ports[@]/#/usb=}"
		;;
	esac
	[[ $settings != kill=* ]] || kill_at "${settings#kill=}"
}

# Those of the run, in pids; no process is started for it. Fails where one of the devices has none.
find_processes() {
	local name found more
	pids=()
	for name in "${names[@]}"; do
		if [[ $trigger == plug ]]; then
			found=()
			{ mapfile -t found <"/sys/fs/cgroup/system.slice/system-replug.slice/${units[$name]}/cgroup.procs"; } 2>/dev/null
			((${#found[@]})) || return 1
			pids+=("${found[@]}")
		else
			more=''
			{ read -r more <"/proc/$run/task/$run/children"; } 2>/dev/null
			read -ra found <<<"$run $more"
			pids=("${found[@]}")
		fi
	done
}
# The time there is for this is short: no process is started.
owes() { # NAME WORD
	local all=''
	{ IFS='' read -rd '' all <"/run/replug/${at[$1]}.json"; } 2>/dev/null
	[[ $all == *'"owed":"'"$2"* ]]
}
kill_at() { # POINT
	local name=${names[0]} end=$((SECONDS + limit)) pids
	renice -n -19 $BASHPID >/dev/null
	case $1 in
	bind | authorize) # no event: what is off is on record as owed
		until owes "$name" "$1" || ((SECONDS > end)) || runs_ended "$name"; do :; done
		;;
	*) emu wait --since "$mark" --timeout "$limit" " $name $1" >/dev/null ;;
	esac
	until find_processes || ((SECONDS > end)) || runs_ended "$name"; do :; done
	pause 200
	kill -KILL "${pids[@]}" 2>/dev/null || complain 'it was killed too late'
	renice -n 0 $BASHPID >/dev/null
}

# kill -0 also reaches one that has ended and is not yet waited for.
running() {
	local stat=''
	{ read -r stat <"/proc/$run/stat"; } 2>/dev/null
	[[ $stat && $stat != *') Z '* ]]
}
# Until there is an outcome.
await() {
	local name status=0 end=$((SECONDS + limit))
	if [[ $trigger == plug ]]; then
		for name in "${names[@]}"; do
			until_ "$limit" runs_ended "$name" >/dev/null || complain "the run on $name hangs"
		done
		[[ $outcome =~ stuck|killed ]] || at_rest_all
		code=$(head -qn1 "${ports[@]/#/$work/ended.}" 2>/dev/null | sort -u | tr '\n' ' ')
		return
	fi
	while running && ((SECONDS < end)); do read -rt 0.02 -u "$never" || :; done
	if running; then
		complain "the run hangs: $(ps -o pid,ppid,stat,wchan:24,etimes,args -p "$run" --ppid "$run")"
		kill -KILL "$run"
	fi
	wait "$run" 2>/dev/null || status=$?
	code=$status
	[[ $outcome =~ stuck|killed ]] || at_rest_all
}
# Where the run had a device enumerated anew, its unit was started, too.
at_rest_all() {
	local name
	udevadm settle --timeout=30 # another lane's may hang
	for name in "${names[@]}"; do until_ "$limit" at_rest "$name" >/dev/null || complain "the unit of $name does not end"; done
}

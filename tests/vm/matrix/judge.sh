# shellcheck shell=bash
# A cell from its outcome on: is it what is expected, is nothing left behind, and is the device well once its fault has
# been taken away? Sourced by the engine, whose run_cell's variables these work with.

# What `replug status` says. It is asked once for all fields: on a slow machine most of a cell's time goes into processes.
declare -A status=()
ask_status() { status[$1]=$(replug status --json "usb=${at[$1]}" 2>/dev/null); } # NAME
shown() { # NAME FIELD, as it was when it was asked
	local pattern="\"$2\": ?\"(([^\"\\]|\\\\.)*)\""
	[[ ! ${status[$1]} =~ $pattern ]] || printf '%s\n' "${BASH_REMATCH[1]//\\\//\/}"
}
told() { # all that was said of the cell's devices since it began
	if [[ $trigger == plug ]]; then
		tail -n +$((line + 1)) "$work/journal" | grep -E "^(${ports[0]}|${ports[-1]})[ :]"
	else
		cat "$work/said.${names[0]}"
	fi
}
tells() { told | grep -qE -e "$1" || { told | tail -3; return 1; }; }

judge_status() {
	local want=${status_of[$1]}
	# A round of health answers for what it found; what it then did stands on record.
	[[ $trigger != health || $1 == killed || $1 == alone ]] || want=1
	[[ $trigger != plug || $1 != killed ]] || want='killed KILL'
	[[ $trigger != plug || $1 == killed ]] || want="exited $want"
	[[ $trigger != refresh || $1 != alone ]] || want=0
	[[ ${code% } == "$want" ]] || complain "status '${code% }' instead of '$want'"
}

# What it came to: one of the words of the table.
outcome_of() { # NAME
	local state
	if [[ $outcome == killed ]]; then
		[[ $code == *137* || $code == *KILL* ]] && echo killed || echo 'not killed'
		return
	fi
	state=$(shown "$1" state)
	if [[ $outcome == alone && ${state:-none} =~ ^(none|unknown)$ ]]; then echo alone; else echo "${state:-no record}"; fi
}

judge() {
	local name got first='' n action least
	for name in "${names[@]}"; do
		ask_status "$name"
		got=$(outcome_of "$name")
		happened+="${happened:+, }$got"
		[[ "+$outcome+" == *"+$got+"* ]] || { complain "$name: $got instead of $outcome"; continue; }
		[[ $first ]] || judge_status "$got"
		first=$got
		# A refresh takes one device after the other: killed at the first, it has not come to the next.
		[[ $trigger != refresh || $got != killed || $name == "${names[0]}" ]] || { untouched "$name"; continue; }
		n=$(emu count --since "$mark" " $name reset")
		least=${resets%-*}
		# Killed when the first of two was reset: the other may have been about to be.
		[[ $got != killed || $name == "${names[0]}" ]] || least=0
		need "$name: resets" between "$n" "$least" "${resets#*-}"
		case $got in
		recovered)
			action=$(shown "$name" action)
			action=${action//+init/} action=${action//init+/}
			[[ ! $pattern || $outcome == *+* || $action =~ ^($pattern)$ ]] || complain "$name: '$action' was done instead of '$pattern'"
			need 'the journal' until_ 5 tells "^${at[$name]} .*: recovered in "
			[[ $(shown "$name" error) == '' ]] || complain "$name: recovered, with an error on record"
			;;
		killed) judge_killed "$name" ;;
		alone) [[ ! $pattern ]] || need 'what is said' until_ 5 tells "$pattern" ;;
		*)
			need 'what is said' until_ 5 tells "$pattern"
			[[ $got == gone ]] || grep -qE -e "$pattern" <(shown "$name" error) || complain "$name: on record is '$(shown "$name" error)'"
			;;
		esac
		[[ $got == killed || $got == stuck ]] || nothing_owed "$name"
	done
}

untouched() { # NAME
	need "$1: resets" equal "$(emu count --since "$mark" " $1 reset")" 0
	need "$1: its state" equal "$(shown "$1" state)" ''
	nothing_owed "$1"
}

is_well() { # NAME
	ask_status "$1"
	[[ $(shown "$1" state) == recovered ]]
}

# Of a run of the unit, what it has switched off is put right by the unit; of another, by the next run.
judge_killed() { # NAME
	local state
	until_ 20 unlocked "$1" || complain "$1: a lock is left"
	if [[ $trigger == plug ]]; then
		nothing_owed "$1"
		until_ 20 listed "$1" || complain "$1: it does not come back when its run was killed"
		until_ 20 at_rest "$1" || complain "$1: its unit does not end: $(unit_now "$1")"
	fi
	ask_status "$1"
	state=$(shown "$1" state)
	# Where its power was off, that is another plug, whose run may not have begun.
	if [[ $state == none ]]; then
		until_ 30 is_well "$1" || complain "$1: $(shown "$1" state) after it was killed, and plugged with its power"
		return
	fi
	# A unit may be killed before it writes a record. Where its power was off, it was plugged anew; and a kill can come too late to keep anything from being done.
	[[ $state =~ ^(failed|gone|silent)$ ]] || [[ $trigger == plug && ${state:-recovered} == recovered ]] || complain "$1: $state after it was killed"
	[[ $state != failed ]] || grep -qE -e "$pattern" <(shown "$1" error) || complain "$1: on record is '$(shown "$1" error)'"
}

# Called where no run is at work.
nothing_owed() { # NAME
	local i bus=${at[$1]%-*}
	[[ $(record "$1" owed) == '' ]] || complain "$1: still owed: $(record "$1" owed)"
	need "$1: its port's power" equal "$(<"/sys/bus/usb/devices/$bus-0:1.0/usb$bus-port${at[$1]#*-}/disable")" 0
	! listed "$1" || need "$1: authorized" equal "$(cat "/sys/bus/usb/devices/${at[$1]}/authorized")" 1
}

# A person would wait for the run that has the port, and try again.
by_hand() { # NAME
	local said status end=$((SECONDS + 60))
	while :; do
		status=0
		said=$(replug recover "usb=${at[$1]}" 2>&1) || status=$?
		((status == 4 && SECONDS < end)) || break
		read -rt 0.2 -u "$never" || :
	done
	((status == 0)) || { echo "exit status $status: $said"; return 1; }
}
healed() { [[ $(record "$1" state) == recovered ]] && runs_ended "$1" && at_rest "$1"; }
plugged() { ! emu plug "$1" 2>/dev/null || :; }

# The fault is taken away; what the person at the box would do then has to be enough.
afterwards() {
	local name
	# What comes to an end with the fault must be seen to do so.
	((${#helpers[@]} == 0)) || { kill "${helpers[@]}"; wait "${helpers[@]}"; } 2>/dev/null
	for name in "${names[@]}"; do
		[[ $(shown "$name" state) != stuck ]] || still_stuck "$name"
	done
	for name in "${names[@]}"; do
		# shellcheck disable=SC2046 # words
		emu set "$name" $(undone "$settings $([[ $trigger != health ]] || ailment "$name")")
	done
	for name in "${names[@]}"; do
		until_ 60 unlocked "$name" || complain "$name: its lock is not free"
		case $settings in
		*unplug-on*) plugged_anew "$name" ;;
		drop-at-reset=12000) until_ 30 listed "$name" && until_ 30 healed "$name" || complain "$name: back, and not recovered" ;;
		*)
			if [[ $(shown "$name" state) == silent ]]; then
				take_out "$name" >/dev/null
				plugged_anew "$name"
			elif [[ $(shown "$name" state) != recovered || $outcome == killed ]]; then
				need "$name: by hand" by_hand "$name"
			fi
			;;
		esac
	done
}
plugged_anew() {
	rm -f "$work/ended.${at[$1]}"
	emu unplug "$1" 2>/dev/null || :
	# It may still be on its way out.
	until_ 20 not_listed "$1" && until_ 20 at_rest "$1"
	emu plug "$1" || complain "$1: cannot be plugged"
	until_ 60 healed "$1" || complain "$1: not recovered when it is plugged again: $(record "$1" state)"
}
still_stuck() { # NAME: later events do not wait for it
	local begun
	begun=$(ms)
	need "$1: an event while it is stuck" exits 4 replug recover --event "usb=${at[$1]}"
	need "$1: its time" between $(($(ms) - begun)) 0 3000
}

unit_now() { # NAME
	systemctl show -P ActiveState -P SubState -P Job "${units[$1]}" | tr '\n' ' '
	[[ ! -d $(cgroup "$1") ]] || ps -o pid,stat,wchan:24,etimes,args -p "$(paste -sd, "$(cgroup "$1")/cgroup.procs") 0" | tail -n +2
}
answers() { replug ch9329 info "usb=${at[$1]}" | grep 'CH9329 V1.8'; }
# NAME: it is as it was before the cell.
ready() {
	local i dir=/sys/bus/usb/devices/${at[$1]}
	until_ 30 at_rest "$1" || { echo "its unit does not end: $(unit_now "$1")"; return 1; }
	for i in "$dir:1."*; do
		[[ -e $i/driver ]] || { echo "no driver has ${i##*/}"; return 1; }
	done
	if [[ $1 == d* ]]; then
		for i in "$dir:1.0/video4linux"/*; do
			[[ $(<"$i/index") != 0 ]] || v4l2-ctl -d "/dev/${i##*/}" --stream-mmap --stream-count=1 --stream-to=/dev/null 2>&1 || return
		done
		[[ -e $i ]] || { echo 'it has no node'; return 1; }
	else
		# More than once: it has a tenth of a second for its answer, and this machine may be busy.
		until_ 20 answers "$1" || { echo 'its chip does not answer'; return 1; }
	fi
}
usable() {
	need "$1: afterwards" ready "$1"
	ask_status "$1"
	need "$1: its status afterwards" equal "$(shown "$1" state)" recovered
	need "$1: its lock" unlocked "$1"
	nothing_owed "$1"
}

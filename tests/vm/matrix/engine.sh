# shellcheck shell=bash
# The fault matrix: every fault (cells.sh) under every trigger, on lanes side by side, each a dongle and a bridge on a bus
# of their own, so that nobody waits for the hub of another's device. Sourced by the files beside it, which call `matrix`.
# A cell: a device that is well, and nothing on record; the fault is put into it; the trigger is pulled; what comes of it
# is compared with what is expected; then the fault is taken away, and the device has to be well again.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
. /bench/matrix/cells.sh
. /bench/matrix/pull.sh
. /bench/matrix/judge.sh

# shellcheck disable=SC2034 # read by lib.sh
may_fail='*' # what each cell has to come to is judged one by one
work=/run/matrix
patience=20s # a section's timeout, where the cell has none; a run is told stuck after three times as long
ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
pause() { ((seed == 0 || $1 == 0)) || read -rt "0.$(printf %03d $((RANDOM % $1)))" -u "$never" || :; } # up to so many ms
complain() { bad+=("$*"); }
need() { # WHAT COMMAND…: one thing that has to be true
	local what=$1 said
	shift
	said=$("$@" 2>&1) || complain "$what${said:+: ${said//$'\n'/ / }}"
}

# Each device has a section of its own; `fit` gives it the keys of a cell, for those that it has always.
section() { # NAME
	local id=534d:2109 more='expect = video4linux'
	[[ $1 == d* ]] || id=1a86:7523 more=$'init = ch9329\nbaud = auto'
	cat >"/etc/replug.conf.d/1-$1.conf" <<-END
		[device $1]
		match = $id usb=${at[$1]}
		reset = usb, rebind, authorize, power
		power-off = 1s
		timeout = $patience
		attempts = 2
		ready = 3s
		$more
	END
}
fit() { # NAME KEYS
	local text="[device $1]"$'\n'"${2//;/$'\n'}"
	# In one write, while nobody has anything to do with this device.
	printf '%s\n' "$text" >"/etc/replug.conf.d/2-$1.conf"
}

set_up() { # LANES
	local lane name bus
	mkdir -p "$work" /etc/replug.conf.d /run/systemd/system/replug@.service.d
	configure <<-END
		[device capture]
		match =
		timeout = $patience
		[device hid]
		match =
		timeout = $patience
		[guard]
		forgive = 0
	END
	# How each run of the unit ended, when all that is done after it has been done. And what it said, where nobody waits: the
	# journal itself asks the kernel for the device that a message is about, and that may be one that hangs.
	cat >/run/systemd/system/replug@.service.d/matrix.conf <<-END
		[Service]
		StandardOutput=append:$work/journal
		StandardError=append:$work/journal
		ExecStopPost=+/bin/sh -c 'f=%f; echo "\$\$EXIT_CODE \$\$EXIT_STATUS" >>$work/ended.\$\${f##*/}'
	END
	systemctl daemon-reload
	: >"$work/journal"
	for ((lane = 0; lane < $1; lane++)); do
		bus=$(grep -lx 480 "/sys/devices/platform/vhci_hcd.$lane"/usb*/speed)
		bus=${bus%/speed}
		for name in "d$lane" "b$lane"; do
			# Known before it is plugged, so that its section is there when it comes.
			at["$name"]=${bus##*/usb}-$([[ $name == d* ]] && echo 1 || echo 2)
			section "$name"
			emu plug "$name" "$([[ $name == d* ]] && echo capture || echo bridge)" "port=$((8 * lane + ${at[$name]#*-} - 1))"
			equal "$(emu port "$name")" "${at[$name]}" || echo "Bail out! $name is in another port"
			units[$name]=$(systemd-escape --template=replug@.service --path "$bus/${at[$name]}")
		done
	done
	for name in "${!at[@]}"; do becomes "${at[$name]}" recovered 60 >/dev/null && ready "$name" >/dev/null; done
}

# Cells are taken by whichever lane is free.
run_lane() { # N FIRST LAST
	local i lane=$1
	RANDOM=$((seed + lane * 1000))
	for name in "d$lane" "b$lane"; do seen[$name]=$(emu mark); done
	for ((i = $2; i < $3; i++)); do
		mkdir "$work/taken.$i" 2>/dev/null || continue
		run_cell "$i" "$lane"
	done
}

run_cell() { # NUMBER LANE
	local i=$1 begun took device fault trigger settings keys outcome resets pattern helpers=() bad=() self=''
	local names=() ports=() happened='' code='' limit=45 # seconds: what takes longer hangs
	IFS='|' read -r device fault trigger settings keys outcome resets pattern <<<"${cell[i]}"
	[[ $settings != 'no chip' ]] || { printf '%s\n' 'no chip' >"$work/.result.$i"; mv "$work/.result.$i" "$work/result.$i"; return; }
	# A check-up pays the debts of all ports, also of those where another lane's device hangs.
	[[ ! $settings =~ ^(deaf|usb-stuck) ]] || limit=90
	case $device in d) names=("d$2") ;; b) names=("b$2") ;; 2) names=("d$2" "b$2") ;; esac
	for name in "${names[@]}"; do ports+=("${at[$name]}"); done
	pause 300
	prepare
	pause 500
	begun=$(ms)
	pull
	await
	took=$(($(ms) - begun))
	judge
	afterwards
	for name in "${names[@]}"; do usable "$name"; done
	for name in "${names[@]}"; do seen[$name]=$(emu mark); done
	{
		printf '%s|%s|%s\n' "$((${#bad[@]} == 0))" "$happened" "$took"
		((${#bad[@]} == 0)) || {
			printf '%s\n' "${bad[@]}" 'what was said:'
			told
			echo 'what the device felt:'
			emu log --since "$mark" | grep -E " (${names[0]}|${names[-1]}) " | grep -vE ' (suppressed|answer|modem|frame 57 AB 00 01)' | head -60
		}
	} >"$work/.result.$i"
	mv "$work/.result.$i" "$work/result.$i"
}

report() { # the cells in their order, as they come in
	local i device fault trigger settings keys outcome resets pattern good happened took table=()
	local -A of=([d]=dongle [b]=bridge [2]=both)
	for ((i = 0; i < ${#cell[@]}; i++)); do
		IFS='|' read -r device fault trigger settings keys outcome resets pattern <<<"${cell[i]}"
		until [[ -e $work/result.$i ]]; do
			kill -0 "$runner" 2>/dev/null || [[ -e $work/result.$i ]] || echo '0|nothing|' >"$work/result.$i"
			read -rt 0.1 -u "$never" || :
		done
		IFS='|' read -r good happened took <"$work/result.$i"
		if [[ $good == 'no chip' ]]; then
			table+=("$(printf '%-6s  %-42s  %-7s  %s' dongle "$fault" "$trigger" 'no chip')")
			continue
		fi
		((good)) && ok "${of[$device]}, $fault, $trigger: $happened" || {
			not_ok "${of[$device]}, $fault, $trigger: $happened instead of $outcome"
			sed '1d; s/^/#   /' "$work/result.$i"
		}
		table+=("$(printf '%-6s  %-42s  %-7s  %-16s  %-20s %6s' "${of[$device]}" "$fault" "$trigger" "$outcome" "$happened" "$took")")
	done
	printf '## %-6s  %-42s  %-7s  %-16s  %-20s %6s\n' device fault trigger expected happened ms
	printf '## %s\n' "${table[@]}" | sort
}

# group LANES ROWS TRIGGER…: cells that are run together, on so many lanes, before those of the next group.
group() {
	lanes_of+=("$1") first_of+=("${#cell[@]}")
	make_cells "${@:2}"
	shuffle "${first_of[-1]}"
}

run_groups() {
	local g lane all=()
	for ((g = 0; g < ${#lanes_of[@]}; g++)); do
		for ((lane = 0; lane < lanes_of[g]; lane++)); do
			# The shell says of each run that is killed on purpose that it was.
			run_lane "$lane" "${first_of[g]}" "${first_of[g + 1]:-${#cell[@]}}" 2> >(grep -v ': line [0-9]*: .* Killed ' >&2) &
			all+=($!)
		done
		wait "${all[@]}"
	done
}

# Before the first group. Seed 0: in the order of the table, and without delay; none: any. ONLY: of faults that this fits.
seeded() { # [SEED [ONLY]]
	seed=${1:-$((RANDOM % 10000 + 1))} only=${2-}
	echo "## seed $seed${only:+, only $only}"
	RANDOM=$seed
}

matrix() {
	local lane most=0
	for lane in "${lanes_of[@]}"; do ((lane <= most)) || most=$lane; done
	start_emulator
	set_up "$most"
	run_groups &
	runner=$!
	report
	wait "$runner"
	check 'the kernel has nothing to complain of' equal "$(dmesg | grep -E 'WARNING:|BUG:|Oops')" ''
	check 'the guard was never needed' equal "$(cat <(journal) "$work"/{journal,said.*} | grep -c 'left alone until')" 0
	check 'no timer was at work' equal "$(journal -u replug-health.service -u replug-refresh.service)" ''
	check 'no unit has failed' equal "$(systemctl list-units --state=failed --plain --no-legend)" ''
	echo "## $SECONDS s for ${#cell[@]} cells"
	finish
}
declare -A units=() seen=()
lanes_of=() first_of=()

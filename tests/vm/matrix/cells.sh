# shellcheck shell=bash
# What can be the matter, and what is expected then. Sourced by the engine.
#
# FAULT | DEVICES | SETTINGS | KEYS | OUTCOME | RESETS | WHAT IS DONE OR SAID
#
# DEVICES   d, b, both at once (2); a fault of the chip in a dongle makes no sense, and is listed as "no chip"
# SETTINGS  of the emulated device; or one of: thief (a process that reads its tty), kill=POINT (the run is killed there)
# KEYS      of its section, ; between them
# OUTCOME   what `replug status` says then, + between several that may be. Their exit status: status_of.
# RESETS    of the device, as it felt them: N or N-M
# the last  a pattern; of what is recovered: of what was done, but for the chip; of what is not: of the message
#           (a reset binds no driver that could not cope with the device as it was plugged)
declare -A status_of=([recovered]=0 [failed]=1 [silent]=1 [gone]=3 [stuck]=1 [alone]=0 [killed]=137)

# The kernel works on these for seconds, and nobody else gets at their hub: a device beside them is late, too.
rows_slow="
the first reset fails                | d b 2 | fail-resets=1              |                 | recovered | 1   | reset
the first three resets fail          | d b   | fail-resets=3              |                 | recovered | 1   | reset
drops off until its power is cycled  | d b 2 | usb-silent=1               | timeout = 8s    | recovered | 1   | reset.power
the same, and power is not allowed   | d b   | usb-silent=1               | reset = usb, rebind, authorize;timeout = 5s | silent | 1 | gone silent: .*; unplug it and plug it in again, or cut its power: .replug reset --method=power usb=
unplugged while it has no power      | d b   | usb-silent=1 unplug-on=power-off | timeout = 2s | gone   | 1   | power: .*it is not on the bus
"
rows_bus="
nothing                              | d b 2 |                            |                 | recovered | 1   | reset
other descriptors                    | d b 2 | change-descriptors=1       |                 | recovered | 1   | reset
other descriptors at each reset      | d b   | reenumerate=1              |                 | recovered | 1   | reset
drops off for 3 s                    | d b 2 | drop-at-reset=3000         | timeout = 8s    | recovered | 1   | reset
drops off for longer than timeout    | d b   | drop-at-reset=12000        | timeout = 2s;reset = usb | gone | 1-2 | it is not on the bus
stalls endpoint 0 until reset        | d b 2 | sick=1 heals-on=reset      | timeout = 3s    | recovered | 1   | reset
stalls endpoint 0 until configured   | d b   | sick=1 heals-on=configure  | timeout = 4s    | recovered | 1   | reset.rebind.authorize
stalls endpoint 0 until power        | d b   | sick=1 heals-on=power      | timeout = 4s    | recovered | 1   | reset.rebind.authorize.power
stalls endpoint 0 for good           | d b   | ep0-stall=1                | timeout = 2s    | failed    | 1   | usb[:,] .*rebind[:,] .*authorize[:,] .*power
unplugged at its reset               | d b 2 | unplug-on=reset            | timeout = 2s    | gone      | 1   | it is not on the bus
unplugged when it is back            | d b   | unplug-on=configured       | timeout = 2s    | gone      | 1   | it is not on the bus|went away
killed at its reset                  | d b 2 | kill=reset                 |                 | killed    | 1   | killed|interrupted
killed when it is back               | d b   | kill=configured            |                 | killed    | 0-1 | killed|interrupted
killed when drivers are off          | d b   | kill=bind                  | reset = rebind  | killed    | 0   | killed|interrupted
killed when it is not authorized     | d b   | kill=authorize             | reset = authorize | killed  | 0   | killed|interrupted
killed while it has no power         | d b   | kill=power-off             | reset = power;power-off = 3s | killed | 0-1 | killed|interrupted
"
rows_chip="
the chip is silent for good          | b     | dead=1                     | attempts = 1;ready = 1s;baud = 9600 | failed | 1 | does not answer: check its wiring
the chip hangs until its RESET       | b     | wedge=1                    |                 | recovered | 1   | reset
the chip talks garbage               | b     | garbage=1                  | attempts = 1;ready = 1s;baud = 9600 | failed | 1 | sends something that is no CH9329 answer
there are foreign answers            | b     | foreign=1 wedge=1          |                 | recovered | 1   | reset
the chip is at another rate          | b     | baud=115200                | baud = auto     | recovered | 1   | reset
the same, and baud is fixed          | b     | baud=115200                | attempts = 1;ready = 1s;baud = 9600 | failed | 1 | check .* the rate .9600 baud; try baud = auto
its tty is stolen                    | b     | thief                      | ready = 2s      | recovered+failed | 1 | also open in thief
unplugged when its tty is opened     | b     | unplug-on=open             | timeout = 2s    | gone      | 1   | it is not on the bus|went away
unplugged when the chip is asked     | b     | unplug-on=frame            | timeout = 2s    | gone      | 1   | it is not on the bus|went away
killed while the chip restarts       | b     | kill=restart               |                 | killed    | 1   | killed|interrupted
"
# These keep the kernel from all other devices, too, and are run all at once.
rows_hang="
never answers                        | d b   | deaf=1                     | timeout = 2s    | stuck     | 0-1 | the kernel is still waiting for this device .process [0-9]+
never answers                        | 2     | deaf=1                     | timeout = 2s    | stuck+failed | 0-1 | the kernel is still waiting for this device .process [0-9]+|does not answer|not back|Input/output error
never answers, and cannot be told to stop | d b | usb-stuck=1             | timeout = 2s    | stuck     | 0-1 | the kernel is still waiting for this device .process [0-9]+
"

# What a trigger changes of that. What a run that is none of the unit's has enumerated anew and could not help is no other
# plug: also there, one climb is all.
# FAULT | DEVICES | TRIGGERS | OUTCOME | RESETS | WHAT IS DONE OR SAID; the first that fits.
others="
stalls endpoint 0 until reset        | d 2   | plug     | recovered | 1   | reset(.rebind)?
unplugged when it is back            | d b   | plug     | gone      | 0-1 | nothing is plugged there any more|it is not on the bus|went away
its tty is stolen                    | b     | refresh  | alone     | 0   | in use by thief
its tty is stolen                    | b     | health   | alone     | 0   |
"

trim() { # VARIABLE…
	local v
	for v; do
		read -r "${v?}" <<<"${!v}" || :
	done
}

# The cells of these rows: DEVICE|FAULT|TRIGGER|SETTINGS|KEYS|OUTCOME|RESETS|PATTERN in cell.
cell=()
make_cells() { # ROWS TRIGGER…: `any` is one device under one of them, by chance
	local rows=$1 fault devices settings keys outcome resets pattern d trigger one each=(hand plug refresh health)
	shift
	while IFS='|' read -r fault devices settings keys outcome resets pattern; do
		trim fault devices settings keys outcome resets pattern
		[[ $fault && $fault =~ $only ]] || continue
		for trigger; do
			if [[ $trigger == any ]]; then
				trigger=${each[RANDOM % 4]}
				read -ra one <<<"$devices"
				devices=${one[RANDOM % ${#one[@]}]}
			elif [[ $devices != *d* && $devices == *b* ]]; then
				cell+=("d|$fault|$trigger|no chip|||")
			fi
			for d in $devices; do
				cell+=("$d|$fault|$trigger|$settings|$keys|$(expected)")
			done
		done
	done <<<"$rows"
}
expected() {
	local f ds ts o r p
	while IFS='|' read -r f ds ts o r p; do
		trim f ds ts o r p
		[[ $f == "$fault" && " $ds " == *" $d "* && " $ts " == *" $trigger "* ]] || continue
		echo "$o|$r|$p"
		return
	done <<<"$others"
	echo "$outcome|$resets|$pattern"
}

# The order that a seed makes of the cells from this one on.
shuffle() { # FIRST
	local i j x
	((seed)) || return 0
	for ((i = ${#cell[@]} - 1; i > $1; i--)); do
		((j = $1 + RANDOM % (i - $1 + 1))) || :
		x=${cell[i]} cell[i]=${cell[j]} cell[j]=$x
	done
}

#!/bin/bash
# `replug health`: every verdict with its evidence, disturbing nobody; the timer heals what is ill twice in a row, under
# the guard, and says nothing of what did not change; and it costs next to nothing.
# timeout: 500
# shellcheck disable=SC2034 # read by lib.sh
timers=keep
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
systemctl stop replug-health.timer replug-refresh.timer # until it is their turn
configure <<-END
	[device hid]
	baud = auto
	ready = 2s
	attempts = 2
	[guard]
	forgive = 0
	max-resets = 20
END
says() { # STATUS PATTERN COMMAND…
	local want=$1 pattern=$2
	shift 2
	if exits "$want" "$@" >/run/said 2>&1 && grep -qE -e "$pattern" /run/said; then return; fi
	cat /run/said
	return 1
}
health() { says "$1" "^${at[$2]} .* $3 " replug health "${@:5}" && grep -E "^${at[$2]} " /run/said | grep -qE -e "$4" || { cat /run/said; return 1; }; } # STATUS NAME VERDICT EVIDENCE [SELECTOR…]
round() { replug health --heal >/run/said 2>&1; }
quiet_round() { round; equal "$(</run/said)" ''; }
count_in() { grep -c "^replug_health{port=\"${at[$1]}\"" "$2"; } # NAME FILE
count() { replug health --metrics | sed -n "s/^$2{port=\"${at[$1]}\",.*} //p"; } # NAME METRIC

check 'without a device it says so' says 0 'no plugged device' replug health
check 'and JSON is empty' equal "$(replug health --json | jq -c .)" '[]'
check 'a selector that names nothing is status 3' says 3 'no device matches' replug health ffff:0001

plug dongle capture
plug second capture
plug hid bridge
plug other bridge
plug stick stick
for name in dongle second hid other; do check "$name is recovered" becomes "${at[$name]}" recovered 30; done
settled

mark
check 'a dongle is well' health 0 dongle well 'stream can be negotiated \(1920x1080 MJPG\)'
check 'a bridge is well' health 0 hid well 'CH9329 V1.8 at 9600 baud, target connected'
check 'the dongle itself was asked' between "$(saw 'dongle probe')" 1 99
check 'the chip itself was asked' between "$(saw 'hid frame 57 AB 00 01 00 03 ok')" 1 99
check 'nothing was reset or begun' saw_times 0 "(reset|stream|commit|restart|frame 57 AB 00 0F)"
check 'what no section takes is not asked' not grep -q "^${at[stick]} " /run/said
check 'unless it is named' health 0 stick well 'it answers' "usb=${at[stick]}"
check 'by a link to its node as well' health 0 dongle well 'negotiated' "$(find -L /dev/v4l/by-path -samefile "$(picture dongle)")"
check 'what is not there is told without a table' equal "$(replug health /dev/no-such-link 2>/dev/null)" ''

# --- in use
video=$(picture dongle)
exec 7<"$video" 8<>"/dev/$(node hid)"
mark
check 'a dongle in use is well' health 0 dongle well "in use by 40-health.sh \($$\).*: the stream was not asked"
check 'a bridge in use is well' health 0 hid well "in use by 40-health.sh \($$\).*: the chip was not asked"
check 'neither was disturbed' saw_times 0 "(dongle probe|hid (frame|open|modem))"
check 'the others were asked' between "$(saw 'other frame')" 1 99
exec 7<&- 8<&-
happens 'hid close' >/dev/null

# --- ailing, dead, unknown
emu set dongle ep0-stall=1
check 'a stalled stream is ailing' health 1 dongle ailing "the stream of $video cannot be negotiated"
check 'the others are well all the same' health 1 second well negotiated
check 'by itself the other is status 0' health 0 second well negotiated "usb=${at[second]}"
emu set dongle ep0-stall=0
emu set hid wedge=1
check 'a hung chip is ailing' health 1 hid ailing 'CH9329 on /dev/ttyUSB[0-9] does not answer: check its wiring .*the rate \(9600 baud, at which it answered last\)'
emu set hid wedge=0
echo "${at[second]}:1.0" >"/sys/bus/usb/drivers/uvcvideo/unbind"
check 'a driver that is gone is ailing' health 1 second ailing 'no node of class video4linux'
echo "${at[second]}:1.0" >"/sys/bus/usb/drivers/uvcvideo/bind"
check 'the driver is back' until_ 10 test -e "/sys/bus/usb/devices/${at[second]}:1.0/video4linux"
emu set second ep0-silent=1
begun=$SECONDS
check 'silence on endpoint 0 is dead' health 1 second dead 'does not answer GET_STATUS'
check 'and does not take long to find out' between $((SECONDS - begun)) 0 10
emu set second ep0-silent=0
# shellcheck disable=SC2317 # check calls it
locked() { flock "/run/replug/${at[hid]}.lock" replug health "$@"; }
check 'a port that another run has is unknown' says 5 "^${at[hid]} .* unknown .*another run" locked
check 'ailing weighs more than unknown' says 1 unknown bash -c "emu set dongle ep0-stall=1; flock /run/replug/${at[hid]}.lock replug health; s=\$?; emu set dongle ep0-stall=0; exit \$s"
anybody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
check 'without permission it is unknown' says 5 "^${at[dongle]} .* unknown .*needs root" anybody replug health
check 'a person is not turned away by a round' says 0 'CH9329 V1.8' bash -c "flock /run/replug/${at[hid]}.lock sleep 3 & until ! flock -n /run/replug/${at[hid]}.lock true; do :; done; replug ch9329 info usb=${at[hid]}"

check 'what cannot be told is not known' exits 5 bash -c 'replug health --json >/dev/full'

# --- how it is told
fields='all(.[]; has("port") and has("id") and has("section") and has("product") and has("health") and has("evidence") and has("since"))'
check '--json has every field' equal "$(replug health --json | jq -c "$fields, length")" $'true\n4'
check 'of this dongle' equal "$(replug health --json "usb=${at[dongle]}" | jq -r '.[0] | .port, .id, .section, .health')" \
	"$(printf '%s\n' "${at[dongle]}" 534d:2109 capture well)"
replug health --metrics >/run/metrics
check '--metrics: a recovery each' equal "$(count dongle replug_recoveries_total) $(count hid replug_recoveries_total)" '1 1'
check '--metrics: well is 1' equal "$(count dongle replug_health)" 1
check '--metrics: how long it took' equal "$(count dongle replug_last_recovery_duration_seconds)" \
	"$(field "${at[dongle]}" duration_ms | awk '{ printf "%.3f", $1 / 1000 }')"
# One family after the other: HELP, TYPE, then its samples with these labels; nothing else.
well_formed() { awk '/^# HELP [a-z_]+ [^ ]/ { name = $3; state = "help"; if (seen[name]++) exit bad = 1; next }
	/^# TYPE / { if (state != "help" || $3 != name || $4 !~ /^(counter|gauge)$/) exit bad = 1; type = $4; state = "type"; next }
	state == "" || index($0, name "{") != 1 || !/^[a-z_]+\{port="[^"\\]*",id="[^"\\]*",section="[^"\\]*"\} [0-9.]+$/ { exit bad = 1 }
	(name ~ /_total$/) != (type == "counter") { exit bad = 1 }
	{ samples++ }
	END { if (bad || samples < 20) { print "line " NR ": " $0; exit 1 } }' /run/metrics; }
check '--metrics: the format is as it should be' well_formed
emu set dongle ep0-stall=1
check '--metrics: ailing is 0.5, and status 1' says 1 "^replug_health\{port=\"${at[dongle]}\",.*\} 0.5$" replug health --metrics
emu set dongle ep0-stall=0
flock "/run/replug/${at[dongle]}.lock" replug health --metrics >/run/metrics
check '--metrics: no sample of what is unknown' equal "$(count_in dongle /run/metrics) $(count_in hid /run/metrics)" '0 1'

# --- healing
check 'a round in which all is well says nothing' quiet_round
check 'nor does the next' quiet_round
emu set hid wedge=1
mark
round
check 'the first bad round says so once' grep -qE "^${at[hid]} hid 1a86:7523 .*: ailing: the CH9329 on .* does not answer" /run/said
check 'in one line' equal "$(wc -l </run/said)" 1
check 'and resets nothing' saw_times 0 "(reset|$reset_frame)"
check 'looking does not count' exits 1 replug health
check 'nor does it reset' saw_times 0 "(reset|$reset_frame)"
round
check 'the second recovers it' grep -qE "^${at[hid]} hid .*: recovered in [0-9]+ ms .*CH9329 V1.8" /run/said
check 'by one reset' saw_times 1 ' reset$'
check 'of the chip, too' saw_times 1 "hid $reset_frame"
round
check 'and it is said to be well again' grep -qE "^${at[hid]} hid .*: well again: CH9329" /run/said
check 'once' quiet_round
check 'it counts as a recovery' equal "$(count hid replug_recoveries_total)" 2

# What a recovery has seen answer is well, also when it is opened before the next round.
emu set hid wedge=1
round
check 'what ails, and is recovered' exits 0 replug recover "usb=${at[hid]}"
exec 8<>"/dev/$(node hid)"
check 'is well when it is in use at once' health 0 hid well "in use by 40-health.sh \($$\).*: the chip was not asked"
round
check 'and said to be well again' grep -qE "^${at[hid]} hid .*: well again: it answers; in use by" /run/said
exec 8<&-
happens 'hid close' >/dev/null

emu set second ep0-silent=1
mark
round
check 'death is told' grep -qE "^${at[second]} capture .*: dead: " /run/said
round
check 'and healed' grep -qE "^${at[second]} capture .*: recovered in" /run/said
check 'by one reset of it alone' equal "$(saw ' reset$') $(saw 'second reset')" '1 1'
round

emu set hid dead=1
mark
round
round
check 'a chip that stays dead is tried once' grep -q 'not recovered after' /run/said
check 'and why is said once for all rungs' grep -qE ': usb, rebind, authorize: the CH9329 on .* \(all from 1200 to 115200 baud were tried\)' /run/said
check 'which counts as a failure' equal "$(count hid replug_failures_total)" 1
resets=$(saw 'hid reset')
sed -i 's/baud = auto/reset = usb/; s/attempts = 2/attempts = 1/' /etc/replug.conf # enough of that: it takes its time
exec 8<>"/dev/$(node hid)" # as kvmd has it
check 'in use it cannot be asked whether it is well' health 5 hid unknown 'in use by 40-health.sh.*: the chip was not asked' hid
check 'the timer says nothing of that' quiet_round
check 'and on record it failed, and is ailing' equal "$(replug status --json "usb=${at[hid]}" | jq -r '.[0] | .state, .health')" $'failed\nailing'
exec 8<&-
happens 'hid close' >/dev/null
check 'the third bad round says nothing' quiet_round
check 'and does nothing' saw_times "$resets" 'hid reset'
round
check 'the fourth tries again' grep -q 'not recovered after' /run/said
check 'with a reset' between "$(saw 'hid reset')" $((resets + 1)) 99
emu set hid dead=0
round
check 'it is well by itself: told' grep -qE "^${at[hid]} hid .*: well again: CH9329" /run/said
check 'once, too' quiet_round
check 'status says so before what was the matter' says 0 "^${at[hid]} .* failed .* well again since [^ ]+Z; before: .*the CH9329 on" replug status
check 'and in --json' equal "$(replug status --json "usb=${at[hid]}" | jq -r '.[0] | .state, .health')" $'failed\nwell'
emu set hid dead=1

sed -i 's/max-resets = 20/max-resets = 1\nwindow = 1h/' /etc/replug.conf
round
mark
round
check 'the guard ends it, with one warning' equal "$(grep -c 'left alone until' /run/said) $(wc -l </run/said)" '1 1'
check 'and no reset' saw_times 0 ' reset$'
check 'the port is held' is_state "${at[hid]}" held
for ((i = 0; i < 9; i++)); do quiet_round || not_ok 'a held port is talked about'; done # 16 bad rounds
check 'a held port is not touched' saw_times 0 ' reset$'
check 'but it is reported as what it is' health 1 hid ailing 'does not answer'
sed -i 's/max-resets = 1/max-resets = 20/' /etc/replug.conf
emu set hid dead=0
check 'by hand it is forgiven' exits 0 replug recover "usb=${at[hid]}"
round

exec 9>"/run/replug/${at[other]}.lock"
flock 9
emu set other wedge=1
mark
check 'a port that is being recovered is nothing to tell of' quiet_round
check 'nor the next time' quiet_round
exec 9>&-
check 'and is not touched' saw_times 0 '(reset|other frame)'
emu set other wedge=0

# --- the timer
wants=/usr/lib/systemd/system/timers.target.wants # the bench has masked the target itself
check 'the timers come with every boot' test -e $wants/replug-health.timer -a -e $wants/replug-refresh.timer
check 'the timers start' systemctl start replug-health.timer replug-refresh.timer
check 'and run' systemctl -q is-active replug-health.timer replug-refresh.timer
# shellcheck disable=SC2317 # check calls it
in_file() { # TEXT PATTERN…
	local text=$1
	shift
	awk 'BEGIN { for (i = 1; i < ARGC; i++) want[i] = ARGV[i]; n = ARGC - 1; ARGC = 1; at = 1 } at <= n && $0 ~ want[at] { at++ }
		{ print } END { exit at <= n }' "$@" <<<"$text"
}
settled
systemctl stop replug-health.timer
over() { equal "$(systemctl is-active replug-health.service)" inactive; }
check 'a round that it began ends' until_ 20 over
ours() { journal -t replug -t systemd "$@"; }
before=$(ours | wc -l)
mark
for ((i = 0; i < 3; i++)); do systemctl start replug-health.service; done
check 'the service asked' between "$(saw 'dongle probe')" 3 99
since() { ours "$@" | tail -n +$((before + 1)); }
emu set hid wedge=1
for ((i = 0; i < 3; i++)); do systemctl start replug-health.service; done
told() { since | grep -q 'well again'; }
check 'a device that is healed is told of' until_ 10 told
check 'in three lines: ailing, recovered, well again' in_file "$(since)" 'ailing: ' 'recovered in' 'well again'
heard
check 'three quiet rounds, and the three of that, left no other line in the journal, not even of systemd' \
	equal "$(since | wc -l)" 3
check 'each at notice' equal "$(since -o json | jq -r .PRIORITY | sort -u)" 5

# A broken configuration is told of by the first round that finds it, and by no other until it is another mistake.
cp /etc/replug.conf /run/replug.conf
rounds_of() { local unit; for unit; do systemctl start "replug-$unit.service" || return 1; done; }
tells() { diff <(printf '%s\n' "$@") <(since); }
told_of() { # LINE…: all that the journal has since
	until_ 5 tells "$@" || tells "$@"
}
means() { echo "$1; until that is mended no device is looked after (\`replug check\` shows all mistakes)"; }
before=$(ours | wc -l)
configure <<<$'[gaurd]\n[capture]'
mark
check 'a broken configuration is no failure of the unit' rounds_of health refresh health
check 'but of a round by hand' says 2 '^/etc/replug.conf:1: .*gaurd' replug health --heal
first=$(means '/etc/replug.conf:1: unknown section [gaurd]; did you mean [guard]?')
check 'it is told of once' told_of "$first"
check 'as an error' equal "$(since -o json | jq -r .PRIORITY)" 3
check 'and nobody is asked' saw_times 0 '(probe|frame)'
configure <<<$'[guard]\nwindw = 3s'
check 'another mistake' rounds_of health health
second=$(since | tail -n 1)
check 'is told of' grep -q '^/etc/replug.conf:2: .*windw.*; until that is mended' <<<"$second"
check 'once, too' told_of "$first" "$second"
cp /run/replug.conf /etc/replug.conf
check 'mended, all is as it was' rounds_of health
check 'and they are asked' between "$(saw 'dongle probe')" 1 99
check 'without a word' told_of "$first" "$second"
configure <<<'[gaurd]'
check 'broken as before' rounds_of health
check 'it is told of anew' told_of "$first" "$second" "$first"
cp /run/replug.conf /etc/replug.conf
rounds_of health

# --- cost
spent() { # COMMAND…: sets ms to the processor time, in ms, of all that it starts
	local before
	children
	before=$ms
	"$@" >/dev/null
	children
	ms=$((ms - before))
}
children() { # not in a subshell, which has none
	times >/run/times
	ms=$(awk 'NR == 2 { split($1, u, /[ms]/); split($2, s, /[ms]/); printf "%d\n", (u[1] * 60 + u[2] + s[1] * 60 + s[2]) * 1000 }' /run/times)
}
trues() { local i; for ((i = 0; i < 200; i++)); do /bin/true; done; }
rounds() { local i; for ((i = 0; i < 10; i++)); do replug health --heal; done; }
udevadm settle
rounds # what is only needed once is there
spent trues
by_trues=$ms
spent rounds
echo "## ten rounds over four devices took $ms ms of processor time, 200 runs of /bin/true $by_trues ms"
check 'a round over four devices costs no more than twenty runs of /bin/true' between "$ms" 1 "$by_trues"
# --- asleep, alone: vhci may lose a device when another one wakes up
for name in second hid other stick; do emu unplug "$name"; done
settled
sleeps() { equal "$(<"/sys/bus/usb/devices/${at[dongle]}/power/runtime_status")" suspended; }
echo 2000 >"/sys/bus/usb/devices/${at[dongle]}/power/autosuspend_delay_ms"
check 'an idle dongle falls asleep' until_ 10 sleeps
mark
check 'it is woken and asked when it has not been for long' quiet_round
check 'it answered' between "$(saw 'dongle probe')" 1 9
check 'and falls asleep again' until_ 10 sleeps
mark
check 'then it is left to sleep' quiet_round
check 'it is not asked' saw_times 0 'dongle'
check 'it sleeps on' sleeps
check '--metrics lets it sleep, too' equal "$(count dongle replug_health) $(saw dongle)" '1 0'
check 'a person gets an answer all the same' not grep -q asleep <(replug health "usb=${at[dongle]}")
finish

#!/bin/bash
# A device that keeps whoever asks for it in the kernel: the run is given up, says so, and later ones are answered at
# once, until the kernel lets go.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='replug@ exit-code' # the one that is stuck
configure <<-END
	[device capture]
	timeout = 2s
	[device hid]
	timeout = 2s
END
plug stick stick
plug dongle capture
healed dongle
settled
port=${at[stick]}
seconds() { # COMMAND…: how long it took
	local begun=$SECONDS
	"$@" >/run/said 2>&1
	echo $?
	took=$((SECONDS - begun))
}
waits() { [[ $(awk '{ print $3 }' "/proc/$1/stat") == D ]]; }

# By hand.
watchers=()
for form in '' --json; do
	replug watch ${form:+"$form"} >"/run/watched$form" &
	watchers+=($!)
	check 'a watch waits' until_ 10 eval '[[ $(</proc/$!/syscall) == 271\ * ]]' # in ppoll
done
mark
emu set stick usb-stuck=1
begun=$SECONDS status=0
timeout 60 replug recover "usb=$port" >/run/said 2>&1 || status=$?
check 'a run that the kernel keeps ends' between $((SECONDS - begun)) 5 40
check 'with exit status 1' equal "$status" 1
check 'and says what is the matter' grep -q "^$port .*the kernel is still waiting for this device (process [0-9]*)\|^$port: the kernel is still waiting for this device (process [0-9]*); unplug it" /run/said
pid=$(grep -o 'process [0-9]*' /run/said | head -1 | tr -dc 0-9)
check 'its process is really kept' waits "$pid"
check 'status says so' is_state "$port" stuck
check 'in words' grep -q 'the kernel is still waiting' <(field "$port" error)
check 'with the process that is kept' equal "$(field "$port" error | grep -o 'process [0-9]*')" "process $pid"
check 'watch tells it in a line' until_ 5 grep -qE "^[^ ]+ $port 1234:5678 stuck.*: the kernel is still waiting for this device \(process $pid\)" /run/watched
check 'and as an object' equal "$(tail -1 /run/watched--json | jq -r '"\(.event) \(.state) \(.error[:27])"')" 'stuck stuck the kernel is still waiting'
check 'on a terminal it has its row' python3 /bench/terminal.py 24x100 "see=^$port +- +stuck .*the kernel is still waiting" key=q end=0 -- \
	env TERM=xterm replug watch
begun=$SECONDS
check 'an event on that port is exit status 4' exits 4 replug recover --event "usb=$port"
check 'a person, too' exits 4 replug recover "usb=$port"
check 'at once' between $((SECONDS - begun)) 0 6
check 'the other port is not concerned' exits 0 replug recover "usb=${at[dongle]}"
emu set stick usb-stuck=0
check 'when the kernel lets go, the process ends' until_ 20 not test -e "/proc/$pid"
another() { field "$port" error | grep 'starts another'; }
check 'and status says that a run has to be started' until_ 5 another
until_ 20 test -e "/sys/bus/usb/devices/$port"
let_go=' failed.*: the kernel waited too long for it, and has let go by now'
check 'watch tells that it was let go' until_ 5 grep -q "$let_go" /run/watched # it looks once a second
check 'once' equal "$(grep -c "$let_go" /run/watched)" 1
kill "${watchers[@]}"
check 'which does work' exits 0 replug recover "usb=$port"
check 'and is recovered' is_state "$port" recovered

# By a plug, in the unit.
configure <<-END
	[device capture]
	timeout = 2s
	[device stick]
	match = 1234:5678
	timeout = 2s
END
emu unplug stick
settled
mark
emu plug stick
happens 'stick configured'
emu set stick usb-stuck=1
unit=$(systemd-escape --path --template=replug@.service "$(readlink -f "/sys/bus/usb/devices/$port")")
ended() { [[ $(systemctl show -P ActiveState "$unit") == @(inactive|failed) ]]; }
check 'in the unit: put on record' until_ 60 record_says "$port" stuck
check 'in the unit: it ends all the same' until_ 20 ended
pid=$(jq .pid "/run/replug/$port.json")
check 'in the unit: the process is still there' waits "$pid"
before=$SECONDS started=$(runs)
check 'in the unit: the next event is answered' systemctl start "$unit"
check 'in the unit: by a run' equal "$(runs)" $((started + 1))
check 'in the unit: soon' between $((SECONDS - before)) 0 5
check 'in the unit: it is stuck still' is_state "$port" stuck
emu set stick usb-stuck=0
check 'in the unit: the kernel lets go' until_ 20 not test -e "/proc/$pid"
until_ 20 test -e "/sys/bus/usb/devices/$port"
settled
check 'in the unit: it says so' grep -q 'has let go by now' <(field "$port" error)
check 'in the unit: a check-up finds it well' exits 0 replug health --heal
check 'in the unit: and that comes first from then on' grep -qE "^$port .* failed .*well again since" <(replug status)
check 'in the unit: the next event is handled' exits 0 replug recover "usb=$port"

# What hangs keeps its hub from all who ask it, for as long as the kernel tries to enumerate it: minutes, here most of one.
emu plug far capture port=16
happens 'far configured' >/dev/null
settled
port=${at[dongle]}
echo 3000 >/sys/module/usbcore/parameters/initial_descriptor_timeout
systemctl stop replug-lost.path
emu unplug dongle
check 'deaf: its removal leaves a note' until_ 20 test -e "/run/replug/lost/$port"
emu plug dongle deaf=1
begun=$SECONDS
systemctl start replug-lost.path
power() { replug list --json | jq -r ".[] | select(.section == \"capture\" or .id == \"1234:5678\") | .port_power"; }
check 'deaf: its hub does not answer, the other one does' until_ 10 eval '[[ $(power) == null*"per port" ]]'
check 'deaf: whoever looks waits as long as the kernel tries' becomes "$port" silent 100
check 'deaf: for longer than a run may be kept by a device' between $((SECONDS - begun)) 40 100
finish

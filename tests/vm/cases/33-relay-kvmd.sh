#!/bin/bash
# As kvmd's page uses it: buttons by `cmd`, lamps by `cmdret`, run in kvmd's manner by a user who is in the group only.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[relay power]
	match = 16c0:05df
	pulse = 500ms
	[relay reset]
	match = 16c0:05df
	channel = 2
	pulse = 200ms
	[relay lamp]
	match = 16c0:05df
	channel = 3
	[relay serial]
	match = 1a86:7523 usb=1-2
	protocol = lcus
	[relay absent]
	match = 1234:5678
	protocol = lcus
END
group=$(getent group replug | cut -d: -f3)
kvmd() { setpriv --reuid=4321 --regid=4321 --groups="$group" --inh-caps=-all python3 /bench/kvmd.py "$@"; }
statuses() { awk '{ printf "%s%s", blank, $1; blank = " " }' <<<"$1"; }
slowest() { awk '$2 > most { most = $2 } END { print most + 0 }' <<<"$1"; }

board hid relay-hid channels=4
board lc relay-serial port=1
mark
said=$(kvmd press replug-relay pulse power)
check 'a press is status 0' equal "${said%% *}" 0
check 'one line for the log' equal "$(sed 's/[0-9]* ms/N ms/' <<<"${said#* * }")" "power (${at[hid]} channel 1): pressed for N ms (verified)"
check 'and the contact moved' equal "$(moves hid)" 'closed 1, opened 1'
said=$(kvmd press replug-relay pulse absent --for=1s)
check 'what is missing is a button offline' equal "${said%% *}" 3
check 'with one line' not grep -q ' / ' <<<"$said"
mark
said=$(kvmd both power reset)
check 'two buttons at once' equal "$(statuses "$said")" '0 0'
check 'both moved' equal "$(moves hid | sed 's/, /\n/g' | sort | xargs)" 'closed 1 closed 2 opened 1 opened 2'
mark
said=$(kvmd both power power)
check 'one button twice: one press, the other is refused' equal "$(statuses "$said" | xargs -n1 | sort | xargs)" '0 4'
check 'the contact moved once' equal "$(moves hid)" 'closed 1, opened 1'

said=$(kvmd lamps 5 replug-relay get lamp)
check 'a lamp that is out' equal "$(statuses "$said")" '1 1 1 1 1'
echo "# a lamp: $(slowest "$said") ms at most"
replug-relay on lamp >/dev/null
check 'one that is lit' equal "$(statuses "$(kvmd lamps 2 replug-relay get lamp)")" '0 0'
replug-relay off lamp >/dev/null
fastest() { awk 'NR == 1 || $2 < least { least = $2 } END { print least + 0 }' <<<"$1"; }
# Of several, for other work takes its time on top of the command's own deadline, which each of them has.
quick() { between "$(fastest "$1")" 1 500; }
said=$(kvmd lamps 2 replug-relay get absent)
check 'a board that is missing is no light' equal "$(statuses "$said")" '3 3'
check 'at once' quick "$said"
emu set lc mute=1
said=$(kvmd lamps 4 replug-relay get serial)
check 'one that does not answer is no light either' equal "$(statuses "$said")" '5 5 5 5'
check 'within half a second' quick "$said"
emu set hid mute=1
said=$(kvmd lamps 3 replug-relay get lamp)
check 'nor is one that hangs in the kernel' equal "$(statuses "$said" | cut -d' ' -f1)" 5
check 'within half a second, although the pipe is read to its end' quick "$said"
echo "# a board that hangs: $(slowest "$said") ms at most"
said=$(kvmd lamps 3 replug-relay get lamp)
check 'and while it hangs' quick "$said"
emu set hid mute=0
until_ 10 not pgrep -x replug-hand
mark
kvmd press replug-relay pulse power >/run/said &
happens 'hid closed 1' >/dev/null
said=$(kvmd lamps 3 replug-relay get lamp)
check 'lamps are asked while a button is pressed' equal "$(statuses "$said")" '1 1 1'
check 'without waiting for it' quick "$said"
wait
check 'and the press is whole' equal "$(</run/said awk '{ print $1 }')" 0

# The kernel lets nobody read what a device is called while it resets it: here for two seconds.
emu set hid fail-resets=1 back-after=100
usbreset 16c0:05df >/dev/null 2>&1 &
happens 'hid reset' >/dev/null
said=$(kvmd lamps 3 replug-relay get lamp)
check 'asked during a reset that fails, a lamp is out' eval '[[ $said == [35]\ * ]] || { echo "$said"; false; }'
check 'within half a second' quick "$said"
wait
emu unplug hid >/dev/null 2>&1
board hid

dropin=/usr/lib/systemd/system/kvmd.service.d/replug.conf
check 'the drop-in gives kvmd the group' grep -qx 'SupplementaryGroups=replug' "$dropin"
mkdir -p /etc/systemd/system
cat >/etc/systemd/system/kvmd.service <<-END
	[Service]
	Type=oneshot
	User=daemon
	ExecStart=/usr/bin/python3 /bench/kvmd.py press /usr/bin/replug-relay pulse power
END
systemctl daemon-reload
mark
check 'as systemd sees it: a service of that name presses' exits 0 systemctl start kvmd.service
check 'the contact' equal "$(moves hid)" 'closed 1, opened 1'
cat >/etc/systemd/system/kvmd.service <<-END
	[Service]
	User=daemon
	KillMode=mixed
	ExecStart=/usr/bin/python3 /bench/kvmd.py press /usr/bin/replug-relay pulse power --for=9s
END
systemctl daemon-reload
# Who is killed between the release and the word that says so cannot say it: then once more.
stopped() {
	for _ in 1 2 3; do
		mark
		echo "$mark" >/run/mark # `check` asks in a subshell
		systemctl start kvmd.service
		happens 'hid closed 1' >/dev/null
		systemctl stop kvmd.service || return
		happens 'hid opened 1' 5 || return
		! happens_in_journal 'power .*: interrupted: released after' >/dev/null || return 0
	done
	return 1
}
check 'stopped in the middle of a press, as kvmd is, main process first, then all at once: it is let go, and that is told' stopped
mark=$(</run/mark)
check 'at once' between "$(held_for hid 1)" 1 4000
mark
check 'then there is nothing left to release' exits 0 replug-relay release
check 'and nothing is sent' saw_times 0 'hid report'
kvmd press replug-relay pulse power --for=9s >/run/said &
happens 'hid closed 1' >/dev/null
pkill -STOP -x replug-relay
pkill -KILL -x replug-hand
pkill -KILL -x replug-relay
wait
check 'both killed: it stays pressed' equal "$(moves hid)" 'closed 1'
cp /etc/replug.conf /run/good && echo '[x' >>/etc/replug.conf # even then
said=$(kvmd press replug-relay release)
cp /run/good /etc/replug.conf
check 'until somebody asks' equal "${said%% *} $(moves hid)" '0 closed 1, opened 1'
check 'and is told' grep -q 'left pressed by a command that was killed; it was opened all the same (verified)' <<<"$said"
mark
kvmd press replug-relay pulse power --for=9s >/run/said &
happens 'hid closed 1' >/dev/null
emu unplug hid
check 'of a board that is away it is said' exits 3 eval 'pkill -STOP -x replug-relay; pkill -KILL -x replug-hand; pkill -KILL -x replug-relay; replug-relay release'
wait
board hid
check 'and it is told when it is back' exits 0 replug-relay release
check 'to open' saw_times 1 'hid report FD 01'
# Of several, the worst counts, in whatever order they are found: a board that is away (3), and a file that is none of ours (1).
away() { echo 'pid 1 protocol 1 baud 9600 off -' >"/run/replug/relay/$1.press"; }
away 1-7.1
ln -s /etc/passwd /run/replug/relay/1-8.1.press
away 1-9.1
check 'what cannot be looked at is the worst' exits 1 replug-relay release
rm /run/replug/relay/1-[789].1.press
yaml=/usr/share/replug/replug-gpio.yaml
for name in power reset lamp; do
	check "the override file runs what there is: $name" grep -qE "cmd: \[/usr/bin/env, /usr/bin/replug-relay, (pulse|get), $name" "$yaml"
done
emu unplug-all
finish

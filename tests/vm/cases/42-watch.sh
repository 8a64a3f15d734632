#!/bin/bash
# `replug watch`: a line or object an event; on a terminal the table, live, and the terminal as it was afterwards.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
export TERM=xterm
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='?(replug-lost exit-code)' # its folder is taken away under it
settings() { configure <<<$'[guard]\ncool-down = 0\nforgive = 0'; } # every plug is a reset
anybody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
declare -A watcher=()
sleeps() { [[ $(</proc/"$1"/syscall) == 271\ * ]]; } # in ppoll: it has read what there is, and waits
watch() { # NAME COMMAND…: its lines go to /run/NAME
	local name=$1
	shift
	"$@" >"/run/$name" 2>"/run/$name.err" &
	watcher[$name]=$!
	check "$name: it waits" until_ 10 sleeps "$!"
}
tells() { until_ "${3:-20}" grep -qE -e "$2" "/run/$1" || { cat "/run/$1" "/run/$1.err"; return 1; }; } # NAME PATTERN [SECONDS]
stop() { # NAME SIGNAL [STATUS]
	local pid=${watcher[$1]} status=0
	kill -s "$2" "$pid"
	check "$1: SIG$2 ends it" until_ 10 not test -d "/proc/$pid"
	wait "$pid" || status=$?
	check "$1: with status ${3:-0}" equal "$status" "${3:-0}"
}
told() { sed -E 's/^[^ ]+ //; s/ in [0-9]+ ms/ in N ms/; s/("[^"]*")/S/' "/run/$1"; }
tell_exactly() { diff <(printf '%s\n' "${@:2}") <(told "$1"); } # NAME LINE…

# The folder of the records is not there yet, and nobody is root.
rm -r /run/replug
settings
watch all "${anybody[@]}" replug watch
watch json "${anybody[@]}" replug watch --json
watch mine "${anybody[@]}" replug watch 1234:5678 usb=9-9
watch other "${anybody[@]}" replug watch hid
plug dongle capture
port=${at[dongle]}
check 'a plug is told to its end' tells all "^20[0-9-]+T[0-9:]+Z $port capture recovered reset in [0-9]+ ms\$"
settled
check 'plugged, busy, recovered, in this order and once' tell_exactly all \
	"$port capture plugged 534d:2109 S" "$port capture busy" "$port capture recovered reset in N ms"
check 'times are now, in UTC' between "$(($(date +%s) - $(date -d "$(tail -1 /run/all | cut -d' ' -f1)" +%s)))" 0 60
plug stick stick
check 'a device that nobody asked for is told where a selector names it' tells mine "^[^ ]+ ${at[stick]} 1234:5678 plugged"
for action in remove add; do udevadm trigger --action=$action --settle "/sys/bus/usb/devices/${at[stick]}"; done
emu unplug stick
check 'its removal, too' tells mine "^[^ ]+ ${at[stick]} 1234:5678 unplugged"
emu unplug dongle
check 'a removal is told' tells all "$port capture gone\$"
settled
check 'unplugged, gone, in this order and once; nothing of the stick' tell_exactly all \
	"$port capture plugged 534d:2109 S" "$port capture busy" "$port capture recovered reset in N ms" \
	"$port capture unplugged 534d:2109 S" "$port capture gone"
check 'with a selector nothing else is told, and not a removal that somebody only asked udev for' equal "$(grep -c . /run/mine)" 2
check 'one that names nothing here is told nothing' equal "$(cat /run/other /run/other.err)" ''

# The folder goes and comes back.
rm -r /run/replug
mark
emu plug dongle
check 'after the folder was made anew' healed dongle
tells_last() { diff <(printf '%s\n' "${@:2}") <(told "$1" | tail -n $(($# - 1))); } # NAME LINE…
check 'it is followed again' until_ 10 tells_last all \
	"$port capture plugged 534d:2109 S" "$port capture busy" "$port capture recovered reset in N ms"
check 'each object is one line, with what a program needs' exits 0 eval 'jq -es "length == 8 and
	all(.[]; (.time | fromdate > 0) and .port == \"$port\" and .id == \"534d:2109\" and .section == \"capture\") and
	map(.event) == [\"plugged\", \"busy\", \"recovered\", \"unplugged\", \"gone\", \"plugged\", \"busy\", \"recovered\"] and
	(.[2] | .state == \"recovered\" and .action == \"reset\" and .error == null and .duration_ms > 0) and
	(.[4] | .state == \"gone\" and .action == null) and (.[0] | has(\"state\") | not)" /run/json >/dev/null && [[ $(grep -c . /run/json) == 8 ]]'
stop all TERM
stop json INT
stop mine HUP
check 'without a word' equal "$(cat /run/{all,json,mine}.err)" ''

# A run that is killed writes nothing more.
plug hid bridge
check 'another section is told to who asks for it' tells other "${at[hid]} hid recovered reset\+init in [0-9]+ ms"
settled
check 'and only that' equal "$(grep -vc " ${at[hid]} hid " /run/other)" 0
emu set hid dead=1
replug recover hid >/dev/null 2>&1 &
recovering=$!
until_ 10 record_says "${at[hid]}" busy
kill -KILL "$(jq .pid "/run/replug/${at[hid]}.json")"
wait "$recovering"
check 'a run that was killed has failed' tells other "${at[hid]} hid failed: the run was killed; \`replug recover" 5
check 'that is told once' equal "$(grep -c killed /run/other)" 1
emu set hid dead=0
stop other TERM

# Readers that leave, and one that does not read.
{ timeout 20 replug watch; echo "ended with $?" >/run/ended; } 2>/run/ended.err | until_ 10 pgrep -x replug >/dev/null
check 'without a reader it ends, without an event' equal "$(cat /run/ended /run/ended.err)" 'ended with 0'
stuck() { python3 - "$port" <<-'END'
	import fcntl, json, os, signal, struct, subprocess, sys, termios, time
	path = "/run/replug/%s.json" % sys.argv[1]
	record = json.load(open(path))
	read, write = os.pipe()
	fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
	watch = subprocess.Popen(["replug", "watch"], stdout=write)
	os.close(write)
	full = lambda: struct.unpack("i", fcntl.ioctl(read, termios.FIONREAD, b"    "))[0]
	end, last, since = time.monotonic() + 30, 0, time.monotonic()
	while time.monotonic() < end and (last < 3000 or time.monotonic() - since < 0.5):
	    record.update(state="failed", error="x" * 300, when=record["when"] + 1)
	    json.dump(record, open(path + ".new", "w"))
	    os.rename(path + ".new", path)
	    if full() != last:
	        last, since = full(), time.monotonic()
	    time.sleep(0.01)
	if last < 3000:
	    sys.exit("the pipe was never full")
	watch.send_signal(signal.SIGTERM)
	sys.exit(watch.wait(10))
END
}
check 'SIGTERM ends it although its reader does not read' stuck
check 'the record is put right' exits 0 replug recover capture hid

# A broken configuration: without sections, and it says so.
configure <<<'[gaurd]'
watch broken replug watch
replug recover "usb=$port" >/dev/null 2>&1
rm -f "/run/replug/$port.json"
stop broken TERM 2
check 'a broken configuration is told at the beginning, too' grep -q 'gaurd' /run/broken.err
settings
check 'it is recovered' exits 0 replug recover capture

# On a terminal.
on() { python3 /bench/terminal.py "$@"; }
head='^PORT +SECTION +STATE +WHEN +TOOK +WHAT$' row="^$port +capture +recovered +([0-9]+ (s|min) ago|now) +[0-9]+ ms +reset"
check 'on a terminal: the table; q quits' on 24x80 mode=alternate "see=$head" "see=$row" "see=^${at[hid]} +hid +recovered" \
	'see=^EVENTS \(q quits\)$' colour=yes key=q end=0 mode=main -- "${anybody[@]}" replug watch
check 'with a selector: its rows alone' on 24x80 "see=$row" "not=^${at[hid]} " key=q end=0 -- replug watch capture
check 'it says when there is nothing, and sees another size at once' on 24x80 'see=^nothing is on record yet$' size=24x12 'see=^nothing is o$' key=q end=0 -- replug watch usb=9-9
for signal in TERM INT HUP; do
	check "SIG$signal leaves it as it was" on 24x80 "see=$row" "signal=$signal" end=0 mode=main -- replug watch
done
check 'Ctrl-C, too' on 24x80 "see=$row" 'key=\x03' end=0 mode=main -- replug watch
check 'NO_COLOR: no colour' on 24x80 "see=$row" colour=no key=q end=0 -- env NO_COLOR=1 replug watch
check 'TERM=dumb: lines, as without a terminal' on 24x80 "run=until [[ \$(</proc/\$pid/syscall) == 271* ]]; do :; done" mode=main \
	"run=replug recover capture" "see=$port capture recovered reset in" colour=no signal=TERM end=0 -- env TERM=dumb replug watch
check 'the times go on' on 24x80 "run=replug recover capture" "see=^$port +capture +recovered +1 s ago" \
	"see=^$port +capture +recovered +2 s ago" key=q end=0 -- replug watch
check 'Ctrl-Z, where nobody could continue it, does nothing' on 24x80 "see=$row" 'key=\x1a' "run=replug recover capture" \
	"see=capture recovered reset in" mode=alternate key=q end=0 -- replug watch
check 'Ctrl-Z gives the terminal back, and fg takes it again' on 24x80 'see=here' 'key=replug watch\n' mode=alternate "see=$row" \
	'key=\x1a' mode=main 'see=Stopped' 'key=fg\n' mode=alternate "see=$row" key=q mode=main 'key=exit\n' end=0 -- \
	env PS1='here ' bash --norc --noediting -i
# With -b the shell says at once what became of its jobs. It has to know that this one has stopped to continue it with the kill.
check 'in the background it waits to be in front, and can be ended there' on 24x80 'see=here' 'key=replug watch &\n' \
	'see=Stopped' mode=main 'key=kill %1\n' 'see=Done' 'key=exit\n' end=0 -- \
	env PS1='here ' bash --norc --noediting -b -i
check 'events come below the table, newest last' on 24x80 "see=$row" "run=replug recover capture" \
	"see=[0-9]{2}:[0-9]{2}:[0-9]{2} $port capture busy" "see=[0-9]{2}:[0-9]{2}:[0-9]{2} $port capture recovered reset in" \
	key=q end=0 -- replug watch

# Narrow, with names that are wide, and resized while it is at work.
wide='视频采集卡视频采集卡视频采集卡 éäö'
emu unplug dongle
check 'nothing is wider than the terminal, whatever its size' on 10x40 "see=^$port +capture +gone" \
	"run=emu plug dongle product='$wide'" 'see=capture plugged' "see=^$port +capture +recovered" \
	size=5x20 "see=^$port +capture +" size=2x3 'see=^POR' size=1x1 'see=^P' \
	size=24x80 "see=^$port +capture +recovered" 'see=plugged 534d:2109 "视.?频' "run=emu unplug dongle" \
	"see=^$port +capture +gone" 'see=capture gone' key=q end=0 -- replug watch
check 'more ports than rows: the last row says so' on 2x40 'see=^\.\.\. and [0-9]+ more' key=q end=0 -- replug watch

# Nobody is woken for nothing. The dongle is back, a few seconds old: its time changes once a second.
mark
emu plug dongle
healed dongle
settled
woken() { # PID: how often in three seconds it waited and wrote
	timeout 3 strace -o /run/trace -e trace=ppoll,write -p "$1" 2>/dev/null
	echo "$(grep -c 'ppoll(' /run/trace) $(grep -c 'write(' /run/trace)"
}
export -f woken
export port
check 'on a terminal it wakes once a second' on 24x80 "see=$row" 'run=replug recover capture' "see=^$port +capture +recovered +[1-9] s ago" \
	'run=read -r waits writes < <(woken $pid); echo "$waits $writes" | tee /run/woken; ((waits >= 2 && waits <= 5 && writes >= 1 && writes <= 4))' \
	key=q end=0 -- replug watch
echo "## waits and writes in 3 s: $(cat /run/woken)"
watch quiet replug watch
check 'without one not at all' equal "$(woken "${watcher[quiet]}")" '1 0'
stop quiet TERM
finish

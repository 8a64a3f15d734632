#!/bin/bash
# What the units may do: what a run needs, and little else.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='replug-settle@ signal,replug@ exit-code' # what is kept out
settings() { # METHOD
	configure <<-END
		[device hid]
		reset = $1
		power-off = 100ms
		[device capture]
		every = 1s
		[guard]
		cool-down = 0
		max-resets = 20
		forgive = 0
	END
}
modes() { equal "$(find /run/replug -maxdepth 1 -name "$1" -printf '%u:%g %m\n' | sort -u)" "$2"; }
did() { [[ $(jq -r '"\(.state) \(.action)"' "/run/replug/${at[hid]}.json") == "recovered $1" ]]; }
units=/usr/lib/systemd/system

for unit in replug@ replug-settle@ replug-lost replug-health replug-refresh; do
	check "$unit.service: an exposure of 1.7 at most" systemd-analyze security --no-pager --offline=yes --threshold=17 $units/$unit.service
done
check 'systemd understands every line of the units' equal \
	"$(systemd-analyze verify --man=no $units/replug{,-settle}@x.service $units/replug-{lost,health,refresh}.service 2>&1)" ''

# A drop-in for each unit: what stands in it, on standard input.
each_unit() { # NAME
	local text unit
	text=$(cat)
	for unit in replug@ replug-settle@ replug-lost replug-health replug-refresh; do
		mkdir -p /run/systemd/system/$unit.service.d
		printf '[Service]\n%s\n' "$text" >"/run/systemd/system/$unit.service.d/$1.conf"
	done
	systemctl daemon-reload
}
no_more() { rm -f /run/systemd/system/replug*.service.d/"$1.conf" && systemctl daemon-reload; } # NAME

# Whoever makes a call that the filter does not have is killed here, and not only refused: nobody gets around one unseen.
each_unit kill <<<'SystemCallErrorNumber=kill'

# A node that a rule of somebody's gives to somebody else; drivers that the first plug loads.
mkdir -p /run/udev/rules.d
printf 'SUBSYSTEM=="%s", OWNER:="4321", MODE:="0600"\n' usb tty >/run/udev/rules.d/99-mine.rules
udevadm control --reload
rm -rf /run/replug
settings usb
plug hid bridge wedge=1
check 'a wedged chip is recovered, though its nodes are another user'\''s' healed hid
settled
check 'which they are' equal "$(stat -c '%u %a' "/dev/$(node hid)")" '4321 600'
check 'the folder is for all to read' modes replug 'root:root 755'
check 'so are the records' modes '*.json' 'root:root 644'
check 'the locks are not' modes '*.lock' 'root:root 600'
for method in rebind authorize power; do
	settings $method
	replug_it hid
	check "$method in the unit" until_ 60 did "$method+init"
done
replug recover "usb=${at[hid]}" >/dev/null
check 'by hand the modes are the same' modes '*.json' 'root:root 644'
check 'of the locks, too' modes '*.lock' 'root:root 600'

# Who has a node open, of whatever user.
plug dongle capture
healed dongle
settled
setpriv --reuid=4322 --regid=4322 --groups="$(getent group video | cut -d: -f3)" --inh-caps=-all \
	sh -c 'exec sleep 600 <"$0"' "$(picture dongle)" &
holder=$!
check 'somebody has it open' until_ 10 eval '[[ $(readlink /proc/$holder/fd/0) == /dev/video* ]]'
mark
due() { replug refresh --dry-run "usb=${at[dongle]}" | grep ': due; in use by sleep '; }
check 'it is due' until_ 10 due
check 'the round of refresh' systemctl start replug-refresh.service
check 'finds whoever has the device, of whatever user' equal "$(jq .postponed "/run/replug/${at[dongle]}.json")" true
check 'and leaves it alone' saw_times 0 'dongle reset'
check 'which is told' journal_says "^${at[dongle]} .*: due, but in use by sleep .*: postponed until it is free"
kill $holder
check 'the round of health' systemctl start replug-health.service
check 'asks both' equal "$(jq -r .health "/run/replug/${at[dongle]}.json" "/run/replug/${at[hid]}.json" | xargs)" 'well well'
refused='status=31/SYS|Bad system call'
check 'and no run made a call that its filter does not have' not journal_says "$refused"
mkdir -p /run/systemd/system/replug-settle@.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/mount -t tmpfs none /mnt\n' >/run/systemd/system/replug-settle@.service.d/mount.conf
systemctl daemon-reload
check 'as one would that did' not systemctl start replug-settle@try.service
check 'and that is told' until_ 10 journal_says "$refused"
rm /run/systemd/system/replug-settle@.service.d/mount.conf
no_more kill

# Who holds the tty exclusively keeps the units out, and is named; root's own hand gets in, and so does a unit that may.
configure <<-END
	[device hid]
	reset = none
	[device capture]
	then = hid
	[guard]
	cool-down = 0
	max-resets = 20
	forgive = 0
END
replug_it hid
check 'without a reset' until_ 30 did init
settled
exec {said}< <(exec python3 -uc 'import fcntl, os, signal, sys, termios
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), termios.TIOCEXCL)
print(os.getpid())
signal.pause()' "/dev/$(node hid)")
read -rt 20 -u "$said" holder
replug_it dongle
check 'exclusively held: the unit cannot' becomes "${at[hid]}" failed 60
check 'and names who it is' grep -q "/dev/$(node hid) is in use by python3 ($holder), exclusively: " <(field "${at[hid]}" error)
settled
check 'by hand it can' exits 0 replug recover "usb=${at[hid]}"
each_unit admin <<<'CapabilityBoundingSet=CAP_SYS_ADMIN'
replug_it dongle
check 'a unit that may can' happens "hid $reset_frame" 60
settled
check 'and does' is_state "${at[hid]}" recovered
no_more admin
kill "$holder"

# A sandbox that is too tight says so, and does not call the device gone.
each_unit tight <<<'DeviceAllow='
configure <<<$'[device capture]\nreset = usb\n[guard]\ncool-down = 0\nforgive = 0'
replug_it dongle
check 'too tight a sandbox: failed' becomes "${at[dongle]}" failed 60
check 'and why' grep -q '/dev/bus/usb/.*: Operation not permitted (the sandbox of its unit' <(field "${at[dongle]}" error)
no_more tight

# And what a run may not: asked by a program in its place.
cat >/run/try <<'END'
#!/bin/bash
try() { if eval "$1" 2>/dev/null; then echo "may: $1"; else echo "may not: $1"; fi; }
try 'echo >/run/replug/tried'
try 'echo >/run/tried'
try 'echo >/etc/tried'
try 'echo >/tmp/tried'
try 'ls /home/mine'
try 'echo 1 >/proc/sys/kernel/sysrq'
try 'echo 0 >/sys/kernel/mm/ksm/run'
try 'echo 1 >/sys/module/usbcore/parameters/autosuspend'
try 'exec 3<>/sys/fs/cgroup/cgroup.procs'
try 'exec 3>/proc/sysrq-trigger'
try 'exec 3<>/proc/irq/default_smp_affinity'
try 'exec 3</proc/kcore'
try 'exec 3</dev/kmsg'
try 'exec 3<>/dev/ttyS0'
try 'exec 3</dev/mem'
try 'exec 3<>/proc/1/mem'
try 'exec 3>/dev/udp/127.0.0.1/9'
try 'mknod /run/replug/node c 1 1'
try 'chown 4321 /run/replug/tried'
try 'mount -t tmpfs none /mnt'
try 'unshare -n true'
try '[[ $(nice -n -5 nice) == -5 ]]'
END
: >/home/mine
check 'a program that is not in a unit may do all of it' equal "$(bash /run/try | grep -c '^may: ')" 22
umount /mnt
rm /run/replug/node
mkdir -p /run/systemd/system/replug@.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/bash /run/try\n' >/run/systemd/system/replug@.service.d/try.conf
systemctl daemon-reload
systemctl start replug@try.service
heard
check 'a run may write what it has to, and nothing else' equal "$(journal -u replug@try.service | grep '^may: ')" 'may: echo >/run/replug/tried'
check 'of all that was tried' equal "$(journal -u replug@try.service | grep -c '^may not: ')" 21
rm -rf /run/systemd/system/replug@.service.d /run/replug/tried /etc/tried /tmp/tried
systemctl daemon-reload
finish

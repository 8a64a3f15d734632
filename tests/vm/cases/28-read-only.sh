#!/bin/bash
# with: build/arch/replug-*.pkg.tar.*
# timeout: 400
# A box with a read-only root, as PiKVM is: the Arch package is installed while it is writable, and from then on everything
# is done with nothing but /run to write to.
. /bench/lib.sh
start_emulator
export TMPDIR=/run
configure <<-END
	[device capture]
	symlink = kvmd-video
	reset = usb, power
	timeout = 3s
	power-off = 500ms
	every = 1s
	[relay power]
	match = 16c0:05df
	pulse = 300ms
	[guard]
	max-resets = 20
	cool-down = 0
END
scriptlet() { sh -c ". /run/replug.install; $*"; } # as pacman runs it
timers=(replug-health.timer replug-refresh.timer)

# rw
make -s -C /usr/src/replug -o all -o build/replug -o build/replug-match -o build/replug-relay uninstall
groupdel replug
rm -rf /run/replug
tar -C / --exclude='.[A-Z]*' -xf /job/replug-*.pkg.tar.*
tar -xOf /job/replug-*.pkg.tar.* .INSTALL >/run/replug.install
check 'its scriptlet is content' scriptlet post_install 0.1.0-1
check 'it starts the timers and the path' systemctl -q is-active "${timers[@]}" replug-lost.path
systemctl stop "${timers[@]}"
# What pacman's hooks do, of systemd's package.
systemd-sysusers replug.conf 2>/dev/null
systemd-tmpfiles --create replug.conf
udevadm control --reload
udevadm trigger --action=change --settle

# ro. What every unit of ours asks of files is written down, of each process by itself, and the unit's sandbox lets strace do
# that: in the sandbox there would be nothing but /run/replug to write to (43-sandbox.sh).
tracing=(strace -ff -A -qq --seccomp-bpf -e trace=%file)
traced() { "${tracing[@]}" -o "/run/trace.$1" "${@:2}"; } # NAME COMMAND…
for unit in replug@ replug-settle@ replug-lost replug-health replug-refresh; do
	mkdir -p "/run/systemd/system/$unit.service.d"
	prefix="${tracing[*]//%/%%} -o /run/trace.${unit%@}"
	sed -n "s|^\(Exec[A-Za-z]*\)=|\1=\n&$prefix |p" "/usr/lib/systemd/system/$unit.service" |
		cat <(printf '[Service]\n%s\n' 'ReadOnlyPaths=' 'ReadWritePaths=/run' 'SystemCallFilter=@system-service @debug') - \
			>"/run/systemd/system/$unit.service.d/trace.conf"
done
systemctl daemon-reload
check 'the root becomes read-only' mount -o remount,ro /
for dir in / /etc /tmp /usr /var/tmp /var/lib /var/log /root; do
	check "nobody can write to $dir" not touch "${dir%/}/probe"
done
# As at the next boot.
systemctl stop replug-lost.path
rm -r /run/replug
check 'the folders are made' systemd-tmpfiles --create replug.conf
systemctl start replug-lost.path
cursor=$(journalctl -n 1 -o json | jq -r .__CURSOR)

plug dongle capture
plug hid bridge wedge=1
check 'at a plug: the dongle is recovered' healed dongle 40
check 'at a plug: the chip is recovered' healed hid 40
settled
check 'at a plug: its name is there' test -c /dev/kvmd-video
check 'by hand: a recovery' exits 0 traced hand replug recover capture hid
check 'by hand: the chip' exits 0 traced hand replug ch9329 reset hid
for verb in list status check health; do
	check "by hand: $verb" exits 0 traced hand replug $verb
done
check 'health: its service' systemctl start replug-health.service
mark
check 'refresh: its service' systemctl start replug-refresh.service
check 'refresh: recovers what is due' saw_times 1 'dongle reset'
mark
emu set dongle usb-silent=now
check 'lost: brought back by its power' happens 'dongle power-on' 60
check 'lost: recovered' becomes "${at[dongle]}" recovered 30
settled
emu unplug hid
check 'unplugged: gone' becomes "${at[hid]}" gone
looked() { [[ -z $(ls /run/replug/lost) ]] && [[ $(systemctl is-active replug-lost.service) == inactive ]]; }
check 'unplugged: looked at' until_ 20 looked
board board relay-hid
member=(setpriv --reuid=4321 --regid=4321 --groups="$(getent group replug | cut -d: -f3)" --inh-caps=-all)
mark
check 'a relay: a member of the group presses' exits 0 traced relay "${member[@]}" replug-relay pulse power
check 'a relay: pressed and let go' equal "$(moves board)" 'closed 1, opened 1'
check 'a relay: root, too' exits 0 traced relay replug-relay pulse power
# Traced, on a busy machine, it may not be in time.
check 'a relay: its state is known' until_ 20 exits 1 traced relay "${member[@]}" replug-relay get power

# Nothing was even tried.
lines() { journalctl --after-cursor="$cursor" -o cat --no-pager; }
check 'nobody complains' equal "$(lines | grep -iE 'read-only|EROFS')" ''
check 'nothing was refused' equal "$(cat /run/trace.* | grep EROFS)" ''
# Calls that write, with a path that is nowhere below these.
calls() {
	sed -nE '/^(creat|mkdir(at)?|rename(at2?)?|unlink(at)?|rmdir|link(at)?|symlink(at)?|chmod|fchmodat2?|l?chown|fchownat|truncate|mknod(at)?|utimensat)\(/p
		/^open(at)?\(.*O_(WRONLY|RDWR|CREAT|TRUNC)/p'
}
elsewhere() { calls | grep -vE '^[^"]*"/(run|dev|proc|sys)/[^"]*"([^"]*"/run/[^"]*")?[^"]*$'; }
check 'nothing was opened for writing, or made, but below /run, /dev, /proc and /sys' equal "$(cat /run/trace.* | elsewhere)" ''
for of in replug replug-lost replug-health replug-refresh hand relay; do
	check "$of: it did write below /run" test "$(cat "/run/trace.$of".* | calls | grep -c '"/run/')" -ge 1
done

# rw again, and pacman removes it.
rm -r /run/systemd/system/replug*.service.d
systemctl daemon-reload
mount -o remount,rw /
systemctl start "${timers[@]}"
check 'before it is removed, its scriptlet is content' scriptlet pre_remove 0.1.0-1
check 'it stops them' equal "$(systemctl list-units --state=active,activating,failed --plain --no-legend 'replug*')" ''
finish

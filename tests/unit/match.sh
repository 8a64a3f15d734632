#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# replug-match as udev runs it: its answers, and what it costs every plug.
. "$(dirname "$0")/tap.bash"
match=$stage/usr/lib/udev/replug-match
most=160000 # instructions; an empty program with libc has about 120000, nearly all of them the loader's

# As udev has it for a usb_device that is added.
cat >"$tmp/udev" <<'END'
ACTION=add
DEVPATH=/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.4
SUBSYSTEM=usb
DEVNAME=/dev/bus/usb/001/004
DEVTYPE=usb_device
PRODUCT=534d/2109/2100
TYPE=0/0/0
BUSNUM=001
DEVNUM=004
SEQNUM=3456
MAJOR=189
MINOR=3
USEC_INITIALIZED=12345678
ID_VENDOR=MACROSILICON
ID_VENDOR_ENC=MACROSILICON
ID_VENDOR_ID=534d
ID_MODEL=USB_Video
ID_MODEL_ENC=USB\x20Video
ID_MODEL_ID=2109
ID_REVISION=2100
ID_SERIAL=MACROSILICON_USB_Video
ID_BUS=usb
ID_USB_INTERFACES=:0e0100:0e0200:010100:010200:030000:
ID_VENDOR_FROM_DATABASE=MacroSilicon
ID_PATH=pci-0000:00:14.0-usb-0:1.4
ID_PATH_TAG=pci-0000_00_14_0-usb-0_1_4
END
with() { # VARIABLE=VALUE… -- COMMAND…: in udev's environment with these changed
	local -a vars
	mapfile -t vars <"$tmp/udev"
	while [[ $1 != -- ]]; do
		vars+=("$1")
		shift
	done
	shift
	env -i "${vars[@]}" "$@"
}
# PRODUCT and more -> its status and its output
ask() {
	local status=0
	with "$@" -- "$match" >"$tmp/out" 2>"$tmp/err" || status=$?
	echo "$status:$(tr '\n' ' ' <"$tmp/out")"
}
quiet() { [[ ! -s $tmp/err ]] || { cat "$tmp/err"; return 1; }; }

configure </dev/null
check 'a dongle belongs to capture' equal "$(ask PRODUCT=534d/2109/2100)" '0:REPLUG_DEVICE=capture '
check 'it says nothing else' quiet
check 'a bridge belongs to hid' equal "$(ask PRODUCT=1a86/7523/264)" '0:REPLUG_DEVICE=hid '
check 'another device is no match, without a word' equal "$(ask PRODUCT=bda/8153/3000)" '3:'
check 'on stderr neither' quiet
check 'an ID that only begins like a known one is no match' equal "$(ask PRODUCT=534d/210/2100)" '3:'

configure <<'END'
[device mine]
match = usb=1-1.4
expect = video4linux
symlink = kvmd-video
[device number]
match = bus=001/009 1a86:7523
init = ch9329
symlink = kvmd-hid
[device named]
match = product="No such thing"
END
check 'a port outweighs an ID, and its link is for video' \
	equal "$(ask PRODUCT=534d/2109/2100)" '0:REPLUG_DEVICE=mine REPLUG_LINK_VIDEO=kvmd-video '
check 'a bus number matches, and its link is for the tty' \
	equal "$(ask PRODUCT=1a86/7523/264 DEVNUM=009 DEVPATH=/devices/usb1/1-2)" '0:REPLUG_DEVICE=number REPLUG_LINK_TTY=kvmd-hid '
check 'without bus numbers the ID still matches' \
	equal "$(ask PRODUCT=1a86/7523/264 DEVNUM= BUSNUM= DEVPATH=/devices/usb1/1-2)" '0:REPLUG_DEVICE=hid '

configure <<<$'[device mine]\nmathc = usb=1-1.4'
check 'a broken configuration is status 2, and nothing is answered' equal "$(ask PRODUCT=534d/2109/2100)" '2:'
configure </dev/null

# Relay boards: for the rules that give their nodes away.
configure <<-END
	[relay a]
	match = 16c0:05df, 1a86:7523 usb=1-1.3
	[relay b]
	match = 067b:2303
END
check 'a relay board by its ID' equal "$(ask PRODUCT=16c0/5df/100)" '0:REPLUG_RELAY=id '
check 'a relay board by its port, and no device' equal "$(ask PRODUCT=1a86/7523/264 DEVPATH=/devices/x/1-1.3)" '0:REPLUG_RELAY=port '
check 'the same ID elsewhere is a device' equal "$(ask PRODUCT=1a86/7523/264 DEVPATH=/devices/x/1-1.4)" '0:REPLUG_DEVICE=hid '
check 'a board that no port tells apart' equal "$(ask PRODUCT=67b/2303/300)" '0:REPLUG_RELAY=id '
configure </dev/null

misused() { # COMMAND…: status 2, a message, no answer
	local status=0
	"$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	equal "$status" 2 && [[ ! -s $tmp/out ]] && holds "$(<"$tmp/err")" 'PRODUCT and DEVPATH'
}
check 'arguments are wrong usage' misused with -- "$match" something
check 'no environment is wrong usage' misused env -i "$match"
check 'no DEVPATH is wrong usage' misused env -i PRODUCT=534d/2109/2100 "$match"
check 'a PRODUCT that is none is wrong usage' misused with PRODUCT=usb -- "$match"
check '--version is told' holds "$("$match" --version 2>&1)" 'replug-match 0.'
check 'an answer that cannot be written is not a success' bash -c "env -i PRODUCT=534d/2109/2100 DEVPATH=/1-1 '$match' >/dev/full; [[ \$? == 2 ]]"

# For a node: whether it may have its name. (What decides when several want it: match-link.c, and the bench.)
link() { local status=0; env -i "${@:2}" "$match" --link >"$tmp/out" 2>"$tmp/err" || status=$?; equal "$status" "$1" && [[ ! -s $tmp/out ]]; }
node=(SUBSYSTEM=tty DEVPATH=/devices/x/99-1/99-1:1.0/ttyUSB0/tty/ttyUSB0)
check 'a node by itself may have its name' link 0 "${node[@]}" REPLUG_LINK_TTY=no-such-name
check 'it says nothing' quiet
check 'a name that leads elsewhere it may not' link 3 "${node[@]}" REPLUG_LINK_TTY=null
check 'a name of the other kind is none' link 2 "${node[@]}" REPLUG_LINK_VIDEO=no-such-name
check 'and it says so' holds "$(<"$tmp/err")" 'REPLUG_LINK must be in the environment'
check 'nor without a node' link 2 SUBSYSTEM=tty REPLUG_LINK_TTY=no-such-name
configure <<<$'[device mine]\nmathc = usb=1-1.4'
check 'while the configuration is broken it keeps it' link 0 "${node[@]}" REPLUG_LINK_TTY=no-such-name
check 'but for one that leads elsewhere' link 3 "${node[@]}" REPLUG_LINK_TTY=null
configure </dev/null

if [[ ${EMULATOR-} ]]; then # what is traced and counted below would be the emulator
	echo '## not run: what it opens, starts and costs'
	finish
fi

# What it touches. Every call that takes a path counts, and those that make a connection.
for product in 534d/2109/2100 bda/8153/3000; do
	with PRODUCT="$product" -- strace -f -s 400 -o "$tmp/trace" -e trace=%file,%network,%process "$match" >/dev/null 2>&1
	grep -oE '"/[^"]*"' "$tmp/trace" | tr -d '"' |
		grep -vE "^($match|/etc/ld\.so\.(cache|preload)|/(usr/)?lib(64)?/([a-z0-9_-]+/)?(libc\.so\.6|ld-linux[^/]*)|$stage/usr/lib/replug/replug\.conf|$stage/etc/replug\.conf(\.d)?)$" \
			>"$tmp/paths"
	check "for $product it ran under strace" grep -q execve "$tmp/trace"
	check "for $product it opens its loader, libc and the configuration, and nothing else" equal "$(<"$tmp/paths")" ''
	check "for $product it opens nothing below /dev or /sys" equal "$(grep -E '"/(dev|sys)' "$tmp/trace")" ''
	check "for $product it connects to nobody and starts nothing" \
		equal "$(grep -cE '^([0-9]+ +)?(socket|connect|v?fork|clone3?)\(' "$tmp/trace")" 0
done
check 'its only library is libc' equal "$(ldd "$match" | grep -vE 'linux-vdso|libc\.so\.6|ld-linux')" ''

# What it costs.
count() { # COMMAND…: instructions of user space
	with PRODUCT="$product" -- valgrind --tool=callgrind --callgrind-out-file="$tmp/callgrind" "$@" >"$tmp/out" 2>"$tmp/valgrind"
	sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$tmp/valgrind"
}
cheap() { [[ $1 =~ ^[0-9]+$ && $1 -le $most ]] || { echo "$1 instructions; $most are allowed"; cat "$tmp/valgrind"; return 1; }; }
echo 'int main(void) { return 0; }' | "${CC:-cc}" -O2 -x c -o "$tmp/empty" -
empty=$(count "$tmp/empty")
for product in 534d/2109/2100 1a86/7523/264 bda/8153/3000; do
	cost=$(count "$match")
	check "$product costs at most $most instructions: $cost, of an empty program's $empty" cheap "$cost"
done
for ((i = 0; i < 1000; i++)); do printf '[device d%d]\nmatch = %04x:%04x\n' $i $((0x4000 + i)) $i; done | configure
most=$((cost * 10)) cost=$(count "$match") # a look at each section for each would be 90 times
check "with a thousand sections at most $most: $cost" cheap "$cost"
mkdir "$stage/etc/replug.conf.d"
for ((i = 0; i < 1000; i++)); do printf '[device d%d]\nexpect = tty\nsymlink = l%d\n' $i $i; done >"$stage/etc/replug.conf.d/more.conf"
for i in 0 500 999; do
	check "of a thousand, [device d$i] goes on in another file" equal "$(ask "PRODUCT=$(printf %x $((0x4000 + i)))/$(printf %x $i)/100")" \
		"0:REPLUG_DEVICE=d$i REPLUG_LINK_TTY=l$i "
done
rm -r "$stage/etc/replug.conf.d"
configure </dev/null
finish

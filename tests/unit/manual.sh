#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# The manuals and the completions say what the programs know, all of it, and nothing else. What they know is asked
# of the programs, or read in the tables that they are made from.
. "$(dirname "$0")/tap.bash"
set -f # words are split here, and some hold a *
bin=$stage/usr/bin share=$stage/usr/share
replug8=$share/man/man8/replug.8 match8=$share/man/man8/replug-match.8
relay1=$share/man/man1/replug-relay.1 conf5=$share/man/man5/replug.conf.5

sorted() { printf '%s\n' "$@" | sort -u; }
same() { # WORDS WORDS: in any order; none at all are a mistake of this test
	# shellcheck disable=SC2086 # split
	[[ $1 =~ [^[:space:]] ]] && diff <(sorted $1) <(sorted $2)
}
section() { awk -v s=".Sh $2" '/^\.Sh /{on = $0 == s} on' "$1"; } # FILE NAME
heads() { # MACRO: a list's items
	awk -v m="$1" '$1 == ".It" && $2 == m {print $3; for (i = 4; i < NF; i++) if ($i == ",") print $(i + 1)}'
}
entry() { awk -v k="$1" '/^\.(It|El)/{on = 0} /^\.It/ && $3 == k {on = 1} on'; } # one item's text
table() { awk -v t="$2" 'index($0, t) {on = 1} on; on && /};/ {exit}' "$here/src/$1"; } # FILE TEXT: an array in the source
quoted() { grep -oE '"[^"]+"' | tr -d '"'; }

# --- the manuals, each by itself ---
for f in "$replug8" "$match8" "$relay1" "$conf5"; do
	# The source: what stands for a path is as long there everywhere. What is referred to need not be installed.
	check "mandoc has nothing to say about ${f##*/}" equal \
		"$(mandoc -Tlint -W style "$here/packaging/man/${f##*/}.in" 2>"$tmp/err" | grep -v 'STYLE: referenced manual not found')" ''
	name=${f##*/} name=${name%.*}
	check "${f##*/} is the manual of that name" holds "$(mandoc -Tascii "$f" 2>"$tmp/err" | head -1)" "${name^^}(${f##*.})"
done

# --- the command lines ---
declare -A verbs
synopsis() { # FILE: each verb and its options
	section "$1" SYNOPSIS | awk '/^\.Nm/{if (l) print l; l = ""} /^\.Cm/{if (l == "") l = $2 ":"}
		l && /Fl/{for (i = 2; i <= NF; i++) if ($i ~ /^-[a-z]/) l = l " " substr($i, 2)} END{if (l) print l}'
}
lines() { # each with its words sorted
	local verb options
	# shellcheck disable=SC2086 # split
	while read -r verb options; do echo "$verb" "$(sorted $options | tr '\n' ' ')"; done | sort
}
for program in replug replug-relay; do
	[[ $program == replug ]] && page=$replug8 || page=$relay1
	verbs[$program]=$("$bin/$program" --help | sed -n '3,/^$/s/^  \([a-z0-9]*\) .*/\1/p')
	for verb in ${verbs[$program]}; do
		echo "$verb: $("$bin/$program" "$verb" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | grep -vx help | tr '\n' ' ')"
	done >"$tmp/$program.options"
	check "$program: its verbs are described" same "${verbs[$program]}" "$(section "$page" VERBS | heads Cm)"
	check "$program: its verbs and their options are in the synopsis" diff <(lines <"$tmp/$program.options") <(synopsis "$page" | lines)
	takes() { grep -oE "\{\"[a-z-]+\", $1" "$here/src/$program.c" | quoted; }
	check "$program: the help names what it takes" same "$(takes '(no|required)_argument')" "help $(cut -d: -f2 "$tmp/$program.options")"
	check "$program: its options are described" same "version $(takes '(no|required)_argument')" \
		"$(section "$page" OPTIONS | sed -nE 's/^\.It Fl (h , )?-([a-z-]*).*/\2/p')"
	check "$program: those with an argument are described so" same "$(takes required_argument)" \
		"$(section "$page" OPTIONS | sed -n 's/^\.It Fl -\([a-z-]*\) Ns = .*/\1/p')"
	for option in -h --help --version; do check "$program $option" "$bin/$program" "$option"; done
done
check 'ch9329: what it takes' same "$("$bin/replug" ch9329 zzzzzzzz 2>&1 | sed -n 's/.*it has \(.*\) and \(.*\)/\1 \2/p')" \
	"$(section "$replug8" VERBS | sed -n 's/^\.It Cm ch9329 //p')"

statuses() { section "$1" 'EXIT STATUS' | sed -n 's/^\.It //p'; }
check 'exit statuses of replug' same "$(grep -oE 'STATUS_[A-Z_]+ = [0-9]+' "$here/src/status.h" | cut -d' ' -f3)" "$(statuses "$replug8")"
check 'exit statuses of replug-relay' same "$(statuses "$replug8")" "$(statuses "$relay1")"
check 'exit statuses of replug-match' same \
	"$(sed -n 's/^enum { \(MATCHED .*\) };/\1/p' "$here/src/replug-match.c" | grep -oE '[0-9]+')" "$(statuses "$match8")"
check 'which status is the worst' holds "$(section "$replug8" 'EXIT STATUS' | tr '\n' ' ')" \
	"$(sed -n 's/.* In order: \([0-9, ]*\)\..*/\1/p' "$here/src/status.h")"

# --- words ---
methods=$(table ladder.c ' ladder[' | quoted)
check 'states' same "$(table record.c 'record_state_name[' | quoted)" "$(section "$replug8" STATES | heads Cm)"
check 'methods' same "$methods" "$(section "$replug8" 'RESET METHODS' | heads Cm)"
check 'verdicts of health' same "$(table health.c 'health_name[]' | quoted)" \
	"$(section "$replug8" VERBS | entry health | sed -n '/^The answers/,$s/^\.Cm \([a-z]*\).*/\1/p')"
check 'what hubs claim' same "$(table port.c 'hub_power_name[]' | quoted)" \
	"$(section "$replug8" VERBS | entry list | sed -n '/^is what the hub/,$s/^\.Cm \([a-z ]*[a-z]\).*/\1/p')"
check 'metrics' same "$(table health-show.c 'metric[METRICS_N]' | grep -oE '"replug_[a-z_]+"' | tr -d '"')" "$(section "$replug8" METRICS | heads Va)"
variables() { sed -n 's/^\.Va //p' | tr ' ' '\n' | grep -E '^[a-z_]+$'; }
fields() { (cd "$here/src" && tr -d '\n\t' < <(cat "$@") | grep -oE 'add\((o|chip), ?"[a-z_]+"') | quoted; }
check 'fields of JSON' same "$(fields show.c show-status.c watch-event.c health-show.c)" "$(section "$replug8" 'JSON OUTPUT' | variables)"
check 'fields of JSON of replug-relay' same "$(fields relay-list.c)" "$(section "$relay1" OPTIONS | variables)"
check 'properties of replug-match' same "$(grep -oE 'REPLUG_[A-Z]+(_[A-Z]+)?=' "$here/src/replug-match.c" | tr -d =)" \
	"$(section "$match8" DESCRIPTION | heads Va)"
check 'its environment' same "$(grep -oE '\{"[A-Z]+="|getenv\("[A-Z_]+"' "$here/src/replug-match.c" | grep -oE '[A-Z_]+')" "$(section "$match8" ENVIRONMENT | heads Ev)"
check 'the environment of replug' same "$(grep -rohE --exclude=replug-match.c 'getenv\("[A-Z_]+"' "$here/src" | quoted)" \
	"$(section "$replug8" ENVIRONMENT | heads Ev)"
check 'selectors' same "$(table selector.c 'keys[] =' | quoted)" "$(section "$conf5" SELECTORS | sed -n 's/^\.It Cm \([a-z]*\) Ns =.*/\1/p')"

# --- replug.conf: the tables of keys, and what the program says of each ---
kinds=$(table config-lines.c 'kinds[] =' | quoted)
check 'sections' same "$kinds" "$(sed -nE 's/^\.Sh (.*) SECTIONS?$/\L\1/p' "$conf5")"
# What is documented of each key: "KIND KEY", "… default VALUE", "… range FROM TO", "… word WORD".
awk '
	function flush(  i, part, w) {
		for (i = 1; i <= n; i++) {
			print kind, key[i]
			if (value != "") print kind, key[i], "default", value
			if (match(text, /from [0-9a-z]+ to [0-9a-z]+/)) {
				split(substr(text, RSTART, RLENGTH), part, " ")
				print kind, key[i], "range", part[2], part[4]
			}
			for (w in word) print kind, key[i], "word", w
		}
		n = 0; text = value = ""; split("", word)
	}
	/^\.Sh/ {flush(); kind = $3 ~ /^SECTION/ ? tolower($2) : ""}
	!kind {next}
	/^\.It/ {flush()}
	/^\.It Cm/ {key[n = 1] = $3; for (i = 4; i < NF; i++) if ($i == ",") key[++n] = $(i + 1); next}
	/^\.Cm/ && last == "The default is" {value = substr($0, 5); sub(/ \.$/, "", value); gsub(/ ,/, ",", value)}
	/^\.Cm/ {for (i = 2; i <= NF; i++) if ($i ~ /^[a-z0-9-]+$/) word[$i]}
	!/^\./ {text = text " " $0}
	{last = $0}
' "$conf5" >"$tmp/documented"
documented() { awk -v w="$1" 'w == "" ? NF == 2 : $3 == w' "$tmp/documented"; }
for kind in $kinds; do
	check "keys of [$kind]" same "$(table config-keys.c " ${kind}_key[]" | sed -n 's/^\t{"\([a-z-]*\)",.*/\1/p')" \
		"$(documented '' | sed -n "s/^$kind //p")"
done
asked() { # VALUE: what `replug check` says of each documented key that is set to this
	documented '' | awk -v v="$1" '$1 != kind {kind = $1; print kind == "guard" ? "[guard]" : "[" kind " zz]"} {print $2 " = " v}' >"$tmp/asked"
	configure <"$tmp/asked"
	"$bin/replug" check 2>&1 >"$tmp/out" | sed -n "s|^$stage/etc/replug.conf:\([0-9]*\): |\1 |p" |
		awk 'NR == FNR {if (/^\[/) {gsub(/[][]/, ""); kind = $1} else at[FNR] = kind " " $1; next} {$1 = at[$1]; print}' "$tmp/asked" -
}
asked zzzzzzzzzzzzzzzz >"$tmp/words"
asked 99999999h >"$tmp/ranges"
check 'no key is documented that the program does not know' equal "$(grep 'not a key' "$tmp/words")" ''
# The longest time that fits in a number is nobody's choice.
known_ranges() { sed -nE 's/^([a-z]+ [a-z-]+) .*from ([0-9a-z]+) to ([0-9a-z]+)$/\1 range \2 \3/p' "$tmp/words" "$tmp/ranges" | sort -u; }
check 'ranges' diff <(known_ranges) <(documented range | sort)
check 'there are some' test "$(known_ranges | wc -l)" -ge 10
printf '[device zz]\nmatch = usb=9-9\n[relay zz]\nmatch = usb=9-8\n' | configure
# `momentary` follows `pulse`.
known_defaults() {
	"$bin/replug" check | awk '/^\[/{kind = /guard/ ? "guard" : substr($1, 2); mine = / zz\]/ || kind == "guard"}
		mine && /# default$/ && !/^momentary/ {sub(/ *# default$/, ""); sub(/ = /, " default "); print kind, $0}' | sort
}
check 'defaults' diff <(known_defaults) <(documented default | sort)
check 'there are some, too' test "$(known_defaults | wc -l)" -ge 15
# protocol's words have a section.
known_words() { sed -n 's/^\([a-z]* [a-z-]*\) .* valid are /\1 word /p' "$tmp/words" | tr -d , | grep -v '^relay protocol'; }
check 'words that a key takes, and no others but keys' equal "$(known_words | awk '
	NR == FNR {for (i = 4; i <= NF; i++) known[$1, $2, $i]; listed[$1, $2]; next}
	NF == 2 {key[$1, $2]; next}
	$3 == "word" {said[$1, $2, $4] = 1}
	END {
		for (k in known) if (!(k in said)) {sub(SUBSEP, " ", k); sub(SUBSEP, ": ", k); print k " is not documented"}
		for (k in said) {
			split(k, p, SUBSEP)
			if ((p[1], p[2]) in listed && !(k in known) && !((p[1], p[3]) in key)) print p[1] " " p[2] ": there is no " p[3]
		}
	}' - "$tmp/documented")" ''
check 'there are some of them' test "$(known_words | wc -l)" -ge 7
protocols=$(sed -n 's/^relay protocol .*valid are //p' "$tmp/words" | tr -d ,)
rates=$(sed -n 's/^device baud .*valid are //p' "$tmp/words" | tr -d ,)
check 'protocols' same "$protocols" "$(section "$conf5" 'RELAY PROTOCOLS' | heads Cm)"

awk -v dir="$tmp" '/^\.Bd -literal/{n++; on = 1; next} /^\.Ed/{on = 0} on && !/^udevadm/{print > (dir "/example." n)}' "$conf5"
examples=0
for e in 2 3 4 5 6; do
	configure <"$tmp/example.$e"
	check "example $((++examples)) of replug.conf is accepted" "$bin/replug" check
done
check 'there is no other example' test ! -e "$tmp/example.7"
configure </dev/null

# --- files ---
paths() { sed -nE 's/^\.(It )?Pa //p' "$@" | sed 's/ [.,;]$//' | sort -u; }
make -s -C "$here" B="$stage/obj" PREFIX="$stage/usr" SYSCONFDIR="$stage/etc" SYSTEMD=no DESTDIR="$tmp/run" install >/dev/null
lost() { # what is documented below the prefix and installed neither with systemd nor without
	local p
	while read -r p; do [[ $p != "$stage"/usr/* || -e $p || -e $tmp/run$p ]] || echo "$p"; done < <(paths "$replug8" "$match8" "$relay1" "$conf5")
}
check 'each file that is documented is installed' equal "$(lost)" ''
installed() {
	{ find "$stage/usr" -type f && find "$tmp/run" -type f -printf '/%P\n'; } |
		grep -vE "^($share/man|$bin)/|complet" | sort -u
}
check 'each file that is installed is documented' equal \
	"$(comm -23 <(installed) <(paths "$replug8" "$match8" "$relay1" "$conf5"))" ''
check 'each unit is explained' same "$(cd "$stage/usr/lib/systemd/system" && find . -maxdepth 1 -name 'replug*' -printf '%f\n')" \
	"$(paths <(section "$replug8" UNITS) | grep ^replug)"

# --- completion ---
mkdir "$tmp/bin"
cat >"$tmp/bin/replug" <<END
#!/bin/bash
case \$1 in check | status) exec cat "$tmp/\$1" ;; esac
printf '%s\n' "\$*" >>"$tmp/ran"
END
cp "$tmp/bin/replug" "$tmp/bin/replug-relay"
chmod +x "$tmp/bin/replug" "$tmp/bin/replug-relay"
# What a device may call itself: whatever of it is evaluated leaves a file.
evil="\$(touch\${IFS}$tmp/owned)"
configure <<END
[device dongle]
match = product="$evil\`touch $tmp/owned\`"
[relay power]
match = serial="\`touch $tmp/owned\`"
END
"$bin/replug" check 2>"$tmp/err" | sed '/^# plugged devices/,$d' >"$tmp/check"
configure </dev/null
cat >>"$tmp/check" <<END
[device $evil]
[relay $evil]
[relay a;touch]
# plugged devices
PORT     ID         SECTION        WHY                        NODES
1-1.2    534d:2109  dongle         match = product="$evil"    /dev/video0 /dev/$evil
1-1.3    1a86:7523  [relay power]  match = serial="\`touch $tmp/owned\`"  /dev/ttyUSB0
1-1.4    16c0:05df  -              no section's match names it  -
$evil  534d:2109  -  -  -
1-1;touch\${IFS}$tmp/owned  534d:2110  -  -  -
1-1.5  ;touch\${IFS}$tmp/owned  -  -  -
END
cat >"$tmp/status" <<END
PORT   ID         SECTION  STATE      WHEN                  TOOK    WHAT
1-1.2  534d:2109  dongle   recovered  2026-11-24T09:31:03Z  412 ms  $evil
2-3    534d:2109  dongle   silent     2026-11-24T09:31:03Z  412 ms  gone silent
2-4    534d:2109  dongle   gone       2026-11-24T09:31:03Z  412 ms  silent
$evil  534d:2109  dongle   silent     2026-11-24T09:31:03Z  412 ms  $evil
END
sections='capture hid dongle' selectors='usb=1-1.2 usb=1-1.3 usb=1-1.4 usb=2-3 534d:2109 1a86:7523 16c0:05df'
ports='1-1.2 1-1.3 1-1.4 2-3' targets='power usb=1-1.3 usb=1-1.4'

# What is typed, a tab, and what is to be offered; sorted. How a shell shows that a value follows, and whether it
# repeats the option before a value, is its own; and zsh offers options where there is nothing else.
questions() {
	local program verb options
	ask() { printf '%s\t%s\n' "$1" "${2//$'\n'/ }"; }
	for program in replug replug-relay; do
		ask "$program " "${verbs[$program]}"
		ask "$program --" '--help --version'
		while read -r verb options; do
			ask "$program ${verb%:} --" "--help ${options:+--${options// / --}}"
		done <"$tmp/$program.options"
	done
	ask 'replug re' 'recover reset refresh'
	ask 'replug frobnicate ' ''
	ask 'replug reset --method=' "$methods"
	ask 'replug reset --method=p' power
	ask 'replug reset --method ' "$methods"
	ask 'replug ch9329 ' 'info reset'
	ask 'replug ch9329 --baud 9600 ' 'info reset'
	ask 'replug ch9329 info --baud=' "$rates"
	for verb in list status watch recover reset health refresh 'ch9329 info' 'recover usb=1-1.2'; do
		ask "replug $verb " "$sections $selectors"
	done
	ask 'replug recover usb=1-1.' 'usb=1-1.2 usb=1-1.3 usb=1-1.4'
	ask 'replug recover 534d:' 534d:2109
	ask 'replug recover --dry-run d' dongle
	for verb in check lost 'gone 1-1.2'; do ask "replug $verb " ''; done
	for verb in gone settle 'settle 1-1.2'; do ask "replug $verb " "$ports"; done
	for verb in pulse on off toggle get; do
		ask "replug-relay $verb " "$targets"
		ask "replug-relay $verb power " ''
		ask "replug-relay $verb --protocol=" "$protocols"
		ask "replug-relay $verb --channel=" '1 2 3 4 5 6 7 8'
	done
	ask 'replug-relay pulse --for=' ''
	ask 'replug-relay pulse --channel 1 p' power
	for verb in list release; do ask "replug-relay $verb " ''; done
}
normal() {
	awk -F'\t' '{
		n = split($2, w, " ")
		for (i = 1; i <= n; i++) {
			sub(/=$/, "", w[i])
			if ($1 !~ /-$/) sub(/^--?[a-z-]*=?/, "", w[i])
			if (w[i] == "-h") w[i] = ""
			for (j = i; j > 1 && w[j] "" < w[j - 1] ""; j--) {t = w[j]; w[j] = w[j - 1]; w[j - 1] = t}
		}
		printf "%s\t", $1
		for (i = 1; i <= n; i++) if (w[i] != "" && (i == 1 || w[i] != w[i - 1])) printf " %s", w[i]
		print ""
	}'
}
answers() { # SHELL DIRECTORY: what is completed to, with the programs of that directory
	local PATH=$2:$PATH HOME=$tmp ask=$here/tests/unit/completion/ask.$1
	cut -f1 "$tmp/questions" >"$tmp/typed"
	case $1 in
	bash) bash --norc "$ask" "$share/bash-completion/completions/replug" <"$tmp/typed" ;;
	fish) fish -N "$ask" "$share/fish/vendor_completions.d" <"$tmp/typed" ;;
	zsh) timeout 20 zsh -f "$ask" "$share/zsh/vendor-completions" "$tmp/typed" "$tmp/answers" && cat "$tmp/answers" && cat "$tmp/answers.err" >&2 ;;
	esac 2>"$tmp/err" | normal
}
questions | normal >"$tmp/questions"
check 'there is a question for each verb and more' test "$(wc -l <"$tmp/questions")" -gt 60
for shell in bash zsh fish; do
	answers "$shell" "$tmp/bin" >"$tmp/answered"
	check "$shell completes what there is, and nothing else" diff "$tmp/questions" "$tmp/answered"
	check "$shell says nothing meanwhile" equal "$(<"$tmp/err")" ''
done
check 'nothing of what a device says of itself was evaluated' test ! -e "$tmp/owned"

# The program itself: without a device that it knows, and with a configuration that is broken.
printf '%s\t%s\n' 'replug recover ca' capture 'replug-relay pulse po' power >"$tmp/questions"
for shell in bash zsh fish; do
	printf '[relay power]\nmatch = 16c0:05df\n' | configure
	answers "$shell" "$bin" >"$tmp/answered"
	check "$shell asks the program for sections" diff <(normal <"$tmp/questions") "$tmp/answered"
	printf '[relay power]\nmatch = 16c0\n' | configure
	answers "$shell" "$bin" >"$tmp/answered"
	check "$shell has none of a broken configuration" diff <(cut -f1 "$tmp/questions" | normal) "$tmp/answered"
	check "$shell is silent about it" equal "$(<"$tmp/err")" ''
done
configure </dev/null

# bash as it is typed into, with readline's own idea of words: what is typed, and the command that is run.
typed=(
	$'replug rec\tusb=2\t' 'recover usb=2-3'
	$'replug rec\t1a86:\t' 'recover 1a86:7523'
	$'replug rese\t--m\tpow\tusb=2-\t' 'reset --method=power usb=2-3'
	$'replug recover \'usb=2\t' 'recover usb=2-3'
	$'replug-relay pu\tpo\t' 'pulse power'
	$'replug list /dev/nul\t' 'list /dev/null'
)
for ((i = 0; i < ${#typed[@]}; i += 2)); do
	echo "${typed[i]}" >>"$tmp/keys"
	echo "${typed[i + 1]}" >>"$tmp/wanted"
done
: >"$tmp/ran"
cat - "$tmp/keys" <<<"PS1=; . $share/bash-completion/completions/replug" |
	PATH=$tmp/bin:$PATH TERM=dumb timeout 20 script -qec 'bash --norc --noprofile -i' "$tmp/screen" >"$tmp/out"
check 'bash completes what is typed' diff "$tmp/wanted" "$tmp/ran"
finish

#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# tests/run itself: whatever goes wrong in a file is counted, and nothing goes unseen.
. "$(dirname "$0")/tap.bash"
mkdir -p "$tmp/tests/vm"
cp "$here/tests/run" "$tmp/tests/run"
cat >"$tmp/tests/vm/run" <<'END'
#!/bin/bash
echo "# vm $*"
exec bash "${@: -1}"
END
chmod +x "$tmp/tests/vm/run"

# WANTED-LAST-LINE WANTED-TEXT SCRIPT [OPTION]: what the runner makes of a file
counts() {
	local want=$1 text=$2 status=0
	printf '#!/bin/bash\n%s\n' "$3" >"$tmp/case"
	chmod +x "$tmp/case"
	"$tmp/tests/run" ${4:+"$4"} "$tmp/case" >"$tmp/out" 2>&1 || status=$?
	equal "$(tail -1 "$tmp/out")" "$want" && holds "$(<"$tmp/out")" "$text" || { cat "$tmp/out"; return 1; }
	if [[ $want == *' 0 failed' ]]; then equal "$status" 0; else equal "$status" 1; fi
}
good=$'echo 1..2\necho ok 1 - a\necho ok 2 - b'

check 'good tests are counted' counts '2 passed, 0 failed' '' "$good"
check 'a plan may come last' counts '1 passed, 0 failed' '' $'echo ok 1 - a\necho 1..1'
check 'a failure is counted, and all the output shown' \
	counts '1 passed, 1 failed' 'the reason' $'echo 1..2\necho ok 1 - a\necho "# the reason" >&2\necho not ok 2 - b\nexit 1'
check 'a failure that exits 0 is one' counts '0 passed, 1 failed' 'not ok 1' $'echo 1..1\necho not ok 1 - a'
check 'a bad exit without a failure is one' counts '2 passed, 1 failed' 'exit status 3' "$good"$'\nexit 3'
check 'so is a death by signal' counts '2 passed, 1 failed' 'exit status 137' "$good"$'\nkill -9 $$'
check 'fewer tests than planned are a failure' counts '1 passed, 1 failed' '' $'echo 1..2\necho ok 1 - a'
check 'more are one too' counts '2 passed, 1 failed' '' $'echo 1..1\necho ok 1 - a\necho ok 2 - b'
check 'no plan is a failure' counts '1 passed, 1 failed' 'plan' 'echo ok 1 - a'
check 'no tests are a failure' counts '0 passed, 1 failed' 'no tests' 'echo 1..0'
check 'silence is a failure' counts '0 passed, 1 failed' 'no tests' ':'
check 'a skipped test is a failure' counts '1 passed, 1 failed' 'skipped' $'echo 1..2\necho ok 1 - a\necho "ok 2 - b # SKIP no root"'
check 'a file that is skipped as a whole is one' counts '0 passed, 1 failed' '' 'echo "1..0 # SKIP no root"'
check 'a comment is no test' counts '2 passed, 0 failed' '' "$good"$'\necho "# not ok - x"\necho "okay then"'
missing() {
	"$tmp/tests/run" "$tmp/nothing" >"$tmp/out" 2>&1 && return 1
	equal "$(tail -1 "$tmp/out")" '0 passed, 1 failed'
}
check 'a file that is not there is a failure' missing

check 'in the virtual machine it is counted alike' counts '2 passed, 0 failed' '' "$good" --vm
check 'what a case asks for is passed on' counts '2 passed, 1 failed' '# vm --early tests/vm/x.sh --timeout 77 ' \
	$'# timeout: 77\n# early: x.sh\n'"$good"$'\nexit 1' --vm
touch "$tmp/tests/one.deb" "$tmp/tests/two.deb"
check 'files that it wants are looked up' counts '2 passed, 1 failed' '# vm --with tests/one.deb --with tests/two.deb --timeout' \
	$'# with: tests/*.deb\n'"$good"$'\nexit 1' --vm
for status in 124 125; do
	check "a machine that gives up with $status is a failure whose message is shown" \
		counts '0 passed, 1 failed' 'vm/run: it was not done' $'echo "vm/run: it was not done" >&2\nexit '$status --vm
done
both() {
	printf '#!/bin/bash\n%s\n' "$good" >"$tmp/case"
	"$tmp/tests/run" "$tmp/case" --vm "$tmp/case" "$tmp/case" >"$tmp/out" 2>&1 && equal "$(tail -1 "$tmp/out")" '6 passed, 0 failed'
}
check 'files of both kinds are one total' both
finish

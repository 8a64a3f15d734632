#!/bin/bash
# Fuzzing: each target that is built in build/fuzz for FUZZ_SECONDS (60), beginning with the inputs in tests/fuzz/corpus and
# those that earlier runs have left in build/fuzz/corpus. An input that breaks one is kept, and printed for replay. TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${FUZZ_SECONDS:-60} seed=${SEED:-$RANDOM} dir=build/fuzz n=0 failures=0
targets=()
for source in tests/fuzz/*.c; do targets+=("$(basename "$source" .c)"); done

fuzz() { # TARGET: its word in TARGET.log; of the time that others leave
	local known=$dir/corpus/$1 broken=$dir/broken
	mkdir -p "$known" "$broken"
	rm -f "$broken/$1"-*
	exec nice -n 19 timeout -k 5 $((seconds + 60)) "$dir/$1" -max_total_time="$seconds" -seed="$seed" -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$broken/$1-" "$known" "tests/fuzz/corpus/$1" \
		>"$dir/$1.log" 2>&1 </dev/null
}
figure() { sed -n "s/^$2 *//p" "$dir/$1.log" | tail -1; }

# It ran, it found nothing, and it was not refusing everything.
report() { # TARGET STATUS
	local log=$dir/$1.log runs covered took file bad='' seeds=(tests/fuzz/corpus/"$1"/*)
	runs=$(figure "$1" stat::number_of_executed_units:)
	covered=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log" | tail -1)
	took=$(sed -n 's/^taken \([0-9]*\) refused.*/\1/p' "$log" | tail -1)
	(($2 == 0)) || bad="exit status $2"
	((${runs:-0} > ${#seeds[@]} && ${covered:-0} > 20 && ${took:-0} > 0)) || bad=${bad:-it did not get anywhere}
	n=$((n + 1))
	if [[ -z $bad ]]; then
		echo "ok $n - $1: nothing breaks it"
		echo "## $1: $runs runs, $((runs / (seconds + 1)))/s, $covered branches, $took inputs taken"
		return
	fi
	echo "not ok $n - $1: nothing breaks it"
	echo "# $bad; seed $seed"
	grep -aE '^(tests|src)/|ERROR:|SUMMARY:|^ +#[0-9]+ .*/(src|tests)/' "$log" | head -20 | sed 's/^/#   /'
	for file in "$dir/broken/$1"-*; do
		[[ -e $file ]] || { tail -5 "$log" | sed 's/^/#   /'; break; }
		printf '# again: base64 -d >input <<<%s; %s input\n' "$(base64 -w0 "$file")" "$dir/$1"
	done
	failures=$((failures + 1))
}

for ((i = 0; i < ${#targets[@]}; i += 4)); do # four at a time: beside the machines, and people wait for them
	pids=()
	for target in "${targets[@]:i:4}"; do
		(fuzz "$target") &
		pids+=($!)
	done
	for target in "${targets[@]:i:4}"; do
		wait "${pids[0]}"
		report "$target" $?
		pids=("${pids[@]:1}")
	done
done
echo "1..$n"
exit $((failures > 0))

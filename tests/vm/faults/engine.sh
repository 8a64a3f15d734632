# shellcheck shell=bash
# One system call of a command fails, and what came of it is judged. Sourced by the sweeps.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# So many of each kind of call, if there are more: evenly, and other ones each time. 0: all.
most=${1:-${most:-0}}

# The calls, and how each fails: as the kernel has it when descriptors, memory or room are out, or a device is gone bad.
classes=(
	'openat EMFILE' 'ioctl EIO' 'read,pread64 EIO' 'write,pwrite64 ENOSPC' 'poll,ppoll ENOMEM' 'rename ENOSPC'
	'clone,clone3,fork EAGAIN' 'brk,mmap ENOMEM' 'getdents64 EIO' 'readlink ENOMEM' 'access ENOMEM'
	'newfstatat ENOMEM' 'flock ENOLCK' 'mkdir,unlink EROFS' 'chmod,fchmod EPERM' 'ftruncate EIO'
	'socket,socketpair,pipe2,eventfd2,timerfd_create EMFILE' 'bind,setsockopt ENOMEM'
	'sendmsg,sendto,recvmsg,recvfrom ENOMEM' 'timer_create,timer_settime,setitimer EAGAIN'
	'rt_sigtimedwait,wait4 EINTR' 'rt_sigaction,rt_sigprocmask EIO'
)

never_more() { equal "$(find /run/replug -name '*.new' -o -name '*.stuck')" ''; }
# The judges print what is wrong with $status, /run/out and /run/err of a command, of which the call in $failed failed.
common() {
	((status <= 5)) || echo "exit status $status"
	# The word itself may be what could not be written.
	((status == 0)) || [[ -s /run/out || -s /run/err || $failed == *' write /run/err'* ]] || echo "status $status without a word"
	never_more
}

# NAME JUDGE COMMAND…: once without a failure, which is what it is measured by; then with each call failing.
sweep() {
	local name=$1 judge=$2 class calls error tried at bad wrong failed total=0 step number
	local -A count=()
	shift 2
	before
	timeout 60 "$@" >/run/good 2>/run/good.err
	before
	timeout 60 failat -c -o /run/counts "$@" >/dev/null 2>&1
	while read -r calls number; do count[$calls]=$number; done </run/counts
	for class in "${classes[@]}"; do
		read -r calls error <<<"$class"
		number=0
		for at in ${calls//,/ }; do number=$((number + count[$at])); done
		step=1 tried=0 bad=0
		((most == 0 || number <= most)) || step=$((number / most))
		for ((at = RANDOM % step + 1; ; at += step)); do
			before
			status=0
			timeout 60 failat -o /run/failed "$calls" "$error" "$at" "$@" >/run/out 2>/run/err || status=$?
			[[ -s /run/failed ]] || break
			((++tried))
			failed=$(</run/failed)
			wrong=$("$judge")
			[[ $wrong ]] || continue
			((++bad))
			echo "# $name, $error from $failed: status $status"
			sed 's/^/#   /' <<<"$wrong"
			head -n 3 /run/err | sed 's/^/#   stderr: /'
		done
		((tried)) || continue
		total=$((total + tried))
		check "$name: $tried of $number failures of $calls ($error)" equal "$bad" 0
	done
	echo "## $name: $total system calls failed, one at a time"
}
before() { :; }

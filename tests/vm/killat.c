/*
 * killat [-aw] [-s SIGNAL] N COMMAND…: runs replug and sends a signal (9) to the run that owes something, right
 * before the Nth of its system calls from the one on that puts the debt on record; with -w of all its calls, whether
 * it owes something or not; with -a to its parent, too. Exit status: 0 the signal was sent, 3 the debt was paid, or
 * with -w the run was over, before the Nth call, 1 trouble. Prints how many calls there were.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t first, debtor; /* the command; the process that owes, 0: none does yet */
static bool all, whole, done, paid;
static int with = SIGKILL;
static long calls, wanted;

/* 1: this call puts a debt on record. -1: it puts on record that there is none. 0: neither. */
static int debt(pid_t pid, const struct user_regs_struct *r)
{
	char text[8192];
	size_t len = r->rdx < sizeof(text) - 1 ? r->rdx : sizeof(text) - 1;
	struct iovec here = {text, len}, there = {(void *)r->rsi, len};

	if (r->orig_rax != SYS_write || process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)len)
		return 0;
	text[len] = '\0';
	const char *owed = strstr(text, "\"owed\":\"");
	return !owed ? 0 : owed[8] == '"' ? -1 : 1;
}

static void at_call(pid_t pid)
{
	struct user_regs_struct r;

	if (done || paid || pid == first || ptrace(PTRACE_GETREGS, pid, 0, &r))
		return;
	int is = whole ? 0 : debt(pid, &r);
	if (!debtor && (whole || is > 0))
		debtor = pid;
	else if (debtor == pid && is < 0)
		paid = true; /* but for this very call: it is in the window */
	if (debtor != pid || ++calls != wanted)
		return;
	done = true;
	kill(pid, with);
	if (all)
		kill(first, with);
}

int main(int argc, char **argv)
{
	int o, status;

	while ((o = getopt(argc, argv, "+aws:")) != -1) {
		if (o == 'a')
			all = true;
		else if (o == 'w')
			whole = true;
		else if (o == 's')
			with = atoi(optarg);
		else
			return 1;
	}
	if (argc - optind < 2)
		return 1;
	wanted = atol(argv[optind]);
	first = fork();
	if (!first) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[optind + 1], argv + optind + 1);
		_exit(127);
	}
	if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status) ||
		ptrace(PTRACE_SETOPTIONS, first, 0,
			PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE |
				PTRACE_O_TRACEVFORK))
		return 1;
	bool enters[65536] = {false};
	ptrace(PTRACE_SYSCALL, first, 0, 0);
	for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
		if (!WIFSTOPPED(status))
			continue;
		int sig = WSTOPSIG(status);
		bool *enter = &enters[pid % 65536];
		if (sig == (SIGTRAP | 0x80)) {
			*enter = !*enter;
			if (*enter)
				at_call(pid);
			sig = 0;
		} else if (status >> 16 || sig == SIGSTOP) {
			sig = 0; /* a fork, or the beginning of what was forked */
		}
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
	}
	printf("%ld\n", calls);
	return done ? 0 : 3;
}

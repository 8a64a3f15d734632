/*
 * failat [-o FILE] CALL[,CALL…] ERROR N COMMAND…: runs COMMAND and has the Nth of those system calls fail, in it or
 * in whatever it starts: the kernel does not see it. They are counted from the program's own beginning on; what the
 * loader did before is not ours. Exit status: that of COMMAND, 128 and the signal it died of, 126 trouble of our own.
 * FILE says "N CALL WHAT" of the call that failed, and is empty where there were fewer. failat -c -o FILE COMMAND…:
 * none fails, and FILE has a line "CALL COUNT" for each.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static const struct {
	const char *name;
	long number;
	int path, fd; /* which argument is a path, or a descriptor; 0: none */
} calls[] = {
	{"openat", SYS_openat, 2, 0},
	{"ioctl", SYS_ioctl, 0, 1},
	{"read", SYS_read, 0, 1},
	{"pread64", SYS_pread64, 0, 1},
	{"write", SYS_write, 0, 1},
	{"pwrite64", SYS_pwrite64, 0, 1},
	{"poll", SYS_poll, 0, 0},
	{"ppoll", SYS_ppoll, 0, 0},
	{"rename", SYS_rename, 1, 0},
	{"clone", SYS_clone, 0, 0},
	{"clone3", SYS_clone3, 0, 0},
	{"fork", SYS_fork, 0, 0},
	{"brk", SYS_brk, 0, 0},
	{"mmap", SYS_mmap, 0, 0},
	{"flock", SYS_flock, 0, 1},
	{"fchmod", SYS_fchmod, 0, 1},
	{"chmod", SYS_chmod, 1, 0},
	{"mkdir", SYS_mkdir, 1, 0},
	{"unlink", SYS_unlink, 1, 0},
	{"ftruncate", SYS_ftruncate, 0, 1},
	{"getdents64", SYS_getdents64, 0, 1},
	{"readlink", SYS_readlink, 1, 0},
	{"access", SYS_access, 1, 0},
	{"newfstatat", SYS_newfstatat, 2, 1},
	{"socket", SYS_socket, 0, 0},
	{"socketpair", SYS_socketpair, 0, 0},
	{"bind", SYS_bind, 0, 1},
	{"setsockopt", SYS_setsockopt, 0, 1},
	{"sendmsg", SYS_sendmsg, 0, 1},
	{"sendto", SYS_sendto, 0, 1},
	{"recvmsg", SYS_recvmsg, 0, 1},
	{"recvfrom", SYS_recvfrom, 0, 1},
	{"rt_sigtimedwait", SYS_rt_sigtimedwait, 0, 0},
	{"wait4", SYS_wait4, 0, 0},
	{"rt_sigaction", SYS_rt_sigaction, 0, 0},
	{"rt_sigprocmask", SYS_rt_sigprocmask, 0, 0},
	{"timer_create", SYS_timer_create, 0, 0},
	{"timer_settime", SYS_timer_settime, 0, 0},
	{"setitimer", SYS_setitimer, 0, 0},
	{"timerfd_create", SYS_timerfd_create, 0, 0},
	{"eventfd2", SYS_eventfd2, 0, 0},
	{"pipe2", SYS_pipe2, 0, 0},
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static const struct {
	const char *name;
	int number;
} errors[] = {{"EAGAIN", EAGAIN}, {"EINTR", EINTR}, {"EIO", EIO}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM},
	{"ENOSPC", ENOSPC}, {"ENODEV", ENODEV}, {"ENOLCK", ENOLCK}, {"EROFS", EROFS}, {"EPERM", EPERM}};
enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

static bool wanted[CALLS];
static long count[CALLS];
static int error;
static long n, seen;
static pid_t no_memory; /* whose brk() has just failed */
static unsigned long long end_wanted;
static const char *report;

static void show(pid_t pid, int call, const struct user_regs_struct *r)
{
	const unsigned long long arg[] = {0, r->rdi, r->rsi, r->rdx};
	char what[256] = "", link[64];
	int fd = report ? open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;

	if (calls[call].path) {
		struct iovec here = {what, sizeof(what) - 1},
			     there = {(void *)(uintptr_t)arg[calls[call].path], sizeof(what) - 1};
		if (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0) { /* it may end at a page's end */
			there.iov_len = here.iov_len = 4096 - (arg[calls[call].path] & 4095);
			here.iov_len = here.iov_len < sizeof(what) ? here.iov_len : sizeof(what) - 1;
			process_vm_readv(pid, &here, 1, &there, 1, 0);
		}
	}
	if (!*what && calls[call].fd) {
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)arg[calls[call].fd]);
		ssize_t len = readlink(link, what, sizeof(what) - 1);
		what[len > 0 ? len : 0] = '\0';
	}
	if (fd >= 0) {
		dprintf(fd, "%ld %s %s\n", n, calls[call].name, what);
		close(fd);
	}
}

enum stage { OUTSIDE, INSIDE, FAILING, NOT_MOVING };

/* What becomes of the call that a process begins. */
static enum stage at_call(pid_t pid)
{
	struct user_regs_struct r;
	int i = 0;

	if ((seen >= n && !no_memory) || ptrace(PTRACE_GETREGS, pid, 0, &r))
		return INSIDE;
	if (no_memory && pid == no_memory) {
		no_memory = 0;
		if (r.orig_rax != SYS_mmap)
			return INSIDE;
		r.orig_rax = (unsigned long long)-1;
		return ptrace(PTRACE_SETREGS, pid, 0, &r) ? INSIDE : FAILING;
	}
	while (i < CALLS && (calls[i].number != (long)r.orig_rax || !wanted[i]))
		i++;
	if (i < CALLS)
		count[i]++;
	if (i == CALLS || ++seen != n)
		return INSIDE;
	show(pid, i, &r);
	/* It does not fail: it says where the end is that was not moved. malloc() asks mmap() then. */
	if (r.orig_rax == SYS_brk) {
		no_memory = pid;
		end_wanted = r.rdi;
		r.rdi = 0;
		return ptrace(PTRACE_SETREGS, pid, 0, &r) ? INSIDE : NOT_MOVING;
	}
	r.orig_rax = (unsigned long long)-1;
	return ptrace(PTRACE_SETREGS, pid, 0, &r) ? INSIDE : FAILING;
}

static void after_call(pid_t pid, enum stage was)
{
	struct user_regs_struct r;

	if (was != INSIDE && !ptrace(PTRACE_GETREGS, pid, 0, &r)) {
		if (was == FAILING)
			r.rax = (unsigned long long)-error;
		else
			r.rdi = end_wanted;
		ptrace(PTRACE_SETREGS, pid, 0, &r);
	}
}

/* Lets the program run to its entry, where the loader has done its work. */
static bool go_to_entry(pid_t pid)
{
	Elf64_auxv_t a;
	char path[64];
	unsigned long long entry = 0;
	struct user_regs_struct r;
	int status;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && read(fd, &a, sizeof(a)) == (ssize_t)sizeof(a))
		if (a.a_type == AT_ENTRY)
			entry = a.a_un.a_val;
	if (fd < 0 || !entry)
		return false;
	close(fd);
	errno = 0;
	long word = ptrace(PTRACE_PEEKTEXT, pid, entry, 0);
	if (errno || ptrace(PTRACE_POKETEXT, pid, entry, (word & ~0xffL) | 0xcc) || ptrace(PTRACE_CONT, pid, 0, 0) ||
		waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP ||
		ptrace(PTRACE_GETREGS, pid, 0, &r))
		return false;
	r.rip = entry;
	return !ptrace(PTRACE_POKETEXT, pid, entry, word) && !ptrace(PTRACE_SETREGS, pid, 0, &r);
}

static bool parse(char **argv)
{
	char *list = argv[0], *name;

	while ((name = strsep(&list, ","))) {
		int i = 0;
		while (i < CALLS && strcmp(calls[i].name, name))
			i++;
		if (i == CALLS)
			return false;
		wanted[i] = true;
	}
	for (int i = 0; i < ERRORS; i++)
		if (!strcmp(errors[i].name, argv[1]))
			error = errors[i].number;
	n = atol(argv[2]);
	return error && n > 0;
}

int main(int argc, char **argv)
{
	int o, status, end = -1;
	bool counts = false;

	while ((o = getopt(argc, argv, "+co:")) != -1) {
		counts |= o == 'c';
		if (o == 'o')
			report = optarg;
	}
	char **command = argv + optind + (counts ? 0 : 3);
	for (int i = 0; counts && i < CALLS; i++)
		wanted[i] = true;
	if (counts)
		n = LONG_MAX;
	if (command >= argv + argc || (counts ? !report : !parse(argv + optind))) {
		fprintf(stderr, "failat: not understood\n");
		return 126;
	}
	if (report)
		close(open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	pid_t first = fork();
	if (!first) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(command[0], command);
		_exit(126);
	}
	if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status) || !go_to_entry(first) ||
		ptrace(PTRACE_SETOPTIONS, first, 0,
			PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
				PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK)) {
		fprintf(stderr, "failat: cannot trace %s\n", command[0]);
		return 126;
	}
	static unsigned char stage[1 << 22]; /* of each process */
	ptrace(PTRACE_SYSCALL, first, 0, 0);
	for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
		if (!WIFSTOPPED(status)) {
			if (pid == first)
				end = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			stage[pid] = OUTSIDE;
			continue;
		}
		int sig = WSTOPSIG(status);
		if (sig == (SIGTRAP | 0x80)) {
			if (stage[pid] == OUTSIDE) {
				stage[pid] = at_call(pid);
			} else {
				after_call(pid, stage[pid]);
				stage[pid] = OUTSIDE;
			}
			sig = 0;
		} else if (status >> 16 || sig == SIGSTOP) {
			sig = 0; /* a fork, or the beginning of what was forked */
		}
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
	}
	FILE *f = counts ? fopen(report, "we") : NULL;
	for (int i = 0; f && i < CALLS; i++)
		fprintf(f, "%s %ld\n", calls[i].name, count[i]);
	if (f)
		fclose(f);
	return end;
}

/*
 * What a script is too slow or too high up for:
 *   tool reset NODE...    USBDEVFS_RESET of nodes in /dev/bus/usb, side by side; prints the microseconds of each
 *   tool peak COMMAND...  runs it and prints the most private memory that it and its children had at a time, in KiB
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 64 };

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The kernel has bound the drivers anew, and devtmpfs has the nodes, when the ioctl returns. */
static int reset_one(const char *node)
{
	int64_t begun = now_us();
	int fd = open(node, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, USBDEVFS_RESET, NULL) < 0) {
		perror(node);
		return 1;
	}
	printf("%s\t%lld\n", node, (long long)(now_us() - begun));
	return fflush(stdout) ? 1 : 0;
}

static int reset_all(char **node, int n)
{
	int status, worst = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(reset_one(node[i]));
	}
	while (wait(&status) > 0)
		worst |= status;
	return worst ? 1 : 0;
}

/* Private pages in KiB, dirty or not: Documentation/ABI/testing/procfs-smaps_rollup. */
static long private_kib(pid_t pid)
{
	char path[64], line[128];
	long sum = 0, kib;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %ld", &kib) == 1 || sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			sum += kib;
	fclose(f);
	return sum;
}

static struct {
	pid_t pid;
	long kib;
} process[PROCESSES];

static void note(pid_t pid, long kib, long *peak)
{
	long sum = 0;
	int at = -1;

	for (int i = 0; i < PROCESSES; i++) {
		if (process[i].pid == pid || (at < 0 && process[i].pid == 0))
			at = i;
		if (process[i].pid == pid)
			break;
	}
	if (at < 0)
		return;
	process[at].pid = kib ? pid : 0;
	process[at].kib = kib;
	for (int i = 0; i < PROCESSES; i++)
		sum += process[i].kib;
	*peak = sum > *peak ? sum : *peak;
}

/* Looked at whenever it enters or leaves the kernel: memory is asked for there, and the last stop is its exit. */
static int peak(char **command)
{
	long most = 0;
	int status, result = 1;
	pid_t first = fork(), pid;

	if (first == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(command[0], command);
		_exit(127);
	}
	if (first < 0 || waitpid(first, &status, 0) < 0)
		return 1;
	ptrace(PTRACE_SETOPTIONS, first, NULL,
		(void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL));
	ptrace(PTRACE_SYSCALL, first, NULL, NULL);
	bool ours = false; /* before exec it is this program */
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		long pass = 0;
		if (!WIFSTOPPED(status)) {
			note(pid, 0, &most);
			if (pid == first)
				result = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
			continue;
		}
		int event = status >> 16, sig = WSTOPSIG(status);
		ours |= event == PTRACE_EVENT_EXEC;
		if (ours)
			note(pid, private_kib(pid), &most);
		if (!event && sig != (SIGTRAP | 0x80) && sig != SIGSTOP && sig != SIGTRAP)
			pass = sig;
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)pass);
	}
	fprintf(stderr, "peak %ld\n", most);
	return result;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "reset"))
		return reset_all(argv + 2, argc - 2);
	if (argc > 2 && !strcmp(argv[1], "peak"))
		return peak(argv + 2);
	fprintf(stderr, "usage: tool reset NODE... | tool peak COMMAND...\n");
	return 2;
}

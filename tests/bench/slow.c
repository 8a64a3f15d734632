/*
 * A clock that goes slower, for LD_PRELOAD: under callgrind a program takes a hundred times as long, and whoever
 * allows himself half a second, as `replug-relay get` does, would give up before there is anything to count.
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FACTOR = 100 };

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
	static time_t begun[16];
	int e = (int)syscall(SYS_clock_gettime, clock, now);

	if (e || (unsigned)clock >= sizeof(begun) / sizeof(begun[0]))
		return e;
	if (!begun[clock])
		begun[clock] = now->tv_sec;
	long long ns = ((long long)(now->tv_sec - begun[clock]) * 1000000000 + now->tv_nsec) / FACTOR;
	*now = (struct timespec){
		.tv_sec = begun[clock] + (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	return 0;
}

__attribute__((visibility("default"))) int setitimer(
	__itimer_which_t which, const struct itimerval *in, struct itimerval *was)
{
	struct itimerval later = *in;
	long long us = ((long long)in->it_value.tv_sec * 1000000 + in->it_value.tv_usec) * FACTOR;

	later.it_value = (struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
	return (int)syscall(SYS_setitimer, which, &later, was);
}

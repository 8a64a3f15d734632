/* SPDX-License-Identifier: MIT */
/*
 * Linked into the programs of `make coverage` with --wrap=_exit: what a process has run is written at exit(), and
 * the children of a run, the hand at a relay, and the tests' own children end by _exit().
 */
#include <gcov.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

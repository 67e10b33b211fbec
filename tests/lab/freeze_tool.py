#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one thread of a process stand still for a while, as a debugger does; all others go on.

  PID NAME SECONDS    the thread of that name; "frozen" is printed when it stands
"""
import ctypes
import os
import sys
import time

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def thread_of(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
            if f.read().strip() == name:
                return int(tid)
    sys.exit(f"no thread {name}")


def main():
    tid = thread_of(sys.argv[1], sys.argv[2])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    for request in SEIZE, INTERRUPT:
        if libc.ptrace(request, tid, 0, 0) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))
    os.waitpid(tid, WALL)
    print("frozen", flush=True)
    time.sleep(float(sys.argv[3]))
    libc.ptrace(DETACH, tid, 0, 0)


if __name__ == "__main__":
    main()

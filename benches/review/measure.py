#!/usr/bin/env python3
"""Runs a program and tells how long it took, on the clock and of the processor, and the most memory that it held.

    measure.py NAME PROGRAM ARGUMENT...
"""

import resource
import subprocess
import sys
import time

started = time.monotonic()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
took = time.monotonic() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
processor, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024 / 1024
print(f"{sys.argv[1]}: {took:.1f} s, {processor:.1f} s of the processor, {memory:.2f} GB")

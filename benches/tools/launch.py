"""Starts programs for the measuring driver and tells what they cost, for each line of JSON a line of JSON.

In Python because Rust's standard library does not tell what a child has cost (wait4), and the crate has no unsafe
code. The work for each start is small and the same for all programs.

In:  {"args": [...], "env": {...}, "runs": 1, "at_once": 1}
Out: {"wall": seconds, "cpu": seconds of all runs together, "started": time of day of the last start,
      "codes": {exit code: how many}}
"""
import json
import os
import sys
import time

NOTHING = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]


def launch(args, env, runs, at_once):
    cpu, started, codes = 0.0, 0.0, {}
    waiting, running = runs, 0
    begun = time.monotonic()
    while waiting or running:
        while waiting and running < at_once:
            started = time.time()
            os.posix_spawn(args[0], args, env, file_actions=NOTHING)
            waiting, running = waiting - 1, running + 1
        _, status, usage = os.wait4(-1, 0)
        running -= 1
        cpu += usage.ru_utime + usage.ru_stime
        code = os.waitstatus_to_exitcode(status)
        codes[code] = codes.get(code, 0) + 1
    wall = time.monotonic() - begun
    return {"wall": wall, "cpu": cpu, "started": started, "codes": codes}


for line in sys.stdin:
    print(json.dumps(launch(**json.loads(line))), flush=True)

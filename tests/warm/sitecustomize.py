"""What a worker's interpreter does first where tests have a warm one: it lets a fork of that do the work.

So does that of a `python -c` where WARM_SCRIPTS is set.

It stands on PYTHONPATH, so Python imports it as it starts.  The process stays as it is seen from outside: its number,
its pipes, its end; whoever kills it kills the fork.
"""

import os
import sys

WORKER = ["-m", "benchmark.execution.worker"]


def hand_over(address):
    """Give this process's work away, and end as that ends; do it here where nobody takes it."""
    import json
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except OSError:
            return
        about = {
            "environment": dict(os.environ),
            "folder": os.getcwd(),  # noqa: PTH109 -- pathlib takes long to import
            "cores": sorted(os.sched_getaffinity(0)),
            "arguments": sys.orig_argv[1:],
        }
        # In a file of its own: a message with descriptors has to be short.
        with os.fdopen(os.memfd_create("about"), "r+b") as file:
            file.write(json.dumps(about).encode())
            file.flush()
            socket.send_fds(connection, [b"w"], [file.fileno(), 0, 1, 2])
        for descriptor in (0, 1):  # the fork's alone from now on: who reads must see its end
            os.close(descriptor)
        answer = connection.recv(16)
    status = int(answer or b"1")
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


is_script = "-c" in sys.orig_argv and "WARM_SCRIPTS" in os.environ
if os.environ.get("WARM_TESTS") and (is_script or sys.orig_argv[-2:] == WORKER):
    hand_over(os.environ["WARM_TESTS"])

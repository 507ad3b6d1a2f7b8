"""A stand-in for `starcyte launch`: listens, writes the ready file, leaves on SIGTERM.

STAND_IN_RECORD names a file that gets the arguments and the environment of each start, a line each.
STAND_IN_STATUS ends it at once with that status, STAND_IN_LATER two tenths of a second after it was ready.
STAND_IN_DEAF lets it ignore SIGTERM.
STAND_IN_THIEF lets another process take the declared port first.
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["launch"])
parser.add_argument("dataset", type=Path)
for flag in ("--title", "--host", "--ready-file"):
    parser.add_argument(flag, required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--trust-prefix", action="store_true", required=True)
parser.add_argument("--allow-framing", action="store_true", required=True)
arguments = parser.parse_args()
behaviour = os.environ


def listen() -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((arguments.host, arguments.port))
    server.listen()
    return server


with Path(behaviour["STAND_IN_RECORD"]).open("a", encoding="utf-8") as record:
    record.write(
        json.dumps({"arguments": vars(arguments) | {"dataset": str(arguments.dataset)}, "environ": dict(os.environ)})
        + "\n"
    )
if "STAND_IN_STATUS" in behaviour:
    sys.exit(int(behaviour["STAND_IN_STATUS"]))
if "STAND_IN_THIEF" in behaviour and arguments.port:
    taken = listen()
    if os.fork() == 0:
        # whoever reads what the session says is not to wait for the thief
        for stream in (0, 1, 2):
            os.close(stream)
        signal.alarm(10)
        time.sleep(20)
    sys.exit(2)

signal.signal(signal.SIGTERM, signal.SIG_IGN if "STAND_IN_DEAF" in behaviour else lambda *_: sys.exit(0))
server = listen()
ready = Path(arguments.ready_file)
part = ready.with_name(ready.name + ".part")
part.write_text(
    json.dumps({"host": arguments.host, "port": server.getsockname()[1], "pid": os.getpid()}), encoding="utf-8"
)
part.replace(ready)
if "STAND_IN_LATER" in behaviour:
    time.sleep(0.2)
    sys.exit(int(behaviour["STAND_IN_LATER"]))
while True:
    server.accept()[0].close()

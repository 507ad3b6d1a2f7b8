"""A stand-in for `starcyte`: `launch` and `serve` listen, write the ready file and leave on SIGTERM; others do as told.

STAND_IN_RECORD names a file that gets the arguments and the environment of each start, a line each.
STAND_IN_STATUS ends it at once with that status, STAND_IN_LATER two tenths of a second after it was ready.
STAND_IN_DEAF lets it ignore SIGTERM.
STAND_IN_THIEF lets another process take the declared port first.
STAND_IN_SAVE is what it saves; STAND_IN_SAY and STAND_IN_COMPLAIN are what it says.
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
commands = parser.add_subparsers(dest="command", required=True)
servers = commands.add_parser("launch"), commands.add_parser("serve")
for server in servers:
    for flag in ("--host", "--ready-file", "--outputs-dir", "--data-dir", "--allowed-hosts"):
        server.add_argument(flag, required=True)
    server.add_argument("--port", type=int, required=True)
    server.add_argument("--access", required=True, choices=["none"])
    for flag in ("--trust-prefix", "--allow-framing", "--allow-finish", "--public"):
        server.add_argument(flag, action="store_true", required=True)
    for flag in ("--index-file", "--session-file", "--color-by", "--first-embedding", "--base-path", "--idle-timeout"):
        server.add_argument(flag)
    server.add_argument("--read-only", action="store_true")
commands.add_parser("prepare").add_argument("--output", required=True)
commands.add_parser("inspect").add_argument("--json", action="store_true", required=True)
export = commands.add_parser("export")
export.add_argument("--output", required=True)
export.add_argument("--annotations", required=True)
for name, command in commands.choices.items():
    command.add_argument("dataset", type=Path)
    # a catalog has its own
    command.add_argument("--title", required=name != "serve")
arguments = parser.parse_args()
behaviour = os.environ
if "STAND_IN_SAY" in behaviour:
    print(behaviour["STAND_IN_SAY"], flush=True)  # noqa: T201
if "STAND_IN_COMPLAIN" in behaviour:
    said = behaviour["STAND_IN_COMPLAIN"].format(arguments.dataset.name)
    print(said, file=sys.stderr, flush=True)  # noqa: T201


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
if arguments.command not in {"launch", "serve"}:
    if arguments.command != "inspect":
        Path(arguments.output).write_text(arguments.command)
    sys.exit(0)
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
listener = listen()
if "STAND_IN_SAVE" in behaviour:
    Path(arguments.outputs_dir, "annotations.tabular").write_text(behaviour["STAND_IN_SAVE"])
ready = Path(arguments.ready_file)
part = ready.with_name(ready.name + ".part")
part.write_text(
    json.dumps({"host": arguments.host, "port": listener.getsockname()[1], "pid": os.getpid()}), encoding="utf-8"
)
part.replace(ready)
if "STAND_IN_LATER" in behaviour:
    time.sleep(0.2)
    sys.exit(int(behaviour["STAND_IN_LATER"]))
while True:
    listener.accept()[0].close()

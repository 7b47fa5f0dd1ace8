"""A serial line: what socat does, where there is no socat.

Argument: PORT on loopback, which the far end is connected to, or `cable` for a second pseudo-terminal. It prints the
path of the near end, and behind a blank that of the far end of a cable, and relays until either end is gone.
"""
import os
import pty
import select
import socket
import sys
import tty


def terminal():
    """The near end stays open here too, so that the line is there while nobody else has it open."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    return master, os.ttyname(slave)


near, path = terminal()
if sys.argv[1] == "cable":
    far, far_path = terminal()
    print(path, far_path, flush=True)
else:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    far = connection.fileno()
    print(path, flush=True)
across = {near: far, far: near}
while True:
    for end in select.select(list(across), [], [])[0]:
        data = os.read(end, 512)
        if not data:
            sys.exit()
        os.write(across[end], data)

"""A serial line whose far end is a TCP connection: what socat does, where there is no socat.

Argument: PORT on loopback to connect to. It prints the path of the near end and relays until the connection ends.
"""
import os
import pty
import select
import socket
import sys
import tty

master, slave = pty.openpty()
# The near end stays open here too, so that the line is there while nobody else has it open.
tty.setraw(slave)
far = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(os.ttyname(slave), flush=True)
while True:
    for end in select.select([master, far], [], [])[0]:
        if end is master:
            far.sendall(os.read(master, 512))
        else:
            data = far.recv(512)
            if not data:
                sys.exit()
            os.write(master, data)

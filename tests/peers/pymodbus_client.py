"""A Modbus RTU master as pymodbus makes one, over TCP or over a pair of pseudo-terminals.

Arguments: tcp HOST PORT, or pty. With pty it first prints the path for the slaves and waits for a line.
Each further line `FUNCTION UNIT ADDRESS COUNT-OR-VALUE` on standard input is one request; the answer is a line of JSON.
"""
import json
import os
import pty
import select
import sys
import threading
import tty

from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException

TIMEOUT = 0.3


def say(answer):
    print(json.dumps(answer), flush=True)


def relay(one, other):
    """Two pseudo-terminals as the two ends of a cable: what socat does."""
    across = {one: other, other: one}
    while True:
        for end in select.select(list(across), [], [])[0]:
            os.write(across[end], os.read(end, 512))


if sys.argv[1] == "tcp":
    client = ModbusTcpClient(
        sys.argv[2], port=int(sys.argv[3]), framer=FramerType.RTU, timeout=TIMEOUT, retries=0
    )
else:
    ends = [pty.openpty(), pty.openpty()]
    for _, terminal in ends:
        tty.setraw(terminal)
    threading.Thread(target=relay, args=(ends[0][0], ends[1][0]), daemon=True).start()
    say({"path": os.ttyname(ends[0][1])})
    sys.stdin.readline()
    client = ModbusSerialClient(
        os.ttyname(ends[1][1]), framer=FramerType.RTU, baudrate=9600, timeout=TIMEOUT, retries=0
    )

if not client.connect():
    sys.exit("no connection")
for line in sys.stdin:
    function, unit, address, count = (int(word, 0) for word in line.split())
    try:
        if function == 1:
            reply = client.read_coils(address, count=count, device_id=unit)
        elif function == 3:
            reply = client.read_holding_registers(address, count=count, device_id=unit)
        elif function == 4:
            reply = client.read_input_registers(address, count=count, device_id=unit)
        elif function == 6:
            reply = client.write_register(address, count, device_id=unit)
        elif function == 16:
            reply = client.write_registers(address, [count], device_id=unit)
        else:
            reply = client.report_device_id(device_id=unit)
    except ModbusException as error:
        say({"error": str(error)})
        client.connect()
        continue
    if reply.isError():
        say({"exception": reply.exception_code})
    else:
        say({"words": reply.registers})

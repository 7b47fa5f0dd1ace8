"""A Modbus server as pymodbus makes one.

Arguments: tcp PORT, or rtu PORT (RTU over TCP), or serial PATH. Units 1 to 3 have holding registers 0 to 299, all zero.
It prints `ready`. Each line of JSON on standard input changes it, and `ok` is the answer:
  {"unit": 1, "set": {"0": 17, "1": 4}}   registers
  {"unit": 1, "delay": 5.0}               seconds before it answers, with what the registers held when it was asked
  {"unit": 1, "fail": 4}                  an exception for whatever is asked, 0 none
"""
import asyncio
import json
import sys
from functools import partial

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

COUNT = 300
UNITS = (1, 2, 3)
registers = {unit: [0] * COUNT for unit in UNITS}
delay = dict.fromkeys(UNITS, 0)
fail = dict.fromkeys(UNITS, 0)


async def access(unit, _function, start, _address, _count, current, _values):
    current[:] = registers[unit][start : start + len(current)]
    if delay[unit]:
        await asyncio.sleep(delay[unit])
    return ExcCodes(fail[unit]) if fail[unit] else None


def change(order):
    unit = order["unit"]
    for address, value in order.get("set", {}).items():
        registers[unit][int(address)] = value
    delay[unit] = order.get("delay", delay[unit])
    fail[unit] = order.get("fail", fail[unit])


async def main():
    devices = [
        SimDevice(
            id=unit,
            simdata=[SimData(0, count=COUNT, values=0, datatype=DataType.REGISTERS)],
            action=partial(access, unit),
        )
        for unit in UNITS
    ]
    kind, where = sys.argv[1:]
    if kind == "serial":
        server = ModbusSerialServer(devices, port=where, baudrate=115200, ignore_missing_devices=True)
    else:
        framer = FramerType.RTU if kind == "rtu" else FramerType.SOCKET
        server = ModbusTcpServer(devices, framer=framer, address=("127.0.0.1", int(where)))
    await server.serve_forever(background=True)
    print("ready", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        change(json.loads(line))
        print("ok", flush=True)


asyncio.run(main())

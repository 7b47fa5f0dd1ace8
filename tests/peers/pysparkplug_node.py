"""An edge node as pysparkplug makes one. Arguments: host port group node. Ends when told on standard input."""
import sys

import pysparkplug as spb

host, port, group, node = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
DEVICE = "boiler-9"


def metric(name, datatype, value):
    return spb.Metric(timestamp=spb.get_current_timestamp(), name=name, datatype=datatype, value=value)


edge = spb.EdgeNode(group, node, metrics=(metric("Firmware", spb.DataType.STRING, "peer 1"),))
edge.register(
    spb.Device(
        DEVICE,
        metrics=(
            metric("steam_pressure", spb.DataType.DOUBLE, 0.8),
            metric("drum_level", spb.DataType.INT16, -12),
            metric("burner_firing", spb.DataType.BOOLEAN, True),
        ),
    )
)
# Blocking, it would never return.
edge.connect(host, port=port, blocking=False)
for line in sys.stdin:
    word, _, value = line.strip().partition(" ")
    if word == "pressure":
        edge.update_device(DEVICE, (metric("steam_pressure", spb.DataType.DOUBLE, float(value)),))
    elif word == "level":
        edge.update_device(DEVICE, (metric("drum_level", spb.DataType.INT16, int(value)),))
    elif word == "bye":
        edge.disconnect()
        break

"""A device as mqtt-spb-wrapper makes one. Arguments: host port group node. Ends when told on standard input."""
import sys

from mqtt_spb_wrapper import MqttSpbEntityDevice, MqttSpbEntityEdgeNode

host, port, group, node = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
edge = MqttSpbEntityEdgeNode(group, node)
edge.attributes.set_value("maker", "peer 2")
edge.data.set_value("supply_voltage", 24.0)
device = MqttSpbEntityDevice(group, node, "lift-9")
device.data.set_value("car_load", 10.0)
device.data.set_value("door_closed", True)
for entity in (edge, device):
    if not entity.connect(host, port):
        sys.exit("no connection")
    entity.publish_birth()
for line in sys.stdin:
    word, _, value = line.strip().partition(" ")
    if word == "load":
        device.data.set_value("car_load", float(value))
        device.publish_data()
    elif word == "bye":
        device.disconnect()
        edge.disconnect()
        break

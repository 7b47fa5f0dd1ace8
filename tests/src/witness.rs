//! What was measured, told by the simulation itself: every reading that reached a node.

use crate::register::{ReadingKey, value_text};
use std::collections::{BTreeMap, HashMap};
use vigil_protocol::sparkplug::{MetricValue, Value};
use vigil_protocol::time::UtcMillis;
use vigil_simulator::node::DeviceSpec;
use vigil_simulator::scenario::Scenario;
use vigil_simulator::simulation::{SimEvent, Simulation};

/// Every reading of a whole run whose simulated 0 is `start`, as the nodes stamp them, and how often it was taken.
#[must_use]
pub fn readings(scenario: &Scenario, start: UtcMillis) -> BTreeMap<ReadingKey, u32> {
    let specs: HashMap<&str, DeviceSpec> = scenario
        .site
        .equipment
        .iter()
        .map(|equipment| (equipment.id.as_str(), DeviceSpec::of(equipment)))
        .collect();
    let mut clocks: HashMap<String, i64> = HashMap::new();
    let mut found = BTreeMap::new();
    for event in Simulation::new(scenario.clone()).advance(scenario.duration_ms) {
        match event {
            SimEvent::ClockOffset { node, offset_ms, .. } => {
                clocks.insert(node.to_string(), offset_ms);
            }
            SimEvent::Readings {
                at_ms,
                node,
                equipment,
                values,
            } => {
                let offset_ms = clocks.get(&*node).copied().unwrap_or(0);
                let at = start.saturating_add_ms(at_ms).saturating_add_ms(offset_ms);
                let spec = &specs[&*equipment];
                for sample in spec.samples(&values, at) {
                    let name = spec.quantities[usize::from(sample.metric)].metric().to_owned();
                    let value = value_text(&sent(&sample.value));
                    *found
                        .entry((equipment.to_string(), name, at.0, value))
                        .or_insert(0) += 1;
                }
            }
            _ => {}
        }
    }
    found
}

fn sent<'a>(value: &MetricValue<'a>) -> Value<'a> {
    match *value {
        MetricValue::Int8(number) => Value::Int(number.into()),
        MetricValue::Int16(number) => Value::Int(number.into()),
        MetricValue::Int32(number) => Value::Int(number.into()),
        MetricValue::Int64(number) => Value::Int(number),
        MetricValue::UInt8(number) => Value::UInt(number.into()),
        MetricValue::UInt16(number) => Value::UInt(number.into()),
        MetricValue::UInt32(number) => Value::UInt(number.into()),
        MetricValue::UInt64(number) => Value::UInt(number),
        MetricValue::Float(number) => Value::Float(number),
        MetricValue::Double(number) => Value::Double(number),
        MetricValue::Bool(state) => Value::Bool(state),
        MetricValue::Str(text) | MetricValue::Text(text) | MetricValue::Uuid(text) => Value::Str(text),
        MetricValue::DateTime(at) => Value::DateTime(at),
        MetricValue::Null(_) => Value::Null,
    }
}

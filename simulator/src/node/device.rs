//! Equipment as the node's devices: which metrics, of which type, and readings as samples.

use vigil_firmware::{MetricDef, Sample, SampleQuality};
use vigil_protocol::sparkplug::{DataType, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quantity, QuantityKind};

use crate::plant::{PlantValue, Reading};
use crate::site::SiteEquipment;

/// One piece of equipment behind a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSpec {
    /// Sparkplug device id.
    pub id: String,
    /// What it reports, in the order of its metrics.
    pub quantities: Vec<Quantity>,
}

impl DeviceSpec {
    /// The device of a simulated piece of equipment.
    #[must_use]
    pub fn of(equipment: &SiteEquipment) -> Self {
        Self {
            id: equipment.id.clone(),
            quantities: equipment.quantities(),
        }
    }

    /// Its metrics. Dead bands are 0: the simulation decides what is worth reporting.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricDef<'static>> {
        let metrics = self.quantities.iter().map(|quantity| {
            let unit = quantity.unit().symbol();
            MetricDef {
                name: quantity.metric(),
                datatype: datatype(*quantity),
                unit: (!unit.is_empty()).then_some(unit),
                deadband: 0.0,
            }
        });
        metrics.collect()
    }

    /// Readings as samples taken `at`; quantities it does not have are left out.
    #[must_use]
    pub fn samples<'a>(&self, readings: &'a [Reading], at: UtcMillis) -> Vec<Sample<'a>> {
        let samples = readings.iter().filter_map(|(quantity, value)| {
            let metric = self.quantities.iter().position(|own| own == quantity)? as u16;
            let (value, quality) = wire(datatype(*quantity), value);
            Some(Sample {
                metric,
                value,
                quality,
                at,
            })
        });
        samples.collect()
    }
}

/// How a quantity is sent.
#[must_use]
pub const fn datatype(quantity: Quantity) -> DataType {
    match (quantity, quantity.kind()) {
        (Quantity::FaultCode, _) | (_, QuantityKind::Text) => DataType::String,
        (_, QuantityKind::Analog | QuantityKind::Counter) => DataType::Double,
        (_, QuantityKind::Binary) => DataType::Boolean,
        (_, QuantityKind::Code) => DataType::Int32,
    }
}

/// A value as sent. What does not fit its type is sent as no value of bad quality, never as 0.
fn wire(datatype: DataType, value: &PlantValue) -> (MetricValue<'_>, SampleQuality) {
    let good = |value| (value, SampleQuality::Good);
    let none = |quality| (MetricValue::Null(datatype), quality);
    match (datatype, value) {
        (DataType::Double, PlantValue::Number(number)) => good(MetricValue::Double(*number)),
        (DataType::Int32, PlantValue::Number(number)) => good(MetricValue::Int32(*number as i32)),
        (DataType::Boolean, PlantValue::Number(number)) => good(MetricValue::Bool(*number != 0.0)),
        (DataType::Boolean, PlantValue::Bool(state)) => good(MetricValue::Bool(*state)),
        (DataType::Int32, PlantValue::Bool(state)) => good(MetricValue::Int32((*state).into())),
        (DataType::String, PlantValue::Code(code)) => good(MetricValue::Str(code)),
        (DataType::Int32, PlantValue::Code(code)) => match code.parse() {
            Ok(number) => good(MetricValue::Int32(number)),
            Err(_) => none(SampleQuality::Bad),
        },
        (_, PlantValue::NoData(NoData::Stale | NoData::Offline)) => none(SampleQuality::Stale),
        (_, PlantValue::NoData(NoData::NotReported | NoData::Null)) => none(SampleQuality::Good),
        _ => none(SampleQuality::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_become_samples_of_the_declared_type() {
        let spec = DeviceSpec {
            id: "x".into(),
            quantities: vec![
                Quantity::SteamPressure,
                Quantity::FaultCode,
                Quantity::DoorClosed,
                Quantity::CarPosition,
            ],
        };
        let readings = [
            (Quantity::CarPosition, PlantValue::Number(-2.0)),
            (Quantity::SteamPressure, PlantValue::NoData(NoData::Sensor)),
            (Quantity::FaultCode, PlantValue::Code("E37".into())),
            (Quantity::DoorClosed, PlantValue::Bool(true)),
            (Quantity::PitWater, PlantValue::Bool(true)),
        ];
        let metrics = spec.metrics();
        let samples = spec.samples(&readings, UtcMillis(5));
        let sent: Vec<_> = samples
            .iter()
            .map(|sample| (sample.metric, sample.value, sample.quality))
            .collect();
        let good = SampleQuality::Good;
        assert_eq!(
            sent,
            [
                (3, MetricValue::Int32(-2), good),
                (0, MetricValue::Null(DataType::Double), SampleQuality::Bad),
                (1, MetricValue::Str("E37"), good),
                (2, MetricValue::Bool(true), good),
            ]
        );
        for sample in &samples {
            assert_eq!(
                sample.value.datatype(),
                metrics[usize::from(sample.metric)].datatype
            );
        }
        assert_eq!(metrics[0].unit, Some("MPa"));
        assert_eq!(metrics[1].unit, None);
    }
}

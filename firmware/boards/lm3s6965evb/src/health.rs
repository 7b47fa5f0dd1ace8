//! How the board itself does: metrics of the node.

use embassy_time::{Duration, Timer};
use vigil_firmware::{MetricDef, Place, Sample, SampleQuality, Storage};
use vigil_protocol::sparkplug::{DataType, MetricValue};

use crate::console::say;
use crate::node::Node;
use crate::{stack, wall};

/// How often it is looked at; what has not changed is not told.
const PERIOD: Duration = Duration::from_secs(10);

/// By position: stack, resets.
pub(crate) const METRICS: &[MetricDef<'static>] = &[
    MetricDef {
        name: "Health/Stack used",
        datatype: DataType::UInt32,
        unit: Some("B"),
        deadband: 0.0,
    },
    MetricDef {
        name: "Health/Resets since power-on",
        datatype: DataType::UInt32,
        unit: None,
        deadband: 0.0,
    },
];

/// Tells for ever.
pub(crate) async fn run<S: Storage>(node: &Node<S>, resets: u32) -> ! {
    let mut told = 0;
    loop {
        let used = stack::used();
        if used != told {
            say!("health: {used} bytes of stack used");
            told = used;
        }
        let at = wall::now();
        let sample = |metric, value| Sample {
            metric,
            value: MetricValue::UInt32(value),
            quality: SampleQuality::Good,
            at,
        };
        let samples = [sample(0, used as u32), sample(1, resets)];
        if let Err(error) = node.report_changes(Place::Node, &samples) {
            say!("health: {error}");
        }
        Timer::after(PERIOD).await;
    }
}

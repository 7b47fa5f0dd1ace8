//! Tells how the board itself does.

use embassy_time::{Duration, Timer};
use vigil_firmware::health::Remembered;
use vigil_firmware::{Place, Storage};

use crate::node::Node;
use crate::say;
use crate::wall;
use crate::watch::Task;

/// How often the task checks in, and rounds until it is looked at how the board does; what has not changed is not told.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 6;

/// Tells for ever. `stack_used` says how many bytes of the stack were ever in use.
pub async fn run<S: Storage>(node: &Node<S>, remembered: &Remembered, stack_used: fn() -> Option<u32>) -> ! {
    let mut stack = None;
    loop {
        let health = node.health(remembered, stack_used());
        if health.stack_used != stack {
            say!("health: {} bytes of stack used", health.stack_used.unwrap_or(0));
            stack = health.stack_used;
        }
        if let Err(error) = node.report_changes(Place::Node, &health.samples(node.utc(wall::now()))) {
            say!("health: {error}");
        }
        for _ in 0..ROUNDS {
            Task::Health.check_in();
            Timer::after(ROUND).await;
        }
    }
}

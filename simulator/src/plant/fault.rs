//! Faults of the equipment itself, as a scenario scripts them.

use std::borrow::Cow;

use vigil_protocol::vocabulary::{FaultKey, ServiceMode};

/// Something wrong with the equipment, or done to it. It lasts from its `at` to its `until`.
#[derive(Clone, Debug, PartialEq)]
pub enum PlantFault {
    /// Lift: the car stops between floors with passengers; the controller shows `code`, or nothing.
    Entrapment(Option<FaultKey>),
    /// Lift: the car is at the landing but the doors do not open; the controller shows `code`, or nothing.
    EntrapmentAtLevel(Option<FaultKey>),
    /// Lift: the door-lock circuit is bridged: it reads closed whatever the doors do.
    DoorLockBridged,
    /// Lift: the doors do not close fully.
    DoorCloseJam,
    /// Lift: the doors part while the car runs, over a bridged lock circuit.
    DoorOpensWhileRunning,
    /// Lift: the brake slips and the car leaves the landing with open doors until the protection stops it.
    BrakeSlip,
    /// Lift: the safety circuit opens; the car stops where it is.
    SafetyCircuitOpen,
    /// Lift: the car runs away until the governor trips.
    Overspeed,
    /// Lift: the car runs past the top landing into the limit switch.
    OvertravelTop,
    /// Lift: the car runs past the bottom landing into the limit switch.
    OvertravelBottom,
    /// Lift: mains power is lost; the car stops where it is.
    MainsLoss,
    /// Lift: somebody keeps the alarm button pressed.
    AlarmButton,
    /// Lift: the lift is put in a service mode (inspection, fire recall, ...).
    Mode(ServiceMode),
    /// Lift: the controller shows this fault without a physical effect.
    ControllerCode(FaultKey),
    /// Lift: the controller shows this raw code, which no table need know.
    RawCode(Cow<'static, str>),
    /// Lift: water in the pit.
    PitWater,
    /// Lift: the machine room is hot, °C.
    MachineRoomHot(f64),
    /// Lift: nobody calls; the car stands.
    NoTraffic,
    /// Boiler: the burner ignores its control and every interlock (a welded contactor).
    BurnerStuckOn,
    /// Boiler: the flame goes out.
    FlameFailure,
    /// Boiler: the fuel valve stays open whatever the controller says.
    FuelValveStuckOpen,
    /// Boiler, vessel: the safety valve does not lift.
    SafetyValveStuckShut,
    /// Boiler: the low-water interlock is bridged; the burner goes on without water.
    LowWaterInterlockBypassed,
    /// Boiler: the overpressure interlock is bridged.
    OverpressureInterlockBypassed,
    /// Boiler: no feed water.
    FeedPumpFailed,
    /// Boiler: the feed valve does not close; the drum floods.
    FeedValveStuckOpen,
    /// Boiler: the blow-down valve is left open.
    BlowdownOpen,
    /// Boiler: the consumer closes the main steam valve.
    SteamDemandLost,
    /// Boiler: the softener lets hard water through.
    HardWater,
    /// Boiler: both extreme level electrodes report at once (an electrode fault, not a level).
    LevelElectrodesContradict,
    /// Boiler: the overpressure switch sticks closed.
    PressureSwitchStuck,
    /// Hot-water boiler: the circulation pump stops.
    CirculationLost,
    /// Hot-water boiler: the pressure-keeping system fails.
    PressurizationLost,
    /// Vessel: the inlet valve does not close.
    InletStuckOpen,
    /// Vessel: the door interlock lets the door be unlocked under pressure.
    DoorInterlockFailed,
    /// Vessel: a leak.
    Leak,
}

/// A fault was scripted for equipment that cannot have it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {class} cannot have the fault {fault}")]
pub struct NotApplicable {
    /// Class of the equipment.
    pub class: &'static str,
    /// The fault, for the message.
    pub fault: String,
}

impl NotApplicable {
    pub(super) fn new(class: &'static str, fault: &PlantFault) -> Self {
        Self {
            class,
            fault: format!("{fault:?}"),
        }
    }
}

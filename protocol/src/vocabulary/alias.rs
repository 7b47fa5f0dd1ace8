//! Names other systems give to the quantities.

use super::quantity::Quantity;

/// `Quantity "name" "name";` — regulators' platform fields, GB/T 24476 style status fields, BACnet properties.
macro_rules! aliases {
    ($( $quantity:ident $($name:literal)+; )+) => {
        /// Every foreign name with the quantity it stands for.
        pub const ALIASES: &[(&str, Quantity)] = &[$( $( ($name, Quantity::$quantity), )+ )+];
    };
}

aliases! {
    CarMoving              "car_status" "operation_status";
    CarDirection           "car_moving_direction" "operation_direction";
    CarPosition            "current_floor";
    CarLoad                "car_load_percent";
    DoorClosed             "door_status" "car_door_status";
    PassengerPresent       "passenger_status";
    UpperLimit             "up_limit";
    LowerLimit             "down_limit";
    PowerSupplyOk          "power_status";
    RunHours               "total_running_time" "running_time";
    RunCount               "present_counter_value" "present_counter";
    FaultCode              "fault_signals";
    ServiceMode            "car_mode" "escalator_mode";
    SteamTemperature       "steam_temp";
    FeedWaterTemperature   "feed_water_temp" "feed_water_temp_cold";
    FeedWaterPressure      "feed_water_pressure_cold";
    ExhaustTemperature     "exhaust_temp";
    FurnaceTemperature     "furnace_temp";
    BurnerFiring           "operation_singal" "operation_signal" "ignition_signal";
    ForcedDraftFanRunning  "gf_signal";
    InducedDraftFanRunning "yf_signal";
    FlameFailureAlarm      "ff_alarm";
    ExtremeLowWaterAlarm   "elw_alarm";
    SuperHighWaterAlarm    "shw_alarm";
    OverpressureAlarm      "op_alarm";
    WaterHardnessAlarm     "swd_alarm";
    OutletTemperature      "export_temp";
    InletTemperature       "import_temp";
    OutletPressure         "export_pressure";
    InletPressure          "import_pressure";
    OutletFlow             "export_flow";
    VesselPressure         "tank_pressure";
    VesselTemperature      "eqp_temperature";
    AmbientTemperature     "ambient_temp" "environment_temperature";
}

impl Quantity {
    /// The quantity a foreign metric name most likely stands for: a standard name or an alias, in any case, with
    /// `_`, `-` and blanks alike, after the last `/`. A suggestion for whoever enters the channel into the
    /// catalog, never applied silently: the encodings behind equal names differ (1/0, 1/2, inverted).
    pub fn suggest(name: &str) -> Option<Quantity> {
        let name = name.rsplit('/').next().unwrap_or(name).trim();
        let own = Quantity::ALL.iter().map(|quantity| (quantity.key(), *quantity));
        own.chain(ALIASES.iter().copied())
            .find(|(known, _)| alike(known, name))
            .map(|(_, quantity)| quantity)
    }
}

/// Equal but for ASCII case and the separator; `known` is in snake case.
fn alike(known: &str, name: &str) -> bool {
    known.len() == name.len()
        && known.bytes().zip(name.bytes()).all(|pair| match pair {
            (b'_', b'-' | b' ' | b'.') => true,
            (known, byte) => known == byte.to_ascii_lowercase(),
        })
}

//! One `[[event]]`: its `what`, with the parameters that go with it and no others.

use std::borrow::Cow;

use serde::Deserialize;
use toml::Spanned;
use vigil_protocol::vocabulary::{FaultKey, NoData, Quantity, ServiceMode};

use super::{Action, duration};
use crate::fault::{NodeFault, SensorFault};
use crate::plant::PlantFault;
use crate::site::Site;
use crate::slave::{SlaveFault, SlaveFaultKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    pub(super) at: Spanned<String>,
    pub(super) until: Option<Spanned<String>>,
    pub(super) what: Spanned<String>,
    equipment: Option<String>,
    node: Option<String>,
    slave: Option<String>,
    quantity: Option<String>,
    code: Option<String>,
    mode: Option<String>,
    reason: Option<String>,
    value: Option<f64>,
    per_minute: Option<f64>,
    around: Option<f64>,
    amplitude: Option<f64>,
    milliampere: Option<f64>,
    period: Option<String>,
    offset: Option<String>,
    delay: Option<String>,
    gap: Option<String>,
    share: Option<f64>,
    exception: Option<u8>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

/// Faults of the equipment that need nothing but a name.
const SIMPLE: [(&str, PlantFault); 31] = [
    ("door_lock_bridged", PlantFault::DoorLockBridged),
    ("door_close_jam", PlantFault::DoorCloseJam),
    ("door_opens_while_running", PlantFault::DoorOpensWhileRunning),
    ("brake_slip", PlantFault::BrakeSlip),
    ("safety_circuit_open", PlantFault::SafetyCircuitOpen),
    ("overspeed", PlantFault::Overspeed),
    ("overtravel_top", PlantFault::OvertravelTop),
    ("overtravel_bottom", PlantFault::OvertravelBottom),
    ("mains_loss", PlantFault::MainsLoss),
    ("alarm_button", PlantFault::AlarmButton),
    ("pit_water", PlantFault::PitWater),
    ("no_traffic", PlantFault::NoTraffic),
    ("burner_stuck_on", PlantFault::BurnerStuckOn),
    ("flame_failure", PlantFault::FlameFailure),
    ("fuel_valve_stuck_open", PlantFault::FuelValveStuckOpen),
    ("safety_valve_stuck_shut", PlantFault::SafetyValveStuckShut),
    (
        "low_water_interlock_bypassed",
        PlantFault::LowWaterInterlockBypassed,
    ),
    (
        "overpressure_interlock_bypassed",
        PlantFault::OverpressureInterlockBypassed,
    ),
    ("feed_pump_failed", PlantFault::FeedPumpFailed),
    ("feed_valve_stuck_open", PlantFault::FeedValveStuckOpen),
    ("blowdown_open", PlantFault::BlowdownOpen),
    ("steam_demand_lost", PlantFault::SteamDemandLost),
    ("hard_water", PlantFault::HardWater),
    (
        "level_electrodes_contradict",
        PlantFault::LevelElectrodesContradict,
    ),
    ("pressure_switch_stuck", PlantFault::PressureSwitchStuck),
    ("circulation_lost", PlantFault::CirculationLost),
    ("pressurization_lost", PlantFault::PressurizationLost),
    ("inlet_stuck_open", PlantFault::InletStuckOpen),
    ("door_interlock_failed", PlantFault::DoorInterlockFailed),
    ("leak", PlantFault::Leak),
    ("inspection", PlantFault::Mode(ServiceMode::Inspection)),
];

/// Faults that take parameters, or that do not befall equipment.
const OTHERS: [&str; 25] = [
    "entrapment",
    "entrapment_at_level",
    "mode",
    "controller_code",
    "raw_code",
    "machine_room_hot",
    "stuck",
    "drift",
    "dropout",
    "loop_fault",
    "flap",
    "force",
    "power_cut",
    "link_down",
    "clock_offset",
    "duplicate",
    "reorder",
    "broker_down",
    "slave_late",
    "slave_bad_crc",
    "slave_wrong_unit",
    "slave_silent",
    "slave_noise",
    "slave_slow",
    "slave_exception",
];

/// Longest delay of a reply, and pause between its bytes.
const LONGEST_DELAY_MS: i64 = 60_000;

/// Hands out parameters and remembers what was missing; what is left at the end was not asked for.
struct Params {
    raw: RawEvent,
    problems: Vec<String>,
}

impl Params {
    fn wrong(&mut self, what: String) {
        self.problems.push(what);
    }

    fn need<T: Default>(&mut self, name: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            let what = self.raw.what.get_ref().clone();
            self.wrong(format!("`{what}` needs `{name}`"));
            T::default()
        })
    }

    fn equipment(&mut self, site: &Site) -> String {
        let id = self.raw.equipment.take();
        let id = self.need("equipment", id);
        if !id.is_empty() && site.find(&id).is_none() {
            self.wrong(format!("no equipment `{id}` on this site"));
        }
        id
    }

    fn node(&mut self, site: &Site) -> String {
        let id = self.raw.node.take();
        let id = self.need("node", id);
        if !id.is_empty() && !site.nodes.iter().any(|node| node.id == id) {
            self.wrong(format!("no node `{id}` on this site"));
        }
        id
    }

    /// A word of the vocabulary.
    fn word<T>(
        &mut self,
        name: &str,
        text: Option<String>,
        read: impl Fn(&str) -> Option<T>,
        default: T,
    ) -> T {
        let Some(text) = text else { return default };
        read(&text).unwrap_or_else(|| {
            self.wrong(format!("`{text}` is no {name}"));
            default
        })
    }

    fn key(&mut self) -> Option<FaultKey> {
        let code = self.raw.code.take();
        self.word(
            "canonical fault key",
            code,
            |text| FaultKey::from_key(text).map(Some),
            None,
        )
    }

    fn quantity(&mut self) -> Quantity {
        let text = self.raw.quantity.take();
        let text = Some(self.need("quantity", text)).filter(|text| !text.is_empty());
        self.word("quantity", text, Quantity::from_key, Quantity::LoopCurrent)
    }

    fn time(&mut self, name: &str, text: Option<String>) -> i64 {
        let text = self.need(name, text);
        if text.is_empty() {
            return 1;
        }
        duration::parse(&text).unwrap_or_else(|what| {
            self.wrong(what);
            1
        })
    }

    /// Complains about every parameter nobody asked for.
    fn finish(mut self, action: Action) -> Result<Action, Vec<String>> {
        let raw = &self.raw;
        let left = [
            ("equipment", raw.equipment.is_some()),
            ("node", raw.node.is_some()),
            ("slave", raw.slave.is_some()),
            ("quantity", raw.quantity.is_some()),
            ("code", raw.code.is_some()),
            ("mode", raw.mode.is_some()),
            ("reason", raw.reason.is_some()),
            ("value", raw.value.is_some()),
            ("per_minute", raw.per_minute.is_some()),
            ("around", raw.around.is_some()),
            ("amplitude", raw.amplitude.is_some()),
            ("milliampere", raw.milliampere.is_some()),
            ("period", raw.period.is_some()),
            ("offset", raw.offset.is_some()),
            ("delay", raw.delay.is_some()),
            ("gap", raw.gap.is_some()),
            ("share", raw.share.is_some()),
            ("exception", raw.exception.is_some()),
        ];
        let what = raw.what.get_ref();
        let left = left.iter().filter(|(_, there)| *there);
        let left: Vec<String> = left
            .map(|(name, _)| format!("`{name}` means nothing to `{what}`"))
            .collect();
        self.problems.extend(left);
        if self.problems.is_empty() {
            Ok(action)
        } else {
            Err(self.problems)
        }
    }
}

pub(super) fn read(raw: RawEvent, site: &Site) -> Result<Action, Vec<String>> {
    let what = raw.what.get_ref().clone();
    let mut params = Params {
        raw,
        problems: Vec::new(),
    };
    let action = match what.as_str() {
        "power_cut" | "link_down" | "clock_offset" | "duplicate" | "reorder" => {
            node_action(&what, &mut params, site)
        }
        "stuck" | "drift" | "dropout" | "loop_fault" | "flap" | "force" => {
            sensor_action(&what, &mut params, site)
        }
        "broker_down" => Action::BrokerDown,
        _ if what.starts_with("slave_") => match slave_action(&what, &mut params, site) {
            Some(action) => action,
            None => return Err(vec![unknown(&what)]),
        },
        _ => match plant_fault(&what, &mut params) {
            Some(fault) => Action::Plant {
                equipment: params.equipment(site),
                fault,
            },
            None => return Err(vec![unknown(&what)]),
        },
    };
    params.finish(action)
}

fn unknown(what: &str) -> String {
    let mut names: Vec<&str> = SIMPLE.iter().map(|(name, _)| *name).chain(OTHERS).collect();
    names.sort_unstable();
    format!("nothing is called `{what}`; there are {}", names.join(", "))
}

fn plant_fault(what: &str, params: &mut Params) -> Option<PlantFault> {
    Some(match what {
        "entrapment" => PlantFault::Entrapment(params.key()),
        "entrapment_at_level" => PlantFault::EntrapmentAtLevel(params.key()),
        "controller_code" => {
            if params.raw.code.is_none() {
                params.need::<()>("code", None);
            }
            PlantFault::ControllerCode(params.key().unwrap_or(FaultKey::None))
        }
        "raw_code" => {
            let code = params.raw.code.take();
            PlantFault::RawCode(Cow::Owned(params.need("code", code)))
        }
        "mode" => {
            let mode = params.raw.mode.take();
            let mode = Some(params.need("mode", mode)).filter(|mode| !mode.is_empty());
            PlantFault::Mode(params.word("service mode", mode, ServiceMode::from_key, ServiceMode::Normal))
        }
        "machine_room_hot" => {
            let value = params.raw.value.take();
            PlantFault::MachineRoomHot(params.need("value", value))
        }
        simple => SIMPLE.iter().find(|(name, _)| *name == simple)?.1.clone(),
    })
}

fn sensor_action(what: &str, params: &mut Params, site: &Site) -> Action {
    let fault = match what {
        "drift" => {
            let per_minute = params.raw.per_minute.take();
            SensorFault::Drift {
                per_minute: params.need("per_minute", per_minute),
            }
        }
        "dropout" => {
            let reason = params.raw.reason.take();
            SensorFault::Dropout {
                reason: params.word("reason", reason, NoData::from_key, NoData::Sensor),
            }
        }
        "loop_fault" => SensorFault::LoopFault {
            milliampere: params.raw.milliampere.take().unwrap_or(3.2),
        },
        "flap" => {
            // A contact has neither a middle nor a swing.
            let around = params.raw.around.take().unwrap_or(0.0);
            let amplitude = params.raw.amplitude.take().unwrap_or(0.0);
            let period = params.raw.period.take();
            SensorFault::Flap {
                around,
                amplitude,
                period_ms: params.time("period", period).max(1),
            }
        }
        "force" => {
            let value = params.raw.value.take();
            SensorFault::Force {
                value: params.need("value", value),
            }
        }
        _ => SensorFault::Stuck,
    };
    Action::Sensor {
        equipment: params.equipment(site),
        quantity: params.quantity(),
        fault,
    }
}

fn slave_action(what: &str, params: &mut Params, site: &Site) -> Option<Action> {
    let kind = match what {
        "slave_late" => {
            let delay = params.raw.delay.take();
            SlaveFaultKind::Late {
                delay_ms: params.time("delay", delay).clamp(1, LONGEST_DELAY_MS) as u32,
            }
        }
        "slave_slow" => {
            let gap = params.raw.gap.take();
            SlaveFaultKind::Slow {
                gap_ms: params.time("gap", gap).clamp(1, LONGEST_DELAY_MS) as u32,
            }
        }
        "slave_exception" => {
            let code = params.raw.exception.take();
            SlaveFaultKind::Exception {
                code: params.need("exception", code),
            }
        }
        "slave_bad_crc" => SlaveFaultKind::BadCrc,
        "slave_wrong_unit" => SlaveFaultKind::WrongUnit,
        "slave_silent" => SlaveFaultKind::Silent,
        "slave_noise" => SlaveFaultKind::Noise,
        _ => return None,
    };
    let share = params.raw.share.take().unwrap_or(1.0);
    if !(share > 0.0 && share <= 1.0) {
        params.wrong(format!(
            "`share` is a part of the replies, above 0 and up to 1; not {share}"
        ));
    }
    let slave = params.raw.slave.take();
    let slave = params.need("slave", slave);
    if !slave.is_empty() && !site.slaves.iter().any(|own| own.id == slave) {
        params.wrong(format!("no slave `{slave}` on this site"));
    }
    Some(Action::Slave {
        slave,
        fault: SlaveFault { kind, share },
    })
}

fn node_action(what: &str, params: &mut Params, site: &Site) -> Action {
    let fault = match what {
        "power_cut" => NodeFault::PowerCut,
        "link_down" => NodeFault::LinkDown,
        "duplicate" => NodeFault::Duplicate,
        "reorder" => NodeFault::Reorder,
        _ => {
            let offset = params.raw.offset.take();
            NodeFault::ClockOffset {
                offset_ms: params.time("offset", offset),
            }
        }
    };
    Action::Node {
        node: params.node(site),
        fault,
    }
}

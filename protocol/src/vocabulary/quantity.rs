//! Every quantity Vigil understands.
//!
//! Lift quantities use the neutral terms of the BACnet lift objects and the fields of GB/T 24476; boiler and
//! vessel quantities follow the telemetry fields regulators' platforms ask for. Plausible ranges are physical
//! (what an instrument on such equipment could truthfully report), not operating limits: those are rules.

use super::category::EquipmentClass;
use super::pressure::PressureKind;
use super::unit::{Dimension, Unit};

keyed_enum! {
    /// How a quantity behaves.
    pub enum QuantityKind {
        Analog  "analog"  "模拟量" "analog";
        Binary  "binary"  "开关量" "binary";
        Code    "code"    "代码"   "code";
        Counter "counter" "累计量" "counter";
        Text    "text"    "文本"   "text";
    }
}

macro_rules! range {
    (-) => {
        None
    };
    (($lo:literal .. $hi:literal)) => {
        Some(($lo, $hi))
    };
}

/// `Variant "key" Kind Unit range [classes] "中文" "English";` one line per quantity.
macro_rules! quantities {
    ($( $quantity:ident $key:literal $kind:ident $unit:ident $range:tt [$($class:ident)+] $zh:literal $en:literal; )+) => {
        keyed_enum! {
            /// A measured, counted or reported property of one piece of equipment.
            pub enum Quantity { $( $quantity $key $zh $en; )+ }
        }

        impl Quantity {
            /// Canonical unit: every value is kept in it.
            pub const fn unit(self) -> Unit {
                match self { $( Quantity::$quantity => Unit::$unit, )+ }
            }

            /// How it behaves.
            pub const fn kind(self) -> QuantityKind {
                match self { $( Quantity::$quantity => QuantityKind::$kind, )+ }
            }

            /// Lowest and highest physically plausible value, in the canonical unit.
            pub const fn plausible(self) -> Option<(f64, f64)> {
                match self { $( Quantity::$quantity => range!($range), )+ }
            }

            /// Classes of equipment that have it; `[Any]` for all.
            pub const fn applies_to(self) -> &'static [EquipmentClass] {
                match self { $( Quantity::$quantity => &[$( EquipmentClass::$class ),+], )+ }
            }
        }
    };
}

quantities! {
    // Lifts and escalators.
    ServiceMode            "service_mode"             Code    None_             -                    [Lift Escalator] "服务模式" "service mode";
    CarDriveStatus         "car_drive_status"         Code    None_             -                    [Lift] "驱动状态" "car drive status";
    CarMoving              "car_moving"               Binary  None_             -                    [Lift Escalator] "运行中" "car moving";
    CarDirection           "car_direction"            Code    None_             -                    [Lift Escalator] "运行方向" "car direction";
    CarPosition            "car_position"             Code    None_             -                    [Lift] "当前楼层" "car position";
    CarSpeed               "car_speed"                Analog  MetrePerSecond    (-25.0 .. 25.0)      [Lift Escalator] "运行速度" "car speed";
    CarLoad                "car_load"                 Analog  Percent           (-20.0 .. 250.0)     [Lift] "轿厢负载" "car load";
    DoorZone               "door_zone"                Binary  None_             -                    [Lift] "在门区" "car in door zone";
    DoorClosed             "door_closed"              Binary  None_             -                    [Lift] "关门到位" "door fully closed";
    DoorLocked             "door_locked"              Binary  None_             -                    [Lift] "门锁回路接通" "door-lock circuit closed";
    SafetyCircuitClosed    "safety_circuit_closed"    Binary  None_             -                    [Lift Escalator] "安全回路接通" "safety circuit closed";
    PassengerPresent       "passenger_present"        Binary  None_             -                    [Lift] "轿内有人" "passenger in the car";
    AlarmButton            "alarm_button"             Binary  None_             -                    [Lift] "报警按钮" "alarm button pressed";
    OverspeedGovernor      "overspeed_governor"       Binary  None_             -                    [Lift] "限速器动作" "overspeed governor operated";
    UpperLimit             "upper_limit"              Binary  None_             -                    [Lift] "上极限开关动作" "upper limit switch operated";
    LowerLimit             "lower_limit"              Binary  None_             -                    [Lift] "下极限开关动作" "lower limit switch operated";
    PowerSupplyOk          "power_supply_ok"          Binary  None_             -                    [Any] "电源正常" "power supply normal";
    BrakeReleased          "brake_released"           Binary  None_             -                    [Lift Escalator] "制动器打开" "brake released";
    MotorRunning           "motor_running"            Binary  None_             -                    [Lift Escalator] "电动机运转" "motor running";
    RunHours               "run_hours"                Counter Hour              (0.0 .. 1_000_000.0) [Any] "累计运行时间" "run hours";
    RunCount               "run_count"                Counter Count             (0.0 .. 1e9)         [Lift Escalator] "累计运行次数" "run count";
    FaultCode              "fault_code"               Code    None_             -                    [Any] "故障代码" "controller fault code";
    MachineRoomTemperature "machine_room_temperature" Analog  Celsius           (-50.0 .. 100.0)     [Lift] "机房温度" "machine-room temperature";
    PitWater               "pit_water"                Binary  None_             -                    [Lift Escalator] "底坑进水" "water in the pit";
    // Boilers.
    SteamPressure          "steam_pressure"           Analog  Megapascal        (-0.1 .. 40.0)       [SteamBoiler] "蒸汽压力" "steam pressure";
    SteamTemperature       "steam_temperature"        Analog  Celsius           (-50.0 .. 750.0)     [SteamBoiler] "蒸汽温度" "steam temperature";
    SteamFlow              "steam_flow"               Analog  KilogramPerHour   (0.0 .. 5_000_000.0) [SteamBoiler] "蒸汽流量" "steam flow";
    DrumLevel              "drum_level"               Analog  Millimetre        (-1_500.0 .. 1_500.0) [SteamBoiler] "锅筒水位" "drum level from normal water level";
    FeedWaterTemperature   "feed_water_temperature"   Analog  Celsius           (-50.0 .. 400.0)     [SteamBoiler HotWaterBoiler] "给水温度" "feed-water temperature";
    FeedWaterPressure      "feed_water_pressure"      Analog  Megapascal        (-0.1 .. 60.0)       [SteamBoiler HotWaterBoiler] "给水压力" "feed-water pressure";
    FeedWaterFlow          "feed_water_flow"          Analog  KilogramPerHour   (0.0 .. 5_000_000.0) [SteamBoiler HotWaterBoiler] "给水流量" "feed-water flow";
    ExhaustTemperature     "exhaust_temperature"      Analog  Celsius           (-50.0 .. 1_000.0)   [SteamBoiler HotWaterBoiler OrganicBoiler] "排烟温度" "exhaust-gas temperature";
    FurnaceTemperature     "furnace_temperature"      Analog  Celsius           (-50.0 .. 2_000.0)   [SteamBoiler HotWaterBoiler OrganicBoiler] "炉膛温度" "furnace temperature";
    FurnacePressure        "furnace_pressure"         Analog  Pascal            (-20_000.0 .. 20_000.0) [SteamBoiler HotWaterBoiler OrganicBoiler] "炉膛压力" "furnace pressure";
    FuelPressure           "fuel_pressure"            Analog  Megapascal        (-0.1 .. 10.0)       [SteamBoiler HotWaterBoiler OrganicBoiler] "燃料压力" "fuel pressure";
    FuelFlow               "fuel_flow"                Analog  CubicMetrePerHour (0.0 .. 500_000.0)   [SteamBoiler HotWaterBoiler OrganicBoiler] "燃料流量" "fuel flow";
    BlowingRate            "blowing_rate"             Analog  CubicMetrePerHour (0.0 .. 10_000_000.0) [SteamBoiler HotWaterBoiler OrganicBoiler] "鼓风量" "combustion-air flow";
    BoilerEfficiency       "boiler_efficiency"        Analog  Percent           (0.0 .. 120.0)       [SteamBoiler HotWaterBoiler OrganicBoiler] "锅炉热效率" "boiler efficiency";
    BurnerFiring           "burner_firing"            Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "燃烧器运行" "burner firing";
    FlameDetected          "flame_detected"           Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "有火焰" "flame detected";
    FuelValveOpen          "fuel_valve_open"          Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "燃料阀打开" "fuel valve open";
    FlameFailureAlarm      "flame_failure_alarm"      Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "熄火报警" "flame-failure alarm";
    ExtremeLowWaterAlarm   "extreme_low_water_alarm"  Binary  None_             -                    [SteamBoiler HotWaterBoiler] "极低水位报警" "extreme-low-water alarm";
    SuperHighWaterAlarm    "super_high_water_alarm"   Binary  None_             -                    [SteamBoiler HotWaterBoiler] "超高水位报警" "super-high-water alarm";
    OverpressureAlarm      "overpressure_alarm"       Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler PressureVessel] "超压报警（压力开关）" "overpressure alarm (switch)";
    WaterHardnessAlarm     "water_hardness_alarm"     Binary  None_             -                    [SteamBoiler HotWaterBoiler] "软水硬度报警" "soft-water hardness alarm";
    SafetyValveOpen        "safety_valve_open"        Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler PressureVessel] "安全阀起跳" "safety valve open";
    FeedPumpRunning        "feed_pump_running"        Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "给水泵运行" "feed pump running";
    ForcedDraftFanRunning  "forced_draft_fan_running" Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "鼓风机运行" "forced-draft fan running";
    InducedDraftFanRunning "induced_draft_fan_running" Binary None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "引风机运行" "induced-draft fan running";
    InterlockTripped       "interlock_tripped"        Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler PressureVessel] "联锁动作" "interlock tripped";
    ComprehensiveAlarm     "comprehensive_alarm"      Binary  None_             -                    [SteamBoiler HotWaterBoiler OrganicBoiler] "综合报警" "comprehensive alarm";
    OutletTemperature      "outlet_temperature"       Analog  Celsius           (-50.0 .. 500.0)     [HotWaterBoiler OrganicBoiler] "出口温度" "outlet temperature";
    InletTemperature       "inlet_temperature"        Analog  Celsius           (-50.0 .. 500.0)     [HotWaterBoiler OrganicBoiler] "进口温度" "inlet temperature";
    OutletPressure         "outlet_pressure"          Analog  Megapascal        (-0.1 .. 10.0)       [HotWaterBoiler OrganicBoiler] "出口压力" "outlet pressure";
    InletPressure          "inlet_pressure"           Analog  Megapascal        (-0.1 .. 10.0)       [HotWaterBoiler OrganicBoiler] "进口压力" "inlet pressure";
    OutletFlow             "outlet_flow"              Analog  CubicMetrePerHour (0.0 .. 50_000.0)    [HotWaterBoiler OrganicBoiler] "出口流量" "outlet flow";
    // Pressure vessels.
    VesselPressure         "vessel_pressure"          Analog  Megapascal        (-0.1 .. 250.0)      [PressureVessel] "容器压力" "vessel pressure";
    VesselTemperature      "vessel_temperature"       Analog  Celsius           (-270.0 .. 1_200.0)  [PressureVessel] "容器温度" "vessel temperature";
    LiquidLevel            "liquid_level"             Analog  Centimetre        (-100.0 .. 5_000.0)  [PressureVessel] "液位" "liquid level";
    QuickDoorClosed        "quick_door_closed"        Binary  None_             -                    [PressureVessel] "快开门关闭" "quick-opening door closed";
    QuickDoorLocked        "quick_door_locked"        Binary  None_             -                    [PressureVessel] "快开门锁紧" "quick-opening door locked";
    Leakage                "leakage"                  Binary  None_             -                    [PressureVessel] "泄漏" "leakage";
    // Any equipment and the node itself.
    AmbientTemperature     "ambient_temperature"      Analog  Celsius           (-70.0 .. 90.0)      [Any] "环境温度" "ambient temperature";
    LoopCurrent            "loop_current"             Analog  Milliampere       (0.0 .. 30.0)        [Any] "回路电流" "loop current";
    SupplyVoltage          "supply_voltage"           Analog  Volt              (0.0 .. 480.0)       [Any] "供电电压" "supply voltage";
}

impl Quantity {
    /// Name of the standard Sparkplug metric: the key.
    pub const fn metric(self) -> &'static str {
        self.key()
    }

    /// The quantity a standard metric name stands for.
    pub fn from_metric(metric: &str) -> Option<Quantity> {
        Quantity::from_key(metric)
    }

    /// What its pressure is measured against; `None` if it is no pressure. All canonical pressures are gauge,
    /// as on nameplates and safety valves.
    pub const fn pressure_kind(self) -> Option<PressureKind> {
        match self.unit().dimension() {
            Dimension::Pressure => Some(PressureKind::Gauge),
            _ => None,
        }
    }

    /// Whether equipment of class `class` has it.
    pub fn fits(self, class: EquipmentClass) -> bool {
        self.applies_to().iter().any(|own| own.covers(class))
    }

    /// Whether `value` (canonical unit) is finite and physically plausible.
    pub fn is_plausible(self, value: f64) -> bool {
        value.is_finite() && self.plausible().is_none_or(|(lo, hi)| (lo..=hi).contains(&value))
    }
}

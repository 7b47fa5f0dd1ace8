//! Canonical fault keys. There is no common code space for lift faults: the same number means different things
//! in different schemes, so controllers' raw codes are mapped (scheme, code) → key by an editable table in the
//! gateway, and everything after that speaks in keys.

keyed_enum! {
    /// What sort of thing a key stands for.
    pub enum FaultKind {
        None  "none"  "无"   "none";
        Fault "fault" "故障" "fault";
        Event "event" "事件" "event";
        Alarm "alarm" "报警" "alarm";
    }
}

/// `Variant "KEY" Kind "中文" "English";` one line per key.
macro_rules! fault_keys {
    ($( $fault:ident $key:literal $kind:ident $zh:literal $en:literal; )+) => {
        keyed_enum! {
            /// One meaning, whatever number a controller gives it.
            pub enum FaultKey { $( $fault $key $zh $en; )+ }
        }

        impl FaultKey {
            /// What sort of thing it is.
            pub const fn kind(self) -> FaultKind {
                match self { $( FaultKey::$fault => FaultKind::$kind, )+ }
            }
        }
    };
}

fault_keys! {
    None                    "NONE"                       None  "无故障" "no fault";
    Other                   "OTHER"                      Fault "未分类故障" "unclassified fault";
    // Passengers.
    Entrapment              "ENTRAPMENT"                 Fault "困人" "entrapment";
    EntrapmentAtLevel       "ENTRAPMENT_AT_LEVEL"        Fault "平层关人" "entrapment at a landing";
    EntrapmentBetweenFloors "ENTRAPMENT_BETWEEN_FLOORS"  Fault "非平层关人" "entrapment between floors";
    AlarmButton             "ALARM_BUTTON"               Alarm "报警按钮动作" "alarm button operated";
    EbikeInCar              "EBIKE_IN_CAR"               Event "电动车进入轿厢" "electric bicycle in the car";
    Overload                "OVERLOAD"                   Event "超载" "overload";
    // Car movement.
    SafetyCircuitOpen       "SAFETY_CIRCUIT_OPEN"        Fault "安全回路断路" "safety circuit open";
    SafetySwitch            "SAFETY_SWITCH"              Fault "安全开关动作" "safety switch operated";
    StopOutsideDoorZone     "STOP_OUTSIDE_DOOR_ZONE"     Fault "门区外停梯" "stopped outside the door zone";
    UnintendedCarMovement   "UNINTENDED_CAR_MOVEMENT"    Fault "轿厢意外移动" "unintended car movement";
    OvertravelTop           "OVERTRAVEL_TOP"             Fault "冲顶" "overtravel at the top";
    OvertravelBottom        "OVERTRAVEL_BOTTOM"          Fault "蹲底" "overtravel at the bottom";
    Overspeed               "OVERSPEED"                  Fault "超速" "overspeed";
    Overspeed120            "OVERSPEED_120"              Fault "超速1.2倍" "overspeed above 1.2 times rated";
    Overspeed140            "OVERSPEED_140"              Fault "超速1.4倍" "overspeed above 1.4 times rated";
    SpeedAbnormal           "SPEED_ABNORMAL"             Fault "速度异常" "abnormal speed";
    PositionLost            "POSITION_LOST"              Fault "楼层位置丢失" "floor position lost";
    MotorRunTimeLimit       "MOTOR_RUN_TIME_LIMIT"       Fault "运转时间限制器动作" "motor run-time limiter operated";
    AntiRestartLockout      "ANTI_RESTART_LOCKOUT"       Fault "防止再运行故障" "locked out against restart";
    GovernorTrip            "GOVERNOR_TRIP"              Fault "限速器动作" "overspeed governor operated";
    SafetyGearTrip          "SAFETY_GEAR_TRIP"           Fault "安全钳动作" "safety gear operated";
    RopeSlip                "ROPE_SLIP"                  Fault "曳引打滑" "rope slip";
    VibrationAbnormal       "VIBRATION_ABNORMAL"         Fault "异常震动" "abnormal vibration";
    TerminalSlowdownFault   "TERMINAL_SLOWDOWN_FAULT"    Fault "终端强迫减速异常" "terminal slowdown fault";
    RelevelingFault         "RELEVELING_FAULT"           Fault "再平层异常" "re-levelling fault";
    LevelingSensorFault     "LEVELING_SENSOR_FAULT"      Fault "平层信号异常" "levelling sensor fault";
    ShaftData               "SHAFT_DATA"                 Fault "井道数据异常" "hoistway data fault";
    SuspectedStop           "SUSPECTED_STOP"             Fault "疑似故障停梯" "suspected out of order";
    CarIdleAnomaly          "CAR_IDLE_ANOMALY"           Event "长时间停留楼层" "idle at a floor for too long";
    FrequentReset           "FREQUENT_RESET"             Fault "频繁复位" "frequent resets";
    // Doors.
    DoorFault               "DOOR_FAULT"                 Fault "开关门故障" "door fault";
    DoorOpenFail            "DOOR_OPEN_FAIL"             Fault "开门故障" "door does not open";
    DoorCloseFail           "DOOR_CLOSE_FAIL"            Fault "关门故障" "door does not close";
    DoorBlocked             "DOOR_BLOCKED"               Fault "关门受阻" "door blocked";
    DoorMotorBlocked        "DOOR_MOTOR_BLOCKED"         Fault "门电机阻塞" "door motor blocked";
    DoorOpenWhileRunning    "DOOR_OPEN_WHILE_RUNNING"    Fault "运行中开门" "door opened while running";
    DoorLockCircuitOpen     "DOOR_LOCK_CIRCUIT_OPEN"     Fault "门锁回路断路" "door-lock circuit open";
    DoorLockShorted         "DOOR_LOCK_SHORTED"          Fault "门锁短接" "door-lock circuit bridged";
    DoorLockShortedOrFault  "DOOR_LOCK_SHORTED_OR_FAULT" Fault "门锁故障或短接" "door-lock fault or bridge";
    DoorBypassFault         "DOOR_BYPASS_FAULT"          Fault "封门回路异常" "door-bypass circuit fault";
    LandingButtonStuck      "LANDING_BUTTON_STUCK"       Fault "层站按钮粘连" "landing button stuck";
    // Brakes.
    BrakeFault              "BRAKE_FAULT"                Fault "制动系统故障" "brake fault";
    BrakeReleaseFault       "BRAKE_RELEASE_FAULT"        Fault "制动器打开故障" "brake release fault";
    BrakeForceInsufficient  "BRAKE_FORCE_INSUFFICIENT"   Fault "制动力不足" "brake force insufficient";
    BrakeForceWarning       "BRAKE_FORCE_WARNING"        Fault "制动力预警" "brake force warning";
    AuxBrakeFault           "AUX_BRAKE_FAULT"            Fault "附加制动器故障" "auxiliary brake fault";
    // Drive and electrics.
    DriveOvercurrent        "DRIVE_OVERCURRENT"          Fault "驱动过流" "drive overcurrent";
    DriveOvervoltage        "DRIVE_OVERVOLTAGE"          Fault "驱动过压" "drive overvoltage";
    DriveOverload           "DRIVE_OVERLOAD"             Fault "驱动过载" "drive overload";
    DriveOvertemp           "DRIVE_OVERTEMP"             Fault "驱动过热" "drive overheated";
    DriveOutputPhaseLoss    "DRIVE_OUTPUT_PHASE_LOSS"    Fault "输出缺相" "drive output phase lost";
    DriveHardware           "DRIVE_HARDWARE"             Fault "驱动硬件故障" "drive hardware fault";
    MotorOverload           "MOTOR_OVERLOAD"             Fault "电动机过载" "motor overload";
    MotorOvertemp           "MOTOR_OVERTEMP"             Fault "电动机过热" "motor overheated";
    EncoderFault            "ENCODER_FAULT"              Fault "编码器故障" "encoder fault";
    ContactorFeedback       "CONTACTOR_FEEDBACK"         Fault "接触器反馈异常" "contactor feedback fault";
    Tuning                  "TUNING"                     Fault "电机调谐故障" "motor tuning fault";
    MainsLoss               "MAINS_LOSS"                 Event "主电源断电" "mains power lost";
    MainsPhaseLoss          "MAINS_PHASE_LOSS"           Fault "输入缺相" "mains phase lost";
    MainsOffIntentional     "MAINS_OFF_INTENTIONAL"      Event "主动断电" "mains switched off on purpose";
    // Controller, sensors, terminal.
    ControllerFault         "CONTROLLER_FAULT"           Fault "控制器故障" "controller fault";
    CommFault               "COMM_FAULT"                 Fault "通讯故障" "communication fault";
    ClockFault              "CLOCK_FAULT"                Fault "时钟故障" "clock fault";
    SensorFault             "SENSOR_FAULT"               Fault "传感器故障" "sensor fault";
    BatteryLow              "BATTERY_LOW"                Event "电池电量低" "battery low";
    TerminalOffline         "TERMINAL_OFFLINE"           Event "终端长时间离线" "terminal offline for long";
    // Surroundings.
    PitWater                "PIT_WATER"                  Fault "底坑进水" "water in the pit";
    MachineRoomTemp         "MACHINE_ROOM_TEMP"          Fault "机房超温" "machine room too hot";
    CarLightFault           "CAR_LIGHT_FAULT"            Fault "轿厢照明故障" "car light fault";
    CarFanFault             "CAR_FAN_FAULT"              Fault "轿厢风扇故障" "car fan fault";
    // Escalators and moving walks.
    UnintendedReversal      "UNINTENDED_REVERSAL"        Fault "非操纵逆转" "unintended reversal";
    StepMissing             "STEP_MISSING"               Fault "梯级或踏板缺失" "step or pallet missing";
    StoppingDistanceExceeded "STOPPING_DISTANCE_EXCEEDED" Fault "制停超距" "stopping distance exceeded";
    HandrailUnderspeedLeft  "HANDRAIL_UNDERSPEED_LEFT"   Fault "左扶手带欠速" "left handrail too slow";
    HandrailUnderspeedRight "HANDRAIL_UNDERSPEED_RIGHT"  Fault "右扶手带欠速" "right handrail too slow";
    CoverPlateOpen          "COVER_PLATE_OPEN"           Fault "盖板打开" "cover or floor plate open";
    CombPlateJam            "COMB_PLATE_JAM"             Fault "梳齿板卡阻" "comb plate jammed";
    EmergencyStop           "EMERGENCY_STOP"             Event "紧急停止开关动作" "emergency stop operated";
    // Modes reported as codes.
    ModeAutomatic           "MODE_AUTOMATIC"             Event "恢复自动运行" "returned to automatic operation";
    ModeOutOfService        "MODE_OUT_OF_SERVICE"        Event "停止服务" "out of service";
    ModeInspection          "MODE_INSPECTION"            Event "检修运行" "inspection operation";
    ModeFireRecall          "MODE_FIRE_RECALL"           Event "消防返回" "fire recall";
    ModeFirefighter         "MODE_FIREFIGHTER"           Event "消防员运行" "firefighter operation";
    ModeEmergencyPower      "MODE_EMERGENCY_POWER"       Event "应急电源运行" "emergency-power operation";
    ModeSeismic             "MODE_SEISMIC"               Event "地震模式" "seismic mode";
}

/// A controller's code without what displays and drivers add or leave out: surrounding blanks, a leading `E`
/// before digits, leading zeros. `"E05"`, `"05"`, `"5"` and ` 5 ` are one code; `"P137=0"` stays.
pub fn bare_code(code: &str) -> &str {
    let code = code.trim();
    let digits = match code.as_bytes() {
        [b'E' | b'e', next, ..] if next.is_ascii_digit() => &code[1..],
        _ => code,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return code;
    }
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() { "0" } else { bare }
}

//! Lift states that are codes, and the numberings they arrive in.
//!
//! [`ServiceMode`] follows the numbering used by implementations of GB/T 24476; [`CarDriveStatus`] and
//! [`CarDirection`] follow BACnet (ASHRAE 135-2020 cl. 12.59, BACnetLiftCarDriveStatus and
//! BACnetLiftCarDirection). The same number means different things elsewhere: map explicitly.

keyed_enum! {
    /// What the lift is in service for.
    pub enum ServiceMode {
        OutOfService = 0  "out_of_service"  "停止服务"     "out of service";
        Normal = 1        "normal"          "正常运行"     "normal operation";
        Inspection = 2    "inspection"      "检修"        "inspection";
        FireRecall = 3    "fire_recall"     "消防返回"     "fire recall";
        Firefighter = 4   "firefighter"     "消防员运行"    "firefighter operation";
        EmergencyPower = 5 "emergency_power" "应急电源运行" "emergency-power operation";
        Seismic = 6       "seismic"         "地震模式"     "seismic mode";
        Unknown = 7       "unknown"         "未知"        "unknown";
    }
}

keyed_enum! {
    /// What the drive is doing (BACnetLiftCarDriveStatus).
    pub enum CarDriveStatus {
        Unknown = 0         "unknown"           "未知"     "unknown";
        Stationary = 1      "stationary"        "静止"     "stationary";
        Braking = 2         "braking"           "制动"     "braking";
        Accelerate = 3      "accelerate"        "加速"     "accelerating";
        Decelerate = 4      "decelerate"        "减速"     "decelerating";
        RatedSpeed = 5      "rated_speed"       "额定速度"  "at rated speed";
        SingleFloorJump = 6 "single_floor_jump" "单层运行"  "single-floor run";
        TwoFloorJump = 7    "two_floor_jump"    "两层运行"  "two-floor run";
        ThreeFloorJump = 8  "three_floor_jump"  "三层运行"  "three-floor run";
        MultiFloorJump = 9  "multi_floor_jump"  "多层运行"  "multi-floor run";
    }
}

keyed_enum! {
    /// Which way the car goes (BACnetLiftCarDirection).
    pub enum CarDirection {
        Unknown = 0   "unknown"     "未知"   "unknown";
        None = 1      "none"        "无方向" "no direction";
        Stopped = 2   "stopped"     "停止"   "stopped";
        Up = 3        "up"          "上行"   "up";
        Down = 4      "down"        "下行"   "down";
        UpAndDown = 5 "up_and_down" "双向"   "up and down";
    }
}

macro_rules! coded {
    ($name:ident) => {
        impl $name {
            /// Number on the wire.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The variant with this number; `None` for numbers the vocabulary does not define.
            pub fn from_code(code: i64) -> Option<$name> {
                usize::try_from(code)
                    .ok()
                    .and_then(|index| $name::ALL.get(index))
                    .copied()
            }
        }
    };
}

coded!(ServiceMode);
coded!(CarDriveStatus);
coded!(CarDirection);

impl ServiceMode {
    /// From a BACnetLiftCarMode number (ASHRAE 135-2020): VIP, homing, parking, attendant, cabinet recall and
    /// evacuation still carry or may carry passengers under automatic control, hence `Normal`.
    pub const fn from_bacnet_car_mode(code: u8) -> Option<ServiceMode> {
        match code {
            0 => Some(ServiceMode::Unknown),
            1..=5 | 9 | 13 => Some(ServiceMode::Normal),
            6 => Some(ServiceMode::Firefighter),
            7 => Some(ServiceMode::EmergencyPower),
            8 => Some(ServiceMode::Inspection),
            10 => Some(ServiceMode::Seismic),
            11 => Some(ServiceMode::FireRecall),
            12 => Some(ServiceMode::OutOfService),
            _ => None,
        }
    }
}

impl CarDriveStatus {
    /// Whether the car moves in this state; `None` when unknown.
    pub const fn is_moving(self) -> Option<bool> {
        match self {
            CarDriveStatus::Unknown => None,
            CarDriveStatus::Stationary => Some(false),
            _ => Some(true),
        }
    }
}

impl CarDirection {
    /// From the GB/T 24476 style number: 0 none, 1 up, 2 down.
    pub const fn from_gbt24476(code: u8) -> Option<CarDirection> {
        match code {
            0 => Some(CarDirection::None),
            1 => Some(CarDirection::Up),
            2 => Some(CarDirection::Down),
            _ => None,
        }
    }
}

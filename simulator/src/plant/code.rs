//! How a lift controller numbers its faults.

use vigil_protocol::vocabulary::FaultKey;

/// A numbering of controller faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// GB/T 24476-2017.
    Gbt24476,
    /// GB/T 24476-2017 with the codes 09-11 that platforms of 2020 added, entrapment among them.
    SePlatform,
    /// Monarch NICE3000+.
    Monarch,
}

impl Scheme {
    /// The name used in scenario files and in the gateway's catalog.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Gbt24476 => "gbt24476-2017",
            Self::SePlatform => "se-platform-2020",
            Self::Monarch => "monarch-nice3000plus",
        }
    }

    /// The scheme of that name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Gbt24476, Self::SePlatform, Self::Monarch]
            .into_iter()
            .find(|scheme| scheme.key() == key)
    }

    /// What the controller shows for a fault; a fault it has no number for shows as its general lock-out.
    #[must_use]
    pub fn raw(self, key: FaultKey) -> &'static str {
        self.number(key).unwrap_or(match self {
            Self::Gbt24476 | Self::SePlatform => "08",
            Self::Monarch => "E34",
        })
    }

    /// The number this scheme has for a fault.
    #[must_use]
    pub const fn number(self, key: FaultKey) -> Option<&'static str> {
        match self {
            Self::Gbt24476 => gbt24476(key),
            Self::SePlatform => se_platform(key),
            Self::Monarch => monarch(key),
        }
    }
}

const fn gbt24476(key: FaultKey) -> Option<&'static str> {
    Some(match key {
        FaultKey::None => "00",
        FaultKey::SafetyCircuitOpen => "01",
        FaultKey::DoorCloseFail => "02",
        FaultKey::DoorOpenFail => "03",
        FaultKey::StopOutsideDoorZone => "04",
        FaultKey::UnintendedCarMovement => "05",
        FaultKey::MotorRunTimeLimit => "06",
        FaultKey::PositionLost => "07",
        FaultKey::AntiRestartLockout => "08",
        FaultKey::MainsLoss => "41",
        FaultKey::AlarmButton => "90",
        _ => return None,
    })
}

const fn se_platform(key: FaultKey) -> Option<&'static str> {
    match key {
        FaultKey::OvertravelTop => Some("09"),
        FaultKey::OvertravelBottom => Some("10"),
        FaultKey::Entrapment | FaultKey::EntrapmentAtLevel | FaultKey::EntrapmentBetweenFloors => Some("11"),
        other => gbt24476(other),
    }
}

const fn monarch(key: FaultKey) -> Option<&'static str> {
    Some(match key {
        FaultKey::None => "E00",
        FaultKey::DriveOvercurrent => "E02",
        FaultKey::MainsLoss => "E09",
        FaultKey::MotorOverload => "E11",
        FaultKey::EncoderFault => "E20",
        FaultKey::PositionLost => "E30",
        FaultKey::Overspeed => "E33",
        FaultKey::ControllerFault => "E34",
        FaultKey::BrakeFault => "E37",
        FaultKey::MotorRunTimeLimit => "E40",
        FaultKey::SafetyCircuitOpen => "E41",
        FaultKey::DoorOpenWhileRunning => "E42",
        FaultKey::OvertravelTop => "E43",
        FaultKey::OvertravelBottom => "E44",
        FaultKey::DoorOpenFail => "E48",
        FaultKey::DoorCloseFail => "E49",
        FaultKey::DoorLockShorted | FaultKey::DoorLockShortedOrFault => "E53",
        FaultKey::UnintendedCarMovement => "E65",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Scheme;
    use vigil_protocol::vocabulary::FaultKey;

    #[test]
    fn schemes_number_faults_differently_and_lock_out_on_what_they_do_not_know() {
        let cases = [
            (Scheme::Gbt24476, FaultKey::Entrapment, None, "08"),
            (Scheme::SePlatform, FaultKey::Entrapment, Some("11"), "11"),
            (Scheme::Monarch, FaultKey::Entrapment, None, "E34"),
            (
                Scheme::Gbt24476,
                FaultKey::UnintendedCarMovement,
                Some("05"),
                "05",
            ),
            (
                Scheme::Monarch,
                FaultKey::UnintendedCarMovement,
                Some("E65"),
                "E65",
            ),
        ];
        for (scheme, key, number, raw) in cases {
            assert_eq!(
                (scheme.number(key), scheme.raw(key)),
                (number, raw),
                "{scheme:?} {key:?}"
            );
            assert_eq!(Scheme::from_key(scheme.key()), Some(scheme));
        }
    }
}

//! Alarms as ISA-18.2 / IEC 62682 flags.

use crate::pack::Severity;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// The orthogonal flags the state letter is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmFlags {
    /// The condition holds.
    pub active: bool,
    /// Somebody has seen it.
    pub acked: bool,
    /// The condition went, the alarm stays until it is reset.
    pub latched: bool,
    /// Off the list until this time.
    pub shelved_until: Option<UtcMillis>,
    /// Held back by design (inspection mode).
    pub suppressed: bool,
    /// Held back by maintenance.
    pub out_of_service: bool,
}

impl AlarmFlags {
    /// Nothing is wrong and nothing waits for anybody. `acked` is set: an alarm that was never raised
    /// needs no acknowledgement, while `Default` (all clear, not acked) is state D.
    pub const NORMAL: Self = Self {
        active: false,
        acked: true,
        latched: false,
        shelved_until: None,
        suppressed: false,
        out_of_service: false,
    };

    /// The state of the figure. Out of service hides suppression, which hides shelving, which hides
    /// what the process says: the outermost reason for not showing an alarm is the one to undo first.
    #[must_use]
    pub const fn state(&self) -> AlarmState {
        if self.out_of_service {
            AlarmState::OutOfService
        } else if self.suppressed {
            AlarmState::SuppressedByDesign
        } else if self.shelved_until.is_some() {
            AlarmState::Shelved
        } else {
            match (self.active, self.latched, self.acked) {
                (true, _, false) => AlarmState::Unacknowledged,
                (true, _, true) => AlarmState::Acknowledged,
                (false, true, false) => AlarmState::LatchedUnacknowledged,
                (false, true, true) => AlarmState::LatchedAcknowledged,
                (false, false, false) => AlarmState::ReturnedUnacknowledged,
                (false, false, true) => AlarmState::Normal,
            }
        }
    }

    /// The condition holds (anew): an earlier acknowledgement does not speak for this episode.
    pub const fn raise(&mut self) {
        self.active = true;
        self.acked = false;
        self.latched = false;
    }

    /// The condition has gone; a latching alarm waits for a reset.
    pub const fn clear(&mut self, latching: bool) {
        self.active = false;
        self.latched = latching;
    }

    /// Somebody has seen it.
    pub const fn acknowledge(&mut self) {
        self.acked = true;
    }

    /// Somebody let go of a latched alarm.
    pub const fn reset(&mut self) {
        self.latched = false;
    }
}

/// State letter and name of ISA-18.2-2016 figure 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// A.
    Normal,
    /// B.
    Unacknowledged,
    /// C.
    Acknowledged,
    /// D.
    ReturnedUnacknowledged,
    /// E.
    LatchedUnacknowledged,
    /// F.
    LatchedAcknowledged,
    /// G.
    Shelved,
    /// H.
    SuppressedByDesign,
    /// I.
    OutOfService,
}

impl AlarmState {
    /// Every state, A to I.
    pub const ALL: [Self; 9] = [
        Self::Normal,
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Shelved,
        Self::SuppressedByDesign,
        Self::OutOfService,
    ];

    /// The letter of the figure.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Normal => 'A',
            Self::Unacknowledged => 'B',
            Self::Acknowledged => 'C',
            Self::ReturnedUnacknowledged => 'D',
            Self::LatchedUnacknowledged => 'E',
            Self::LatchedAcknowledged => 'F',
            Self::Shelved => 'G',
            Self::SuppressedByDesign => 'H',
            Self::OutOfService => 'I',
        }
    }

    /// The short name used on operator displays.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Normal => "NORM",
            Self::Unacknowledged => "UNACK",
            Self::Acknowledged => "ACKED",
            Self::ReturnedUnacknowledged => "RTNUN",
            Self::LatchedUnacknowledged => "LUNAC",
            Self::LatchedAcknowledged => "LACK",
            Self::Shelved => "SHLVD",
            Self::SuppressedByDesign => "DSUPR",
            Self::OutOfService => "OOSRV",
        }
    }
}

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmClass {
    /// The equipment.
    Process,
    /// Our ability to see the equipment.
    MonitoringGap,
}

/// Current state of the alarm of one (equipment, rule).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRecord {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Rule id.
    pub rule: Arc<str>,
    /// Process or monitoring gap.
    pub class: AlarmClass,
    /// S1 … S4.
    pub severity: Severity,
    /// The flags.
    pub flags: AlarmFlags,
    /// Derived from the flags.
    pub state: AlarmState,
    /// Source time since which the condition has held (or last held).
    pub since: UtcMillis,
    /// Last change of the record.
    pub changed: UtcMillis,
    /// Activations so far.
    pub count: u32,
    /// The hazard it opened or added to.
    pub hazard: Option<Arc<str>>,
    /// Value or words that tripped it.
    pub detail: String,
}

/// A transition, for the journal of alarms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmEvent {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Rule id.
    pub rule: Arc<str>,
    /// Arrival time at which the gateway decided.
    pub at: UtcMillis,
    /// Source time of the cause.
    pub source_at: UtcMillis,
    /// State after it.
    pub state: AlarmState,
    /// S1 … S4.
    pub severity: Severity,
    /// Who, if a person.
    pub actor: Option<String>,
    /// Value, limit or reason in words.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::{AlarmFlags, AlarmState};
    use vigil_protocol::time::UtcMillis;

    fn flags(letter: char) -> AlarmFlags {
        let mut flags = AlarmFlags::NORMAL;
        match letter {
            'A' => {}
            'B' => flags.raise(),
            'C' => (flags.active, flags.acked) = (true, true),
            'D' => flags.acked = false,
            'E' => (flags.acked, flags.latched) = (false, true),
            'F' => flags.latched = true,
            'G' => flags.shelved_until = Some(UtcMillis(1)),
            'H' => flags.suppressed = true,
            'I' => flags.out_of_service = true,
            other => panic!("no state {other}"),
        }
        flags
    }

    /// ANSI/ISA-18.2-2016 figure 3: from, event, to. `*` is any state; several letters after `to`
    /// are what the process condition may dictate, with the flags each of them comes from.
    const TRANSITIONS: &[(char, &str, &str)] = &[
        ('A', "raise", "B"),
        ('B', "acknowledge", "C"),
        ('C', "clear", "A"),
        ('B', "clear", "D"),
        ('D', "acknowledge", "A"),
        ('D', "raise", "B"),
        ('C', "raise", "B"),
        ('B', "clear latching", "E"),
        ('E', "acknowledge", "F"),
        ('E', "raise", "B"),
        ('C', "clear latching", "F"),
        ('F', "reset", "A"),
        ('F', "raise", "B"),
        ('E', "reset", "D"),
        ('*', "shelve", "G"),
        ('G', "unshelve", "ABC"),
        ('*', "suppress", "H"),
        ('H', "unsuppress", "AB"),
        ('*', "remove from service", "I"),
        ('I', "return to service", "AB"),
    ];

    fn apply(flags: &mut AlarmFlags, event: &str) {
        match event {
            "raise" => flags.raise(),
            "acknowledge" => flags.acknowledge(),
            "clear" => flags.clear(false),
            "clear latching" => flags.clear(true),
            "reset" => flags.reset(),
            "shelve" => flags.shelved_until = Some(UtcMillis(1)),
            "unshelve" => flags.shelved_until = None,
            "suppress" => flags.suppressed = true,
            "unsuppress" => flags.suppressed = false,
            "remove from service" => flags.out_of_service = true,
            "return to service" => flags.out_of_service = false,
            other => panic!("no event {other}"),
        }
    }

    #[test]
    fn every_transition_of_the_figure_ends_in_its_state() {
        for &(from, event, to) in TRANSITIONS {
            // What the process says underneath decides where a hidden alarm comes back to.
            let starts: Vec<AlarmFlags> = match from {
                // From the hidden states themselves a hiding event only adds a reason; the
                // precedence among reasons has its own test.
                '*' => "ABCDEF".chars().map(flags).collect(),
                'G' | 'H' | 'I' => to
                    .chars()
                    .map(|under| {
                        let mut hidden = flags(under);
                        let over = flags(from);
                        hidden.shelved_until = over.shelved_until;
                        hidden.suppressed = over.suppressed;
                        hidden.out_of_service = over.out_of_service;
                        hidden
                    })
                    .collect(),
                letter => vec![flags(letter)],
            };
            for (index, start) in starts.into_iter().enumerate() {
                let mut after = start;
                apply(&mut after, event);
                let wanted = if starts_hidden(from) {
                    to.chars().nth(index)
                } else {
                    to.chars().next()
                };
                assert_eq!(
                    Some(after.state().letter()),
                    wanted,
                    "{from} --{event}--> {to}, from {start:?}"
                );
            }
        }
    }

    fn starts_hidden(from: char) -> bool {
        matches!(from, 'G' | 'H' | 'I')
    }

    #[test]
    fn every_state_has_flags_that_give_it() {
        for (state, letter) in AlarmState::ALL.into_iter().zip('A'..='I') {
            assert_eq!((state.letter(), flags(letter).state()), (letter, state));
        }
    }

    #[test]
    fn out_of_service_hides_suppression_and_suppression_hides_the_shelf() {
        let mut all = AlarmFlags::NORMAL;
        all.raise();
        all.shelved_until = Some(UtcMillis(1));
        assert_eq!(all.state(), AlarmState::Shelved);
        all.suppressed = true;
        assert_eq!(all.state(), AlarmState::SuppressedByDesign);
        all.out_of_service = true;
        assert_eq!(all.state(), AlarmState::OutOfService);
    }

    #[test]
    fn an_acknowledgement_does_not_speak_for_the_next_episode() {
        let mut flags = AlarmFlags::NORMAL;
        flags.raise();
        flags.acknowledge();
        flags.clear(false);
        flags.raise();
        assert_eq!(flags.state(), AlarmState::Unacknowledged);
    }
}

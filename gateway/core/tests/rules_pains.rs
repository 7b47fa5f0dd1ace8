//! What users of other systems complain about, one test each. The numbers in the names are those of the
//! threads: who broke it there will find here why it is done the other way.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod rules_support;

use rules_support::run::{Run, Runner};
use rules_support::{START, Timeline, load_catalog};
use vigil_core::equipment::{EquipmentState, Moment};
use vigil_core::output::Output;
use vigil_core::pack::RulePack;
use vigil_core::sample::{Reading, Sample};
use vigil_core::{Position, UtcMillis};
use vigil_protocol::vocabulary::{Quality, Quantity};

const CATALOG: &str = r#"
[[equipment]]
id = "freezer"
category = "1100"
node = "g/n"
device = "freezer"
interval = "10s"
"#;

fn pack(rules: &[&str]) -> String {
    let head = "[pack]\nid = \"t\"\nversion = \"1\"\ntitle_zh = \"t\"\ntitle_en = \"t\"\napplies_to = [\"\"]\n\
                [defaults]\nclause = \"t\"\nsource = \"t\"\nconfidence = \"proposal\"\n";
    rules.iter().fold(head.to_owned(), |pack, rule| {
        pack + "[[rule]]\ntitle_zh = \"t\"\ntitle_en = \"t\"\n" + rule
    })
}

/// High pressure, trip 1.3, clear 1.2.
fn high(delays: &str) -> String {
    format!(
        "id = \"HIGH\"\nkind = \"limit\"\nquantity = \"steam_pressure\"\ndirection = \"high\"\ntrip = 1.3\n\
         clear = 1.2\nseverity = \"S2\"\nopens = \"general\"\n{delays}\n"
    )
}

fn run(rules: &[&str], input: &str) -> Run {
    let timeline = Timeline::parse(CATALOG, Some(&pack(rules)), input).unwrap();
    Runner::all(&timeline)
}

fn lines<'r>(run: &'r Run, what: &str) -> Vec<&'r str> {
    run.lines
        .iter()
        .map(String::as_str)
        .filter(|line| line.contains(what))
        .collect()
}

/// thingsboard#7943: a freezer hovering at the limit alarms again and again.
#[test]
fn pain_1_a_value_hovering_at_the_limit_is_one_alarm() {
    let input = (0..200).fold(
        String::from("0s freezer birth steam_pressure=1.0\n"),
        |input, n| {
            let value = if n % 2 == 0 { 1.301 } else { 1.299 };
            input + &format!("{}s freezer steam_pressure={value}\n", 1 + n)
        },
    );
    let run = run(&[&high("on_delay = \"0s\"")], &input);
    assert_eq!(lines(&run, " alarm ").len(), 1, "{:#?}", run.lines);
    assert_eq!(run.chains.len(), 1);
}

/// prometheus#10536: no separate recovery threshold. A rule without one does not even load.
#[test]
fn pain_2_a_limit_without_its_own_clear_level_is_refused() {
    let rule = high("on_delay = \"0s\"").replace("clear = 1.2\n", "");
    let (pack, findings) = RulePack::parse("pack.toml", &pack(&[&rule]));
    assert!(pack.is_none(), "it must not load");
    assert!(
        findings.iter().any(|finding| finding.message.contains("clear")),
        "{findings:#?}"
    );
}

/// thingsboard#5652, #2986, #15583: two messages a few ms apart create two active alarms.
#[test]
fn pain_3_two_messages_a_millisecond_apart_are_one_alarm_and_one_hazard() {
    let run = run(
        &[&high("on_delay = \"0s\"")],
        "0s freezer birth steam_pressure=1.0
         10s freezer steam_pressure=1.4
         10s freezer @10.001s steam_pressure=1.41
         10s freezer @10.001s steam_pressure=1.42
         10.002s freezer steam_pressure=1.43",
    );
    assert_eq!(lines(&run, " alarm ").len(), 1, "{:#?}", run.lines);
    assert_eq!(lines(&run, " hazard ").len(), 1);
}

/// thingsboard#14210: a 90-minute rule fired while no data arrived and the last value was normal.
#[test]
fn pain_4_nothing_is_concluded_from_a_time_without_data() {
    let run = run(
        &[&high("on_delay = \"90min\"\noff_delay = \"90min\"")],
        "0s freezer birth steam_pressure=1.0
         10s freezer steam_pressure=1.4
         20s freezer steam_pressure=1.4
         2h freezer steam_pressure=1.4
         2h1m freezer steam_pressure=1.0
         6h tick",
    );
    assert_eq!(lines(&run, " alarm "), Vec::<&str>::new());
    assert!(
        !lines(&run, " gap ").is_empty(),
        "but that there was none is on record"
    );
}

/// thingsboard#10590: a 2 s duration rule produced a 1 s alarm, because two clocks were mixed in one timer.
#[test]
fn pain_5_a_delay_is_measured_by_one_clock() {
    // The messages are a second apart by the node's clock, and arrive in a burst or late.
    for arrivals in [[10_000, 10_001, 10_002, 10_003], [10_000, 13_000, 13_001, 19_000]] {
        let input = arrivals.iter().zip([1.4, 1.0, 1.4, 1.0]).enumerate().fold(
            String::from("0s freezer birth steam_pressure=1.0\n"),
            |input, (n, (arrival, value))| {
                input + &format!("{arrival}ms freezer @{}s steam_pressure={value}\n", 9 + n)
            },
        );
        let run = run(&[&high("on_delay = \"2s\"")], &input);
        assert_eq!(
            lines(&run, " alarm "),
            Vec::<&str>::new(),
            "it held for 1 s each time"
        );
    }
}

/// thingsboard#12771, #12755: the dead-man alarm arrives when the device comes back.
#[test]
fn pain_6_silence_is_noticed_while_it_lasts() {
    let quiet =
        "id = \"QUIET\"\nkind = \"silence\"\nafter = \"5min\"\nseverity = \"S3\"\nopens = \"nothing\"\n";
    let run = run(
        &[quiet],
        "0s freezer birth steam_pressure=1.0
         5m1s tick
         1h freezer steam_pressure=1.0",
    );
    assert_eq!(
        lines(&run, " alarm "),
        [
            "300 alarm freezer QUIET B S3 at 300: not heard for 5 min",
            "3600 alarm freezer QUIET D S3 at 3600: heard again"
        ]
    );
}

/// thingsboard#7811: the old record is updated for a new event after somebody had closed it.
#[test]
fn pain_7_after_a_normal_reading_a_new_event_is_a_new_episode() {
    let run = run(
        &[&high("on_delay = \"0s\"")],
        "0s freezer birth steam_pressure=1.0
         10s freezer steam_pressure=1.4
         20s reject freezer HIGH by wang: test
         30s freezer steam_pressure=1.5
         40s freezer steam_pressure=1.0
         50s freezer steam_pressure=1.4",
    );
    let opened = lines(&run, " opened ");
    assert_eq!(opened.len(), 2, "{:#?}", run.lines);
    assert!(opened[0].contains("episode 10") && opened[1].contains("episode 50"));
    assert_eq!(run.chains.len(), 2);
}

/// thingsboard#6047, #10587: who acknowledged, who cleared?
#[test]
fn pain_8_every_step_of_a_person_carries_name_reason_and_time() {
    let run = run(
        &[&high("on_delay = \"0s\"\nlatched = true")],
        "0s freezer birth steam_pressure=1.0
         10s freezer steam_pressure=1.4
         20s ack freezer HIGH by li: 看到了
         30s freezer steam_pressure=1.0
         40s reset freezer HIGH by wang: 已处理
         50s confirm freezer HIGH by zhao: 现场确认
         60s ack freezer HIGH by : nobody",
    );
    assert_eq!(
        [lines(&run, " by "), lines(&run, "refused")].concat(),
        [
            "20 alarm freezer HIGH C S2 at 20 by li: 看到了",
            "40 alarm freezer HIGH A S2 at 40 by wang: 已处理",
            "50 hazard freezer HIGH confirmed by zhao: 现场确认",
            "60 refused actor_required",
        ]
    );
}

/// thingsboard#11803, #10979: OR logic and staged severity are not expressible.
#[test]
fn pain_10_alternatives_and_stages_are() {
    let stage = |id: &str, trip: f64, delay: &str, severity: &str| {
        format!(
            "id = \"{id}\"\nkind = \"limit\"\nquantity = \"steam_pressure\"\ndirection = \"high\"\n\
             trip = {trip}\nclear = 1.0\non_delay = \"{delay}\"\nseverity = \"{severity}\"\nopens = \"nothing\"\n"
        )
    };
    let either = "id = \"EITHER\"\nkind = \"interlock\"\nwhen = { any = [\
                  { quantity = \"overpressure_alarm\", is = true }, { quantity = \"steam_pressure\", above = 1.5 }] }\n\
                  on_delay = \"0s\"\nseverity = \"S1\"\nopens = \"nothing\"\n";
    let run = run(
        &[
            &stage("WARN", 1.2, "0s", "S3"),
            &stage("CRITICAL", 1.2, "60s", "S2"),
            either,
        ],
        "0s freezer birth steam_pressure=1.1 overpressure_alarm=false
         10s freezer steam_pressure=1.3
         40s freezer steam_pressure=1.3
         70s freezer steam_pressure=1.3
         80s freezer steam_pressure=null
         90s freezer overpressure_alarm=true",
    );
    assert_eq!(
        lines(&run, " alarm "),
        [
            "10 alarm freezer WARN B S3 at 10: steam_pressure 1.3 MPa",
            "70 alarm freezer CRITICAL B S2 at 70: steam_pressure 1.3 MPa",
            "90 alarm freezer EITHER B S1 at 90: overpressure_alarm true",
        ]
    );
}

/// prometheus#15175, #13957: firing goes back to pending after a restart.
#[test]
fn pain_11_a_restart_loses_neither_a_running_delay_nor_an_alarm() {
    let story = |kill: &str| {
        format!(
            "0s freezer birth steam_pressure=1.0
             10s freezer steam_pressure=1.4
             30s freezer steam_pressure=1.4
             {kill}
             45s freezer steam_pressure=1.4
             50s ack freezer HIGH by li
             {kill}
             60s freezer steam_pressure=1.0
             {kill}
             75s freezer steam_pressure=1.4"
        )
        .replace("{kill}", kill)
    };
    let rule = high("on_delay = \"30s\"\noff_delay = \"20s\"");
    let (calm, killed) = (run(&[&rule], &story("")), run(&[&rule], &story("+1s restart")));
    assert_eq!(killed.lines, calm.lines);
    assert_eq!(
        lines(&calm, " alarm ").len(),
        2,
        "raised and acknowledged: {:#?}",
        calm.lines
    );
}

/// thingsboard-gateway#2119: a periodic report overwrites the original time with now.
#[test]
fn pain_16_a_reading_keeps_the_time_at_which_it_was_taken() {
    let (mut state, at) = (State::new(), START);
    state.says(1, at, at, false, 1.0);
    for minute in 1..5 {
        let now = UtcMillis(at.0 + minute * 60_000);
        let moment = Moment {
            position: Position(9),
            received: now,
            published: now,
            historical: false,
        };
        state.state.on_heard(&state.equipment, &moment, &mut Vec::new());
    }
    let latest = *state.state.latest(state.channel()).unwrap();
    assert_eq!((latest.at, latest.received), (at, at));
    // Delivered an hour after it was taken: both times are there.
    let (taken, arrived) = (UtcMillis(at.0 + 600_000), UtcMillis(at.0 + 4_200_000));
    state.says(2, arrived, taken, false, 1.1);
    let latest = state.state.latest(state.channel()).unwrap();
    assert_eq!((latest.at, latest.received), (taken, arrived));
}

/// thingsboard#1264, #1769, #3119: back-filled data becomes the current state.
#[test]
fn pain_22_old_data_never_becomes_the_latest() {
    let mut state = State::new();
    let at = |seconds: i64| UtcMillis(START.0 + seconds * 1_000);
    state.says(1, at(100), at(100), false, 1.4);
    for (position, now, taken, historical) in [(2, 110, 50, true), (3, 111, 99, false), (4, 112, 100, false)]
    {
        let out = state.says(position, at(now), at(taken), historical, 0.5);
        let latest = state.state.latest(state.channel()).unwrap();
        assert_eq!((latest.reading, latest.at), (Reading::Number(1.4), at(100)));
        assert!(
            out.iter().all(|output| !matches!(output, Output::Alarm(_))),
            "{out:#?}"
        );
    }
    assert_eq!(
        state.state.open_alarms().len(),
        1,
        "and it does not clear what stands"
    );
}

/// A state by itself.
struct State {
    equipment: vigil_core::catalog::Equipment,
    state: EquipmentState,
}

impl State {
    fn new() -> Self {
        let catalog = load_catalog(CATALOG, Some(&pack(&[&high("on_delay = \"0s\"")]))).unwrap();
        let equipment = catalog.equipment[0].clone();
        Self {
            state: EquipmentState::new(&equipment),
            equipment,
        }
    }

    fn channel(&self) -> vigil_core::sample::ChannelIx {
        self.equipment.channel_of(Quantity::SteamPressure).unwrap()
    }

    fn says(
        &mut self,
        position: u64,
        received: UtcMillis,
        at: UtcMillis,
        historical: bool,
        value: f64,
    ) -> Vec<Output> {
        let mut out = Vec::new();
        let moment = Moment {
            position: Position(position),
            received,
            published: at,
            historical,
        };
        let sample = Sample {
            channel: self.channel(),
            at,
            reading: Reading::Number(value),
            raw: Some(value),
            quality: Quality::Good,
        };
        self.state
            .on_samples(&self.equipment, &moment, &[sample], &mut out);
        out
    }
}

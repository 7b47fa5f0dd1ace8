//! Wrong profiles → what is said, all at once, each with its place and the nearest right spelling.

use std::sync::Arc;
use vigil_core::json::{Profile, check_together};

fn findings(text: &str) -> Vec<String> {
    let (profile, findings) = Profile::parse("p.toml", text);
    assert_eq!(profile.is_some(), findings.is_empty(), "{findings:?}");
    findings.iter().map(ToString::to_string).collect()
}

const HEAD: &str =
    "id = \"p\"\ntopic = \"site/{site}/{device}\"\nnode = \"{site}/json\"\ndevice = \"{device}\"\n";

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = r#"id = "my profile"
topic = "site/{site}/x{device}"
node = "json"
device = "{device}"
time = "$.ts"
quality = "q"
quality_map = { "0" = "god" }
others = "drop"

[[reading]]
quantity = "steam_presure"
value = "$.p["

[[reading]]
quantity = "steam_pressure"
value = "$.p"
unit = "degC"
scale = 0

[[reading]]
quantity = "door_zone"
value = "$.z"
states = { 1 = "yes" }
scale = 2

[[reading]]
quantity = "car_direction"
valeu = "$.d"
states = { 1 = "upp" }

[[reading]]
value = "$.x"

[names]
a = { quantity = "car_load", unit = "MPa" }
"#;
    assert_eq!(
        findings(text),
        [
            "p.toml:1:6: error: `my profile` is not a profile id (help: letters, digits, `-`, `_` and `.`, at most 64)",
            "p.toml:2:23: error: `+`, `#` and `{name}` stand for a whole level between two `/` (help: such as \"site/{site}/lift/{device}/status\"; `+` and `#` as in MQTT)",
            "p.toml:3:8: error: `json` does not name a node (help: `group/node`, such as \"{site}/json\" or \"haicheng/json\")",
            "p.toml:5:8: error: `time` needs `time_format` (help: ms or s (since 1970), rfc3339, or local with `utc_offset`)",
            "p.toml:6:12: error: not a JSONPath: `.name`, `[0]`, `['name']`, `[*]` or `[?…]` is expected here (help: a path begins with `$` (the message) or `@` (the item of `each`): `$.q`)",
            "p.toml:7:23: error: `god` is not a quality (help: did you mean `good`?)",
            "p.toml:8:10: error: `others` cannot be `drop` (help: one of: pass, skip)",
            "p.toml:11:12: error: `steam_presure` is not a quantity (help: did you mean `steam_pressure`?)",
            "p.toml:12:13: error: not a JSONPath: `.name`, `[0]`, `['name']`, `[*]` or `[?…]` is expected here",
            "p.toml:17:8: error: `degC` is not a unit of steam_pressure (help: one of: MPa, kPa, Pa, bar, mbar, kgf/cm2, psi, mH2O, mmH2O)",
            "p.toml:18:9: error: a scale of 0 makes every value 0",
            "p.toml:23:16: error: `1` must be true or false, not a string",
            "p.toml:24:9: error: `scale` belongs to measured quantities",
            "p.toml:28:1: error: unknown key `valeu` in a reading (help: did you mean `value`?)",
            "p.toml:29:16: error: `upp` is not a state of car_direction (help: one of: unknown, none, stopped, up, down, up_and_down)",
            "p.toml:31:1: error: a reading needs a `quantity` or a `metric` (help: `quantity`, or the `metric` a channel of the equipment takes)",
            "p.toml:35:37: error: `MPa` is not a unit of car_load (help: one of: %)",
        ]
    );
}

#[test]
fn single_mistakes_say_where_and_what_would_be_right() {
    let cases = [
        (
            "",
            "p.toml:1:1: error: nothing is read (help: `values` (an object of names and values) or [[reading]])",
        ),
        (
            "device = \"{lift}\"\nvalues = \"$\"\n",
            "p.toml:5:1: error: not valid TOML: duplicate key `device`",
        ),
        (
            "each = \"$.{device}\"\nvalues = \"@\"\n",
            "p.toml:1:1: error: `{device}` is captured in `topic` and in `each`",
        ),
        (
            "each = \"$.{row}[?@.x\"\nvalues = \"@\"\n",
            "p.toml:5:21: error: not a JSONPath: in long-hand segment, expected closing ']'",
        ),
        (
            "values = \"$..a..b\"\n",
            "p.toml:5:15: error: at most one `..` in a path",
        ),
        (
            "values = \"$\"\ntime = \"$.t\"\ntime_format = \"unix\"\n",
            "p.toml:7:15: error: `time_format` cannot be `unix` (help: one of: ms, s, rfc3339, local)",
        ),
        (
            "values = \"$\"\ntime = \"$.t\"\ntime_format = \"local\"\n",
            "p.toml:7:15: error: local time needs `utc_offset` (help: such as utc_offset = \"+08:00\")",
        ),
        (
            "values = \"$\"\ntime = \"$.t\"\ntime_format = \"local\"\nutc_offset = \"8\"\n",
            "p.toml:8:14: error: `8` is not an offset from UTC (help: such as utc_offset = \"+08:00\")",
        ),
        (
            "[[form]]\nvalues = \"$\"\ndevice = \"{devise}\"\n",
            "p.toml:7:11: error: nothing is captured as `devise` (help: did you mean `device`?)",
        ),
        (
            "values = \"$\"\n[[form]]\nvalues = \"$.a\"\n",
            "p.toml:5:10: error: `values` stands beside [[form]] (help: move it into the form)",
        ),
        (
            "[[reading]]\nname = \"$.n\"\nvalue = \"$.v\"\nunit = \"MPa\"\n",
            "p.toml:8:8: error: `unit` is not for a reading that is named by `name` (help: say it in [names])",
        ),
    ];
    for (rest, wanted) in cases {
        assert_eq!(findings(&format!("{HEAD}{rest}")), [wanted], "{rest}");
    }
    let topics = [
        ("#", "`#` would take Sparkplug's own messages"),
        (
            "spBv1.0/g/DDATA/+/+",
            "`spBv1.0/g/DDATA/+/+` would take Sparkplug's own messages",
        ),
        ("$SYS/broker", "topics that begin with `$` are the broker's own"),
    ];
    for (topic, wanted) in topics {
        let said = findings(&format!(
            "id = \"p\"\ntopic = \"{topic}\"\nnode = \"g/n\"\nvalues = \"$\"\n"
        ));
        assert!(said.len() == 1 && said[0].contains(wanted), "{said:?}");
    }
}

#[test]
fn profiles_that_get_into_each_others_way_are_named() {
    let profile = |(id, topic): &(&str, &str)| {
        let text = format!("id = \"{id}\"\ntopic = \"{topic}\"\nnode = \"g/n\"\nvalues = \"$\"\n");
        (
            format!("{id}.toml"),
            Arc::new(Profile::parse("x", &text).0.expect("good")),
        )
    };
    let said = |profiles: &[(&str, &str)]| {
        let profiles: Vec<_> = profiles.iter().map(profile).collect();
        let findings = check_together(&profiles);
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        said(&[("a", "x/1"), ("b", "x/+"), ("c", "y/#")]),
        [""; 0],
        "narrow before wide"
    );
    assert_eq!(
        said(&[("a", "x/+"), ("b", "x/1")]),
        [
            "b.toml: error: `b` never reads a message: `a` comes first and reads all of `x/1` (help: the other one is in a.toml; name the narrower one first)"
        ]
    );
    assert_eq!(
        said(&[("a", "x/+/z"), ("b", "x/y/+")]),
        [
            "b.toml: warning: `x/y/+` of `b` and `x/+/z` of `a` have topics in common; the first reads these (help: the other one is in a.toml)"
        ]
    );
    assert_eq!(
        said(&[("a", "x"), ("a", "y")]),
        [
            "a.toml: error: the profile id `a` is used twice (help: the other one is in a.toml; a changed copy needs its own id)"
        ]
    );
}

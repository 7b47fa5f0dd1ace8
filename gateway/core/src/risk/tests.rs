//! The scheme that comes with the gateway, and every scheme somebody could write.

use super::{
    BandFault, Bands, Colour, Counts, MeasureKind, Misfit, Part, Scheme, Subject, Threshold, next_check,
};
use crate::diagnostic::sheet::OwnFile;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../rules/desk/risk.toml");

fn factors(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
    values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), *value))
        .collect()
}

fn lec(l: f64, e: f64, c: f64) -> (f64, Colour) {
    let method = Scheme::builtin().method("lec").unwrap();
    let assessed = method.assess(&factors(&[("l", l), ("e", e), ("c", c)])).unwrap();
    (assessed.score, assessed.colour)
}

fn ls(l: f64, s: f64) -> (f64, Colour) {
    let method = Scheme::builtin().method("ls").unwrap();
    let assessed = method.assess(&factors(&[("l", l), ("s", s)])).unwrap();
    (assessed.score, assessed.colour)
}

#[test]
fn the_scheme_that_comes_with_the_gateway_can_be_read_and_says_where_it_comes_from() {
    let scheme = Scheme::parse("risk.toml", TEXT).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(&scheme, &**Scheme::builtin());
    for method in scheme.methods() {
        assert!(!method.told.source.is_empty() && !method.told.is_unverified());
    }
    assert!(
        scheme.levels().iter().all(|level| level.told.is_unverified()),
        "who controls which level is nobody's text: shown as unverified"
    );
    assert!(scheme.reassess_told().is_unverified());
}

#[test]
fn scores_of_lec_have_the_colours_of_its_table() {
    // (L, E, C) at and around every threshold.
    assert_eq!(lec(10.0, 10.0, 100.0), (10_000.0, Colour::Red));
    assert_eq!(lec(6.0, 6.0, 15.0), (540.0, Colour::Red));
    assert_eq!(lec(3.0, 3.0, 40.0), (360.0, Colour::Red));
    assert_eq!(lec(1.0, 3.0, 100.0), (300.0, Colour::Orange));
    assert_eq!(lec(3.0, 6.0, 15.0), (270.0, Colour::Orange));
    assert_eq!(lec(6.0, 10.0, 3.0), (180.0, Colour::Orange));
    assert_eq!(lec(3.0, 2.0, 15.0), (90.0, Colour::Yellow));
    assert_eq!(lec(1.0, 10.0, 7.0), (70.0, Colour::Blue), "over 70, not from 70");
    assert_eq!(lec(0.1, 0.5, 1.0), (0.05, Colour::Blue));
    assert_eq!(lec(0.2, 3.0, 1.0), (0.6, Colour::Blue), "products are tidy");
}

#[test]
fn scores_of_the_matrix_have_the_colours_of_its_table() {
    for (l, s, colour) in [
        (5.0, 5.0, Colour::Red),
        (5.0, 4.0, Colour::Red),
        (4.0, 4.0, Colour::Orange),
        (3.0, 5.0, Colour::Orange),
        (3.0, 4.0, Colour::Yellow),
        (2.0, 5.0, Colour::Yellow),
        (3.0, 3.0, Colour::Yellow),
        (2.0, 4.0, Colour::Blue),
        (1.0, 1.0, Colour::Blue),
    ] {
        assert_eq!(ls(l, s), (l * s, colour), "{l} x {s}");
    }
}

#[test]
fn factors_that_are_not_the_methods_are_refused_with_their_name() {
    let method = Scheme::builtin().method("ls").unwrap();
    let refused = |values: &[(&str, f64)]| method.assess(&factors(values)).unwrap_err();
    assert_eq!(refused(&[("l", 3.0)]), Misfit::Missing("s".to_owned()));
    assert_eq!(
        refused(&[("l", 3.0), ("s", 3.0), ("e", 1.0)]),
        Misfit::Unknown("e".to_owned())
    );
    for odd in [0.0, -1.0, 2.5, 6.0, f64::NAN, f64::INFINITY] {
        let refused = refused(&[("l", odd), ("s", 3.0)]);
        assert_eq!(refused.factor(), "l", "{odd}");
        assert!(refused.to_string().contains("5, 4, 3, 2, 1"), "{refused}");
    }
}

#[test]
fn a_tier_controls_its_colour_and_what_is_below() {
    let scheme = Scheme::builtin();
    let may = |tier, colour| scheme.may_control(tier, colour);
    assert!(may("company", Colour::Red) && may("company", Colour::Blue));
    assert!(may("department", Colour::Orange) && !may("department", Colour::Red));
    assert!(may("post", Colour::Blue) && !may("post", Colour::Yellow));
    assert!(!may("nobody", Colour::Blue));
}

#[test]
fn bad_schemes_are_refused_with_line_and_reason() {
    // What is replaced, by what, on which line, and what is said.
    for (from, to, said) in [
        (
            "orange = { over = 160 }",
            "orange = { over = 60 }",
            "orange must begin above yellow",
        ),
        (
            "orange = { over = 160 }",
            "orange = { over = 70 }",
            "orange must begin above yellow",
        ),
        (
            "red = { over = 320 }",
            "red = { over = 160 }",
            "red must begin above orange",
        ),
        (
            "yellow = { over = 70 }",
            "yellow = { over = 0 }",
            "yellow must begin above 0",
        ),
        (
            "yellow = { over = 70 }",
            "yellow = { over = 0.01 }",
            "no score of `lec` is blue",
        ),
        (
            "red = { over = 320 }",
            "red = { over = 10000 }",
            "no score of `lec` is red",
        ),
        (
            "red = { from = 20 }",
            "red = { from = 20, over = 20 }",
            "`over` a number or `from` a number",
        ),
        (
            "red = { from = 20 }",
            "red = { above = 20 }",
            "`over` a number or `from` a number",
        ),
        ("red = { from = 20 }", "red = 20", "must be a table"),
        (
            "red = { from = 20 }",
            "red = { from = \"x\" }",
            "must be a number",
        ),
        (
            "bands = { yellow = { from = 9 }",
            "bands = { blue = { from = 0 }, yellow = { from = 9 }",
            "`blue` begins at nothing",
        ),
        (
            "{ score = 6, zh = \"相当可能\"",
            "{ score = 10, zh = \"相当可能\"",
            "not below the step before",
        ),
        (
            "{ score = 6, zh = \"相当可能\"",
            "{ score = 6.001, zh = \"相当可能\"",
            "is no step",
        ),
        (
            "{ score = 6, zh = \"相当可能\"",
            "{ score = -6, zh = \"相当可能\"",
            "is no step",
        ),
        ("key = \"ls\"", "key = \"lec\"", "is there twice"),
        ("key = \"ls\"", "key = \"L S\"", "is no key"),
        ("tier = \"company\"", "tier = \"firm\"", "there is no tier `firm`"),
        (
            "tier = \"company\"",
            "tier = \"post\"",
            "the worse a risk, the higher its tier",
        ),
        (
            "colour = \"blue\"",
            "colour = \"yellow\"",
            "no [[level]] for `blue`",
        ),
        ("colour = \"blue\"", "colour = \"green\"", "is not a colour"),
        ("check_days = 7", "check_days = 0", "must be between"),
        ("grade = \"major\"", "grade = \"huge\"", "cannot be `huge`"),
        (
            "confidence = \"proposal\"",
            "confidence = \"sure\"",
            "is no confidence",
        ),
        ("key = \"silence\"", "key = \"quiet\"", "is not a part of a rank"),
        (
            "each = 30\nmost = 60",
            "each = 90\nmost = 60",
            "`each` is at most `most`",
        ),
        ("days = 365", "days = 365\nhours = 1", "unknown key `hours`"),
    ] {
        assert!(TEXT.contains(from), "mend this test: {from}");
        let text = TEXT.replacen(from, to, 1);
        let found = Scheme::parse("city.toml", &text).expect_err(to);
        let all = found
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        assert!(all.contains(said), "{to}: {all}");
        assert!(found.iter().all(|one| &*one.file == "city.toml"), "{all}");
        assert!(found.iter().any(|one| one.line > 0), "{to}: {all}");
    }
    let found = Scheme::parse("city.toml", &TEXT.replacen("over = 160", "over = 60", 1)).unwrap_err();
    let line = TEXT.lines().position(|line| line.contains("over = 160")).unwrap() + 1;
    assert!(
        found[0].to_string().starts_with(&format!("city.toml:{line}:")),
        "{}",
        found[0]
    );
    assert!(Scheme::parse("city.toml", "not = [toml").is_err());
    assert!(Scheme::parse("city.toml", "").is_err());
}

#[test]
fn a_city_changes_bands_names_and_weights_and_leaves_the_rest() {
    let own = |text| {
        Scheme::over(Some(OwnFile {
            name: "city.toml",
            text,
        }))
    };
    let scheme = own(
        "[[method]]\nkey = 'ls'\nbands = { yellow = { from = 4 }, orange = { from = 9 }, red = { from = 15 } }\n\
         source = '省标'\nconfidence = 'sourced'\n[[method.factor]]\nkey = 'l'\nzh = '可能性'\n\
         [[level]]\ncolour = 'orange'\nzh = '较高风险'\n[[weight]]\nkey = 'silence'\neach = 1\n[reassess]\ndays = 180\n",
    )
    .unwrap_or_else(|found| panic!("{found:#?}"));
    let method = scheme.method("ls").unwrap();
    assert_eq!(method.bands.colour(15.0), Colour::Red);
    assert_eq!(
        (method.factors[0].zh.as_str(), method.factors[0].steps.len()),
        ("可能性", 5)
    );
    assert_eq!(
        (method.told.source.as_str(), method.told.is_unverified()),
        ("省标", false)
    );
    let orange = scheme.level(Colour::Orange).unwrap();
    assert_eq!(
        (orange.zh.as_str(), orange.told.source.as_str()),
        ("较高风险", "city.toml")
    );
    assert!(orange.told.is_unverified(), "nobody has said that it is verified");
    assert_eq!((scheme.reassess_days(), scheme.methods().len()), (180, 2));
    assert_eq!(scheme.method("lec"), Scheme::builtin().method("lec"));

    let found = own("[[level]]\ncolour = 'red'\ncheck_days = 0\n").unwrap_err();
    assert!(
        found[0]
            .to_string()
            .starts_with("city.toml:3:14: error: `check_days` must be between"),
        "{}",
        found[0]
    );
}

#[test]
fn keys_come_back() {
    for colour in Colour::ALL {
        assert_eq!(Colour::from_key(colour.key()), Some(colour));
    }
    for kind in MeasureKind::ALL {
        assert_eq!(MeasureKind::from_key(kind.key()), Some(kind));
    }
    for part in Part::ALL {
        assert_eq!(Part::from_key(part.key()), Some(part));
    }
    assert!(Colour::Red > Colour::Orange && Colour::Yellow > Colour::Blue);
}

#[test]
fn a_check_is_due_a_period_after_the_last_one() {
    let day = date(2026, 1, 31);
    assert_eq!(next_check(None, day, 7), date(2026, 2, 7));
    assert_eq!(next_check(Some(date(2026, 3, 1)), day, 30), date(2026, 3, 31));
    let last = jiff::civil::Date::MAX;
    assert_eq!(next_check(Some(last), day, 30), last, "the calendar ends");
}

#[test]
fn a_rank_says_of_what_it_consists() {
    let weights = Scheme::builtin().weights();
    let mut counts = Counts::default();
    assert_eq!(weights.rank(Subject::Equipment, &counts).score, 0);
    counts.set(Part::MajorHazards, 1);
    counts.set(Part::LowAlarms, 40);
    let ranked = weights.rank(Subject::Equipment, &counts);
    assert_eq!(ranked.score, 60);
    let said: Vec<_> = ranked
        .parts
        .iter()
        .map(|scored| (scored.part, scored.count, scored.points, scored.capped))
        .collect();
    assert_eq!(
        said,
        [
            (Part::MajorHazards, 1, 50, false),
            (Part::LowAlarms, 40, 10, true)
        ]
    );
}

fn threshold() -> impl Strategy<Value = Threshold> {
    (-5_i32..400, any::<bool>()).prop_map(|(at, inclusive)| Threshold {
        at: f64::from(at),
        inclusive,
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    prop::collection::vec(0_u32..1_000, Part::ALL.len()).prop_map(|values| {
        let mut counts = Counts::default();
        for (part, value) in Part::ALL.into_iter().zip(values) {
            counts.set(part, value);
        }
        counts
    })
}

proptest! {
    #[test]
    fn whatever_makes_bands_gives_every_score_one_colour_and_never_a_lower_one_for_more(
        (yellow, orange, red) in (threshold(), threshold(), threshold()),
        scores in prop::collection::vec(0.0_f64..500.0, 2..40),
    ) {
        match Bands::new(yellow, orange, red) {
            Ok(bands) => {
                let mut scores = scores;
                // Right at the thresholds, too.
                scores.extend([yellow.at, orange.at, red.at]);
                scores.sort_by(f64::total_cmp);
                for pair in scores.windows(2) {
                    prop_assert!(bands.colour(pair[0]) <= bands.colour(pair[1]));
                }
                for score in scores {
                    // As the page shows them, a band ends where the next begins: exactly one holds the score.
                    let holding = Colour::ALL.into_iter().filter(|colour| {
                        bands.begins(*colour).is_none_or(|begin| begin.is_passed_by(score))
                            && !bands.ends(*colour).is_some_and(|end| end.is_passed_by(score))
                    });
                    prop_assert_eq!(holding.collect::<Vec<_>>(), vec![bands.colour(score)]);
                }
            }
            Err(BandFault::NotPositive(colour)) => {
                let one = [(Colour::Yellow, yellow), (Colour::Orange, orange), (Colour::Red, red)];
                prop_assert!(one.iter().any(|(known, at)| *known == colour && at.at <= 0.0));
            }
            Err(BandFault::Order { .. }) => prop_assert!(
                yellow.at > orange.at
                    || orange.at > red.at
                    || yellow.at == orange.at
                    || orange.at == red.at
            ),
        }
    }

    #[test]
    fn a_higher_factor_never_lowers_score_or_colour(
        method in 0_usize..2, which in any::<prop::sample::Index>(),
        steps in prop::collection::vec(any::<prop::sample::Index>(), 3),
    ) {
        let method = &Scheme::builtin().methods()[method];
        let chosen: BTreeMap<String, f64> = method
            .factors
            .iter()
            .zip(&steps)
            .map(|(factor, step)| (factor.key.clone(), factor.steps[step.index(factor.steps.len())].score))
            .collect();
        let before = method.assess(&chosen).unwrap();
        let factor = &method.factors[which.index(method.factors.len())];
        for step in factor.steps.iter().filter(|step| step.score >= chosen[&factor.key]) {
            let mut higher = chosen.clone();
            higher.insert(factor.key.clone(), step.score);
            let after = method.assess(&higher).unwrap();
            prop_assert!(after.score >= before.score && after.colour >= before.colour);
        }
        prop_assert!(method.scores().contains(&before.score));
    }

    #[test]
    fn more_of_anything_never_ranks_lower_and_a_rank_is_the_sum_of_its_parts(
        counts in counts(), part in 0_usize..16, more in 1_u32..50,
    ) {
        let weights = Scheme::builtin().weights();
        for subject in [Subject::Equipment, Subject::Unit] {
            let before = weights.rank(subject, &counts);
            let sum: u32 = before.parts.iter().map(|scored| scored.points).sum();
            prop_assert_eq!(before.score, sum);
            let mut worse = counts;
            worse.add(Part::ALL[part], more);
            prop_assert!(weights.rank(subject, &worse).score >= before.score);
        }
        let (as_unit, as_one) = (
            weights.rank(Subject::Unit, &counts).score,
            weights.rank(Subject::Equipment, &counts).score,
        );
        prop_assert!(as_unit >= as_one, "a unit is never ranked below its only equipment");
    }
}

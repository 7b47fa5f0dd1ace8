//! Expressions: value, precedence, errors; steam functions against published tables.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::collections::HashMap;
use vigil_core::expr::saturation::{gauge_at_temperature, pressure, temperature, temperature_at_gauge};
use vigil_core::expr::{EvalError, Expr};

fn eval(text: &str) -> Result<f64, EvalError> {
    let nameplate: HashMap<&str, f64> = [
        ("rated_pressure", 1.25),
        ("safety_valve_low", 1.3),
        ("trip", 1.275),
        ("zero", 0.0),
    ]
    .into();
    Expr::parse(text)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
        .eval(&|name| nameplate.get(name).copied())
}

#[test]
fn expressions_have_the_value_arithmetic_gives_them() {
    let cases = [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("10 - 4 - 3", 3.0),
        ("24/4/2", 3.0),
        ("-2*-3", 6.0),
        ("--2", 2.0),
        ("1e3 + 2.5E-1", 1000.25),
        ("rated_pressure + 0.5*(safety_valve_low - rated_pressure)", 1.275),
        ("trip - max(0.02*rated_pressure, 0.01)", 1.25),
        ("min(3, 1, 2)", 1.0),
        ("abs(-4)", 4.0),
        (
            "if(rated_pressure <= 0.8, 1, if(rated_pressure <= 5.3, 2, 3))",
            2.0,
        ),
        ("2 > 1", 1.0),
        ("(1 == 2) + (1 != 2) + (1 >= 1) + (1 < 1)", 2.0),
    ];
    for (text, expected) in cases {
        let value = eval(text).unwrap();
        assert!(
            (value - expected).abs() < 1e-12,
            "{text} = {value}, expected {expected}"
        );
    }
}

#[test]
fn a_branch_not_taken_needs_no_values() {
    assert_eq!(eval("if(1 < 2, 5, no_such_key)"), Ok(5.0));
    assert_eq!(
        eval("if(1 > 2, 5, no_such_key)"),
        Err(EvalError::Missing("no_such_key".into()))
    );
}

#[test]
fn a_result_that_is_no_number_is_an_error() {
    for text in ["1/zero", "zero/zero", "t_sat(100)", "p_sat(500)"] {
        assert!(matches!(eval(text), Err(EvalError::NotANumber(_))), "{text}");
    }
}

#[test]
fn syntax_errors_say_where_and_what_would_be_right() {
    let cases = [
        ("", 0, "the expression ends where a value is expected", None),
        ("1 +", 3, "the expression ends where a value is expected", None),
        ("(1 + 2", 6, "expected `)`", None),
        ("1 2", 2, "expected an operator before `2`", None),
        (
            "a = 1",
            2,
            "expected an operator before `= 1`",
            Some("compare with `==`"),
        ),
        (
            "mni(1, 2)",
            0,
            "unknown function `mni`",
            Some("did you mean `min`?"),
        ),
        (
            "2 * tsat(1)",
            4,
            "unknown function `tsat`",
            Some("did you mean `t_sat`?"),
        ),
        ("if(1, 2)", 0, "`if` takes 3 arguments, not 2", None),
        ("1.2.3", 0, "`1.2.3` is not a number", None),
        (
            "Rated",
            0,
            "expected a value, found `R`",
            Some("names are lower-case ASCII with underscores"),
        ),
        (
            "1 + 压力",
            4,
            "expected a value, found `压`",
            Some("names are lower-case ASCII with underscores"),
        ),
    ];
    for (text, at, message, help) in cases {
        let error = Expr::parse(text).unwrap_err();
        assert_eq!(
            (error.at, error.message.as_str(), error.help.as_deref()),
            (at, message, help),
            "{text}"
        );
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(
        Expr::parse(&deep).unwrap_err().message,
        "the expression is nested too deeply"
    );
}

#[test]
fn names_and_the_canonical_spelling_do_not_depend_on_layout() {
    let one = Expr::parse("trip-max( 0.02*rated_pressure,0.010 )").unwrap();
    let two = Expr::parse("trip - max(0.02 * rated_pressure, 0.01)").unwrap();
    assert_eq!(one.to_string(), two.to_string());
    assert_eq!(
        one.names().into_iter().collect::<Vec<_>>(),
        ["rated_pressure", "trip"]
    );
}

/// Verification values of the IAPWS-IF97 release, tables 35 and 36.
#[test]
fn the_saturation_line_meets_the_published_verification_values() {
    for (kelvin, mpa) in [
        (300.0, 0.353_658_941e-2),
        (500.0, 0.263_889_776e1),
        (600.0, 0.123_443_146e2),
    ] {
        let got = pressure(kelvin).unwrap();
        assert!((got / mpa - 1.0).abs() < 1e-8, "{kelvin} K: {got}");
    }
    for (mpa, kelvin) in [
        (0.1, 0.372_755_919e3),
        (1.0, 0.453_035_632e3),
        (10.0, 0.584_149_488e3),
    ] {
        let got = temperature(mpa).unwrap();
        assert!((got / kelvin - 1.0).abs() < 1e-8, "{mpa} MPa: {got}");
    }
}

/// Steam-table values (gauge = absolute - 0.101325 MPa), to the digits tables print.
#[test]
fn gauge_pressures_agree_with_steam_tables() {
    for (celsius, absolute) in [
        (100.0, 0.101_42),
        (120.0, 0.198_67),
        (150.0, 0.476_16),
        (200.0, 1.554_67),
    ] {
        let got = gauge_at_temperature(celsius).unwrap() + 0.101_325;
        assert!((got - absolute).abs() < 6e-5, "{celsius} °C: {got}");
    }
    let boiling = temperature_at_gauge(0.0).unwrap();
    assert!((boiling - 99.974).abs() < 1e-3, "{boiling}");
    assert!((eval("t_sat(p_sat(135))").unwrap() - 135.0).abs() < 1e-6);
}

#[test]
fn outside_the_saturation_line_there_is_no_value() {
    assert_eq!(pressure(273.0), None);
    assert_eq!(pressure(650.0), None);
    assert_eq!(temperature(0.0), None);
    assert_eq!(temperature(23.0), None);
}

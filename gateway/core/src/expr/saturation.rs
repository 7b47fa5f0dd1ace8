//! The saturation line of water, IAPWS-IF97 region 4 (release of 2007, equations 30 and 31).
//!
//! Valid from 273.15 K (611.213 Pa) to the critical point, 647.096 K (22.064 MPa). Both directions
//! solve the same quadratic, so one undoes the other.

/// Standard atmosphere, MPa: nameplate pressures are gauge, the equations absolute.
pub const ATMOSPHERE_MPA: f64 = 0.101_325;

/// Coefficients n1 … n10 of table 34.
const N: [f64; 10] = [
    0.116_705_214_527_67e4,
    -0.724_213_167_032_06e6,
    -0.170_738_469_400_92e2,
    0.120_208_247_024_70e5,
    -0.323_255_503_223_33e7,
    0.149_151_086_135_30e2,
    -0.482_326_573_615_91e4,
    0.405_113_405_420_57e6,
    -0.238_555_575_678_49,
    0.650_175_348_447_98e3,
];

/// Saturation pressure in MPa absolute at a temperature in K; `None` outside 273.15 … 647.096 K.
#[must_use]
pub fn pressure(kelvin: f64) -> Option<f64> {
    if !(273.15..=647.096).contains(&kelvin) {
        return None;
    }
    let theta = kelvin + N[8] / (kelvin - N[9]);
    let a = theta * theta + N[0] * theta + N[1];
    let b = N[2] * theta * theta + N[3] * theta + N[4];
    let c = N[5] * theta * theta + N[6] * theta + N[7];
    Some((2.0 * c / (-b + (b * b - 4.0 * a * c).sqrt())).powi(4))
}

/// Saturation temperature in K at a pressure in MPa absolute; `None` outside 611.213 Pa … 22.064 MPa.
#[must_use]
pub fn temperature(mpa: f64) -> Option<f64> {
    if !(0.000_611_213..=22.064).contains(&mpa) {
        return None;
    }
    let beta = mpa.powf(0.25);
    let e = beta * beta + N[2] * beta + N[5];
    let f = N[0] * beta * beta + N[3] * beta + N[6];
    let g = N[1] * beta * beta + N[4] * beta + N[7];
    let d = 2.0 * g / (-f - (f * f - 4.0 * e * g).sqrt());
    Some((N[9] + d - ((N[9] + d) * (N[9] + d) - 4.0 * (N[8] + N[9] * d)).sqrt()) / 2.0)
}

/// Saturation temperature in °C at a gauge pressure in MPa.
#[must_use]
pub fn temperature_at_gauge(mpa: f64) -> Option<f64> {
    temperature(mpa + ATMOSPHERE_MPA).map(|kelvin| kelvin - 273.15)
}

/// Saturation pressure in MPa gauge at a temperature in °C; negative below about 100 °C.
#[must_use]
pub fn gauge_at_temperature(celsius: f64) -> Option<f64> {
    pressure(celsius + 273.15).map(|mpa| mpa - ATMOSPHERE_MPA)
}

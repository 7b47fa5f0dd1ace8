//! Fields of a piece of equipment.

use crate::diagnostic::document::{Table, Value};
use std::sync::Arc;
use vigil_protocol::sparkplug::check_id;
use vigil_protocol::vocabulary::EquipmentClass;

/// What `[template.NAME]` and `[[equipment]]` have in common.
#[derive(Default, Clone)]
pub(super) struct Common<'d, 'i> {
    pub(super) category: Option<Value<'d, 'i>>,
    pub(super) scheme: Option<Value<'d, 'i>>,
    pub(super) controller: Option<Value<'d, 'i>>,
    pub(super) firmware: Option<Value<'d, 'i>>,
    pub(super) interval: Option<Value<'d, 'i>>,
    pub(super) standard_channels: Option<Value<'d, 'i>>,
    pub(super) channels: Option<Value<'d, 'i>>,
    pub(super) nameplate: Option<Value<'d, 'i>>,
    pub(super) register: Option<Value<'d, 'i>>,
}

impl<'d, 'i> Common<'d, 'i> {
    pub(super) fn read(table: &Table<'d, 'i>) -> Self {
        Self {
            category: table.get("category"),
            scheme: table.get("scheme"),
            controller: table.get("controller"),
            firmware: table.get("firmware"),
            interval: table.get("interval"),
            standard_channels: table.get("standard_channels"),
            channels: table.get("channel"),
            nameplate: table.get("nameplate"),
            register: table.get("register"),
        }
    }

    /// Own values before the template's.
    pub(super) fn or(self, template: &Self) -> Self {
        let template = template.clone();
        Self {
            category: self.category.or(template.category),
            scheme: self.scheme.or(template.scheme),
            controller: self.controller.or(template.controller),
            firmware: self.firmware.or(template.firmware),
            interval: self.interval.or(template.interval),
            standard_channels: self.standard_channels.or(template.standard_channels),
            channels: self.channels.or(template.channels),
            nameplate: self.nameplate,
            register: self.register,
        }
    }
}

/// The category code and the class it belongs to.
pub(super) fn read_category<'d>(value: &Value<'d, '_>) -> Option<(&'d str, EquipmentClass)> {
    let text = value.text()?;
    // Codes like `23T0` have a letter: its class follows from the digits before it.
    let digits: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { c } else { '0' })
        .collect();
    let well_formed = text.len() == 4 && text.is_ascii() && text.starts_with(|c: char| c.is_ascii_digit());
    let class = digits
        .parse()
        .ok()
        .filter(|_| well_formed)
        .and_then(EquipmentClass::from_category_code);
    match class {
        Some(class) => Some((text, class)),
        None => {
            let help = "four characters of the 2014 catalogue: 11xx steam boiler, 12xx hot-water boiler, \
                        13xx organic heat-carrier boiler, 2xxx pressure vessel, 3xxx lift, 33xx escalator";
            value.error(
                format!("`{text}` is not a category Vigil watches"),
                Some(help.into()),
            );
            None
        }
    }
}

pub(super) fn read_device(value: &Value<'_, '_>) -> Option<Arc<str>> {
    let text = value.text()?;
    if let Err(error) = check_id(text) {
        value.error(format!("`{text}` is not a Sparkplug device id: {error}"), None);
        return None;
    }
    Some(text.into())
}

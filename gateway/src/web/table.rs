//! Links to lists as tables: the filters of the page they stand on go with them.

use super::markup::address;
use super::page::Page;
use jiff::civil::Date;

impl Page {
    /// The address of a list as CSV, with those of the page's filters the list knows.
    pub(crate) fn table(&self, list: &str, filters: &str) -> String {
        let known = |name: &str| filters.split(' ').any(|filter| filter == name);
        let mut query = vec![("format", "csv"), ("lang", self.language.key())];
        // A month is its days.
        let month: Option<Date> = format!("{}-01", self.asked("month")).parse().ok();
        let days = month.filter(|_| known("month"));
        let days = days.map(|first| (first.to_string(), first.last_of_month().to_string()));
        if let Some((first, last)) = &days {
            query.extend([("from", first.as_str()), ("to", last.as_str())]);
        }
        for (name, value) in self
            .query
            .iter()
            .filter(|(name, _)| known(name) && name != "month")
        {
            // Pages say yes and no where the API says true and false.
            let value = match value.as_str() {
                "yes" => "true",
                "no" => "false",
                other => other,
            };
            query.push((name, value));
        }
        address(list, &query)
    }

    /// What stands on such a link.
    pub(crate) fn table_label(&self) -> &'static str {
        self.pick("导出 CSV", "Export CSV")
    }
}

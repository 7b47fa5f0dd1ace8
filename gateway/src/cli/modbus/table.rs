//! Aligned columns.

use std::fmt;

/// Rows of cells; columns of numbers are aligned to the right.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heads: &[&str]) -> Self {
        Self {
            heads: heads.iter().map(|head| (*head).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell == "-" || cell.starts_with("0x") || cell.parse::<f64>().is_ok()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
        let columns: Vec<(usize, bool)> = (0..self.heads.len())
            .map(|at| {
                let cells = self.rows.iter().map(|row| cell(row, at));
                let width = cells.clone().map(|cell| cell.chars().count()).max().unwrap_or(0);
                let right = !self.rows.is_empty() && cells.clone().all(|cell| is_number(&cell));
                (width.max(self.heads[at].chars().count()), right)
            })
            .collect();
        for row in std::iter::once(&self.heads).chain(&self.rows) {
            let mut line = String::new();
            for (at, (width, right)) in columns.iter().enumerate() {
                let cell = cell(row, at);
                let blanks = " ".repeat(width - cell.chars().count());
                line += if at == 0 { "" } else { "  " };
                line += &if *right { blanks + &cell } else { cell + &blanks };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new(&["name", "value"]);
        table.row(["a".into(), "7".into()]);
        table.row(["longer".into(), "-1000".into()]);
        assert_eq!(table.to_string(), "name    value\na           7\nlonger  -1000\n");
    }
}

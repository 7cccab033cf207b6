//! Figures: one line of JSON each as they come, and a table of all at the end.

use std::fmt;

use serde_json::json;

/// What was measured so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

/// One thing that was measured, once or several times.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) values: Vec<f64>,
    /// What its median should be at most.
    pub(crate) expected: Option<f64>,
}

impl Report {
    /// Takes a figure, and prints it as a line of JSON.
    pub(crate) fn add(&mut self, figure: Figure) {
        println!(
            "{}",
            json!({
                "figure": figure.what, "unit": figure.unit, "median": rounded(figure.median()),
                "least": rounded(figure.least()), "most": rounded(figure.most()),
                "values": figure.values.len(), "expected_at_most": figure.expected,
            })
        );
        self.figures.push(figure);
    }

    /// A figure without an expectation.
    pub(crate) fn note(&mut self, what: impl Into<String>, unit: &'static str, values: Vec<f64>) {
        self.add(Figure { what: what.into(), unit, values, expected: None });
    }

    /// Whether every figure is as small as it should be.
    pub(crate) fn as_expected(&self) -> bool {
        self.figures.iter().all(Figure::as_expected)
    }
}

impl Figure {
    fn as_expected(&self) -> bool {
        self.expected.is_none_or(|most| self.median() <= most)
    }

    fn median(&self) -> f64 {
        quantile(&self.values, 0.5)
    }

    fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn most(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The value below which that share of the values lies; not a number when there are none.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    if share == 0.5 && sorted.len().is_multiple_of(2) && !sorted.is_empty() {
        let upper = sorted.len() / 2;
        return f64::midpoint(sorted[upper - 1], sorted[upper]);
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "few values, and a share of 0 to 1"
    )]
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<66} {:>9} {:>19}  {:<12} expected", "", "median", "range", "")?;
        for figure in &self.figures {
            let range = match figure.values.len() {
                0 | 1 => String::new(),
                _ => format!("{:.3} - {:.3}", figure.least(), figure.most()),
            };
            write!(f, "{:<66} {:>9.3} {range:>19}  {:<12}", figure.what, figure.median(), figure.unit)?;
            match figure.expected {
                None => writeln!(f)?,
                Some(most) if figure.as_expected() => writeln!(f, " <= {most}: yes")?,
                Some(most) => writeln!(f, " <= {most}: NO")?,
            }
        }
        Ok(())
    }
}

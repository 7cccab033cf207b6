//! What is wrong with a configuration, as a person and as a program read it.
//!
//! Every text has three parts: what, where, what now. None ever holds the text of a secret.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One thing that is wrong, or legal but suspicious.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Mistake {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, one line.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
    /// Other places that belong to it, such as the first use of a name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
    /// What to do about it, one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How bad a [`Mistake`] is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// One notifier will not work while the rest does: `run` goes on (architecture.md 21), `check` says no.
    Broken,
    /// Legal but suspicious.
    Warning,
}

/// A place in a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Spot {
    /// As the operator named it.
    pub file: PathBuf,
    /// From 1; 0 is the file as a whole.
    pub line: usize,
    /// In characters, from 1; 0 is the file as a whole.
    pub column: usize,
    /// The line, unless it holds a secret or says nothing.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// One line of a file with a part of it marked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excerpt {
    /// The line without control characters; cut where it is long.
    pub text: String,
    /// How many characters stand before the mark.
    pub before: usize,
    /// How many are marked; 0 where the text stands for a line that is not shown.
    pub marked: usize,
}

/// Another place of a mistake.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Also {
    /// What is there.
    pub note: String,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
}

/// Everything that is wrong with a configuration: at least one error, and the warnings beside it, in order of
/// the files.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistake {
    /// All of it but the excerpt on one line, for a log.
    pub fn one_line(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        match (self.spot.file.display(), self.spot.line, self.spot.column) {
            (file, 0, _) => format!("{} ({file}{hint})", self.message),
            (file, line, column) => format!("{} ({file}:{line}:{column}{hint})", self.message),
        }
    }
}

impl Mistakes {
    /// Only what keeps the configuration from being used.
    #[must_use]
    pub fn errors(self) -> Self {
        Self(self.0.into_iter().filter(|mistake| mistake.severity == Severity::Error).collect())
    }

    /// All of them on one line, for a log.
    pub fn one_line(&self) -> String {
        self.0.iter().map(Mistake::one_line).collect::<Vec<_>>().join("; ")
    }

    /// How many of them are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|mistake| mistake.severity == severity).count()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|mistake| write!(f, "{mistake}"))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.severity == Severity::Warning { "warning" } else { "error" };
        writeln!(f, "{word}: {}", self.message)?;
        write!(f, "{}", self.spot)?;
        for also in &self.also {
            writeln!(f, "  {}:", also.note)?;
            write!(f, "{}", also.spot)?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.file.display())?;
        if self.line == 0 {
            return writeln!(f);
        }
        writeln!(f, ":{}:{}", self.line, self.column)?;
        let Some(excerpt) = &self.excerpt else { return Ok(()) };
        let gutter = self.line.to_string().len();
        writeln!(f, "   {} | {}", self.line, excerpt.text)?;
        if excerpt.marked > 0 {
            writeln!(
                f,
                "   {:gutter$} | {:before$}{}",
                "",
                "",
                "^".repeat(excerpt.marked),
                before = excerpt.before
            )?;
        }
        Ok(())
    }
}

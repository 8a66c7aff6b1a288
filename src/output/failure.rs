//! An error as a person gets to see it: one sentence, a hint where one helps, and how the process ends.

use std::fmt;

use crate::cluster::{ApiError, ConfigError};
use crate::exit::Exit;
use crate::model::Hint;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub struct Failure {
    /// One clear sentence, without a full stop, in kubectl's wording.
    pub message: String,
    /// What the person can do about it.
    pub hint: Option<Hint>,
    /// How the process ends.
    pub exit: Exit,
}

impl Failure {
    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Error }
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Usage }
    }

    /// A safety rule says no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Refused }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let hint = error.hint();
        Self { message: error.to_string(), hint, exit: Exit::Error }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let hint = error.hint().map(Hint::from);
        Self { message: error.to_string(), hint, exit: Exit::Usage }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // The reader has seen enough (`nsfix … | head`): end quietly.
            return Self { message: String::new(), hint: None, exit: Exit::Done };
        }
        Self::error(format!("unable to write the output: {error}"))
    }
}

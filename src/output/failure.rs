//! How a command ends that did not do what it was asked to: one sentence, a hint where one helps, an exit code. Every
//! error is rendered here.

use std::{fmt, io};

use crate::cluster::{ApiError, ConfigError};
use crate::exit::Exit;
use crate::model::Hint;

/// An error as a person gets to see it, and an error that was expected with just these words.
#[derive(Debug)]
pub struct Failure {
    /// One clear sentence, without a full stop, in kubectl's wording. Empty where there is nothing to say.
    pub message: String,
    /// What the person can do about it.
    pub hint: Option<Hint>,
    /// How the process ends.
    pub exit: Exit,
}

impl Failure {
    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self::with(Exit::Error, message)
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::with(Exit::Usage, message)
    }

    /// A safety rule says no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::with(Exit::Refused, message)
    }

    /// The process ends, and nothing is said.
    #[must_use]
    pub fn silent(exit: Exit) -> Self {
        Self::with(exit, "")
    }

    fn with(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Renders an error: the context that was added on its way up, then its own words. The hint and the exit code are
    /// those of the typed error at the bottom.
    pub fn of(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        if let Some(OutputError::Write(source)) = error.downcast_ref()
            && source.kind() == io::ErrorKind::BrokenPipe
        {
            // The reader has seen enough (`nsfix … | head`): end quietly.
            return Self::silent(Exit::Done);
        }
        let message = sentence(&error);
        match error.downcast() {
            Ok(failure) => Self { message, ..failure },
            Err(error) => {
                let wrong = error.downcast_ref::<ConfigError>();
                let hint = match wrong {
                    Some(error) => error.hint().map(Hint::from),
                    None => error.downcast_ref::<ApiError>().and_then(ApiError::hint),
                };
                Self { message, hint, exit: if wrong.is_some() { Exit::Usage } else { Exit::Error } }
            }
        }
    }
}

/// What the error and its causes say. The sentences of the types named here contain their causes.
fn sentence(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain() {
        said.push(cause.to_string());
        if cause.is::<ApiError>() || cause.is::<ConfigError>() || cause.is::<io::Error>() {
            break;
        }
    }
    said.join(": ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// What was to be shown could not be.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The terminal, the file or the pipe takes nothing.
    #[error("unable to write the output")]
    Write(#[from] io::Error),
    /// A document cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A document cannot be written as YAML.
    #[error(transparent)]
    Yaml(#[from] serde_saphyr::ser::Error),
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn context_stands_in_front_and_the_typed_error_decides_hint_and_exit_code() {
        let error = Err::<(), _>(Failure::usage("no such thing").hint("name another"));
        let failure = Failure::of(error.context("context \"a\"").unwrap_err());
        assert_eq!(failure.message, "context \"a\": no such thing");
        assert_eq!((failure.hint, failure.exit), (Some("name another".into()), Exit::Usage));
        let failure = Failure::of(anyhow::Error::from(ConfigError::NoRoots).context("context \"a\""));
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.hint.is_some() && failure.message.starts_with("context \"a\": there are no CA"));
    }

    #[test]
    fn an_error_of_the_system_is_said_after_what_was_tried() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let failure = Failure::of(anyhow::Error::from(denied()).context("unable to open the file"));
        assert_eq!(failure.message, "unable to open the file: permission denied");
        let failure = Failure::of(OutputError::Write(denied()));
        assert_eq!(failure.message, "unable to write the output: permission denied");
        assert_eq!(failure.exit, Exit::Error);
    }

    #[test]
    fn only_a_reader_of_the_output_who_goes_away_ends_quietly() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let failure = Failure::of(OutputError::Write(broken()));
        assert_eq!((failure.message.as_str(), failure.exit), ("", Exit::Done));
        let failure = Failure::of(anyhow::Error::from(broken()).context("unable to append to the journal"));
        assert_eq!(failure.exit, Exit::Error);
    }
}

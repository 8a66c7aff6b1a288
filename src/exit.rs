//! The exit codes: part of the contract with scripts, and of a CronJob's podFailurePolicy.

/// How nsfix ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing was stuck.
    Done,
    /// An error: the server, the network, a file.
    Error,
    /// The command line or the configuration is wrong.
    Usage,
    /// `list-stuck --exit-code` found stuck namespaces, or `check` expects trouble.
    StuckFound,
    /// A safety rule refused, or `--yes` is missing.
    Refused,
    /// Some namespaces were cleared, some were not.
    Partial,
    /// Ended by SIGINT (Ctrl-C) after the request in flight.
    Interrupted,
    /// Ended by SIGTERM after the request in flight.
    Terminated,
    /// Ended by SIGHUP (the terminal or the connection to it is gone) after the request in flight.
    HungUp,
}

impl Exit {
    /// The process' exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::StuckFound => 3,
            Self::Refused => 4,
            Self::Partial => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::HungUp => 129,
        }
    }

    /// The exit code of a bulk run. Equal ones stay what they are; success beside failure is partial.
    #[must_use]
    pub fn merge(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().reduce(Self::and).unwrap_or(Self::Done)
    }

    fn and(self, other: Self) -> Self {
        let signal = |exit| matches!(exit, Self::Interrupted | Self::Terminated | Self::HungUp);
        match (self, other) {
            (a, _) if signal(a) => a,
            (_, b) if signal(b) => b,
            (a, b) if a == b => a,
            (Self::Done | Self::Partial, _) | (_, Self::Done | Self::Partial) => Self::Partial,
            // Nothing was done: an error weighs more than a refusal.
            _ => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_run_that_half_worked_is_partial() {
        assert_eq!(Exit::merge([Exit::Done, Exit::Done]), Exit::Done);
        assert_eq!(Exit::merge([Exit::Done, Exit::Error]), Exit::Partial);
        assert_eq!(Exit::merge([Exit::Refused, Exit::Refused]), Exit::Refused);
        assert_eq!(Exit::merge([Exit::Refused, Exit::Error]), Exit::Error);
        assert_eq!(Exit::merge([Exit::Error, Exit::Interrupted]), Exit::Interrupted);
        assert_eq!(Exit::merge([]), Exit::Done);
    }
}

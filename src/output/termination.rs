//! The termination message of a pod: what `kubectl describe pod` shows of a container that has ended.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::model::prefix_within;

/// What the kubelet reads of the file (kubernetes' pkg/kubelet/container/runtime.go:
/// `MaxContainerTerminationMessageLength`).
const MAX_BYTES: usize = 4096;
/// Ends a message that was too long.
const CUT: &str = "…\n";

/// Writes the message, if there is a file for it: the kubelet makes one, and elsewhere there is none. A file
/// that cannot be written to changes nothing about how the run ended, so that is no error.
pub fn write_termination_message(path: &Path, message: &str) {
    if message.trim().is_empty() || !path.is_file() {
        return;
    }
    if let Ok(mut file) = OpenOptions::new().write(true).truncate(true).open(path) {
        let _ = file.write_all(fitting(message).as_bytes());
    }
}

/// As much of it as the kubelet reads, in whole lines.
fn fitting(message: &str) -> String {
    if message.len() <= MAX_BYTES {
        return message.to_owned();
    }
    let fits = prefix_within(message, MAX_BYTES - CUT.len());
    let end = fits.rfind('\n').map_or(fits.len(), |line_end| line_end + 1);
    format!("{}{CUT}", &fits[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_after_a_whole_line() {
        let long = "namespace/ä Refused: still has leftovers\n".repeat(200);
        let cut = fitting(&long);
        assert!(cut.len() <= MAX_BYTES && cut.len() > MAX_BYTES - 100, "{}", cut.len());
        assert!(cut.ends_with("leftovers\n…\n"), "{}", &cut[cut.len() - 60..]);
        assert_eq!(fitting("short\n"), "short\n");
    }

    #[test]
    fn one_endless_line_is_cut_between_characters() {
        let cut = fitting(&"ä".repeat(5000));
        assert!(cut.len() <= MAX_BYTES && cut.ends_with("ä…\n"));
    }

    #[test]
    fn no_file_is_made_where_no_kubelet_has_made_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("termination-log");
        write_termination_message(&path, "cleared 3\n");
        assert!(!path.exists());
        std::fs::write(&path, "what was there before, and longer").unwrap();
        write_termination_message(&path, "cleared 3\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "cleared 3\n");
    }
}

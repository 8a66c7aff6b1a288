//! `--metrics-file`: for the textfile collector of node_exporter, which may read at any moment.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use jiff::Timestamp;

use super::{LAST_SUCCESS, Measurements, MetricsError, PREFIX};

/// Writes the file as a whole or not at all. After a run that failed, the time of the last success is carried
/// over from the file that was there.
pub fn write(path: &Path, measurements: &Measurements) -> Result<(), MetricsError> {
    replace(path, measurements).map_err(|error| MetricsError::Write { file: path.to_owned(), source: error })
}

fn replace(path: &Path, measurements: &Measurements) -> io::Result<()> {
    // Above all not /dev/stdout: the rename below would put a file in the place of the link.
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let last_success = if measurements.succeeded { None } else { last_success(path)? };
    let text = measurements.encode(last_success).map_err(io::Error::other)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The collector reads *.prom, and so must not find this one.
    let mut temporary = tempfile::Builder::new().prefix(".nsfix-").suffix(".tmp").tempfile_in(dir)?;
    temporary.write_all(text.as_bytes())?;
    make_readable(temporary.as_file())?;
    temporary.persist(path)?;
    Ok(())
}

/// The time of the last success in the file of an earlier run, if there is one.
fn last_success(path: &Path) -> io::Result<Option<Timestamp>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let wanted = format!("{PREFIX}_{LAST_SUCCESS}");
    let text = String::from_utf8_lossy(&bytes);
    // With the cluster's label or without.
    let value = text.lines().find_map(|line| line.strip_prefix(&wanted)?.rsplit(' ').next());
    Ok(value.and_then(|value| Timestamp::from_second(value.trim().parse().ok()?).ok()))
}

/// The collector runs as another user. Set afterwards, because a mode at creation is cut by the umask.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cleared, failed};
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_file_is_all_there_is_and_everybody_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nsfix.prom");
        std::fs::write(&path, "nsfix_orphans_left 7\n").unwrap();
        write(&path, &cleared()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), cleared().encode(None).unwrap());
        assert_eq!(names(dir.path()), ["nsfix.prom"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        }
    }

    #[test]
    fn who_reads_while_it_is_replaced_sees_the_old_file_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nsfix.prom");
        write(&path, &cleared()).unwrap();
        let mut open = File::open(&path).unwrap();
        write(&path, &failed()).unwrap();
        assert_eq!(io::read_to_string(&mut open).unwrap(), cleared().encode(None).unwrap());
    }

    #[test]
    fn the_last_success_outlives_runs_that_fail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nsfix.prom");
        let success = |path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines()
                .find_map(|line| line.strip_prefix("nsfix_last_success_timestamp_seconds "))
                .map(str::to_owned)
        };
        write(&path, &failed()).unwrap();
        assert_eq!(success(&path), None);
        write(&path, &cleared()).unwrap();
        let at = success(&path);
        assert_eq!(at, Some(cleared().finished.as_second().to_string()));
        for _ in 0..2 {
            write(&path, &failed()).unwrap();
            assert_eq!(success(&path), at);
        }
    }

    #[test]
    fn the_last_success_is_found_beside_the_name_of_the_cluster() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nsfix.prom");
        let named = |measurements| Measurements { cluster: Some("prod-eu".to_owned()), ..measurements };
        write(&path, &named(cleared())).unwrap();
        write(&path, &named(failed())).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let wanted = format!(
            "\nnsfix_last_success_timestamp_seconds{{cluster=\"prod-eu\"}} {}\n",
            cleared().finished.as_second()
        );
        assert!(text.contains(&wanted), "{text}");
    }

    #[test]
    fn a_file_of_something_else_is_replaced_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nsfix.prom");
        std::fs::write(&path, b"nsfix_last_success_timestamp_seconds soon\n\xff").unwrap();
        write(&path, &failed()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), failed().encode(None).unwrap());
    }

    #[test]
    fn what_cannot_be_written_is_said_with_the_name_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing/nsfix.prom");
        let said = write(&missing, &cleared()).unwrap_err().to_string();
        assert!(
            said.starts_with(&format!("unable to write the metrics to {}: ", missing.display())),
            "{said}"
        );
        let said = write(dir.path(), &cleared()).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("unable to write the metrics to {}: not a regular file", dir.path().display())
        );
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_what_is_behind_it_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (report, stdout) = (dir.path().join("report.json"), dir.path().join("stdout"));
        std::fs::write(&report, "{}").unwrap();
        std::os::unix::fs::symlink(&report, &stdout).unwrap();
        let said = write(&stdout, &cleared()).unwrap_err().to_string();
        assert!(said.ends_with(": not a regular file"), "{said}");
        assert!(stdout.is_symlink());
        assert_eq!(std::fs::read_to_string(&report).unwrap(), "{}");
    }
}

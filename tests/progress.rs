//! What a person sees on a terminal while `clear`, `orphans --purge` and `restore` are at work.

use std::time::Duration;

use nsfix::sandbox::{Fault, Matcher};
use serde_json::json;

use crate::harness::fixtures::{documents, path, terminating};
use crate::harness::{Lab, Nsfix};
use crate::orphans::orphans;
use crate::tests;

tests! { Sandbox:
    a_run_over_many_shows_how_far_it_is_and_leaves_nothing_of_it,
    a_wait_says_what_for_and_how_long,
    results_come_as_they_are_there,
    a_question_stays_as_it_was_written,
    ctrl_c_leaves_nothing_of_the_line,
    a_purge_shows_what_it_is_at,
    a_restore_counts_its_objects,
    nothing_moves_where_there_is_no_terminal,
    a_dumb_terminal_gets_lines_alone,
    a_json_log_has_a_line_for_a_long_wait
}

pub const WIDTH: usize = 80;

/// A run on a terminal of 80 columns.
pub struct Watched {
    pub raw: String,
    /// The lines that are left in the end.
    pub screen: Vec<String>,
    /// Every status line that was seen.
    statuses: Vec<String>,
    pub code: Option<i32>,
}

impl Watched {
    pub async fn run(lab: &Lab, arguments: &[&str]) -> Self {
        Self::answering(lab.nsfix(arguments), "xterm", None).await
    }

    /// `answer`: to this question this answer, after three seconds.
    async fn answering(nsfix: Nsfix, term: &str, answer: Option<(&'static str, &'static str)>) -> Self {
        let nsfix = nsfix.env("TERM", term).into_command();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("stty cols {WIDTH} rows 40 -echo; exec \"$@\""), "sh"]);
        shell.arg(nsfix.get_program()).args(nsfix.get_args()).env_clear();
        shell.envs(nsfix.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let (raw, code) = tokio::task::spawn_blocking(move || {
            let mut session = rexpect::session::spawn_command(shell, Some(60_000)).unwrap();
            let mut raw = String::new();
            if let Some((question, answer)) = answer {
                raw = session.exp_string(question).unwrap() + question;
                // Somebody reads; a status line would come up in that time.
                std::thread::sleep(Duration::from_secs(2));
                if answer == "\u{3}" {
                    session.send_control('c').unwrap();
                } else {
                    session.send_line(answer).unwrap();
                }
            }
            raw += &session.exp_eof().unwrap();
            let status = format!("{:?}", session.process().wait().unwrap());
            let code = status.strip_prefix("Exited(").and_then(|rest| rest.rsplit(", ").next());
            (raw, code.and_then(|code| code.trim_end_matches(')').parse().ok()))
        })
        .await
        .unwrap();
        // It reads byte by byte.
        let raw = String::from_utf8(raw.chars().map(|byte| byte as u8).collect()).unwrap();
        let (screen, statuses) = played(&raw);
        Self { raw, screen, statuses, code }
    }

    #[track_caller]
    fn assert_clean(&self) {
        let longest = self.statuses.iter().map(|status| status.chars().count()).max().unwrap_or_default();
        assert!(longest < WIDTH, "a status line wraps: {:#?}", self.statuses);
        let left = self.screen.iter().filter(|line| self.statuses.contains(line));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0], "{:#?}", self.screen);
    }

    fn saw(&self, what: &str) -> bool {
        self.statuses.iter().any(|status| status.contains(what))
    }
}

/// What a terminal makes of it: the lines, and what stood in one that was taken away.
fn played(raw: &str) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut statuses) = (Vec::new(), Vec::new());
    let mut line = String::new();
    let raw = raw.replace("\r\n", "\n");
    let mut rest = raw.as_str();
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\r\u{1b}[2K") {
            let taken = std::mem::take(&mut line);
            if !taken.is_empty() {
                statuses.push(taken);
            }
            rest = after;
            continue;
        }
        rest = &rest[next.len_utf8()..];
        match next {
            '\n' => lines.push(std::mem::take(&mut line)),
            '\u{1b}' | '\r' => panic!("an unknown sequence before {rest:?}"),
            other => line.push(other),
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    (lines, statuses)
}

fn slow_patches(lab: &Lab, skip: u32, delay: Duration) {
    lab.the_sandbox().inject(Fault::delay(Matcher::new("PATCH", "/").skip(skip), delay));
}

async fn a_run_over_many_shows_how_far_it_is_and_leaves_nothing_of_it(_: Lab) {
    let lab = controlled().await;
    let mut names = Vec::new();
    for _ in 0..6 {
        names.push(terminating(&lab).await);
    }
    slow_patches(&lab, 1, Duration::from_millis(1200));
    let mut arguments = vec![
        "clear",
        "--yes",
        "--color=never",
        "--leftovers=release",
        "--release-finalizer=example.com/hold",
    ];
    arguments.extend(names.iter().map(String::as_str));
    let watched = Watched::run(&lab, &arguments).await;
    assert_eq!(watched.code, Some(0), "{}", watched.raw);
    watched.assert_clean();
    assert!(watched.saw("0 of 6 namespaces; stuck-"), "{:#?}", watched.statuses);
    assert!(watched.saw(" and 5 more: 0 of 1 configmaps released"), "{:#?}", watched.statuses);
    for name in &names {
        let told =
            |line: &&String| line.starts_with(&format!("namespace/{name} ")) && !line.contains(" saved to");
        assert_eq!(watched.screen.iter().filter(told).count(), 1, "{:#?}", watched.screen);
    }
}

async fn controlled() -> Lab {
    let options = nsfix::sandbox::Options { scenarios: Vec::new(), ..nsfix::sandbox::Options::default() };
    Lab::sandbox(options).await
}

async fn a_wait_says_what_for_and_how_long(lab: Lab) {
    let name = terminating(&lab).await;
    // Nobody ends it here, and it is young.
    let nsfix = lab.nsfix(&["clear", &name, "--yes", "--color=never", "--leftovers=release"]);
    let watched = Watched::answering(nsfix.env("NSFIX_PATIENCE", "4s"), "xterm", None).await;
    watched.assert_clean();
    let waits = format!("namespace/{name}: waiting for the controller, 2s of ");
    assert!(watched.saw(&waits), "{:#?}", watched.statuses);
}

async fn results_come_as_they_are_there(_: Lab) {
    let lab = controlled().await;
    let (slow, fast) = (terminating(&lab).await, terminating(&lab).await);
    let held = format!("{}/configmaps/held", path(&slow));
    lab.the_sandbox().inject(Fault::delay(Matcher::new("PATCH", &held), Duration::from_secs(3)));
    let arguments =
        ["clear", "--yes", "--leftovers=release", "--release-finalizer=example.com/hold", &slow, &fast];
    let watched = Watched::run(&lab, &[&arguments[..], &["--color=never"]].concat()).await;
    assert_eq!(watched.code, Some(0), "{}", watched.raw);
    let place = |name: &str| {
        let begin = format!("namespace/{name} ");
        let told = |line: &String| line.starts_with(&begin) && !line.contains(" saved to");
        watched.screen.iter().position(told).unwrap_or_else(|| panic!("{:#?}", watched.screen))
    };
    assert!(place(&fast) < place(&slow), "{:#?}", watched.screen);
    assert!(watched.saw("1 of 2 namespaces; stuck-"), "{:#?}", watched.statuses);
}

async fn a_question_stays_as_it_was_written(lab: Lab) {
    let name = terminating(&lab).await;
    lab.the_sandbox().inject(Fault::delay(Matcher::new("GET", "/apis"), Duration::from_secs(1)));
    let question = ("object [NO]: ", "no");
    let watched =
        Watched::answering(lab.nsfix(&["clear", &name, "--color=never"]), "xterm", Some(question)).await;
    assert_eq!(watched.code, Some(4), "{}", watched.raw);
    watched.assert_clean();
    assert!(watched.saw("(1s)"), "it was looking: {:#?}", watched.statuses);
    assert!(
        watched.screen.iter().any(|line| line.contains("to abandon 1 live object [NO]: ")),
        "{:#?}",
        watched.screen
    );
    assert!(!watched.statuses.iter().any(|status| status.contains("[NO]")), "{:#?}", watched.statuses);
}

/// What the terminal echoes of Ctrl-C stands behind the line, and must not make it two.
async fn ctrl_c_leaves_nothing_of_the_line(lab: Lab) {
    let (first, second) = (terminating(&lab).await, terminating(&lab).await);
    let nsfix = lab.nsfix(&["clear", &first, &second, "--yes", "--color=never", "--leftovers=release"]);
    let ctrl_c = ("waiting for the controller, ", "\u{3}");
    let watched = Watched::answering(nsfix.env("NSFIX_PATIENCE", "1d"), "xterm", Some(ctrl_c)).await;
    assert_eq!(watched.code, Some(130), "{}", watched.raw);
    watched.assert_clean();
    let longest = watched.statuses.iter().map(|status| status.chars().count()).max().unwrap();
    assert!(longest + "^C".len() < WIDTH, "{:#?}", watched.statuses);
    assert!(
        !watched.screen.iter().any(|line| line.contains("waiting for the controller")),
        "{:#?}",
        watched.screen
    );
}

async fn a_purge_shows_what_it_is_at(lab: Lab) {
    let name = orphans(&lab).await;
    slow_patches(&lab, 0, Duration::from_secs(1));
    let arguments = ["orphans", &name, "--purge", "--yes", "--color=never"];
    let watched = Watched::run(&lab, &arguments).await;
    assert_eq!(watched.code, Some(0), "{}", watched.raw);
    watched.assert_clean();
    assert!(
        watched.saw(&format!("namespace/{name}: 0 of ")) && watched.saw(" released"),
        "{:#?}",
        watched.statuses
    );
}

async fn a_restore_counts_its_objects(lab: Lab) {
    let name = Lab::unique("restored");
    let object = |number: usize| {
        let metadata = json!({"name": format!("k-{number}"), "namespace": name});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    };
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": "gone"}});
    let objects: Vec<_> = std::iter::once(namespace).chain((0..4).map(object)).collect();
    let file = lab.dir().join("backup.yaml");
    std::fs::write(&file, documents(&objects)).unwrap();
    lab.the_sandbox().inject(Fault::delay(Matcher::new("POST", "/"), Duration::from_millis(700)));
    let watched = Watched::run(&lab, &["restore", &file.display().to_string(), "--color=never"]).await;
    assert_eq!(watched.code, Some(0), "{}", watched.raw);
    watched.assert_clean();
    assert!(watched.saw("2 of 5 objects; configmap/k-1: creating"), "{:#?}", watched.statuses);
    assert_eq!(
        watched.screen.iter().filter(|line| line.ends_with(" restored")).count(),
        5,
        "{:#?}",
        watched.screen
    );
}

/// A release that takes long enough for a terminal to show it.
async fn slow_release(lab: &Lab) -> Nsfix {
    let name = terminating(lab).await;
    slow_patches(lab, 0, Duration::from_secs(2));
    let release = ["--leftovers=release", "--release-finalizer=example.com/hold", "--timeout=3s"];
    lab.nsfix(&[&["clear", &name, "--yes"][..], &release].concat())
}

async fn nothing_moves_where_there_is_no_terminal(lab: Lab) {
    let ran = slow_release(&lab).await.env("TERM", "xterm").run().await;
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'), "{ran:?}");
    assert!(!ran.stderr.contains(" of 1 configmaps") && !ran.stderr.contains("waiting for the"), "{ran:?}");
}

async fn a_dumb_terminal_gets_lines_alone(lab: Lab) {
    let watched = Watched::answering(slow_release(&lab).await, "dumb", None).await;
    assert!(!watched.raw.contains('\u{1b}'), "{}", watched.raw);
    assert_eq!(watched.statuses, [""; 0]);
}

async fn a_json_log_has_a_line_for_a_long_wait(lab: Lab) {
    let name = terminating(&lab).await;
    let arguments = ["clear", &name, "--yes", "--log-format=json", "--leftovers=release"];
    let ran = lab.nsfix(&arguments).env("NSFIX_PATIENCE", "13s").run().await;
    let lines = ran.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let waits: Vec<_> = lines.filter(|line| line["message"].as_str().unwrap().contains("s of ")).collect();
    // One for each ten seconds at most.
    assert!((1..=3).contains(&waits.len()), "{ran:?}");
    let wait = &waits[0];
    assert_eq!(wait["namespace"], *name);
    assert_eq!(wait["level"], "info");
    assert!(
        wait["message"]
            .as_str()
            .unwrap()
            .starts_with(&format!("namespace/{name}: waiting for the controller, 10s of 1")),
        "{wait}"
    );
}

//! `nsfix list-stuck -w`.

use std::time::Duration;

use nsfix::sandbox::{Canned, Fault, Matcher};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::harness::fixtures::{finalize_path, path, terminating, without_finalizers};
use crate::harness::{Lab, ended, until};
use crate::tests;

tests! {
    Both:
    what_gets_stuck_and_what_goes_is_a_line_each;
    Sandbox:
    a_watch_that_breaks_off_is_taken_up_again,
    a_watch_whose_revision_is_too_old_begins_with_a_list,
    time_alone_makes_one_stuck,
    a_watch_is_printed_in_any_format_that_has_lines,
    a_watch_marks_what_is_left_alone,
    a_watch_that_is_forbidden_ends_at_once
}

const SOON: Duration = Duration::from_secs(60);

/// A watch, and what it has printed.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let mut child = lab.nsfix(&[&["list-stuck", "-w"], arguments].concat()).start();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line about this namespace.
    async fn line(&mut self, name: &str) -> String {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it goes on");
                if line.contains(name) {
                    return line;
                }
            }
        };
        tokio::time::timeout(SOON, found).await.unwrap_or_else(|_| panic!("no line about {name}"))
    }

    /// Ends it as Ctrl-C does, and returns what was on stderr.
    async fn interrupt(self) -> String {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        ended(self.child).await.expect(130).stderr
    }
}

async fn finalize(lab: &Lab, name: &str) {
    loop {
        let mut body = lab.get(&path(name)).await.expect(200);
        without_finalizers(&mut body);
        if lab.put(&finalize_path(name), &body).await.status != 409 {
            return;
        }
    }
}

async fn what_gets_stuck_and_what_goes_is_a_line_each(lab: Lab) {
    let first = terminating(&lab).await;
    let mut watching = Watching::start(&lab, &[]);
    let row = watching.line(&first).await;
    assert!(row.contains("Progressing") && row.contains("kubernetes"), "{row}");
    let second = terminating(&lab).await;
    assert!(watching.line(&second).await.contains("Progressing"));
    finalize(&lab, &second).await;
    let mut last = watching.line(&second).await;
    // A controller may have changed its reason in between.
    while last.contains("Progressing") {
        last = watching.line(&second).await;
    }
    assert!(last.contains("Gone"), "{last}");
    watching.interrupt().await;
}

async fn a_watch_that_breaks_off_is_taken_up_again(lab: Lab) {
    let first = terminating(&lab).await;
    let broken = Matcher::new("GET", "/api/v1/namespaces").query("watch=true").once();
    lab.the_sandbox().inject(Fault::reset(broken));
    let mut watching = Watching::start(&lab, &[]);
    watching.line(&first).await;
    until(|| watches(&lab) == 2).await;
    let second = terminating(&lab).await;
    watching.line(&second).await;
    let stderr = watching.interrupt().await;
    assert!(stderr.contains("trying again in 1s"), "{stderr}");
}

fn watches(lab: &Lab) -> usize {
    lab.the_sandbox().requests().iter().filter(|each| each.path_and_query.contains("watch=true")).count()
}

async fn a_watch_whose_revision_is_too_old_begins_with_a_list(lab: Lab) {
    let first = terminating(&lab).await;
    let expired = Canned::status(410, "Expired", "too old resource version");
    let old = Matcher::new("GET", "/api/v1/namespaces").query("watch=true").once();
    lab.the_sandbox().inject(Fault::answer(old, expired));
    let mut watching = Watching::start(&lab, &[]);
    watching.line(&first).await;
    until(|| watches(&lab) == 2).await;
    finalize(&lab, &first).await;
    assert!(watching.line(&first).await.contains("Gone"), "what was known is not printed twice");
    let stderr = watching.interrupt().await;
    assert!(!stderr.contains("again"), "{stderr}");
}

async fn time_alone_makes_one_stuck(lab: Lab) {
    let name = terminating(&lab).await;
    let mut watching = Watching::start(&lab, &["--older-than", "3s"]);
    until(|| watches(&lab) == 1).await;
    let row = watching.line(&name).await;
    assert!(row.contains("3s") || row.contains("4s") || row.contains("5s"), "{row}");
    watching.interrupt().await;
}

async fn a_watch_is_printed_in_any_format_that_has_lines(lab: Lab) {
    let name = terminating(&lab).await;
    let mut watching = Watching::start(&lab, &["-o", "json"]);
    let item: serde_json::Value = serde_json::from_str(&watching.line(&name).await).unwrap();
    assert_eq!(item["state"], "Progressing");
    finalize(&lab, &name).await;
    let item: serde_json::Value = serde_json::from_str(&watching.line(&name).await).unwrap();
    assert_eq!((&item["state"], &item["name"]), (&"Gone".into(), &name.as_str().into()));
    watching.interrupt().await;
    let other = terminating(&lab).await;
    for (format, line) in [
        ("name", format!("namespace/{other}")),
        ("jsonpath={.name}{\"\\n\"}", other.clone()),
        ("custom-columns=NAME:.name", other.clone()),
    ] {
        let mut watching = Watching::start(&lab, &["-o", format]);
        assert_eq!(watching.line(&other).await, line);
        watching.interrupt().await;
    }
    lab.nsfix(&["list-stuck", "-w", "-o", "wide"]).run().await.expect(2);
}

async fn a_watch_marks_what_is_left_alone(lab: Lab) {
    let (name, other) = (terminating(&lab).await, terminating(&lab).await);
    let mut watching =
        Watching::start(&lab, &[&format!("--exclude={name}"), "-o=jsonpath={.name} {.leftAlone}{'\\n'}"]);
    assert_eq!(watching.line(&name).await, format!("{name} --exclude={name} names it"));
    let skip = serde_json::json!({"metadata": {"annotations": {"nsfix/skip": "true"}}});
    lab.patch(&path(&other), &skip).await.expect(200);
    let mut line = watching.line(&other).await;
    while !line.contains("annotation") {
        line = watching.line(&other).await;
    }
    watching.interrupt().await;
    let mut watching = Watching::start(&lab, &[&format!("--exclude={name}")]);
    assert!(watching.line(&name).await.contains("left alone, --exclude="));
    watching.interrupt().await;
}

async fn a_watch_that_is_forbidden_ends_at_once(lab: Lab) {
    terminating(&lab).await;
    let forbidden = Canned::status(403, "Forbidden", "you may not watch");
    let watch = Matcher::new("GET", "/api/v1/namespaces").query("watch=true");
    lab.the_sandbox().inject(Fault::answer(watch, forbidden));
    let ran = lab.nsfix(&["list-stuck", "-w"]).run().await.expect(1);
    assert!(ran.stderr.contains("you may not watch"), "{ran:?}");
}

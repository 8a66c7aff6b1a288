//! `nsfix clear` in front of a person: the question before the write, and signals.

use std::time::Duration;

use nsfix::sandbox::{Fault, Matcher};

use crate::harness::Lab;
use crate::harness::fixtures::{finalize_path, path, terminating};
use crate::tests;

tests! { Sandbox:
    on_a_terminal_the_question_comes_first,
    on_a_terminal_no_means_no,
    on_a_terminal_the_better_way_is_offered_and_taken,
    on_a_terminal_live_leftovers_want_the_name_typed,
    the_time_of_a_person_who_reads_is_not_the_runs,
    a_long_release_shows_how_far_it_is,
    an_interrupt_waits_for_the_request_in_flight,
    a_termination_before_the_write_writes_nothing
}

/// Runs nsfix on a terminal of its own, sees the question, answers, and returns all that was on the screen
/// and the exit code.
async fn on_a_terminal(
    lab: &Lab,
    name: &str,
    question: &'static str,
    answer: &'static str,
) -> (String, Option<i32>) {
    on_a_terminal_with(lab, &["clear", name, "--color=never"], question, answer, Duration::ZERO).await
}

/// The same with other arguments, and a person who takes this long.
async fn on_a_terminal_with(
    lab: &Lab,
    arguments: &[&str],
    question: &'static str,
    answer: &'static str,
    reading: Duration,
) -> (String, Option<i32>) {
    let command = lab.nsfix(arguments).env("TERM", "xterm").into_command();
    tokio::task::spawn_blocking(move || {
        let mut session = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
        let before = session.exp_string(question).unwrap();
        std::thread::sleep(reading);
        session.send_line(answer).unwrap();
        let after = session.exp_eof().unwrap();
        // Its type is not exported: `Exited(Pid(1), 0)`.
        let status = format!("{:?}", session.process().wait().unwrap());
        let code = status.strip_prefix("Exited(").and_then(|rest| rest.rsplit(", ").next());
        let code = code.and_then(|code| code.trim_end_matches(')').parse().ok());
        (before + &after, code)
    })
    .await
    .unwrap()
}

async fn on_a_terminal_the_question_comes_first(lab: Lab) {
    let name = terminating_with_deleting_content(&lab).await;
    let (screen, code) = on_a_terminal(&lab, &name, "? [release/orphan/NO] ", "orphan").await;
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("cluster: 127.0.0.1:"), "{screen}");
    assert!(
        screen.contains("has been terminating for") && screen.contains("held by example.com/hold"),
        "{screen}"
    );
    let (better, force) = (screen.find("release (better").unwrap(), screen.find("orphan:").unwrap());
    assert!(better < force, "{screen}");
    assert!(screen.contains(&format!("PUT {}", finalize_path(&name))), "{screen}");
    assert!(screen.contains("spec.finalizers: [kubernetes] becomes []; nothing else changes"), "{screen}");
    assert!(screen.contains("still inside: 1 ConfigMap (deleting)"), "{screen}");
    assert!(screen.contains(&format!("namespace/{name} finalized")), "{screen}");
}

async fn on_a_terminal_the_better_way_is_offered_and_taken(lab: Lab) {
    let name = terminating_with_deleting_content(&lab).await;
    let (screen, code) = on_a_terminal(&lab, &name, "? [release/orphan/NO] ", "release").await;
    assert_eq!(code, Some(0), "{screen}");
    let first = lab.writes().first().cloned().unwrap_or_default();
    assert!(
        first.starts_with("PATCH ") && first.contains("/configmaps/held"),
        "{:?}\n{screen}",
        lab.writes()
    );
    let left = lab.nsfix(&["orphans", "-o", "name"]).run().await.expect(0).stdout;
    assert_eq!(left, "", "nothing is left behind\n{screen}");
}

async fn on_a_terminal_no_means_no(lab: Lab) {
    let name = terminating_with_deleting_content(&lab).await;
    for no in ["", "no", "y"] {
        let (screen, code) = on_a_terminal(&lab, &name, "? [release/orphan/NO] ", no).await;
        assert_eq!(code, Some(4), "{screen}");
        assert!(screen.contains("not confirmed; nothing was written"), "{screen}");
        assert_eq!(lab.writes(), Vec::<String>::new());
    }
}

async fn on_a_terminal_live_leftovers_want_the_name_typed(lab: Lab) {
    let name = terminating(&lab).await;
    let (screen, code) = on_a_terminal(&lab, &name, "to abandon 1 live object [NO]: ", "orphan").await;
    assert_eq!(code, Some(4), "{screen}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn the_time_of_a_person_who_reads_is_not_the_runs(lab: Lab) {
    let name = terminating_with_deleting_content(&lab).await;
    let arguments = ["clear", &name, "--color=never", "--timeout=2s"];
    let reading = Duration::from_secs(3);
    let (screen, code) =
        on_a_terminal_with(&lab, &arguments, "? [release/orphan/NO] ", "orphan", reading).await;
    assert_eq!(code, Some(0), "{screen}");
}

async fn a_long_release_shows_how_far_it_is(lab: Lab) {
    let name = terminating_with_deleting_content(&lab).await;
    lab.the_sandbox().inject(Fault::delay(Matcher::new("PATCH", "/").skip(1), Duration::from_secs(2)));
    let arguments = ["clear", &name, "--color=never", "--leftovers=release"];
    let (screen, code) = on_a_terminal_with(&lab, &arguments, "? [y/N] ", "y", Duration::ZERO).await;
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains(&format!("namespace/{name}: 0 of 1")), "{screen}");
}

/// As [`terminating`], and everything inside is being deleted.
async fn terminating_with_deleting_content(lab: &Lab) -> String {
    let name = terminating(lab).await;
    for kind in ["configmaps", "serviceaccounts"] {
        let of_kind = format!("{}/{kind}", path(&name));
        for item in lab.get(&of_kind).await.expect(200)["items"].as_array().unwrap() {
            lab.delete(&format!("{of_kind}/{}", item["metadata"]["name"].as_str().unwrap()))
                .await
                .expect(200);
        }
    }
    name
}

fn signal(child: &tokio::process::Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

async fn an_interrupt_waits_for_the_request_in_flight(lab: Lab) {
    let name = terminating(&lab).await;
    let slow = std::time::Duration::from_secs(2);
    lab.the_sandbox().inject(Fault::delay(Matcher::new("PUT", &finalize_path(&name)), slow));
    let child = lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan"]).start();
    crate::harness::until(|| !lab.writes().is_empty()).await;
    signal(&child, "-INT");
    let ran = crate::harness::ended(child).await.expect(130);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
    lab.get(&path(&name)).await.expect(404);
}

async fn a_termination_before_the_write_writes_nothing(lab: Lab) {
    let name = terminating(&lab).await;
    // The look at the leftovers hangs.
    lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", "/apis")));
    let child = lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan"]).start();
    crate::harness::until(|| lab.the_sandbox().requests().iter().any(|each| each.path_and_query == "/apis"))
        .await;
    signal(&child, "-TERM");
    let ran = crate::harness::ended(child).await.expect(143);
    assert_eq!(ran.stdout, "");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

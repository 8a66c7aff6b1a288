//! The backup before the first write, and the journal after the last.

use std::os::unix::fs::PermissionsExt;

use nsfix::sandbox::{Api, Canned, Fault, Matcher};
use serde_json::{Value, json};

use super::{backups, clear};
use crate::harness::Lab;
use crate::harness::fixtures::{finalize_path, path, terminating, without_finalizers};
use crate::tests;

tests! {
    Both:
    the_namespace_is_saved_first,
    a_journal_that_cannot_be_opened_ends_it_before_the_first_write;
    Sandbox:
    without_a_place_for_the_backup_nothing_is_written,
    a_namespace_that_goes_while_it_is_saved_is_no_failure,
    the_journal_grows_by_a_line_for_each_namespace
}

async fn the_namespace_is_saved_first(lab: Lab) {
    let name = terminating(&lab).await;
    let read = lab.get(&path(&name)).await.expect(200);
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    let [backup] = backups(&lab).try_into().unwrap();
    assert!(ran.stderr.contains(&backup.display().to_string()), "{ran:?}");
    let text = std::fs::read_to_string(&backup).unwrap();
    let saved: Value = serde_json::from_str(text.split("---\n").nth(1).unwrap()).unwrap();
    assert_eq!(saved["metadata"]["uid"], read["metadata"]["uid"]);
    assert_eq!(saved["metadata"]["labels"], read["metadata"]["labels"]);
    assert_eq!(saved["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
}

async fn without_a_place_for_the_backup_nothing_is_written(lab: Lab) {
    let name = terminating(&lab).await;
    let file = lab.dir().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let ran = clear(&lab, &name, &["--leftovers=orphan", "--backup-dir", &file.display().to_string()])
        .await
        .expect(1);
    assert!(ran.stderr.contains("unable to save a backup"), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
    clear(&lab, &name, &["--leftovers=orphan", "--no-backup"]).await.expect(0);
}

async fn a_namespace_that_goes_while_it_is_saved_is_no_failure(lab: Lab) {
    let name = terminating(&lab).await;
    // The look, and then the backup.
    let saving = || Matcher::new("GET", &format!("{}/configmaps", path(&name))).skip(1);
    let again = name.clone();
    let finalize = move |api: &Api| {
        let mut body = api.get(&path(&again)).unwrap();
        without_finalizers(&mut body);
        api.update(&finalize_path(&again), &body).unwrap();
    };
    lab.the_sandbox().inject(Fault::before(saving().once(), finalize));
    let broken = Canned::status(500, "InternalError", "a bad moment");
    lab.the_sandbox().inject(Fault::answer(saving(), broken));
    let ran = clear(&lab, &name, &["--leftovers=orphan", "-o=json"]).await.expect(0);
    let item = &ran.json()["items"][0];
    assert_eq!(item["outcome"], "Unchanged", "{ran:?}");
    assert!(ran.stderr.contains("a bad moment; but the namespace is gone by now"), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn a_journal_that_cannot_be_opened_ends_it_before_the_first_write(lab: Lab) {
    let name = terminating(&lab).await;
    let before = lab.get(&path(&name)).await.expect(200)["metadata"]["resourceVersion"].clone();
    let journal = lab.dir().join("no-such-directory/journal").display().to_string();
    let ran = clear(&lab, &name, &["--leftovers=orphan", "--journal", &journal]).await;
    assert!(ran.code != Some(0) && ran.stderr.contains(&journal), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["metadata"]["resourceVersion"], before, "{ran:?}");
    assert_eq!(backups(&lab), Vec::<std::path::PathBuf>::new());
}

async fn the_journal_grows_by_a_line_for_each_namespace(lab: Lab) {
    let journal = lab.dir().join("journal");
    let file = journal.display().to_string();
    let (one, two) = (terminating(&lab).await, terminating(&lab).await);
    for name in [&one, &two] {
        clear(&lab, name, &["--leftovers=orphan", "--journal", &file]).await.expect(0);
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<Value> = lines.into_iter().filter(|line| line["event"] == "Report").collect();
    let told: Vec<&str> = lines.iter().map(|line| line["namespace"].as_str().unwrap()).collect();
    assert_eq!(told, [one, two]);
    assert!(lines.iter().all(|line| line["outcome"] == "Cleared"), "{text}");
}

//! What is printed is pasted, and taken by the server that it names.

use nsfix::sandbox::{Options, scenarios};

use super::commands;
use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! { Kubectl: pasted_advice_is_taken_by_the_server }

/// Those that `nsfix` prints and the shell finds: kubectl, jq and grep.
async fn paste(lab: &Lab, script: &str) -> Ran {
    Nsfix::shell(script)
        .env("KUBECONFIG", lab.kubeconfig())
        .env("HOME", lab.dir())
        .env("XDG_STATE_HOME", lab.dir().join("state"))
        .run()
        .await
}

fn is_command(line: &&str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

async fn pasted_advice_is_taken_by_the_server(_: Lab) {
    let mut tried = 0;
    for scenario in scenarios::all() {
        for name in scenario.namespaces {
            let lab = Lab::sandbox(Options::with(scenario)).await;
            let explained = lab.nsfix(&["explain", name, "-o", "json"]).run().await.json();
            let mut found = Vec::new();
            commands(&explained["items"][0]["advice"], &mut found);
            let before = stored_types(&lab);
            for command in found.iter().filter(|command| is_command(&command.as_str())) {
                let ran = paste(&lab, command).await;
                assert_eq!(ran.code, Some(0), "{}: {command}: {ran:?}", scenario.name);
                tried += 1;
            }
            assert!(found.is_empty() || stored_types(&lab) <= before, "{found:?}");
        }
    }
    println!("{tried} pieces of advice pasted");
    assert!(tried > 5, "{tried}");
}

/// How many groups are served: advice takes away what is in the way, and adds nothing.
fn stored_types(lab: &Lab) -> usize {
    lab.the_sandbox().api().get("/apis").unwrap()["groups"].as_array().map_or(0, Vec::len)
}

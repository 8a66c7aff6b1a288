//! The alert rules fire once for one thing, and the dashboard asks for metrics that there are.

use serde_json::Value;
use tokio::process::Command;

use super::root;
use crate::harness::Lab;
use crate::tests;

tests! {
    Promtool: the_alerts_fire_once_for_one_thing;
    Sandbox: the_dashboard_asks_for_metrics_that_there_are
}

async fn the_alerts_fire_once_for_one_thing(lab: Lab) {
    let rules = root().join("alerts.yaml");
    let text = include_str!("alerts-test.yaml").replace("RULES", &rules.display().to_string());
    let tests = lab.dir().join("alerts-test.yaml");
    std::fs::write(&tests, text).unwrap();
    for arguments in [["check", "rules"].map(std::path::PathBuf::from), ["test", "rules"].map(Into::into)] {
        let file = if arguments[0].as_os_str() == "check" { &rules } else { &tests };
        let output = Command::new("promtool").args(&arguments).arg(file).output().await.unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

async fn the_dashboard_asks_for_metrics_that_there_are(lab: Lab) {
    let text = std::fs::read_to_string(root().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let file = lab.dir().join("nsfix.prom");
    let flag = format!("--metrics-file={}", file.display());
    let all = ["clear", "--all", "--older-than=1h", "--leftovers=refuse", "--yes", &flag, "--cluster-name=a"];
    lab.nsfix(&all).run().await.expect(0);
    let metrics = std::fs::read_to_string(&file).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 6);
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let asked = target["expr"].as_str().unwrap();
        let names =
            asked.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.starts_with("nsfix_"));
        for name in names {
            // Where nothing has succeeded yet there is no such time.
            assert!(metrics.contains(&format!("\n{name}{{")), "{name} of {asked} in {metrics}");
        }
    }
}

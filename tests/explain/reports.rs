//! Shapes of trouble that were reported in public, staged as they were: the cause, its subject, and a remedy that
//! works.

mod intercepted;
mod stored;

use super::{Told, strings};
use crate::harness::fixtures::path;
use crate::harness::{Answer, Lab, Test};

pub(super) fn tests() -> Vec<Test> {
    [intercepted::tests(), stored::tests()].into_iter().flatten().collect()
}

/// Deletes a namespace and waits until the controller says why it cannot end it.
async fn stuck(lab: &Lab, name: &str, says: &str) {
    lab.delete(&path(name)).await.expect(200);
    let said = |answer: &Answer| {
        let conditions = answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|each| {
            each["status"] == "True" && each["message"].as_str().unwrap_or_default().contains(says)
        })
    };
    lab.wait_for(&path(name), said).await;
}

pub(super) async fn gone(lab: &Lab, name: &str) {
    lab.wait_for(&path(name), |answer| answer.status == 404).await;
}

#[track_caller]
fn warned(told: &Told, of: &str) {
    let warnings = strings(&told.item["warnings"]);
    assert!(warnings.iter().any(|warning| warning.contains(of)), "{warnings:#?}");
}

//! The links between the pages.

use std::path::{Path, PathBuf};

use super::page::{Page, pages, root};
use crate::harness::Lab;

pub async fn every_link_leads_somewhere(_: Lab) {
    let mut broken = Vec::new();
    for page in pages() {
        for (line, target) in links(&page) {
            if !leads_somewhere(&page, &target) {
                broken.push(format!("{}: {target}", page.at(line)));
            }
        }
    }
    assert_eq!(broken, [""; 0], "{}", broken.join("\n"));
}

pub async fn every_page_is_in_the_reading_order(_: Lab) {
    let order = Page::read(root().join("docs/README.md"));
    let listed: Vec<PathBuf> = links(&order)
        .into_iter()
        .filter_map(|(_, target)| root().join("docs").join(target).canonicalize().ok())
        .collect();
    for page in pages().iter().filter(|page| page.path.starts_with(root().join("docs"))) {
        let path = page.path.canonicalize().unwrap();
        assert!(
            page.path == order.path || listed.contains(&path),
            "docs/README.md does not list {}",
            page.name()
        );
    }
}

/// The targets of `[…](…)` within the text.
fn links(page: &Page) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (line, text) in page.prose() {
        let without_code: String = text.split('`').step_by(2).collect();
        for part in without_code.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                links.push((line, target.to_owned()));
            }
        }
    }
    links
}

fn leads_somewhere(page: &Page, target: &str) -> bool {
    if target.contains("://") {
        return true;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => page.path.clone(),
        file => page.path.parent().unwrap_or(Path::new("")).join(file),
    };
    if anchor.is_empty() || !path.exists() {
        return path.exists();
    }
    Page::read(path).anchors().iter().any(|each| each == anchor)
}

/// The k9s plugin is YAML, and its commands are ones that nsfix knows.
pub async fn the_k9s_plugin_can_be_pasted(_: Lab) {
    let page = Page::read(root().join("docs/install.md"));
    let text = std::fs::read_to_string(root().join("docs/install.md")).unwrap();
    let snippet = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let plugins: serde_json::Value = serde_saphyr::from_str(snippet).unwrap();
    for plugin in ["nsfix-explain", "nsfix-clear"] {
        let plugin = &plugins["plugins"][plugin];
        assert!(plugin["args"].is_array() && plugin["command"].is_string(), "{}: {plugin}", page.name());
        assert_eq!(plugin["scopes"], serde_json::json!(["namespaces"]));
    }
}

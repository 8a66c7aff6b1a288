//! Templates of `-o jsonpath` and `-o custom-columns`, and what they find in any document.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nsfix::output::CustomColumns;
use nsfix::output::jsonpath::{Path, Template};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (template, document) =
        text.split_once('\u{0}').unwrap_or((&text, r#"{"items": [{"name": "a", "n": 1}]}"#));
    let Ok(document) = serde_json::from_str::<Value>(document) else { return };
    if let Ok(template) = template.parse::<Template>() {
        let _ = template.render(&document);
    }
    if let Ok(path) = template.parse::<Path>() {
        let _ = (path.find(&document).len(), path.cell(&document));
    }
    if let Ok(columns) = template.parse::<CustomColumns>() {
        let _ = columns.render(std::slice::from_ref(&document), true);
    }
    let _ = nsfix::model::parse_duration(template);
});

//! `--sort-by`, as kubectl has it: by what a path finds in each item of the document.

use std::cmp::Ordering;

use serde_json::Value;

use super::Failure;
use super::jsonpath::{Path, compare};

/// Sorts things by what the path finds in their documents. What has nothing there comes first.
pub fn sort_by<T>(things: &mut Vec<T>, path: &Path, document: impl Fn(&T) -> Value) -> Result<(), Failure> {
    let mut keyed: Vec<(Option<Value>, T)> = Vec::with_capacity(things.len());
    for thing in things.drain(..) {
        let document = document(&thing);
        keyed.push((path.find(&document).first().map(|&value| value.clone()), thing));
    }
    let found = keyed.is_empty() || keyed.iter().any(|(key, _)| key.is_some());
    keyed.sort_by(|(left, _), (right, _)| match (left, right) {
        (Some(left), Some(right)) => compare(left, right).unwrap_or(Ordering::Equal),
        (left, right) => left.is_some().cmp(&right.is_some()),
    });
    things.extend(keyed.into_iter().map(|(_, thing)| thing));
    if found {
        return Ok(());
    }
    // kubectl's words.
    let failure = format!("couldn't find any field with path \"{{{path}}}\" in the list of objects");
    Err(Failure::usage(failure)
        .hint("the items are nsfix's own and have no metadata: --sort-by=.name; -o json shows them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_sorted_as_numbers_and_what_is_missing_comes_first() {
        let mut things = vec![json!({"age": 10}), json!({"age": 9}), json!({})];
        sort_by(&mut things, &".age".parse().unwrap(), Value::clone).unwrap();
        assert_eq!(things, [json!({}), json!({"age": 9}), json!({"age": 10})]);
    }

    #[test]
    fn a_path_that_finds_nothing_is_a_mistake() {
        let mut things = vec![json!({"age": 10})];
        let failure = sort_by(&mut things, &"size".parse().unwrap(), Value::clone).unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Usage);
        assert!(sort_by(&mut Vec::<Value>::new(), &"size".parse().unwrap(), Value::clone).is_ok());
    }
}

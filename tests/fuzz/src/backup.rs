//! Whatever stands in a file that `restore` is given. What is sent is an object again, without what the server sets.

#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use nsfix::backup::{Documents, Finalizers, SavedObject};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("nsfix-fuzz-backup-{}", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(data).unwrap();
    for document in Documents::open(&path).unwrap() {
        let object = match document {
            Ok(object) => object,
            Err(why) => {
                let _ = why.to_string();
                continue;
            }
        };
        let _ = (object.label(), object.rank(), object.skipped().map(|why| format!("{why:?}")));
        for finalizers in [Finalizers::Drop, Finalizers::Keep] {
            let text = object.creatable(finalizers);
            let again = SavedObject::parse(&text).expect("what is sent is no object");
            assert_eq!(
                (again.kind.as_str(), again.name.as_str()),
                (object.kind.as_str(), object.name.as_str())
            );
            // It is cleaned once; a second time there is nothing to take away.
            assert_eq!(again.creatable(finalizers), text);
            let body: Value = serde_json::from_str(&text).expect("what is sent is no JSON");
            for field in ["uid", "resourceVersion", "deletionTimestamp", "managedFields"] {
                assert!(body["metadata"].get(field).is_none(), "{field} is sent: {text}");
            }
            assert!(finalizers == Finalizers::Keep || body["metadata"].get("finalizers").is_none(), "{text}");
        }
    }
});

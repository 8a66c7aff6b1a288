//! Whatever stands in a kubeconfig. It is read, and nothing of it is run: a credential plugin is a command.

#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use nsfix::cluster::ConnectionOptions;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("nsfix-fuzz-kubeconfig-{}", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(data).unwrap();
    for all_contexts in [false, true] {
        let options = ConnectionOptions {
            kubeconfig: Some(path.clone()),
            all_contexts,
            ..ConnectionOptions::default()
        };
        let _ = (options.names(), options.is_practice(), options.repeated());
        match options.contexts() {
            Ok(contexts) => assert!(!contexts.names().is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

//! What an installed nsfix does beside its commands: as kubectl's plugin.

use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! {
    Sandbox:
        started_by_kubectl_it_says_so,
        under_its_own_name_it_says_nsfix,
        an_image_is_built_from_all_that_cargo_reads
}

/// Runs nsfix as kubectl does: under the plugin's name.
async fn as_plugin(lab: &Lab, arguments: &[&str]) -> Ran {
    Nsfix::named(&lab.dir().join("kubectl-nsfix"), arguments).run().await
}

async fn started_by_kubectl_it_says_so(lab: Lab) {
    let help = as_plugin(&lab, &["--help"]).await.expect(0).stdout;
    assert!(help.contains("Usage: kubectl nsfix [OPTIONS] [COMMAND]"), "{help}");
    let help = as_plugin(&lab, &["clear", "--help"]).await.expect(0).stdout;
    assert!(help.contains("Usage: kubectl nsfix clear [OPTIONS] [NAME]..."), "{help}");
    let wrong = as_plugin(&lab, &["restore"]).await.expect(2).stderr;
    assert!(wrong.contains("Usage: kubectl nsfix restore <FILE>"), "{wrong}");
    // What is installed is nsfix all the same.
    let version = as_plugin(&lab, &["--version"]).await.expect(0).stdout;
    assert_eq!(version, concat!("nsfix ", env!("CARGO_PKG_VERSION"), "\n"));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = Nsfix::new(&["completion", shell]).run().await.expect(0).stdout;
        assert_eq!(as_plugin(&lab, &["completion", shell]).await.expect(0).stdout, script, "{shell}");
    }
}

async fn under_its_own_name_it_says_nsfix(_: Lab) {
    let help = Nsfix::new(&["clear", "--help"]).run().await.expect(0).stdout;
    assert!(help.contains("Usage: nsfix clear [OPTIONS] [NAME]..."), "{help}");
}

/// cargo wants every target that Cargo.toml names to be there, compiled or not.
async fn an_image_is_built_from_all_that_cargo_reads(_: Lab) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (manifest, ignored) = (read("Cargo.toml"), read(".dockerignore"));
    let target = |kind: &str, dir: &str| -> Vec<String> {
        let sections = manifest.split("\n[").filter(|section| section.starts_with(kind));
        let value = |section: &str, key: &str| {
            let line = section.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)?;
            Some(line.trim_start_matches('=').trim().trim_matches('"').to_owned())
        };
        let path = |section| {
            value(section, "path").or_else(|| Some(format!("{dir}/{}.rs", value(section, "name")?)))
        };
        sections.filter_map(path).collect()
    };
    let named = [target("[bench]]", "benches"), target("[test]]", "tests")].concat();
    assert_eq!(named.len(), 3, "{named:?}");
    for path in named {
        assert!(ignored.lines().any(|line| line == format!("!{path}")), "{path} is not in .dockerignore");
    }
}

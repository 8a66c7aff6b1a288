//! What an installed nsfix does beside its commands: as kubectl's plugin. And what images and releases are made of.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! {
    Sandbox:
        started_by_kubectl_it_says_so,
        under_its_own_name_it_says_nsfix,
        an_image_is_built_from_all_that_cargo_reads,
        an_image_says_what_it_is_and_where_it_comes_from,
        everything_is_built_with_one_rust
}

/// A file of the repository.
fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn workflow(name: &str) -> Value {
    serde_saphyr::from_str(&read(&format!(".github/workflows/{name}.yaml"))).unwrap()
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
    assert_eq!(named.len(), 4, "{named:?}");
    for path in named {
        assert!(ignored.lines().any(|line| line == format!("!{path}")), "{path} is not in .dockerignore");
    }
}

/// The labels that the OCI image specification predefines: what never changes is in the Dockerfile, the rest comes from
/// the release.
async fn an_image_says_what_it_is_and_where_it_comes_from(_: Lab) {
    let dockerfile = read("Dockerfile");
    let label = |key: &str| {
        let start = format!("org.opencontainers.image.{key}=\"");
        let (_, value) = dockerfile.split_once(&start).unwrap_or_else(|| panic!("{key}: {dockerfile}"));
        value.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(label("title"), env!("CARGO_PKG_NAME"));
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));

    let release = workflow("release");
    let steps = release["jobs"]["image"]["steps"].as_array().unwrap();
    let push = steps.iter().find(|step| step["id"] == "push").unwrap();
    let given: Vec<_> = push["with"]["labels"].as_str().unwrap().lines().map(str::trim).collect();
    let repository = "${{ github.server_url }}/${{ github.repository }}";
    for (key, value) in [
        ("source", repository),
        ("url", repository),
        ("documentation", &format!("{repository}/blob/${{{{ github.ref_name }}}}/docs/README.md")),
        ("revision", "${{ github.sha }}"),
        ("version", "${{ needs.checks.outputs.version }}"),
        ("created", "${{ steps.name.outputs.created }}"),
    ] {
        let label = format!("org.opencontainers.image.{key}={value}");
        assert!(given.contains(&label.as_str()), "{label} is not in {given:?}");
    }
}

/// Another Rust makes other bytes: who builds a release again needs to know which.
async fn everything_is_built_with_one_rust(_: Lab) {
    let dockerfile = read("Dockerfile");
    let version = dockerfile.lines().find_map(|line| line.strip_prefix("ARG RUST_VERSION=")).unwrap();
    for name in ["ci", "nightly", "release"] {
        assert_eq!(workflow(name)["env"]["RUSTUP_TOOLCHAIN"], version, "{name}.yaml");
    }
    let page = read("docs/install.md");
    assert!(page.contains(&format!("export RUSTUP_TOOLCHAIN={version}\n")), "docs/install.md");
}

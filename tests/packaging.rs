//! What an installed nsfix does beside its commands: as kubectl's plugin.

use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! {
    Sandbox:
        started_by_kubectl_it_says_so,
        under_its_own_name_it_says_nsfix
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

//! Under which name nsfix was started.

use std::ffi::OsStr;
use std::path::Path;

/// What a person types to start it: `nsfix`, or `kubectl nsfix` where kubectl runs it as its plugin.
pub(super) fn typed(program: Option<&OsStr>) -> &'static str {
    // On Windows the plugin is kubectl-nsfix.exe.
    match program.and_then(|program| Path::new(program).file_stem()) {
        Some(name) if name == "kubectl-nsfix" => "kubectl nsfix",
        _ => "nsfix",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_gives_a_plugin_its_path() {
        for plugin in ["kubectl-nsfix", "/root/.krew/bin/kubectl-nsfix", "bin/kubectl-nsfix.exe"] {
            assert_eq!(typed(Some(OsStr::new(plugin))), "kubectl nsfix", "{plugin}");
        }
    }

    #[test]
    fn any_other_name_is_nsfix() {
        for other in ["nsfix", "/nsfix", "nsfix.exe", "kubectl", "kubectl-nsfix2", ""] {
            assert_eq!(typed(Some(OsStr::new(other))), "nsfix", "{other}");
        }
        assert_eq!(typed(None), "nsfix");
    }
}

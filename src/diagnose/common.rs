//! One cause behind many namespaces: mending it ends them all, forcing them one by one does not.

use super::{Cause, CauseKind, Diagnosis};
use crate::model::Hint;

/// A cause that several namespaces share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonCause {
    /// The cause, as it was found in the first of them.
    pub cause: Cause,
    /// The namespaces, in the order of the diagnoses.
    pub namespaces: Vec<String>,
}

impl CommonCause {
    /// Whether this cause of a namespace is told with it. Which objects a finalizer holds is particular to each.
    #[must_use]
    pub fn covers(&self, namespace: &str, cause: &Cause) -> bool {
        self.cause.kind == cause.kind
            && self.cause.subject == cause.subject
            && self.cause.remedy == cause.remedy
            && self.cause.command == cause.command
            && cause.kind != CauseKind::HeldObjects
            && self.namespaces.iter().any(|name| name == namespace)
    }

    /// `one cause behind 7 namespaces: …`
    #[must_use]
    pub fn sentence(&self) -> String {
        let Cause { kind, subject, detail, .. } = &self.cause;
        // What a cause says of leftovers is about one namespace alone.
        let detail = if *kind == CauseKind::HeldObjects {
            format!("leftovers are held by {subject}")
        } else {
            detail.clone()
        };
        format!("one cause behind {} namespaces: {detail}", self.namespaces.len())
    }

    /// The sentence and what mends it: in words, and the command where there is one.
    #[must_use]
    pub fn warning(&self) -> Hint {
        let Cause { remedy, command, .. } = &self.cause;
        if remedy.is_empty() {
            return Hint::from(self.sentence());
        }
        let warning = Hint::from(format!("{}; {remedy}", self.sentence()));
        match command {
            Some(command) => warning.text(" (").command(command.clone()).text(")"),
            None => warning,
        }
    }
}

/// The causes that more than one namespace has in common, the most fundamental first.
#[must_use]
pub fn common_causes<'a>(diagnoses: impl IntoIterator<Item = &'a Diagnosis>) -> Vec<CommonCause> {
    let mut found: Vec<CommonCause> = Vec::new();
    for diagnosis in diagnoses {
        let name = &diagnosis.namespace.name;
        for cause in diagnosis.causes.iter().filter(|cause| is_shared(cause.kind)) {
            let same = |each: &&mut CommonCause| {
                each.cause.kind == cause.kind && each.cause.subject == cause.subject
            };
            match found.iter_mut().find(same) {
                Some(known) if known.namespaces.contains(name) => {}
                Some(known) => {
                    known.namespaces.push(name.clone());
                    // What helps one of them need not help another.
                    if known.cause.remedy != cause.remedy || known.cause.command != cause.command {
                        known.cause.remedy.clear();
                        known.cause.command = None;
                    }
                }
                None => found.push(CommonCause { cause: cause.clone(), namespaces: vec![name.clone()] }),
            }
        }
    }
    found.retain(|common| common.namespaces.len() > 1);
    found.sort_by_key(|common| common.cause.kind);
    found
}

/// Whether a cause of this kind lies outside of the namespace, so that another one may have it too.
fn is_shared(kind: CauseKind) -> bool {
    match kind {
        CauseKind::UnavailableApi
        | CauseKind::UnreadableObjects
        | CauseKind::FailingConversionWebhook
        | CauseKind::FailingAdmissionWebhook
        | CauseKind::AdmissionRefusal
        | CauseKind::RejectedUpdate
        | CauseKind::TerminatingCrd
        | CauseKind::ControllerSilent
        | CauseKind::HeldObjects
        | CauseKind::ForeignSpecFinalizers
        | CauseKind::NamespaceMetadataFinalizers
        | CauseKind::Unexplained => true,
        CauseKind::Zombie
        | CauseKind::PodsOnLostNode
        | CauseKind::LongGracePeriod
        | CauseKind::Deadlock
        | CauseKind::LiveObjects
        | CauseKind::Progressing => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Inventory, Namespace};
    use serde_json::json;

    fn diagnosis(name: &str, causes: Vec<Cause>) -> Diagnosis {
        let namespace = json!({"metadata": {"name": name, "uid": name, "resourceVersion": "1"}});
        Diagnosis {
            now: jiff::Timestamp::UNIX_EPOCH,
            namespace: Namespace::from_json(namespace).unwrap(),
            state: None,
            causes,
            inventory: Inventory::default(),
            held: Vec::new(),
            pods_on_lost_node: Vec::new(),
            pods_with_long_grace: Vec::new(),
            tried: Vec::new(),
            dry_runs: Vec::new(),
        }
    }

    fn cause(kind: CauseKind, subject: &str) -> Cause {
        Cause::new(kind, subject, format!("{kind} {subject}"))
    }

    #[test]
    fn only_what_several_share_is_common() {
        let dead = |name| diagnosis(name, vec![cause(CauseKind::UnavailableApi, "v1.example.com")]);
        let held = diagnosis("c", vec![cause(CauseKind::HeldObjects, "example.com/hold")]);
        let common = common_causes(&[dead("a"), dead("b"), held]);
        let [common] = common.as_slice() else { panic!("{common:?}") };
        assert_eq!(common.namespaces, ["a", "b"]);
        assert_eq!(common.sentence(), "one cause behind 2 namespaces: UnavailableApi v1.example.com");
    }

    #[test]
    fn the_same_kind_about_another_thing_is_another_cause() {
        let one = diagnosis("a", vec![cause(CauseKind::HeldObjects, "example.com/one")]);
        let two = diagnosis("b", vec![cause(CauseKind::HeldObjects, "example.com/two")]);
        assert!(common_causes(&[one, two]).is_empty());
    }

    #[test]
    fn a_reason_is_what_a_namespace_has_besides() {
        let dead = || cause(CauseKind::UnavailableApi, "v1.example.com");
        let held = || cause(CauseKind::HeldObjects, "example.com/hold");
        let all = [
            diagnosis("a", vec![dead()]),
            diagnosis("b", vec![dead(), held()]),
            diagnosis("c", vec![held()]),
        ];
        let common = common_causes(&all);
        assert_eq!(common.len(), 2);
        let reasons: Vec<String> = all.iter().map(|each| each.reason_besides(&common)).collect();
        let hold = "HeldObjects example.com/hold";
        assert_eq!(reasons, ["UnavailableApi v1.example.com (shared)", hold, hold]);
    }

    #[test]
    fn what_helps_one_is_not_advised_to_another() {
        let held =
            |owner: &str| vec![cause(CauseKind::RejectedUpdate, "widgets").remedy(format!("ask {owner}"))];
        let all = [diagnosis("a", held("one")), diagnosis("b", held("another"))];
        let common = common_causes(&all);
        assert_eq!(common[0].cause.remedy, "");
        assert!(all.iter().all(|each| !common[0].covers(&each.namespace.name, &each.causes[0])));
    }

    #[test]
    fn what_each_has_for_itself_is_not_common() {
        let live = |name| diagnosis(name, vec![cause(CauseKind::LiveObjects, "leftovers")]);
        assert!(common_causes(&[live("a"), live("b")]).is_empty());
    }
}

//! Why a namespace is stuck.

use crate::model::ShellCommand;

/// The kinds of causes, the most fundamental first: what stands further up keeps what stands further down
/// from being mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::VariantArray)]
pub enum CauseKind {
    /// An aggregated API that does not answer blocks every namespace.
    UnavailableApi,
    /// Stored objects that the server cannot decode, decrypt or convert.
    UnreadableObjects,
    /// Custom resources that cannot be converted can be neither read nor deleted.
    FailingConversionWebhook,
    /// A webhook that cannot be called refuses the deletion or the release.
    FailingAdmissionWebhook,
    /// A webhook or policy that is alive refuses what has to happen.
    AdmissionRefusal,
    /// Validation refuses the release of a leftover.
    RejectedUpdate,
    /// The type of a leftover is being deleted itself.
    TerminatingCrd,
    /// The namespace controller has not reported.
    ControllerSilent,
    /// No finalizer left, and still there: the controller will never look inside again.
    Zombie,
    /// Pods remain whose node does not answer.
    PodsOnLostNode,
    /// Pods that were given hours or years to end.
    LongGracePeriod,
    /// An owner cannot do its work because the namespace is terminating.
    Deadlock,
    /// Leftovers wait for their finalizers.
    HeldObjects,
    /// Leftovers without a deletionTimestamp.
    LiveObjects,
    /// A spec finalizer besides `kubernetes`.
    ForeignSpecFinalizers,
    /// A metadata finalizer of the namespace itself.
    NamespaceMetadataFinalizers,
    /// What the server said, where no other cause accounts for it.
    Unexplained,
    /// Nothing is wrong yet.
    Progressing,
}

/// One cause, with what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// What it is about: an APIService, a webhook, a type, a finalizer.
    pub subject: String,
    /// In few words.
    pub detail: String,
    /// What was seen, each in one sentence.
    pub evidence: Vec<String>,
    /// What mends it without force.
    pub remedy: String,
    pub command: Option<ShellCommand>,
}

impl Cause {
    pub(super) fn new(kind: CauseKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            detail: detail.into(),
            evidence: Vec::new(),
            remedy: String::new(),
            command: None,
        }
    }

    pub(super) fn evidence(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub(super) fn command(mut self, command: ShellCommand) -> Self {
        self.command = Some(command);
        self
    }

    pub(super) fn command_if(mut self, command: Option<ShellCommand>) -> Self {
        self.command = command;
        self
    }
}

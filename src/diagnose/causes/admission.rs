//! Webhooks and policies that refuse what has to happen, cannot be called, or undo it.

use super::words::{call_trouble, is_of_admission, quoted_names, remedy_of_trouble};
use crate::diagnose::intercepted::{Intercepted, sees};
use crate::diagnose::{Cause, CauseKind, failures};
use crate::model::{AdmissionHook, AdmissionHookKind, DryRunOutcome, DryRunResult, Facts, ShellCommand};

/// The words in which admission refused a deletion, a release or the finalization.
struct Refused<'a> {
    said: &'a str,
    /// The request, or what it was for.
    attempt: String,
    quote: String,
}

/// Causes, each under a key: what is said of one thing twice is evidence for one cause.
#[derive(Default)]
struct CausesByKey(Vec<(String, Cause)>);

impl CausesByKey {
    fn add(&mut self, key: String, cause: Cause) {
        match self.0.iter_mut().find(|(known, each)| *known == key && each.kind == cause.kind) {
            Some((_, known)) => {
                let new = cause.evidence.into_iter().filter(|each| !known.evidence.contains(each));
                let new: Vec<String> = new.collect();
                known.evidence.extend(new);
            }
            None => self.0.push((key, cause)),
        }
    }
}

/// Whatever admission does against the deletion or the release of leftovers, or the finalization.
pub(super) fn refusals(facts: &Facts) -> Vec<Cause> {
    let heard = heard(facts);
    let mut found = CausesByKey::default();
    for hook in &facts.extensions.admission_hooks {
        if let Some(cause) = refusal(facts, hook, &heard) {
            found.add(key(hook), cause);
        }
    }
    for refused in &heard {
        unlisted(facts, refused, &mut found);
    }
    for dry_run in &facts.dry_runs {
        undone(facts, dry_run, &mut found);
        unanswered(facts, dry_run, &mut found);
    }
    found.0.into_iter().map(|(_, cause)| cause).collect()
}

/// Dry runs that were refused, and refusals that the namespace controller quotes.
fn heard(facts: &Facts) -> Vec<Refused<'_>> {
    let dry_runs = facts.dry_runs.iter().filter_map(|dry_run| match &dry_run.outcome {
        DryRunOutcome::Refused(said) => {
            Some(Refused { said, attempt: dry_run.request.clone(), quote: dry_run.quote()? })
        }
        _ => None,
    });
    let conditions = failures(&facts.namespace).filter(|condition| is_of_admission(&condition.message));
    let conditions = conditions.map(|condition| Refused {
        said: &condition.message,
        attempt: "what the namespace controller deletes".to_owned(),
        quote: format!("the namespace controller says: {}", condition.message),
    });
    dry_runs.chain(conditions).collect()
}

fn refusal(facts: &Facts, hook: &AdmissionHook, heard: &[Refused<'_>]) -> Option<Cause> {
    let refused: Vec<&Refused<'_>> = heard.iter().filter(|refused| names(refused.said, hook)).collect();
    let backend = hook.service.as_ref().and_then(|service| facts.extensions.backends.get_key_value(service));
    let dead = backend.is_some_and(|(_, backend)| backend.is_dead());
    // A webhook that was not seen to refuse and can be called is no cause.
    let certainly = dead && hook.fails_closed && !hook.has_conditions;
    if refused.is_empty() && !certainly {
        return None;
    }
    let mut attempts: Vec<String> =
        sees(hook, &facts.namespace, &facts.inventory).into_iter().map(|seen| seen.words()).collect();
    if attempts.is_empty() {
        attempts = refused.iter().map(|refused| refused.attempt.clone()).collect();
    }
    if attempts.is_empty() {
        return None;
    }
    let mut evidence = vec![format!("it sees {}", attempts.join(", "))];
    evidence.extend(backend.map(|(service, backend)| backend.describe(service)));
    evidence.extend(refused.iter().map(|refused| refused.quote.clone()));
    let trouble = refused.iter().find_map(|refused| call_trouble(refused.said, &hook.name));
    Some(cause(hook, dead, trouble.as_deref(), &attempts).evidence(evidence))
}

fn cause(hook: &AdmissionHook, dead: bool, trouble: Option<&str>, attempts: &[String]) -> Cause {
    let AdmissionHook { kind, configuration, name, service, .. } = hook;
    let what = attempts.join(", ");
    let show = ShellCommand::kubectl(["get", kind.resource(), "-o", "yaml"]).names([configuration]);
    let (remedy, command) = match (kind, service) {
        (AdmissionHookKind::ValidatingPolicy | AdmissionHookKind::MutatingPolicy, _) => (
            "change or unbind the policy so that it lets this through; what it guards is its author's to say"
                .to_owned(),
            show,
        ),
        (_, Some(service)) if dead => (
            format!(
                "bring service {service} back; or, if what it guarded is gone for good, delete the webhook configuration"
            ),
            ShellCommand::kubectl(["delete", kind.resource()]).names([configuration]),
        ),
        _ => (
            trouble
                .map_or(
                    "ask the webhook's owner why it refuses, and have it let go what is being deleted",
                    remedy_of_trouble,
                )
                .to_owned(),
            show,
        ),
    };
    let subject = subject(hook);
    let cause = match trouble {
        _ if dead => Cause::new(
            CauseKind::FailingAdmissionWebhook,
            subject,
            format!("webhook {name} has nothing behind it, which refuses {what}"),
        ),
        Some(trouble) => Cause::new(
            CauseKind::FailingAdmissionWebhook,
            subject,
            format!("webhook {name} cannot be called ({trouble}), which refuses {what}"),
        ),
        None => {
            Cause::new(CauseKind::AdmissionRefusal, subject, format!("{} {name} refuses {what}", kind.word()))
        }
    };
    cause.remedy(remedy).command(command)
}

/// A refusal by something that the API does not list: configured in files, not listable, or built in.
fn unlisted(facts: &Facts, refused: &Refused<'_>, found: &mut CausesByKey) {
    let listed = |name: &str| facts.extensions.admission_hooks.iter().any(|hook| hook.name == name);
    let names = quoted_names(refused.said);
    if names.is_empty() {
        let known = facts.extensions.admission_hooks.iter().any(|hook| self::names(refused.said, hook));
        if !known {
            let key = refused.attempt.clone();
            found.add(key, unlisted_cause(facts, refused, None));
        }
    }
    for name in names.into_iter().filter(|name| !listed(name)) {
        found.add(format!("unlisted {name}"), unlisted_cause(facts, refused, Some(name)));
    }
}

/// Of the namespaces that every cluster has (apiserver's pkg/admission/plugin/namespace/lifecycle/admission.go).
const PROTECTED: &str = "this namespace may not be deleted";

fn unlisted_cause(facts: &Facts, refused: &Refused<'_>, name: Option<&str>) -> Cause {
    let attempt = &refused.attempt;
    let subject = name.unwrap_or(attempt);
    let who =
        name.map_or_else(|| "an admission plugin".to_owned(), |name| format!("webhook or policy {name}"));
    let cause = match name.and_then(|name| call_trouble(refused.said, name)) {
        Some(trouble) => Cause::new(
            CauseKind::FailingAdmissionWebhook,
            subject,
            format!("{who} cannot be called ({trouble}), which refuses {attempt}"),
        ),
        None => Cause::new(CauseKind::AdmissionRefusal, subject, format!("{who} refuses {attempt}")),
    };
    if refused.said.ends_with(PROTECTED) {
        let detail = format!("the API server refuses {attempt}: the namespace is one of its own");
        return Cause::new(CauseKind::AdmissionRefusal, subject, detail)
            .evidence([refused.quote.clone()])
            .remedy("leave it: no cluster works without this namespace");
    }
    let hidden = facts.extensions.gaps.iter().any(|gap| gap.group == "admissionregistration.k8s.io");
    let why = if hidden {
        "the webhooks and policies could not be listed, so no more is known of it than its name"
    } else if name.is_none() {
        "the answer names no webhook or policy: it is a plugin of the API server itself"
    } else {
        "the API lists no webhook or policy of that name: it is configured in the API server's files, or was deleted since"
    };
    cause
        .evidence([refused.quote.clone(), why.to_owned()])
        .remedy("ask the administrator of the API server what refuses this, and why")
}

/// A release or finalization that is answered with 200, and changes nothing.
fn undone(facts: &Facts, dry_run: &DryRunResult, found: &mut CausesByKey) {
    let DryRunOutcome::Undone(finalizers) = &dry_run.outcome else { return };
    let Some(quote) = dry_run.quote() else { return };
    let hooks: Vec<&AdmissionHook> =
        that_see(facts, dry_run).into_iter().filter(|hook| hook.kind.is_mutating()).collect();
    let names: Vec<String> = hooks.iter().map(|hook| format!("{} {}", hook.kind.word(), hook.name)).collect();
    let who = if names.is_empty() { "something".to_owned() } else { names.join(" or ") };
    let finalizers = finalizers.join(", ");
    let detail = format!("{who} undoes the change: {} leaves {finalizers} in place", dry_run.request);
    let cause = Cause::new(
        CauseKind::AdmissionRefusal,
        hooks.first().map_or_else(|| dry_run.request.clone(), |hook| subject(hook)),
        detail,
    )
    .evidence([quote])
    .evidence(hooks.iter().map(|hook| format!("{} may change such an update", subject(hook))))
    .remedy("keep it out of this namespace (its namespaceSelector), or have it leave objects alone that are being deleted");
    let key = hooks.first().map_or_else(|| dry_run.request.clone(), |hook| key(hook));
    found.add(
        key,
        match hooks.first() {
            Some(hook) => cause.command(
                ShellCommand::kubectl(["get", hook.kind.resource(), "-o", "yaml"])
                    .names([&hook.configuration]),
            ),
            None => cause,
        },
    );
}

/// A dry run that no answer came to, while a webhook had that long. One that was named elsewhere, or has the longest
/// time, is the one.
fn unanswered(facts: &Facts, dry_run: &DryRunResult, found: &mut CausesByKey) {
    let (DryRunOutcome::NoAnswer(seconds), Some(quote)) = (&dry_run.outcome, dry_run.quote()) else { return };
    let mut hooks = that_see(facts, dry_run);
    hooks.retain(|hook| hook.url.is_some() || hook.service.is_some());
    let is_found = |hook: &&AdmissionHook| found.0.iter().any(|(known, _)| *known == key(hook));
    let Some(hook) = hooks.iter().max_by_key(|hook| (is_found(hook), hook.timeout_seconds)) else { return };
    let allowed =
        hook.timeout_seconds.map_or_else(String::new, |allowed| format!("; it is given {allowed}s"));
    let trouble = format!("no answer within {seconds}s{allowed}");
    let others = hooks.iter().filter(|other| key(other) != key(hook));
    let others: Vec<String> =
        others.map(|other| format!("{} {} sees it too", other.kind.word(), other.name)).collect();
    let cause = cause(hook, false, Some(&trouble), std::slice::from_ref(&dry_run.request));
    found.add(key(hook), cause.evidence([quote]).evidence(others));
}

/// The webhooks and policies that see the request of a dry run.
pub(super) fn that_see<'a>(facts: &'a Facts, dry_run: &DryRunResult) -> Vec<&'a AdmissionHook> {
    let is_it = |seen: &Intercepted<'_>| match seen {
        Intercepted::Finalize => dry_run.resource == "namespaces/finalize",
        Intercepted::Delete(of_type) => {
            dry_run.operation == "DELETE" && dry_run.resource == of_type.resource.to_string()
        }
        Intercepted::Release(of_type) => {
            dry_run.operation == "UPDATE" && dry_run.resource == of_type.resource.to_string()
        }
    };
    let hooks = facts.extensions.admission_hooks.iter();
    hooks.filter(|hook| sees(hook, &facts.namespace, &facts.inventory).iter().any(is_it)).collect()
}

fn subject(hook: &AdmissionHook) -> String {
    format!("{}/{}", hook.kind.resource(), hook.configuration)
}

/// Webhooks of one configuration are causes of their own.
fn key(hook: &AdmissionHook) -> String {
    format!("{} {}", subject(hook), hook.name)
}

/// Whether a refusal is this hook's: its name stands in the answer.
fn names(said: &str, hook: &AdmissionHook) -> bool {
    let name = hook.name.as_str();
    said.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&said[..at], &said[at + name.len()..]);
        ['"', '\''].into_iter().any(|quote| before.ends_with(quote) && behind.starts_with(quote))
    })
}

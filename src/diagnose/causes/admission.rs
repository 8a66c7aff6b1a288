//! Webhooks and policies that refuse what has to happen, cannot be called, or undo it.

use crate::diagnose::intercepted::{Intercepted, sees};
use crate::diagnose::{Cause, CauseKind};
use crate::model::{AdmissionHook, AdmissionHookKind, DryRunOutcome, DryRunResult, Facts, ShellCommand};

/// Whatever admission does against the deletion or the release of leftovers, or the finalization.
pub(super) fn refusals(facts: &Facts) -> Vec<Cause> {
    let mut causes: Vec<Cause> =
        facts.extensions.admission_hooks.iter().filter_map(|hook| refusal(facts, hook)).collect();
    causes.extend(facts.dry_runs.iter().filter_map(|dry_run| unlisted(facts, dry_run)));
    causes.extend(facts.dry_runs.iter().filter_map(|dry_run| undone(facts, dry_run)));
    causes.extend(facts.dry_runs.iter().filter_map(|dry_run| unanswered(facts, dry_run)));
    let mut seen = Vec::new();
    causes.retain(|cause| {
        let key = (cause.kind, cause.subject.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    causes
}

fn refusal(facts: &Facts, hook: &AdmissionHook) -> Option<Cause> {
    let mut attempts: Vec<String> =
        sees(hook, &facts.namespace, &facts.inventory).into_iter().map(|seen| seen.words()).collect();
    let refused: Vec<&DryRunResult> = facts
        .dry_runs
        .iter()
        .filter(|dry_run| refused_by(dry_run).is_some_and(|said| names(said, hook)))
        .collect();
    if attempts.is_empty() {
        attempts = refused.iter().map(|dry_run| dry_run.request.clone()).collect();
    }
    let backend = hook.service.as_ref().and_then(|service| facts.extensions.backends.get_key_value(service));
    let dead = backend.is_some_and(|(_, backend)| backend.is_dead());
    // What is not known to refuse, by a dry run or by having nobody behind it, is no cause.
    let certainly = dead && hook.fails_closed && !hook.has_conditions && !attempts.is_empty();
    if refused.is_empty() && !certainly {
        return None;
    }
    let mut evidence = vec![format!("it sees {}", attempts.join(", "))];
    evidence.extend(backend.map(|(service, backend)| backend.describe(service)));
    evidence.extend(refused.iter().map(|dry_run| quote(dry_run)));
    let trouble = refused.iter().filter_map(|dry_run| refused_by(dry_run)).find_map(call_trouble);
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
            trouble.map_or("ask whoever runs the webhook why it refuses", remedy_of_trouble).to_owned(),
            show,
        ),
    };
    let subject = subject(hook);
    let cause = match trouble {
        _ if dead => Cause::new(
            CauseKind::FailingAdmissionWebhook,
            subject,
            format!("webhook {name} is dead and refuses {what}"),
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
fn unlisted(facts: &Facts, dry_run: &DryRunResult) -> Option<Cause> {
    let said = refused_by(dry_run)?;
    if facts.extensions.admission_hooks.iter().any(|hook| names(said, hook)) {
        return None;
    }
    let request = &dry_run.request;
    let name = quoted_name(said);
    let subject = name.map_or_else(|| request.clone(), str::to_owned);
    let who =
        name.map_or_else(|| "an admission plugin".to_owned(), |name| format!("webhook or policy {name}"));
    let cause = match call_trouble(said) {
        Some(trouble) => Cause::new(
            CauseKind::FailingAdmissionWebhook,
            subject,
            format!("{who} cannot be called ({trouble}), which refuses {request}"),
        ),
        None => Cause::new(CauseKind::AdmissionRefusal, subject, format!("{who} refuses {request}")),
    };
    Some(
        cause
            .evidence([
                quote(dry_run),
                "the API lists no webhook or policy of that name; it may be configured in the API server's files"
                    .to_owned(),
            ])
            .remedy("ask whoever runs the API server what refuses this, and why"),
    )
}

/// A release or finalization that is answered with 200, and changes nothing.
fn undone(facts: &Facts, dry_run: &DryRunResult) -> Option<Cause> {
    let DryRunOutcome::Undone(finalizers) = &dry_run.outcome else { return None };
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
    .evidence([format!("dry run of {}: 200, and {finalizers} is still there", dry_run.request)])
    .evidence(hooks.iter().map(|hook| format!("{} may change such an update", subject(hook))))
    .remedy("keep it out of this namespace (its namespaceSelector), or have it leave objects alone that are being deleted");
    Some(match hooks.first() {
        Some(hook) => cause.command(
            ShellCommand::kubectl(["get", hook.kind.resource(), "-o", "yaml"]).names([&hook.configuration]),
        ),
        None => cause,
    })
}

/// A dry run that no answer came to, while a webhook had that long.
fn unanswered(facts: &Facts, dry_run: &DryRunResult) -> Option<Cause> {
    let DryRunOutcome::NoAnswer(seconds) = dry_run.outcome else { return None };
    let hooks = that_see(facts, dry_run);
    let hook = hooks.iter().find(|hook| hook.url.is_some() || hook.service.is_some())?;
    let trouble = format!("no answer within {seconds}s");
    Some(
        cause(hook, false, Some(&trouble), std::slice::from_ref(&dry_run.request))
            .evidence([format!("dry run of {}: no answer within {seconds}s", dry_run.request)]),
    )
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

fn refused_by(dry_run: &DryRunResult) -> Option<&str> {
    match &dry_run.outcome {
        DryRunOutcome::Refused(said) => Some(said),
        _ => None,
    }
}

fn quote(dry_run: &DryRunResult) -> String {
    format!("dry run of {}: {}", dry_run.request, dry_run.outcome.said().unwrap_or_default())
}

/// Whether a refusal is this hook's: its name stands in the answer.
fn names(said: &str, hook: &AdmissionHook) -> bool {
    said.contains(&format!("\"{}\"", hook.name)) || said.contains(&format!("'{}'", hook.name))
}

/// The name in `admission webhook "NAME" denied`, `failed calling webhook "NAME"`, `Policy 'NAME' with`.
fn quoted_name(said: &str) -> Option<&str> {
    let after = |words: &str, quote: char| said.split_once(words)?.1.split(quote).next();
    after("webhook \"", '"').or_else(|| after("AdmissionPolicy '", '\''))
}

/// Why a webhook could not be called, or what was wrong with its answer; `None` where it said no.
fn call_trouble(said: &str) -> Option<String> {
    let (_, said) =
        said.split_once("failed calling webhook").or_else(|| said.split_once("failed to call webhook"))?;
    let timeout = said
        .split_once("timeout=")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    let known = [
        ("connection refused", "connection refused"),
        ("no such host", "its host is unknown"),
        ("certificate has expired", "its certificate has expired"),
        ("signed by unknown authority", "its certificate is signed by an unknown authority"),
        ("certificate is valid for", "its certificate has another name"),
        ("certificate is not valid for", "its certificate has another name"),
        ("doesn't contain any", "its certificate has another name"),
    ];
    Some(if said.contains("deadline exceeded") || said.contains("Client.Timeout") {
        timeout.map_or_else(|| "timed out".to_owned(), |after| format!("timed out after {after}"))
    } else if let Some((_, words)) = known.iter().find(|(words, _)| said.contains(words)) {
        (*words).to_owned()
    } else {
        said.rsplit(": ").next().unwrap_or_default().to_owned()
    })
}

fn remedy_of_trouble(trouble: &str) -> &'static str {
    if trouble.contains("certificate") {
        "renew the webhook's certificate, or the caBundle in its configuration"
    } else if trouble.contains("timed out") || trouble.contains("no answer") {
        "see why the webhook is slow or hangs; or, if what it guarded is gone for good, delete its configuration"
    } else {
        "bring back who answers for the webhook; or, if what it guarded is gone for good, delete its configuration"
    }
}

//! The words in which the API server says that admission refused something, or could not be asked.

/// apiserver's pkg/admission/plugin/webhook/errors/statuserror.go, pkg/admission/plugin/webhook/errors.go, and
/// pkg/admission/plugin/policy/validating/dispatcher.go.
const ADMISSION: [&str; 5] = [
    "admission webhook \"",
    "failed calling webhook \"",
    "failed to call webhook",
    "ValidatingAdmissionPolicy '",
    "MutatingAdmissionPolicy '",
];

/// Why a webhook could not be asked: what stands in the error, and what it means. Go's net and crypto/x509, and
/// apiserver's pkg/util/webhook and pkg/admission/plugin/webhook/request/admissionreview.go.
const TROUBLES: [(&str, &str); 21] = [
    ("certificate has expired", "its certificate has expired"),
    ("is not yet valid", "its certificate is not valid yet"),
    ("signed by unknown authority", "its certificate is signed by an unknown authority"),
    ("certificate is valid for", "its certificate has another name"),
    ("certificate is not valid for", "its certificate has another name"),
    ("not valid for any names", "its certificate has another name"),
    ("doesn't contain any", "its certificate has another name"),
    ("relies on legacy Common Name", "its certificate has another name"),
    ("unable to load root certificates", "its caBundle cannot be read"),
    ("first record does not look like a TLS handshake", "it does not speak TLS"),
    ("server gave HTTP response to HTTPS client", "it does not speak TLS"),
    ("connection refused", "connection refused"),
    ("no such host", "its host is unknown"),
    ("no route to host", "no route to its host"),
    ("network is unreachable", "its network is unreachable"),
    ("no endpoints available for service", "its service has no endpoints"),
    ("no service port", "its service has no such port"),
    ("expected webhook response", "its answer is no AdmissionReview"),
    ("invalid character", "its answer is no JSON"),
    ("couldn't get version/kind", "its answer is no AdmissionReview"),
    ("could not find the requested resource", "its path answers 404"),
];

/// Whether a text is about a webhook or a policy.
pub(super) fn is_of_admission(said: &str) -> bool {
    ADMISSION.iter().any(|words| said.contains(words))
}

/// The names in `admission webhook "NAME" denied`, `failed calling webhook "NAME"`, `Policy 'NAME' with`.
pub(super) fn quoted_names(said: &str) -> Vec<&str> {
    let after = |words: &str, quote: char| {
        let found = said.match_indices(words).map(move |(at, words)| &said[at + words.len()..]);
        found.filter_map(move |rest| rest.split(quote).next()).filter(|name| !name.is_empty()).collect()
    };
    let (webhooks, policies): (Vec<&str>, Vec<&str>) =
        (after("webhook \"", '"'), after("AdmissionPolicy '", '\''));
    let mut names: Vec<&str> = Vec::new();
    for name in webhooks.into_iter().chain(policies) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Why the webhook of this name could not be called, or what was wrong with its answer; `None` where it said no.
pub(super) fn call_trouble(said: &str, name: &str) -> Option<String> {
    let (_, said) = said
        .split_once(&format!("failed calling webhook \"{name}\""))
        .or_else(|| said.split_once(&format!("failed to call webhook \"{name}\"")))?;
    // A condition strings several errors together.
    let said = said.split(", Internal error occurred: ").next().unwrap_or(said);
    let said = said.split(", admission webhook \"").next().unwrap_or(said);
    if said.contains("deadline exceeded") || said.contains("Client.Timeout") || said.contains("i/o timeout") {
        let timeout = said
            .split_once("timeout=")
            .map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
        return Some(
            timeout.map_or_else(|| "timed out".to_owned(), |after| format!("timed out after {after}")),
        );
    }
    let known =
        TROUBLES.iter().find(|(words, _)| said.contains(words)).map(|(_, meaning)| (*meaning).to_owned());
    known.or_else(|| said.rsplit(": ").next().map(str::to_owned))
}

/// Why a conversion webhook could not be called; `None` where it was, and answered no, or nonsense
/// (apiextensions-apiserver's pkg/apiserver/conversion/webhook_converter.go).
pub(super) fn call_trouble_of_conversion(said: &str) -> Option<String> {
    let (_, why) = said.split_once("failed: ")?;
    let called = why.trim_start().starts_with("Post ") || why.contains("service \"");
    let known = TROUBLES.iter().find(|(words, _)| why.contains(words));
    if why.contains("deadline exceeded") || why.contains("Client.Timeout") || why.contains("i/o timeout") {
        return Some("timed out".to_owned());
    }
    match known {
        Some((_, meaning)) => Some((*meaning).to_owned()),
        None if called => Some(why.rsplit(": ").next().unwrap_or(why).to_owned()),
        None => None,
    }
}

/// What helps against it.
pub(super) fn remedy_of_trouble(trouble: &str) -> &'static str {
    if trouble.contains("another name") {
        "give the webhook a certificate for the name of its service, or the name of its certificate in the configuration"
    } else if trouble.contains("certificate") || trouble.contains("caBundle") {
        "renew the webhook's certificate, or the caBundle in its configuration"
    } else if trouble.contains("timed out") || trouble.contains("no answer") {
        "see why the webhook is slow or hangs; or, if what it guarded is gone for good, delete its configuration"
    } else if trouble.contains("answer") || trouble.contains("TLS") {
        "see what answers at the webhook's address; or, if what it guarded is gone for good, delete its configuration"
    } else {
        "bring the webhook's Service back; or, if what it guarded is gone for good, delete its configuration"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(why: &str) -> Option<String> {
        let said = format!(
            "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \
             \"https://w.default.svc:443/x?timeout=10s\": {why}"
        );
        call_trouble(&said, "w.example.com")
    }

    #[test]
    fn a_webhook_that_cannot_be_called_says_why() {
        for (why, meaning) in [
            ("dial tcp 10.0.0.1:443: connect: connection refused", "connection refused"),
            ("dial tcp: lookup w.default.svc: no such host", "its host is unknown"),
            (
                "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time x is after y",
                "its certificate has expired",
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                "its certificate is signed by an unknown authority",
            ),
            (
                "tls: failed to verify certificate: x509: certificate is valid for a, not w.default.svc",
                "its certificate has another name",
            ),
            ("context deadline exceeded", "timed out after 10s"),
            ("service \"w\" not found", "service \"w\" not found"),
        ] {
            assert_eq!(failing(why).as_deref(), Some(meaning), "{why}");
        }
    }

    #[test]
    fn one_that_says_no_has_no_trouble() {
        assert_eq!(call_trouble("admission webhook \"w\" denied the request: connection refused", "w"), None);
    }

    #[test]
    fn of_several_errors_in_one_condition_each_webhook_has_its_own() {
        let said = "Failed to delete all resource types, 2 remaining: Internal error occurred: failed calling webhook \
                    \"a\": failed to call webhook: Post \"https://a/?timeout=5s\": context deadline exceeded, Internal \
                    error occurred: failed calling webhook \"b\": failed to call webhook: Post \"https://b/\": dial tcp: \
                    connect: connection refused";
        assert_eq!(call_trouble(said, "a").as_deref(), Some("timed out after 5s"));
        assert_eq!(call_trouble(said, "b").as_deref(), Some("connection refused"));
        assert_eq!(quoted_names(said), ["a", "b"]);
    }
}

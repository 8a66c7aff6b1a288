//! What a request asks for: the path taken apart as the API server's `RequestInfo` does it.

use super::failure::Failure;

/// What a request says about its sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) groups: Vec<String>,
}

/// One request, free of HTTP's machinery, so that tests and the controller use the same way in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) accept: String,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
    pub(crate) if_none_match: String,
    pub(crate) credentials: Credentials,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// A call from inside the process, with all rights.
    pub(crate) fn inside(method: &str, path_and_query: &str, body: Vec<u8>, user_agent: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        Self {
            method: method.to_owned(),
            path: decode(path, false),
            query: Query::parse(query),
            content_type: "application/json".to_owned(),
            user_agent: user_agent.to_owned(),
            body,
            ..Self::default()
        }
    }
}

/// The query's parameters, decoded, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decode(key, true), decode(value, true)))
                .collect(),
        )
    }

    /// The value of the first parameter of that name, or "".
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(each, _)| each == key).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1")
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.0.iter().any(|(key, value)| key == "dryRun" && value == "All")
    }

    /// The first dryRun value that the server does not know.
    pub(crate) fn odd_dry_run(&self) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == "dryRun" && value != "All").map(|(_, value)| value.as_str())
    }
}

/// Undoes percent-encoding; `+` is a space in queries only.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None if plus_is_space && *first == b'+' => bytes.push(b' '),
            None => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A resource, an object or a subresource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    /// "" for all namespaces and for cluster-scoped resources; a namespace itself counts as being inside
    /// itself.
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/api` or `/apis`: all groups.
    Groups {
        legacy: bool,
    },
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    Resources {
        group: String,
        version: String,
    },
    Target(Target),
    /// Anything else: `/version`, `/healthz`, …
    Other,
}

/// Takes a path apart (apiserver's pkg/endpoints/request/requestinfo.go).
pub(crate) fn route(path: &str) -> Route {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group, rest) = match parts.as_slice() {
        ["api"] => return Route::Groups { legacy: true },
        ["apis"] => return Route::Groups { legacy: false },
        ["apis", group] => return Route::Group((*group).to_owned()),
        ["api", rest @ ..] => ("", rest),
        ["apis", group, rest @ ..] => (*group, rest),
        _ => return Route::Other,
    };
    let [version, rest @ ..] = rest else { return Route::Other };
    let target = |namespace: &str, resource: &str, name: &str, subresource: &str| {
        Route::Target(Target {
            group: group.to_owned(),
            version: (*version).to_owned(),
            namespace: namespace.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    };
    match rest {
        [] => Route::Resources { group: group.to_owned(), version: (*version).to_owned() },
        ["namespaces"] if group.is_empty() => target("", "namespaces", "", ""),
        ["namespaces", name] if group.is_empty() => target(name, "namespaces", name, ""),
        ["namespaces", name, sub @ ("status" | "finalize")] if group.is_empty() => {
            target(name, "namespaces", name, sub)
        }
        ["namespaces", namespace, resource] => target(namespace, resource, "", ""),
        ["namespaces", namespace, resource, name] => target(namespace, resource, name, ""),
        ["namespaces", namespace, resource, name, sub @ ..] => {
            target(namespace, resource, name, &sub.join("/"))
        }
        [resource] => target("", resource, "", ""),
        [resource, name] => target("", resource, name, ""),
        [resource, name, sub @ ..] => target("", resource, name, &sub.join("/")),
    }
}

/// The authorizer's verb for a request.
pub(crate) fn verb(call: &Call, target: &Target) -> Result<&'static str, Failure> {
    Ok(match (call.method.as_str(), target.name.is_empty()) {
        ("GET" | "HEAD", true) if call.query.flag("watch") => "watch",
        ("GET" | "HEAD", true) => "list",
        ("GET" | "HEAD", false) => "get",
        ("POST", _) => "create",
        ("PUT", false) => "update",
        ("PATCH", false) => "patch",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => return Err(Failure::method_not_allowed()),
    })
}

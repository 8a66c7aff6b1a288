//! Bad input and bad servers: one clear sentence, a hint where it helps, the right exit code.

use std::path::PathBuf;

use nsfix::sandbox::{Deny, Options};
use serde_json::json;

use crate::harness::{Lab, Nsfix, Ran, canned};
use crate::tests;

tests! {
    Sandbox:
    no_configuration_at_all_is_a_usage_error,
    a_kubeconfig_that_is_not_there_is_named,
    a_broken_kubeconfig_is_a_usage_error,
    a_kubeconfig_that_is_cut_off_is_no_panic,
    an_unknown_context_is_named,
    a_refused_connection_is_told_in_kubectls_words,
    a_hanging_server_is_given_up_on,
    a_self_signed_certificate_is_not_trusted,
    a_self_signed_certificate_can_be_ignored,
    a_system_without_certificates_is_told_apart,
    an_html_page_is_no_kubernetes,
    another_http_service_is_no_kubernetes,
    a_404_of_a_proxy_does_not_say_that_a_namespace_is_gone,
    something_that_does_not_speak_http_is_no_kubernetes,
    a_truncated_answer_is_called_broken_off,
    an_answer_without_end_is_given_up_on,
    a_list_without_end_is_given_up_on,
    a_plugin_that_is_not_installed_is_named_with_its_hint,
    a_plugin_that_fails_is_told_in_one_sentence,
    a_plugin_that_hangs_is_given_up_on,
    a_dead_proxy_is_called_the_proxy,
    an_expired_token_says_to_log_in,
    a_namespace_that_is_no_name_is_a_usage_error,
    an_unknown_flag_is_a_usage_error;
    Both: a_user_without_permission_is_told_what_is_missing
}

/// `nsfix list-stuck` against a server by its URL.
async fn ask(url: &str, more: &[&str]) -> Ran {
    let arguments = [&["list-stuck", "--server", url], more].concat();
    Nsfix::new(&arguments).run().await
}

fn file(lab: &Lab, text: &str) -> PathBuf {
    let path = lab.dir().join("broken");
    std::fs::write(&path, text).unwrap();
    path
}

async fn no_configuration_at_all_is_a_usage_error(_: Lab) {
    let ran = Nsfix::new(&["list-stuck"]).run().await.expect(2);
    assert_eq!(
        ran.stderr,
        "error: no configuration has been provided, try setting KUBECONFIG or --server\n\
         hint: to practise without a cluster, add --sandbox\n"
    );
}

async fn a_kubeconfig_that_is_not_there_is_named(_: Lab) {
    let ran = Nsfix::new(&["list-stuck", "--kubeconfig", "/nonexistent/config"]).run().await.expect(2);
    assert!(
        ran.stderr.starts_with("error: unable to read the kubeconfig /nonexistent/config: No such file"),
        "{ran:?}"
    );
}

async fn a_broken_kubeconfig_is_a_usage_error(lab: Lab) {
    let path = file(&lab, "apiVersion: v1\nkind: Config\nclusters: {{{\n");
    let ran = Nsfix::new(&["list-stuck"]).env("KUBECONFIG", path).run().await.expect(2);
    assert!(ran.stderr.starts_with("error: unable to parse the kubeconfig"), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
}

/// As PowerShell writes it, and cut off in the middle of a character.
async fn a_kubeconfig_that_is_cut_off_is_no_panic(lab: Lab) {
    let path = lab.dir().join("torn");
    std::fs::write(&path, [0xff, 0xfe, b'a', 0, b':']).unwrap();
    let flag = format!("--kubeconfig={}", path.display());
    let by_flag = Nsfix::new(&["list-stuck", &flag]).run().await.expect(2);
    let by_name = Nsfix::new(&["list-stuck"]).env("KUBECONFIG", &path).run().await.expect(2);
    let home = lab.dir().join("home");
    std::fs::create_dir_all(home.join(".kube")).unwrap();
    std::fs::copy(&path, home.join(".kube/config")).unwrap();
    let at_home = Nsfix::new(&["list-stuck"]).env("HOME", &home).env("KUBECONFIG", "").run().await.expect(2);
    for ran in [by_flag, by_name, at_home] {
        assert!(ran.stderr.starts_with("error: unable to read the kubeconfig "), "{ran:?}");
        assert!(ran.stderr.contains("UTF-16 that is cut off"), "{ran:?}");
    }
}

async fn an_unknown_context_is_named(lab: Lab) {
    let ran = lab.nsfix(&["list-stuck", "--context", "elsewhere"]).run().await.expect(2);
    assert_eq!(ran.stderr, "error: context \"elsewhere\" does not exist\n");
}

async fn a_refused_connection_is_told_in_kubectls_words(_: Lab) {
    let url = canned::nobody().await;
    let ran = ask(&url, &[]).await.expect(1);
    let server = url.trim_start_matches("http://");
    let expected = format!(
        "The connection to the server {server} was refused - did you specify the right host or port?"
    );
    assert!(ran.stderr.contains(&expected), "{ran:?}");
}

async fn a_hanging_server_is_given_up_on(_: Lab) {
    let ran = ask(&canned::silent().await, &["--request-timeout", "1s"]).await.expect(1);
    assert!(ran.stderr.contains("no answer to GET /api/v1/namespaces within 1s"), "{ran:?}");
}

async fn a_self_signed_certificate_is_not_trusted(_: Lab) {
    let ran = ask(&canned::self_signed().await, &[]).await.expect(1);
    assert!(ran.stderr.contains("failed to verify certificate"), "{ran:?}");
    assert!(ran.stderr.contains("--certificate-authority"), "{ran:?}");
}

async fn a_self_signed_certificate_can_be_ignored(_: Lab) {
    let ran = ask(&canned::self_signed().await, &["--insecure-skip-tls-verify"]).await.expect(1);
    assert!(ran.stderr.contains("does not answer like a Kubernetes API server"), "{ran:?}");
}

async fn an_html_page_is_no_kubernetes(_: Lab) {
    let page =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>Please log in</html>";
    let ran = ask(&canned::canned(page).await, &[]).await.expect(1);
    assert!(
        ran.stderr.contains("does not answer like a Kubernetes API server: it sent an HTML page"),
        "{ran:?}"
    );
}

async fn another_http_service_is_no_kubernetes(_: Lab) {
    let other = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"hello\":\"you\"}";
    let ran = ask(&canned::canned(other).await, &[]).await.expect(1);
    assert!(ran.stderr.contains("it did not send a NamespaceList"), "{ran:?}");
}

/// Only the API server's own word that a namespace is missing counts: it may be there behind what answers in between.
async fn a_404_of_a_proxy_does_not_say_that_a_namespace_is_gone(_: Lab) {
    let texts = [
        "404 page not found",
        "{}",
        "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"no such cluster\"}",
    ];
    for text in texts {
        let length = text.len();
        let answer =
            format!("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}");
        let url = canned::canned(answer.leak()).await;
        for verb in [&["clear", "a", "--yes", "--ignore-not-found"][..], &["orphans", "a"], &["explain", "a"]]
        {
            let ran = Nsfix::new(&[verb, &["--server", &url]].concat()).run().await.expect(1);
            assert!(
                ran.stderr.contains("HTTP 404 that does not say that the namespace is missing"),
                "{ran:?}"
            );
            assert!(!ran.stdout.contains("namespace/a"), "{ran:?}");
        }
    }
}

async fn something_that_does_not_speak_http_is_no_kubernetes(_: Lab) {
    let ran = ask(&canned::canned("SSH-2.0-OpenSSH_9.2\r\n\r\n").await, &[]).await.expect(1);
    assert!(ran.stderr.contains("it does not speak HTTP"), "{ran:?}");
}

async fn a_truncated_answer_is_called_broken_off(_: Lab) {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"kind\":\"NamespaceList\",\"items\":[{\"meta";
    let ran = ask(&canned::canned(cut).await, &[]).await.expect(1);
    assert!(ran.stderr.contains("broke off"), "{ran:?}");
}

async fn an_answer_without_end_is_given_up_on(_: Lab) {
    let ran = ask(&canned::endless().await, &[]).await.expect(1);
    assert!(
        ran.stderr.contains("the answer to GET /api/v1/namespaces is larger than 64 MiB"),
        "{}",
        ran.stderr.chars().take(1000).collect::<String>()
    );
}

async fn a_list_without_end_is_given_up_on(_: Lab) {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
        {\"kind\":\"NamespaceList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"again\"},\"items\":[]}";
    let ran = ask(&canned::canned(page).await, &[]).await.expect(1);
    assert!(ran.stderr.contains("a list repeats its continue token and never ends"), "{ran:?}");
}

/// `nsfix list-stuck` with a user that logs in by a command.
async fn with_plugin(lab: &Lab, command: &str, arguments: &[&str], more: &[&str]) -> Ran {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": lab.url()}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": arguments,
            "interactiveMode": "Never", "installHint": "get it from example.com/login",
        }}}],
    });
    let path = file(lab, &kubeconfig.to_string());
    Nsfix::new(&[&["list-stuck"], more].concat()).env("KUBECONFIG", path).run().await
}

async fn a_plugin_that_is_not_installed_is_named_with_its_hint(lab: Lab) {
    let ran = with_plugin(&lab, "nsfix-no-such-login", &[], &[]).await.expect(2);
    assert_eq!(
        ran.stderr,
        "error: the credential plugin \"nsfix-no-such-login\" is not installed\n\
         hint: get it from example.com/login\n"
    );
}

async fn a_plugin_that_fails_is_told_in_one_sentence(lab: Lab) {
    let ran = with_plugin(&lab, "sh", &["-c", "echo log in first >&2; exit 3"], &[]).await.expect(2);
    assert!(
        ran.stderr
            .starts_with("error: the credential plugin \"sh\" failed with exit status: 3: log in first\n"),
        "{ran:?}"
    );
}

async fn a_plugin_that_hangs_is_given_up_on(lab: Lab) {
    let ran = with_plugin(&lab, "sleep", &["20"], &["--request-timeout", "1s"]).await.expect(2);
    assert!(
        ran.stderr.starts_with("error: the credential plugin \"sleep\" did not answer within 1s"),
        "{ran:?}"
    );
}

async fn a_dead_proxy_is_called_the_proxy(_: Lab) {
    let proxy = canned::nobody().await;
    let nsfix = Nsfix::new(&["list-stuck", "--server", "https://cluster.example:6443"])
        .env("HTTPS_PROXY", &proxy)
        .env("NO_PROXY", "");
    let ran = nsfix.run().await.expect(1);
    let proxy = proxy.trim_start_matches("http://");
    assert!(ran.stderr.contains(&format!("proxyconnect tcp: {proxy}: connection refused")), "{ran:?}");
}

async fn an_expired_token_says_to_log_in(_: Lab) {
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
        {\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"Unauthorized\",\
        \"reason\":\"Unauthorized\",\"code\":401}";
    let ran = ask(&canned::canned(unauthorized).await, &["--token", "old"]).await.expect(1);
    assert_eq!(
        ran.stderr,
        "error: You must be logged in to the server (Unauthorized)\n\
         hint: the token or certificate has expired or is wrong; log in again and retry\n"
    );
}

async fn a_namespace_that_is_no_name_is_a_usage_error(lab: Lab) {
    for name in ["../kube-system", "a/b", "pod/x", "Upper"] {
        let ran = lab.nsfix(&["clear", name, "--yes"]).run().await.expect(2);
        assert!(ran.stderr.contains("invalid value"), "{ran:?}");
    }
}

async fn an_unknown_flag_is_a_usage_error(_: Lab) {
    Nsfix::new(&["list-stuck", "--frobnicate"]).run().await.expect(2);
}

async fn a_user_without_permission_is_told_what_is_missing(mut lab: Lab) {
    if lab.sandbox.is_some() {
        let deny = vec![Deny::new("list", "", "namespaces")];
        lab = Lab::sandbox(Options { deny, ..Options::empty() }).await;
    }
    let ran = lab.nsfix(&["list-stuck"]).env("KUBECONFIG", lab.kubeconfig_of_alice()).run().await.expect(1);
    assert!(
        ran.stderr.starts_with("Error from server (Forbidden): namespaces is forbidden: User \""),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("cannot list resource \"namespaces\" in API group \"\" at the cluster scope")
    );
    assert!(ran.stderr.contains("hint: "), "{ran:?}");
}

/// As in an image that holds nothing but the binary.
async fn a_system_without_certificates_is_told_apart(_: Lab) {
    let nsfix = Nsfix::new(&["list-stuck", "--server", "https://127.0.0.1:1"]);
    let nsfix = nsfix.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
    let ran = nsfix.run().await.expect(2);
    assert!(ran.stderr.contains("there are no CA certificates on this system"), "{ran:?}");
    assert!(ran.stderr.contains("hint: name the cluster's CA with --certificate-authority"), "{ran:?}");
}

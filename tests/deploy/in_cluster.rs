//! Inside a pod: the service account's files, the two variables, and the flags.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::granted_up_to;
use crate::harness::{Account, Lab, Nsfix, canned};
use crate::tests;

tests! {
    Pod:
    a_pod_finds_its_cluster,
    an_ipv6_address_needs_no_more_than_a_name,
    what_is_wrong_with_a_pod_is_said,
    the_flags_about_the_server_mean_the_same_in_a_pod;
    Sandbox:
    a_token_that_is_replaced_during_a_run_is_used
}

/// A pod of an account that may report.
struct Pod {
    account: Account,
    files: PathBuf,
}

impl Pod {
    async fn new(lab: &Lab) -> Self {
        let account = Account::create(lab, "pod").await;
        account.allow(lab, &granted_up_to("report")).await;
        let files = lab.dir().join("serviceaccount");
        std::fs::create_dir(&files).unwrap();
        std::fs::copy(lab.ca(), files.join("ca.crt")).unwrap();
        std::fs::write(files.join("namespace"), &account.name).unwrap();
        let pod = Self { account, files };
        pod.write("token", &pod.account.token);
        pod
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.files.join(file), text).unwrap();
    }

    /// nsfix in the pod, with the server's address as the kubelet would give it.
    fn nsfix(&self, lab: &Lab, arguments: &[&str]) -> Nsfix {
        let (host, port) = lab.url().trim_start_matches("https://").split_once(':').unwrap();
        self.nsfix_at(host, port, arguments)
    }

    fn nsfix_at(&self, host: &str, port: &str, arguments: &[&str]) -> Nsfix {
        Nsfix::in_pod(&self.files, arguments)
            .env("KUBERNETES_SERVICE_HOST", host)
            .env("KUBERNETES_SERVICE_PORT", port)
    }
}

async fn a_pod_finds_its_cluster(lab: Lab) {
    let pod = Pod::new(&lab).await;
    pod.nsfix(&lab, &["list-stuck", "-o", "wide"]).run().await.expect(0);
    let before = pod.account.used(&lab).await;
    assert!(before.iter().any(|used| used.permission.verb == "list" && used.allowed), "{before:?}");
    // As many a file ends.
    pod.write("token", &format!("{}\n", pod.account.token));
    pod.nsfix(&lab, &["list-stuck"]).run().await.expect(0);
    assert!(pod.account.used(&lab).await.len() > before.len());
}

/// Connections to the address go to the server.
async fn forward(listener: TcpListener, server: String) {
    while let Ok((mut inbound, _)) = listener.accept().await {
        let server = server.clone();
        tokio::spawn(async move {
            if let Ok(mut outbound) = TcpStream::connect(server).await {
                let _ = copy_bidirectional(&mut inbound, &mut outbound).await;
            }
        });
    }
}

async fn an_ipv6_address_needs_no_more_than_a_name(lab: Lab) {
    let pod = Pod::new(&lab).await;
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    tokio::spawn(forward(listener, lab.url().trim_start_matches("https://").to_owned()));
    // The server's certificate is for 127.0.0.1 and for its names in the cluster.
    let name = "--tls-server-name=kubernetes.default.svc";
    pod.nsfix_at("::1", &port, &["list-stuck", name]).run().await.expect(0);
    let ran = pod.nsfix_at("::1", &port, &["list-stuck"]).run().await.expect(1);
    assert!(ran.stderr.contains("failed to verify certificate"), "{ran:?}");
    assert!(ran.stderr.contains("--tls-server-name"), "{ran:?}");
}

async fn what_is_wrong_with_a_pod_is_said(lab: Lab) {
    let pod = Pod::new(&lab).await;
    let place = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    std::fs::remove_file(pod.files.join("token")).unwrap();
    let ran = pod.nsfix(&lab, &["list-stuck"]).run().await.expect(2);
    let missing = format!("error: unable to read the token in {place}: No such file");
    assert!(ran.stderr.starts_with(&missing), "{ran:?}");
    assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("automountServiceAccountToken"), "{ran:?}");
    // Another token will do.
    let token = format!("--token={}", pod.account.token);
    pod.nsfix(&lab, &["list-stuck", &token]).run().await.expect(0);

    pod.write("token", "\n");
    let ran = pod.nsfix(&lab, &["list-stuck"]).run().await.expect(2);
    assert!(
        ran.stderr.starts_with(&format!("error: unable to read the token in {place}: it is empty")),
        "{ran:?}"
    );

    pod.write("token", "not.a.token");
    let ran = pod.nsfix(&lab, &["list-stuck"]).run().await.expect(1);
    assert!(ran.stderr.contains("You must be logged in to the server (Unauthorized)"), "{ran:?}");

    // Half an address is none.
    let ran = Nsfix::in_pod(&pod.files, &["list-stuck"]).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let ran = ran.run().await.expect(2);
    assert!(ran.stderr.contains("no configuration has been provided"), "{ran:?}");
}

/// An authority that has signed nothing here.
fn another_authority(dir: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let path = dir.join("other.crt");
    std::fs::write(&path, made.cert.pem()).unwrap();
    path
}

async fn the_flags_about_the_server_mean_the_same_in_a_pod(lab: Lab) {
    let pod = Pod::new(&lab).await;
    std::fs::copy(another_authority(lab.dir()), pod.files.join("ca.crt")).unwrap();
    let ran = pod.nsfix(&lab, &["list-stuck"]).run().await.expect(1);
    assert!(ran.stderr.contains("failed to verify certificate"), "{ran:?}");
    assert!(ran.stderr.contains("--certificate-authority"), "{ran:?}");
    let authority = format!("--certificate-authority={}", lab.ca().display());
    pod.nsfix(&lab, &["list-stuck", &authority]).run().await.expect(0);
    pod.nsfix(&lab, &["list-stuck", "--insecure-skip-tls-verify"]).run().await.expect(0);
    let silent = canned::silent().await;
    let port = silent.rsplit(':').next().unwrap();
    let ran = pod.nsfix_at("127.0.0.1", port, &["list-stuck", "--request-timeout=1s"]).run().await.expect(1);
    assert!(ran.stderr.contains("no answer to GET /api/v1/namespaces within 1s"), "{ran:?}");
    let ran = pod.nsfix(&lab, &["list-stuck", "--context=elsewhere"]).run().await.expect(2);
    assert!(ran.stderr.contains("context \"elsewhere\" does not exist"), "{ran:?}");
}

/// A server that replaces the token between the pages of a list, as the kubelet may.
async fn a_token_that_is_replaced_during_a_run_is_used(lab: Lab) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let token = lab.dir().join("token");
    std::fs::write(&token, "first").unwrap();
    let rotated = token.clone();
    let served = tokio::spawn(async move {
        let first = answer(&listener, "more").await;
        std::fs::write(&rotated, "second\n").unwrap();
        first.1.await;
        let second = answer(&listener, "").await;
        second.1.await;
        (first.0, second.0)
    });
    let kubeconfig = lab.dir().join("of-a-file");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: {{server: \"{url}\"}}}}]\n\
         users: [{{name: a, user: {{tokenFile: \"{}\"}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n",
        token.display()
    );
    std::fs::write(&kubeconfig, text).unwrap();
    lab.nsfix(&["list-stuck"]).env("KUBECONFIG", &kubeconfig).run().await.expect(0);
    let (first, second) = served.await.unwrap();
    assert!(first.to_lowercase().contains("authorization: bearer first\r\n"), "{first}");
    assert!(second.to_lowercase().contains("authorization: bearer second\r\n"), "{second}");
}

/// The head of the next request, and what sends an empty page of a list as its answer.
async fn answer(listener: &TcpListener, more: &'static str) -> (String, impl Future<Output = ()>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let send = async move {
        let page =
            format!("{{\"kind\":\"NamespaceList\",\"metadata\":{{\"continue\":\"{more}\"}},\"items\":[]}}");
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", page.len());
        stream.write_all(format!("{head}{page}").as_bytes()).await.unwrap();
    };
    (String::from_utf8(request).unwrap(), send)
}

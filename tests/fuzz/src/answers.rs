//! Whatever a server answers: discovery, lists, single objects, Status. It is read over HTTP as in life; the answer
//! is an error or a value, never a panic, and ends.

#![no_main]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nsfix::cluster::{Cluster, ConnectionOptions, NamespaceQuery};
use nsfix::model::ResourceType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Those that are not asked again after a pause.
const CODES: [u16; 6] = [200, 200, 403, 404, 409, 422];
/// A server may be asked for so many pages; more are the reader's fault.
const LONGEST: Duration = Duration::from_secs(20);

/// One server and one client for all runs: making a client takes longer than an answer.
struct World {
    runtime: Runtime,
    cluster: Cluster,
    answer: Answer,
}

/// Status and body of whatever is asked for.
type Answer = Arc<Mutex<(u16, Vec<u8>)>>;

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = Answer::default();
        let cluster = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(serve(listener, Arc::clone(&answer)));
            ConnectionOptions::default().connect_to_url(&url, Arc::new(|_| {})).unwrap()
        });
        Self { runtime, cluster, answer }
    }
}

fuzz_target!(|data: &[u8]| {
    let [how, code, body @ ..] = data else { return };
    WORLD.with(|World { runtime, cluster, answer }| {
        *answer.lock().unwrap() = (CODES[usize::from(*code) % CODES.len()], body.to_vec());
        let asked = async { tokio::time::timeout(LONGEST, ask(cluster, *how)).await };
        runtime.block_on(asked).expect("it does not end");
    });
});

async fn ask(cluster: &Cluster, how: u8) {
    match how % 4 {
        0 => {
            if let Ok(discovered) = cluster.discover().await {
                let _ = discovered.holding_types();
            }
        }
        1 => {
            let _ = cluster.namespaces(&NamespaceQuery::default()).await;
        }
        2 => {
            if let Err(error) = cluster.namespace("rodrigo").await {
                let _ = (error.to_string(), error.detail(), error.hint(), error.is_fatal());
            }
        }
        _ => {
            let _ = cluster.list_leftovers_of(vec![config_maps()], &["rodrigo"], 3).await;
        }
    }
}

fn config_maps() -> ResourceType {
    ResourceType {
        group: String::new(),
        version: "v1".to_owned(),
        resource: "configmaps".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespaced: true,
        verbs: ["list", "delete"].map(str::to_owned).to_vec(),
        aliases: Vec::new(),
    }
}

async fn serve(listener: TcpListener, answer: Answer) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_one(stream, Arc::clone(&answer)));
    }
}

async fn serve_one(mut stream: TcpStream, answer: Answer) {
    let (mut read, mut seen) = ([0; 4096], Vec::new());
    while let Ok(count) = stream.read(&mut read).await {
        if count == 0 {
            return;
        }
        seen.extend_from_slice(&read[..count]);
        while let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            seen.drain(..end + 4);
            let (code, body) = answer.lock().unwrap().clone();
            let length = body.len();
            let mut sent = format!(
                "HTTP/1.1 {code} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            )
            .into_bytes();
            sent.extend(body);
            if stream.write_all(&sent).await.is_err() {
                return;
            }
        }
    }
}

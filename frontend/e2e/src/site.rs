//! A tiny server of a page that changes, with Duet's service worker.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const WORKER: &str = include_str!("../../service-worker.js");

/// A build of which the index has come before the script, as while relays are updated one after the other.
pub const HALF: &str = "half a build";

/// Serves until it is stopped.
pub struct Site {
    port: u16,
    build: Arc<Mutex<&'static str>>,
    server: JoinHandle<()>,
}

impl Site {
    /// Serves a page whose script writes `build` into it. The script has a hash of it in its name, without the zeros at the
    /// beginning of the hash, as Trunk writes it. Of a build that is called [`HALF`] there is no script yet.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start(build: &'static str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let build = Arc::new(Mutex::new(build));
        let served = Arc::clone(&build);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&served)));
            }
        });
        Ok(Site { port, build, server })
    }

    /// From now on another build is served.
    pub fn deploy(&self, build: &'static str) {
        *self.build.lock().expect("nobody panics with it") = build;
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// From now on nobody can connect.
    pub async fn stop(self) {
        self.server.abort();
        // That it was stopped is no error.
        let _stopped = self.server.await;
    }
}

async fn answer(mut stream: TcpStream, served: Arc<Mutex<&'static str>>) -> Option<()> {
    let mut request = vec![0; 8192];
    let length = stream.read(&mut request).await.ok()?;
    // A browser may connect long before it asks.
    let build = *served.lock().expect("nobody panics with it");
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = request.split_whitespace().nth(1)?;
    let mut hasher = DefaultHasher::new();
    build.hash(&mut hasher);
    let script = format!("/page-{:x}.js", hasher.finish() >> 4);
    let (status, kind, body) = match path {
        "/" => {
            let register = "navigator.serviceWorker.register('/service-worker.js')";
            let page = format!("<!doctype html><!-- {build} --><p id=\"build\"></p><script src=\"{script}\"></script>");
            (200, "text/html", format!("{page}<script>{register}</script>"))
        }
        "/service-worker.js" => (200, "text/javascript", WORKER.to_owned()),
        path if path == script && build != HALF => {
            (200, "text/javascript", format!("document.getElementById('build').innerText = '{build}';"))
        }
        _ => (404, "text/plain", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()
}

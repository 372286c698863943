//! One connection to a relay's API.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    port: u16,
}

/// What a relay answers.
pub struct Answer {
    pub status: u16,
    /// How far the log was applied when a read was answered.
    pub applied: Option<u64>,
    pub body: Value,
}

/// The number that a record got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    Final,
    Provisional,
    /// The relay gave none, and said so.
    None,
}

impl Client {
    pub async fn connect(port: u16) -> Self {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("a relay listens");
        tcp.set_nodelay(true).expect("a TCP connection");
        let (sender, connection) = handshake(TokioIo::new(tcp)).await.expect("a relay speaks HTTP");
        tokio::spawn(connection);
        Client { sender, port }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, Value::Null).await
    }

    /// Changes something, which must succeed.
    pub async fn change(&mut self, method: Method, path: &str, body: Value) {
        let Answer { status, body, .. } = self.send(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {body}");
    }

    /// Adds a person who gets the next number.
    pub async fn register(&mut self, room: &str, name: &str) -> Given {
        let body = json!({"fields": {"name": name}, "number": "next"});
        let Answer { status, body, .. } = self.send(Method::POST, &format!("{room}/records"), body).await;
        match (status, body["number"]["state"].as_str()) {
            (201, Some("final")) => Given::Final,
            (201, Some("provisional")) => Given::Provisional,
            (503, _) => Given::None,
            _ => panic!("a person was to be added: {status} {body}"),
        }
    }

    async fn send(&mut self, method: Method, path: &str, body: Value) -> Answer {
        let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        // A path that begins with a slash is one of the relay.
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/rooms/{path}") };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("127.0.0.1:{}", self.port))
            .header("content-type", "application/json")
            .body(Full::new(bytes))
            .expect("a sound request");
        self.sender.ready().await.expect("the relay keeps the connection");
        let answer = self.sender.send_request(request).await.expect("the relay answers");
        let status = answer.status().as_u16();
        let applied = answer.headers().get("duet-applied").and_then(|slot| slot.to_str().ok()?.parse().ok());
        let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        Answer { status, applied, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }
}

//! A relay whose clock the others contradict says so, and goes by theirs.

use std::time::{Duration, SystemTime};

use shared::merge::document::Edit;
use shared::protocol::{Frame, Relays};
use shared::replica::io::Message;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::tungstenite::http::header;

use crate::cluster::{Cluster, PATIENCE, SECRET, poll};
use crate::hostile::{hello_of_link, http_request};
use crate::tab::{Client, Tab};

const TWO_HOURS_MS: u64 = 2 * 60 * 60 * 1000;
/// Clocks may differ by as much.
const A_MINUTE_MS: u64 = 60 * 1000;

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64
}

/// Another relay, linked to relay 1. It goes when this is dropped.
struct Other {
    task: JoinHandle<()>,
    /// What it is told of edits.
    edits: mpsc::UnboundedReceiver<Edit>,
}

impl Other {
    /// One whose clock is so far ahead.
    async fn link(cluster: &Cluster, id: u16, ahead_ms: u64) -> Self {
        let url = format!("ws://{}/link", cluster.address(1));
        let request = http_request(&url, header::AUTHORIZATION, &format!("Bearer {SECRET}"));
        let mut client = Client::connect(request).await.expect("a link");
        client.send(&hello_of_link(id)).await;
        client.send(&Frame::Relays(Relays::default())).await;
        // Until then nobody would tell it of edits.
        while !matches!(client.next().await.expect("the link is up"), Frame::InRoom(..)) {}
        let (told, edits) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut pings = interval(Duration::from_millis(100));
            loop {
                tokio::select! {
                    frame = client.next() => match frame {
                        Some(Frame::InRoom(_, Message::Edit(edit))) => drop(told.send(edit)),
                        Some(_) => {}
                        None => return,
                    },
                    _ = pings.tick() => {
                        let time = (now_ms() + ahead_ms).to_be_bytes();
                        client.send_packet(Packet::Ping(time.to_vec().into())).await;
                    }
                }
            }
        });
        Other { task, edits }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How far the clock behind the next edit at relay 1 is ahead of this machine's, in milliseconds.
async fn ahead_of_next_edit(cluster: &Cluster, other: &mut Other, name: &str) -> u64 {
    let body = format!(r#"{{"fields": {{"name": "{name}"}}}}"#);
    let answer = tokio::task::block_in_place(|| {
        cluster.post(1, "/api/v1/rooms/people/records", "Content-Type: application/json\r\n", &body)
    });
    let (head, said) = answer.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 201"), "{head}{said}");
    let edit = timeout(PATIENCE, other.edits.recv()).await.expect("an edit in time").expect("the link is up");
    edit.stamp.wall_ms.saturating_sub(now_ms())
}

fn until_clock(cluster: &Cluster, what: &str, is_meant: impl Fn(Option<&str>, &str) -> bool) {
    poll(what, || {
        let health = cluster.health(1)?;
        is_meant(health["clock"].as_str(), health["status"].as_str()?).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn relay_whose_clock_a_majority_contradicts_tells_its_operator_and_goes_by_the_others() {
    let cluster = Cluster::start(1);
    let mut second = Other::link(&cluster, 2, TWO_HOURS_MS).await;
    tokio::task::block_in_place(|| {
        poll("the second relay is linked", || cluster.health(1).filter(|health| health["peers_up"][0] == 2));
    });
    assert!(ahead_of_next_edit(&cluster, &mut second, "Anna").await < A_MINUTE_MS, "one relay is no majority");
    let third = Other::link(&cluster, 3, TWO_HOURS_MS).await;
    tokio::task::block_in_place(|| {
        until_clock(&cluster, "the operator is told", |clock, status| {
            let is_told = |clock: &str| clock.contains("s behind the clocks of 2 of 3 relays: set it right");
            clock.is_some_and(is_told) && status == "degraded"
        });
    });
    assert!(cluster.said(1).contains("the clock of this machine is 7"), "{}", cluster.said(1));
    let ahead = ahead_of_next_edit(&cluster, &mut second, "Bert").await;
    assert!(ahead.abs_diff(TWO_HOURS_MS) < A_MINUTE_MS, "its stamps are theirs: {ahead} ms ahead");
    let tab = Tab::open(&[cluster.url(1)]).await;
    tab.add("Cem").await;
    tab.until("it is taken", |view| view.unsaved_edits() == 0).await;
    drop(third);
    tokio::task::block_in_place(|| {
        until_clock(&cluster, "nobody contradicts it any more", |clock, status| clock.is_none() && status == "ok");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_has_stamped_far_ahead_gets_a_right_stamp_when_the_others_agree_about_the_time() {
    let cluster = Cluster::start(1);
    let mut second = Other::link(&cluster, 2, TWO_HOURS_MS).await;
    let third = Other::link(&cluster, 3, TWO_HOURS_MS).await;
    tokio::task::block_in_place(|| {
        until_clock(&cluster, "it goes by the others", |clock, _| clock.is_some());
    });
    assert!(ahead_of_next_edit(&cluster, &mut second, "Anna").await > TWO_HOURS_MS - A_MINUTE_MS);
    drop((second, third));
    tokio::task::block_in_place(|| {
        let is_alone = |health: &serde_json::Value| health["peers_up"].as_array().is_some_and(Vec::is_empty);
        poll("it is alone", || cluster.health(1).filter(is_alone));
    });
    // One that agrees is enough of a majority of two.
    let mut other = Other::link(&cluster, 2, 0).await;
    let edit = timeout(PATIENCE, other.edits.recv()).await.expect("an edit in time").expect("the link is up");
    assert!(edit.stamp.wall_ms.abs_diff(now_ms()) < A_MINUTE_MS, "{:?}", edit.stamp);
}

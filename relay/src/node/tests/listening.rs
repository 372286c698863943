//! Those who listen to changes over HTTP and never read.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::places::{Limits, Places};
use crate::routes::router;
use crate::server::{self, Connections, Ending};

/// How many may listen from one address: a quarter of 256.
const PLACES: usize = 64;
/// After so long a stream ends, and whoever listens comes again.
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// For so long a connection may take nothing of what waits for it.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// A relay, without the network.
struct Served {
    router: axum::Router,
    places: Places,
    ending: Ending,
}

impl Served {
    /// Begins to listen, over a connection on which so many bytes may be under way. Gives the first bytes of the answer, the
    /// only ones that are read.
    async fn listen(&self, bytes_under_way: usize) -> (String, DuplexStream) {
        let (mut client, stream) = duplex(bytes_under_way);
        let remote: SocketAddr = "192.0.2.1:4711".parse().expect("an address");
        let place = self.places.take(remote.ip()).expect("a place");
        tokio::spawn(server::converse(stream, remote, place, self.router.clone(), self.ending.clone()));
        let head = b"GET /api/v1/rooms/people/events HTTP/1.1\r\nHost: localhost:5000\r\n\r\n";
        client.write_all(head).await.expect("the relay reads");
        let mut status = [0; 12];
        client.read_exact(&mut status).await.expect("the relay answers");
        (String::from_utf8(status.to_vec()).expect("text"), client)
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_and_never_reads_gives_its_place_back() {
    let disk = Disk::default();
    let scene = Scene::start(&disk, machine::recover);
    let (_connections, ending) = Connections::new();
    let served = Served { router: router(scene.app()), places: Places::new(Limits::shared(1024)), ending };
    // With room for all that there is to say the stream ends by its age; without, the connection stalls.
    for (bytes_under_way, held_for) in [(1 << 20, TEN_MINUTES), (64, HALF_A_MINUTE)] {
        let mut deaf = Vec::new();
        for _ in 0..PLACES {
            let (status, client) = served.listen(bytes_under_way).await;
            assert_eq!(status, "HTTP/1.1 200");
            deaf.push(client);
        }
        assert_eq!(served.listen(1 << 20).await.0, "HTTP/1.1 503", "all places are taken");
        tokio::time::sleep(held_for + Duration::from_secs(1)).await;
        for _ in 0..PLACES {
            let (status, client) = served.listen(1 << 20).await;
            assert_eq!(status, "HTTP/1.1 200", "after {held_for:?}");
            drop(client);
        }
        tokio::time::sleep(TEN_MINUTES + Duration::from_secs(1)).await;
    }
    scene.stop().await;
}

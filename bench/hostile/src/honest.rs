//! Tabs that do nothing wrong: each adds one person after the other, with a number, and waits for it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use client::native::{Client, Settings};
use shared::base::room::Room;
use shared::ledger::Operation;
use shared::replica::io::{Command, Reply};
use shared::schema::{FieldEdit, NAME};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How many tabs there are.
const TABS: u64 = 3;
/// Where they come from: not where the attackers do.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long a tab pauses between two people.
const PAUSE: Duration = Duration::from_millis(20);
/// After how long a tab takes an operation for one that will not be done.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Honest {
    is_over: Arc<AtomicBool>,
    tabs: Vec<JoinHandle<Worked>>,
}

/// What became of the work of honest tabs.
#[derive(Default)]
pub struct Worked {
    /// How long each operation took, in ascending order once the work is over.
    pub waits: Vec<Duration>,
    /// How many tabs were cut, or not answered any more.
    pub cut: usize,
}

/// An honest tab was cut, or is not answered any more.
struct Cut;

impl Honest {
    pub async fn start(port: u16) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut tabs = Vec::new();
        for _ in 0..TABS {
            let (tab, is_over) = (Tab::open(port).await, Arc::clone(&is_over));
            tabs.push(tokio::spawn(tab.work(is_over)));
        }
        Honest { is_over, tabs }
    }

    pub async fn stop(self) -> Worked {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Worked::default();
        for tab in self.tabs {
            let worked = tab.await.expect("an honest tab does not fail");
            all.waits.extend(worked.waits);
            all.cut += worked.cut;
        }
        all.waits.sort();
        all
    }
}

struct Tab {
    client: Client,
}

impl Tab {
    async fn open(port: u16) -> Self {
        let room = Room::try_from("people".to_owned()).expect("a name of a room");
        let relay = format!("{}:{port}", Ipv4Addr::LOCALHOST);
        let settings = Settings::new(room).relays([relay]).no_other_relays().from_address(ADDRESS.into());
        let client = Client::open(settings).await.expect("a client in memory");
        client.until(|session| session.view().is_connected()).await.expect("the relay takes honest tabs");
        Tab { client }
    }

    async fn work(self, is_over: Arc<AtomicBool>) -> Worked {
        let mut worked = Worked::default();
        while !is_over.load(Ordering::Relaxed) {
            match self.add().await {
                Ok(wait) => worked.waits.push(wait),
                Err(Cut) => {
                    worked.cut = 1;
                    break;
                }
            }
            sleep(PAUSE).await;
        }
        worked
    }

    /// Adds a person, and waits for the number. Gives how long it took.
    async fn add(&self) -> Result<Duration, Cut> {
        let since = Instant::now();
        let fields = vec![(NAME.to_owned(), FieldEdit::Assign("Anna".to_owned()))];
        let record = self.client.add(fields).await.expect("a person is added at once");
        let asked = self.client.command(Command::Ask(Operation::Allocate { record }));
        let answer = timeout(PATIENCE, asked).await;
        let ends = self.client.link_ends();
        if answer.is_err() || !ends.is_empty() {
            eprintln!("an honest tab was cut, or is not answered: {ends:?}");
            return Err(Cut);
        }
        assert!(matches!(answer, Ok(Ok(Reply::Decided(_, Ok(_))))), "an honest tab gets a number");
        Ok(since.elapsed())
    }
}

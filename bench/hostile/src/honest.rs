//! Tabs that do nothing wrong: each adds one person after the other, with a number, and waits for it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use shared::ledger::Operation;
use shared::protocol::{Frame, Hello};
use shared::replica::io::{
    Command, CommandId, CommandRejection, Input, Now, Output, PeerId, PeerKind, Recovered, Reply,
};
use shared::replica::{Config, Replica, Role};
use shared::schema::{FieldEdit, Schema};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::socket::{Socket, secret};

/// How many tabs there are.
const TABS: u64 = 3;
/// Where they come from: not where the attackers do.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The ids of their secrets, which nobody else uses.
const FIRST_SECRET: u64 = 1 << 32;
/// How long a tab pauses between two people.
const PAUSE: Duration = Duration::from_millis(20);
/// After how long a tab takes an operation for one that will not be done.
const PATIENCE: Duration = Duration::from_secs(30);
const LINK: PeerId = PeerId(0);

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
        for number in 0..TABS {
            let (tab, is_over) = (Tab::open(port, FIRST_SECRET + number).await, Arc::clone(&is_over));
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
    replica: Replica,
    socket: Socket,
    asked: u64,
    /// The answer to the latest command.
    answer: Option<Result<Reply, CommandRejection>>,
}

impl Tab {
    async fn open(port: u16, number: u64) -> Self {
        let secret = secret(number);
        let config = Config { replica: secret.replica(), schema: Schema::people(), role: Role::Tab };
        let mut socket = Socket::open(ADDRESS, port, secret).await.expect("the relay takes honest tabs");
        let Some(Frame::Hello(Hello::Relay { voter, replica, .. })) = socket.receiving.next().await else {
            panic!("a relay greets first")
        };
        let replica_of_tab = Replica::recover(config, Recovered::default(), now());
        let mut tab = Tab { replica: replica_of_tab, socket, asked: 0, answer: None };
        let Ok(()) = tab.handle(Input::PeerUp(LINK, PeerKind::Relay(voter, replica))).await else {
            panic!("a relay that is not attacked yet keeps its tabs")
        };
        tab
    }

    async fn work(mut self, is_over: Arc<AtomicBool>) -> Worked {
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
    async fn add(&mut self) -> Result<Duration, Cut> {
        let since = Instant::now();
        let fields = vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
        self.ask(Command::Add { fields }).await?;
        let Some(Ok(Reply::Added(record))) = self.answer.take() else { panic!("a person is added at once") };
        self.ask(Command::Ask(Operation::Allocate { record })).await?;
        while self.answer.is_none() {
            if since.elapsed() > PATIENCE {
                return Err(Cut);
            }
            self.step().await?;
        }
        assert!(matches!(self.answer.take(), Some(Ok(Reply::Decided(_, Ok(_))))), "an honest tab gets a number");
        Ok(since.elapsed())
    }

    async fn ask(&mut self, command: Command) -> Result<(), Cut> {
        self.asked += 1;
        self.handle(Input::Command(CommandId(self.asked), command)).await
    }

    /// Waits for a message or for a timer.
    async fn step(&mut self) -> Result<(), Cut> {
        let wait = self.replica.deadline().map(|at| at.saturating_sub(now().monotonic));
        let wake_at = Instant::now() + wait.unwrap_or(PATIENCE);
        let input = match timeout_at(wake_at, self.socket.receiving.next()).await {
            Ok(Some(Frame::Message(message))) => Input::Receive(LINK, message),
            Ok(other) => {
                eprintln!("an honest tab was cut: {other:?}");
                return Err(Cut);
            }
            Err(_elapsed) => Input::Wake,
        };
        self.handle(input).await
    }

    /// The disk of this tab is its memory, so what it writes is durable at once.
    async fn handle(&mut self, input: Input) -> Result<(), Cut> {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let Output { write, sends, replies, .. } = self.replica.handle(now(), input);
            next = write.map(|batch| Input::Persisted(batch.id));
            for envelope in sends {
                if self.socket.sending.send(&Frame::Message(envelope.message)).await.is_none() {
                    eprintln!("an honest tab was cut: {:?}", self.socket.receiving.bye().await);
                    return Err(Cut);
                }
            }
            self.answer = replies.into_iter().map(|(_, reply)| reply).next_back().or(self.answer.take());
        }
        Ok(())
    }
}

fn now() -> Now {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    Now { monotonic: START.elapsed(), wall_ms: wall.as_millis() as u64 }
}

//! What the operator decides: flags and environment.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand};
use shared::base::id::RelayId;
use shared::ledger::Dynamic;
use thiserror::Error;

use crate::ask::Question;
use crate::keep::Keep;
use crate::settings::{BadSettings, Settings};

/// The command line: either it asks a relay that runs already, or it says how to run one.
#[derive(Debug, Parser)]
#[command(name = "relay", version, about = "A relay of Duet: stores, votes, and serves the page to tabs.")]
#[command(args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    pub task: Option<Task>,
    #[command(flatten)]
    pub relay: Args,
}

/// Something else to do than to run a relay.
#[derive(Debug, Subcommand)]
pub enum Task {
    #[command(flatten)]
    Ask(Question),
    #[command(flatten)]
    Keep(Keep),
}

/// How to run a relay, as it is given.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number under which this relay votes, 1 to 65535; each relay has its own and keeps it.
    #[arg(long, env = "RELAY_ID", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    id: u16,

    /// The address to listen on.
    #[arg(long, env = "RELAY_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// The port to listen on, for the page, the tabs and the other relays.
    #[arg(long, env = "RELAY_PORT", default_value_t = 5000)]
    port: u16,

    /// Where tabs and relays reach this relay. [default: 127.0.0.1:<port>]
    #[arg(long, env = "RELAY_ADDRESS", value_name = "HOST:PORT", value_parser = host_and_port)]
    address: Option<String>,

    /// The directory of this relay's database; created if it is missing. [default: data/<id>; without peers data/alone]
    #[arg(long, env = "RELAY_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// A TOML file that says which fields records have, the same for all relays. [default: the built-in one for people]
    #[arg(long, env = "RELAY_SCHEMA", value_name = "FILE")]
    schema: Option<PathBuf>,

    /// Where other relays are, as in `2=ws://127.0.0.1:5001,3=ws://127.0.0.1:5002`. Who votes is not decided by it, but
    /// for the very first start.
    #[arg(long, env = "RELAY_PEERS", value_name = "ID=URL", value_delimiter = ',')]
    peers: Vec<Peer>,

    /// The secret that all relays share; a relay without one has no links. Give it in the environment: every user of the
    /// machine can see flags.
    #[arg(long, env = "RELAY_LINK_SECRET", hide_env_values = true)]
    link_secret: Option<Secret>,

    /// How many rooms this relay keeps at the most.
    #[arg(long, env = "RELAY_MAX_ROOMS", value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    max_rooms: u32,

    /// For how many seconds nobody is connected under an id before its past edits take no more room in what relays and
    /// tabs tell one another.
    #[arg(long, env = "RELAY_RETIRE_AFTER", value_name = "SECONDS", default_value_t = 3600, value_parser = count())]
    retire_after: u32,

    /// Further origins from which pages may connect, as in `https://duet.example`.
    #[arg(long, env = "RELAY_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,

    /// Further host names under which browsers and programs reach this relay, as in `duet.example`.
    #[arg(long, env = "RELAY_ALLOW_HOST", value_name = "HOST", value_delimiter = ',', value_parser = host_name)]
    allow_host: Vec<String>,

    /// How many connections may be open at a time. Never more than three quarters of the file descriptors that the
    /// system lets a process have.
    #[arg(long, env = "RELAY_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 10_000, value_parser = count())]
    max_connections: u32,

    /// How many connections one address may have open. [default: 512; from this machine three quarters of all]
    #[arg(long, env = "RELAY_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", value_parser = count())]
    max_connections_per_address: Option<u32>,

    /// A TOML file with settings of the dynamic method, as in `high_request = 100`. Flags and the environment count more.
    #[arg(long = "settings", env = "RELAY_SETTINGS", value_name = "FILE", help_heading = SETTINGS)]
    settings_file: Option<PathBuf>,

    #[command(flatten, next_help_heading = SETTINGS)]
    settings: Settings,
}

/// The heading of the settings, in the help.
const SETTINGS: &str = "Settings of the dynamic method, for rooms in which nobody has set them";

/// What a relay runs with: the command line, checked and completed.
#[derive(Debug)]
pub struct Config {
    pub voter: RelayId,
    pub listen: SocketAddr,
    /// Where tabs and relays reach this relay: host and port.
    pub address: String,
    pub data_dir: PathBuf,
    /// Where the schema is declared, if not in the program.
    pub schema_file: Option<PathBuf>,
    /// The other relays, with the host and port of each.
    pub peers: BTreeMap<RelayId, String>,
    pub link_secret: Option<Secret>,
    /// How many rooms there may be.
    pub max_rooms: usize,
    /// How long an id is away before it is retired.
    pub retire_after: Duration,
    pub allow_origin: Vec<String>,
    /// Names of hosts under which the relay answers, besides those that it knows.
    pub allow_host: Vec<String>,
    pub max_connections: u32,
    pub max_connections_per_address: Option<u32>,
    /// The settings of rooms in which nobody has set them.
    pub dynamic: Dynamic,
}

/// A command line that cannot be meant.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error("--peers names {0} itself: name only the other relays, or give this one another --id")]
    OwnIdAmongPeers(RelayId),
    #[error("--peers names {0} twice: give each relay one address")]
    PeerTwice(RelayId),
    #[error(
        "--peers needs a link secret, or anybody could pose as a relay: run `export RELAY_LINK_SECRET=$(openssl rand -hex 32)` once, and start every relay with this same RELAY_LINK_SECRET"
    )]
    NoSecret,
    #[error(transparent)]
    Settings(#[from] BadSettings),
}

impl TryFrom<Args> for Config {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        let voter = RelayId(args.id);
        let mut peers = BTreeMap::new();
        for peer in args.peers {
            if peer.voter == voter {
                return Err(ConfigError::OwnIdAmongPeers(voter));
            }
            if peers.insert(peer.voter, peer.address).is_some() {
                return Err(ConfigError::PeerTwice(peer.voter));
            }
        }
        let link_secret = args.link_secret.filter(|secret| !secret.0.is_empty());
        if !peers.is_empty() && link_secret.is_none() {
            return Err(ConfigError::NoSecret);
        }
        let dynamic = args.settings.complete(args.settings_file.as_deref())?;
        Ok(Config {
            voter,
            listen: SocketAddr::new(args.host, args.port),
            address: args.address.unwrap_or_else(|| format!("127.0.0.1:{}", args.port)),
            // A relay alone must not come upon the database of one among several.
            data_dir: args.data_dir.unwrap_or_else(|| {
                PathBuf::from(if peers.is_empty() { "data/alone".to_owned() } else { format!("data/{}", args.id) })
            }),
            schema_file: args.schema,
            peers,
            link_secret,
            max_rooms: args.max_rooms as usize,
            retire_after: Duration::from_secs(args.retire_after.into()),
            allow_origin: args.allow_origin,
            allow_host: args.allow_host,
            max_connections: args.max_connections,
            max_connections_per_address: args.max_connections_per_address,
            dynamic,
        })
    }
}

/// One entry of `--peers`.
#[derive(Clone, Debug)]
struct Peer {
    voter: RelayId,
    address: String,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "each peer is written ID=ws://HOST:PORT, as in 2=ws://127.0.0.1:5001";
        let (id, url) = text.trim().split_once('=').ok_or(form)?;
        let id: u16 = id.trim().parse().map_err(|_| format!("`{id}` is not an id from 1 to 65535; {form}"))?;
        if id == 0 {
            return Err(format!("ids start at 1; {form}"));
        }
        let address = url.trim().strip_prefix("ws://").ok_or_else(|| format!("`{url}` is no ws:// address; {form}"))?;
        let address = host_and_port(address.trim_end_matches('/')).map_err(|error| format!("{error}; {form}"))?;
        Ok(Peer { voter: RelayId(id), address })
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, port)| {
        let plain = !host.is_empty() && !host.contains(['/', '@', ' ']);
        plain && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if parts.is_some() { Ok(text.to_owned()) } else { Err(format!("`{text}` is not HOST:PORT")) }
}

fn host_name(text: &str) -> Result<String, String> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_plain {
        Ok(text.to_owned())
    } else {
        Err("a host is named without scheme and port, as in duet.example".to_owned())
    }
}

fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// What relays prove to one another that they belong together. Never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The value of the header `Authorization` that carries it.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether a header `Authorization` carries it. Takes equally long wherever the two differ.
    pub fn matches(&self, header: &[u8]) -> bool {
        let expected = self.bearer();
        let differences = expected.bytes().zip(header).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        expected.len() == header.len() && std::hint::black_box(differences) == 0
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Secret(text.to_owned()))
        } else {
            Err("the link secret must be ASCII letters, digits and signs, without spaces".to_owned())
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<Config, ConfigError> {
        let args = CommandLine::try_parse_from(std::iter::once(&"relay").chain(flags)).expect("flags that clap takes");
        Config::try_from(args.relay)
    }

    #[test]
    fn without_flags_it_is_a_single_relay_on_port_5000() {
        let config = config(&[]).unwrap();
        assert_eq!(config.voter, RelayId(1));
        assert_eq!(config.listen.to_string(), "127.0.0.1:5000");
        assert_eq!(config.address, "127.0.0.1:5000");
        assert_eq!(config.data_dir, PathBuf::from("data/alone"));
        assert!(config.peers.is_empty());
    }

    #[test]
    fn peers_are_read_with_their_ids() {
        let peers = "2=ws://127.0.0.1:5001,3=ws://[::1]:5002/";
        let config = config(&["--id", "1", "--link-secret", "s3cret", "--peers", peers]).unwrap();
        let peers = [(RelayId(2), "127.0.0.1:5001".to_owned()), (RelayId(3), "[::1]:5002".to_owned())];
        assert_eq!(config.peers, BTreeMap::from(peers));
    }

    #[test]
    fn peers_that_cannot_be_meant_are_refused() {
        for bad in ["2", "x=ws://a:1", "0=ws://a:1", "2=http://a:1", "2=ws://a", "2=ws://a:1/path", "2=ws://:1"] {
            assert!(CommandLine::try_parse_from(["relay", "--peers", bad]).is_err(), "{bad}");
        }
        assert_eq!(config(&["--peers", "1=ws://a:1"]).unwrap_err(), ConfigError::OwnIdAmongPeers(RelayId(1)));
        let twice = config(&["--peers", "2=ws://a:1,2=ws://b:1"]).unwrap_err();
        assert_eq!(twice, ConfigError::PeerTwice(RelayId(2)));
    }

    #[test]
    fn relays_need_a_secret_for_their_links_on_loopback_too() {
        let open = ["--peers", "2=ws://127.0.0.1:1"];
        assert_eq!(config(&open).unwrap_err(), ConfigError::NoSecret);
        assert_eq!(config(&[&open[..], &["--link-secret", ""]].concat()).unwrap_err(), ConfigError::NoSecret);
        assert!(config(&[&open[..], &["--link-secret", "s3cret"]].concat()).is_ok());
        assert!(config(&["--host", "0.0.0.0"]).is_ok());
    }

    #[test]
    fn hosts_are_named_without_scheme_and_port() {
        assert_eq!(config(&["--allow-host", "duet.example,two"]).unwrap().allow_host, ["duet.example", "two"]);
        for bad in ["https://duet.example", "duet.example:80", "duet.example/", ""] {
            assert!(CommandLine::try_parse_from(["relay", "--allow-host", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_whole_secret_matches_and_it_is_never_printed() {
        let secret: Secret = "s3cret".parse().unwrap();
        assert!(secret.matches(b"Bearer s3cret"));
        for wrong in [&b"Bearer s3cre"[..], b"Bearer s3cretx", b"Bearer s3creT", b"", b"s3cret"] {
            assert!(!secret.matches(wrong));
        }
        assert!(!format!("{secret:?}").contains("s3cret"));
    }
}

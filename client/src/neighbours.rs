//! The other tabs of this browser: who is there, and links to them. Pure: packets in, packets out; the engine has the
//! channel that all tabs of a room hear.
//!
//! Two tabs are linked while one of them has no relay. Where both have one, everything comes over the relays, and a link
//! would only say it again.

use litemap::LiteMap;
use shared::base::encoding;
use shared::base::id::ReplicaId;
use shared::protocol::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use shared::replica::io::{Message, Now, PeerId};
use shared::schema::Schema;

use super::session::Session;

/// How many frames may be under way to a neighbour: one that takes no more is asleep, and would fill the browser's memory.
const MAX_UNHEARD: u32 = 256;
/// After so many frames the receiver says that it has heard them.
const HEARD: u32 = 32;
/// How many neighbours are known at the most.
const MAX_NEIGHBOURS: usize = 64;
/// To whom a packet goes that is for all.
const ALL: ReplicaId = ReplicaId(0);

/// What a packet says. The numbers are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// I am here; the body says whether I have no relay, and whether I want to know who else is here.
    Here = 0,
    Gone = 1,
    /// My end of the link with this number is open; the body is my schema.
    Open = 2,
    /// Over my link with this number.
    Frame = 3,
    /// Over your link with this number I have heard some more frames.
    Heard = 4,
    /// I am not at the other end of your link with this number.
    Closed = 5,
}

struct Packet<'a> {
    kind: Kind,
    to: ReplicaId,
    from: ReplicaId,
    link: u64,
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let kinds = [Kind::Here, Kind::Gone, Kind::Open, Kind::Frame, Kind::Heard, Kind::Closed];
        let kind = *kinds.get(usize::from(kind))?;
        let (to, rest) = rest.split_first_chunk()?;
        let (from, rest) = rest.split_first_chunk()?;
        let (link, body) = rest.split_first_chunk()?;
        let (to, from) = (ReplicaId(u64::from_le_bytes(*to)), ReplicaId(u64::from_le_bytes(*from)));
        Some(Packet { kind, to, from, link: u64::from_le_bytes(*link), body })
    }
}

/// This tab's end of a link, and the frames on it.
struct Link {
    ours: u64,
    /// The other end, once it is open, and the link's name in the session.
    theirs: Option<(u64, PeerId)>,
    encoder: Encoder,
    decoder: Decoder,
    /// How many frames the other side may not have heard.
    unheard: u32,
    /// How many frames came since it was told of them.
    untold: u32,
}

struct Neighbour {
    /// It has no relay.
    alone: bool,
    /// It has said something since this tab looked round.
    answered: bool,
    /// The two cannot merge.
    refused: bool,
    link: Option<Link>,
}

/// The neighbours of one tab.
pub struct Neighbours {
    me: ReplicaId,
    /// This tab has no relay.
    alone: bool,
    /// By the user's choice this tab hears nobody.
    away: bool,
    /// The number of the latest link.
    links: u64,
    known: LiteMap<ReplicaId, Neighbour>,
    packets: Vec<Vec<u8>>,
}

impl Neighbours {
    /// `number` is drawn at random: links of an earlier tab under the same id had other numbers.
    #[must_use]
    pub fn new(me: ReplicaId, number: u64) -> Self {
        let mut neighbours =
            Neighbours { me, alone: false, away: false, links: number, known: LiteMap::new(), packets: Vec::new() };
        neighbours.greet(ALL, true);
        neighbours
    }

    /// What is to go to the other tabs.
    #[must_use]
    pub fn take_packets(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.packets)
    }

    /// How this tab stands to the relays: whether it has none, and whether it wants to hear nobody.
    pub fn stand(&mut self, session: &mut Session, now: Now, alone: bool, away: bool) {
        if (self.alone, self.away) == (alone, away) {
            return;
        }
        let comes_back = self.away && !away;
        (self.alone, self.away) = (alone, away);
        if away {
            self.leave(session, now);
        } else {
            self.greet(ALL, comes_back);
            self.relink(session, now);
        }
    }

    /// This tab is closed, or goes where it hears nobody.
    pub fn leave(&mut self, session: &mut Session, now: Now) {
        self.say(Kind::Gone, ALL, 0, &[]);
        for (_, neighbour) in std::mem::take(&mut self.known) {
            unlink(neighbour.link, session, now);
        }
    }

    /// To be called now and then while there are links: finds out who has gone without a word.
    pub fn look_round(&mut self, session: &mut Session, now: Now) {
        for (tab, mut neighbour) in std::mem::take(&mut self.known) {
            if std::mem::take(&mut neighbour.answered) {
                self.known.insert(tab, neighbour);
            } else {
                unlink(neighbour.link, session, now);
            }
        }
        self.greet(ALL, true);
    }

    /// Sends what the session has for its neighbours.
    pub fn post(&mut self, session: &mut Session, now: Now) {
        for envelope in session.take_for_neighbours() {
            let is_it = |link: &Link| link.theirs.is_some_and(|(_, peer)| peer == envelope.to);
            let mut all = self.known.iter_mut();
            let Some((&tab, neighbour)) = all.find(|(_, one)| one.link.as_ref().is_some_and(is_it)) else { continue };
            let Some(link) = &mut neighbour.link else { continue };
            if link.unheard >= MAX_UNHEARD {
                // It begins anew when it wakes up and answers.
                unlink(neighbour.link.take(), session, now);
                neighbour.answered = false;
                continue;
            }
            link.unheard += 1;
            let (number, frame) = (link.ours, link.encoder.frame(&Frame::Message(envelope.message)));
            self.say(Kind::Frame, tab, number, &frame);
        }
    }

    /// Takes in what another tab says; what is unreadable is not for this version. Returns what to send to the relay.
    #[must_use]
    pub fn receive(&mut self, session: &mut Session, now: Now, bytes: &[u8]) -> Vec<Message> {
        let Some(Packet { kind, to, from, link, body }) = Packet::parse(bytes) else { return Vec::new() };
        let is_for_me = (to == ALL || to == self.me) && from != self.me && from != ALL;
        if self.away || !is_for_me {
            return Vec::new();
        }
        if let Some(neighbour) = self.known.get_mut(&from) {
            neighbour.answered = true;
        }
        match kind {
            Kind::Here => self.on_here(session, now, from, body),
            Kind::Gone => unlink(self.known.remove(&from).and_then(|neighbour| neighbour.link), session, now),
            Kind::Open => self.on_open(session, now, from, link, body),
            Kind::Frame => return self.on_frame(session, now, from, link, body),
            Kind::Heard => {
                if let Some(own) = self.link_of(from).filter(|own| own.ours == link) {
                    own.unheard = own.unheard.saturating_sub(HEARD);
                }
            }
            Kind::Closed => {
                if self.link_of(from).is_some_and(|own| own.ours == link) {
                    unlink(self.known.get_mut(&from).and_then(|neighbour| neighbour.link.take()), session, now);
                    self.greet(from, true);
                }
            }
        }
        Vec::new()
    }

    fn on_here(&mut self, session: &mut Session, now: Now, from: ReplicaId, body: &[u8]) {
        let &[alone, asks] = body else { return };
        let Some(neighbour) = self.meet(from) else { return };
        neighbour.alone = alone != 0;
        if asks != 0 {
            self.greet(from, false);
        }
        self.relink(session, now);
    }

    /// The tab that has said something, if there is room for it.
    fn meet(&mut self, from: ReplicaId) -> Option<&mut Neighbour> {
        if self.known.len() == MAX_NEIGHBOURS && !self.known.contains_key(&from) {
            return None;
        }
        let new = Neighbour { alone: false, answered: true, refused: false, link: None };
        Some(self.known.entry(from).or_insert(new))
    }

    /// Opens the links that are wanted, and closes the others.
    fn relink(&mut self, session: &mut Session, now: Now) {
        let mut opened = Vec::new();
        for (&tab, neighbour) in &mut self.known {
            let wanted = (self.alone || neighbour.alone) && !neighbour.refused;
            if wanted && neighbour.link.is_none() && neighbour.answered {
                self.links += 1;
                neighbour.link = Some(Link::new(self.links));
                opened.push((tab, self.links));
            } else if !wanted {
                unlink(neighbour.link.take(), session, now);
            }
        }
        for (tab, number) in opened {
            self.open(session, tab, number);
        }
    }

    fn on_open(&mut self, session: &mut Session, now: Now, from: ReplicaId, theirs: u64, body: &[u8]) {
        let Ok(schema) = encoding::decode::<Schema>(body) else { return };
        if !self.known.contains_key(&from) {
            self.greet(from, true);
            // One of the two has no relay: the other tab, until it says otherwise.
            self.meet(from).into_iter().for_each(|neighbour| neighbour.alone = true);
        }
        let Some(neighbour) = self.known.get_mut(&from) else { return };
        let held = neighbour.link.as_ref().and_then(|link| link.theirs);
        if held.is_some_and(|(number, _)| number == theirs) {
            return;
        }
        if held.is_some() {
            // The other tab has begun anew, and so does this end.
            unlink(neighbour.link.take(), session, now);
        }
        let opens = neighbour.link.is_none();
        if opens {
            self.links += 1;
        }
        let number = neighbour.link.as_ref().map_or(self.links, |link| link.ours);
        if opens {
            self.open(session, from, number);
        }
        let link = session.neighbour_up(now, from, schema).map(|peer| {
            let mut link = Link::new(number);
            link.theirs = Some((theirs, peer));
            link
        });
        if let Some(neighbour) = self.known.get_mut(&from) {
            neighbour.refused = link.is_err();
            neighbour.link = link.ok();
        }
    }

    fn on_frame(&mut self, session: &mut Session, now: Now, from: ReplicaId, number: u64, body: &[u8]) -> Vec<Message> {
        let link = self.link_of(from).and_then(|link| Some((link.theirs?, link)));
        let Some(((_, peer), link)) = link.filter(|((theirs, _), _)| *theirs == number) else {
            self.say(Kind::Closed, from, number, &[]);
            return Vec::new();
        };
        link.untold += 1;
        let is_due = link.untold == HEARD;
        if is_due {
            link.untold = 0;
        }
        let said = match link.decoder.frame(body) {
            Ok(Frame::Message(message)) => session.hear(now, peer, message),
            _ => Ok(Vec::new()),
        };
        if is_due {
            self.say(Kind::Heard, from, number, &[]);
        }
        said.unwrap_or_else(|_violation| {
            if let Some(neighbour) = self.known.get_mut(&from) {
                neighbour.refused = true;
                unlink(neighbour.link.take(), session, now);
            }
            Vec::new()
        })
    }

    fn link_of(&mut self, tab: ReplicaId) -> Option<&mut Link> {
        self.known.get_mut(&tab)?.link.as_mut()
    }

    fn open(&mut self, session: &Session, tab: ReplicaId, number: u64) {
        let schema = encoding::encode(session.view().schema());
        self.say(Kind::Open, tab, number, &schema);
    }

    fn greet(&mut self, to: ReplicaId, asks: bool) {
        self.say(Kind::Here, to, 0, &[u8::from(self.alone), u8::from(asks)]);
    }

    fn say(&mut self, kind: Kind, to: ReplicaId, link: u64, body: &[u8]) {
        let mut packet = vec![kind as u8];
        [to.0, self.me.0, link].iter().for_each(|number| packet.extend(number.to_le_bytes()));
        packet.extend(body);
        self.packets.push(packet);
    }
}

impl Link {
    fn new(ours: u64) -> Self {
        let (encoder, decoder) = (Encoder::default(), Decoder::new(MAX_FRAME_BYTES));
        Link { ours, theirs: None, encoder, decoder, unheard: 0, untold: 0 }
    }
}

fn unlink(link: Option<Link>, session: &mut Session, now: Now) {
    if let Some((_, peer)) = link.and_then(|link| link.theirs) {
        session.neighbour_down(now, peer);
    }
}

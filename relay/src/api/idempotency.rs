//! Requests under a key: asked again, they are answered again, and not done again.
//!
//! A relay remembers the answers to its latest [`MAX_REMEMBERED`] keys, in memory. What was asked under a key goes on
//! when the asker has gone, so that whoever saw no answer asks again and gets it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::wire::Room;
use tokio::sync::watch;

use super::problem::Problem;
use crate::node::NoRoom;

/// How many answers are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The header `Idempotency-Key`, which the client chooses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    status: StatusCode,
    /// As JSON.
    body: String,
    location: Option<HeaderValue>,
}

/// What a request came to.
pub type Answer = Result<Done, Problem>;

/// The answers that a relay remembers.
#[derive(Clone, Debug, Default)]
pub struct Remembered(Arc<Mutex<Entries>>);

/// Where a key belongs: a room, and what may be asked under it there.
type Place = (Room, &'static str, Key);

#[derive(Debug, Default)]
struct Entries {
    by_place: BTreeMap<Place, Entry>,
    /// In the order in which they came. May name some that are not remembered any more.
    order: VecDeque<Place>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Of the request: under one key nothing else may be asked.
    digest: [u8; 32],
    answer: watch::Receiver<Option<Answer>>,
}

impl Done {
    pub fn ok(body: &impl Serialize) -> Self {
        Done { status: StatusCode::OK, body: serde_json::to_string(body).unwrap_or_default(), location: None }
    }

    /// Something was made, and is here.
    pub fn created(body: &impl Serialize, location: &str) -> Self {
        Done { status: StatusCode::CREATED, location: HeaderValue::from_str(location).ok(), ..Done::ok(body) }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        response.headers_mut().extend(self.location.map(|location| (header::LOCATION, location)));
        response
    }
}

impl Key {
    /// A name that every relay makes of this key, and hardly anybody of another one.
    pub fn digest(&self, room: &Room) -> u64 {
        let digest = Sha256::new().chain_update(room.as_str()).chain_update([0]).chain_update(&self.0).finalize();
        digest.iter().take(8).fold(0, |id, &byte| id << 8 | u64::from(byte))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        let Some(key) = parts.headers.get("idempotency-key") else { return Ok(None) };
        let key = key.to_str().ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
        let wrong = || Problem::bad_request(format!("an Idempotency-Key has 1 to {MAX_KEY_BYTES} ASCII characters"));
        key.map(|key| Some(Key(key.to_owned()))).ok_or_else(wrong)
    }
}

impl Remembered {
    /// Does `work` unless it was done under this key before, and gives the answer. It goes on if nobody waits for it.
    pub async fn once(
        &self,
        place: Place,
        request: &impl std::fmt::Debug,
        work: impl Future<Output = Answer> + Send + 'static,
    ) -> Answer {
        let digest = Sha256::digest(format!("{request:?}")).into();
        let (entry, starts) = self.entry(&place, digest);
        if entry.digest != digest {
            return Err(Problem::key_used_otherwise());
        }
        if let Some(answers) = starts {
            let remembered = self.clone();
            tokio::spawn(async move {
                let answer = work.await;
                if answer.as_ref().is_err_and(Problem::is_for_now) {
                    remembered.lock().by_place.remove(&place);
                }
                answers.send_replace(Some(answer));
            });
        }
        let mut answer = entry.answer;
        let answered = answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answered.unwrap_or_else(|| Err(NoRoom::Unknown.into()))
    }

    /// What is known of a key. If that was nothing, it is under way from now on, and whoever asks sees to it.
    fn entry(&self, place: &Place, digest: [u8; 32]) -> (Entry, Option<watch::Sender<Option<Answer>>>) {
        let mut entries = self.lock();
        if let Some(entry) = entries.by_place.get(place) {
            return (entry.clone(), None);
        }
        let (answers, answer) = watch::channel(None);
        let entry = Entry { digest, answer };
        entries.by_place.insert(place.clone(), entry.clone());
        entries.order.push_back(place.clone());
        if entries.order.len() > MAX_REMEMBERED
            && let Some(oldest) = entries.order.pop_front()
        {
            entries.by_place.remove(&oldest);
        }
        (entry, Some(answers))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &str) -> Place {
        (Room::try_from("people".to_owned()).unwrap(), "records", Key(key.to_owned()))
    }

    async fn ask(remembered: &Remembered, key: &str, answer: Answer) -> Result<String, String> {
        let answer = remembered.once(place(key), &"request", async { answer }).await;
        answer.map(|done| done.body).map_err(|problem| json(&problem))
    }

    fn json(problem: &Problem) -> String {
        serde_json::to_string(problem).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_given_again_until_too_many_others_were_given() {
        let remembered = Remembered::default();
        assert_eq!(ask(&remembered, "first", Ok(Done::ok(&1))).await.unwrap(), "1");
        assert_eq!(ask(&remembered, "first", Ok(Done::ok(&2))).await.unwrap(), "1");
        for at in 1..MAX_REMEMBERED {
            ask(&remembered, &at.to_string(), Ok(Done::ok(&at))).await.unwrap();
        }
        assert_eq!(ask(&remembered, "first", Ok(Done::ok(&2))).await.unwrap(), "1");
        ask(&remembered, "one more", Ok(Done::ok(&0))).await.unwrap();
        assert_eq!(ask(&remembered, "first", Ok(Done::ok(&2))).await.unwrap(), "2");
        assert!(remembered.lock().by_place.len() <= MAX_REMEMBERED);
    }

    #[tokio::test]
    async fn a_refusal_is_remembered_but_for_one_that_holds_for_now_only() {
        let remembered = Remembered::default();
        let refusal = Problem::not_found("it is gone");
        assert_eq!(ask(&remembered, "k1", Err(refusal.clone())).await, Err(json(&refusal)));
        assert_eq!(ask(&remembered, "k1", Ok(Done::ok(&1))).await, Err(json(&refusal)));
        assert!(ask(&remembered, "k2", Err(Problem::unavailable("shedding", "too much"))).await.is_err());
        assert_eq!(ask(&remembered, "k2", Ok(Done::ok(&1))).await.unwrap(), "1");
    }
}

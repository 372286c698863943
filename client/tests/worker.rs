//! A client in a worker, where there is no window and no document.

#![cfg(target_arch = "wasm32")]

use client::connection::ConnectionState;
use client::session::{Action, NewRecord, Safety, Session};
use client::web::{Client, route_to, store};
use js_sys::Promise;
use shared::base::room::Room;
use shared::schema::{FieldEdit, NAME};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Waits until the session is as wanted.
async fn until(client: &Client, is_wanted: impl Fn(&Session) -> bool) {
    while !client.look(|session, _| is_wanted(session)) {
        let mut subscription = None;
        let changed = Promise::new(&mut |resolve, _| {
            subscription = Some(client.subscribe(move |_| {
                let _told = resolve.call0(&JsValue::UNDEFINED);
            }));
        });
        JsFuture::from(changed).await.expect("it is never rejected");
        drop(subscription);
    }
}

#[wasm_bindgen_test]
async fn a_client_in_a_worker_keeps_its_edits_on_the_device() {
    assert!(web_sys::window().is_none(), "this is a worker");
    let room = Room::try_from("worker".to_owned()).unwrap();
    for replica in store::replicas(&room).await {
        assert!(store::delete(&store::name_of(&room, replica)).await);
    }
    let client = Client::start(room.clone(), route_to(&room, None).unwrap()).await.unwrap();
    assert!(client.look(|session, _| session.is_on_device()));
    let fields = vec![(NAME.to_owned(), FieldEdit::Assign("Anna".to_owned()))];
    client.act(Action::Add(NewRecord { fields, number: None }));
    until(&client, |session| session.safety() == Safety::Device).await;
    assert_eq!(client.look(|session, _| session.view().records().count()), 1);
    assert!(client.look(|_, connection| matches!(connection, ConnectionState::Seeking { .. })), "no relay is here");
    assert_eq!(store::replicas(&room).await.len(), 1);
}

//! Rooms with other fields than the built-in ones.

use std::path::{Path, PathBuf};

use shared::protocol::{Frame, Hello};
use shared::replica::FieldView;
use shared::replica::io::Command;
use shared::schema::{FieldEdit, Schema};

use crate::cluster::{Cluster, poll};
use crate::operation::assert_refused;
use crate::tab::{Client, Tab, new_secret};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/invoices.toml")
}

fn example_with(more: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), std::fs::read_to_string(example()).unwrap() + more).unwrap();
    file
}

/// The schema that a relay tells its tabs.
async fn schema_of(cluster: &Cluster, id: u16) -> Schema {
    let mut client = Client::connect(cluster.url(id)).await.expect("a connection");
    client.send(&Frame::Hello(Hello::Tab { secret: new_secret(), room: "people".to_owned() })).await;
    match client.next().await {
        Some(Frame::Hello(Hello::Relay { schema, .. })) => schema,
        other => panic!("no hello: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_field_in_a_file_can_be_edited_and_outlives_the_relays() {
    let mut cluster = Cluster::start_with(3, &["--schema", example().to_str().unwrap()]);
    let schema = schema_of(&cluster, 1).await;
    let tab = Tab::open_with(&schema, &[cluster.url(1)]).await;
    let fields = [
        ("title", FieldEdit::Assign("Roof".to_owned())),
        ("state", FieldEdit::Assign("open".to_owned())),
        ("amount", FieldEdit::Add(-3)),
        ("labels", FieldEdit::Insert("urgent".to_owned())),
    ];
    let fields = fields.map(|(name, edit)| (name.to_owned(), edit)).into();
    tab.command(Command::Add { fields }).await.expect("it is within the schema");
    tab.until("it is stored", |view| view.unsaved_edits() == 0).await;
    let other = Tab::open_with(&schema, &[cluster.url(2)]).await;
    other.until("it is there", |view| view.records().count() == 1).await;
    for id in 1..=3 {
        cluster.kill(id);
    }
    for id in 1..=3 {
        cluster.spawn(id);
    }
    cluster.wait_until_linked();
    let late = Tab::open_with(&schema, &[cluster.url(1)]).await;
    late.until("it is back", |view| view.records().count() == 1).await;
    let record = late.view(|view| view.records().next().unwrap());
    assert_eq!((record.shown("title"), record.shown("state")), ("Roof", "open"));
    assert_eq!(record.fields["amount"], FieldView::Counter(-3));
    assert_eq!(record.elements("labels"), ["urgent"]);
}

#[test]
fn a_file_that_is_missing_or_wrong_is_refused_with_the_line() {
    let cluster = Cluster::start(1);
    assert_refused(cluster.command(1).args(["--schema", "/nowhere.toml"]), "cannot read the schema /nowhere.toml");
    let wrong = example_with("\n[[field]]\nname = \"due\"\nkind = \"date\"\n");
    let line = std::fs::read_to_string(wrong.path()).unwrap().lines().count();
    let because = format!("line {line}: unknown variant `date`");
    assert_refused(cluster.command(1).arg("--schema").arg(wrong.path()), &because);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_may_only_grow() {
    let file = example_with("");
    let before = std::fs::read_to_string(file.path()).unwrap();
    let mut cluster = Cluster::start_with(1, &["--schema", file.path().to_str().unwrap()]);
    cluster.kill(1);
    std::fs::write(file.path(), before.clone() + "[[field]]\nname = \"due\"\nkind = \"lww\"\n").unwrap();
    cluster.spawn(1);
    cluster.wait_until_linked();
    assert_eq!(schema_of(&cluster, 1).await.fields().count(), 5);
    cluster.kill(1);
    std::fs::write(file.path(), before.clone() + "[[field]]\nname = \"due\"\nkind = \"mv\"\n").unwrap();
    assert_refused(&mut cluster.command(1), "field 5 was `due` (lww) and would be `due` (mv)");
    std::fs::write(file.path(), before).unwrap();
    assert_refused(&mut cluster.command(1), "field 5, `due` (lww), would be missing");
}

#[test]
fn a_database_for_people_is_refused_for_anything_else() {
    let mut cluster = Cluster::start(1);
    cluster.kill(1);
    let because = "field 1 was `name` (mv, required) and would be `title` (mv, required)";
    assert_refused(cluster.command(1).arg("--schema").arg(example()), because);
}

#[test]
fn relays_with_different_schemas_refuse_the_link_until_all_have_the_same() {
    let file = example_with("");
    let mut cluster = Cluster::start_with(3, &["--schema", file.path().to_str().unwrap()]);
    cluster.kill(1);
    let before = std::fs::read_to_string(file.path()).unwrap();
    std::fs::write(file.path(), before + "[[field]]\nname = \"due\"\nkind = \"lww\"\n").unwrap();
    cluster.spawn(1);
    // The first dials, and the others are dialled.
    for id in 1..=3 {
        let what = format!("relay {id} tells what to do");
        poll(&what, || cluster.said(id).contains("start all relays with the same --schema").then_some(()));
    }
    for id in [2, 3] {
        cluster.kill(id);
        cluster.spawn(id);
    }
    cluster.wait_until_linked();
}

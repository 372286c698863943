//! An export that is imported again is the same.

#![cfg(not(target_arch = "wasm32"))]

use client::import::export::Format;
use client::session::{NewRecord, NumberOperation, Session};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use shared::replica::FieldView;
use shared::schema::{FieldEdit, FieldKind, FieldSpec, Schema};

mod importing;

use importing::{alone, exported, import_into, write};

/// Names that collide with columns, with one another and with formulas.
const FIELDS: [(&str, FieldKind); 9] = [
    ("id", FieldKind::Lww),
    ("number", FieldKind::Counter),
    ("-balance", FieldKind::Counter),
    ("a", FieldKind::Mv),
    ("A", FieldKind::Lww),
    ("fields.a", FieldKind::Lww),
    (" note, \"long\"\n", FieldKind::Lww),
    ("＝tags", FieldKind::Set),
    ("candidates", FieldKind::Set),
];

fn schema() -> Schema {
    let field = |(name, kind): (&str, FieldKind)| FieldSpec { name: name.to_owned(), kind, required: false };
    Schema::new(FIELDS.map(field).to_vec()).unwrap()
}

/// Texts with what spreadsheets, CSV and JSON have signs for.
fn text() -> impl Strategy<Value = String> {
    let sign = select(vec![
        "a", "Ж", "😀", "e\u{301}", " ", "\u{a0}", "\t", "\n", "\r", "\r\n", "\"", "'", ",", ";", "=", "+", "-", "@",
        "＝", "＋", "－", "＠", "\\", "\\ud83d", "\0", "\u{feff}", "\u{202e}", "null", "next", "7",
    ]);
    vec(sign, 0..5).prop_map(|signs| signs.concat())
}

fn edits(kind: FieldKind) -> BoxedStrategy<Vec<FieldEdit>> {
    match kind {
        FieldKind::Counter => {
            of(any::<i64>()).prop_map(|count| count.map(FieldEdit::Add).into_iter().collect()).boxed()
        }
        FieldKind::Set => vec(text(), 0..4).prop_map(|all| all.into_iter().map(FieldEdit::Insert).collect()).boxed(),
        _ => of(text()).prop_map(|text| text.map(FieldEdit::Assign).into_iter().collect()).boxed(),
    }
}

fn record() -> impl Strategy<Value = NewRecord> {
    let fields: Vec<_> = FIELDS.iter().map(|&(name, kind)| (Just(name), edits(kind))).collect();
    (fields, of(1..1000_u64)).prop_map(|(fields, number)| {
        let edits =
            fields.into_iter().flat_map(|(name, edits)| edits.into_iter().map(move |edit| (name.to_owned(), edit)));
        NewRecord { fields: edits.collect(), number: number.map(NumberOperation::This) }
    })
}

/// The contents of all records, in their order. A cell cannot tell an empty text from none.
fn contents(session: &Session, format: Format) -> Vec<(Vec<FieldView>, Option<u64>)> {
    let texts = |field| match field {
        FieldView::Register(candidates) => {
            let mut texts: Vec<String> = candidates.into_iter().map(|candidate| candidate.value).collect();
            texts.retain(|text| format == Format::Json || !text.is_empty());
            FieldView::Set(texts)
        }
        other => other,
    };
    let records = session.view().records().map(|record| {
        let number = record.number.provisional.first().map(|unsettled| unsettled.for_now().number);
        (record.fields.into_values().map(texts).collect(), number)
    });
    records.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_an_export_writes_an_import_reads_back_exactly(records in vec(record(), 1..5)) {
        let (mut session, now) = alone(schema());
        let mut taken = Vec::new();
        for mut record in records {
            record.number = record.number.filter(|number| !taken.contains(number));
            taken.extend(record.number);
            // A schema without required fields takes a record without any; a file has a line for it.
            let (_sends, added) = session.register(now, record);
            prop_assert!(added.is_ok());
            write(&mut session, now);
        }
        for format in [Format::Csv, Format::Json] {
            let file = exported(&session, format);
            let (other, report) = import_into(&schema(), &format!("a.{}", format.extension()), &file);
            prop_assert_eq!(&report.problems, &[], "{}", file);
            prop_assert!(report.left_out.is_empty(), "{:?} of {}", report.left_out, file);
            prop_assert_eq!(contents(&other, format), contents(&session, format), "{}", file);
        }
    }
}

#[test]
fn an_empty_text_is_exported_to_json_as_such_and_comes_back() {
    let (session, report) =
        import_into(&Schema::people(), "a.json", r#"[{"name": "Ada", "note": ""}, {"name": "Bo", "note": null}]"#);
    assert_eq!(report.added, 2);
    let file = exported(&session, Format::Json);
    assert!(file.contains(r#""name":"Ada","note":"""#) && file.contains(r#""name":"Bo","note":null"#), "{file}");
    let (other, _) = import_into(&Schema::people(), "a.json", &file);
    assert_eq!(contents(&other, Format::Json), contents(&session, Format::Json));
}

#[test]
fn an_export_imported_elsewhere_is_the_same_in_both_formats() {
    let schema = Schema::new(vec![
        FieldSpec { name: "title".to_owned(), kind: FieldKind::Mv, required: true },
        FieldSpec { name: "amount".to_owned(), kind: FieldKind::Counter, required: false },
        FieldSpec { name: "labels".to_owned(), kind: FieldKind::Set, required: false },
        FieldSpec { name: "note, long".to_owned(), kind: FieldKind::Lww, required: false },
    ])
    .unwrap();
    let text = "title,amount,labels,\"note, long\",number\n\
                '=SUM(A1),-5,\"a, \"\"b, c\"\", d\",\"two\nlines \"\"quoted\"\"\",12\n\
                Ж,1 000,,\" spaced \",\n-,,,'',next\n";
    let (session, report) = import_into(&schema, "a.csv", text);
    assert_eq!(report.problems, []);
    for format in [Format::Csv, Format::Json] {
        let file = exported(&session, format);
        let (other, report) = import_into(&schema, &format!("a.{}", format.extension()), &file);
        assert_eq!((report.problems, report.left_out.len()), (vec![], 0), "{file}");
        assert_eq!(contents(&session, format), contents(&other, format), "{file}");
    }
}

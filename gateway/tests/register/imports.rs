//! Files: previewed, applied whole or not at all, explained when they are none.

use super::{seen, with_token};
use crate::api_site::{Answer, Site};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use vigil_core::register::Cell;
use vigil_gateway::sheet::{Column, Table, to_csv, to_xlsx};

fn column(title: &str) -> Column {
    Column {
        title: title.to_owned(),
        ..Column::default()
    }
}

fn table(heads: &[&str], rows: &[&[&str]]) -> Table {
    Table {
        name: "台账".to_owned(),
        columns: heads.iter().map(|head| column(head)).collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect(),
    }
}

const HEADS: &[&str] = &[
    "设备代码",
    "类别",
    "名称",
    "使用登记证编号",
    "使用单位",
    "区划代码",
    "下次检验日期",
    "额定载重(t)",
];

/// Two lifts that are in order, and one that is not.
pub fn sheet() -> Table {
    table(
        HEADS,
        &[
            &[
                "31101001920150001",
                "3110",
                "1号梯",
                "梯11辽C00012(20)",
                "某商场",
                "210381",
                "2026-07-31",
                "1",
            ],
            &[
                "31101001920150002",
                "3110",
                "2号梯",
                "梯11辽C00013(20)",
                "某商场",
                "210381",
                "2026.5.1",
                "1.6",
            ],
            &[
                "31101001920150003",
                "3500",
                "=HYPERLINK(\"http://evil\")",
                "",
                "某商场",
                "21038",
                "",
                "",
            ],
        ],
    )
}

pub async fn send(site: &Site, name: &str, bytes: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", site.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/octet-stream"),
    ];
    site.ask_bytes(
        Method::POST,
        &format!("/api/v1/imports?name={name}"),
        &headers,
        bytes.to_vec(),
    )
    .await
}

#[tokio::test]
async fn a_file_is_previewed_applied_whole_or_not_at_all_and_compared_when_it_comes_again() {
    let site = Site::empty().await;
    for (name, bytes) in [
        ("a.xlsx", to_xlsx(&sheet()).unwrap()),
        ("b.csv", to_csv(&sheet())),
    ] {
        let sent = send(&site, name, &bytes).await;
        assert_eq!(sent.status, StatusCode::CREATED, "{:#}", sent.body);
        assert_eq!(sent.body["counts"]["rows"], 3);
    }
    let preview = seen(&site, "/api/v1/imports/1").await.body;
    let rows = preview["rows"].as_array().unwrap();
    assert_eq!(
        (&preview["header_row"], &rows[0]["row"], &rows[2]["row"]),
        (&json!(1), &json!(2), &json!(4))
    );
    assert_eq!(rows[0]["outcome"], "new");
    let rules = |row: &Value| -> Vec<String> {
        row["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(rules(&rows[1]), ["DQ11"], "overdue: {:#}", rows[1]);
    assert_eq!(rules(&rows[2]), ["DQ05", "DQ06", "DQ11"], "{:#}", rows[2]);
    assert_eq!(rows[2]["findings"][0]["level"], "corrected");
    assert_eq!(
        site.get("/api/v1/register").await.body["total"],
        0,
        "nothing is imported yet"
    );

    let applied = with_token(
        &site,
        Method::POST,
        "/api/v1/imports/1/apply",
        &[("if-match", "\"1\"")],
        "{}",
    )
    .await;
    assert_eq!(applied.status, StatusCode::OK, "{:#}", applied.body);
    assert_eq!(applied.body["counts"]["new"], 3);
    let two = seen(&site, "/api/v1/register/31101001920150002").await.body;
    assert_eq!(two["facts"]["rated_load"], "1600", "the unit of the head counts");
    let three = seen(&site, "/api/v1/register/31101001920150003").await.body;
    assert_eq!(three["facts"]["category"], "3310");
    let twice = with_token(
        &site,
        Method::POST,
        "/api/v1/imports/1/apply",
        &[("if-match", "\"1\"")],
        "{}",
    )
    .await;
    assert_eq!(twice.status, StatusCode::CONFLICT);

    let again = seen(&site, "/api/v1/imports/2").await.body;
    assert_eq!(
        (&again["counts"]["unchanged"], &again["counts"]["new"]),
        (&json!(3), &json!(0)),
        "{again:#}"
    );
    let mut other = sheet();
    other.rows[0][2] = "一号梯".to_owned();
    other.rows.remove(1);
    let sent = send(&site, "c.csv", &to_csv(&other)).await.body;
    assert_eq!(sent["counts"]["changed"], 1);
    assert_eq!(
        sent["rows"][0]["changes"],
        json!([{"field": "name", "old": "1号梯", "new": "一号梯"}])
    );
    assert_eq!(
        sent["missing"],
        json!([{"id": "31101001920150002", "name": "2号梯"}]),
        "what the file has not"
    );
    let history = seen(&site, "/api/v1/imports").await.body;
    assert_eq!(history["imports"][2]["state"], "applied");
    assert_eq!(history["imports"][2]["hash"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn rows_that_cannot_be_taken_stop_all_of_it_unless_somebody_says_so() {
    let site = Site::empty().await;
    let mut bad = sheet();
    bad.rows[1][6] = "somewhen".to_owned();
    bad.rows.push(bad.rows[0].clone());
    let sent = send(&site, "a.csv", &to_csv(&bad)).await.body;
    assert_eq!(
        sent["counts"]["refused"], 2,
        "a date that is none, and the same equipment twice: {sent:#}"
    );
    let refused = with_token(
        &site,
        Method::POST,
        "/api/v1/imports/1/apply",
        &[("if-match", "\"1\"")],
        "{}",
    )
    .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("nothing was imported")
    );
    assert_eq!(site.get("/api/v1/register").await.body["total"], 0);
    let without = json!({"without_refused": true}).to_string();
    let applied = with_token(
        &site,
        Method::POST,
        "/api/v1/imports/1/apply",
        &[("if-match", "\"1\"")],
        &without,
    )
    .await;
    assert_eq!(
        (&applied.body["left_out"], applied.status),
        (&json!(2), StatusCode::OK),
        "{:#}",
        applied.body
    );
    assert_eq!(site.get("/api/v1/register").await.body["total"], 2);
}

#[tokio::test]
async fn columns_may_be_chosen_by_hand() {
    let site = Site::empty().await;
    let odd = table(
        &["甲", "设备代码", "类别", "名称", "乙"],
        &[&["x", "31101001920150001", "3110", "梯", "某商场"]],
    );
    let sent = send(&site, "a.csv", &to_csv(&odd)).await.body;
    assert_eq!(
        (&sent["columns"][0]["field"], &sent["columns"][4]["sureness"]),
        (&Value::Null, &json!("none"))
    );
    let choice = json!({"columns": [null, "equipment_code", "category", "name", "use_unit"]}).to_string();
    let chosen = with_token(
        &site,
        Method::PUT,
        "/api/v1/imports/1",
        &[("if-match", "\"1\"")],
        &choice,
    )
    .await;
    assert_eq!(chosen.status, StatusCode::OK, "{:#}", chosen.body);
    assert_eq!(chosen.header("etag"), "\"2\"");
    // What is applied is what was looked at: these columns were chosen anew since.
    let apply = "/api/v1/imports/1/apply";
    let older = with_token(&site, Method::POST, apply, &[("if-match", "\"1\"")], "{}").await;
    assert_eq!(
        (older.status, &older.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("stale"))
    );
    with_token(&site, Method::POST, apply, &[("if-match", "\"2\"")], "{}").await;
    let one = seen(&site, "/api/v1/register/31101001920150001").await.body;
    assert_eq!(one["facts"]["use_unit"], "某商场");
    let twice = json!({"columns": ["name", "name"]}).to_string();
    let refused = with_token(
        &site,
        Method::PUT,
        "/api/v1/imports/1",
        &[("if-match", "\"1\"")],
        &twice,
    )
    .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_file_that_is_sent_again_with_its_key_is_kept_once() {
    let site = Site::empty().await;
    let bearer = format!("Bearer {}", site.token);
    let post = async |name: &str, bytes: &[u8]| {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];
        let path = format!("/api/v1/imports?name={name}");
        site.ask_bytes(Method::POST, &path, &headers, bytes.to_vec())
            .await
    };
    let table = to_csv(&sheet());
    let first = post("a.csv", &table).await;
    assert_eq!(first.status, StatusCode::CREATED, "{:#}", first.body);
    let again = post("a.csv", &table).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    for (name, bytes) in [("b.csv", table.as_slice()), ("a.csv", b"name\nx\n".as_slice())] {
        let other = post(name, bytes).await;
        assert_eq!(
            (other.status, &other.body["code"]),
            (StatusCode::CONFLICT, &json!("key_reused"))
        );
    }
    assert_eq!(
        seen(&site, "/api/v1/imports").await.body["imports"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let gone = with_token(
        &site,
        Method::DELETE,
        "/api/v1/imports/1",
        &[("if-match", "\"1\"")],
        "",
    )
    .await;
    assert_eq!(gone.body["state"], "discarded", "{:#}", gone.body);
    let decided = post("a.csv", &table).await;
    assert_eq!(
        (decided.status, &decided.body["code"]),
        (StatusCode::CONFLICT, &json!("refused"))
    );
}

#[tokio::test]
async fn files_that_are_none_are_explained_and_leave_nothing() {
    let site = Site::empty().await;
    let million = "1,2\n".repeat(1_000_000);
    for (bytes, word) in [
        (b"%PDF-1.7".to_vec(), "PDF"),
        (b"".to_vec(), "empty"),
        (million.into_bytes(), "at most 20000 are read"),
        ("天气,心情\n晴,好\n".as_bytes().to_vec(), "no row was found"),
        (b"PK\x03\x04rubbish".to_vec(), "damaged"),
    ] {
        let sent = send(&site, "..%2F..%2Fetc%2Fpasswd", &bytes).await;
        assert!(sent.status.is_client_error(), "{}", sent.status);
        assert!(
            sent.body["detail"].as_str().unwrap_or_default().contains(word),
            "{word}: {:#}",
            sent.body
        );
    }
    let kept = seen(&site, "/api/v1/imports").await.body;
    for import in kept["imports"].as_array().unwrap() {
        assert_eq!(
            (&import["file_name"], &import["state"]),
            (&json!("passwd"), &json!("discarded"))
        );
    }
    let large = send(&site, "x", &vec![b'a'; 17 << 20]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let body = "x".repeat(100_000);
    let other = with_token(&site, Method::POST, "/api/v1/register", &[], &body).await;
    assert_eq!(
        other.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "only files may be large"
    );
}

#[tokio::test]
async fn a_report_and_a_template_open_as_workbooks_and_hold_no_formula() {
    let site = Site::empty().await;
    send(&site, "a.csv", &to_csv(&sheet())).await;
    for path in [
        "/api/v1/imports/1/report?lang=en",
        "/api/v1/register/template",
        "/api/v1/register/template?lang=en",
    ] {
        let answer = site.get_bytes(path, &site.token).await;
        let read =
            vigil_gateway::sheet::read(&answer, None, &vigil_gateway::sheet::Limits::default()).unwrap();
        for (_, cells) in &read.rows {
            let formula =
                |cell: &Cell| matches!(cell, Cell::Text(text) if text.starts_with(['=', '+', '-', '@']));
            assert!(!cells.iter().any(formula), "{path}: {cells:?}");
        }
        if path.contains("template") {
            let heads: Vec<String> = read.rows[0].1.iter().map(|cell| cell.text()).collect();
            let matched = vigil_core::register::match_columns(&heads);
            assert!(
                matched
                    .iter()
                    .all(|one| one.sureness == vigil_core::register::Sureness::Certain),
                "{path}: {matched:?}"
            );
        }
    }
}

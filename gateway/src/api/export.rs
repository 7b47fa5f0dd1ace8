//! Lists as tables: with `format=csv` a list gives all its rows, page after page as it gives them itself. Filters, scope
//! and the record of who looked are those of the list.

use super::problem::ApiError;
use crate::app::App;
use crate::config::Language;
use crate::sheet::{CSV, csv_line};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, RefOr, Required};

/// Rows asked for at a time.
const AT_ONCE: &str = "1000";
/// A page of so many rows is not larger.
const PAGE_BYTES: usize = 64 << 20;

/// A list that is given as a table too.
struct Export {
    route: &'static str,
    /// Where its rows are.
    rows: &'static str,
    /// The parameter that takes its `next`.
    paging: &'static str,
    /// Where in a row, head in Chinese and English.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

#[rustfmt::skip] // a table
static EXPORTS: &[Export] = &[
    Export { route: "/api/v1/register", rows: "equipment", paging: "after", columns: &[
        ("/id", "系统编号", "Vigil id"), ("/name", "设备名称", "name"), ("/category", "类别代码", "category code"),
        ("/category_name", "类别", "category"), ("/registration_no", "使用登记证编号", "registration no."),
        ("/location", "使用地点", "location"), ("/area", "区划代码", "area code"), ("/use_unit_name", "使用单位", "use unit"),
        ("/use_unit", "使用单位代码", "code of the use unit"), ("/state", "使用状态", "state"),
        ("/inspection_due", "下次检验日期", "next inspection"), ("/next_due", "最近到期", "first thing due"),
        ("/standing", "到期情况", "standing"), ("/score", "资料完整度", "score"), ("/wrong", "待更正", "to be corrected"),
    ] },
    Export { route: "/api/v1/units", rows: "units", paging: "after", columns: &[
        ("/code", "单位代码", "code"), ("/name", "单位名称", "name"), ("/kind", "类型", "kind"),
        ("/uscc", "统一社会信用代码", "credit code"), ("/area", "区划代码", "area code"), ("/address", "地址", "address"),
        ("/contact", "联系人", "contact"), ("/phone", "联系电话", "phone"),
    ] },
    Export { route: "/api/v1/certificates", rows: "certificates", paging: "after", columns: &[
        ("/unit", "单位代码", "code of the unit"), ("/person", "姓名", "person"), ("/kind", "项目", "kind"),
        ("/number", "证书编号", "number"), ("/issued", "发证日期", "issued"), ("/expires", "有效期至", "expires"),
        ("/standing", "到期情况", "standing"),
    ] },
    Export { route: "/api/v1/calendar", rows: "due", paging: "after", columns: &[
        ("/due", "到期日", "due"), ("/title", "事项", "what"), ("/standing", "到期情况", "standing"), ("/days", "天数", "days"),
        ("/equipment", "设备", "equipment"), ("/name", "设备名称", "name"), ("/part", "部件", "part"),
        ("/category", "类别代码", "category code"), ("/area", "区划代码", "area code"),
        ("/use_unit_name", "使用单位", "use unit"), ("/source", "依据", "source"), ("/unverified", "未核实", "unverified"),
    ] },
    Export { route: "/api/v1/coverage", rows: "rows", paging: "", columns: &[
        ("/key", "代码", "key"), ("/name", "名称", "name"), ("/in_use", "在用", "in use"), ("/registered", "已登记", "registered"),
        ("/inspected", "按期检验", "inspected on time"), ("/inspection_percent", "定检率（%）", "inspection coverage (%)"),
        ("/inspection_unknown", "检验日期不明", "inspection unknown"), ("/insured", "已投保", "insured"),
        ("/insurance_percent", "投保率（%）", "insurance coverage (%)"),
    ] },
    Export { route: "/api/v1/alarms", rows: "alarms", paging: "cursor", columns: &[
        ("/severity", "级别", "severity"), ("/state", "状态", "state"), ("/equipment_id", "设备", "equipment"),
        ("/equipment/name", "设备名称", "name"), ("/rule", "规则", "rule"), ("/title", "报警", "alarm"),
        ("/since", "起始（UTC）", "since (UTC)"), ("/changed", "变化（UTC）", "changed (UTC)"), ("/count", "次数", "count"),
        ("/detail", "情况", "detail"), ("/hazard", "隐患", "hazard"),
    ] },
    Export { route: "/api/v1/nodes", rows: "nodes", paging: "cursor", columns: &[
        ("/group", "组", "group"), ("/node", "终端", "node"), ("/state", "状态", "state"), ("/since", "自（UTC）", "since (UTC)"),
        ("/last_heard", "最近消息（UTC）", "last heard (UTC)"), ("/known", "在目录", "in the catalog"),
        ("/firmware", "固件", "firmware"), ("/completeness_percent", "数据完整率（%）", "completeness (%)"),
        ("/clock_offset_ms", "时钟偏差（毫秒）", "clock offset (ms)"), ("/seq_gaps", "断号", "sequence gaps"),
    ] },
    Export { route: "/api/v1/users", rows: "users", paging: "cursor", columns: &[
        ("/login", "登录名", "login"), ("/name", "姓名", "name"), ("/role", "角色", "role"), ("/unit", "单位代码", "unit"),
        ("/areas", "管辖区域", "areas"), ("/phone", "电话", "phone"), ("/active", "启用", "active"),
        ("/created", "建立（UTC）", "created (UTC)"), ("/changed", "修改（UTC）", "changed (UTC)"),
    ] },
    Export { route: "/api/v1/audit", rows: "entries", paging: "cursor", columns: &[
        ("/seq", "序号", "number"), ("/at", "时间（UTC）", "time (UTC)"), ("/login", "登录名", "login"), ("/role", "角色", "role"),
        ("/via", "方式", "by way of"), ("/address", "来源地址", "from"), ("/method", "方法", "method"), ("/route", "地址", "route"),
        ("/object", "对象", "about"), ("/area", "区划代码", "area code"), ("/status", "结果", "status"), ("/hash", "哈希", "hash"),
    ] },
];

fn of_route(route: &str) -> Option<&'static Export> {
    EXPORTS.iter().find(|export| export.route == route)
}

/// A table that is being asked for.
struct Table {
    export: &'static Export,
    zh: bool,
    next: Next,
    parts: Parts,
    /// The list's own query.
    query: Vec<(String, String)>,
}

/// Answers with the table where one is asked for; stands before the gate, which every page passes.
pub(super) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let Some(export) = route.and_then(|route| of_route(route.as_str())) else {
        return next.run(request).await;
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let Some(Query(mut query)) = pairs.ok().filter(|_| reads) else {
        return next.run(request).await;
    };
    let mut take = |name: &str| {
        let at = query.iter().position(|(known, _)| known == name)?;
        Some(query.remove(at).1)
    };
    let Some(format) = take("format") else {
        return next.run(request).await;
    };
    let zh = match take("lang").as_deref() {
        Some("zh") => true,
        Some("en") => false,
        Some(_) => return ApiError::bad_parameter("lang: zh or en").into_response(),
        None => app.config.web.language == Language::Zh,
    };
    match format.as_str() {
        "csv" if query.iter().any(|(name, _)| name == "limit") => {
            ApiError::bad_parameter("limit: a table has all rows; leave it out").into_response()
        }
        "csv" => {
            let (parts, _) = request.into_parts();
            let table = Table {
                export,
                zh,
                next,
                parts,
                query,
            };
            table.answer().await
        }
        _ => ApiError::bad_parameter("format: csv, or leave it out").into_response(),
    }
}

/// Why a page is not what a table is made of.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("a page of the list was answered with {0}")]
    Refused(StatusCode),
    #[error("a page of the list cannot be read: {0}")]
    Body(axum::Error),
    #[error("a page of the list cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl Table {
    /// The first page says whether there is a table; what goes wrong behind it cuts the answer off, so that nobody
    /// takes a part for the whole.
    async fn answer(mut self) -> Response {
        let first = match self.page().await {
            Ok(answer) if answer.status() != StatusCode::OK => return answer,
            Ok(answer) => self.rows(answer).await,
            Err(error) => return unavailable(&error),
        };
        let (rows, more) = match first {
            Ok(first) => first,
            Err(error) => return unavailable(&error),
        };
        let name = self.export.route.rsplit('/').next().unwrap_or_default();
        let headers = [
            (CONTENT_TYPE, CSV.to_owned()),
            (
                CONTENT_DISPOSITION,
                format!("attachment; filename=\"vigil-{name}.csv\""),
            ),
        ];
        let head: Vec<String> = self
            .export
            .columns
            .iter()
            .map(|(_, zh, en)| if self.zh { *zh } else { *en }.to_owned())
            .collect();
        let mut begin = b"\xef\xbb\xbf".to_vec();
        begin.extend(csv_line(&head));
        begin.extend(lines(&rows));
        if self.parts.method == Method::HEAD {
            return (headers, Body::empty()).into_response();
        }
        let state = (self, Some(Bytes::from(begin)), more);
        let stream = futures_util::stream::unfold(state, |(mut table, ready, more)| async move {
            if let Some(bytes) = ready {
                return Some((Ok(bytes), (table, None, more)));
            }
            if !more {
                return None;
            }
            let found = match table.page().await {
                Ok(answer) => table.rows(answer).await,
                Err(error) => Err(error),
            };
            match found {
                Ok((rows, more)) => Some((Ok(Bytes::from(lines(&rows))), (table, None, more))),
                Err(error) => {
                    tracing::warn!(%error, "a table was not finished");
                    Some((Err(std::io::Error::other(error)), (table, None, false)))
                }
            }
        });
        // Whoever packs the answer asks once more behind its end.
        (headers, Body::from_stream(stream.fuse())).into_response()
    }

    /// The list's own answer to what is asked next.
    async fn page(&mut self) -> Result<Response, Broken> {
        let mut query: Vec<(&str, &str)> = self.query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        query.push(("limit", AT_ONCE));
        let query = query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let address = format!("{}?{query}", self.parts.uri.path());
        let mut parts = self.parts.clone();
        parts.uri = Uri::try_from(address).map_err(|error| Broken::Body(axum::Error::new(error)))?;
        Ok(self
            .next
            .clone()
            .run(Request::from_parts(parts, Body::empty()))
            .await)
    }

    /// The rows of a page, and whether there are more; the next page is asked for from there.
    async fn rows(&mut self, answer: Response) -> Result<(Vec<Vec<String>>, bool), Broken> {
        if answer.status() != StatusCode::OK {
            return Err(Broken::Refused(answer.status()));
        }
        // The answer to HEAD has no body.
        let bytes = to_bytes(answer.into_body(), PAGE_BYTES)
            .await
            .map_err(Broken::Body)?;
        if self.parts.method == Method::HEAD {
            return Ok((Vec::new(), false));
        }
        let page: Value = serde_json::from_slice(&bytes)?;
        let rows = page.get(self.export.rows).and_then(Value::as_array);
        let rows = rows
            .into_iter()
            .flatten()
            .map(|row| {
                self.export
                    .columns
                    .iter()
                    .map(|(at, ..)| self.cell(row, at))
                    .collect()
            })
            .collect();
        let next = match page.get("next") {
            Some(Value::String(next)) => Some(next.clone()),
            Some(Value::Number(next)) => Some(next.to_string()),
            _ => None,
        };
        let next = next.filter(|_| !self.export.paging.is_empty());
        let more = next.is_some();
        if let Some(next) = next {
            self.query.retain(|(name, _)| name != self.export.paging);
            self.query.push((self.export.paging.to_owned(), next));
        }
        Ok((rows, more))
    }

    /// What stands in a row there, in the language of the table.
    fn cell(&self, row: &Value, at: &str) -> String {
        let own = if self.zh { "zh" } else { "en" };
        let value = row.pointer(at).or_else(|| row.pointer(&format!("{at}_{own}")));
        match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(yes)) => match (*yes, self.zh) {
                (true, true) => "是",
                (false, true) => "否",
                (true, false) => "yes",
                (false, false) => "no",
            }
            .to_owned(),
            Some(Value::Array(items)) => {
                let texts = items.iter().filter_map(Value::as_str);
                texts.collect::<Vec<_>>().join(" ")
            }
            Some(Value::Object(words)) => words
                .get(own)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            Some(number) => number.to_string(),
        }
    }
}

fn lines(rows: &[Vec<String>]) -> Vec<u8> {
    rows.iter().flat_map(|row| csv_line(row)).collect()
}

fn unavailable(error: &Broken) -> Response {
    tracing::error!(%error, "a table was not begun");
    ApiError::unavailable("not_exported", error.to_string()).into_response()
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _written = write!(all, "%{byte:02X}");
        }
        all
    })
}

/// Adds what is said above to the description.
pub(super) fn describe(description: &mut OpenApi) {
    for export in EXPORTS {
        let item = description.paths.paths.get_mut(export.route);
        let Some(list) = item.and_then(|item| item.get.as_mut()) else {
            continue;
        };
        describe_one(list);
    }
}

fn describe_one(list: &mut Operation) {
    let choice = |name: &str, choices: &[&'static str], what: &str| {
        let words = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(choices.iter().copied()));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(what))
            .schema(Some(words));
        RefOr::T(parameter.build())
    };
    let parameters = list.parameters.get_or_insert_default();
    parameters.push(choice(
        "format",
        &["csv"],
        "`csv`: all rows that are left, as a table for spreadsheets; without `limit`.",
    ));
    parameters.push(choice(
        "lang",
        &["zh", "en"],
        "With `format`: language of the table.",
    ));
    if let Some(RefOr::T(answer)) = list.responses.responses.get_mut("200") {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let table = ContentBuilder::new().schema(Some(text)).build();
        answer.content.insert("text/csv".to_owned(), RefOr::T(table));
    }
}

#[cfg(test)]
mod tests {
    use super::EXPORTS;
    use crate::api::openapi;
    use crate::people::rules::{Verb, of};

    #[test]
    fn every_table_is_of_a_list_with_these_rows_and_this_way_of_paging() {
        let description = serde_json::to_value(openapi()).unwrap();
        for export in EXPORTS {
            let list = &description["paths"][export.route]["get"];
            assert!(of(Verb::Get, export.route).is_some(), "{}", export.route);
            let name = |one: &serde_json::Value| one["name"].as_str().unwrap().to_owned();
            let parameters: Vec<String> = list["parameters"].as_array().unwrap().iter().map(name).collect();
            assert!(
                export.paging.is_empty() || parameters.iter().any(|one| one == export.paging),
                "{}",
                export.route
            );
            assert!(parameters.iter().any(|one| one == "format"));
            let answers = &list["responses"]["200"]["content"];
            assert!(answers["text/csv"].is_object());
            let page = answers["application/json"]["schema"]["$ref"].as_str().unwrap();
            let page = description.pointer(page.trim_start_matches('#')).unwrap();
            let row = page["properties"][export.rows]["items"]["$ref"].as_str().unwrap();
            let row = &description.pointer(row.trim_start_matches('#')).unwrap()["properties"];
            for (at, ..) in export.columns {
                let first = at.trim_start_matches('/').split('/').next().unwrap();
                let known = row.get(first).or_else(|| row.get(format!("{first}_zh")));
                assert!(known.is_some(), "{}: {at}", export.route);
            }
        }
    }
}

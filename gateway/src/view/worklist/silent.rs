//! Equipment nobody can see: no hazards there means nothing.

use super::super::overview::blind;
use super::{Asked, Found, LINES, MOST_COUNTED, WorkGroup, WorkLine, encoded};
use crate::view::{ViewError, Watch};

pub(super) fn source<'a>(asked: &'a Asked<'a>) -> Found<'a> {
    Box::pin(groups(asked))
}

async fn groups(asked: &Asked<'_>) -> Result<Vec<WorkGroup>, ViewError> {
    let (found, total) = blind(asked.app, &asked.person.sight()).await?;
    let lines = found.into_iter().take(LINES).map(|one| {
        let (title_zh, title_en) = match one.watch {
            Watch::Never => ("从未上报", "never heard"),
            Watch::Offline => ("离线", "offline"),
            Watch::Silent | Watch::Online => ("静默", "silent"),
        };
        WorkLine {
            href: format!("/equipment/{}", encoded(&one.card.id)),
            title_zh: title_zh.to_owned(),
            title_en: title_en.to_owned(),
            place_zh: one.card.name_zh,
            place_en: one.card.name_en,
            severity: None,
            due: None,
            day: None,
            since: one.since,
            late: false,
        }
    });
    let more = total > u64::from(MOST_COUNTED);
    Ok(vec![WorkGroup {
        key: "not_watched",
        title_zh: "无数据的设备",
        title_en: "Equipment without data",
        total: total.min(u64::from(MOST_COUNTED)),
        more,
        href: "/overview#silent".to_owned(),
        late: false,
        lines: lines.collect(),
    }])
}

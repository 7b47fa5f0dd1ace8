//! Fields a person fills in: there if they have to be, not too long, and what they are called.

use crate::hazard::said;
use crate::output::Refusal;

/// Longest text a person may say with a step, characters.
pub(super) const LONGEST_TEXT: usize = 4_000;
/// Longest single field, characters.
pub(super) const LONGEST_FIELD: usize = 2_000;

/// A text that must be there.
pub(crate) fn required(name: &str, text: &str) -> Result<String, Refusal> {
    short_enough(name, text, LONGEST_FIELD)?;
    said(text)
        .map(str::to_owned)
        .ok_or_else(|| bad_field(name, "not empty", "不能为空"))
}

/// What a field is called by who fills it in.
pub(super) fn field_zh(name: &str) -> &str {
    match name {
        "reason" => "说明",
        "unit" => "责任单位",
        "person" => "责任人",
        "leader" => "责任领导",
        "measures" => "整改措施",
        "funds" => "资金",
        "deadline" => "时限",
        "emergency_plan" => "应急预案",
        "percent" => "进度",
        "until" => "延期至",
        "grade" => "等级",
        "case" => "挂牌编号",
        "rectifier" => "整改人",
        "number" => "销号编号",
        "rules_made" => "制度成果",
        "name" => "文件名",
        "category" => "类别",
        "description" => "隐患描述",
        "equipment" => "设备或单位",
        "source" => "来源",
        "found_at" => "发现时间",
        "reporter" => "报告人",
        "clause" => "依据",
        "title_zh" | "title_en" => "标题",
        "attachments" => "附件",
        _ => name,
    }
}

pub(crate) fn bad_field(name: &str, want: &str, want_zh: &str) -> Refusal {
    Refusal::new(
        "bad_field",
        format!("{name}: {want}"),
        format!("{}：{want_zh}", field_zh(name)),
    )
    .about([name])
}

/// Nobody writes a novel.
pub(crate) fn short_enough(name: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    if text.chars().count() <= longest {
        return Ok(());
    }
    let (en, zh) = (
        format!("at most {longest} characters"),
        format!("最多 {longest} 个字符"),
    );
    Err(bad_field(name, &en, &zh))
}

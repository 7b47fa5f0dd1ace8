//! Whether an evidence bundle holds, said in plain words. Needs nothing but the file and, to know whose it is, the
//! gateway's public key.

mod heads;
mod readings;

use super::bundle::{ATTACHMENTS, Bundle, BundleError, EVENTS, MANIFEST, Manifest, PACK, SIGNATURE, SUMMARY};
use super::export::attached;
use super::key::PublicKey;
use serde::Serialize;
use std::fmt;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardEvent, HazardEventKind, HazardSummary, verify_chain};

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Yes.
    Yes,
    /// No: something was changed, or is missing.
    No,
    /// It could not be checked, which is no reproach.
    Unchecked,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable key.
    pub check: &'static str,
    /// Whether it holds.
    pub holds: Holds,
    /// In words, Chinese.
    pub zh: String,
    /// In words, English.
    pub en: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Nothing that was checked does not hold.
    pub holds: bool,
    /// Hazard id, as the bundle says.
    pub hazard: String,
    /// Fingerprint of the key that signed it.
    pub key: String,
    /// Everything that was checked.
    pub findings: Vec<Finding>,
}

/// Checks a bundle; `trusted` is the key it must be signed with.
///
/// # Errors
/// The file is no bundle at all.
pub fn verify(bytes: &[u8], trusted: Option<&PublicKey>) -> Result<Verdict, BundleError> {
    let bundle = Bundle::read(bytes)?;
    let manifest: Manifest = bundle.json(MANIFEST)?;
    let mut report = Report::default();
    let key = report.signature(&bundle, &manifest, trusted)?;
    report.parts(&bundle, &manifest);
    // From here on a part that cannot be read is a finding, not the end: the others still say something.
    match bundle.lines::<HazardEvent>(EVENTS) {
        Ok(events) => {
            report.chain(&bundle, &manifest, &events);
            report.times(&events);
            report.pack(&bundle, &events);
            report.readings(&bundle, &events);
            report.heads(&bundle, &events, key.as_ref());
            report.attachments(&bundle, &events);
        }
        Err(error) => report.unreadable(&error),
    }
    Ok(Verdict {
        holds: report.0.iter().all(|finding| finding.holds != Holds::No),
        hazard: manifest.hazard,
        key: key.map_or_else(String::new, |key| key.fingerprint()),
        findings: report.0,
    })
}

#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn say(&mut self, check: &'static str, holds: Holds, zh: impl Into<String>, en: impl Into<String>) {
        self.0.push(Finding {
            check,
            holds,
            zh: zh.into(),
            en: en.into(),
        });
    }

    fn unreadable(&mut self, error: &BundleError) {
        self.say(
            "content",
            Holds::No,
            format!("内容无法读取：{error}"),
            format!("the content cannot be read: {error}"),
        );
    }

    fn signature(
        &mut self,
        bundle: &Bundle,
        manifest: &Manifest,
        trusted: Option<&PublicKey>,
    ) -> Result<Option<PublicKey>, BundleError> {
        let signature = String::from_utf8_lossy(bundle.part(SIGNATURE)?).into_owned();
        let own = PublicKey::parse(&manifest.key).ok();
        let Some(key) = own else {
            self.say(
                "signature",
                Holds::No,
                "清单中没有可用的公钥",
                "the manifest names no usable public key",
            );
            return Ok(None);
        };
        if !key.verifies(bundle.part(MANIFEST)?, &signature) {
            self.say(
                "signature",
                Holds::No,
                "签名与清单不符：清单在签名后被改动",
                "the signature does not fit the manifest: it was changed after it was signed",
            );
        } else if trusted.is_some_and(|trusted| *trusted != key) {
            self.say(
                "signature",
                Holds::No,
                format!("由另一密钥签名（指纹 {}），不是所信任的网关", key.fingerprint()),
                format!(
                    "signed with another key (fingerprint {}), not by the gateway you trust",
                    key.fingerprint()
                ),
            );
        } else if trusted.is_some() {
            self.say(
                "signature",
                Holds::Yes,
                "由所信任的网关签名",
                "signed by the gateway you trust",
            );
        } else {
            self.say(
                "signature",
                Holds::Unchecked,
                format!(
                    "签名有效，但未给出公钥（--key）：请核对指纹 {}",
                    key.fingerprint()
                ),
                format!(
                    "the signature is in order, but no key was given (--key): compare the fingerprint {}",
                    key.fingerprint()
                ),
            );
        }
        Ok(Some(key))
    }

    fn parts(&mut self, bundle: &Bundle, manifest: &Manifest) {
        let mut wrong = Vec::new();
        for (name, hash) in &manifest.parts {
            match bundle.parts.get(name) {
                None => wrong.push((format!("缺少 {name}"), format!("{name} is missing"))),
                Some(content) if ContentHash::of(content) != *hash => {
                    wrong.push((format!("{name} 被改动"), format!("{name} was changed")));
                }
                Some(_) => {}
            }
        }
        for name in bundle.parts.keys() {
            if name != MANIFEST && name != SIGNATURE && !manifest.parts.contains_key(name) {
                wrong.push((format!("多出 {name}"), format!("{name} was added")));
            }
        }
        if wrong.is_empty() {
            self.say(
                "parts",
                Holds::Yes,
                "各部分与清单一致",
                "every part is what the manifest says",
            );
        }
        for (zh, en) in wrong {
            self.say("parts", Holds::No, zh, en);
        }
    }

    fn chain(&mut self, bundle: &Bundle, manifest: &Manifest, events: &[HazardEvent]) {
        let end = match verify_chain(events) {
            Ok(end) => end,
            Err(error) => {
                let seq = error.seq;
                self.say(
                    "chain",
                    Holds::No,
                    format!("事件链在第 {seq} 号事件处断开：事件被改动、删除或插入"),
                    format!(
                        "the chain breaks at event {seq} ({}): an event was changed, dropped or put in",
                        error.what
                    ),
                );
                return;
            }
        };
        if (end.events, end.head) != (manifest.events, manifest.head) || *end.id.0 != *manifest.hazard {
            self.say(
                "chain",
                Holds::No,
                format!(
                    "事件链被截断：清单记有 {} 个事件，文件中有 {}",
                    manifest.events, end.events
                ),
                format!(
                    "the chain was cut off: the manifest has {} events, the file {}",
                    manifest.events, end.events
                ),
            );
            return;
        }
        match bundle.json::<HazardSummary>(SUMMARY) {
            Ok(summary) if summary == end => self.say(
                "chain",
                Holds::Yes,
                format!("事件链完整：{} 个事件首尾相连，现状由其推出", end.events),
                format!(
                    "the chain is whole: {} events follow from each other and give the state shown",
                    end.events
                ),
            ),
            Ok(_) => self.say(
                "chain",
                Holds::No,
                "所示现状不是由事件推出的",
                "the state shown does not follow from the events",
            ),
            Err(error) => self.unreadable(&error),
        }
    }

    fn times(&mut self, events: &[HazardEvent]) {
        let back = events.windows(2).find(|pair| pair[1].at < pair[0].at);
        match back.map(|pair| pair[1].seq) {
            None => self.say(
                "times",
                Holds::Yes,
                "各步骤的时间先后有序",
                "the steps are in the order of their times",
            ),
            Some(seq) => self.say(
                "times",
                Holds::No,
                format!("第 {seq} 号事件的时间早于前一事件：日期被改动"),
                format!("event {seq} is dated before the one it follows: it was re-dated"),
            ),
        }
    }

    fn pack(&mut self, bundle: &Bundle, events: &[HazardEvent]) {
        let cited = events.iter().find_map(|event| match &event.kind {
            HazardEventKind::Opened { citation, .. } => Some(citation),
            _ => None,
        });
        let Some(citation) = cited else { return };
        let Some(content) = bundle.parts.get(PACK) else {
            self.say(
                "rule",
                Holds::Unchecked,
                "文件中没有规则包，无法核对规则文本",
                "the bundle has no rule pack: the rule's text cannot be compared",
            );
            return;
        };
        let named = serde_json::from_slice::<serde_json::Value>(content)
            .ok()
            .and_then(|pack| {
                let rules = pack.get("rules")?.as_array()?;
                let rule = rules
                    .iter()
                    .find(|rule| rule.get("id").and_then(|id| id.as_str()) == Some(&*citation.rule))?;
                rule.get("clause")?.as_str().map(str::to_owned)
            });
        if ContentHash::of(content) == citation.pack_hash && named.as_deref() == Some(&*citation.clause) {
            self.say(
                "rule",
                Holds::Yes,
                format!(
                    "规则 {}（{} {}）与立案时一致，依据：{}",
                    citation.rule, citation.pack, citation.pack_version, citation.clause
                ),
                format!(
                    "rule {} of {} {} is the one that opened the hazard, on the ground of {}",
                    citation.rule, citation.pack, citation.pack_version, citation.clause
                ),
            );
        } else {
            self.say(
                "rule",
                Holds::No,
                "规则包与立案时引用的不一致",
                "the rule pack is not the one that the hazard cites",
            );
        }
    }

    fn attachments(&mut self, bundle: &Bundle, events: &[HazardEvent]) {
        let named = attached(events);
        let count = named.len();
        let mut wrong = 0_u32;
        for hash in named {
            let content = bundle.parts.get(&format!("{ATTACHMENTS}{hash}"));
            if content.is_none_or(|content| ContentHash::of(content).to_string() != hash) {
                wrong += 1;
                self.say(
                    "attachments",
                    Holds::No,
                    format!("附件 {hash} 缺失或被替换"),
                    format!("attachment {hash} is missing or was swapped"),
                );
            }
        }
        if wrong == 0 && count > 0 {
            self.say(
                "attachments",
                Holds::Yes,
                format!("{count} 个附件与登记时一致"),
                format!("{count} attachments are what was attached"),
            );
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.in_words(false))
    }
}

impl Verdict {
    /// For people; one line a finding, then the verdict.
    #[must_use]
    pub fn in_words(&self, chinese: bool) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let (mark, words) = match (finding.holds, chinese) {
                (Holds::Yes, true) => ("成立　", &finding.zh),
                (Holds::No, true) => ("不成立", &finding.zh),
                (Holds::Unchecked, true) => ("未核对", &finding.zh),
                (Holds::Yes, false) => ("holds      ", &finding.en),
                (Holds::No, false) => ("DOES NOT   ", &finding.en),
                (Holds::Unchecked, false) => ("not checked", &finding.en),
            };
            text.push_str(mark);
            text.push_str("  ");
            text.push_str(words);
            text.push('\n');
        }
        let id = &self.hazard;
        text.push_str(&match (self.holds, chinese) {
            (true, true) => format!("结论：隐患 {id} 的证据包成立"),
            (false, true) => format!("结论：隐患 {id} 的证据包不成立"),
            (true, false) => format!("verdict: the evidence for hazard {id} holds"),
            (false, false) => format!("verdict: the evidence for hazard {id} DOES NOT hold"),
        });
        text
    }
}

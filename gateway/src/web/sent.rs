//! What a form sends, with files: read within limits, and files only from who may send them.

use super::Site;
use super::fault::Fault;
use super::page::Page;
use crate::app::{AttachmentError, attachments};
use crate::people::admin_name;
use axum::extract::multipart::Field;
use axum::extract::{Form, FromRequest as _, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::Attachment;
use vigil_core::people::Person;

/// Longest text of a field, bytes: more than any field takes, so that what is too long can be said.
const LONGEST: usize = 32 * 1024;
/// Fields of a form.
const MOST_FIELDS: usize = 200;
/// Files of a form.
const MOST_FILES: usize = 20;

/// What a form has sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    fields: Vec<(String, String)>,
    /// Files that are kept, those of an attempt before included.
    pub(crate) files: Vec<Attachment>,
    /// Why a file was not kept.
    pub(crate) unkept: Option<String>,
}

impl Sent {
    /// Reads a form. A file is only read once the form has shown who sends it: what vouches for it comes first.
    pub(crate) async fn read(site: &Site, page: &Page, request: Request) -> Result<Self, Fault> {
        let kind = request.headers().get(CONTENT_TYPE);
        let has_files = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("multipart/form-data"));
        let mut sent = Self::default();
        if has_files {
            let form = Multipart::from_request(request, &())
                .await
                .map_err(|error| Fault::BadRequest(error.body_text()))?;
            sent.take_parts(site, page, form).await?;
        } else {
            let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
            let Form(fields) = form.map_err(|error| Fault::BadRequest(error.body_text()))?;
            sent.fields = fields;
        }
        sent.take_kept(site, page).await?;
        Ok(sent)
    }

    async fn take_parts(&mut self, site: &Site, page: &Page, mut form: Multipart) -> Result<(), Fault> {
        while let Some(field) = form
            .next_field()
            .await
            .map_err(|error| Fault::BadRequest(error.body_text()))?
        {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "files" {
                // A field without a file is sent too.
                if field.file_name().is_some_and(|name| !name.is_empty()) {
                    self.take_file(site, page, field).await?;
                }
            } else if self.fields.len() < MOST_FIELDS {
                let text = text_of(field).await?;
                self.fields.push((name, text));
            }
        }
        Ok(())
    }

    async fn take_file(&mut self, site: &Site, page: &Page, field: Field<'_>) -> Result<(), Fault> {
        let Ok(person) = self.person(site, page) else {
            self.unkept = Some(
                page.pick(
                    "文件未保存：请先登录或填写令牌，再选择文件。",
                    "The file was not kept: sign in or give the token, then choose it again.",
                )
                .to_owned(),
            );
            return Ok(());
        };
        let name = field.file_name().unwrap_or_default().to_owned();
        if self.files.len() >= MOST_FILES {
            self.unkept = Some(format!(
                "{name}: {} {MOST_FILES}",
                page.pick("一次最多文件数", "files at once, at most")
            ));
            return Ok(());
        }
        // A few at a time: each lies in memory until it is on disk. Never closed: there is always a permit to come.
        let _permit = site.uploads.acquire().await.ok();
        let bytes = match field.bytes().await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(Fault::BadRequest(
                    page.pick(
                        "文件合计过大：每个最大 20 MB，一次合计最大 40 MB。请分次提交。",
                        "The files are too large: 20 MB each and 40 MB at once, at most. Send them in several steps.",
                    )
                    .to_owned(),
                ));
            }
            Err(error) => return Err(Fault::BadRequest(error.body_text())),
        };
        let (app, now) = (&site.app, site.app.clock.now());
        let kept = attachments::keep(&app.desk, &app.attachments, &name, bytes.into(), &person, now).await;
        match kept {
            Ok(kept) => self.add(kept),
            Err(AttachmentError::Store(error)) => return Err(Fault::Unavailable(error.to_string())),
            Err(
                error @ (AttachmentError::File { .. }
                | AttachmentError::Changed(_)
                | AttachmentError::Stopping),
            ) => {
                return Err(Fault::Unavailable(error.to_string()));
            }
            Err(AttachmentError::Kind) => {
                let why = page.pick(
                    "不是 JPEG、PNG、WebP 照片或 PDF 文件",
                    "is no JPEG, PNG or WebP picture and no PDF",
                );
                self.unkept = Some(format!("{name}: {why}"));
            }
            Err(AttachmentError::Empty) => {
                self.unkept = Some(format!("{name}: {}", page.pick("文件为空", "is empty")));
            }
            Err(AttachmentError::TooLarge(_)) => {
                let why = page.pick("超过 20 MB", "is larger than 20 MB");
                self.unkept = Some(format!("{name}: {why}"));
            }
        }
        Ok(())
    }

    /// Files of an attempt before, as the form names them: hash and name.
    async fn take_kept(&mut self, site: &Site, page: &Page) -> Result<(), Fault> {
        if self.person(site, page).is_err() {
            return Ok(());
        }
        let named: Vec<(ContentHash, String)> = self
            .all("kept")
            .filter_map(|kept| {
                let (hash, name) = kept.split_once(' ')?;
                Some((ContentHash::from_hex(hash)?, name.to_owned()))
            })
            .take(MOST_FILES)
            .collect();
        for (hash, name) in named {
            let known = attachments::find(&site.app.desk, &hash).await;
            let known = known.map_err(|error| Fault::Unavailable(error.to_string()))?;
            if let Some(mut known) = known {
                known.name = name;
                self.add(known);
            }
        }
        Ok(())
    }

    fn add(&mut self, file: Attachment) {
        if !self.files.iter().any(|known| known.sha256 == file.sha256) {
            self.files.push(file);
        }
    }

    /// A field; empty if it was not sent.
    pub(crate) fn text(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, value)| value)
    }

    fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        let named = self.fields.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The kept files as a form names them again.
    pub(crate) fn kept(&self) -> Vec<(String, String)> {
        self.files
            .iter()
            .map(|file| (format!("{} {}", file.sha256, file.name), file.name.clone()))
            .collect()
    }

    /// Who sends it: whoever is signed in with a form of ours, or who gives the admin token with it.
    ///
    /// # Errors
    /// Why he is not believed.
    pub(crate) fn person<'p>(&self, site: &Site, page: &'p Page) -> Result<Person, &'p str> {
        match &page.session {
            Some(session) if session.vouches_for(self.text("csrf")) => Ok(page.access.person.clone()),
            // The token itself vouches for a form that belongs to no session.
            _ if site.app.token.matches(self.text("token").trim()) => {
                Ok(Person::administrator(&admin_name(self.text("name"))))
            }
            Some(_) => Err(page.pick(
                "登录已变更，请再提交一次。",
                "Your session has changed; please send it again.",
            )),
            None => Err(page.pick(
                "管理令牌不对。只有持有令牌的人可以执行此步骤；请粘贴令牌，或先登录。",
                "The admin token is not right. Only who holds the token can take this step; paste it, or sign in first.",
            )),
        }
    }
}

/// The text of a part, of a length that is read.
async fn text_of(mut field: Field<'_>) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field
        .chunk()
        .await
        .map_err(|error| Fault::BadRequest(error.body_text()))?
    {
        if bytes.len() + chunk.len() > LONGEST {
            return Err(Fault::BadRequest(format!("a field has at most {LONGEST} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| Fault::BadRequest("a field is no UTF-8 text".to_owned()))
}

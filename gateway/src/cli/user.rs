//! `vigil user`: who may come in. Asks the gateway that runs, with the admin token; when none runs, writes the
//! database itself, which it then holds.

use super::{complain, print, runtime};
use crate::clock::Clock;
use crate::people::{Deed, ManageError, People, User, UserFacts, UserFilter};
use crate::reload::ConfigSource;
use crate::secrets::{AdminToken, SecretError, random_hex};
use crate::store::{self, StoreError, StoreOptions, Writer};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use vigil_core::people::Role;

mod client;

use client::{Client, ClientError};

/// Users shown at once.
const PAGE: u32 = 500;

/// Arguments of `vigil user`.
#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    what: What,
    /// Configuration file; without it `vigil.toml` if there is one, else the defaults.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Directory of the database and the admin token.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Where the gateway that runs can be reached, when not where the configuration says.
    #[arg(long, value_name = "ADDRESS", global = true)]
    http: Option<std::net::SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a user. Without a password file a password is made and printed once.
    Add {
        /// Small letters, digits, `.`, `-`, `_`; never changes.
        login: String,
        /// Name as people call him.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        place: Place,
        /// Phone.
        #[arg(long)]
        phone: Option<String>,
        /// `zh` or `en`.
        #[arg(long)]
        language: Option<String>,
        /// File whose first line is the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List users.
    List,
    /// Set a user's password; he is out everywhere. Without a file one is made and printed once.
    Password {
        /// Login.
        login: String,
        /// File whose first line is the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Let a user in no more: he is out at once, his tokens are void.
    Disable {
        /// Login.
        login: String,
    },
    /// Let a user in again.
    Enable {
        /// Login.
        login: String,
    },
    /// Give a user another role.
    Role {
        /// Login.
        login: String,
        #[command(flatten)]
        place: Place,
    },
}

/// What somebody does, and for whom.
#[derive(Debug, Args)]
struct Place {
    /// site, maintainer, inspection_body, regulator, department or administrator.
    #[arg(long, value_parser = role)]
    role: Role,
    /// Code of the unit (sites, maintainers, inspection bodies).
    #[arg(long)]
    unit: Option<String>,
    /// Prefix of area codes (regulators, departments); may be repeated; `*` is everywhere.
    #[arg(long = "area", value_name = "PREFIX")]
    areas: Vec<String>,
}

fn role(text: &str) -> Result<Role, String> {
    let known = || Role::ALL.map(Role::key).join(", ");
    Role::from_key(text).ok_or_else(|| format!("one of {}", known()))
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
enum UserError {
    #[error("the configuration is wrong; see `vigil check`: {0}")]
    Config(String),
    #[error("cannot read the password file {path}: {source}")]
    Password { path: PathBuf, source: std::io::Error },
    #[error("cannot make the data directory {path}: {source}")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error("asking the gateway that runs: {0}")]
    Client(#[from] ClientError),
    #[error("there is no user {0:?}")]
    NoUser(String),
}

/// Where users are kept, as far as it can be reached.
enum Keeper {
    /// No gateway runs: the database is held here meanwhile.
    Database { people: People, _held: Box<Writer> },
    /// The gateway that runs.
    Gateway(Client),
}

pub(super) fn main(args: &UserArgs) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("vigil user: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &UserArgs) -> Result<(), UserError> {
    let keeper = Keeper::reach(args).await?;
    match &args.what {
        What::Add {
            login,
            name,
            place,
            phone,
            language,
            password_file,
        } => {
            let (password, made) = password(password_file.as_deref())?;
            let facts = UserFacts {
                name: name.clone(),
                role: place.role,
                unit: place.unit.as_deref().map(Into::into),
                areas: areas(&place.areas),
                language: language.clone(),
                phone: phone.clone(),
                active: true,
            };
            keeper.add(login, &facts, &password).await?;
            print(&format!("made {login} ({})", place.role.key()));
            tell(made, &password);
        }
        What::List => {
            for (login, facts) in keeper.list().await? {
                let areas: Vec<&str> = facts
                    .areas
                    .iter()
                    .map(|area| if area.is_empty() { "*" } else { area })
                    .collect();
                let state = if facts.active { "active" } else { "disabled" };
                let unit = facts.unit.as_deref().unwrap_or("-");
                let role = facts.role.key();
                print(&format!(
                    "{login}\t{}\t{role}\t{unit}\t{}\t{state}",
                    facts.name,
                    areas.join(" ")
                ));
            }
        }
        What::Password { login, password_file } => {
            let (password, made) = password(password_file.as_deref())?;
            keeper.set_password(login, &password).await?;
            print(&format!(
                "{login} has another password and is signed out everywhere"
            ));
            tell(made, &password);
        }
        What::Disable { login } => {
            keeper.change(login, |facts| facts.active = false).await?;
            print(&format!("{login} may not come in any more"));
        }
        What::Enable { login } => {
            keeper.change(login, |facts| facts.active = true).await?;
            print(&format!("{login} may come in"));
        }
        What::Role { login, place } => {
            let change = |facts: &mut UserFacts| {
                facts.role = place.role;
                facts.unit = place.unit.as_deref().map(Into::into);
                facts.areas = areas(&place.areas);
            };
            keeper.change(login, change).await?;
            print(&format!("{login} is now {}", place.role.key()));
        }
    }
    keeper.close().await;
    Ok(())
}

fn areas(areas: &[String]) -> Vec<Arc<str>> {
    areas
        .iter()
        .map(|area| if area == "*" { "" } else { area }.into())
        .collect()
}

/// The first line of a file, or a new password; the flag says whether it was made.
fn password(file: Option<&Path>) -> Result<(String, bool), UserError> {
    let Some(path) = file else {
        let made: String = random_hex()?.chars().take(20).collect();
        return Ok((made, true));
    };
    let text = std::fs::read_to_string(path).map_err(|source| UserError::Password {
        path: path.to_owned(),
        source,
    })?;
    Ok((text.lines().next().unwrap_or_default().to_owned(), false))
}

fn tell(made: bool, password: &str) {
    if made {
        print(&format!("password (shown this once): {password}"));
    }
}

impl Keeper {
    async fn reach(args: &UserArgs) -> Result<Self, UserError> {
        let source = ConfigSource {
            path: args.config.clone(),
            data: args.data.clone(),
            http: args.http,
            mqtt: None,
        };
        let loaded = source
            .load()
            .map_err(|error| UserError::Config(error.to_string()))?;
        let config = loaded.config;
        let data = config.data_dir();
        std::fs::create_dir_all(&data).map_err(|source| UserError::DataDir {
            path: data.clone(),
            source,
        })?;
        let token_file = data.join("admin.token");
        let options = StoreOptions::new(config.database());
        match store::open(&options).await {
            Ok((writer, _)) => {
                let (token, _) = AdminToken::load_or_create(&token_file)?;
                let desk = store::desk(&options);
                let people = People::open(desk, Arc::new(token), Clock::system(), &loaded.catalog).await?;
                Ok(Self::Database {
                    people,
                    _held: Box::new(writer),
                })
            }
            Err(StoreError::InUse { .. }) => {
                let token = client::token(&token_file)?;
                Ok(Self::Gateway(Client::new(config.listen.http, token)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn add(&self, login: &str, facts: &UserFacts, password: &str) -> Result<(), UserError> {
        match self {
            Self::Database { people, .. } => {
                people.add_user(login, facts, password).await?;
                record(people, "POST", "/api/v1/users", login, 201).await
            }
            Self::Gateway(client) => {
                let mut body = said(facts);
                body["login"] = json!(login);
                body["password"] = json!(password);
                // A new user is active.
                if let Some(body) = body.as_object_mut() {
                    body.remove("active");
                }
                client.send("POST", "/api/v1/users", None, Some(&body)).await?;
                Ok(())
            }
        }
    }

    async fn list(&self) -> Result<Vec<(String, UserFacts)>, UserError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page: Vec<(String, UserFacts)> = match self {
                Self::Database { people, .. } => {
                    let filter = UserFilter {
                        after: after.clone(),
                        ..UserFilter::default()
                    };
                    let users = people.users(&filter, PAGE).await?;
                    let pair = |user: User| (user.login.to_string(), user.facts);
                    users.into_iter().map(pair).collect()
                }
                Self::Gateway(client) => {
                    let cursor = after
                        .as_ref()
                        .map(|after| format!("&cursor={after}"))
                        .unwrap_or_default();
                    let path = format!("/api/v1/users?limit={PAGE}{cursor}");
                    let (body, _) = client.send("GET", &path, None, None).await?;
                    let users = body["users"].as_array().cloned().unwrap_or_default();
                    let pair = |user: &Value| (text(user, "login"), heard(user));
                    users.iter().map(pair).collect()
                }
            };
            let full = page.len() as u64 >= u64::from(PAGE);
            after = page.last().map(|(login, _)| login.clone());
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    async fn set_password(&self, login: &str, password: &str) -> Result<(), UserError> {
        match self {
            Self::Database { people, .. } => {
                people.set_password(login, password).await?;
                record(people, "POST", "/api/v1/users/{login}/password", login, 200).await
            }
            Self::Gateway(client) => {
                let path = format!("{}/password", address(login)?);
                let body = json!({ "password": password });
                client.send("POST", &path, None, Some(&body)).await?;
                Ok(())
            }
        }
    }

    async fn change(&self, login: &str, change: impl FnOnce(&mut UserFacts)) -> Result<(), UserError> {
        match self {
            Self::Database { people, .. } => {
                let user = people.user(login).await?;
                let user = user.ok_or_else(|| UserError::NoUser(login.to_owned()))?;
                let mut facts = user.facts;
                change(&mut facts);
                people.change_user(login, &facts, user.version).await?;
                record(people, "PUT", "/api/v1/users/{login}", login, 200).await
            }
            Self::Gateway(client) => {
                let path = address(login)?;
                let (user, version) = client.send("GET", &path, None, None).await?;
                let mut facts = heard(&user);
                change(&mut facts);
                client
                    .send("PUT", &path, version.as_deref(), Some(&said(&facts)))
                    .await?;
                Ok(())
            }
        }
    }

    async fn close(self) {
        if let Self::Database { people, .. } = self {
            people.close().await;
        }
    }
}

/// What was done at the database stands in the audit log like what was done through the gateway.
async fn record(
    people: &People,
    method: &str,
    route: &str,
    object: &str,
    status: u16,
) -> Result<(), UserError> {
    let deed = Deed {
        at: Clock::system().now(),
        login: crate::people::ADMIN.to_owned(),
        role: Role::Administrator.key().to_owned(),
        via: "command_line".to_owned(),
        address: String::new(),
        method: method.to_owned(),
        route: route.to_owned(),
        object: object.to_owned(),
        area: String::new(),
        status,
    };
    Ok(people.record(deed).await?)
}

/// Where a user stands in the API; what cannot be a login is nobody's.
fn address(login: &str) -> Result<String, UserError> {
    let login = vigil_core::sign_in::login(login).map_err(|_| UserError::NoUser(login.to_owned()))?;
    Ok(format!("/api/v1/users/{login}"))
}

fn said(facts: &UserFacts) -> Value {
    json!({
        "name": facts.name, "role": facts.role.key(), "unit": facts.unit, "areas": facts.areas,
        "language": facts.language, "phone": facts.phone, "active": facts.active,
    })
}

fn text(user: &Value, key: &str) -> String {
    user[key].as_str().unwrap_or_default().to_owned()
}

fn heard(user: &Value) -> UserFacts {
    let maybe = |key: &str| user[key].as_str().map(str::to_owned);
    let areas = user["areas"].as_array().cloned().unwrap_or_default();
    UserFacts {
        name: text(user, "name"),
        // A role of a later version does the least.
        role: Role::from_key(&text(user, "role")).unwrap_or(Role::Department),
        unit: maybe("unit").map(Into::into),
        areas: areas
            .iter()
            .filter_map(|area| area.as_str().map(Into::into))
            .collect(),
        language: maybe("language"),
        phone: maybe("phone"),
        active: user["active"].as_bool().unwrap_or_default(),
    }
}

//! How a node behaves.

/// How the node behaves. Times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config<'d> {
    /// Data messages name metrics by alias instead of by name.
    pub aliases: bool,
    /// Keep every data message until the gateway has it on disk. Without: best effort, as plain Sparkplug.
    pub journal: bool,
    /// A device that reports nothing new for this long sends its confirmed values again; a node that sent nothing at
    /// all for this long says that it is alive. 0: never.
    pub heartbeat_ms: u32,
    /// Wait for this host application to be online before giving birth, and leave when it goes offline.
    pub primary_host: Option<&'d str>,
    /// Servers the driver can connect to; the session walks them when the primary host is offline.
    pub servers: u8,
    /// Journaled messages not acknowledged for this long are sent again; doubles up to 32 times that.
    pub ack_timeout_ms: u32,
    /// Journaled messages resent at most per [`Config::history_interval_ms`].
    pub history_burst: u16,
    /// Pace of resending.
    pub history_interval_ms: u32,
    /// Changes of the journal's own state are told at most this often.
    pub status_interval_ms: u32,
    /// First wait before connecting again.
    pub reconnect_min_ms: u32,
    /// Longest wait before connecting again.
    pub reconnect_max_ms: u32,
    /// Obey `Node Control/Time`.
    pub accept_time: bool,
}

impl Config<'_> {
    /// A journaling node on one server.
    pub const DEFAULT: Config<'static> = Config {
        aliases: true,
        journal: true,
        heartbeat_ms: 20_000,
        primary_host: None,
        servers: 1,
        ack_timeout_ms: 15_000,
        history_burst: 50,
        history_interval_ms: 100,
        status_interval_ms: 2_000,
        reconnect_min_ms: 200,
        reconnect_max_ms: 30_000,
        accept_time: true,
    };
}

//! Ports: what carries the bytes of a line.

use std::time::Duration;

use serial2_tokio::SerialPort;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Port, QUEUE, ServeError};

/// Between two attempts to open a serial port again.
const PAUSE: Duration = Duration::from_millis(200);

/// Something from a port.
pub(super) struct FromPort {
    /// Position of the line.
    pub(super) line: usize,
    pub(super) heard: Heard,
}

/// What a port tells.
pub(super) enum Heard {
    /// A master is there; what is sent here goes to it.
    Connected(mpsc::Sender<Vec<u8>>),
    /// It is gone.
    Disconnected,
    /// It said this.
    Bytes(Vec<u8>),
}

/// The slaves' end of a port.
#[derive(Clone)]
struct Ear {
    line: usize,
    send: mpsc::Sender<FromPort>,
}

impl Ear {
    async fn tell(&self, heard: Heard) {
        let line = self.line;
        // Nobody listens any more when the slaves have ended.
        let _heard = self.send.send(FromPort { line, heard }).await.is_ok();
    }
}

/// Opens a port; where it is.
pub(super) async fn open(
    line: usize,
    port: &Port,
    send: mpsc::Sender<FromPort>,
    cancel: CancellationToken,
) -> Result<String, ServeError> {
    let ear = Ear { line, send };
    match port {
        Port::Listen(address) => {
            let listening = |source| ServeError::Listen {
                address: *address,
                source,
            };
            let listener = TcpListener::bind(address).await.map_err(listening)?;
            let at = listener.local_addr().map_err(listening)?.to_string();
            tokio::spawn(async move {
                tokio::select! {
                    () = listen(&listener, &ear) => {}
                    () = cancel.cancelled() => {}
                }
            });
            Ok(at)
        }
        Port::Serial { path, baud } => {
            let at = path.display().to_string();
            let opening = |source| ServeError::Serial {
                path: at.clone(),
                source,
            };
            let mut open = SerialPort::open(path, *baud).map_err(opening)?;
            let (path, baud) = (path.clone(), *baud);
            tokio::spawn(async move {
                let serve = async {
                    loop {
                        carry(&mut open, &ear).await;
                        open = loop {
                            tokio::time::sleep(PAUSE).await;
                            match SerialPort::open(&path, baud) {
                                Ok(open) => break open,
                                Err(error) => tracing::debug!(%error, "opening {} again", path.display()),
                            }
                        };
                    }
                };
                tokio::select! {
                    () = serve => {}
                    () = cancel.cancelled() => {}
                }
            });
            Ok(at)
        }
    }
}

/// Takes connections. A line has one master: a new one takes the place of the one before.
async fn listen(listener: &TcpListener, ear: &Ear) {
    let mut next = None;
    loop {
        let mut stream = match next.take() {
            Some(stream) => stream,
            None => accept(listener).await,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "bytes may be held back on this connection");
        }
        tokio::select! {
            () = carry(&mut stream, ear) => {}
            newer = accept(listener) => {
                ear.tell(Heard::Disconnected).await;
                next = Some(newer);
            }
        }
    }
}

async fn accept(listener: &TcpListener) -> tokio::net::TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Carries bytes both ways until the other end is gone.
async fn carry(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), ear: &Ear) {
    let (mut read, mut write) = tokio::io::split(stream);
    let (out, mut outgoing) = mpsc::channel::<Vec<u8>>(QUEUE);
    ear.tell(Heard::Connected(out)).await;
    let hear = async {
        let mut buffer = [0; 512];
        loop {
            match read.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => ear.tell(Heard::Bytes(buffer[..count].to_vec())).await,
            }
        }
    };
    let speak = async {
        while let Some(bytes) = outgoing.recv().await {
            if write.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = hear => {}
        () = speak => {}
    }
    ear.tell(Heard::Disconnected).await;
}

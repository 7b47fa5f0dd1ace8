//! A stream that sends no request while something is still unread.
//!
//! Bytes that came when nobody had asked are the late answer to an older request: with a new request out they would be
//! taken for its answer. And a connection the other side has closed since is known before the request, not after it.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSent {
    /// The connection is closed.
    #[error("the connection was closed before the request")]
    Closed,
    /// Bytes nobody had asked for.
    #[error("{0} bytes nobody had asked for came before the request")]
    Stray(usize),
}

impl NotSent {
    /// Whether an error says that nothing was sent.
    pub(super) fn of(error: &Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Set before each request.
#[derive(Clone, Debug, Default)]
pub(super) struct Fresh(Arc<AtomicBool>);

impl Fresh {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(super) struct Guarded<T> {
    inner: T,
    fresh: Fresh,
}

impl<T> Guarded<T> {
    pub(super) const fn new(inner: T, fresh: Fresh) -> Self {
        Self { inner, fresh }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.fresh.0.swap(false, Ordering::Relaxed) {
            let mut unread = [0; 512];
            let mut unread = ReadBuf::new(&mut unread);
            let not_sent = match Pin::new(&mut self.inner).poll_read(cx, &mut unread) {
                Poll::Pending => None,
                Poll::Ready(Ok(())) if unread.filled().is_empty() => Some(NotSent::Closed),
                Poll::Ready(Ok(())) => Some(NotSent::Stray(unread.filled().len())),
                Poll::Ready(Err(_)) => Some(NotSent::Closed),
            };
            if let Some(not_sent) = not_sent {
                return Poll::Ready(Err(Error::new(ErrorKind::NotConnected, not_sent)));
            }
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fresh, Guarded, NotSent};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn nothing_is_sent_over_unread_bytes_or_a_closed_end() {
        let (near, mut far) = tokio::io::duplex(64);
        let fresh = Fresh::default();
        let mut guarded = Guarded::new(near, fresh.clone());
        fresh.set();
        guarded.write_all(b"ask").await.unwrap();
        let mut heard = [0; 3];
        far.read_exact(&mut heard).await.unwrap();
        far.write_all(b"late").await.unwrap();
        fresh.set();
        let error = guarded.write_all(b"ask").await.unwrap_err();
        assert_eq!(NotSent::of(&error), Some(NotSent::Stray(4)));
        drop(far);
        fresh.set();
        let error = guarded.write_all(b"ask").await.unwrap_err();
        assert_eq!(NotSent::of(&error), Some(NotSent::Closed));
    }
}

//! One request and its answer. Nothing else in the gateway makes requests, and there are four of them.

use super::guard::{Fresh, NotSent};
use super::link::Link;
use std::time::Duration;
use tokio::time::timeout;
use tokio_modbus::client::{Client as _, Context};
use tokio_modbus::slave::{Slave, SlaveContext as _};
use tokio_modbus::{Error, ProtocolError, Request, Response};
use vigil_core::modbus::{Block, Data, Function, ReadFailure};

/// A connection requests go over, one at a time.
pub(super) struct Connection {
    context: Context,
    fresh: Fresh,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What was asked for.
    Data(Data),
    /// The device has answered and refuses.
    Exception(u8),
    /// The request was not sent: the connection is of no use, and nothing is lost.
    NotSent(NotSent),
    /// Whatever else: the answer may still come. The connection must not be used again.
    Failed(ReadFailure),
}

impl Connection {
    pub(super) fn new(link: &Link, opened: super::link::Opened) -> Self {
        let fresh = Fresh::default();
        Self {
            context: link.attach(opened, fresh.clone()),
            fresh,
        }
    }

    /// Asks a unit for a block.
    pub(super) async fn read(&mut self, unit: u8, block: Block, deadline: Duration) -> Answer {
        self.fresh.set();
        self.context.set_slave(Slave(unit));
        // Without the runtime's budget: a read it held back would look as if nothing were unread.
        let call = tokio::task::unconstrained(self.context.call(request(block)));
        match timeout(deadline, call).await {
            Err(_elapsed) => Answer::Failed(ReadFailure::Timeout),
            Ok(Ok(Ok(response))) => {
                data(block, response).map_or(Answer::Failed(ReadFailure::Mismatch), Answer::Data)
            }
            Ok(Ok(Err(exception))) => Answer::Exception(exception.into()),
            Ok(Err(Error::Transport(error))) => transport(&error),
            Ok(Err(Error::Protocol(
                ProtocolError::HeaderMismatch { .. } | ProtocolError::FunctionCodeMismatch { .. },
            ))) => Answer::Failed(ReadFailure::Mismatch),
        }
    }
}

const fn request(block: Block) -> Request<'static> {
    let Block {
        function,
        start,
        count,
    } = block;
    match function {
        Function::Coils => Request::ReadCoils(start, count),
        Function::DiscreteInputs => Request::ReadDiscreteInputs(start, count),
        Function::HoldingRegisters => Request::ReadHoldingRegisters(start, count),
        Function::InputRegisters => Request::ReadInputRegisters(start, count),
    }
}

/// The data, if they are as many as were asked for: neither the library nor every device sees to that.
fn data(block: Block, response: Response) -> Option<Data> {
    match (block.function, response) {
        (Function::HoldingRegisters, Response::ReadHoldingRegisters(words))
        | (Function::InputRegisters, Response::ReadInputRegisters(words)) => {
            (words.len() == usize::from(block.count)).then_some(Data::Words(words))
        }
        (Function::Coils, Response::ReadCoils(mut bits))
        | (Function::DiscreteInputs, Response::ReadDiscreteInputs(mut bits)) => {
            // Whole bytes come, of which the last is filled up.
            let fits = bits.len() == 8 * usize::from(block.data_bytes());
            bits.truncate(block.count.into());
            fits.then_some(Data::Bits(bits))
        }
        _ => None,
    }
}

fn transport(error: &std::io::Error) -> Answer {
    use std::io::ErrorKind::{InvalidData, InvalidInput};
    if let Some(not_sent) = NotSent::of(error) {
        return Answer::NotSent(not_sent);
    }
    Answer::Failed(match error.kind() {
        InvalidData | InvalidInput => ReadFailure::Mismatch,
        _ => ReadFailure::Closed,
    })
}

#[cfg(test)]
mod tests {
    use super::{data, request};
    use tokio_modbus::Response;
    use vigil_core::modbus::{Block, Data, Function};

    fn block(function: Function, count: u16) -> Block {
        Block::new(function, 7, count).unwrap()
    }

    #[test]
    fn requests_have_the_codes_that_read() {
        for function in Function::ALL {
            let code = request(block(function, 1)).function_code();
            assert_eq!(code.value(), function.code());
        }
    }

    #[test]
    fn an_answer_of_another_length_or_function_is_none() {
        let holding = block(Function::HoldingRegisters, 2);
        let words = |count: u16| Response::ReadHoldingRegisters((0..count).collect());
        assert_eq!(data(holding, words(2)), Some(Data::Words(vec![0, 1])));
        assert_eq!(data(holding, words(1)), None);
        assert_eq!(data(holding, words(3)), None);
        assert_eq!(data(holding, Response::ReadInputRegisters(vec![0, 1])), None);
        let coils = block(Function::Coils, 9);
        assert_eq!(
            data(coils, Response::ReadCoils(vec![true; 16])),
            Some(Data::Bits(vec![true; 9]))
        );
        assert_eq!(data(coils, Response::ReadCoils(vec![true; 8])), None);
        assert_eq!(data(coils, Response::ReadCoils(vec![true; 24])), None);
        assert_eq!(data(coils, Response::ReadDiscreteInputs(vec![true; 16])), None);
    }
}

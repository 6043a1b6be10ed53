//! `tcpopen`, `tcpopen6`: a connection can be opened.

use super::connection::{Connection, Event};
use super::kind::{Context, Exchange, Failure, Flow, Input, Outcome};
use crate::conf::model::Probe;
use crate::time::Instant;

/// A connection is opened and reset. One that does not open goes on until the timeout, then another one begins.
#[derive(Debug)]
pub(super) struct TcpOpen {
    port: u16,
    connection: Option<Connection>,
}

impl TcpOpen {
    pub(super) fn new(port: u16) -> Self {
        Self { port, connection: None }
    }
}

impl Exchange for TcpOpen {
    fn ask(&mut self, context: &mut Context<'_>) {
        match &mut self.connection {
            Some(connection) if !context.is_over(connection.begun()) => connection.expire(context),
            old => {
                *old = None;
                *old = Connection::begin(context, self.port, Vec::new());
            }
        }
    }

    fn hear(&mut self, context: &mut Context<'_>, input: &Input) -> Option<Outcome> {
        let Input::Segment(segment) = input else { return None };
        let connection = self.connection.as_mut()?;
        let outcome = match connection.hear(context, segment)? {
            Event::Open => Outcome::Passed(context.now.since(connection.begun())),
            _ => Outcome::Failed(Failure::Refused),
        };
        connection.reset(context);
        self.connection = None;
        Some(outcome)
    }

    fn flow(&self) -> Option<Flow> {
        self.connection.as_ref().map(Connection::flow)
    }

    fn so_far(&self) -> Option<&'static str> {
        self.connection.as_ref().and_then(Connection::so_far)
    }

    fn deadline(&self, probe: &Probe) -> Option<Instant> {
        self.connection.as_ref().and_then(|connection| connection.deadline(probe.interval))
    }

    fn expire(&mut self, context: &mut Context<'_>) -> Option<Outcome> {
        self.connection.as_mut()?.expire(context);
        None
    }
}

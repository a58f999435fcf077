//! Tests that turn the holding thread by hand: what a socket brings is there before the thread looks at it.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use mio::{Poll, Waker};

use super::Keeper;
use crate::load::hold::holder::{Doorbell, WAKE};
use crate::load::hold::testing::{Hearing, opened, pinging};
use crate::load::hold::wire::{Plain, Wire};
use crate::record::FailureKind;

/// Header, mask and sequence of a ping.
const PING: usize = 10;
/// Header and sequence of a pong.
const PONG: usize = 6;
const PONG_TIMEOUT: Duration = Duration::from_millis(20);

fn keeper(owner: &Arc<Hearing>) -> Keeper<Plain> {
    let poll = Poll::new().unwrap();
    let waker = Waker::new(poll.registry(), WAKE).unwrap();
    let doorbell = Doorbell { waker, rung: AtomicBool::new(false), alive: AtomicU32::new(0) };
    let settings = pinging(Duration::from_secs(3_600), PONG_TIMEOUT);
    let (_, inbox) = channel();
    Keeper::new(poll, inbox, Arc::new(doorbell), Arc::<Hearing>::clone(owner), settings)
}

/// Adopts a connection, and has a heartbeat sent over it; the other end, which has read it.
fn beaten(keeper: &mut Keeper<Plain>, owner: &Hearing, ordinal: u32) -> TcpStream {
    let (adopted, mut other) = opened(owner, ordinal, Plain::new);
    keeper.doorbell.alive.fetch_add(1, Ordering::AcqRel);
    keeper.adopt(adopted);
    beat(keeper, ordinal, &mut other);
    other
}

/// Has a heartbeat sent, which the other end has then read.
fn beat(keeper: &mut Keeper<Plain>, key: u32, other: &mut TcpStream) {
    let after_the_last = keeper.connections[key as usize].as_ref().unwrap().planned + 1;
    assert!(keeper.beat(key, after_the_last.max(keeper.now() + 1)));
    other.read_exact(&mut [0; PING]).unwrap();
}

/// Sends the answer to the heartbeat of that sequence, and has it read.
fn answer(keeper: &mut Keeper<Plain>, key: usize, other: &mut TcpStream, sequence: u8) {
    other.write_all(&pong(sequence)).unwrap();
    await_bytes(keeper, key, PONG);
    keeper.read(key, false);
}

fn pong(sequence: u8) -> [u8; PONG] {
    [0x8A, 4, 0, 0, 0, sequence]
}

/// Waits until so many bytes can be read, and reads none of them.
fn await_bytes(keeper: &mut Keeper<Plain>, key: usize, bytes: usize) {
    let socket = keeper.connections[key].as_mut().unwrap().wire.socket();
    while socket.peek(&mut vec![0; bytes]).ok() != Some(bytes) {
        std::thread::yield_now();
    }
}

#[test]
fn an_answer_that_lies_unread_is_read_before_a_connection_is_given_up() {
    let owner = Arc::new(Hearing::default());
    let mut keeper = keeper(&owner);
    let mut answers = beaten(&mut keeper, &owner, 0);
    let _mute = beaten(&mut keeper, &owner, 1);
    // The pong of heartbeat 1, which nobody looks at: the keeper does not wait for its sockets here.
    answers.write_all(&pong(1)).unwrap();
    await_bytes(&mut keeper, 0, PONG);
    std::thread::sleep(2 * PONG_TIMEOUT);
    assert!(keeper.answers.next().is_some_and(|due| due < keeper.now()), "overdue");
    keeper.on_time();
    assert_eq!(*owner.failed.lock().unwrap(), [(1, FailureKind::PongTimeout)], "who said nothing, alone");
    assert_eq!(keeper.connections[0].as_ref().unwrap().beats.answered, 1);
}

#[test]
fn after_the_hold_a_last_answer_counts_whatever_comes_in_one_read_with_it() {
    let (going_away, masked_by_a_server) = ([0x88, 2, 0x03, 0xE9], [0x8A, 0x80, 0, 0]);
    for behind in [going_away, masked_by_a_server] {
        let owner = Arc::new(Hearing::default());
        let mut keeper = keeper(&owner);
        let mut other = beaten(&mut keeper, &owner, 0);
        keeper.end_hold();
        assert_eq!(owner.counters.held.load(Ordering::Acquire), 0, "an answer is due");
        other.write_all(&[&pong(1)[..], &behind].concat()).unwrap();
        await_bytes(&mut keeper, 0, PONG + behind.len());
        keeper.read(0, false);
        assert_eq!(*owner.failed.lock().unwrap(), [], "{behind:x?}");
        assert_eq!(owner.counters.held.load(Ordering::Acquire), 1, "{behind:x?}");
        assert!(keeper.connections[0].is_none(), "it is over, {behind:x?}");
    }
}

#[test]
fn what_keeps_connections_alive_until_their_close_counts_as_bytes_alone() {
    let owner = Arc::new(Hearing::default());
    let mut keeper = keeper(&owner);
    // Whose turn to be closed comes before the others'.
    let _first = beaten(&mut keeper, &owner, 0);
    // Interrupted in mid-hold: an answer to a heartbeat of the hold is still due here, and counts.
    let mut owed = beaten(&mut keeper, &owner, 1);
    let mut answered = beaten(&mut keeper, &owner, 2);
    answer(&mut keeper, 2, &mut answered, 1);
    keeper.close_all(Some(1e-6));
    let numbers = || {
        let counters = &owner.counters;
        let sample = counters.sample(0);
        let (rtt, late) = (counters.heartbeat_latencies().count(), counters.heartbeat_lateness().count());
        (sample.heartbeats_sent, sample.heartbeats_answered, rtt, late)
    };
    assert_eq!(numbers(), (3, 1, 1, 3), "those of the hold");
    let bytes_sent = owner.counters.sample(0).bytes_sent;
    for (key, other) in [(2, &mut answered), (1, &mut owed)] {
        beat(&mut keeper, key, other);
    }
    assert_eq!(numbers(), (3, 1, 1, 3), "they only keep alive");
    assert_eq!(owner.counters.sample(0).bytes_sent, bytes_sent + 2 * PING as u64);
    answer(&mut keeper, 2, &mut answered, 2);
    assert_eq!(numbers(), (3, 1, 1, 3), "sent after the hold");
    answer(&mut keeper, 1, &mut owed, 2);
    assert_eq!(numbers(), (3, 2, 2, 3), "it answers the one of the hold too");
    assert!(!keeper.connections[1].as_ref().unwrap().beats.is_awaiting());
}

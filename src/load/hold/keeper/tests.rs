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
use crate::load::hold::HolderSettings;
use crate::load::hold::closing::CLOSE_PATIENCE;
use crate::load::hold::connection::State;
use crate::load::hold::holder::{Doorbell, WAKE};
use crate::load::hold::testing::{Hearing, opened, pinging};
use crate::load::hold::wire::{Plain, Wire};
use crate::plan::Conversation;
use crate::record::FailureKind;

/// Header, mask and sequence of a ping.
const PING: usize = 10;
/// Header and sequence of a pong.
const PONG: usize = 6;
const PONG_TIMEOUT: Duration = Duration::from_millis(20);

fn keeper(owner: &Arc<Hearing>) -> Keeper<Plain> {
    conversing(owner, Conversation::default())
}

fn conversing(owner: &Arc<Hearing>, conversation: Conversation) -> Keeper<Plain> {
    let poll = Poll::new().unwrap();
    let waker = Waker::new(poll.registry(), WAKE).unwrap();
    let doorbell = Doorbell { waker, rung: AtomicBool::new(false), alive: AtomicU32::new(0) };
    let settings = HolderSettings {
        conversation: Arc::new(conversation),
        ..pinging(Duration::from_secs(3_600), PONG_TIMEOUT)
    };
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

fn state(keeper: &Keeper<Plain>, key: usize) -> Option<State> {
    keeper.connections[key].as_ref().map(|connection| connection.state)
}

/// Opcodes and payloads of the frames that the other end has got when the stream has ended.
fn frames(mut other: TcpStream) -> Vec<(u8, Vec<u8>)> {
    let mut bytes = Vec::new();
    other.read_to_end(&mut bytes).unwrap();
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while let [first, second, a, b, c, d, behind @ ..] = rest {
        let (payload, next) = behind.split_at(usize::from(second & 0x7F));
        let mask = [a, b, c, d].into_iter().cycle();
        frames.push((first & 0x0F, payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()));
        rest = next;
    }
    frames
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
        assert_eq!(state(&keeper, 0), Some(State::AwaitingEnd), "{behind:x?}");
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

const CLOSE: u8 = 0x8;
/// A server's close frame of code 1001.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xE9];

#[test]
fn a_connection_that_the_peer_closes_fails_at_once_and_its_socket_waits_for_the_peers_end() {
    let masked = [0x8A, 0x80, 0, 0];
    for (last, kind, code) in [
        (&GOING_AWAY[..], FailureKind::Closed(1001), &[0x03, 0xE9][..]),
        (&[0x88, 0], FailureKind::Closed(1005), &[]),
        (&masked, FailureKind::Protocol, &[0x03, 0xEA]),
    ] {
        let owner = Arc::new(Hearing::default());
        let mut keeper = keeper(&owner);
        let mut other = beaten(&mut keeper, &owner, 0);
        other.write_all(last).unwrap();
        await_bytes(&mut keeper, 0, last.len());
        keeper.read(0, false);
        assert_eq!(*owner.failed.lock().unwrap(), [(0, kind)]);
        assert_eq!(owner.counters.sample(0).open, 0, "it is open no longer");
        // Neither what comes, nor an answer that is due, nor the end of the hold changes anything.
        std::thread::sleep(2 * PONG_TIMEOUT);
        other.write_all(&pong(1)).unwrap();
        await_bytes(&mut keeper, 0, PONG);
        keeper.on_time();
        keeper.read(0, false);
        keeper.end_hold();
        keeper.close_all(None);
        assert_eq!(state(&keeper, 0), Some(State::AwaitingEnd), "{kind:?}");
        assert_eq!(keeper.doorbell.alive.load(Ordering::Acquire), 1, "the level's end waits for it");
        other.shutdown(std::net::Shutdown::Write).unwrap();
        while state(&keeper, 0).is_some() {
            keeper.read(0, false);
        }
        assert_eq!(keeper.doorbell.alive.load(Ordering::Acquire), 0);
        assert_eq!(frames(other), [(CLOSE, code.to_vec())], "one close frame and nothing behind it");
        assert_eq!(*owner.failed.lock().unwrap(), [(0, kind)], "it failed once");
        let counts = owner.counters.sample(0);
        assert_eq!((counts.open, owner.counters.held.load(Ordering::Acquire)), (0, 0), "{counts:?}");
    }
}

#[test]
fn a_peer_that_never_ends_the_stream_is_waited_for_so_long_and_no_longer() {
    let owner = Arc::new(Hearing::default());
    let mut keeper = keeper(&owner);
    let mut other = beaten(&mut keeper, &owner, 0);
    other.write_all(&GOING_AWAY).unwrap();
    await_bytes(&mut keeper, 0, GOING_AWAY.len());
    keeper.read(0, false);
    let limit = keeper.closes.next().unwrap();
    let patience = CLOSE_PATIENCE.as_micros() as u64;
    assert!((keeper.now()..=keeper.now() + patience).contains(&limit), "{limit}");
    assert!(keeper.patience().unwrap() <= CLOSE_PATIENCE, "the loop wakes up for it");
    keeper.on_time();
    assert_eq!(state(&keeper, 0), Some(State::AwaitingEnd));
    keeper.started -= CLOSE_PATIENCE;
    keeper.on_time();
    assert_eq!(state(&keeper, 0), None);
}

#[test]
fn after_our_close_frame_nothing_is_sent_whatever_comes() {
    let replies = vec!["^2$=>3".parse().unwrap()];
    let owner = Arc::new(Hearing::default());
    let mut keeper = conversing(&owner, Conversation { replies, ..Conversation::default() });
    let mut other = beaten(&mut keeper, &owner, 0);
    keeper.close_all(None);
    let comes = b"\x81\x012\x89\x01p";
    other.write_all(comes).unwrap();
    await_bytes(&mut keeper, 0, comes.len());
    keeper.read(0, false);
    let planned = keeper.now() + 1;
    assert!(!keeper.beat(0, planned), "it gets no more heartbeats");
    // The answer to the heartbeat before the close is overdue, which nobody waits for any more.
    std::thread::sleep(2 * PONG_TIMEOUT);
    keeper.on_time();
    assert_eq!(state(&keeper, 0), Some(State::Closing));
    assert_eq!(owner.counters.sample(0).replies_sent, 0);
    other.shutdown(std::net::Shutdown::Write).unwrap();
    while state(&keeper, 0).is_some() {
        keeper.read(0, false);
    }
    assert_eq!(frames(other), [(CLOSE, vec![0x03, 0xE8])]);
}

#[test]
fn what_waits_for_its_end_is_no_part_of_the_next_level_and_takes_no_turn() {
    let owner = Arc::new(Hearing::default());
    let mut keeper = keeper(&owner);
    let mut closed = beaten(&mut keeper, &owner, 0);
    let _held = [beaten(&mut keeper, &owner, 1), beaten(&mut keeper, &owner, 2)];
    closed.write_all(&GOING_AWAY).unwrap();
    await_bytes(&mut keeper, 0, GOING_AWAY.len());
    keeper.read(0, false);
    let next = Arc::new(Hearing::default());
    keeper.next_level(Arc::<Hearing>::clone(&next) as Arc<dyn crate::load::hold::Owner>);
    let held = |owner: &Hearing| owner.counters.held.load(Ordering::Acquire);
    assert_eq!((held(&owner), held(&next)), (0, 0), "answers are due of two, and the third has failed");
    // One at once, the next a million seconds later: the first turn is one of the open ones'.
    keeper.close_all(Some(1e-6));
    let states = [0, 1, 2].map(|key| state(&keeper, key).unwrap());
    assert_eq!(states, [State::AwaitingEnd, State::Closing, State::Held]);
}

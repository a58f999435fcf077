//! `albcap simulate`: the simulated ALB and AWS endpoint, left running.

use super::args::{Sampling, SimulateArgs, State};
use super::signals::Signals;
use super::{Complaint, Exit, output};
use crate::sim;

pub(super) async fn command(args: &SimulateArgs) -> Result<Exit, Complaint> {
    let (_signals, mut interrupt) = Signals::listen()?;
    let running = sim::start(options(args)).await.map_err(|error| {
        Complaint::failed(
            format!("the simulator can't start: {error}"),
            "free the port, the memory or the descriptors that it names",
        )
    })?;
    let line = serde_json::to_string(running.announcement())
        .map_err(|error| Complaint::failed(format!("the announcement can't be written: {error}"), ""))?;
    output::print(&format!("{line}\n"))?;
    tokio::select! {
        () = interrupt.set() => {}
        () = stdin_closed(), if args.until_stdin_closes => {}
    }
    running.shutdown().await;
    // Being told to stop is how it ends well.
    Ok(Exit::Done)
}

/// Waits for the end of standard input. A pipe from a parent ends with the parent, even one that was killed with -9.
async fn stdin_closed() {
    let (gone, closed) = tokio::sync::oneshot::channel();
    // A thread of its own: a read can't be called off, and the runtime need not wait for it.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = gone.send(());
    });
    let _ = closed.await;
}

fn options(args: &SimulateArgs) -> sim::Options {
    sim::Options {
        idle_timeout: args.idle_timeout,
        legs: args.legs,
        nodes: args.nodes,
        tls: args.tls,
        baseline: args.baseline,
        max_connections: args.max_connections.map(u64::from),
        reject_rate: args.reject_rate.unwrap_or(0.0),
        kill_after: args.kill_after,
        period: args.period,
        publish_delay: args.publish_delay,
        sampling: match args.sampling {
            Sampling::Snapshot => sim::Sampling::Snapshot,
            Sampling::Mean => sim::Sampling::Mean,
            Sampling::Max => sim::Sampling::Max,
        },
        region: args.region.clone(),
        clock_ahead: args.clock_ahead,
        state: match args.state {
            State::Active => sim::LoadBalancerState::Active,
            State::Provisioning => sim::LoadBalancerState::Provisioning,
            State::ActiveImpaired => sim::LoadBalancerState::ActiveImpaired,
            State::Failed => sim::LoadBalancerState::Failed,
        },
        reserved_lcus: args.reserved_lcus,
        idle_timeout_then: args.idle_timeout_then,
        deny: args.deny.clone(),
        deny_after: args.deny_after.clone(),
        ..sim::Options::default()
    }
}

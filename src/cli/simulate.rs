//! `albcap simulate`: the simulated ALB and AWS endpoint, left running.

use super::simulate_flags::{Sampling, SimulateArgs, State};
use super::{Complaint, Exit, output, signals};
use crate::sim;

pub(super) async fn command(args: &SimulateArgs) -> Result<Exit, Complaint> {
    let mut interrupt = signals::listen()?;
    let running = sim::start(options(args)).await.map_err(|error| {
        Complaint::failed(
            format!("the simulator can't start: {error}"),
            "free the port, the memory or the descriptors that it names",
        )
    })?;
    let line = serde_json::to_string(running.announcement())
        .map_err(|error| Complaint::failed(format!("the announcement can't be written: {error}"), ""))?;
    output::print(&format!("{line}\n"))?;
    let told = async {
        tokio::select! {
            () = interrupt.set() => {}
            () = stdin_closed(), if args.until_stdin_closes => {}
        }
    };
    serve_until(told, running).await
}

/// Being told to stop is how it ends well; a part of it that fails takes the rest along.
async fn serve_until(told: impl Future<Output = ()>, mut running: sim::Running) -> Result<Exit, Complaint> {
    let outcome = tokio::select! {
        () = told => Ok(Exit::Done),
        error = running.stopped() => {
            Err(Complaint::failed(error, "start it again; with -v it logs what happens to it"))
        }
    };
    running.shutdown().await;
    outcome
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
        client_keep_alive: args.client_keep_alive,
        legs: args.legs,
        nodes: args.nodes,
        tls: args.tls,
        baseline: args.baseline,
        max_connections: args.max_connections.map(u64::from),
        reject_rate: args.reject_rate.unwrap_or(0.0),
        certificate: args.certificate,
        http2_only: args.http2_only,
        greeting: args.greeting.clone(),
        rejection: sim::Rejection { status: args.reject_status, by: args.reject_by, reason: args.reject_for },
        upgrade_answer: args.upgrade_answer,
        kill_after: args.kill_after,
        kill_by: args.kill_by,
        kill_together: args.kill_together,
        targets: args.healthy_targets,
        unhealthy_targets: args.unhealthy_targets,
        draining_targets: args.draining_targets,
        unhealthy_above: args.unhealthy_above,
        drain_after: args.drain_after,
        deregistration_delay: args.deregistration_delay,
        count_at_most: args.count_at_most.map(u64::from),
        silent_without_requests: args.silent_without_requests,
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
        troubles: args.aws_trouble.clone(),
        owed: args.owe.clone(),
        ..sim::Options::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_well_when_told_and_with_1_when_a_part_of_it_fails() {
        let start = || sim::start(sim::Options::default());
        let told = serve_until(std::future::ready(()), start().await.unwrap()).await;
        assert_eq!(told.unwrap(), Exit::Done);
        let mut broken = start().await.unwrap();
        broken.break_down();
        let complaint = serve_until(std::future::pending(), broken).await.unwrap_err();
        assert_eq!(complaint.exit, Exit::Failed);
        assert!(complaint.cause.contains("a part of the simulator stopped"), "{}", complaint.cause);
    }
}

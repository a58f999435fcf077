//! A judged run, put into the document's shape.

use chrono::{DateTime, SecondsFormat, Utc};

use super::document::{
    ActivePart, AddressPart, CapacityPart, CorrelationPart, DiagnosisPart, EndedPart, FailurePart,
    FindingPart, LevelFitPart, LevelPart, MachinePart, OthersPart, PeerPart, PlanPart, PointPart, Report,
    RunPart, SafeLoadPart, SearchPart, SearchPlanPart, ServerPart, ServerStatus, TokensPart, TotalPart,
    VerdictPart, ZonePart,
};
use crate::judge::{
    ActiveConnections, AddressShare, Correlation, Dimension, Finding, Judged, JudgedLevel, SafeLoad,
    Searched, SeriesStatus, Total, ZoneShare,
};
use crate::record::{HowEnded, Run};
use crate::report::sentences::incomplete;

/// The version of the document's meaning.
const SCHEMA: u32 = 1;

/// The report's document.
pub fn document(judged: &Judged<'_>) -> Report {
    let capacity = &judged.capacity;
    Report {
        schema: SCHEMA,
        run: run(judged.run),
        plan: plan(judged.run),
        preflight: judged.run.findings.iter().map(finding).collect(),
        levels: judged.levels.iter().map(level).collect(),
        capacity: CapacityPart {
            max_reliable: capacity.max_reliable,
            at_least: capacity.at_least,
            safe_limit: capacity.safe_limit,
            first_failed: capacity.first_failed,
            limited_by: capacity.limited_by.map(|limit| limit.to_string()),
            search: judged.search.as_ref().map(search),
            at_safe_limit: judged.safe_load.as_ref().map(safe_load),
        },
        server: server(judged.run),
        correlation: CorrelationPart {
            clock_offset_s: judged.run.facts.as_ref().and_then(|facts| facts.clock_offset_s),
            ..judged.correlation.as_ref().map_or_else(CorrelationPart::default, correlation)
        },
        diagnosis: judged
            .diagnosis
            .iter()
            .map(|diagnosis| DiagnosisPart {
                cause: diagnosis.cause.clone(),
                evidence: diagnosis.evidence.clone(),
                remedy: diagnosis.remedy.clone(),
            })
            .collect(),
        verdict: VerdictPart {
            outcome: judged.outcome().name().into(),
            reasons: judged.verdict.reasons.clone(),
        },
    }
}

fn safe_load(load: &SafeLoad) -> SafeLoadPart {
    let name = |dimension: Dimension| dimension.to_string().replace(' ', "_");
    SafeLoadPart {
        connections_per_target: load.connections_a_target(),
        lcus: load.lcus.iter().map(|(dimension, lcus)| (name(*dimension), *lcus)).collect(),
        decided_by: name(load.decided_by),
        lcu_dollars_per_hour: load.lcu_dollars,
        alb_dollars_per_hour: load.alb_dollars,
    }
}

fn run(run: &Run) -> RunPart {
    RunPart {
        id: run.header.run_id.clone(),
        started_at: time(run.started_at),
        ended_at: run.ended.map(|(at, _)| time(at)),
        url: run.header.plan.url.as_str().into(),
        tool_version: run.header.tool_version.clone(),
        ended: match run.ended.map(|(_, how)| how) {
            Some(HowEnded::Finished) => EndedPart::Finished,
            Some(HowEnded::Interrupted) => EndedPart::Interrupted,
            Some(HowEnded::Aborted) => EndedPart::Aborted,
            None => EndedPart::Killed,
        },
        incomplete: incomplete(run),
        shards: 1,
    }
}

fn plan(run: &Run) -> PlanPart {
    let plan = &run.header.plan;
    PlanPart {
        levels: plan.schedule.listed().to_vec(),
        search: plan
            .schedule
            .search()
            .map(|search| SearchPlanPart { max: search.max(), precision: search.precision() }),
        duration_s: plan.hold.duration.as_secs_f64(),
        periods: plan.hold.periods,
        heartbeat_s: plan.heartbeat.every().map(|interval| interval.as_secs_f64()),
        mode: plan.mode.name().into(),
        threshold: plan.rule.threshold.get(),
        safety: plan.rule.safety.get(),
    }
}

fn search(found: &Searched) -> SearchPart {
    SearchPart {
        end: found.end.name().into(),
        highest_passed: found.highest_passed,
        lowest_failed: found.lowest_failed,
        levels: found.levels,
        connections: found.connections,
        duration_s: rounded(found.took.as_secs_f64()),
    }
}

fn finding(finding: &Finding) -> FindingPart {
    FindingPart {
        check: finding.check.clone(),
        status: finding.status,
        found: finding.found.clone(),
        detail: finding.detail.clone(),
        remedy: finding.remedy.clone(),
    }
}

fn level(level: &JudgedLevel<'_>) -> LevelPart {
    let run = level.run;
    LevelPart {
        connections: run.connections,
        opened: run.counts.opened,
        alive_at_start: run.alive,
        held: level.held,
        success_rate: level.success_rate.map(rounded),
        success_rate_low95: level.success_rate_low95.map(rounded),
        passed: level.passed,
        heartbeats_sent: run.counts.heartbeats_sent,
        heartbeats_answered: run.counts.heartbeats_answered,
        avg_heartbeats: level.avg_heartbeats.map(rounded),
        connect_ms: run.connect_us.summary(),
        heartbeat_rtt_ms: run.heartbeat_rtt_us.summary(),
        heartbeat_late_ms: run.heartbeat_late_us.summary(),
        bytes_sent: run.counts.bytes_sent,
        bytes_received: run.counts.bytes_received,
        messages_received: run.counts.messages_received,
        replies_sent: run.counts.replies_sent,
        failures: level
            .failures
            .iter()
            .map(|failures| FailurePart {
                phase: failures.phase,
                kind: failures.kind.to_string(),
                initiator: failures.by,
                count: failures.count,
                example: failures.example.clone(),
            })
            .collect(),
        machine: MachinePart {
            limited: level.limited_by_machine,
            cpu_cores_max: run.machine.cpu_cores_max,
            lag_ms_max: run.machine.lag_ms_max,
            descriptors_max: run.machine.descriptors_max,
            retransmitted: run.machine.retransmitted,
            listen_drops: run.machine.listen_drops,
        },
        peers: run
            .peers
            .iter()
            .map(|peer| PeerPart {
                address: peer.address.clone(),
                opened: peer.opened,
                failed: peer.failed,
                passed_over: peer.passed_over,
            })
            .collect(),
        started_at: time(run.started_at),
        held_from: run.held_from.map(time),
        held_until: run.held_until.map(time),
        ended_at: run.ended_at.map(time),
        duration_s: level.duration.map(|took| rounded(took.as_secs_f64())),
        opening_s: level.opening().map(|took| rounded(took.as_secs_f64())),
        rate_behind_s: run.rate_behind.map(|behind| rounded(behind.as_secs_f64())),
        tokens: run.tokens.map(|tokens| TokensPart {
            wanted: tokens.wanted,
            obtained: tokens.obtained,
            took_s: rounded(tokens.took.as_secs_f64()),
        }),
    }
}

fn server(run: &Run) -> ServerPart {
    let Some(series) = &run.series else {
        let facts = run.facts.as_ref();
        let balancer = facts.and_then(|facts| facts.load_balancer.as_ref());
        let plan = run.header.plan.cloudwatch.as_ref();
        return ServerPart {
            load_balancer: balancer.map(|balancer| balancer.arn.dimension().into()),
            period_s: plan.map(|plan| plan.period.seconds()),
            status: ServerStatus::None,
            series: std::collections::BTreeMap::new(),
        };
    };
    let points = series.metrics.iter().map(|(name, points)| {
        let points = points.iter().map(|point| PointPart { at: time(point.at), value: point.value });
        (name.clone(), points.collect())
    });
    ServerPart {
        load_balancer: Some(series.load_balancer.clone()),
        period_s: Some(series.period.seconds()),
        status: match series.status {
            SeriesStatus::Final => ServerStatus::Final,
            SeriesStatus::Provisional => ServerStatus::Provisional,
        },
        series: points.collect(),
    }
}

fn correlation(both: &Correlation) -> CorrelationPart {
    CorrelationPart {
        active_connections: Some(active(&both.active)),
        new_connections: both.new_connections.as_ref().map(total),
        requests: both.requests.as_ref().map(total),
        processed_bytes: both.processed_bytes.as_ref().map(total),
        zones: Some(zones(&both.spread.zones)).filter(|zones| !zones.is_empty()),
        addresses: Some(addresses(&both.spread.addresses)),
        clock_offset_s: None,
    }
}

fn zones(zones: &[ZoneShare]) -> Vec<ZonePart> {
    let part = |zone: &ZoneShare| ZonePart {
        zone: zone.zone.clone(),
        server: rounded(zone.server),
        share: rounded(zone.share),
    };
    zones.iter().map(part).collect()
}

fn addresses(addresses: &[AddressShare]) -> Vec<AddressPart> {
    let part = |share: &AddressShare| AddressPart { address: share.address.clone(), opened: share.opened };
    addresses.iter().map(part).collect()
}

fn active(active: &ActiveConnections) -> ActivePart {
    ActivePart {
        verdict: active.verdict.name().into(),
        factor: active.factor.map(rounded),
        factor_low95: active.interval.map(|(low, _)| rounded(low)),
        factor_high95: active.interval.map(|(_, high)| rounded(high)),
        periods: active.periods,
        baseline: active.baseline.map(|baseline| rounded(baseline.median)),
        baseline_per_hour: active.baseline.map(|baseline| rounded(baseline.per_hour)),
        saturated_from: active.saturation.map(|saturation| saturation.level),
        others: active.others.map(|others| OthersPart {
            connections: rounded(others.connections),
            from: time(others.from),
            until: time(others.until),
        }),
        levels: active
            .levels
            .iter()
            .map(|fit| LevelFitPart {
                connections: fit.connections,
                client: fit.client.map(rounded),
                server: fit.server.map(rounded),
                ratio: fit.ratio.map(rounded),
                ratio_low95: fit.interval.map(|(low, _)| rounded(low)),
                ratio_high95: fit.interval.map(|(_, high)| rounded(high)),
                periods: fit.periods.len(),
                verdict: fit.verdict.name().into(),
            })
            .collect(),
    }
}

fn total(total: &Total) -> TotalPart {
    TotalPart {
        verdict: total.verdict.name().into(),
        client: total.client,
        server: total.server.map(rounded),
        ratio: total.ratio.map(rounded),
        ratio_low95: total.interval().map(|(low, _)| rounded(low)),
        ratio_high95: total.interval().map(|(_, high)| rounded(high)),
        periods: total.periods,
    }
}

/// Four decimals: more would only be noise to whoever compares two reports.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// RFC 3339 in UTC, with milliseconds.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

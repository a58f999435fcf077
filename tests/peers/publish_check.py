"""Reads back what was published, with boto3, and holds it against the requests that a dry run printed, and against the
record: its JSON report and its samples.

usage: publish_check.py ENDPOINT_URL RECORD REPORT < the dry run's lines

Every datum: the sum of its values and counts, their number, least and largest, of exactly that metric and those
dimensions, in the minute it is stamped with. Every log event: text and time, in order, and none besides. Of levels, run
and samples: the numbers of the report and of the record. Prints how much was compared; exits 1 at the first difference.
"""

import collections
import datetime as dt
import json
import math
import sys

import boto3

URL, RECORD, REPORT = sys.argv[1:]
KEYS = {"aws_access_key_id": "AKIDTEST", "aws_secret_access_key": "secret-of-the-tests", "region_name": "us-east-1"}
MINUTE = dt.timedelta(minutes=1)


def client(service):
    return boto3.client(service, endpoint_url=URL, **KEYS)


def equal(what, got, wanted):
    same = math.isclose(got, wanted, rel_tol=1e-9) if isinstance(wanted, float) else got == wanted
    if not same:
        sys.exit(f"FAILED {what}: got {got!r}, wanted {wanted!r}")


def check_metrics(request):
    wanted = collections.defaultdict(list)
    for datum in request["MetricData"]:
        at = dt.datetime.fromisoformat(datum["Timestamp"]).replace(second=0, microsecond=0)
        dimensions = tuple((dimension["Name"], dimension["Value"]) for dimension in datum["Dimensions"])
        seen = zip(datum["Values"], datum["Counts"])
        wanted[datum["MetricName"], dimensions, at, datum["Unit"]] += [(v, c) for v, c in seen]
    cloudwatch = client("cloudwatch")
    for (name, dimensions, at, unit), seen in wanted.items():
        answer = cloudwatch.get_metric_statistics(
            Namespace=request["Namespace"],
            MetricName=name,
            Dimensions=[{"Name": n, "Value": v} for n, v in dimensions],
            StartTime=at,
            EndTime=at + MINUTE,
            Period=60,
            Statistics=["Sum", "SampleCount", "Minimum", "Maximum"],
        )
        what = f"{name} {dimensions} {at}"
        equal(f"{what}: points", len(answer["Datapoints"]), 1)
        point = answer["Datapoints"][0]
        equal(f"{what} Sum", point["Sum"], float(sum(v * c for v, c in seen)))
        equal(f"{what} SampleCount", point["SampleCount"], float(sum(c for _, c in seen)))
        equal(f"{what} Minimum", point["Minimum"], float(min(v for v, _ in seen)))
        equal(f"{what} Maximum", point["Maximum"], float(max(v for v, _ in seen)))
    return len(wanted)


def check_logs(requests):
    logs, wanted = client("logs"), []
    for request in requests:
        wanted += [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    place = {"logGroupName": requests[0]["logGroupName"], "logStreamName": requests[0]["logStreamName"]}
    got, token = [], None
    while True:
        page = logs.get_log_events(**place, startFromHead=True, **({"nextToken": token} if token else {}))
        got += [(event["timestamp"], event["message"]) for event in page["events"]]
        if not page["events"] or page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    equal("log events", got, wanted)
    groups = logs.describe_log_groups(logGroupNamePrefix=place["logGroupName"])["logGroups"]
    equal("retention", groups[0].get("retentionInDays"), 30)
    return len(got)


def check_record(request):
    """Against what was measured, by numbers that did not pass through what computes the data."""
    report = json.load(open(REPORT))
    samples = [line for line in map(json.loads, open(RECORD)) if line["type"] == "sample"]
    of_run = next(d for d in request["MetricData"] if d["MetricName"] == "MaxReliable")["Dimensions"]
    cloudwatch = client("cloudwatch")
    first = dt.datetime.fromisoformat(samples[0]["at"]).replace(second=0, microsecond=0)
    last = dt.datetime.fromisoformat(samples[-1]["at"]) + 10 * MINUTE

    def statistic(name, own, which):
        points = cloudwatch.get_metric_statistics(
            Namespace=request["Namespace"],
            MetricName=name,
            Dimensions=of_run + [{"Name": n, "Value": v} for n, v in own],
            StartTime=first,
            EndTime=last,
            Period=60,
            Statistics=[which],
        )["Datapoints"]
        values = [point[which] for point in points]
        return {"Maximum": max, "Minimum": min}.get(which, sum)(values)

    checks = [
        ("MaxReliable", [], "Sum", report["capacity"]["max_reliable"]),
        ("SafeLimit", [], "Sum", report["capacity"]["safe_limit"]),
        ("OpenConnections", [], "SampleCount", len(samples)),
        ("OpenConnections", [], "Sum", sum(sample["open"] for sample in samples)),
        ("OpenConnections", [], "Maximum", max(sample["open"] for sample in samples)),
    ]
    for level in report["levels"]:
        own = [("Level", str(level["connections"]))]
        checks += [
            ("ConnectionsAttempted", own, "Sum", level["connections"]),
            ("ConnectionsHeld", own, "Sum", level["held"]),
            ("SuccessRate", own, "Maximum", level["success_rate"] * 100),
            ("ConnectLatency", own, "SampleCount", level["opened"]),
            ("ConnectLatency", own, "Maximum", level["connect_ms"]["max"]),
            ("HeartbeatLatency", own, "SampleCount", level["heartbeats_answered"]),
            ("HeartbeatLatency", own, "Maximum", level["heartbeat_rtt_ms"]["max"]),
        ]
    for name, own, which, wanted in checks:
        equal(f"{name} {own} {which} of the record", statistic(name, own, which), float(wanted))
    return len(checks)


requests = [json.loads(line) for line in sys.stdin]
of = lambda operation: [request for request in requests if request["Operation"] == operation]
metrics = sum(check_metrics(request) for request in of("cloudwatch:PutMetricData"))
measured = check_record(of("cloudwatch:PutMetricData")[0])
print(json.dumps({"metrics": metrics, "measured": measured, "events": check_logs(of("logs:PutLogEvents"))}))

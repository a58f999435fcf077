"""Reads back what was published, with boto3, and holds it against the requests that a dry run printed.

usage: publish_check.py ENDPOINT_URL < the dry run's lines

Every datum: the sum of its values and counts, their number, least and largest, of exactly that metric and those
dimensions, in the minute it is stamped with. Every log event: text and time, in order, and none besides. Prints how much
was compared; exits 1 at the first difference.
"""

import collections
import datetime as dt
import json
import math
import sys

import boto3

URL = sys.argv[1]
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


requests = [json.loads(line) for line in sys.stdin]
of = lambda operation: [request for request in requests if request["Operation"] == operation]
metrics = sum(check_metrics(request) for request in of("cloudwatch:PutMetricData"))
print(json.dumps({"metrics": metrics, "events": check_logs(of("logs:PutLogEvents"))}))

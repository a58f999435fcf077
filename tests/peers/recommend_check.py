"""Reads back with boto3 what the AWS CLI made of albcap's script, and holds it against albcap's CloudFormation template."""

import datetime
import json
import sys

import boto3

endpoint, template_path = sys.argv[1:3]
cloudwatch = boto3.client(
    "cloudwatch",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="AKIDTEST",
    aws_secret_access_key="secret-of-the-tests",
)
with open(template_path, encoding="utf-8") as file:
    resources = json.load(file)["Resources"].values()

wanted = {
    made["Properties"]["AlarmName"]: made["Properties"]
    for made in resources
    if made["Type"] == "AWS::CloudWatch::Alarm"
}


def ordered(value):
    """The same without the order of dimensions, which has no meaning."""
    if isinstance(value, dict):
        return {name: ordered(part) for name, part in value.items()}
    if isinstance(value, list):
        return sorted(map(ordered, value), key=lambda part: json.dumps(part, sort_keys=True))
    return value


found = cloudwatch.describe_alarms(AlarmNamePrefix="albcap-")["MetricAlarms"]
assert {alarm["AlarmName"] for alarm in found} == set(wanted), found
for alarm in found:
    for name, value in wanted[alarm["AlarmName"]].items():
        assert ordered(alarm[name]) == ordered(value), (alarm["AlarmName"], name, alarm[name], value)

dashboards = [made["Properties"] for made in resources if made["Type"] == "AWS::CloudWatch::Dashboard"]
for dashboard in dashboards:
    body = cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]
    assert json.loads(body) == json.loads(dashboard["DashboardBody"])

# What the alarm on the limit watches is, while the largest level was held, the connections of the clients.
now = datetime.datetime.now(datetime.timezone.utc)
near = next(alarm for name, alarm in wanted.items() if name.endswith("connections-near-limit"))
queries = json.loads(json.dumps(near["Metrics"]))
for query in queries:
    if "MetricStat" in query:
        query["MetricStat"]["Period"] = 1  # the simulator's own period; a minute's Sum would add its seconds up
results = cloudwatch.get_metric_data(
    MetricDataQueries=queries,
    StartTime=now - datetime.timedelta(minutes=5),
    EndTime=now + datetime.timedelta(seconds=5),
)["MetricDataResults"]
assert [result["Id"] for result in results] == ["e1"], results
most = max(results[0]["Values"])
assert abs(most - 40) <= 2, f"{most} connections of 40"
print(f"{len(found)} alarms and {len(dashboards)} dashboard read back, {most:g} connections at most")

"""Looks into the simulated AWS endpoint with clients that nobody here wrote.

usage: boto3_check.py ENDPOINT_URL

boto3 (>= 1.43) calls every operation: elbv2 over Query/XML, CloudWatch over awsJson1_0, Logs over awsJson1_1.
Every CloudWatch operation is then called again over rpc-v2-cbor, signed by botocore, with bodies made and read by
cbor2, and the two answers are compared: boto3 itself does not choose CBOR.
Needs nothing but a fresh endpoint with a load balancer; exits 1 at the first difference.
"""

import datetime as dt
import gzip
import json
import struct
import sys
import time
import urllib.error
import urllib.request

import boto3
import botocore
import cbor2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

URL = sys.argv[1].rstrip("/")
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
CONFIG = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
RPC = "/service/GraniteServiceVersion20100801/operation/"
checks = 0


def check(what, ok, detail=""):
    global checks
    checks += 1
    if not ok:
        sys.exit(f"FAILED {what}: {detail}")


def equal(what, got, wanted):
    check(what, got == wanted, f"got {got!r}, wanted {wanted!r}")


def refused(what, code, status, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        equal(f"{what} code", error.response["Error"]["Code"], code)
        equal(f"{what} status", error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        return error
    sys.exit(f"FAILED {what}: not refused, but answered {answer!r}")


def client(service):
    return boto3.client(service, endpoint_url=URL, config=CONFIG, **KEYS)


def elbv2():
    elb = client("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    arn, name = balancer["LoadBalancerArn"], balancer["LoadBalancerName"]
    equal("created is a time", type(balancer["CreatedTime"]), dt.datetime)
    for arguments in ({"Names": [name]}, {"LoadBalancerArns": [arn]}):
        equal("found again", elb.describe_load_balancers(**arguments)["LoadBalancers"], [balancer])
    pages = list(elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 1}))
    equal("one page", len(pages), 1)
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    check("idle timeout", any(a["Key"] == "idle_timeout.timeout_seconds" for a in attributes), attributes)
    listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    check("listener ports", all(isinstance(one["Port"], int) for one in listeners), listeners)
    equal("listener by arn",
          elb.describe_listeners(ListenerArns=[listeners[0]["ListenerArn"]])["Listeners"], listeners[:1])
    groups = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    equal("group by name", elb.describe_target_groups(Names=[groups[0]["TargetGroupName"]])["TargetGroups"], groups[:1])
    group = groups[0]["TargetGroupArn"]
    health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    check("target states", all("State" in one["TargetHealth"] for one in health), health)
    stranger = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": "10.9.9.9", "Port": 1}])
    equal("stranger", stranger["TargetHealthDescriptions"][0]["TargetHealth"]["Reason"], "Target.NotRegistered")
    check("reservation", "DecreaseRequestsRemaining" in elb.describe_capacity_reservation(LoadBalancerArn=arn))
    refused("unknown name", "LoadBalancerNotFound", 400, elb.describe_load_balancers, Names=["nobody"])
    refused("garbage arn", "ValidationError", 400, elb.describe_load_balancers, LoadBalancerArns=["x"])
    refused("unknown group", "TargetGroupNotFound", 400, elb.describe_target_health, TargetGroupArn=group[:-1] + "x")
    refused("unknown operation", "InvalidAction", 400, elb.describe_account_limits)
    return arn.split("loadbalancer/")[1]


def cbor(operation, request, compress=False):
    """Status, headers and decoded body of an rpc-v2-cbor call."""
    body = cbor2.dumps(request)
    headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "Accept": "application/cbor",
               "x-amzn-query-mode": "true"}
    if compress:
        body = gzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    signed = AWSRequest("POST", URL + RPC + operation, headers=headers, data=body)
    SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "monitoring", "us-east-1").add_auth(signed)
    request = urllib.request.Request(signed.url, data=body, headers=dict(signed.headers), method="POST")
    try:
        response = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        response = error
    raw = response.read()
    equal(f"{operation} protocol header", response.headers["smithy-protocol"], "rpc-v2-cbor")
    check(f"{operation} request id", response.headers["x-amzn-RequestId"])
    check(f"{operation} date", response.headers["Date"])
    if raw:
        equal(f"{operation} type", response.headers["Content-Type"], "application/cbor")
    return response.status, response.headers, cbor2.loads(raw) if raw else None, raw


def times_as_cbor(value):
    """cbor2 writes aware datetimes as tag 0; the protocol wants tag 1."""
    if isinstance(value, dt.datetime):
        return cbor2.CBORTag(1, value.timestamp())
    if isinstance(value, dict):
        return {key: times_as_cbor(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [times_as_cbor(inner) for inner in value]
    return value


def same(operation, call, **request):
    """The same request over JSON and CBOR must have the same answer; gives it."""
    over_json = call(**request)
    del over_json["ResponseMetadata"]
    status, _, over_cbor, _ = cbor(operation, times_as_cbor(request))
    equal(f"{operation} over cbor", status, 200)
    equal(f"{operation} over both", over_cbor or {}, over_json)
    return over_json


def same_refusal(operation, code, shape, status, call, **request):
    refused(operation, code, status, call, **request)
    got_status, headers, body, _ = cbor(operation, times_as_cbor(request))
    equal(f"{operation} status over cbor", got_status, status)
    equal(f"{operation} query error", headers["x-amzn-query-error"], f"{code};Sender")
    equal(f"{operation} shape", body["__type"].split("#")[-1], shape)
    check(f"{operation} message", body["message"])
    return body


def query(namespace, metric, stat="Sum", dimensions=()):
    metric = {"Namespace": namespace, "MetricName": metric,
              "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions]}
    return {"Id": stat.lower().replace(".", "_"), "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}


def metrics(balancer):
    cloudwatch = client("cloudwatch")
    now = dt.datetime.now(dt.timezone.utc).replace(second=0, microsecond=0)
    minute = now - dt.timedelta(minutes=2)
    data = [
        {"MetricName": "Open", "Dimensions": [{"Name": "Run", "Value": "r1"}], "Timestamp": minute, "Value": 5.0,
         "Unit": "Count"},
        {"MetricName": "Open", "Dimensions": [{"Name": "Run", "Value": "r1"}], "Timestamp": minute,
         "Values": [1.0, 2.0], "Counts": [3.0, 1.0], "Unit": "Count"},
    ]
    same("PutMetricData", cloudwatch.put_metric_data, Namespace="albcap", MetricData=data)
    status, headers, body, raw = cbor("PutMetricData", times_as_cbor({"Namespace": "albcap", "MetricData": data}), True)
    equal("put over gzip", (status, body, raw, headers["Content-Type"]), (200, None, b"", None))
    big = [{"MetricName": "Big", "Dimensions": [{"Name": "Index", "Value": str(i)}], "Value": 1.0} for i in range(1000)]
    cloudwatch.put_metric_data(Namespace="albcap", MetricData=big)  # boto3 compresses this one

    window = {"StartTime": minute, "EndTime": now}
    stats = ["Sum", "SampleCount", "Average", "Minimum", "Maximum", "p50"]
    answer = same("GetMetricData", cloudwatch.get_metric_data, **window,
                  MetricDataQueries=[query("albcap", "Open", stat, [("Run", "r1")]) for stat in stats])
    # The two data were put three times: 3 x (5 + 1 + 1 + 1 + 2).
    equal("statistics", [r["Values"] for r in answer["MetricDataResults"]], [[30.0], [15.0], [2.0], [1.0], [5.0], [1.0]])
    equal("stamped with the start", answer["MetricDataResults"][0]["Timestamps"][0].timestamp(), minute.timestamp())
    platform = same("GetMetricData", cloudwatch.get_metric_data, StartTime=now - dt.timedelta(minutes=30), EndTime=now,
                    MetricDataQueries=[
                        query("AWS/ApplicationELB", "ActiveConnectionCount", "Sum", [("LoadBalancer", balancer)]),
                        {"Id": "half", "Expression": "FILL(sum, 0) / 2"}])
    equal("filled", len(platform["MetricDataResults"][1]["Values"]), 30)
    pages = list(cloudwatch.get_paginator("get_metric_data").paginate(
        **window, MetricDataQueries=[query("albcap", "Open", stat, [("Run", "r1")]) for stat in stats],
        PaginationConfig={"PageSize": 1}))
    equal("paged", sum(len(r["Values"]) for page in pages for r in page["MetricDataResults"]), len(stats))
    check("partial", pages[0]["MetricDataResults"][1]["StatusCode"] == "PartialData", pages[0])

    # Byte by byte: an answer of one datapoint is a map of definite length, its time tag 1 and a double.
    _, _, _, raw = cbor("GetMetricData", times_as_cbor(
        {**window, "MetricDataQueries": [query("albcap", "Open", "Sum", [("Run", "r1")])]}))
    stamp = b"\x6aTimestamps\x81\xc1\xfb" + struct.pack(">d", minute.timestamp())
    check("bytes of a timestamp", stamp in raw, raw.hex())
    check("bytes of a value", b"\x66Values\x81\xfb" + struct.pack(">d", 30.0) in raw, raw.hex())

    listed = same("ListMetrics", cloudwatch.list_metrics, Namespace="albcap", MetricName="Open")
    equal("listed", listed["Metrics"][0]["Dimensions"], [{"Name": "Run", "Value": "r1"}])
    every = sum(len(page["Metrics"]) for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="albcap"))
    equal("listed in pages", every, 1001)

    get = cloudwatch.get_metric_data
    same_refusal("GetMetricData", "ValidationError", "ValidationError", 400, get, StartTime=now, EndTime=now,
                 MetricDataQueries=[query("albcap", "Open")])
    same_refusal("GetMetricData", "InvalidNextToken", "InvalidNextToken", 400, get, **window, NextToken="x",
                 MetricDataQueries=[query("albcap", "Open")])
    put = cloudwatch.put_metric_data
    invalid = "InvalidParameterValueException"
    same_refusal("PutMetricData", "InvalidParameterValue", invalid, 400, put, Namespace="AWS/X", MetricData=data)
    same_refusal("PutMetricData", "InvalidParameterValue", invalid, 400, put, Namespace="x",
                 MetricData=[{"MetricName": "m", "Value": 2.0**361}])
    same_refusal("PutMetricData", "InvalidParameterCombination", "InvalidParameterCombinationException", 400, put,
                 Namespace="x", MetricData=[{"MetricName": "m"}])
    same_refusal("PutMetricData", "MissingParameter", "MissingRequiredParameterException", 400, put, Namespace="x",
                 MetricData=[{"Value": 1.0}])
    status, _, body, _ = cbor("PutMetricData", {"Namespace": "x", "MetricData": [
        {"MetricName": "m", "Value": float("nan")}]})
    equal("NaN", (status, body["__type"].split("#")[-1]), (400, invalid))
    status, headers, body, _ = cbor("DescribeAlarmHistory", {})
    equal("unknown operation", (status, body["__type"].split("#")[-1]), (404, "UnknownOperationException"))


def alarms():
    cloudwatch = client("cloudwatch")
    alarm = {"AlarmName": "albcap-1", "Namespace": "AWS/ApplicationELB", "MetricName": "RejectedConnectionCount",
             "Dimensions": [{"Name": "LoadBalancer", "Value": "app/a/1"}], "Statistic": "Sum", "Period": 60,
             "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 0.0, "TreatMissingData": "notBreaching",
             "ComparisonOperator": "GreaterThanThreshold"}
    same("PutMetricAlarm", cloudwatch.put_metric_alarm, **alarm)
    math = {"AlarmName": "albcap-2", "EvaluationPeriods": 1, "Threshold": 1.0,
            "ComparisonOperator": "LessThanThreshold",
            "Metrics": [{**query("albcap", "Open"), "ReturnData": False},
                        {"Id": "e1", "Expression": "FILL(sum, 0)", "Label": "open", "ReturnData": True}]}
    same("PutMetricAlarm", cloudwatch.put_metric_alarm, **math)
    told = same("DescribeAlarms", cloudwatch.describe_alarms, AlarmNamePrefix="albcap-")["MetricAlarms"]
    equal("told as put", {key: told[0][key] for key in alarm}, alarm)
    equal("math told as put", told[1]["Metrics"], math["Metrics"])
    equal("states", [one["StateValue"] for one in told], ["INSUFFICIENT_DATA"] * 2)
    pages = list(cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 1}))
    equal("alarms in pages", [len(page["MetricAlarms"]) for page in pages], [1, 1])
    same_refusal("PutMetricAlarm", "ValidationError", "ValidationError", 400, cloudwatch.put_metric_alarm,
                 **{**alarm, "Period": 90})
    cloudwatch.delete_alarms(AlarmNames=["albcap-1"])
    equal("delete over cbor", cbor("DeleteAlarms", {"AlarmNames": ["albcap-2"]})[0], 200)
    same_refusal("DeleteAlarms", "ResourceNotFound", "ResourceNotFound", 404, cloudwatch.delete_alarms,
                 AlarmNames=["albcap-1"])


def dashboards():
    cloudwatch = client("cloudwatch")
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "# ü"}}]})
    same("PutDashboard", cloudwatch.put_dashboard, DashboardName="albcap", DashboardBody=body)
    equal("body", same("GetDashboard", cloudwatch.get_dashboard, DashboardName="albcap")["DashboardBody"], body)
    equal("listed", same("ListDashboards", cloudwatch.list_dashboards)["DashboardEntries"][0]["Size"], len(body.encode()))
    refusal = same_refusal("PutDashboard", "InvalidParameterInput", "DashboardInvalidInputError", 400,
                           cloudwatch.put_dashboard, DashboardName="albcap",
                           DashboardBody='{"widgets":[{"type":"metric","properties":{}}]}')
    equal("problems", len(refusal["dashboardValidationMessages"]), 3)
    cloudwatch.delete_dashboards(DashboardNames=["albcap"])
    missing = ("ResourceNotFound", "DashboardNotFoundError", 404)
    same_refusal("GetDashboard", *missing, cloudwatch.get_dashboard, DashboardName="albcap")
    same_refusal("DeleteDashboards", *missing, cloudwatch.delete_dashboards, DashboardNames=["albcap"])


def logs():
    client_ = client("logs")
    where = {"logGroupName": "/albcap/runs", "logStreamName": "run-1"}
    group = {"logGroupName": where["logGroupName"]}
    client_.create_log_group(**group)
    client_.create_log_stream(**where)
    client_.put_retention_policy(**group, retentionInDays=30)
    refused("group again", "ResourceAlreadyExistsException", 400, client_.create_log_group, **group)
    refused("stream again", "ResourceAlreadyExistsException", 400, client_.create_log_stream, **where)
    now = int(time.time() * 1000)
    old = {"timestamp": now - 15 * 86_400_000, "message": "old"}
    events = [{"timestamp": now + i, "message": f"m{i} ü"} for i in range(5)]
    new = {"timestamp": now + 3 * 3_600_000, "message": "new"}
    answer = client_.put_log_events(**where, logEvents=[old, *events, new])
    equal("rejected", answer["rejectedLogEventsInfo"], {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 6})
    seen, token = [], {}
    while True:
        page = client_.get_log_events(**where, startFromHead=True, limit=2, **token)
        seen += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            break
        token = {"nextToken": page["nextForwardToken"]}
    equal("events", seen, [event["message"] for event in events])
    (told,) = client_.describe_log_groups(logGroupNamePrefix="/albcap")["logGroups"]
    equal("retention", told["retentionInDays"], 30)
    (told,) = client_.describe_log_streams(**group)["logStreams"]
    equal("last event", told["lastEventTimestamp"], now + 4)
    refused("no stream", "ResourceNotFoundException", 400, client_.put_log_events, **group, logStreamName="x",
            logEvents=events)
    invalid = "InvalidParameterException"
    refused("order", invalid, 400, client_.put_log_events, **where, logEvents=events[::-1])
    refused("too many", invalid, 400, client_.put_log_events, **where, logEvents=[events[0]] * 10_001)
    refused("too large", invalid, 400, client_.put_log_events, **where,
            logEvents=[{"timestamp": now, "message": "m" * 1_048_551}])
    refused("retention", invalid, 400, client_.put_retention_policy, **group, retentionInDays=8)
    refused("reserved", invalid, 400, client_.create_log_group, logGroupName="aws/x")


def unsigned():
    anonymous = boto3.client("elbv2", endpoint_url=URL, region_name="us-east-1",
                             config=Config(signature_version=botocore.UNSIGNED))
    refused("unsigned", "MissingAuthenticationToken", 403, anonymous.describe_load_balancers)


BALANCER = elbv2()
metrics(BALANCER)
alarms()
dashboards()
logs()
unsigned()
print(f"{checks} checks passed with boto3 {boto3.__version__} and cbor2")

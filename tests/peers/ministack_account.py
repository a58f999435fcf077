"""Prepares an emulated AWS account with boto3.

usage: ministack_account.py ENDPOINT_URL create NAME IDLE_TIMEOUT_S   makes an ALB that listens on port 80, prints {"arn", "dns_name"}
       ministack_account.py ENDPOINT_URL put                          puts the metrics that come on standard input:
                                                                      [{"metric", "load_balancer", "at", "value"}, …]
"""

import datetime as dt
import json
import sys

import boto3

URL, COMMAND, *REST = sys.argv[1:]
KEYS = {"aws_access_key_id": "AKIDTEST", "aws_secret_access_key": "secret-of-the-tests", "region_name": "us-east-1"}


def client(service):
    return boto3.client(service, endpoint_url=URL, **KEYS)


def create(name, idle_timeout):
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"]
        for i, zone in enumerate("ab")
    ]
    elb = client("elbv2")
    made = elb.create_load_balancer(Name=name, Subnets=subnets, Type="application")["LoadBalancers"][0]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=made["LoadBalancerArn"],
        Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": idle_timeout}],
    )
    group = elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    print(json.dumps({"arn": made["LoadBalancerArn"], "dns_name": made["DNSName"]}))


def put():
    data = [
        {
            "MetricName": point["metric"],
            "Dimensions": [{"Name": "LoadBalancer", "Value": point["load_balancer"]}],
            "Timestamp": dt.datetime.fromisoformat(point["at"]),
            "Value": point["value"],
        }
        for point in json.load(sys.stdin)
    ]
    cloudwatch = client("cloudwatch")
    for start in range(0, len(data), 500):
        cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data[start : start + 500])


{"create": create, "put": put}[COMMAND](*REST)

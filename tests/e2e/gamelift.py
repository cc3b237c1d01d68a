"""The service endpoint of a daemon of the tests: botocore's client, unmodified, and requests that no SDK would make."""

import http.client
import re

import botocore.config
import botocore.session

REGION = "local"


def client(port, key="any", secret="any"):
    session = botocore.session.Session()
    session.set_credentials(key, secret)
    config = botocore.config.Config(retries={"max_attempts": 1}, parameter_validation=False)
    return session.create_client("gamelift", region_name=REGION, endpoint_url=f"http://127.0.0.1:{port}", config=config)


def service_port(daemon):
    return int(re.search(rb'"service":"127.0.0.1:(\d+)"', daemon.log_text())[1])


def raw(port, operation, body, **headers):
    """A request that no SDK would make. Returns status, type of the fault, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1", **headers}
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, response.getheader("x-amzn-errortype"), text

"""A gRPC client that nobody here wrote, grpcio with its health and reflection stubs, against a server of exgate's.

Prints one line of JSON: the health of the server and of each service, and the services that reflection lists with their methods.
"""

import argparse
import json

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

# What every server has, beside what it is for.
INFRASTRUCTURE = ("grpc.",)
TIMEOUT = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="host and port")
    arguments = parser.parse_args()
    with grpc.insecure_channel(arguments.address) as channel:
        grpc.channel_ready_future(channel).result(TIMEOUT)
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        names = [name for name in database.get_services() if not name.startswith(INFRASTRUCTURE)]
        services = {
            name: sorted(method.name for method in pool.FindServiceByName(name).methods) for name in names
        }
        stub = health_pb2_grpc.HealthStub(channel)
        health = {
            name: health_pb2.HealthCheckResponse.ServingStatus.Name(
                stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT).status
            )
            for name in ["", *names]
        }
        try:
            stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=TIMEOUT)
            unknown = "OK"
        except grpc.RpcError as error:
            unknown = error.code().name
    print(json.dumps({"health": health, "services": services, "unknown": unknown}), flush=True)


if __name__ == "__main__":
    main()

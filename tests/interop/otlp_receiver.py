"""A receiver of OpenTelemetry's own protocol, on the official protobufs: what exgate exports is read by a schema nobody here wrote.

Prints {"endpoint"} once it listens, then one line of JSON per span, and ends when its standard input does.
"""

import json
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

PRINTING = threading.Lock()


def say(document):
    with PRINTING:
        print(json.dumps(document), flush=True)


def value(held):
    return getattr(held, held.WhichOneof("value") or "string_value")


def attributes(pairs):
    return {pair.key: str(value(pair.value)) for pair in pairs}


class Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        for resource in request.resource_spans:
            of = attributes(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    say(
                        {
                            "service": of.get("service.name", ""),
                            "organization": of.get("exgate.organization.id", ""),
                            "name": span.name,
                            "kind": int(span.kind),
                            "trace": span.trace_id.hex(),
                            "span": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "attributes": attributes(span.attributes),
                        }
                    )
        return trace_service_pb2.ExportTraceServiceResponse()


class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def Export(self, request, context):
        return metrics_service_pb2.ExportMetricsServiceResponse()


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say({"endpoint": f"http://127.0.0.1:{port}"})
    sys.stdin.buffer.read()
    server.stop(None)


if __name__ == "__main__":
    main()

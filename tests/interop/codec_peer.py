"""psrpcore's two ends against exgate's codecs, without any transport: reads what exgate's client and server wrote to a folder,
writes what psrpcore's server answers, and prints one line of JSON about all it read.

In:   creation.bin, question.bin, command-0.bin, command-1.bin (exgate's client), pool.bin, pipeline.bin (exgate's server), each a
      stream of fragments
Out:  answer-pool.bin, answer-0.bin, answer-1.bin (psrpcore's server)
"""

import argparse
import json
import pathlib
import uuid

import psrpcore
from clixml_values import Cipher, containers, describe, primitives
from psrpcore import types as t
from wire_cmdlets import write_records

DEFAULT = psrpcore.StreamType.default


def drain(pool, size):
    streams = {}
    while (payload := pool.data_to_send(size)) is not None:
        streams[payload.pipeline_id] = streams.get(payload.pipeline_id, b"") + payload.data
    return streams


def events(pool, data, pipeline_id=None):
    pool.receive_data(psrpcore.PSRPPayload(data, DEFAULT, pipeline_id))
    found = []
    while (event := pool.next_event()) is not None:
        found.append(event)
    return found


def record(event):
    """What an event of a pipeline says, by the name of its class."""
    name = type(event).__name__.removesuffix("Event")
    if name == "PipelineOutput":
        return [name, describe(event.data)]
    if name == "PipelineState":
        reason = event.reason
        return [name, event.state.name, None if reason is None else error(reason)]
    if name == "ErrorRecord":
        return [name, error(event.record)]
    if name in ("DebugRecord", "VerboseRecord", "WarningRecord"):
        return [name, str(event.record.Message)]
    if name == "InformationRecord":
        held = event.record
        return [name, describe(held.MessageData), str(held.Source), [str(tag) for tag in held.Tags]]
    if name == "ProgressRecord":
        held = event.record
        numbers = [held.ActivityId, held.ParentActivityId, held.PercentComplete, held.SecondsRemaining]
        texts = [held.Activity, held.StatusDescription, held.CurrentOperation, held.RecordType.name]
        return [name, [str(text) for text in texts], [int(number) for number in numbers]]
    return [name]


def error(held):
    category = held.CategoryInfo
    return {
        "message": str(held.Exception.Message),
        "id": str(held.FullyQualifiedErrorId),
        "category": t.ErrorCategory(category.Category).name,
        "reason": str(category.Reason),
        "activity": str(category.Activity),
        "target": str(category.TargetName),
    }


def called(pipeline):
    return [
        {
            "name": str(each.command_text),
            "script": bool(each.is_script),
            "parameters": [[None if name is None else str(name), describe(value)] for name, value in each.parameters],
        }
        for each in pipeline.metadata.commands
    ]


def serve(folder, pipeline_ids, size):
    """psrpcore as the server: what exgate asked, and the answer in files. The pipelines run at once, their output in turns."""
    server = psrpcore.ServerRunspacePool()
    opening = events(server, (folder / "creation.bin").read_bytes())
    [question] = events(server, (folder / "question.bin").read_bytes())
    server.runspace_availability_response(question.ci, 3)
    pipelines = [psrpcore.ServerPipeline(server, each) for each in pipeline_ids]
    for place, pipeline in enumerate(pipelines):
        events(server, (folder / f"command-{place}.bin").read_bytes(), pipeline_ids[place])
        pipeline.start()
    for pipeline in pipelines:
        write_records(pipeline)
    for values in zip(*({**primitives(), **containers()}.values() for _ in pipelines)):
        for pipeline, value in zip(pipelines, values):
            pipeline.write_output(value)
    for pipeline in pipelines:
        pipeline.complete()
    streams = drain(server, size)
    (folder / "answer-pool.bin").write_bytes(streams[None])
    for place, pipeline_id in enumerate(pipeline_ids):
        (folder / f"answer-{place}.bin").write_bytes(streams[pipeline_id])
    return {
        "opening": [type(event).__name__ for event in opening],
        "runspaces": [server.min_runspaces, server.max_runspaces],
        "commands": [called(pipeline) for pipeline in pipelines],
    }


def listen(folder, pool_id, pipeline_id):
    """psrpcore as the client: what exgate's server said."""
    client = psrpcore.ClientRunspacePool(runspace_pool_id=pool_id)
    client._cipher = Cipher()
    client.open()
    drain(client, None)
    opened = events(client, (folder / "pool.bin").read_bytes())
    state = client.state.name
    shell = psrpcore.ClientPowerShell(client, pipeline_id=pipeline_id)
    shell.add_command("Get-Anything")
    shell.start()
    drain(client, None)
    said = events(client, (folder / "pipeline.bin").read_bytes(), pipeline_id)
    return {"opened": [type(event).__name__ for event in opened], "state": state, "said": [record(event) for event in said]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pool", type=uuid.UUID, required=True)
    parser.add_argument("--pipeline", type=uuid.UUID, action="append", required=True, help="twice")
    parser.add_argument("--fragment", type=int, required=True, help="how many bytes a fragment has, at most")
    arguments = parser.parse_args()
    values = [[name, describe(value)] for name, value in {**primitives(), **containers()}.items()]
    served = serve(arguments.folder, arguments.pipeline, arguments.fragment)
    heard = listen(arguments.folder, arguments.pool, arguments.pipeline[0])
    print(json.dumps({"values": values, "served": served, "heard": heard}), flush=True)


if __name__ == "__main__":
    main()

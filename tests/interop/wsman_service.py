"""Remote shells without a transport: WS-Management requests in, answers out. CLIXML, fragments, messages and both state machines
are psrpcore's. What commands do comes from outside, and so do sockets and sign-in: `Service.respond` is all a front needs.
"""

import base64
import collections
import threading
import uuid
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import psrpcore
from exchange_objects import Refusal
from psrpcore._payload import create_fragment, create_message
from psrpcore.types import ErrorCategory, ErrorRecord, PSInvocationState, PSRPMessageType

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
RESOURCE = "http://schemas.microsoft.com/powershell/Microsoft.Exchange"
STOP = "powershell/signal/crtl_c"


class Fault(Exception):
    def __init__(self, subcode, code, message):
        super().__init__(message)
        self.subcode, self.code = subcode, code


class Cut(Exception):
    """An answer that breaks off."""

    def __init__(self, action, body):
        super().__init__()
        self.action, self.body = action, body


class Pipeline:
    """One running command; its thread writes into the shell's queue for it."""

    def __init__(self, shell, pipeline_id):
        self.shell, self.pipeline = shell, psrpcore.ServerPipeline(shell.pool, pipeline_id)
        self.queue, self.done = collections.deque(), False
        self.stopping = threading.Event()
        # How many more answers arrive whole before one is cut; none is without a number.
        self.whole_answers = None
        # What the next Receive meets instead of output.
        self.broken = None

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        shell, pipeline = self.shell, self.pipeline
        with shell.changed:
            pipeline.start()
            shell.flush()
        called = pipeline.metadata.commands[0]
        parameters = {str(name): value for name, value in called.parameters}
        try:
            if called.is_script:
                raise Refusal("ParseException", "The syntax is not supported.", ErrorCategory.ParserError, terminating=True)
            shell.service.cmdlets(self, str(called.command_text), parameters)
            self.end(pipeline.complete)
        except Refusal as refusal:
            if refusal.terminating:
                error = ErrorRecord(
                    Exception=refusal.exception, CategoryInfo=refusal.category, FullyQualifiedErrorId=refusal.fqid
                )
                self.end(lambda: pipeline._change_state(PSInvocationState.Failed, error=error))
            else:
                with shell.changed:
                    pipeline.write_error(refusal.exception, refusal.category, fully_qualified_error_id=refusal.fqid)
                self.end(pipeline.complete)

    def end(self, transition):
        with self.shell.changed:
            if not self.done:
                transition()
                self.shell.flush()
                self.done = True
                self.shell.changed.notify_all()

    def breaks(self, error):
        with self.shell.changed:
            self.broken = error
            self.shell.changed.notify_all()
        self.stopping.wait()

    def stop(self):
        self.stopping.set()
        self.end(self.pipeline.stop)

    def output(self, values):
        with self.shell.changed:
            for value in values:
                self.pipeline.write_output(value)
            self.shell.flush()

    def output_rendered(self, rendered):
        """Output rendered beforehand: only the message and fragment headers are made now."""
        shell = self.shell
        size = min(3000, shell.service.fragment)
        for data in rendered:
            message = create_message(
                False, PSRPMessageType.PipelineOutput, data, shell.pool.runspace_pool_id, self.pipeline.pipeline_id
            )
            pieces = [message[at : at + size] for at in range(0, len(message), size)]
            with shell.changed:
                number = shell.pool._fragment_counter
                for place, piece in enumerate(pieces):
                    self.queue.append(create_fragment(number, place, piece, place == len(pieces) - 1))
                if self.stopping.is_set():
                    return
        with shell.changed:
            shell.changed.notify_all()


class Shell:
    """One WS-Man shell: a runspace pool, its pipelines, and a queue of bytes to be received for each."""

    def __init__(self, service, shell_id):
        self.service, self.shell_id, self.poll = service, shell_id, service.poll
        self.cookie = uuid.uuid4().hex
        self.pool = psrpcore.ServerRunspacePool()
        self.changed = threading.Condition(threading.RLock())
        self.queue, self.pipelines = collections.deque(), {}

    def feed(self, data):
        """Takes what the client sent; returns the pipeline that it created, if it did."""
        with self.changed:
            self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
            while self.pool.next_event() is not None:
                pass
            self.flush()

    def flush(self):
        """Moves what the library wants to send into the queues."""
        with self.changed:
            while (payload := self.pool.data_to_send(self.service.fragment)) is not None:
                running = self.pipelines.get(payload.pipeline_id)
                (running.queue if running else self.queue).append(payload.data)
            self.changed.notify_all()

    def receive(self, pipeline_id, seconds, room):
        """The next bytes for a pipeline or the pool, and whether the pipeline is at its end."""
        with self.changed:
            running = self.pipelines.get(pipeline_id)
            if pipeline_id is not None and running is None:
                raise Fault("w:InvalidSelectors", 2150858843, "The command is not known.")
            queue = self.queue if running is None else running.queue
            self.changed.wait_for(lambda: queue or (running and (running.done or running.broken)), seconds)
            if running and running.broken and not queue:
                raise running.broken
            chosen = bytearray()
            while queue and (not chosen or len(chosen) + len(queue[0]) <= room):
                chosen += queue.popleft()
            done = running is not None and running.done and not queue
            if not chosen and not done:
                raise Fault("w:TimedOut", 2150858793, "The operation has timed out.")
            return bytes(chosen), done


def local(element, name):
    found = element.find(f".//{name}")
    return None if found is None else found


class Service:
    """Every shell of one server. `cmdlets(pipeline, name, parameters)` is called in the pipeline's own thread; `fragment` and
    `envelope` are the most bytes of one fragment and of one answer.
    """

    def __init__(self, cmdlets, poll=20.0, fragment=32768, envelope=512000):
        self.cmdlets, self.poll, self.fragment, self.envelope = cmdlets, poll, fragment, envelope
        self.shells = {}
        # What was asked, in short, for those who want to know what a client really sent.
        self.journal = []

    def respond(self, data, cookies=""):
        """Answers one request: a status, an envelope and headers. ConnectionAbortedError: hang up instead of answering; the
        error may hold an answer of which half is to be said first.
        """
        envelope = ElementTree.fromstring(data)
        message_id = local(envelope, f"{{{ADDRESSING}}}MessageID").text
        try:
            action, body, cookie = self.answer(envelope, cookies)
        except Fault as fault:
            return 500, soap(f"{WSMAN}/fault", message_id, fault_body(fault)), {}
        except Cut as cut:
            raise ConnectionAbortedError(200, soap(cut.action, message_id, cut.body), {}) from cut
        self.journal.append(f"{action.rsplit('/', 1)[-1]} {len(data)} bytes")
        extra = {"Set-Cookie": f"X-BackEndCookie={cookie}; path=/; secure; HttpOnly"} if cookie else {}
        return 200, soap(action, message_id, body), extra

    def create(self, envelope):
        body = local(envelope, f"{{{SHELL}}}Shell")
        shell_id = body.get("ShellId") or str(uuid.uuid4())
        shell = Shell(self, shell_id.upper())
        creation = next(each for each in body if each.tag.endswith("}creationXml"))
        shell.feed(base64.b64decode(creation.text))
        self.shells[shell.shell_id] = shell
        return (
            f'<rsp:Shell xmlns:rsp="{SHELL}"><rsp:ShellId>{shell.shell_id}</rsp:ShellId>'
            f"<rsp:ResourceUri>{RESOURCE}</rsp:ResourceUri><rsp:InputStreams>stdin pr</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout</rsp:OutputStreams></rsp:Shell>"
        ), shell

    def find(self, envelope, cookies):
        selectors = envelope.findall(f".//{{{WSMAN}}}Selector")
        shell_id = next((each.text for each in selectors if each.get("Name") == "ShellId"), "")
        shell = self.shells.get(shell_id.upper())
        # As behind a front end: a request that lost its affinity does not find its shell.
        if shell is None or f"X-BackEndCookie={shell.cookie}" not in cookies:
            raise Fault("w:InvalidSelectors", 2150858843, "[FailureCategory=WSMan-InvalidShellID] The shell is not known.")
        return shell

    def command(self, shell, envelope):
        line = local(envelope, f"{{{SHELL}}}CommandLine")
        pipeline_id = uuid.UUID(line.get("CommandId"))
        running = Pipeline(shell, pipeline_id)
        with shell.changed:
            shell.pipelines[pipeline_id] = running
        shell.feed(base64.b64decode(local(line, f"{{{SHELL}}}Arguments").text))
        if running.pipeline.metadata is not None:
            running.start()
        return (
            f'<rsp:CommandResponse xmlns:rsp="{SHELL}"><rsp:CommandId>{str(pipeline_id).upper()}</rsp:CommandId>'
            "</rsp:CommandResponse>"
        )

    def send(self, shell, envelope):
        stream = local(envelope, f"{{{SHELL}}}Stream")
        shell.feed(base64.b64decode(stream.text))
        if stream.get("CommandId"):
            running = shell.pipelines[uuid.UUID(stream.get("CommandId"))]
            if running.pipeline.metadata is not None and running.pipeline.state == PSInvocationState.NotStarted:
                running.start()
        return f'<rsp:SendResponse xmlns:rsp="{SHELL}"/>'

    def receive(self, shell, envelope):
        stream = local(envelope, f"{{{SHELL}}}DesiredStream")
        pipeline_id = stream.get("CommandId")
        largest = min(int(local(envelope, f"{{{WSMAN}}}MaxEnvelopeSize").text), self.envelope)
        limit = local(envelope, f"{{{WSMAN}}}OperationTimeout").text
        seconds = min(float(limit.removeprefix("PT").removesuffix("S")), self.poll)
        data, done = shell.receive(pipeline_id and uuid.UUID(pipeline_id), seconds, (largest - 4096) * 3 // 4)
        named = f' CommandId="{pipeline_id}"' if pipeline_id else ""
        parts = [f'<rsp:ReceiveResponse xmlns:rsp="{SHELL}">']
        if data:
            parts.append(f'<rsp:Stream Name="stdout"{named}>{base64.b64encode(data).decode()}</rsp:Stream>')
        if done:
            parts.append(f'<rsp:CommandState{named} State="{SHELL}/CommandState/Done"/>')
        body = "".join([*parts, "</rsp:ReceiveResponse>"])
        running = shell.pipelines.get(pipeline_id and uuid.UUID(pipeline_id))
        if running is not None and running.whole_answers is not None:
            running.whole_answers -= 1
            if running.whole_answers < 0:
                raise Cut(f"{SHELL}/ReceiveResponse", body)
        return body

    def signal(self, shell, envelope):
        signal = local(envelope, f"{{{SHELL}}}Signal")
        code = local(signal, f"{{{SHELL}}}Code").text
        pipeline_id = uuid.UUID(signal.get("CommandId"))
        running = shell.pipelines.get(pipeline_id)
        self.journal.append(f"signal {code}")
        if running is not None and code == STOP:
            running.stop()
        elif running is not None:
            # As in PowerShell's plug-in: any other code closes the command, and what it had to say is lost.
            running.stopping.set()
            del shell.pipelines[pipeline_id]
        return f'<rsp:SignalResponse xmlns:rsp="{SHELL}"/>'

    def answer(self, envelope, cookies):
        action = local(envelope, f"{{{ADDRESSING}}}Action").text
        if action == f"{TRANSFER}/Create":
            body, shell = self.create(envelope)
            return action + "Response", body, shell.cookie
        shell = self.find(envelope, cookies)
        if action == f"{TRANSFER}/Delete":
            for running in shell.pipelines.values():
                running.stopping.set()
            del self.shells[shell.shell_id]
            return action + "Response", "", None
        operations = {"Command": self.command, "Send": self.send, "Receive": self.receive, "Signal": self.signal}
        operation = operations[action.removeprefix(f"{SHELL}/")]
        return action + "Response", operation(shell, envelope), None


def soap(action, message_id, body):
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:w="{WSMAN}">'
        f"<s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{ADDRESSING}/role/anonymous</a:To><a:RelatesTo>{escape(message_id)}</a:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault_body(fault):
    return (
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(str(fault))}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault xmlns:f="{FAULT}" Code="{fault.code}" Machine="cas01.example.com">'
        f"<f:Message>{escape(str(fault))}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )

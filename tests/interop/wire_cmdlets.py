"""Cmdlets whose output is about the wire: every value, every record, pieces of every size, a cut connection.

Get-MobileDevice -Mailbox values      every value of clixml_values, one object each
Get-MobileDevice -Mailbox records     every kind of record between two devices
Get-MobileDevice -Mailbox failing     two devices, and the error that ends the pipeline
Get-MobileDevice -Mailbox cut         every device; the connection breaks in the middle of the third answer
Get-MobileDevice -Mailbox silent      one device after twenty polls without output
Get-MobileDevice -Mailbox journal     what the server was asked so far, one text each
"""

from clixml_values import UTC, containers, primitives
from exchange_cmdlets import Exchange
from exchange_objects import Refusal
from psrpcore import types as t

# How many answers of a listing that will be cut arrive whole.
WHOLE_ANSWERS = 2


class Wire(Exchange):
    def devices(self, run, parameters):
        case = {
            "values": self.values,
            "records": self.records,
            "failing": self.failing,
            "cut": self.cut,
            "silent": self.silent,
            "journal": self.journal,
        }.get(parameters.get("Mailbox"))
        if case is None:
            return super().devices(run, parameters)
        return case(run)

    def values(self, run):
        run.output({**primitives(), **containers()}.values())

    def records(self, run):
        run.output_rendered(self.world.rendered[:1])
        with run.shell.changed:
            write_records(run.pipeline)
            run.shell.flush()
        run.output_rendered(self.world.rendered[1:2])

    def failing(self, run):
        run.output_rendered(self.world.rendered[:2])
        raise Refusal(
            "ManagementObjectAmbiguousException", "two \u00a7 of that name", t.ErrorCategory.InvalidData, terminating=True
        )

    def cut(self, run):
        run.whole_answers = WHOLE_ANSWERS
        super().devices(run, {})

    def silent(self, run):
        if not run.stopping.wait(run.shell.poll * 20):
            run.output_rendered(self.world.rendered[:1])

    def journal(self, run):
        run.output([t.PSString(line) for line in run.shell.service.journal])


def write_records(pipeline):
    """One record of each kind, in the order of their numbers; the scenarios know these texts."""
    exception = t.NETException(Message="no \u00a7 such \U0001f4f1", HResult=-2146233088)
    exception.PSObject.type_names = ["Example.NotFoundException", "System.Exception", "System.Object"]
    pipeline.write_error(
        exception,
        category_info=t.ErrorCategoryInfo(
            Category=t.ErrorCategory.ObjectNotFound,
            Activity="Get-MobileDevice",
            Reason="NotFoundException",
            TargetName="jane",
            TargetType="MailboxIdParameter",
        ),
        fully_qualified_error_id="[FailureCategory=Cmdlet-NotFoundException] 9F2B1C3D",
        target_object="jane",
    )
    pipeline.write_debug("debug \u00a7")
    pipeline.write_verbose("verbose _x0041_")
    pipeline.write_warning("warning \U0001f4f1")
    pipeline.write_progress("Reading", 3, "half", percent_complete=50, current_operation="step", seconds_remaining=7)
    pipeline.write_information(
        "information",
        "source",
        time_generated=t.PSDateTime(2026, 11, 1, tzinfo=UTC),
        tags=["tag"],
        user="jane",
        computer="ex01",
        process_id=1,
        native_thread_id=2,
        managed_thread_id=3,
    )

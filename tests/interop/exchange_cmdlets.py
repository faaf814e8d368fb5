"""What the server's cmdlets do, by name and typed parameters; see psrp_server.py for the list."""

from exchange_objects import COMMANDS, Refusal, World, command, not_found, server
from psrpcore.types import ErrorCategory, HostMethodIdentifier
from wsman_service import Fault


class Exchange:
    """The cmdlets of one organization."""

    def __init__(self, devices):
        self.world = World(devices)

    def __call__(self, run, name, parameters):
        world = self.world
        if name == "Get-Command":
            wanted = parameters.get("Name") or list(COMMANDS)
            run.output(command(each, COMMANDS[each]) for each in map(str, wanted) if each in COMMANDS)
        elif name == "Set-ADServerSettings":
            pass
        elif name == "Get-ExchangeServer":
            run.output([server()])
        elif name == "Get-MobileDevice":
            self.devices(run, parameters)
        elif name == "Set-CASMailbox":
            if parameters.get("Confirm") is not False:
                raise Refusal("HostException", "A prompt cannot be shown.", ErrorCategory.InvalidOperation, terminating=True)
            world.edit(str(parameters["Identity"]), parameters)
            if str(parameters["Identity"]) == "lost":
                run.breaks(ConnectionAbortedError())
        elif name == "Get-CASMailbox":
            run.output([world.mailbox(str(parameters["Identity"]))])
        else:
            raise Refusal(
                "CommandNotFoundException",
                f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program.",
                ErrorCategory.ObjectNotFound,
                fqid="CommandNotFoundException",
                terminating=True,
            )

    def devices(self, run, parameters):
        world = self.world
        mailbox, identity = parameters.get("Mailbox"), parameters.get("Identity")
        if mailbox == "endless":
            number = 0
            while not run.stopping.wait(0.05):
                run.output_rendered([world.rendered[number % len(world.rendered)]])
                number += 1
        elif mailbox == "quiet":
            if not run.stopping.wait(run.shell.poll * 3):
                run.output_rendered(world.rendered[:1])
        elif mailbox == "prompting":
            with run.shell.changed:
                run.pipeline.host_call(HostMethodIdentifier.PromptForChoice, ["Confirm", "Are you sure?", [], 0])
                run.shell.flush()
            run.stopping.wait()
        elif mailbox == "gone":
            run.breaks(Fault("w:InvalidSelectors", 2150858843, "The shell was not found on the server."))
        elif mailbox == "throttled":
            raise Refusal(
                "OverBudgetException",
                "The user load quota of 200 requests per 5 seconds has been exceeded. "
                "Please wait for at least 1500 milliseconds and try again.",
                ErrorCategory.QuotaExceeded,
            )
        elif identity is not None:
            number = world.by_guid.get(str(identity).lower())
            if number is None:
                raise not_found(identity)
            run.output_rendered([world.rendered[number]])
        else:
            size = parameters.get("ResultSize")
            limit = len(world.rendered) if size in (None, "Unlimited") else int(size)
            run.output_rendered(world.rendered[:limit])
            if limit < len(world.rendered):
                with run.shell.changed:
                    run.pipeline.write_warning(
                        "There are more results available than are currently displayed. "
                        "To view them, increase the value for the ResultSize parameter."
                    )
                    run.shell.flush()

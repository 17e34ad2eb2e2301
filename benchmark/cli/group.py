"""Groups of commands that suggest the nearest name."""

from typing import Any

import click

from registry.errors import unknown_name


class Suggesting(click.Group):
    """A group in which an unknown name is reported with the nearest ones.

    Args:
        see: the line that lists the commands.
    """

    def __init__(self, *arguments: Any, see: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.see = see

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name.

        Raises:
            UnknownNameError: there is none.
        """
        known = self.list_commands(context)
        if name not in known:
            raise unknown_name("command", name, known, self.see)
        return super().get_command(context, name)

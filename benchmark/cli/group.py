"""Commands that refuse what they would drop, and groups of them that suggest the nearest name."""

from typing import Any

import click


class Once(click.Command):
    """A command that refuses a flag of one value that is given twice: the first would be dropped without a word."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """As click does it.

        Raises:
            UsageError: a flag is given twice, or with its opposite.
        """
        _, _, given = self.make_parser(context).parse_args(args=list(arguments))
        for parameter in dict.fromkeys(given) if not context.resilient_parsing else ():
            if given.count(parameter) > 1 and isinstance(parameter, click.Option) and _is_single(parameter):
                raise click.UsageError(f"{_words(parameter)} is given {given.count(parameter)} times; give it once")
        return super().parse_args(context, arguments)


def _is_single(option: click.Option) -> bool:
    """Whether a second time takes back the first; a switch that is on stays on."""
    return not option.multiple and not option.count and (not option.is_flag or bool(option.secondary_opts))


def _words(option: click.Option) -> str:
    names = ["/".join(option.opts), "/".join(option.secondary_opts)]
    return " or ".join(filter(None, names))


class Suggesting(click.Group):
    """A group in which an unknown name is reported with the nearest ones.

    Args:
        see: the line that lists the commands.
    """

    command_class = Once

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
            from registry.errors import unknown_name

            raise unknown_name("command", name, known, self.see)
        return super().get_command(context, name)

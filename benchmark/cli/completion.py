"""`bench completion`: the script with which a shell completes the words of bench."""

import sys

import click

from benchmark.cli.group import Once
from benchmark.cli.main import VARIABLE

INSTALL = {  # shell -> how its script is kept, and what else it needs
    "bash": (
        "mkdir -p ~/.local/share/bash-completion/completions && "
        "bench completion bash > ~/.local/share/bash-completion/completions/bench",
        'or, without the package bash-completion, add to ~/.bashrc: eval "$(bench completion bash)"',
    ),
    "zsh": (
        "mkdir -p ~/.zfunc && bench completion zsh > ~/.zfunc/_bench",
        "with this in ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit && compinit",
    ),
    "fish": ("bench completion fish > ~/.config/fish/completions/bench.fish", ""),
}


@click.command(cls=Once)
@click.argument("shell", type=click.Choice(list(INSTALL)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script with which SHELL completes commands, options, tasks, components and runs.

    \b
    bench completion bash
    eval "$(bench completion bash)"

    On a terminal it also says where to keep the script.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(_script(shell, kind(context.find_root().command, {}, "bench", VARIABLE).source()), nl=False)
    if sys.stdout.isatty():
        line, rest = INSTALL[shell]
        click.echo(f"\nTo keep it, in a new shell: {line}{f'; {rest}' * bool(rest)}", err=True)


def _script(shell: str, script: str) -> str:
    """The script, which in bash leaves no space behind an option's ``=``."""
    added = "COMPREPLY+=($value)"
    return script.replace(added, f"{added}; [[ $value == *= ]] && compopt -o nospace") if shell == "bash" else script

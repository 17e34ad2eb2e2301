"""Kinds of components as people write them."""


def kind_named(text: str) -> str:
    """The kind that is meant, in singular or plural.

    Raises:
        UnknownNameError: there is no such kind.
    """
    from registry.contracts import KINDS
    from registry.errors import unknown_name

    kind = text.removesuffix("s")
    if kind not in KINDS:
        raise unknown_name("kind of component", text, KINDS, "registry/README.md")
    return kind

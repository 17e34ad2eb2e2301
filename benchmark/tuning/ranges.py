"""What of a pipeline is searched: the ranges that its components declare and those of its tables, narrowed by the task.

[tuning.space]
"training.learning_rate" = {low = 3e-4, high = 3e-3, log = true}
"augmentation.flips" = {choices = ["anatomical", "none"]}
"head.dropout" = 0.2                                       # stays there
"""

import typing
from collections.abc import Callable, Collection, Iterator, Mapping

from benchmark.tasks.schema import Augmentation, Span, Tuning
from benchmark.tasks.settings import KINDS, setting, with_settings
from benchmark.tasks.spec import RunSpec
from benchmark.tuning.space import Dimension, Space, check_space
from registry.errors import ConfigError, unknown_name
from registry.options import Option, Range, Scalar

TABLES: dict[str, Range | tuple[Scalar, ...]] = {
    "training.learning_rate": Range(1e-4, 1e-2, log=True),
    "training.batch_size": Range(8, 64, step=8),
    "augmentation.flips": typing.get_args(typing.get_type_hints(Augmentation)["flips"]),
    "augmentation.rotation": Range(0, 0.25),
    "augmentation.rotated": Range(0, 1),
    "images.size": Range(64, 320, step=32),
}


def space_of(
    spec: RunSpec, tuning: Tuning, options: Callable[[str, str], tuple[Option, ...]], overridden: Collection[str] = ()
) -> Space:
    """The dimensions of a search, those of components first.

    Args:
        options: kind, name -> a component's options.
        overridden: settings that flags give; they are not searched.

    Raises:
        UnknownNameError: the task's table names what is no setting, or one that cannot be searched.
        ConfigError: the table leaves nothing to search, or what the pipeline cannot be set to.
    """
    every = dict(_known(spec, options))
    _check_table(spec, tuning, every, overridden)
    dimensions = []
    for name, option in every.items():
        given = tuning.space.get(name, Span())
        if name.partition(".")[0] in tuning.searched and name not in overridden and isinstance(given, Span):
            dimensions.append(_dimension(name, option, setting(spec, name), given))
    if not dimensions:
        raise ConfigError(
            f"nothing is left to search: [tuning] searches {', '.join(tuning.searched) or 'no table'}, and flags and "
            f"[tuning.space] keep all of it as it is; leave one open, of {', '.join(every)}"
        )
    space = check_space(Space(dimensions))
    for dimension in dimensions:
        _check_values(dimension, spec, every[dimension.name])
    return space


def _check_table(spec: RunSpec, tuning: Tuning, every: Mapping[str, Option], overridden: Collection[str]) -> None:
    """What the task's table names can be searched, and stays where the pipeline has it or is a range."""
    for name, given in tuning.space.items():
        if name not in every:
            raise unknown_name("setting that can be searched", name, every, "[tuning.space]")
        _check_given(name, every[name], given)
        value = setting(spec, name)
        if not isinstance(given, Span) and name not in overridden and given != value:
            raise ConfigError(
                f"[tuning.space] keeps {name} at {given!r}, and the pipeline has {value!r}; trial 0 is the pipeline "
                f"as it is, so say --set {name}={given}, which also keeps it there, or change the table"
            )


def _check_given(name: str, option: Option, given: Span | Scalar) -> None:
    """What is written in the table lies in the range that the component declares."""
    declared = option.range if name.partition(".")[0] in KINDS else None
    written = [given.low, given.high, *(given.choices or [])] if isinstance(given, Span) else [given]
    for value in written:
        if declared is None or value is None:
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not declared.low <= value <= declared.high:  # type: ignore[operator]
            raise ConfigError(
                f"[tuning.space] {name} lies in [{declared.low:g}, {declared.high:g}], received {value!r}; "
                "see: bench list"
            )


def _known(spec: RunSpec, options: Callable[[str, str], tuple[Option, ...]]) -> Iterator[tuple[str, Option]]:
    """Every setting that can be searched, with what it may be."""
    for kind in KINDS:
        for option in options(kind, getattr(spec, kind).name):
            open_ended = option.range is None and not option.choices and option.types != ("bool",)
            if not open_ended and setting(spec, f"{kind}.{option.name}") is not None:
                yield f"{kind}.{option.name}", option
    for name, allowed in TABLES.items():
        value = setting(spec, name)
        choices, span = (allowed, None) if isinstance(allowed, tuple) else ((), allowed)
        yield name, Option(name, value, (type(value).__name__,), choices, span)


def _dimension(name: str, option: Option, default: Scalar, given: Span) -> Dimension:
    """A setting's declared range or choices, narrowed."""
    choices = list(given.choices or option.choices or ([False, True] if option.types == ("bool",) else []))
    if choices:
        if given.low is not None or given.high is not None:
            raise ConfigError(f"[tuning.space] {name} takes choices, of {choices}; received a low or a high end")
        return Dimension(name, default, "choice", choices=choices)
    declared = option.range
    assert declared
    return Dimension(
        name,
        default,
        "int" if "int" in option.types else "float",
        low=declared.low if given.low is None else given.low,
        high=declared.high if given.high is None else given.high,
        step=declared.step if given.step is None else given.step,
        log=declared.log if given.log is None else given.log,
    )


def _check_values(dimension: Dimension, spec: RunSpec, option: Option) -> None:
    """Every value of the grid can be set; tables say themselves what they take, options of components in ranges."""
    declared = option.range if dimension.name.partition(".")[0] in KINDS else None
    for value in dimension.points():
        try:
            with_settings(spec, {dimension.name: value})
        except ValueError as error:
            raise ConfigError(f"[tuning.space] {dimension.name} = {value}: {error}") from error
        outside = declared and isinstance(value, (int, float)) and not declared.low <= value <= declared.high
        if outside or (option.choices and value not in option.choices):
            raise ConfigError(f"[tuning.space] {dimension.name} = {value} is not what {option.text()} allows")

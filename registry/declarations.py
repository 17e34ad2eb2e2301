"""What components declare, each read in one place: the declaration, or its default where there is none.

`registry.contracts` says what they mean.  Nothing heavy is imported: a product that is a network or a Pipeline has
imported its library itself.
"""

import ast
import inspect
import operator
import sys
from collections.abc import Callable
from typing import Any, Literal

from registry.contracts import LIBRARIES, SOURCES, Classifier, FeaturePredictor, MaskPredictor
from registry.errors import ContractError, PluginError

Answer = Literal["predict_proba", "decision_function", "predict"]

ANSWERS: tuple[Answer, ...] = ("predict_proba", "decision_function", "predict")
OFFERED = ("sample_weight", "eval_set", "sample_weight_eval_set")


def needs_files(factory: Callable[..., Any]) -> bool:
    """Whether a dataset is read from files: its factory has no default for their folder.

    Raises:
        ContractError: the factory does not take a folder.
    """
    first = next(iter(inspect.signature(factory).parameters.values()), None)
    if first is None or first.kind not in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
        raise ContractError(
            "a dataset's factory takes the folder of its files first, received "
            f"{getattr(factory, '__name__', factory)}{inspect.signature(factory)}; add root, or root=None if unused"
        )
    return first.default is inspect.Parameter.empty


def recognition(factory: Callable[..., Any], root: str) -> int:
    """How surely a dataset's factory says that a folder is its own; 0 where it declares no `recognises`.

    Raises:
        ContractError: `recognises` is no function, or does not give a whole number of 0 or more.
    """
    declared = getattr(factory, "recognises", None)
    if declared is None:
        return 0
    if not callable(declared):
        raise ContractError(f"recognises is a function (root) -> int, received {kind_of(declared)}")
    score = _whole("the score of recognises", declared(root))
    if score < 0:
        raise ContractError(f"the score of recognises is 0 or more, received {score}")
    return score


def pretrained_training(factory: Callable[..., Any]) -> dict[str, float]:
    """How a backbone's factory says that its published weights are trained; nothing where it declares none.

    Raises:
        ContractError: `pretrained` holds something else than settings of ``[training]`` that are numbers above 0.
    """
    declared = getattr(factory, "pretrained", {})
    if not isinstance(declared, dict) or not all(_fine_tunes(name, value) for name, value in declared.items()):
        raise ContractError(
            f"pretrained holds learning_rate (a number) or epochs (a whole number), above 0, received {declared!r}"
        )
    return dict(declared)


def _fine_tunes(name: object, value: Any) -> bool:
    kinds = {"learning_rate": (int, float), "epochs": (int,)}.get(str(name), ())
    return isinstance(value, kinds) and not isinstance(value, bool) and value > 0


def makes_predictor(factory: Callable[..., Any]) -> bool:
    """Whether a backbone's factory declares `untrained`: it makes a `FeaturePredictor`.

    Raises:
        ContractError: it declares something else than a bool.
    """
    return _flag(factory, "untrained")


def is_feature_predictor(backbone: Any) -> bool:
    """Whether a backbone is a `FeaturePredictor`, not a network.

    Raises:
        ContractError: it is neither.
    """
    if is_network(backbone):
        return False
    if not isinstance(backbone, FeaturePredictor):
        raise ContractError(f"a backbone is a keras.Model or has predict(), received {kind_of(backbone)}")
    return True


def parameters_of(predictor: Any) -> int | None:
    """How many numbers a `FeaturePredictor` says that it has learnt; None where nobody knows.

    Raises:
        ContractError: `parameters` is no whole number of 0 or more.
    """
    declared = getattr(predictor, "parameters", None)
    if declared is None:
        return None
    count = _whole(f"parameters of {kind_of(predictor)}", declared)
    if count < 0:
        raise ContractError(f"parameters of {kind_of(predictor)} is 0 or more, received {count}")
    return count


def is_network(product: Any) -> bool:
    """Whether a segmenter, backbone or head is a network.

    Raises:
        ContractError: it is a keras.Model that does not know its outputs before it is called.
    """
    if not _is_a(product, "keras", "Model"):
        return False
    if not getattr(product, "outputs", None):
        raise ContractError(
            f"a network is a functional or Sequential keras.Model with an Input, received {kind_of(product)} "
            "that does not know its outputs before it is called; build it as keras.Model(inputs, outputs)"
        )
    return True


def is_trained(segmenter: Any) -> bool:
    """Whether a segmenter is a network, which a run trains, or a `MaskPredictor`.

    Raises:
        ContractError: it is neither.
    """
    if is_network(segmenter):
        return True
    if not isinstance(segmenter, MaskPredictor):
        raise ContractError(f"a segmenter is a keras.Model or has predict(), received {kind_of(segmenter)}")
    return False


def keeps_whole_frame(segmenter: Any) -> bool:
    """Whether a segmenter declares `whole_frame`: there is no mask.

    Raises:
        ContractError: it declares something else than a bool.
    """
    return _flag(segmenter, "whole_frame")


def reads_dataset_masks(segmenter: Any) -> bool:
    """Whether a segmenter declares `reads_dataset_masks`: the dataset's masks are used as they are.

    Raises:
        ContractError: it declares something else than a bool.
    """
    return _flag(segmenter, "reads_dataset_masks")


def is_classical(head: Any) -> bool:
    """Whether a head is a `Classifier`, not a network.

    Raises:
        ContractError: it is neither.
    """
    if is_network(head):
        return False
    if not isinstance(head, Classifier):
        raise ContractError(f"a head is a keras.Model or has fit() and predict(), received {kind_of(head)}")
    return True


def last_step(classifier: Any) -> Any:
    """What classifies: the last step of a scikit-learn Pipeline, or the classifier itself."""
    return classifier.steps[-1][1] if _is_a(classifier, "sklearn.pipeline", "Pipeline") else classifier


def fit_arguments(classifier: Any) -> dict[str, str]:
    """What `fit` takes of `OFFERED`, each with the keyword to hand it over by."""
    last = last_step(classifier)
    prefix = "" if last is classifier else f"{classifier.steps[-1][0]}__"
    named = inspect.signature(last.fit).parameters
    return {name: prefix + name for name in OFFERED if name in named}


def random_states(classifier: Any) -> list[str]:
    """The parameters that take the run's seed."""
    named = classifier.get_params() if hasattr(classifier, "get_params") else ()
    return [name for name in named if name.rpartition("__")[2] == "random_state"]


def answers_by(classifier: Any) -> Answer:
    """The method that answers."""
    return next(name for name in ANSWERS if hasattr(classifier, name))


def known_classes(classifier: Any, num_classes: int) -> list[int]:
    """The class indices that a fitted classifier has learnt, in the order of its columns.

    Raises:
        ContractError: `classes_` holds something else.
    """
    declared = getattr(classifier, "classes_", None)
    known = list(range(num_classes) if declared is None else declared)
    if any(one not in range(num_classes) for one in known):
        received = ", ".join(map(str, known))
        raise ContractError(f"classes_ of {kind_of(classifier)} holds indices below {num_classes}, received {received}")
    return [int(one) for one in known]


def best_round(classifier: Any) -> int | None:
    """The round of boosting that answers, from 0; None where fitting did not stop early.

    Raises:
        ContractError: `best_iteration` is no whole number.
    """
    best = getattr(last_step(classifier), "best_iteration", None)
    return None if best is None else _whole(f"best_iteration of {kind_of(classifier)}", best)


def data_files(statement: ast.AST, path: str) -> list[str]:
    """The data files that a statement of a component's module declares, by their names relative to that module.

    Args:
        path: of the module's file, for messages.

    Raises:
        PluginError: they are not written out, so that only running the module would tell.
    """
    return _written_out(statement, SOURCES, path, "file names written out, relative to that file")


def libraries(statement: ast.AST, path: str) -> list[str]:
    """The distributions whose versions a statement of a component's module declares to count as its code.

    Args, Raises: as of `data_files`.
    """
    return _written_out(statement, LIBRARIES, path, "names of distributions written out")


def _written_out(statement: ast.AST, declaration: str, path: str, expected: str) -> list[str]:
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if all(getattr(target, "id", "") != declaration for target in targets):
        return []
    try:
        told = ast.literal_eval(statement.value)
    except (ValueError, TypeError, RecursionError):
        told = None
    names = [told] if isinstance(told, str) else told
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise PluginError(
            f"{path}:{statement.value.lineno}: {declaration} is read without running the file; "
            f"expected a list of {expected}"
        )
    return list(names)


def kind_of(product: Any) -> str:
    """A thing's type, in words."""
    name = type(product).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _flag(product: Any, name: str) -> bool:
    declared = getattr(product, name, False)
    if not isinstance(declared, bool):
        raise ContractError(f"{name} of {kind_of(product)} is True or False, received {declared!r}")
    return declared


def _whole(what: str, number: Any) -> int:
    try:
        return operator.index(number)
    except TypeError:
        raise ContractError(f"{what} is a whole number, received {number!r}") from None


def _is_a(product: Any, module: str, name: str) -> bool:
    """Whether a product is of a library's class; of a library that nobody has imported there is no product."""
    library = sys.modules.get(module)
    return library is not None and isinstance(product, getattr(library, name))

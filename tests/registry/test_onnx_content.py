import pytest

from registry.errors import ContractError
from registry.networks.onnx_content import check_content, one_line
from tests.onnx_networks import TensorProto, external, helper, identity, model, onnx, small, value


def _constant(tensor):
    return model([helper.make_node("Constant", [], ["y"], value=tensor)], [], [value("y", None)])


def _within(made):
    """The same, in a branch."""
    branch = helper.make_graph(made.graph.node, "branch", [], made.graph.output, made.graph.initializer)
    choice = helper.make_node("If", ["chosen"], ["z"], then_branch=branch, else_branch=branch)
    return model([choice], [value("chosen", [], TensorProto.BOOL)], [value("z", None)])


def _function(name, *calls):
    nodes = [helper.make_node(call, ["a"], ["a" if last else "b"], domain="own") for last, call in enumerate(calls)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, [helper.make_opsetid("own", 1)])


def _calls(*functions):
    made = identity(functions[0].name, "own")
    made.functions.extend(functions)
    return made


def _huge(dims):
    made = small()
    del made.graph.initializer[0].dims[:]
    made.graph.initializer[0].dims.extend(dims)
    return made


def _sparse():
    made = small()
    made.graph.sparse_initializer.add().values.name = "few"
    return made


REFUSED = [
    (external("weights.bin"), "lie in another file, 'weights.bin'"),
    (_within(external("../weights.bin")), "lie in another file"),
    (_constant(external("/etc/passwd").graph.initializer[0]), "lie in another file, '/etc/passwd'"),
    (identity("Anything", "their.own"), "operator of its author's .'their.own:Anything'.*no library"),
    (_within(identity("Anything", "their.own")), "operator of its author's"),
    (identity("Loop"), "holds a loop"),
    (identity("Scan"), "holds a loop"),
    (_within(identity("Loop")), "holds a loop"),
    (_huge([3 * 2**28, 1]), r"said to have the shape \(805306368, 1\), and [\d,]+ bytes are there"),
    (_huge([-1, 4]), "said to have the shape"),
    (_huge([2**40] * 4), "said to have the shape"),
    (_sparse(), "are sparse"),
    (small(sides=(2**15, 2**15)), "takes more than 2 GB"),
    (_calls(_function("own", "own")), "unfolds to no end of operators"),
    (_calls(_function("a", "b"), _function("b", "a")), "unfolds to no end of operators"),
    (_calls(*(_function(f"f{n}", *[f"f{n + 1}"] * 2) for n in range(60)), _function("f60", "f61"), _function("f61")),
     "unfolds to [0-9,]+ operators"),
    (onnx.ModelProto(), "holds no network"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "message"), REFUSED)
def test_what_a_stranger_could_harm_with_is_refused_in_one_line(made, message):
    with pytest.raises(ContractError, match=message) as caught:
        check_content("network.onnx", made)
    assert "\n" not in str(caught.value)


def test_a_training_beside_the_network_is_refused():
    made = small()
    made.training_info.add()
    with pytest.raises(ContractError, match="holds a training beside its network"):
        check_content("network.onnx", made)


def test_networks_branches_and_functions_of_the_file_itself_are_none_of_that():
    check_content("network.onnx", small())
    check_content("network.onnx", _within(identity()))
    check_content("network.onnx", _calls(_function("a", "b", "b"), _function("b")))


def test_a_line_is_printable_and_not_long():
    assert one_line(ValueError("\n first\x1b[31m\nsecond")) == "first\\x1b[31m"
    assert one_line(ValueError("")) == "ValueError"
    assert len(one_line(ValueError("x" * 999))) == 200

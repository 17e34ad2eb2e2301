"""my-component keeps its contract: every promise is tried at a small size."""

from registry.checks.networks import check_segmenter

from cxr_bench_my_component import my_component


def test_my_component_keeps_its_contract():
    check_segmenter(my_component)


def test_my_component_keeps_its_contract_with_another_option():
    check_segmenter(my_component, filters=8)

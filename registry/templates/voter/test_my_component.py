"""my-component keeps its contract: every promise is tried at a small size."""

from registry.checks.voters import check_voter

from cxr_bench_my_component import my_component


def test_my_component_keeps_its_contract():
    check_voter(my_component)


def test_my_component_keeps_its_contract_with_another_option():
    check_voter(my_component, power=0.5)

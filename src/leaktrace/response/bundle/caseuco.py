from leaktrace.response.bundle.inputs import BundleInput


def case_uco(given: BundleInput) -> bytes:
    return b"{}"

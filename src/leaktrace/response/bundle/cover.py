from leaktrace.response.bundle.inputs import BundleInput


def cover_report(given: BundleInput) -> bytes:
    return b"%PDF"

"""What holds for all tests."""

from __future__ import annotations

import hypothesis

# A slow machine is no defect; speed is measured in bench.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

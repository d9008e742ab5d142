"""A seeded marketplace with known truth: files on disk, real messages."""

from leaktrace.simulate.run import simulate as simulate
from leaktrace.simulate.scenario import SCENARIOS as SCENARIOS
from leaktrace.simulate.scenario import Scenario as Scenario

"""Any JSON or CSV log as accesses: a mapping in TOML says which path gives which column.

The mapping is read once (`loading`), applied to one record at a time without I/O (`rows`), and fed by a thin shell that
takes files apart (`reader`, `jsonfiles`, `csvfiles`). The built-in formats are mappings too, in `builtin/`.
"""

from leaktrace.ledger.mapping.loading import builtin_text, mapping_from_text
from leaktrace.ledger.mapping.model import Column, Condition, Mapping, Rule, Source
from leaktrace.ledger.mapping.rows import map_record

__all__ = ["Column", "Condition", "Mapping", "Rule", "Source", "builtin_text", "map_record", "mapping_from_text"]

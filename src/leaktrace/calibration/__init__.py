"""How good the finder is on this very log: campaigns of known source planted into it, and counted."""

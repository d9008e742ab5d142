"""Notices of a case, from plan to bounce: wires `response.notices` with the case and the company's directory."""

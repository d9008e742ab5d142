"""Which codes are places where people live: ISO 3166-1 as assigned, and the parts of the United States."""

from __future__ import annotations

import re

_WRITTEN_COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
    BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI
    FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN
    IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
    MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
    PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE
    YT ZA ZM ZW
"""
_COUNTRIES = frozenset(_WRITTEN_COUNTRIES.split())
"""ISO 3166-1 alpha-2, officially assigned. `EU`, `XX` and `XK` are reserved or free for anybody's use: no country."""
_WRITTEN_STATES = """
    AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH NJ
    NM NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY
"""
_STATES = frozenset(_WRITTEN_STATES.split())
"""ISO 3166-2:US. Only rules of the United States ask about parts; those of other countries are taken as written."""
_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_ALIASES = {"UK": "GB", "EL": "GR"}
_OWN_CODES = {
    "CN-HK": "HK", "CN-MO": "MO", "CN-TW": "TW",
    "FR-BL": "BL", "FR-NC": "NC", "FR-PF": "PF", "FR-PM": "PM", "FR-TF": "TF", "FR-WF": "WF",
    "NL-AW": "AW", "NL-BQ1": "BQ", "NL-BQ2": "BQ", "NL-BQ3": "BQ", "NL-CW": "CW", "NL-SX": "SX",
}  # fmt: skip
"""Parts with a code of their own in ISO 3166-1, where the law of the whole does not hold.

Overseas countries and territories (Art. 355(2) TFEU and its Annex II; Saint-Barthélemy since 2012) are not of the
Union: the GDPR is not in force there by itself. In the French ones the French law takes its place (fr-overseas.toml);
what the law of others makes of it is counsel's to say. The outermost regions (Art. 355(1)), as FR-RE, are of the Union.
"""


def spelled(text: str) -> str | None:
    """The code as the rules spell it, whether or not there is such a place; null where it has not the form of one."""
    tidy = text.strip().upper().replace("_", "-")
    country, _, rest = tidy.partition("-")
    tidy = f"{_ALIASES.get(country, country)}-{rest}" if rest else _ALIASES.get(country, country)
    tidy = _OWN_CODES.get(tidy, tidy)
    return tidy if _CODE.fullmatch(tidy) else None


def residence_of(text: str | None) -> str | None:
    """A residence as the rules spell it; null where it is none, also for a code that is no country or no state."""
    code = None if text is None else spelled(text)
    if code is None:
        return None
    country, _, part = code.partition("-")
    if country not in _COUNTRIES or (country == "US" and part and part not in _STATES):
        return None
    return code

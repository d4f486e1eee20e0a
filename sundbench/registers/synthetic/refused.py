"""Rows that a reader must refuse: orphans and malformed values, counted for truth.json."""

from __future__ import annotations

from sundbench.registers.synthetic.output import FORMATS, Output
from sundbench.registers.synthetic.plan import Plan

_WRONG: dict[str, tuple[dict[str, str], ...]] = {
    # A day that isn't, a number that is too short, no number at all.
    "lmdb": (
        {"pnr": "6101501001", "eksd": "{year}0231", "atc": "C10AA01", "apk": "1"},
        {"pnr": "12345", "eksd": "{year}0301", "atc": "C10AA01", "apk": "1"},
        {"eksd": "{year}0301", "atc": "C10AA01", "apk": "1"},
        {"pnr": "6101501001", "eksd": "{year}0301", "atc": "C10AA01", "apk": "en"},
    ),
    "lpr_adm": ({"pnr": "61015010X1", "recnum": "999999991", "d_inddto": "{year}0301"},),
    "bef": ({"pnr": "abcdefghij", "referencetid": "{year}1231"},),
}
_ORPHANS: dict[str, tuple[dict[str, str], ...]] = {
    "lpr_diag": (
        {"recnum": "999999997", "c_diag": "DI489", "c_diagtype": "A"},
        {"recnum": "999999998", "c_diag": "DE119", "c_diagtype": "A"},
        {"recnum": "999999999", "c_diag": "DJ449", "c_diagtype": "B"},
    ),
    "lpr3a_diagnose": (
        {"dw_ek_kontakt": "999999998", "diag_kode": "DI489", "diag_type": "A"},
        {"dw_ek_kontakt": "999999999", "diag_kode": "DE119", "diag_type": "A"},
    ),
    "lpr3a_procregistrering": (
        {"dw_ek_procedureregistrering": "999999999", "proc_kode": "KJEA01", "flag_proc_uden_kont": "Ja"},
    ),
}


def add(plan: Plan, output: Output) -> dict[str, float]:
    """Add the rows to each register's last file but one (or its only one), and count them."""
    counts = {}
    for kind, table in (("malformed", _WRONG), ("orphans", _ORPHANS)):
        for register, rows in table.items():
            keys = sorted(key for key in output.segments if key.register == register)
            if not keys:
                continue
            key = keys[-2] if len(keys) > 1 else keys[-1]
            separator = FORMATS[register].separator
            lines = [
                separator.join(
                    row.get(c, "").format(year=key.year or plan.last) for c in output.columns[register]
                )
                for row in rows
            ]
            output.add_raw(key, lines)
            counts[f"{kind}.{register}"] = float(len(rows))
    return counts

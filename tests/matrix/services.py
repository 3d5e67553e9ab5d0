"""Cases of `service`."""

from __future__ import annotations

from tests.matrix.case import Case, World

# `unit FOLDER`: a unit file of the case's name.
_UNIT = r"""
unit() {
    printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' > $1/$n.service
    systemctl daemon-reload
}
"""
_ETC = f"{_UNIT}unit /etc/systemd/system"
_LIB = f"{_UNIT}unit /lib/systemd/system"
_TOUCHES = (
    "unit:{n}.service",
    "unit-file:{n}.service",
    "/etc/systemd/system/{n}.service",
    "/etc/systemd/system/multi-user.target.wants/{n}.service",
)

_UP = {"running": True, "enabled": True}
_DOWN = {"running": False, "enabled": False}
_MASKED = {"running": False, "masked": True}
_MASK = "systemctl mask $n"

_WORLDS: dict[str, tuple[dict[str, bool], dict[World, str]]] = {
    "up": (
        _UP,
        {
            "absent": _ETC,
            "compliant": f"{_ETC}\nsystemctl enable --now $n",
            "drifted": f"{_ETC}\nsystemctl enable --now $n; systemctl kill -s KILL $n; sleep 0.3",
            "half-applied": f"{_ETC}\nln -s ../$n.service /etc/systemd/system/multi-user.target.wants/",
        },
    ),
    "down": (
        _DOWN,
        {
            "absent": "",
            "compliant": _ETC,
            "drifted": f"{_ETC}\nsystemctl enable --now $n",
            "hostile": f"{_ETC}\nsystemctl enable --runtime $n; systemctl start $n",
            "half-applied": f"{_ETC}\nsystemctl enable $n",
        },
    ),
    "masked": (
        _MASKED,
        {
            "absent": _LIB,
            "compliant": f"{_LIB}\n{_MASK}",
            "drifted": f"{_LIB}\nsystemctl start $n",
            "half-applied": f"{_LIB}\nsystemctl start $n; {_MASK}",
        },
    ),
}

CASES: tuple[Case, ...] = (
    *(
        Case("service", form, world, declare, script, touches=_TOUCHES)
        for form, (declare, worlds) in _WORLDS.items()
        for world, script in worlds.items()
    ),
    Case("service", "up", "hostile", _UP, f"{_LIB}\n{_MASK}", "refused", "masked", twist="masked"),
    Case("service", "up", "hostile", _UP, "", "failed", twist="missing"),
    Case("service", "masked", "hostile", _MASKED, _ETC, "failed", twist="file"),
)

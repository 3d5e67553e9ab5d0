"""Init scripts as they lie on the disk: actions, pid files, levels and links."""

from __future__ import annotations

from pathlib import Path

import pytest
from aivp_host.services import init_scripts

CRON = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          cron
# Default-Start:     2 3 4 5
# Default-Stop:
### END INIT INFO
NAME=cron
PIDFILE=/var/run/crond.pid
case "$1" in
start)	log_daemon_msg "Starting"
        ;;
restart|"force-reload" ) restart
	;;
reload | x)
        ;;
status)
        status_of_proc -p $PIDFILE "$DAEMON" $NAME && exit 0 || exit $?
        ;;
*)	log_action_msg "Usage: /etc/init.d/cron {start|stop|status|restart|reload|force-reload}"
        exit 2
esac
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("init.d", "rc2.d", "rc3.d", "rcS.d"):
        (tmp_path / "etc" / folder).mkdir(parents=True)
    return tmp_path


def script(root: Path, text: str, mode: int = 0o755) -> init_scripts.Script:
    path = root / "etc/init.d/demo"
    path.write_text(text)
    path.chmod(mode)
    return init_scripts.script("demo", str(root))


def test_a_script_of_debian(root: Path) -> None:
    found = script(root, CRON)
    assert {"start", "restart", "force-reload", "reload", "status"} <= found.actions
    assert "stop" not in found.actions
    assert (found.pidfile, found.levels) == ("/var/run/crond.pid", ("2", "3", "4", "5"))


@pytest.mark.parametrize(
    ("text", "pidfile"),
    [
        ("NAME=demo\nPIDFILE=/run/${NAME}.pid\n", "/run/demo.pid"),
        ('NAME="demo"\nexport PIDFILE="/run/$NAME/$NAME.pid"\n', "/run/demo/demo.pid"),
        ("# chkconfig: 345 80 20\n# pidfile: /var/run/demo.pid\n", "/var/run/demo.pid"),
        ("PIDFILE=$(find_it)\n", ""),
        ("PIDFILE=/run/$UNKNOWN.pid\n", ""),
        ("PIDFILE=none\n", ""),
        ("", ""),
    ],
)
def test_pid_files(root: Path, text: str, pidfile: str) -> None:
    assert script(root, "#!/bin/sh\n" + text).pidfile == pidfile


def test_the_library_of_debian_brings_the_usual_actions(root: Path) -> None:
    found = script(root, "#!/bin/sh\n. /lib/init/init-d-script\ndo_reload() { :; }\n")
    assert {"start", "stop", "status", "reload"} <= found.actions
    assert "reload" not in script(root, "#!/bin/sh\n. /lib/init/init-d-script\n").actions


def test_what_cannot_be_run_is_not_there(root: Path) -> None:
    assert not script(root, CRON, 0o644).is_found
    assert not init_scripts.script("nope", str(root)).is_found


def test_links(root: Path) -> None:
    assert not script(root, CRON).is_enabled(True)
    for link in ("rc2.d/S01demo", "rc3.d/K01demo", "rc3.d/S01demo-more", "rcS.d/README"):
        (root / "etc" / link).touch()
    text = CRON.replace("2 3 4 5", "2 3")
    assert script(root, text).links == (("2", "S"), ("3", "K"))
    assert [script(root, text).is_enabled(wanted) for wanted in (True, False)] == [False, True]
    (root / "etc/rc3.d/S02demo").touch()
    assert [script(root, text).is_enabled(wanted) for wanted in (True, False)] == [True, True]


def test_names(root: Path) -> None:
    for name in ("README", "rc", "skeleton", ".hidden", "demo"):
        (root / "etc/init.d" / name).touch()
    assert init_scripts.names(str(root)) == ["demo"]

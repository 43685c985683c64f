"""script/audit: what it asks about, and that no answer is no good answer."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]

UV = """\
#!/usr/bin/env bash
# Stands in for uv: writes down what is audited, and finds a hole where it is told.
while (($#)); do
  [[ $1 == --requirement ]] && cat "$2" >>"$AUDITED"
  shift
done
[[ $(wc -l <"$AUDITED") != "$HOLE_AT" ]]
"""


@pytest.mark.parametrize(
    ("hole_at", "code"), [("none", 0), ("1", 1), ("2", 1)], ids=["none", "own", "other"]
)
def test_both_lists_are_audited_whatever_the_first_has(
    tmp_path: Path, hole_at: str, code: int
) -> None:
    """What users get is looked at by itself, and before the rest."""
    copy = tmp_path / "copy"
    (copy / ".venv" / "bin").mkdir(parents=True)
    shutil.copytree(ROOT / "script", copy / "script")
    manifest = Path("custom_components") / "fleet_upgrade" / "manifest.json"
    (copy / manifest).parent.mkdir(parents=True)
    shutil.copy(ROOT / manifest, copy / manifest)
    (copy / "requirements-dev.txt").write_text("other==1.0\n")
    (copy / "script" / "setup").write_text("#!/bin/sh\n")
    (copy / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (copy / ".venv" / "bin" / "uv").write_text(UV)
    (copy / ".venv" / "bin" / "uv").chmod(0o755)
    audited = tmp_path / "audited"

    run = subprocess.run(
        [copy / "script" / "audit"],
        env=os.environ | {"AUDITED": str(audited), "HOLE_AT": hole_at},
        check=False,
        capture_output=True,
    )

    assert run.returncode == code
    own, other = audited.read_text().splitlines()
    assert own.startswith("msgspec==")
    assert other == "other==1.0"


def test_the_pins_are_audited_daily() -> None:
    """A hole is found out after a release, most often."""
    workflow = (ROOT / ".github" / "workflows" / "validate.yml").read_text()
    assert "run: script/audit\n" in workflow
    assert "schedule:" in workflow

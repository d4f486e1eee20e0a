"""An installation with a permit, people, a hand-made extract and a tiny study."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sundbench.governance import database, people, permits
from sundbench.governance.models import Role
from sundbench.governance.permit import parse
from sundbench.release.study import StudyFolder
from sundbench.site import Site
from tests.release.projects import permit_text, write_study

CELLS = (
    "import os\n"
    "import pandas as pd\n"
    "from sundbench.errors import StudyError\n"
    "from sundbench.release.outputs import outputs\n"
    "out = outputs()\n"
    "seen = sorted(os.environ)",
    "out.counts('sex', pd.DataFrame({'sex': ['men', 'women'], 'persons': [10, women]}), by=['sex'])",
    "print(seen)\nif women == 13:\n    raise StudyError('arm new has nobody: widen the period')",
)


def describe_extract(freeze: str, digest: str, permit_digest: str) -> str:
    """What a run reads of an extract.json."""
    return json.dumps({"freeze": freeze, "digest": digest, "permit_digest": permit_digest})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation in which anna may run, bo and kim review, and one extract is there."""
    home = tmp_path / "home"
    made = Site(root=home, database_url=f"sqlite:///{home / 'sundbench.db'}")
    with database.writing(made) as session:
        text = permit_text("lung-cancer")
        registered, _ = permits.register(session, parse(text, "permit"), text, "steward")
        people.add(session, "anna", "Anna")
        for reviewer in ("bo", "kim"):
            people.add(session, reviewer, reviewer.title(), [Role.REVIEWER])
    extract = made.extracts / "lung-cancer" / "2026a"
    extract.mkdir(parents=True)
    (extract / "extract.json").write_text(describe_extract("2026a", "d" * 64, registered.digest))
    return made


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return write_study(tmp_path / "analyses", *CELLS)


@pytest.fixture
def kept(site: Site) -> Callable[..., str]:
    """Makes a run as it would be kept, without a kernel, and gives its id."""
    from datetime import UTC, datetime

    import pandas as pd

    from sundbench.disclosure.profile import profile
    from sundbench.release import manifest as manifests
    from sundbench.release.outputs import Outputs
    from sundbench.release.surroundings import Surroundings

    here = Surroundings.here()

    def make(run: str = "tiny-20261122104500-1f2e", women: int = 12, user: str = "anna") -> str:
        outbox = site.runs / run / "outbox"
        outbox.mkdir(parents=True)
        frame = pd.DataFrame({"sex": ["men", "women"], "persons": [10, women]})
        Outputs(outbox).counts("sex", frame, by=["sex"])
        made = manifests.Manifest(
            run=run,
            user=user,
            study="tiny",
            study_files={},
            parameters={"women": women},
            seed=1,
            permit="lung-cancer",
            permit_digest="p" * 64,
            freeze="2026a",
            extract_digest="d" * 64,
            policy=manifests.Policy(profile="default", digest=profile("default").digest),
            surroundings=here,
            started=datetime(2026, 11, 22, 10, 45, tzinfo=UTC),
            finished=datetime(2026, 11, 22, 10, 46, tzinfo=UTC),
            outputs=manifests.digests(outbox),
        )
        manifests.write(site, outbox.parent, made)
        return run

    return make

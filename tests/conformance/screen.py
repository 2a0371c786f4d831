"""What people and GitHub see of a plan: the pages in a headless Chromium, the log for code scanning by the
official schema and the rules of Microsoft's SARIF multitool for GitHub (`--rule-kind Gh`).

    screen.py PALISADE

Needs Node (`npm`) and a Chromium on the path; both are Debian packages. The sandbox is all the AWS that it needs.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

TOP = pathlib.Path(__file__).resolve().parents[2]
MULTITOOL = "@microsoft/sarif-multitool-linux@5.7.0"
ESTATE = "examples/five-environments"


def palisade(program, root, *args, code=0):
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(root), "CI": "1", "NO_COLOR": "1",
        "PALISADE_SANDBOX": str(root / "sandbox"),
    }
    run = subprocess.run([program, "-C", ESTATE, *args], cwd=root, env=environment, capture_output=True, text=True)
    assert run.returncode == code, f"{args}: {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run.stdout


def checkout(root):
    for name in ("examples", "modules"):
        shutil.copytree(TOP / name, root / name, ignore=shutil.ignore_patterns(".palisade"))
    subprocess.run(["git", "init", "-q", str(root)], check=True)


def patch(root, change, what):
    file = root / ESTATE / "changes" / change / f"{what}.patch"
    if file.exists():
        subprocess.run(["git", "apply", "--whitespace=nowarn", str(file)], cwd=root, check=True)


def multitool():
    """The program itself: its wrapper in JavaScript hands semicolons to a shell."""
    home = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "conformance-node"
    program = home / "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", str(home), MULTITOOL], check=True)
    program.chmod(0o755)
    return program


def scanned(tool, root, log):
    """GitHub's rules and the schema have nothing against the log, and its places are files of the checkout."""
    for kind, level in (("Gh", "Error;Warning"), ("Sarif", "Error")):
        out = log.with_suffix(f".{kind}.json")
        run = subprocess.run(
            [str(tool), "validate", str(log), "--rule-kind", kind, "--level", level, "--output", str(out), "--log", "ForceOverwrite"],
            capture_output=True, text=True,
        )
        assert run.returncode == 0, f"{log}: {run.stdout}\n{run.stderr}"
        said = [r for r in json.loads(out.read_text())["runs"][0].get("results", []) if r.get("level") != "note"]
        assert not said, f"{log}: {json.dumps(said, indent=1)}"
    results = json.loads(log.read_text())["runs"][0]["results"]
    for result in results:
        place = result["locations"][0]["physicalLocation"]
        file = root / place["artifactLocation"]["uri"]
        assert file.is_file(), f"{log}: {result}"
        lines = file.read_text().count("\n") + 1
        assert 1 <= place["region"]["startLine"] <= lines, f"{log}: {result}"
    return results


def wrong_log_is_caught(tool, log):
    """The judge judges: a result without a place is refused."""
    broken = json.loads(log.read_text())
    del broken["runs"][0]["results"][0]["locations"]
    other = log.with_name("broken.sarif")
    other.write_text(json.dumps(broken))
    run = subprocess.run([str(tool), "validate", str(other), "--rule-kind", "Gh", "--level", "Error;Warning"], capture_output=True, text=True)
    assert "error GH" in run.stdout and "locations" in run.stdout, run.stdout


def page(browser, file, width, scheme):
    """A page as it stands, without scripts; it asks nothing of anywhere."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=False)
    shown = context.new_page()
    asked = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri())
    assert asked == [file.as_uri()], asked
    return shown


def seen(browser, file, sentence, width, scheme, pictures):
    shown = page(browser, file, width, scheme)
    banner = shown.get_by_role("status")
    assert sentence in banner.inner_text(), banner.inner_text()
    box = banner.bounding_box()
    assert box["y"] < 400, f"the verdict is on the first screen: {box}"
    # No part makes the page wider than the screen: what is wide scrolls by itself.
    wide = shown.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{file} at {width}: {wide}"
    assert shown.locator("script").count() == 0
    tables, captions = shown.locator("table").count(), shown.locator("table:has(caption), table[aria-label], [aria-label] table").count()
    assert tables == captions, f"{captions} of {tables} tables have a name"
    ground, ink = (shown.evaluate(f"getComputedStyle(document.body).{what}") for what in ("backgroundColor", "color"))
    assert ("13, 17, 23" in ground) == (scheme == "dark"), (ground, ink)
    if pictures:
        shown.screenshot(path=str(pictures / f"{file.stem}-{width}-{scheme}.png"))
    return shown


def evidence(shown):
    """A verdict of the matrix leads to its evidence, by mouse and by keyboard."""
    cell = shown.locator("#walls td a", has_text="reachable").first
    number = cell.get_attribute("href")
    inside = shown.locator(number)
    assert not inside.is_visible()
    cell.focus()
    shown.keyboard.press("Enter")
    inside.wait_for(state="visible", timeout=5_000)
    text = inside.inner_text()
    for word in ("witness", "principal"):
        assert word in text, text
    proof = shown.locator("#walls td a", has_text="isolated").first
    proof.click()
    inside = shown.locator(proof.get_attribute("href"))
    inside.wait_for(state="visible", timeout=5_000)
    assert "Proof." in inside.inner_text(), inside.inner_text()


def keyboard(shown):
    """The first stop is the way past the navigation; each stop can be seen."""
    shown.keyboard.press("Tab")
    first = shown.evaluate("document.activeElement.textContent")
    assert first == "Skip to the content", first
    levels = shown.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1, levels
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels


# The ratio of WCAG 2.2, 1.4.3, of every text that a colour's class or a link paints, with the ground it stands on.
CONTRAST = """() => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const channel = part => part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ground = node => {
        for (; node; node = node.parentElement) {
            const found = parts(getComputedStyle(node).backgroundColor);
            if (found.length === 3 || found[3] > 0) return found;
        }
        return [255, 255, 255];
    };
    return [...document.querySelectorAll('body, a, .good, .bad, .warn, .dim, .add, .change, th, code')].map(node => {
        const [one, other] = [light(parts(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
        return [(one + 0.05) / (other + 0.05), node.outerHTML.slice(0, 80)];
    }).filter(([ratio]) => ratio < 4.5);
}"""


def legible(shown, width):
    """Texts stand out from their ground; what the verdict says fits a desktop's screen without scrolling."""
    pale = shown.evaluate(CONTRAST)
    assert not pale, pale[:3]
    if width >= 1280:
        tables = shown.evaluate("[...document.querySelectorAll('#verdict .scroll')].map(t => [t.scrollWidth, t.clientWidth])")
        assert tables and all(wide <= room for wide, room in tables), tables


def printed(shown):
    shown.emulate_media(media="print")
    assert not shown.locator("nav").is_visible()
    assert shown.get_by_role("status").is_visible()


def main():
    program = os.path.abspath(sys.argv[1])
    pictures = os.environ.get("PALISADE_PICTURES")
    pictures = pathlib.Path(pictures) if pictures else None
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium and shutil.which("npm"), "Chromium and npm are needed: apt-get install chromium npm"
    tool = multitool()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as play:
        root = pathlib.Path(directory)
        checkout(root)
        out = root / "out"
        out.mkdir()
        outputs = [f"--output={format}={out}/first.{suffix}" for format, suffix in (("sarif", "sarif"), ("html", "html"), ("markdown", "md"), ("json", "json"))]
        palisade(program, root, "plan", *outputs)
        scanned(tool, root, out / "first.sarif")
        patch(root, "chain", "before")
        palisade(program, root, "apply", "--auto-approve")
        patch(root, "chain", "change")
        broken = [output.replace("/first.", "/chain.") for output in outputs]
        palisade(program, root, "plan", *broken, code=3)
        results = scanned(tool, root, out / "chain.sarif")
        violations = [r for r in results if r["ruleId"].startswith("isolation/")]
        assert violations and violations[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith(ESTATE), results
        wrong_log_is_caught(tool, out / "chain.sarif")
        assert len((out / "chain.md").read_text()) < 60_000
        palisade(program, root, "report", "--out", str(out / "report.html"))
        (root / ESTATE / "outputs.hcl").write_text("output \"x\" {\n  value = varr.y\n}\n")
        palisade(program, root, "plan", f"--output=sarif={out}/refused.sarif", code=1)
        assert scanned(tool, root, out / "refused.sarif")

        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        pages = (("first", "No rule is broken"), ("chain", "an isolation rule"), ("report", "No rule is broken"))
        for name, sentence in pages:
            for width in (420, 1280):
                for scheme in ("light", "dark"):
                    shown = seen(browser, out / f"{name}.html", sentence, width, scheme, pictures)
                    keyboard(shown)
                    legible(shown, width)
                    evidence(shown)
                    printed(shown)
                    shown.context.close()
        shown = page(browser, out / "report.html", 1280, "light")
        for heading in ("Success figures", "Audit log", "Units, accounts and the environments in them", "Promotion edges, and what stands where"):
            assert shown.get_by_text(heading).first.is_visible(), heading
        browser.close()
    print("screen: the pages and the logs hold")


main()

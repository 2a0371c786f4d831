"""What people and GitHub see of a plan: the pages in a headless Chromium, the log for code scanning by the
official schema and the rules of Microsoft's SARIF multitool for GitHub (`--rule-kind Gh`).

    screen.py PALISADE

Needs Node (`npm`) and a Chromium on the path; both are Debian packages. The sandbox is all the AWS that it needs.
"""

import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

TOP = pathlib.Path(__file__).resolve().parents[2]
MULTITOOL = "@microsoft/sarif-multitool-linux@5.7.0"
ESTATE = "examples/five-environments"
FORMATS = (("text", "txt"), ("markdown", "md"), ("json", "json"), ("sarif", "sarif"), ("html", "html"))
# GitHub refuses comments over 65,536 characters, and uploads over 10 MB.
COMMENT, UPLOAD = 60_000, 10_000_000


def palisade(program, root, *args, code=0, estate=ESTATE):
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(root), "CI": "1", "NO_COLOR": "1",
        "PALISADE_SANDBOX": str(root / "sandbox" / estate),
    }
    run = subprocess.run([program, "-C", estate, *args], cwd=root, env=environment, capture_output=True, text=True)
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


# Names, texts and values that mean something to a runner, a terminal, Markdown, HTML or GitHub.
HOSTILE = [
    "::error file=a.hcl::pwned", "::set-output name=x::y", "##[error]pwned", "a\r\n::error::x",
    "</details></script><script>alert(1)</script><img src=x onerror=alert(1)>", "\" onfocus=alert(1) x=\"",
    "```\n</details>", "[x](https://evil.example) ![i](https://evil.example/i.png)", "@everyone #1 GH-1 acme/repo#1",
    "| a | b |", "-->", "<!-- palisade estate=other -->", "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07x",
    "\u202egnirts", "\u2028::error::x", "\u200bnothing", "& < > \" '", "x" + "L" * 300, "www.evil.example",
    "${{ github.token }}", "%{ if true }", "javascript:alert(1)", "`code` ``", ":secret:", "{account}", "",
]


def quoted(text):
    return json.dumps(text).replace("${", "$${").replace("%{", "%%{")


def hostile(root):
    """An estate whose keys, descriptions, reasons and messages are hostile; its role lets another environment in."""
    names = ", ".join(quoted(name) for name in HOSTILE)
    soon = datetime.date.today() + datetime.timedelta(days=7)
    folder = root / "hostile"
    folder.mkdir()
    (folder / "main.hcl").write_text(f"""
palisade {{
  name = "hostile"
}}
provider "aws" {{
  region = "eu-west-1"
}}
organization "hostile" {{}}
account "dev" {{
  email = "aws+dev@hostile.example"
}}
account "prod" {{
  email = "aws+prod@hostile.example"
}}
environment "dev" {{
  accounts = [account.dev]
}}
environment "prod" {{
  accounts = [account.prod]
}}
locals {{
  names = [{names}]
}}
iam_role "r" {{
  for_each     = {{ for n, name in local.names : name => n }}
  environments = [environment.prod]
  name         = "r-${{each.value}}"
  description  = replace(each.key, "/[^ -~\\\\n\\\\r]/", "?")
  trust {{
    aws = [account.dev]
  }}
}}
check "c" {{
  assert {{
    condition     = false
    error_message = join(" ", local.names)
  }}
}}
output "x" {{
  value = local.names
}}
isolation "environments" {{
  between = [environment.dev, environment.prod]
  allow "x" {{
    from        = environment.dev
    to          = environment.prod
    actions     = ["sts:AssumeRole"]
    resources   = ["arn:aws:iam::*:role/r-1"]
    reason      = join(" ", local.names)
    owner       = local.names[4]
    approved_by = local.names[0]
    expires     = "{soon}"
  }}
  allow "ended" {{
    from      = environment.dev
    to        = environment.prod
    actions   = ["sts:AssumeRole"]
    resources = ["arn:aws:iam::*:role/r-2"]
    reason    = local.names[5]
    expires   = "2026-01-31"
  }}
  allow "idle" {{
    from      = environment.prod
    to        = environment.dev
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::hostile-nothing/*"]
    reason    = local.names[6]
    expires   = "{soon}"
  }}
}}
""")
    return "hostile"


def large(root):
    """Five thousand creations in five environments; every hundredth role lets another environment in."""
    folder = root / "large"
    folder.mkdir()
    environments = ("dev", "test", "stage", "prod", "extra")
    blocks = [f"""
account "{name}" {{
  email = "aws+{name}@large.example"
}}
environment "{name}" {{
  accounts = [account.{name}]
}}""" for name in environments]
    all_of = ", ".join(f"environment.{name}" for name in environments)
    (folder / "main.hcl").write_text(f"""
palisade {{
  name = "large"
}}
provider "aws" {{
  region = "eu-west-1"
}}
organization "large" {{}}
{"".join(blocks)}
iam_role "team" {{
  for_each     = {{ for n in range(0, 990) : "t${{n}}" => n }}
  environments = [{all_of}]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
  statement "work" {{
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::large-${{each.key}}-${{each.environment.name}}/*"]
  }}
}}
iam_role "open" {{
  for_each     = {{ for n in range(0, 9) : "o${{n}}" => n }}
  environments = [{all_of}]
  trust {{
    aws = [account.dev]
  }}
}}
isolation "environments" {{
  between = [{all_of}]
}}
""")
    return "large"


def all_formats(program, root, estate, out, code):
    """A plan in every format, by one run that breaks a rule; what is not for a browser says nothing to a runner."""
    files = {format: out / f"{estate}.{suffix}" for format, suffix in FORMATS}
    printed = palisade(program, root, "plan", *(f"--output={format}={file}" for format, file in files.items()), code=code, estate=estate)
    texts = {format: file.read_bytes().decode() for format, file in files.items()}
    assert len(texts["markdown"]) < COMMENT, len(texts["markdown"])
    assert len(texts["sarif"]) < UPLOAD, len(texts["sarif"])
    sizes = ", ".join(f"{format} {len(text):,}" for format, text in texts.items())
    print(f"screen: {estate}: {len(json.loads(texts['json'])['resource_changes']):,} objects; characters: {sizes}")
    for what, text in (("printed", printed), *texts.items()):
        steering = [c for c in text if ord(c) < 32 and c != "\n" or c in "\x7f\u2028\u2029\u202e\u200b"]
        # JSON writes U+007F and above as they are, and escapes what is below a space.
        assert not steering or what in ("json", "sarif") and min(map(ord, steering)) > 127, (what, steering[:5])
    # What is printed, and what somebody may print of a file.
    for text in (printed, *(text for format, text in texts.items() if format != "html")):
        for line in text.split("\n"):
            assert not line.lstrip().startswith("::") and "##[" not in line, line
    return files, texts


def comment_is_text(markdown):
    """Rendered as GitHub does, a comment has no element that Palisade did not write, and links to nothing."""
    import cmarkgfm
    from cmarkgfm.cmark import Options

    page = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    tags = set(re.findall(r"</?([a-zA-Z!][a-zA-Z0-9]*)", page))
    own = {"h2", "h3", "blockquote", "p", "strong", "ul", "li", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "sub", "br"}
    assert tags - own <= {"!"}, tags - own
    assert page.count("<!--") == 1, "the mark is the only comment"
    assert page.count("<details>") == page.count("</details>") > 0
    attributes = set(re.findall(r"<[a-zA-Z][a-zA-Z0-9]*\s+([a-zA-Z-]+)", page))
    assert attributes <= {"lang"}, attributes
    assert "@everyone" not in re.sub(r"<(code|pre).*?</\1>", "", page, flags=re.DOTALL)


def hostile_page(browser, file):
    """With scripts allowed and everything opened, nothing runs, nothing is asked for, nothing leads away."""
    shown = browser.new_page(viewport={"width": 420, "height": 900})
    said = []
    shown.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    shown.on("request", lambda request: said.append(request.url))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto(file.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    shown.evaluate("document.querySelectorAll('*').forEach(part => { part.focus && part.focus() })")
    assert said == [file.as_uri()], said
    assert shown.locator("script, img, iframe, object, form, input").count() == 0
    links = shown.eval_on_selector_all("a", "all => all.map(link => link.getAttribute('href'))")
    assert links and all(link.startswith("#") for link in links), links
    handlers = shown.evaluate("[...document.querySelectorAll('*')].filter(part => [...part.attributes].some(a => a.name.startsWith('on'))).length")
    assert handlers == 0
    assert shown.evaluate("document.documentElement.scrollWidth") <= 420
    shown.close()


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
    run = json.loads(log.read_text())["runs"][0]
    results, rules = run["results"], run["tool"]["driver"]["rules"]
    for result in results:
        # What rewrites a log may leave the level out, and then that of the rule holds.
        assert rules[result["ruleIndex"]]["defaultConfiguration"]["level"] == result["level"], f"{log}: {result}"
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


def narrow(shown, width):
    """On a narrow screen no record is cut: each stands as a block, with the names of its columns."""
    if width > 600:
        return
    cut = shown.evaluate("[...document.querySelectorAll('.records')].map(t => t.parentElement).filter(t => t.scrollWidth > t.clientWidth).length")
    assert cut == 0, f"{cut} tables are cut"
    cut = shown.evaluate("[...document.querySelectorAll('pre')].filter(t => t.scrollWidth > t.clientWidth).length")
    assert cut == 0, f"{cut} changes are cut"
    tall = shown.evaluate("[...document.querySelectorAll('caption')].filter(c => c.offsetHeight > 120).length")
    assert tall == 0, f"{tall} captions stand letter below letter"
    cause = shown.locator("#verdict .records td[data-label=cause]").first
    assert cause.is_visible() and "cause" in cause.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert shown.get_by_role("cell").count() > 10 and shown.get_by_role("row").count() > 5


def chained(shown):
    """The way of a release is one line: every environment stands there once."""
    boxes = shown.locator("#estate .flow .box strong").all_inner_texts()
    assert boxes == ["dev-localstack", "dev-aws", "dev-aws-deployed", "staging", "production"], boxes


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
        tables = shown.evaluate("[...document.querySelectorAll('#verdict .scroll, #exceptions .scroll')].map(t => [t.scrollWidth, t.clientWidth])")
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

        evil, texts = all_formats(program, root, hostile(root), out, 3)
        scanned(tool, root, evil["sarif"])
        comment_is_text(texts["markdown"])
        # What stands without a change, exceptions that have ended and those that nothing needs, failed checks.
        palisade(program, root, "apply", "--auto-approve", "--fail-on=none", "--reason=::error::x", estate="hostile")
        palisade(program, root, "plan", f"--output=sarif={out}/standing.sarif", code=3, estate="hostile")
        told = {result["ruleId"] for result in scanned(tool, root, out / "standing.sarif")}
        assert {"isolation/isolation.environments", "exception/ended", "exception/ending", "exception/unused", "check/c"} <= told, told
        many, texts = all_formats(program, root, large(root), out, 3)
        scanned(tool, root, many["sarif"])
        comment_is_text(texts["markdown"])
        assert "Left out for length" in texts["markdown"]

        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        pages = (("first", "No rule is broken"), ("chain", "an isolation rule"), ("report", "No rule is broken"))
        for name, sentence in pages:
            for width in (420, 1280):
                for scheme in ("light", "dark"):
                    shown = seen(browser, out / f"{name}.html", sentence, width, scheme, pictures)
                    keyboard(shown)
                    narrow(shown, width)
                    chained(shown)
                    legible(shown, width)
                    evidence(shown)
                    printed(shown)
                    shown.context.close()
        shown = page(browser, out / "report.html", 1280, "light")
        for heading in ("Success figures", "Audit log", "Units, accounts and the environments in them", "Promotion edges and current releases"):
            assert shown.get_by_text(heading).first.is_visible(), heading
        hostile_page(browser, evil["html"])
        hostile_page(browser, many["html"])
        browser.close()
    print("screen: the pages and the logs hold")


main()

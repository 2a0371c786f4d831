"""What Terraform and Palisade make of the cases: the JSON of the value, or None where it is an error."""
import base64
import json
import os
import pathlib
import re
import subprocess
import tempfile

TEMPLATE_VARIABLES = '{ name = "abc", n = 2, list = ["x", "y"], flag = true, map = { k = 1, l = "v" }, nothing = null }'


def wrapped(expression):
    """As JSON text, without a mark; null where it is an error that depends on values."""
    return f"try(nonsensitive(jsonencode({expression})), jsonencode({expression}), null)"


def texts(cases):
    """Every case as (kind, text): what the recording and the report call it."""
    for expression in cases["expressions"]:
        yield "expression", expression
    for template in cases["templates"]:
        yield "template", template
    for declaration in cases["declarations"]:
        yield "declaration", json.dumps(declaration, ensure_ascii=False)


def evaluated(cases):
    """The expression for each expression and template."""
    return [*cases["expressions"], *(f'templatefile("t{i}.tftpl", {TEMPLATE_VARIABLES})' for i in range(len(cases["templates"])))]


def write_templates(folder, cases):
    for i, template in enumerate(cases["templates"]):
        (folder / f"t{i}.tftpl").write_bytes(template.encode())


def write_declaration(folder, i, declaration, suffix, values):
    lines = "\n  ".join(declaration["lines"]).replace("THIS", f"var.v{i}")
    (folder / f"v{i}.{suffix}").write_text(f'variable "v{i}" {{\n  {lines}\n}}\n')
    if declaration["given"] is not None:
        (folder / f"v{i}.{values}").write_text(f"v{i} = {declaration['given']}\n")


def without_errors(run, keep, pattern):
    """Calls `run` without what its errors name, until there are none."""
    keep = set(keep)
    while True:
        answer, errors = run(sorted(keep))
        if answer is not None:
            return answer
        wrong = {int(found) for found in re.findall(pattern, errors)} & keep
        if not wrong:
            wrong = set(unnamed(run, sorted(keep)))
        keep -= wrong


def unnamed(run, keep):
    """Those that have no answer alone, though no error names them: what Terraform takes as unknown."""
    answer, errors = run(keep)
    if answer is not None:
        return []
    if len(keep) == 1:
        return keep
    half = len(keep) // 2
    return unnamed(run, keep[:half]) + unnamed(run, keep[half:])


class Terraform:
    def __init__(self, binary):
        self.binary = binary

    def console(self, folder, question):
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1"}
        run = subprocess.run([self.binary, "console"], cwd=folder, env=environment, input=question + "\n", capture_output=True, text=True)
        # Where a local cannot be evaluated, the console goes on with what is unknown, or warns of it.
        errors = re.sub(r"\x1b\[[0-9;]*m", "", run.stderr)
        if run.returncode == 0 and re.fullmatch(r'"[A-Za-z0-9+/=]+"\s*', run.stdout) and "Error: " not in errors:
            return json.loads(base64.b64decode(run.stdout.strip().strip('"'))), ""
        return None, errors + run.stdout

    def ask(self, prefix, count, write):
        def run(keep):
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                write(folder, keep)
                all_of_them = ", ".join(f"local.e{i}" for i in keep)
                (folder / "all.tf").write_text(f"locals {{\n  all = base64encode(jsonencode([{all_of_them}]))\n}}\n")
                answer, errors = self.console(folder, "local.all")
                return (None if answer is None else dict(zip(keep, answer))), errors

        answers = without_errors(run, range(count), rf"(?:\bon |\bvar\.|variable \"){prefix}(\d+)\b")
        return [answers.get(i) for i in range(count)]

    def answers(self, cases):
        expressions = evaluated(cases)

        def write_expressions(folder, keep):
            write_templates(folder, cases)
            for i in keep:
                (folder / f"e{i}.tf").write_text(f"locals {{\n  e{i} = {wrapped(expressions[i])}\n}}\n")

        def write_declarations(folder, keep):
            for i in keep:
                write_declaration(folder, i, cases["declarations"][i], "tf", "auto.tfvars")
                with (folder / f"v{i}.tf").open("a") as file:
                    file.write(f"locals {{\n  e{i} = {wrapped(f'var.v{i}')}\n}}\n")

        return self.ask("e", len(expressions), write_expressions) + self.ask("v", len(cases["declarations"]), write_declarations)


class Palisade:
    def __init__(self, binary):
        self.binary = pathlib.Path(binary).resolve()

    def console(self, folder, questions):
        """One answer per question, from one process: a marker stands before each."""
        lines = [line for i, question in enumerate(questions) for line in (f'"@{i}"', question)]
        environment = {**os.environ, "NO_COLOR": "1", "CI": "true"}
        run = subprocess.run([self.binary, "-C", folder, "console", "--json"], env=environment, input="\n".join(lines) + "\n", capture_output=True, text=True)
        answers, at = {}, None
        for line in run.stdout.splitlines():
            marker = re.fullmatch(r'"@(\d+)"', line)
            if marker:
                at = int(marker[1])
            elif at is not None:
                answers[at] = json.loads(line)
        return (answers if at is not None else None), run.stderr

    def answers(self, cases):
        expressions = evaluated(cases)
        head = 'palisade {\n  name = "cases"\n}\n'
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "main.hcl").write_text(head)
            write_templates(folder, cases)
            found, errors = self.console(folder, [wrapped(e) for e in expressions])
            if found is None:
                raise SystemExit(errors)
        answers = [found.get(i) for i in range(len(expressions))]

        def run(keep):
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                (folder / "main.hcl").write_text(head)
                for i in keep:
                    write_declaration(folder, i, cases["declarations"][i], "hcl", "auto.vars.hcl")
                # The console evaluates what it is asked for alone; defaults and validations count too.
                valid = subprocess.run([self.binary, "-C", folder, "validate"], env={**os.environ, "NO_COLOR": "1", "CI": "true"}, capture_output=True, text=True)
                if valid.returncode:
                    return None, valid.stderr
                found, errors = self.console(folder, [wrapped(f"var.v{i}") for i in keep])
                return (None if found is None else {i: found.get(at) for at, i in enumerate(keep)}), errors

        declared = without_errors(run, range(len(cases["declarations"])), r"\bv(\d+)\.(?:auto\.vars\.)?hcl\b")
        return answers + [declared.get(i) for i in range(len(cases["declarations"]))]

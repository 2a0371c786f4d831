#!/usr/bin/env python3
"""Makes schemas.bin and index.txt anew from the resource schemas that cfn-lint (PyPI, MIT-0) bundles.

    src/resource_types/data/refresh.py [VERSION]

The schemas are AWS's own (CloudFormation's public registry), which cfn-lint patches with words of its own and with stricter
rules. What the program needs stays; words of cfn-lint's are put into JSON Schema's (draft 2020-12), whose semantics also keep what
stands beside a `$ref`. Texts for people, defaults (many are no valid values, none may be sent) and hints for editors go.

schemas.bin is one gzip stream per service, one after another; in each a JSON object of the service's types by name.
index.txt names the origin in its first line, then one line per service: name, bytes of its stream, and its types, each with
the letters of the handlers that it has (c, r, u, d, l for create, read, update, delete, list).
"""

import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
# Types that no account has: AWS SAM's, which a transform turns into others.
NOT_AWS = ("AWS::Serverless::",)
DROPPED = {
    "description", "default", "title", "examples", "$comment", "relationshipRef", "arrayType", "uniqueKeys",
    "maxUniqueItems", "$schema", "sourceUrl", "documentationUrl", "resourceLink", "typeConfiguration", "taggable",
}
NAMED = {"properties", "definitions", "patternProperties"}
ONE = {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "additionalItems"}
SEVERAL = {"oneOf", "anyOf", "allOf", "prefixItems"}
# Schemas of a list handler's input point into the type's own by the first name, what was rewritten by the second.
ELSEWHERE = "resource-schema.json#"
SURROGATES = re.compile(r"\\u(D8[0-9A-F]{2})(?:\\uDBFF-\\uDC00|-\\uDBFF\\uDC00-|\\uDC00-\\uDBFF)\\uDFFF", re.IGNORECASE)


def pattern(text):
    """A regular expression of Java's or Python's as the crate fancy-regex reads it, with the same meaning for text in ASCII."""
    text = text.replace("\\Z", "\\z").replace("\\p{Graph}", "[!-~]").replace("\\p{Print}", "[ -~]")
    # Characters beyond the first 65,536, as pairs of UTF-16, from the first half of the first pair on.
    text = SURROGATES.sub(lambda found: f"\\x{{{0x10000 + (int(found[1], 16) - 0xD800) * 0x400:X}}}-\\x{{10FFFF}}", text)
    # Looking ahead once or several times is the same.
    text = re.sub(r"(\(\?![^()]*\))[+*]", lambda found: found[1], text)
    out, in_class, at = [], False, 0
    while at < len(text):
        c = text[at]
        if c == "\\" and at + 1 < len(text):
            end = text.index("}", at) + 1 if text[at + 1] in "pPx" and text[at + 2 : at + 3] == "{" else at + 2
            out.append(text[at:end])
            at = end
            # A range that begins with a class of characters is the class and a hyphen.
            if in_class and out[-1][:2] in ("\\w", "\\d", "\\s", "\\p") and text[at : at + 1] == "-" and text[at + 1 : at + 2] != "]":
                out.append("\\-")
                at += 1
            continue
        if in_class and c == "[":
            out.append("\\[")
        elif in_class and c in "&~-" and text[at + 1 : at + 2] == c:
            out.append("\\" + c)
        else:
            out.append(c)
            if c == "[" and not in_class:
                in_class = True
                # A bracket that closes at once is one of the characters.
                rest = text[at + 1 : at + 3]
                for start in ("^]", "]"):
                    if rest.startswith(start):
                        out.append(start.replace("]", "\\]"))
                        at += len(start)
                        break
            elif c == "]":
                in_class = False
        at += 1
    return "".join(out)


def requires(names):
    return {"required": list(names)}


def rules(schema):
    """cfn-lint's words about several properties, in JSON Schema's."""
    made = []
    if names := schema.get("requiredXor"):
        made.append({"oneOf": [requires([name]) for name in names]})
    if names := schema.get("requiredOr"):
        made.append({"anyOf": [requires([name]) for name in names]})
    for name, others in (schema.get("dependentExcluded") or {}).items():
        made.append({"not": {"anyOf": [requires([name, other]) for other in others]}})
    return made


def cleaned(schema):
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key in DROPPED or key in ("requiredXor", "requiredOr", "dependentExcluded"):
            continue
        if key in NAMED and isinstance(value, dict):
            name_of = pattern if key == "patternProperties" else str
            out[key] = {name_of(name): cleaned(inner) for name, inner in value.items()}
        elif key in ONE:
            out["prefixItems" if key == "items" and isinstance(value, list) else key] = (
                [cleaned(inner) for inner in value] if isinstance(value, list) else cleaned(value)
            )
        elif key in SEVERAL:
            out[key] = [cleaned(inner) for inner in value]
        elif key == "dependencies":
            for name, needed in value.items():
                word = "dependentRequired" if isinstance(needed, list) else "dependentSchemas"
                out.setdefault(word, {})[name] = needed if isinstance(needed, list) else cleaned(needed)
        elif key == "format":
            # All others are cfn-lint's names for what a text refers to, or are not binding.
            if value == "json":
                out[key] = value
        elif key == "pattern":
            out[key] = pattern(value)
        elif key == "enumCaseInsensitive":
            out["pattern"] = "(?i)^(?:" + "|".join(re.escape(str(one)) for one in value) + ")$"
        elif key == "$ref":
            out[key] = value.replace(ELSEWHERE, "#")
        else:
            out[key] = value
    if made := rules(schema):
        out["allOf"] = out.get("allOf", []) + made
    # Where nothing but a name of cfn-lint's told alternatives apart, nothing is left of them.
    for word in ("anyOf", "oneOf"):
        if word in out and any(inner == {} for inner in out[word]):
            del out[word]
    return out


def handlers(schema):
    made = {}
    for name, handler in (schema.get("handlers") or {}).items():
        made[name] = {"permissions": sorted(p for p in handler.get("permissions", []) if p and p != "s3:REST.PUT.OBJECT")}
        if "timeoutInMinutes" in handler:
            made[name]["timeoutInMinutes"] = handler["timeoutInMinutes"]
        if "handlerSchema" in handler:
            made[name]["handlerSchema"] = cleaned(handler["handlerSchema"])
    return made


def resource_type(schema):
    made = cleaned({key: value for key, value in schema.items() if key not in ("handlers", "tagging")})
    made["handlers"] = handlers(schema)
    if "tagging" in schema:
        made["tagging"] = schema["tagging"]
    return made


def main():
    version = f"=={sys.argv[1]}" if len(sys.argv) > 1 else ""
    services = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pip", "download", "--quiet", "--no-deps", "--dest", folder, f"cfn-lint{version}"], check=True)
        (archive,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive) as wheel:
            date = json.loads(wheel.read("cfnlint/data/schemas/version.json"))["schema_date"][:10]
            for name in wheel.namelist():
                if "/schemas/resources/" not in name or not name.endswith(".json"):
                    continue
                schema = json.loads(wheel.read(name))
                kind = schema["typeName"]
                if kind.startswith("AWS::") and not kind.startswith(NOT_AWS):
                    services.setdefault(kind.split("::")[1], {})[kind] = resource_type(schema)
        origin = archive.name.split("-")[1]
    lines = [f"# CloudFormation resource schemas of {date}, as cfn-lint {origin} (PyPI, MIT-0) bundles them"]
    with open(HERE / "schemas.bin", "wb") as out:
        for service, types in sorted(services.items()):
            text = json.dumps(types, separators=(",", ":"), sort_keys=True)
            stream = gzip.compress(text.encode(), 9, mtime=0)
            out.write(stream)
            letters = lambda t: "".join(n[0] for n in ("create", "read", "update", "delete", "list") if n in t["handlers"]) or "-"
            names = (f"{kind.split('::', 2)[2]}:{letters(t)}" for kind, t in sorted(types.items()))
            lines.append(f"{service} {len(stream)} {' '.join(names)}")
    (HERE / "index.txt").write_text("\n".join(lines) + "\n")


main()

"""The deliberate differences: rows of the table in docs/language.md. Each rule says by its name which one it is, and
which differences it explains. A rule that explains none is an error: then the table says too much."""
import json
import re

RULES = []


def rule(name):
    def add(explains):
        RULES.append((name, explains))
        return explains
    return add


def explained(kind, text, theirs, ours):
    """The name of the rule that explains a difference, or None."""
    return next((name for name, explains in RULES if explains(kind, text, theirs, ours)), None)


def refused_there(theirs, ours):
    return theirs is None and ours is not None


def refused_here(theirs, ours):
    return theirs is not None and ours is None


def calls(text, *names):
    return any(re.search(rf"\b{name}\(", text) for name in names)


def in_one_order(value):
    """With all lists sorted, so that only their order goes away."""
    if isinstance(value, list):
        return sorted((in_one_order(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, dict):
        return {key: in_one_order(v) for key, v in value.items()}
    return value


@rule("zero has no sign")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and re.sub(r"(?<![\w.-])-0(?![\w.])", "0", theirs) == ours


@rule("division by zero is an error at its place")
def _(kind, text, theirs, ours):
    return refused_here(theirs, ours) and re.search(r"[%/]", text)


@rule("numbers have up to about 4,900 digits before or behind the point, literals up to 308")
def _(kind, text, theirs, ours):
    return refused_here(theirs, ours) and re.search(r"\be-?[3-9]\d\d|\de-?\d{3,}", text)


@rule("all quotients have 512 bits")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and calls(text, "length") and "/" in text and theirs[:18] == ours[:18]


@rule("a name that cannot exist is an error wherever it stands")
def _(kind, text, theirs, ours):
    return refused_here(theirs, ours) and calls(text, "nonexistent", "nope")


@rule("`pow` with a fraction as exponent may differ in the last digit of a double")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and calls(text, "pow") and re.fullmatch(r"[\d.-]+", theirs) and abs(float(theirs) - float(ours)) <= 1e-15 * abs(float(theirs))


@rule("`cidrsubnets` divides the whole space of addresses too")
def _(kind, text, theirs, ours):
    return refused_there(theirs, ours) and calls(text, "cidrsubnets") and '/0"' in text


@rule("`&&` and `||` stop early")
def _(kind, text, theirs, ours):
    return refused_there(theirs, ours) and re.search(r"&&|\|\|", text)


@rule("a condition may give values without a common type")
def _(kind, text, theirs, ours):
    return refused_there(theirs, ours) and "?" in text


@rule("a key that stands twice in JSON or YAML is an error")
def _(kind, text, theirs, ours):
    return refused_here(theirs, ours) and calls(text, "jsondecode", "yamldecode")


@rule("`yamldecode` reads fractions as doubles")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and calls(text, "yamldecode") and re.search(r"\.\d{17}", theirs)


@rule("YAML is YAML 1.2")
def _(kind, text, theirs, ours):
    return calls(text, "yamldecode")


@rule("functions that make a plan non-deterministic do not exist")
def _(kind, text, theirs, ours):
    return refused_here(theirs, ours) and calls(text, "timestamp", "uuid", "bcrypt", "plantimestamp")


@rule("lists and tuples, maps and objects are one type each")
def _(kind, text, theirs, ours):
    if refused_there(theirs, ours):
        # Of a list the index may be negative, of a tuple not; a default has the type of the map's elements.
        return calls(text, "element") and "-" in text or calls(text, "lookup") and "tomap" in text
    return None not in (theirs, ours) and (calls(text, "contains", "distinct", "index") or re.search(r"[=!]=", text))


@rule("sets of lists and objects are in the order of their values")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and ("set" in text) and in_one_order(json.loads(theirs)) == in_one_order(json.loads(ours))


@rule("`distinct`, `setproduct` and set functions over `null` or `[]` take elements without a common type")
def _(kind, text, theirs, ours):
    return refused_there(theirs, ours) and calls(text, "setintersection", "setproduct", "setsubtract", "setunion", "distinct") or refused_there(theirs, ours) and kind == "declaration" and "any" in text


@rule("`templatestring` takes any string")
def _(kind, text, theirs, ours):
    return refused_there(theirs, ours) and calls(text, "templatestring")


@rule("`%v` writes whole numbers without an exponent")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and calls(text, "format", "formatlist") and "%v" in text and re.search(r"\de[+-]\d", theirs)


@rule("five encodings")
def _(kind, text, theirs, ours):
    return refused_here(theirs, ours) and calls(text, "textencodebase64", "textdecodebase64")


@rule("`base64gzip` compresses with another library")
def _(kind, text, theirs, ours):
    return None not in (theirs, ours) and calls(text, "base64gzip")

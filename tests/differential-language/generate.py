"""Cases from a seed: expressions, templates and variable declarations. Equal seeds give equal cases."""
import json
import pathlib
import random

HERE = pathlib.Path(__file__).parent

NUMBERS = ["0", "1", "2", "3", "7", "10", "-1", "-3", "0.1", "0.2", "1.5", "-2.5", "19.99", "100", "1e3", "1.5e-3",
           "9223372036854775807", "9223372036854775808", "-9223372036854775808", "123456789012345678901234567890",
           "0.1234567890123456789012345", "1e30", "1e-30", "255", "4096", "1000000", "0.30000000000000004"]
TEXTS = ['""', '"a"', '"abc"', '"Hello, World"', '"a,b,,c"', '"  padded  "', '"é"', '"e\\u0301"', '"日本語"', '"👨‍👩‍👧"',
         '"line\\nbreak"', '"tab\\tend"', '"quote\\"d"', '"back\\\\slash"', '"$${x}"', '"%%{y}"', '"5"', '"-0.5"', '"1e3"', '"true"',
         '"false"', '"null"', '"10.0.0.0/8"', '"2001:db8::/32"', '"a-b_c.d"', '"UPPER lower"', '"a\\r\\nb\\r\\n"', '"ǆ"', '"ß"', '"İ"',
         '"aaa"', '"abcabc"', '"/re/"', '"<b>&\'"', '"\\u00a0x"', '"0x1f"', '" 7"', '"aGk="', '"YQ"', '"{\\"a\\":1}"', '"a: 1"', '"yes"']
BOOLS = ["true", "false"]
TUPLES = ["[]", '["a"]', '["a", "b", "c"]', '["c", "a", "b", "a"]', "[1, 2, 3]", "[3, 1, 2, 1]", '["a", 1, true]', '[["a"], ["b", "c"]]',
          '["", "x", ""]', "[null]", '["a", null]', "[true, false]", "[0.1, 0.2, 0.3]", '[{ a = 1 }, { a = 2 }]', '["1", "2"]', "[[], []]",
          '["é", "e", "z", "Z", "a"]']
LISTS = ['tolist(["a", "b"])', 'toset(["b", "a"])', "toset([3, 1, 2])", "tolist([])", "toset([])", 'toset(["x"])', "tolist([1, 2])"]
OBJECTS = ["{}", "{ a = 1 }", '{ a = 1, b = "x" }', '{ b = 2, a = 1 }', '{ "a b" = true }', "{ a = null }", '{ a = { b = { c = 1 } } }',
           '{ a = ["x"], b = ["y", "z"] }', '{ "1" = "one" }', '{ a = "x", b = "y" }']
MAPS = ['tomap({ a = "x", b = "y" })', "tomap({})", "tomap({ z = 1, a = 2 })"]
PATTERNS = ['"a"', '"[a-z]+"', '"(a)(b)?"', '"(?P<x>[a-z]+)"', '"^.*$"', '"\\\\d+"', '"(?i)HELLO"', '"\\\\pL+"', '"[[:alpha:]]+"', '"a|b"', '"("',
            '"(a*)*"', '"\\\\bW"', '"(?s)a.b"', '"x{2,}"', '"[^,]+"', '"(?m)^b"', '"\\\\w+"', '"a**"', '"\\\\Qa.b\\\\E"', '"(?U)a+"']
FORMATS = ['"%s"', '"%d"', '"%05d"', '"%-5s|"', '"%5s|"', '"%q"', '"%v"', '"%#v"', '"%.2f"', '"%8.3f|"', '"%+d"', '"%x"', '"%X"', '"%o"', '"%b"',
           '"%e"', '"%g"', '"%t"', '"%%"', '"%s %s"', '"%[2]s %[1]s"', '"%.1s"', '"% d"', '"%08.2f"', '"%z"', '"%#x"', '"%G"', '"%E"', '"plain"', '"%.0f"']
TIMES = ['"2024-02-29T23:59:59Z"', '"2020-01-01T00:00:00+02:00"', '"2020-01-01T00:00:00.123456Z"', '"2020-13-01T00:00:00Z"', '"now"']
DURATIONS = ['"1h"', '"-90m"', '"1h30m5s"', '"1.5h"', '"100ms"', '"x"', '"1"', '"-1h"', '"876000h"']
DATES = ['"YYYY-MM-DD"', '"DD MMM YYYY hh:mm ZZZ"', '"EEE, D MMMM YY h:mm AA"', '"hh \'o\'\'clock\'"', '"YYYYY"', '"HH:mm:ss Z"', '"\'open"', '"aa ZZZZZ"']
CIDRS = ['"10.0.0.0/8"', '"192.168.1.0/24"', '"10.1.2.3/16"', '"2001:db8::/32"', '"10.0.0.0/33"', '"fd00::/8"', '"1.2.3.4"', '"0.0.0.0/0"', '"10.0.0.0/30"']
JSONS = ['"{}"', '"[1, 2.50, 1e3]"', '"{\\"a\\":{\\"b\\":null}}"', '"tru"', '"\\"x\\\\u00e9\\""', '"{\\"a\\":1,\\"a\\":2}"', '"1 2"', '" 7 "', '"[]"', '"\\"\\\\ud83d\\\\ude00\\""',
         '"123456789012345678901234567890"', '"0.1"', '"-0"', '"[1,]"']
YAMLS = ['"a: 1"', '"- a\\n- b"', '"x: [1, 2.5, true, null, ~]"', '"a: &x 1\\nb: *x"', '"|\\n  t\\n"', '"\'it\'\'s\'"', '"a: b: c"', '"{a: 1, b: [x, y]}"', '"1e3"', '"0.1"', '"\\"q\\""', '""',
         '"a: 2020-01-01"', '"? a\\n: b"', '"<<: {a: 1}\\nb: 2"', '"!!str 5"', '"0b11"', '"0x1F"', '"0o17"', '".inf"', '"1_000"', '"a:\\n  - b\\n  - c: d"', '"---\\na: 1\\n"', '"# only"']
CSVS = ['"a,b\\n1,2\\n"', '"a,b\\n1,\\"x,y\\"\\n"', '"a\\n"', '""', '"a,b\\n1\\n"', '"a,a\\n1,2\\n"', '"a,b\\r\\n1,2\\r\\n"', '"a,b\\n\\"1\\"\\"q\\",2"', '"a b,c\\n 1, 2\\n"', '"a,b\\n\\n1,2\\n"',
        '"a\\n\\"open"', '"a,b\\n1,2,3\\n"', '"a\\n\\"x\\ny\\"\\n"', '"a,b\\n\\"x\\"y,2\\n"', '"a,b\\nx\\"y,2\\n"']
B64S = ['"aGk="', '"aGk"', '"aGl="', '"/+8="', '"_-8="', '"aG k="', '"aGk=\\n"', '""', '"===="', '"w6k="', '"/w=="', '"YQ=="', '"YR=="']

POOLS = {"n": NUMBERS, "s": TEXTS, "b": BOOLS, "re": PATTERNS, "fmt": FORMATS, "time": TIMES, "dur": DURATIONS, "date": DATES, "cidr": CIDRS, "json": JSONS,
         "yaml": YAMLS, "csv": CSVS, "b64": B64S}
POOLS["l"] = TUPLES + LISTS
POOLS["m"] = OBJECTS + MAPS
POOLS["any"] = NUMBERS[:8] + TEXTS[:6] + BOOLS + TUPLES + LISTS + OBJECTS + MAPS + ["null"]
POOLS["int"] = ["0", "1", "2", "3", "-1", "10", "1.5", '"2"', "null", "64"]
POOLS["base"] = ["2", "8", "10", "16", "36", "62", "1", "63"]
POOLS["digits"] = ['"101"', '"ff"', '"FF"', '"-12"', '"zz"', '"Zz"', '""', '"+7"', '"0x1"', '"99999999999999999999"', '"1_0"', '"é"']
POOLS["ll"] = ['[["a"], ["b"]]', "[[1, [2, [3]]], 4]", "[[], [[]]]", '[toset(["a"]), ["b"]]', '["a", ["b"]]', "[]"]
POOLS["mm"] = ['{ a = ["x", "y"], b = ["x"] }', "{}", '{ a = [] }', '{ a = "x" }']
POOLS["nl"] = ["[1, 2, 3]", "[0.1, 0.2]", "[]", '["1", 2]', "[null]", "toset([1, 2])", '["x"]', "[1e30, 1]"]
POOLS["mask"] = ["0", "1", "4", "8", "16", "-1", "32", "256"]

# What each function takes. `*` repeats the last, `?` may be left out.
FUNCTIONS = {
    "abs": "n", "ceil": "n", "floor": "n", "log": "n n", "max": "n n*", "min": "n n*", "parseint": "digits base", "pow": "n int", "signum": "int", "sum": "nl",
    "chomp": "s", "endswith": "s s", "startswith": "s s", "format": "fmt any*", "formatlist": "fmt l*", "indent": "int s", "join": "s l", "lower": "s",
    "regex": "re s", "regexall": "re s", "replace": "s s s", "split": "s s", "strcontains": "s s", "strrev": "s", "substr": "s int int", "title": "s", "trim": "s s",
    "trimprefix": "s s", "trimsuffix": "s s", "trimspace": "s", "upper": "s",
    "alltrue": "l", "anytrue": "l", "chunklist": "l int", "coalesce": "any any*", "coalescelist": "l l", "compact": "l", "concat": "l l*", "contains": "l any",
    "distinct": "l", "element": "l int", "flatten": "ll", "index": "l any", "keys": "m", "length": "any", "lookup": "m s any?", "matchkeys": "l l l", "merge": "m m*",
    "one": "l", "range": "int int int?", "reverse": "l", "setintersection": "l l", "setproduct": "l l", "setsubtract": "l l", "setunion": "l l", "slice": "l int int",
    "sort": "l", "transpose": "mm", "values": "m", "zipmap": "l l",
    "base64decode": "b64", "base64encode": "s", "csvdecode": "csv", "jsondecode": "json", "jsonencode": "any", "textdecodebase64": "b64", "textencodebase64": "s",
    "urlencode": "s", "yamldecode": "yaml", "yamlencode": "any",
    "formatdate": "date time", "timeadd": "time dur", "timecmp": "time time",
    "md5": "s", "sha1": "s", "sha256": "s", "base64sha256": "s", "sha512": "s", "uuidv5": "s s",
    "cidrhost": "cidr int", "cidrnetmask": "cidr", "cidrsubnet": "cidr mask int", "cidrsubnets": "cidr mask mask",
    "tobool": "any", "tolist": "any", "tomap": "any", "tonumber": "any", "toset": "any", "tostring": "any", "can": "any", "try": "any any", "sensitive": "n",
    "templatestring": "s m",
}


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return items[self.random.randrange(len(items))]

    def of(self, kind, depth):
        """An expression, mostly of that kind."""
        roll = self.random.randrange(100)
        if roll < 4:
            return self.pick(POOLS["any"])
        if depth > 0 and roll < 30:
            return self.compound(kind, depth - 1)
        return self.pick(POOLS[kind])

    def compound(self, kind, depth):
        of, pick = (lambda k: self.of(k, depth)), self.pick
        if kind in ("n", "int"):
            return pick([lambda: f"({of('n')} {pick(['+', '-', '*', '/', '%'])} {of('n')})", lambda: f"length({of('l')})", lambda: f"-{pick(NUMBERS[:6])}",
                         lambda: f"{pick(['floor', 'ceil', 'abs'])}({of('n')})", lambda: f"({of('b')} ? {of('n')} : {of('n')})"])()
        if kind == "s":
            return pick([lambda: f'"<${{{of("s")}}}|${{{of("n")}}}>"', lambda: f"{pick(['upper', 'lower', 'trimspace', 'title', 'strrev'])}({of('s')})", lambda: f"({of('b')} ? {of('s')} : {of('s')})",
                         lambda: f"join(\"-\", {of('l')})"])()
        if kind == "b":
            return pick([lambda: f"({of('n')} {pick(['<', '<=', '>', '>=', '==', '!='])} {of('n')})", lambda: f"({of('any')} {pick(['==', '!='])} {of('any')})", lambda: f"!{pick(BOOLS)}",
                         lambda: f"({of('b')} {pick(['&&', '||'])} {of('b')})"])()
        if kind == "l":
            return pick([lambda: f"[for x in {of('l')} : x]", lambda: f"[for i, x in {of('l')} : \"${{i}}\" if i > 0]", lambda: f"reverse({of('l')})", lambda: f"{pick(OBJECTS)}[*]",
                         lambda: f"[{of('any')}, {of('any')}]", lambda: f"concat({of('l')}, {of('l')})", lambda: f"keys({of('m')})", lambda: '[{ a = 1 }, { a = "x" }]' + pick(["[*].a", ".*.a", "[*]"])])()
        if kind == "m":
            return pick([lambda: f"{{ for k, v in {of('m')} : k => v }}", lambda: f"{{ for x in {of('l')} : x => x... }}", lambda: f"merge({of('m')}, {of('m')})",
                         lambda: f"{{ (\"k\") = {of('any')} }}", lambda: f"zipmap([\"a\", \"b\"], [{of('any')}, {of('any')}])", lambda: f"{{ for i, x in {of('l')} : i => x }}"])()
        return pick(POOLS[kind])

    def call(self, name, depth=1):
        args = []
        for kind in FUNCTIONS[name].split():
            if kind.endswith("?") and self.random.randrange(2):
                continue
            repeat = self.random.randrange(3) if kind.endswith("*") else 1
            args += [self.of(kind.rstrip("?*"), depth) for _ in range(repeat)]
        return f"{name}({', '.join(args)})"

    def expression(self):
        roll = self.random.randrange(10)
        if roll < 6:
            return self.call(self.pick(sorted(FUNCTIONS)), 2)
        return self.compound(self.pick(["n", "s", "b", "l", "m"]), 2)

    def template(self):
        parts = []
        for _ in range(self.random.randrange(1, 5)):
            left, right = self.pick(["", "", "~"]), self.pick(["", "", "~"])
            space = self.pick(["", " ", "\n", "  \n\t", "\r\n"])
            body = self.pick([
                lambda: self.pick(["text", "a b", "é", "\\n", "\"q\"", "$", "%", "$$", "%%", "$${x}", "%%{x}", "}", "{", "$$$${x}", "\\", "line\n", "\t", "a$b%c"]),
                lambda: f"${{{left}{self.pick([' name ', 'n + 1', 'upper(name)', 'list[0]', 'flag ? 1 : 2', ' join(name, list) ', 'map.k', 'nothing', 'n'])}{right}}}",
                lambda: f"%{{{left} if {self.pick(['flag', '!flag', 'n > 1', 'true', 'name'])} {right}}}yes{space}%{{{left} else {right}}}{space}no%{{{right} endif {left}}}",
                lambda: f"%{{{left} if {self.pick(['flag', 'false'])} {right}}}{space}only{space}%{{ endif {right}}}",
                lambda: f"%{{{left} for x in list {right}}}{space}- ${{x}}{space}%{{{left} endfor {right}}}",
                lambda: f"%{{ for k, v in map {right}}}${{k}}={self.pick(['${v}', '${~ v ~}', '%{ if v == 1 }one%{ endif }'])};%{{ endfor }}",
                lambda: self.pick(["${", "%{ if flag }", "%{ endif }", "${}", "${n n}", "%{ nope }", "${ list }", "${~ n ~}", "${\"in ${name}\"}", "%{ else }"]) if self.random.randrange(4) == 0 else "x",
            ])()
            parts.append(space + body)
        return "".join(parts)

    def declaration(self):
        """A variable's attributes, and the value that it is given (None: none)."""
        kind = self.type(2)
        lines = [f"type = {kind}"] if self.random.randrange(12) else []
        given = self.value_for(kind)
        if self.random.randrange(3) == 0:
            lines.append(f"default = {self.value_for(kind)}")
            if self.random.randrange(3):
                given = None
        if self.random.randrange(4) == 0:
            lines.append(f"nullable = {self.pick(BOOLS)}")
            if self.random.randrange(3) == 0:
                given = "null"
        if self.random.randrange(8) == 0:
            lines.append(f"sensitive = {self.pick(BOOLS)}")
        if self.random.randrange(6) == 0:
            condition = self.pick(["can(length(THIS))", "THIS != null", "length(THIS) > 0", "try(tonumber(THIS) > 0, true)", "can(regex(\"^[a-z]+$\", THIS))", "alltrue([for x in THIS : x != \"\"])",
                                   "contains([\"a\", \"b\"], THIS)", "THIS == THIS"])
            lines.append(f'validation {{\n    condition     = {condition}\n    error_message = "The value is not right."\n  }}')
        return {"lines": lines, "given": given}

    def type(self, depth):
        if depth == 0 or self.random.randrange(3) == 0:
            return self.pick(["string", "number", "bool", "any", "string", "number"])
        inner = lambda: self.type(depth - 1)
        return self.pick([lambda: f"list({inner()})", lambda: f"set({inner()})", lambda: f"map({inner()})", lambda: f"tuple([{inner()}, {inner()}])", lambda: f"object({{ a = {inner()} }})",
                          lambda: f"object({{ a = {inner()}, b = optional({inner()}) }})", lambda: self.optional(depth)])()

    def optional(self, depth):
        inner = self.type(depth - 1)
        default = self.value_for(inner) if self.random.randrange(4) else "null"
        return f"object({{ a = optional({inner}, {default}), b = optional(string, \"d\") }})"

    def value_for(self, kind):
        """A literal that fits mostly."""
        roll = self.random.randrange(10)
        if roll == 0:
            return self.pick(["null", "1", '"x"', "true", "[]", "{}", "[1, \"a\"]", '{ a = 1 }', '["a", "a"]', "[null]", '{ a = null }', '{ a = "x", c = 3 }'])
        if kind.startswith("list(") or kind.startswith("set("):
            inner = kind[kind.index("(") + 1:-1]
            return "[" + ", ".join(self.value_for(inner) for _ in range(self.random.randrange(4))) + "]"
        if kind.startswith("map("):
            return "{ " + ", ".join(f"k{i} = {self.value_for(kind[4:-1])}" for i in range(self.random.randrange(3))) + " }"
        if kind.startswith("object("):
            return self.pick(["{}", "{ a = 1 }", '{ a = "x" }', '{ a = ["x"], b = "y" }', "{ a = true, b = false }", '{ a = 1, b = 2, c = 3 }', '{ a = { a = "q" } }', '{ b = "z" }', "{ a = [1, 2], b = null }",
                              '{ a = {}, b = "n" }', "{ a = [{}, { a = 1 }] }"])
        if kind.startswith("tuple("):
            return self.pick(['["x", "y"]', "[1, 2]", '[true, "1"]', "[1]", '["x", ["y"]]', "[null, null]", '[{ a = 1 }, ["x"]]', "[1, 2, 3]"])
        return self.pick({"string": ['"x"', '"a"', "5", "true", '""', "0.1", '"é"', "1e21"], "number": ["1", '"2"', "0.5", '"x"', "-3", '"1e3"', '""', "12345678901234567890"],
                          "bool": ["true", '"false"', "1", '"yes"', '"true"', '"1"', "0"]}.get(kind, ["1", '"x"', "[1, \"a\"]", "{ a = 1 }", "null", "[]", "true", '[["a"], "b"]', '[{ a = 1 }, { b = 2 }]']))


def unique(make, count):
    seen = {}
    while len(seen) < count:
        case = make()
        seen.setdefault(repr(case), case)
    return list(seen.values())


def cases(seed, expressions=2600, templates=320, declarations=720):
    """All cases of a seed, those written by hand first."""
    maker = Maker(seed)
    written = [line for line in (HERE / "by-hand.txt").read_text().splitlines() if line and not line.startswith("#")]
    # What the tests of the project hold, too.
    rows = [json.loads(line) for line in (HERE.parent / "it/language/recorded.jsonl").read_text().splitlines()]
    written += [row["expression"] for row in rows if "\n" not in row.get("expression", "\n")]
    # Every function a few times, so that none depends on chance.
    calls = [maker.call(name, 1) for name in sorted(FUNCTIONS) for _ in range(10)]
    found = list(dict.fromkeys(written + calls))
    found += [e for e in unique(maker.expression, expressions) if e not in set(found)]
    return {"expressions": found[:max(expressions, len(written) + len(calls))], "templates": unique(maker.template, templates), "declarations": unique(maker.declaration, declarations)}

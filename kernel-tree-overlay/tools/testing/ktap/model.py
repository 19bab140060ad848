#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Random programs, run by ktap-host and by a model of the language.

	model.py KTAP-HOST [COUNT [SEED]]

Each program has variables of every kind (locals, globals, captured ones, fields,
entries with compound keys), expressions with every operator, and loops and
conditions inside of each other. The model is an interpreter that shares nothing
with the compiler: it walks the tree that the program's text was written from.
A program whose output is not that of the model is kept, and named. TAP.
"""

import os
import random
import subprocess
import sys
import tempfile

PROGRAMS_PER_TEST = 50
LITERALS = (0, 1, 2, 3, 5, 7, -1, -2, 127, 128, -127, -128, -129, 255, 32767, 32768, -32768,
            -32769, 65535, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, -(1 << 63), 1234567890123)
STRINGS = ("", "a", "ab", "b", "zz", "10")
# loose to tight, as in the reference
LEVELS = (("?",), ("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("..",), ("|",),
          ("^",), ("&",), ("<<", ">>", ">>>"), ("+", "-"), ("*", "/", "%"), ("unary",))
LEVEL = {op: level for level, ops in enumerate(LEVELS) for op in ops}
ARITH = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>")
NUMBERS = ("a", "b", "g", "h", "t.x", "t.y", "t[1, 2]", "t[3, \"k\"]", "cap")
TEXTS = ("c", "t.s")


class Stop(Exception):
    """A run-time error of the program."""


class Break(Exception):
    pass


class Continue(Exception):
    pass


def wrap(n):
    n &= (1 << 64) - 1
    return n - (1 << 64) if n >> 63 else n


def is_int(v):
    return isinstance(v, int) and not isinstance(v, bool)


def truth(v):
    return v is not None and v is not False


def show(v):
    return {None: "nil", True: "true", False: "false"}.get(v) if not is_int(v) and \
        not isinstance(v, str) else str(v)


def quotient(x, y):
    q = abs(x) // abs(y)
    return -q if (x < 0) != (y < 0) else q


def arith(op, x, y):
    if x is None or y is None:
        return None
    if not is_int(x) or not is_int(y):
        raise Stop("arith")
    if op in ("/", "%") and y == 0:
        raise Stop("divide" if op == "/" else "mod")
    if op in ("<<", ">>", ">>>") and y < 0:
        raise Stop("shift")
    return wrap({
        "+": lambda: x + y, "-": lambda: x - y, "*": lambda: x * y,
        "/": lambda: quotient(x, y), "%": lambda: x - quotient(x, y) * y,
        "&": lambda: x & y, "|": lambda: x | y, "^": lambda: x ^ y,
        "<<": lambda: x << y if y < 64 else 0, ">>": lambda: x >> min(y, 63),
        ">>>": lambda: (x & (1 << 64) - 1) >> y if y < 64 else 0,
    }[op]())


def order(op, x, y):
    if x is None or y is None:
        return False
    if not (is_int(x) and is_int(y)) and not (isinstance(x, str) and isinstance(y, str)):
        raise Stop("compare")
    return {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[op]


def same(x, y):
    return type(x) is type(y) and x == y


class Program:
    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.loops = 0

    # making

    # an expression is a number or nil, a string, or anything; few have wrong types

    def any(self, depth):
        rnd = self.rnd
        r = rnd.random()
        if r < .35 or depth <= 0:
            return self.num(depth)
        if r < .5:
            return self.str(depth)
        if r < .65:
            kind = rnd.choice((self.num, self.num, self.str))
            return ("bin", rnd.choice(("<", "<=", ">", ">=")), kind(depth - 1),
                    kind(depth - 1))
        if r < .75:
            return ("bin", rnd.choice(("==", "!=")), self.any(depth - 1), self.any(depth - 1))
        if r < .83:
            return ("un", "!", self.any(depth - 1))
        if r < .93:
            return ("bin", rnd.choice(("&&", "||")), self.any(depth - 1), self.any(depth - 1))
        return ("lit", rnd.choice((None, True, False)))

    def num(self, depth):
        rnd = self.rnd
        r = rnd.random()
        if r < .004:
            return self.any(depth)
        if depth <= 0 or r < .15:
            if rnd.random() < .5:
                return ("var", rnd.choice(NUMBERS + ("p", "q")))
            return ("lit", None if rnd.random() < .03 else rnd.choice(LITERALS))
        if r < .65:
            op = rnd.choice(ARITH)
            right = self.num(depth - 1)
            if op in ("<<", ">>", ">>>", "/", "%") and rnd.random() < .99:
                right = ("lit", rnd.randrange(1, 70))
            return ("bin", op, self.num(depth - 1), right)
        if r < .77:
            return ("un", rnd.choice("-~"), self.num(depth - 1))
        if r < .85:
            return ("bin", rnd.choice(("&&", "||")), self.num(depth - 1), self.num(depth - 1))
        if r < .95:
            return ("cond", self.any(depth - 1), self.num(depth - 1), self.num(depth - 1))
        return ("call", self.num(depth - 1))

    def str(self, depth):
        rnd = self.rnd
        r = rnd.random()
        if depth <= 0 or r < .3:
            if rnd.random() < .5:
                return ("var", rnd.choice(TEXTS))
            return ("lit", rnd.choice(STRINGS))
        if r < .75:
            return ("bin", "..", self.any(depth - 1), self.str(depth - 1))
        if r < .9:
            return ("cond", self.any(depth - 1), self.str(depth - 1), self.str(depth - 1))
        return ("call", self.str(depth - 1))

    def block(self, depth, in_loop):
        return [self.stmt(depth, in_loop) for _ in range(self.rnd.randrange(1, 5))]

    def stmt(self, depth, in_loop):
        rnd = self.rnd
        r = rnd.random()
        if depth > 0 and r < .12:
            return ("if", self.any(3), self.block(depth - 1, in_loop),
                    self.block(depth - 1, in_loop))
        if depth > 0 and r < .24:
            self.loops += 1
            kind = rnd.choice(("for", "c", "while", "repeat", "do"))
            return ("loop", kind, "i%d" % self.loops, rnd.randrange(0, 4),
                    self.block(depth - 1, True))
        if in_loop and r < .3:
            return ("jump", rnd.choice(("break", "continue")), self.any(2))
        if r < .45:
            return ("print", self.any(4))
        if r < .65:
            return ("set", rnd.choice(NUMBERS), self.num(4))
        if r < .7:
            return ("set", rnd.choice(TEXTS), self.str(3))
        if r < .84:
            op = rnd.choice(ARITH)
            right = self.num(3)
            if op in ("<<", ">>", ">>>", "/", "%") and rnd.random() < .95:
                right = ("lit", rnd.randrange(1, 70))
            return ("op", rnd.choice(NUMBERS), op, right)
        if r < .88:
            # short texts only, or loops make them too long
            return ("op", rnd.choice(TEXTS), "..", ("lit", rnd.choice(STRINGS)))
        if r < .94:
            return ("two", rnd.sample(NUMBERS, 2), self.num(3), self.num(3))
        return ("cap", self.num(3))

    # writing

    def text(self, e, level=0):
        if e[0] == "lit":
            if isinstance(e[1], str):
                return '"%s"' % e[1]
            return "(%d)" % e[1] if is_int(e[1]) and e[1] < 0 else show(e[1])
        if e[0] == "var":
            return e[1]
        if e[0] == "call":
            return "id(%s)" % self.text(e[1])
        if e[0] == "un":
            mine = LEVEL["unary"]
            s = e[1] + self.text(e[2], mine)
            s = s.replace("--", "- -", 1) if s.startswith("--") else s
        elif e[0] == "cond":
            mine = LEVEL["?"]
            s = "%s ? %s : %s" % (self.text(e[1], 1), self.text(e[2]), self.text(e[3]))
        else:
            mine = LEVEL[e[1]]
            s = "%s %s %s" % (self.text(e[2], mine), e[1], self.text(e[3], mine + 1))
        return "(%s)" % s if mine < level else s

    def lines(self, stmts, out, tabs):
        for s in stmts:
            t = "\t" * tabs
            if s[0] == "print":
                out.append("%sprint(%s)" % (t, self.text(s[1])))
            elif s[0] == "set":
                out.append("%s%s = %s" % (t, s[1], self.text(s[2])))
            elif s[0] == "op":
                out.append("%s%s %s= %s" % (t, s[1], s[2], self.text(s[3])))
            elif s[0] == "two":
                out.append("%s%s, %s = id(%s), %s" % (t, *s[1], self.text(s[2]),
                                                     self.text(s[3])))
            elif s[0] == "cap":
                out.append("%ssetcap(%s)" % (t, self.text(s[1])))
            elif s[0] == "jump":
                out.append("%sif (%s) %s" % (t, self.text(s[2]), s[1]))
            elif s[0] == "if":
                out.append("%sif (%s) {" % (t, self.text(s[1])))
                self.lines(s[2], out, tabs + 1)
                out.append(t + "} else {")
                self.lines(s[3], out, tabs + 1)
                out.append(t + "}")
            else:
                self.loop_lines(s, out, tabs)

    def loop_lines(self, s, out, tabs):
        _, kind, i, n, body = s
        t = "\t" * tabs
        head, foot = {
            "for": ("for (%s = 1, %d) {" % (i, n), "}"),
            "c": ("for (var %s = 0; %s < %d; %s++) {" % (i, i, n, i), "}"),
            "while": ("var %s = 0\n%swhile (%s < %d) {\n%s\t%s++" % (i, t, i, n, t, i), "}"),
            "repeat": ("var %s = 0\n%srepeat\n%s\t%s++" % (i, t, t, i),
                       "until %s >= %d" % (i, n)),
            "do": ("var %s = 0\n%sdo {\n%s\t%s++" % (i, t, t, i), "} while (%s < %d)" % (i, n)),
        }[kind]
        out.append(t + head)
        self.lines(body, out, tabs + 1)
        out.append(t + foot)

    def write(self):
        self.body = self.block(3, False) + self.block(3, False) + self.block(3, False)
        out = ["g = 5", "h = nil", "var t = {x = 6, [1, 2] = 9}", "var cap = 4",
               "function setcap(v) { cap = v }", "function id(...) { return ... }",
               "function run(p, q) {", "\tvar a, b, c = 1, -2, \"s\""]
        self.lines(self.body, out, 1)
        out += ["\tprint(%s)" % ", ".join(NUMBERS + TEXTS), "}", "run(11, -3)", ""]
        return "\n".join(out)

    # running

    def value(self, e):
        if e[0] == "lit":
            return e[1]
        if e[0] == "var":
            return self.vars.get(e[1])
        if e[0] == "call":
            return self.value(e[1])
        if e[0] == "cond":
            return self.value(e[2] if truth(self.value(e[1])) else e[3])
        if e[0] == "un":
            v = self.value(e[2])
            if e[1] == "!":
                return not truth(v)
            if v is None:
                return None
            if not is_int(v):
                raise Stop(e[1])
            return wrap(-v if e[1] == "-" else ~v)
        op = e[1]
        x = self.value(e[2])
        if op in ("&&", "||"):
            return x if truth(x) == (op == "||") else self.value(e[3])
        y = self.value(e[3])
        if op in ("==", "!="):
            return same(x, y) == (op == "==")
        if op in ("<", "<=", ">", ">="):
            return order(op, x, y)
        if op == "..":
            return self.join(x, y)
        return arith(op, x, y)

    def join(self, x, y):
        s = show(x) + show(y)
        if len(s) > 4096:
            raise Stop("string")
        return s

    def run_op(self, s):
        _, target, op, e = s
        if op in ("+", "-"):
            # nil counts as 0, and what is added is evaluated before it is read
            y = self.value(e)
            x = self.vars.get(target)
            x, y = 0 if x is None else x, 0 if y is None else y
        else:
            x = self.vars.get(target)
            y = self.value(e)
        self.vars[target] = self.join(x, y) if op == ".." else arith(op, x, y)

    def run(self, stmts):
        for s in stmts:
            if s[0] == "print":
                self.out.append(show(self.value(s[1])))
            elif s[0] == "set":
                self.vars[s[1]] = self.value(s[2])
            elif s[0] == "op":
                self.run_op(s)
            elif s[0] == "two":
                x, y = self.value(s[2]), self.value(s[3])
                self.vars[s[1][0]], self.vars[s[1][1]] = x, y
            elif s[0] == "cap":
                self.vars["cap"] = self.value(s[1])
            elif s[0] == "jump":
                if truth(self.value(s[2])):
                    raise Break if s[1] == "break" else Continue
            elif s[0] == "if":
                self.run(s[2] if truth(self.value(s[1])) else s[3])
            else:
                self.run_loop(s)

    def run_loop(self, s):
        _, kind, _, n, body = s
        for _ in range(max(n, 1) if kind in ("repeat", "do") else n):
            try:
                self.run(body)
            except Break:
                break
            except Continue:
                pass

    def model(self):
        self.vars = {"g": 5, "t.x": 6, "t[1, 2]": 9, "cap": 4, "p": 11, "q": -3,
                     "a": 1, "b": -2, "c": "s"}
        self.out = []
        try:
            self.run(self.body)
            self.out.append("\t".join(show(self.vars.get(v)) for v in NUMBERS + TEXTS))
        except Stop:
            return self.out, True
        return self.out, False


def differs(host, seed, tmp):
    program = Program(seed)
    name = os.path.join(tmp, "%d.kp" % seed)
    with open(name, "w", encoding="utf-8") as f:
        f.write(program.write())
    want, fails = program.model()
    got = subprocess.run([host, name], capture_output=True, text=True, timeout=60, check=False)
    lines = got.stdout.split("\n")[:-1]
    if lines != want:
        n = sum(1 for a, b in zip(lines, want) if a == b)
        return name, "line %d of the output: %r, expected %r" % (
            n + 1, lines[n:n + 1], want[n:n + 1])
    # 255 is the compiler, others the sanitizers
    if got.returncode != fails:
        return name, "status %d, expected %d: %s" % (got.returncode, fails, got.stderr[:200])
    os.unlink(name)
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    host = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    tmp = tempfile.mkdtemp(prefix="ktap-model-")
    tests = -(-count // PROGRAMS_PER_TEST)
    failed = 0

    print("TAP version 13\n1..%d" % tests)
    for i in range(tests):
        first = seed + i * PROGRAMS_PER_TEST
        bad = [b for b in (differs(host, s, tmp) for s in
                           range(first, first + PROGRAMS_PER_TEST)) if b]
        print("%sok %d model: programs %d to %d" % ("not " if bad else "", i + 1, first,
                                                  first + PROGRAMS_PER_TEST - 1))
        for name, why in bad:
            print("# %s: %s" % (name, why))
        failed += bool(bad)
    print("# model: %d passed, %d failed" % (tests - failed, failed))
    if not failed:
        os.rmdir(tmp)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

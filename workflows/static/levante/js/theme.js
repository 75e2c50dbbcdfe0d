// The theme's pages carry small expressions for Alpine, which would turn them into code: a page
// that may only run the files of this server forbids that. This is an interpreter for them. It
// knows the operators that the theme uses, the few globals named below, and nothing else.
"use strict";

(() => {
  const GLOBALS = ["localStorage", "theme", "searchForm", "searchCommand", "searchDropdown", "getCurrentTab", "dateTimeShortcutsOverlay"];
  const WINDOW = { get location() { return window.location; } };
  const WORDS = { true: true, false: false, null: null, undefined };
  const FORBIDDEN = new Set(["constructor", "__proto__", "prototype", "ownerDocument", "defaultView", "innerHTML", "outerHTML"]);
  const BINARY = [["??"], ["||"], ["&&"], ["===", "!==", "==", "!="], ["<=", ">=", "<", ">"], ["+", "-"], ["*", "/", "%"]];
  const OPERATE = {
    "===": (a, b) => a === b, "!==": (a, b) => a !== b, "==": (a, b) => a == b, "!=": (a, b) => a != b,
    "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, ">": (a, b) => a > b,
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b,
  };
  const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_$][\w$]*)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(===|!==|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.|\+\+|--|[-+*/%<>!?:;,.(){}[\]=]))/y;

  function tokens(text) {
    const found = [];
    TOKEN.lastIndex = 0;
    while (text.slice(TOKEN.lastIndex).trim()) {
      const at = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (!match) throw new SyntaxError(`not understood: ${text.slice(at)}`);
      if (match[1] !== undefined) found.push({ kind: "value", value: Number(match[1]) });
      else if (match[2] !== undefined) found.push({ kind: "name", text: match[2] });
      else if (match[3] !== undefined) found.push({ kind: "value", value: match[3].slice(1, -1).replace(/\\(.)/g, "$1") });
      else found.push({ kind: "sign", text: match[4] });
    }
    return found;
  }

  // Each rule returns a function of the scope. `place` gives the object and key that can be set.
  class Parser {
    constructor(text) { this.tokens = tokens(text); this.at = 0; }
    is(text) { const token = this.tokens[this.at]; return token !== undefined && token.text === text; }
    take(text) { if (!this.is(text)) return false; this.at += 1; return true; }
    expect(text) { if (!this.take(text)) throw new SyntaxError(`${text} expected`); }

    program() {
      const steps = this.statements(() => this.at >= this.tokens.length);
      return (scope) => steps.reduce((_, step) => step(scope), undefined);
    }
    statements(isEnd) {
      const steps = [];
      while (!isEnd()) if (!this.take(";")) steps.push(this.statement());
      return steps;
    }
    statement() {
      if (!this.take("if")) return this.expression();
      this.expect("(");
      const test = this.expression();
      this.expect(")");
      const yes = this.block();
      const no = this.take("else") ? this.block() : () => undefined;
      return (scope) => (test(scope) ? yes(scope) : no(scope));
    }
    block() {
      if (!this.take("{")) return this.statement();
      const steps = this.statements(() => this.take("}"));
      return (scope) => steps.reduce((_, step) => step(scope), undefined);
    }
    expression() {
      const next = this.tokens[this.at + 1];
      const token = this.tokens[this.at];
      if (token && token.kind === "name" && next && next.text === "=>") return this.arrow();
      const target = this.choice();
      if (!this.take("=")) return target;
      if (!target.place) throw new SyntaxError("cannot be assigned");
      const value = this.expression();
      return (scope) => { const [object, key] = target.place(scope); return (object[key] = value(scope)); };
    }
    arrow() {
      const name = this.tokens[this.at].text;
      this.at += 2;
      const body = this.is("{") ? this.block() : this.expression();
      return (scope) => (value) => body({ ...scope, find: (wanted) => (wanted === name ? { [name]: value } : scope.find(wanted)) });
    }
    choice() {
      const test = this.binary(0);
      if (!this.take("?")) return test;
      const yes = this.expression();
      this.expect(":");
      const no = this.expression();
      return (scope) => (test(scope) ? yes(scope) : no(scope));
    }
    binary(level) {
      if (level === BINARY.length) return this.unary();
      let left = this.binary(level + 1);
      for (;;) {
        const sign = BINARY[level].find((one) => this.is(one));
        if (!sign) return left;
        this.at += 1;
        left = combine(sign, left, this.binary(level + 1));
      }
    }
    unary() {
      if (this.take("!")) { const value = this.unary(); return (scope) => !value(scope); }
      if (this.take("-")) { const value = this.unary(); return (scope) => -value(scope); }
      return this.postfix();
    }
    postfix() {
      let value = this.primary();
      for (;;) {
        if (this.take(".")) value = member(value, this.name(), false);
        else if (this.take("?.")) value = member(value, this.name(), true);
        else if (this.take("[")) { const key = this.expression(); this.expect("]"); value = member(value, key, false); }
        else if (this.take("(")) value = call(value, this.list(")"));
        else if (this.take("++")) value = step(value, 1);
        else if (this.take("--")) value = step(value, -1);
        else return value;
      }
    }
    name() {
      const token = this.tokens[this.at];
      if (!token || token.kind !== "name") throw new SyntaxError("name expected");
      this.at += 1;
      return () => token.text;
    }
    list(end) {
      const items = [];
      while (!this.take(end)) { items.push(this.expression()); if (!this.is(end)) this.expect(","); }
      return items;
    }
    primary() {
      const token = this.tokens[this.at];
      if (!token) throw new SyntaxError("unexpected end");
      this.at += 1;
      if (token.kind === "value") return () => token.value;
      if (token.kind === "name") return variable(token.text);
      if (token.text === "(") { const value = this.expression(); this.expect(")"); return value; }
      if (token.text === "[") { const items = this.list("]"); return (scope) => items.map((item) => item(scope)); }
      if (token.text === "{") return this.object();
      throw new SyntaxError(`unexpected ${token.text}`);
    }
    object() {
      const pairs = [];
      while (!this.take("}")) {
        const token = this.tokens[this.at];
        this.at += 1;
        const key = token.kind === "value" ? token.value : token.text;
        const value = this.take(":") ? this.expression() : variable(token.text);
        pairs.push([key, value]);
        if (!this.is("}")) this.expect(",");
      }
      return (scope) => Object.fromEntries(pairs.map(([key, value]) => [key, value(scope)]));
    }
  }

  function combine(sign, left, right) {
    if (sign === "&&") return (scope) => left(scope) && right(scope);
    if (sign === "||") return (scope) => left(scope) || right(scope);
    if (sign === "??") return (scope) => left(scope) ?? right(scope);
    return (scope) => OPERATE[sign](left(scope), right(scope));
  }
  function variable(name) {
    if (name in WORDS) return () => WORDS[name];
    const read = (scope) => scope.find(name)[name];
    read.place = (scope) => [scope.find(name), name];
    return read;
  }
  function member(object, key, isOptional) {
    const place = (scope) => {
      const name = key(scope);
      if (FORBIDDEN.has(String(name))) throw new TypeError(`${name} is out of reach`);
      return [object(scope), name];
    };
    const read = (scope) => {
      const [target, name] = place(scope);
      return isOptional && (target === null || target === undefined) ? undefined : target[name];
    };
    read.place = place;
    return read;
  }
  function call(callee, given) {
    return (scope) => {
      const values = () => given.map((one) => one(scope));
      if (!callee.place) return callee(scope)(...values());
      const [object, key] = callee.place(scope);
      return object[key](...values());
    };
  }
  function step(value, by) {
    return (scope) => { const [object, key] = value.place(scope); const before = object[key]; object[key] = before + by; return before; };
  }

  const known = new Map();
  function parse(text) {
    if (!known.has(text)) known.set(text, new Parser(text).program());
    return known.get(text);
  }

  const fallback = {};
  for (const name of GLOBALS) Object.defineProperty(fallback, name, { get: () => globalThis[name] });
  Object.defineProperty(fallback, "window", { value: WINDOW });

  function evaluator(element, expression) {
    // All other words with a dollar sign are in the data of the elements around.
    const own = {
      $el: element,
      $dispatch: (name, detail = {}) =>
        element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true })),
    };
    const stack = [own, ...Alpine.closestDataStack(element)];
    return (receiver = () => {}, { scope = {}, params = [] } = {}) => {
      const data = Alpine.mergeProxies([scope, ...stack]);
      let value;
      try {
        value = typeof expression === "function"
          ? expression.apply(data, params)
          : parse(expression)({ find: (name) => (name in data ? data : fallback) });
        if (typeof expression !== "function" && typeof value === "function") value = value.apply(data, params);
      } catch (error) {
        console.warn(`The theme's expression failed: ${expression}`, error);
        return;
      }
      if (value instanceof Promise) value.then(receiver); else receiver(value);
    };
  }

  if (typeof document !== "undefined") document.addEventListener("alpine:init", () => Alpine.setEvaluator(evaluator));
  if (typeof module !== "undefined") module.exports = { parse };
})();

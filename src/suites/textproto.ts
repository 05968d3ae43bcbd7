import { utf8ByteString } from "../abi/bytes.js";
import type { Where } from "../scenario/types.js";
import type { FieldNode, MessageNode, Node, ScalarNode } from "./node.js";
import { suiteError } from "./node.js";

/**
 * Reads protobuf's text format as far as a schema of plain messages needs it: `#` comments, `{}` and `<>`, `[…]` lists, separators or
 * none, both quotes, adjacent strings, escapes as bytes. https://protobuf.dev/reference/protobuf/textformat-spec/
 *
 * @throws {HarnessError} SCENARIO_INVALID with file, line and column.
 */
export function parseTextproto(text: string, file: string): MessageNode {
  return new Parser(text, file).whole();
}

/** Simple escapes of a string, by the letter behind the backslash. */
const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "?": "?",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

const closing: Readonly<Record<string, string>> = { "{": "}", "<": ">" };
const deepest = 100;

class Parser {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #depth = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  whole(): MessageNode {
    const where = this.#where();
    return { kind: "message", where, fields: this.#fields(undefined) };
  }

  /** Fields up to the closing bracket, or to the end of the file. */
  #fields(end: string | undefined): FieldNode[] {
    const fields: FieldNode[] = [];
    for (;;) {
      this.#skipSpace();
      const next = this.#text[this.#at];
      if (next === end) {
        this.#at++;
        return fields;
      }
      if (next === undefined) throw this.#error(`The file ends, and ${end} is missing`);
      fields.push(...this.#field());
      this.#skipSpace();
      if (this.#text[this.#at] === ";" || this.#text[this.#at] === ",") this.#at++;
    }
  }

  #field(): FieldNode[] {
    const where = this.#where();
    if (this.#text[this.#at] === "[") throw this.#error("Extensions and Any are not part of a suite's schema");
    const name = this.#match(/[A-Za-z_]\w*/y);
    if (name === undefined) throw this.#error(`A field name is wanted, not ${this.#shown()}`);
    this.#skipSpace();
    const hasColon = this.#text[this.#at] === ":";
    if (hasColon) this.#at++;
    this.#skipSpace();
    const next = this.#text[this.#at];
    if (next === "[") return this.#list(name, where);
    if (!hasColon && closing[next ?? ""] === undefined) throw this.#error(`A colon is missing behind ${name}`);
    return [{ name, where, value: this.#value() }];
  }

  #list(name: string, where: Where): FieldNode[] {
    this.#at++;
    const fields: FieldNode[] = [];
    this.#skipSpace();
    while (this.#text[this.#at] !== "]") {
      fields.push({ name, where, value: this.#value() });
      this.#skipSpace();
      const next = this.#text[this.#at];
      if (next === ",") {
        this.#at++;
        this.#skipSpace();
        if (this.#text[this.#at] === "]") throw this.#error("A value is wanted behind the comma");
      } else if (next !== "]") throw this.#error(`A comma or ] is wanted, not ${this.#shown()}`);
    }
    this.#at++;
    return fields;
  }

  #value(): Node {
    this.#skipSpace();
    const where = this.#where();
    const next = this.#text[this.#at];
    if (next === '"' || next === "'") return { kind: "string", where, text: this.#strings() };
    const end = closing[next ?? ""];
    if (end !== undefined) {
      this.#at++;
      if (++this.#depth > deepest) throw this.#error(`Messages are nested more than ${deepest} deep`);
      const fields = this.#fields(end);
      this.#depth--;
      return { kind: "message", where, fields };
    }
    const number = this.#match(/-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fF]?(?![\w.])/y);
    if (number !== undefined) return scalar("number", where, number.replace(/\s/g, ""));
    const word = this.#match(/-?[A-Za-z_]\w*/y);
    if (word === undefined) throw this.#error(`A value is wanted, not ${this.#shown()}`);
    return scalar("word", where, word);
  }

  /** One string, or several that stand beside each other and are one. */
  #strings(): string {
    let text = "";
    for (;;) {
      const quote = this.#text[this.#at];
      if (quote !== '"' && quote !== "'") return text;
      text += this.#string(quote);
      this.#skipSpace();
    }
  }

  #string(quote: string): string {
    const from = this.#where();
    this.#at++;
    let text = "";
    for (;;) {
      const c = this.#text[this.#at];
      if (c === undefined || c === "\n")
        throw suiteError(from, `The string that begins here has no ${quote} at its end`);
      if (c === quote) break;
      if (c === "\\") text += this.#escape();
      else {
        const point = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
        text += utf8ByteString(point);
        this.#at += point.length;
      }
    }
    this.#at++;
    return text;
  }

  #escape(): string {
    const from = this.#where();
    this.#at++;
    const octal = this.#match(/[0-7]{1,3}/y);
    if (octal !== undefined) {
      const byte = Number.parseInt(octal, 8);
      if (byte > 255) throw suiteError(from, `\\${octal} is no byte: the highest is \\377`);
      return String.fromCharCode(byte);
    }
    const hex = this.#match(/[xX][0-9a-fA-F]{1,2}/y);
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(1), 16));
    const unicode = this.#match(/u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y);
    if (unicode !== undefined) {
      const point = Number.parseInt(unicode.slice(1), 16);
      if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        throw suiteError(from, `\\${unicode} is no character`);
      return utf8ByteString(String.fromCodePoint(point));
    }
    const letter = this.#text[this.#at] ?? "";
    const found = escapes[letter];
    if (found === undefined) throw suiteError(from, `\\${letter} is no escape`);
    this.#at++;
    return found;
  }

  /** White space and comments. */
  #skipSpace(): void {
    for (;;) {
      const c = this.#text[this.#at];
      if (c === "\n") {
        this.#at++;
        this.#line++;
        this.#lineStart = this.#at;
      } else if (c === " " || c === "\t" || c === "\r" || c === "\f" || c === "\v") this.#at++;
      else if (c === "#") {
        while (this.#at < this.#text.length && this.#text[this.#at] !== "\n") this.#at++;
      } else return;
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #where(): Where {
    return { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #shown(): string {
    const rest = this.#text.slice(this.#at, this.#at + 20).split("\n")[0]!;
    return rest === "" ? "the end of the line" : JSON.stringify(rest);
  }

  #error(message: string) {
    return suiteError(this.#where(), message);
  }
}

const scalar = (kind: ScalarNode["kind"], where: Where, text: string): ScalarNode => ({ kind, where, text });

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Document, LineCounter, Node, ParsedNode } from "yaml";
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import { limits } from "../abi/limits.js";
import { whyUnreadable } from "../harness/source.js";
import type { Where } from "./types.js";

/** Something wrong in a file. */
export interface Problem {
  readonly where: Where;
  readonly message: string;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * What stands at a place of a file: how it is read, and how JSON Schema says it. One description gives both.
 *
 * `read` tells the reader what is wrong and gives undefined then.
 */
export interface Shape<T> {
  /** For messages: `a text`, `a list of requests`. */
  readonly words: string;
  readonly schema: JsonSchema;
  /** Does the kind of node fit? Unions take the first that says so. */
  takes(node: Node): boolean;
  read(node: Node, reader: Reader): T | undefined;
}

/** How deep lists and maps may lie in each other: deeper ones are anchors that hold themselves. */
export const deepest = 64;
/** Nodes that one file may have, those behind aliases counted each time. */
const mostNodes = 2_000_000;

/** Reads one file: knows where things are and gathers what is wrong. */
export class Reader {
  readonly file: string;
  readonly folder: string;
  readonly problems: Problem[] = [];
  /** Files that were read, besides this one. */
  readonly files = new Set<string>();
  private readonly _document: Document<ParsedNode>;
  private readonly _lines: LineCounter;
  private _depth = 0;
  private _nodes = 0;

  constructor(file: string, folder: string, document: Document<ParsedNode>, lines: LineCounter) {
    this.file = file;
    this.folder = folder;
    this._document = document;
    this._lines = lines;
  }

  where(node: Node): Where {
    const { line, col } = this._lines.linePos(node.range?.[0] ?? 0);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  problem(node: Node, message: string): undefined {
    this.problems.push({ where: this.where(node), message });
    return undefined;
  }

  wrong(node: Node, words: string, target: Node = node): undefined {
    return this.problem(node, `Expected ${words}, found ${kindOf(target)}`);
  }

  read<T>(node: Node, shape: Shape<T>): T | undefined {
    const target = this.behind(node);
    if (target === undefined) return undefined;
    if (!shape.takes(target)) return this.wrong(node, shape.words, target);
    if (++this._depth > deepest || ++this._nodes > mostNodes) {
      this._depth--;
      const limit = this._nodes > mostNodes ? `${mostNodes} values` : `${deepest} levels`;
      return this.problem(node, `Cannot read on: anchors and lists make more than ${limit}`);
    }
    const value = shape.read(target, this);
    this._depth--;
    return value;
  }

  /** The node that an alias stands for. */
  behind(node: Node): Node | undefined {
    if (!isAlias(node)) return node;
    return node.resolve(this._document) ?? this.problem(node, `Alias *${node.source} has no anchor`);
  }

  /** A path of the file as one from here. */
  path(given: string): string {
    return resolve(this.folder, given);
  }

  /** The bytes of a file that a node names. */
  bytes(node: Node, given: string): Uint8Array | undefined {
    const path = this.path(given);
    this.files.add(path);
    try {
      const bytes = readFileSync(path);
      if (bytes.length <= limits.fileBytes) return bytes;
      return this.problem(node, `Cannot read ${given}: it has more than ${limits.fileBytes} bytes (fileBytes)`);
    } catch (thrown) {
      return this.problem(node, `Cannot read ${given}: ${whyUnreadable(thrown)}`);
    }
  }
}

/** What a node is, for a person. */
export function kindOf(node: Node): string {
  if (isMap(node)) return "keys and values";
  if (isSeq(node)) return "a list";
  if (!isScalar(node)) return "an alias";
  const { value } = node;
  if (value === null) return "nothing";
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)}`;
  return `${typeof value === "boolean" ? "" : "the number "}${String(node.source ?? value)}`;
}

/** The text of a scalar, as it stands in the file where YAML sees a number or a boolean. */
export function scalarText(node: Node): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

import type { Node, YAMLMap } from "yaml";
import { isMap, isScalar, isSeq } from "yaml";
import { didYouMean } from "../abi/nearest.js";
import type { JsonSchema, Reader, Shape } from "./reader.js";
import { deepest, kindOf, scalarText } from "./reader.js";
import type { Located, Where } from "./types.js";

export type Value<S> = S extends Shape<infer T> ? T : never;

/** A text; numbers and booleans are taken as they stand. */
export const text: Shape<string> = {
  words: "a text",
  schema: { type: ["string", "number", "boolean"] },
  takes: (node) => scalarText(node) !== undefined,
  read: scalarText,
};

/** A text that is not empty. */
export const name: Shape<string> = {
  ...text,
  words: "a name",
  read: (node, reader) => scalarText(node) || reader.problem(node, "Expected a name, found an empty text"),
};

export const flag: Shape<boolean> = {
  words: "true or false",
  schema: { type: "boolean" },
  takes: (node) => isScalar(node) && typeof node.value === "boolean",
  read: (node) => (node as { value?: unknown }).value as boolean,
};

export function integer(least: number, most: number): Shape<number> {
  const words = `a whole number from ${least} to ${most}`;
  return {
    words,
    schema: { type: "integer", minimum: least, maximum: most },
    takes: (node) => isScalar(node) && typeof node.value === "number",
    read(node, reader) {
      const { value } = node as { value?: unknown };
      const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
      return fits ? (value as number) : reader.wrong(node, words);
    },
  };
}

/** One of these words. */
export function word<const T extends string>(words: readonly T[], what = "one of"): Shape<T> {
  return {
    words: `${what} ${words.join(", ")}`,
    schema: { enum: words },
    takes: (node) => scalarText(node) !== undefined,
    read(node, reader) {
      const given = scalarText(node)!;
      if ((words as readonly string[]).includes(given)) return given as T;
      return reader.problem(
        node,
        `Expected ${what} ${words.join(", ")}, found ${kindOf(node)}${didYouMean(given, words)}`,
      );
    },
  };
}

/** Milliseconds: a number, or a text such as `1.5s`. */
export const duration: Shape<number> = {
  words: 'a duration, such as 250, "250ms", "5s" or "2m"',
  schema: {
    anyOf: [
      { type: "number", minimum: 0 },
      { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h)$" },
    ],
  },
  takes: (node) => isScalar(node) && ["number", "string"].includes(typeof node.value),
  read(node, reader) {
    const { value } = node as { value?: unknown };
    if (typeof value === "number" && value >= 0 && value <= longestMs) return value;
    const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(String(value)) ?? [];
    const ms = Number(count) * (unitMs[unit ?? ""] ?? Number.NaN);
    return ms <= longestMs ? ms : reader.wrong(node, duration.words);
  },
};

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Beyond it the virtual clock is not exact. */
const longestMs = 100 * 24 * unitMs["h"]!;

export function list<T>(item: Shape<T>, words: string, { least = 0 } = {}): Shape<T[]> {
  return {
    words,
    schema: { type: "array", items: item.schema, ...(least > 0 && { minItems: least }) },
    takes: isSeq,
    read(node, reader) {
      const items = (node as unknown as { items: Node[] }).items;
      if (items.length < least) return reader.problem(node, `Expected ${words}, found an empty list`);
      const read = items.map((one) => reader.read(one, item));
      return read.includes(undefined) ? undefined : (read as T[]);
    },
  };
}

/** A list, or one of its items by itself. */
export function oneOrMore<T>(item: Shape<T>, words: string): Shape<T[]> {
  const many = list(item, words, { least: 1 });
  return {
    words: `${item.words}, or ${words}`,
    schema: { anyOf: [item.schema, many.schema] },
    takes: (node) => isSeq(node) || item.takes(node),
    read(node, reader) {
      if (isSeq(node)) return many.read(node, reader);
      const one = item.read(node, reader);
      return one === undefined ? undefined : [one];
    },
  };
}

/** The first whose kind fits. */
export function either<A, B>(a: Shape<A>, b: Shape<B>): Shape<A | B> {
  return {
    words: `${a.words}, or ${b.words}`,
    schema: { anyOf: [a.schema, b.schema] },
    takes: (node) => a.takes(node) || b.takes(node),
    read: (node, reader) => (a.takes(node) ? a.read(node, reader) : b.read(node, reader)),
  };
}

export function located<T>(shape: Shape<T>): Shape<Located<T>> {
  return changed(shape, (value, node, reader) => ({ value, where: reader.where(node) }));
}

/** Reads as the shape does and makes something of it; undefined after telling what is wrong. */
export function changed<A, B>(
  shape: Shape<A>,
  change: (value: A, node: Node, reader: Reader) => B | undefined,
): Shape<B> {
  return {
    ...shape,
    read(node, reader) {
      const value = shape.read(node, reader);
      return value === undefined ? undefined : change(value, node, reader);
    },
  };
}

/** An entry of keys and values, in the order of the file. */
export interface Entry<T> {
  readonly key: string;
  readonly value: T;
  readonly where: Where;
  readonly keyNode: Node;
}

/** Keys of any name. */
export function entries<T>(value: Shape<T>, words: string): Shape<Entry<T>[]> {
  return {
    words,
    schema: { type: "object", additionalProperties: value.schema },
    takes: isMap,
    read(node, reader) {
      const found: Entry<T>[] = [];
      let complete = true;
      eachPair(node as YAMLMap<Node, Node | null>, reader, (key, keyNode, valueNode) => {
        const read = valueNode && reader.read(valueNode, value);
        if (valueNode === undefined) reader.problem(keyNode, `Expected ${value.words} behind "${key}", found nothing`);
        if (read === undefined) complete = false;
        else found.push({ key, value: read, where: reader.where(keyNode), keyNode });
      });
      return complete ? found : undefined;
    },
  };
}

function eachPair(
  map: YAMLMap<Node, Node | null>,
  reader: Reader,
  visit: (key: string, keyNode: Node, value: Node | undefined) => void,
): void {
  for (const pair of map.items) {
    const key = scalarText(pair.key);
    if (key === undefined) reader.problem(pair.key, `Expected a text as key, found ${kindOf(pair.key)}`);
    else visit(key, pair.key, pair.value === null || isNothing(pair.value) ? undefined : pair.value);
  }
}

const isNothing = (node: Node): boolean => isScalar(node) && node.value === null;

/** A key of an object: its shape, and a sentence for editors. */
export type Field<T> = readonly [shape: Shape<T>, about: string];

type Fields = Readonly<Record<string, Field<unknown>>>;

/** What was read, without its place. */
export function placeless<T extends { readonly where: Where }>(given: T): Omit<T, "where"> {
  const { where, ...rest } = given;
  void where;
  return rest;
}

export type ObjectOf<F extends Fields> = { readonly [K in keyof F]?: Value<F[K][0]> } & { readonly where: Where };

/** Keys with names; `where` is where it stands. */
export function object<F extends Fields, R extends keyof F & string = never>(
  words: string,
  fields: F,
  required: readonly R[] = [],
): Shape<ObjectOf<F> & { readonly [K in R]: Value<F[K][0]> }> {
  const names = Object.keys(fields);
  return {
    words,
    schema: {
      type: "object",
      properties: Object.fromEntries(
        Object.entries(fields).map(([key, [shape, about]]) => [key, { description: about, ...shape.schema }]),
      ),
      additionalProperties: false,
      ...(required.length > 0 && { required }),
    },
    takes: isMap,
    read(node, reader) {
      const before = reader.problems.length;
      const read: Record<string, unknown> = { where: reader.where(node) };
      const present = new Set<string>();
      eachPair(node as YAMLMap<Node, Node | null>, reader, (key, keyNode, valueNode) => {
        present.add(key);
        if (!Object.hasOwn(fields, key)) {
          reader.problem(keyNode, `Unknown key "${key}" in ${words}${didYouMean(key, names)}: ${keysOf(names)}`);
        } else if (valueNode === undefined) {
          reader.problem(keyNode, `Expected ${fields[key]![0].words} behind "${key}", found nothing`);
        } else {
          read[key] = reader.read(valueNode, fields[key]![0]);
        }
      });
      for (const key of required) {
        if (!present.has(key)) reader.problem(node, `Key "${key}" is missing in ${words}: ${fields[key]![0].words}`);
      }
      return reader.problems.length > before ? undefined : (read as never);
    },
  };
}

const keysOf = (names: readonly string[]): string => `keys are ${names.join(", ")}`;

/** Shapes that the JSON Schema says once, by name. */
export const definitions: Record<string, JsonSchema> = {};

/** The same, referred to in the JSON Schema. */
export function defined<T>(name: string, shape: Shape<T>): Shape<T> {
  definitions[name] = shape.schema;
  return { ...shape, schema: { $ref: `#/definitions/${name}` } };
}

/** Any value, as JSON has it. */
export const json: Shape<{ readonly value: unknown }> = {
  words: "a JSON value",
  schema: {},
  takes: () => true,
  read(node, reader) {
    const value = jsonOf(node, reader, 0);
    return value === undefined ? undefined : { value };
  },
};

function jsonOf(given: Node, reader: Reader, depth: number): unknown {
  const node = reader.behind(given);
  if (node === undefined) return undefined;
  if (depth > deepest) return reader.problem(given, `Cannot read on: more than ${deepest} levels`);
  if (isSeq(node)) {
    const items = node.items.map((one) => jsonOf(one as Node, reader, depth + 1));
    return items.includes(undefined) ? undefined : items;
  }
  if (isMap(node)) {
    const pairs: [string, unknown][] = [];
    for (const { key, value } of node.items as { key: Node; value: Node | null }[]) {
      const name = scalarText(key);
      if (name === undefined) return reader.problem(key, `Expected a text as key, found ${kindOf(key)}`);
      const one = value === null ? null : jsonOf(value, reader, depth + 1);
      if (one === undefined) return undefined;
      pairs.push([name, one]);
    }
    return Object.fromEntries(pairs);
  }
  const { value } = node as { value?: unknown };
  if (typeof value === "number" && !Number.isFinite(value))
    return reader.problem(given, `Expected a JSON value, found the number ${String(value)}`);
  return value;
}

import type { Node } from "yaml";
import { isScalar, isSeq } from "yaml";
import { byteString, bytesOf, isByteString, lowerAscii, utf8 } from "../abi/bytes.js";
import { limits } from "../abi/limits.js";
import type { Pair } from "../abi/pairs.js";
import { messageOf } from "../errors.js";
import type { BytesMatcher, HeaderMatcher } from "./matchers.js";
import type { Reader, Shape } from "./reader.js";
import type { Entry, Field, Value } from "./shape.js";
import {
  changed,
  defined,
  definitions,
  either,
  entries,
  flag,
  integer,
  json,
  list,
  name,
  object,
  oneOrMore,
  placeless,
  text,
} from "./shape.js";
import type { Located } from "./types.js";

/** Ways to write bytes that are no UTF-8 text, or too many to write. */
const forms = {
  text: [text, "UTF-8 text; with `times`, repeated"],
  base64: [text, "Bytes in base64"],
  hex: [text, "Bytes as hexadecimal digits; spaces are skipped"],
  latin1: [text, "One byte for each character, U+0000 to U+00FF: obs-text in headers"],
  file: [name, "The bytes of a file, its path seen from this file"],
  times: [integer(0, limits.fileBytes), "How often the bytes are repeated. Default 1"],
} as const satisfies Readonly<Record<string, Field<unknown>>>;

type Forms = { readonly [K in keyof typeof forms]?: K extends "times" ? number : string };
const formNames = ["text", "base64", "hex", "latin1", "file"] as const;

/** The bytes of one of the forms; undefined after telling what is wrong. */
function bytesOfForms(given: Forms, node: Node, reader: Reader): Uint8Array | undefined {
  const names = formNames.filter((one) => given[one] !== undefined);
  if (names.length !== 1) {
    const found = names.length === 0 ? "none" : names.join(" and ");
    return reader.problem(node, `Expected one of ${formNames.join(", ")}, found ${found}`);
  }
  const bytes = bytesOfForm(names[0]!, given[names[0]!]!, node, reader);
  const times = given.times ?? 1;
  if (bytes === undefined || times === 1) return bytes;
  if (bytes.length * times > limits.fileBytes) {
    return reader.problem(
      node,
      `Cannot repeat ${bytes.length} bytes ${times} times: more than ${limits.fileBytes} bytes`,
    );
  }
  return new Uint8Array(Buffer.alloc(bytes.length * times, bytes));
}

function bytesOfForm(
  form: (typeof formNames)[number],
  given: string,
  node: Node,
  reader: Reader,
): Uint8Array | undefined {
  switch (form) {
    case "text":
      return utf8(given);
    case "file":
      return reader.bytes(node, given);
    case "latin1":
      return isByteString(given)
        ? bytesOf(given)
        : reader.problem(node, "Expected characters from U+0000 to U+00FF behind latin1, found one above");
    case "hex": {
      const digits = given.replace(/\s+/g, "");
      if (/^([0-9a-f]{2})*$/i.test(digits)) return new Uint8Array(Buffer.from(digits, "hex"));
      return reader.problem(node, "Expected an even number of hexadecimal digits behind hex");
    }
    case "base64": {
      const digits = given.replace(/\s+/g, "");
      if (/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?$/.test(digits))
        return new Uint8Array(Buffer.from(digits, "base64"));
      return reader.problem(node, "Expected base64 (letters, digits, + and /) behind base64");
    }
  }
}

const utf8Text = changed(text, (value) => utf8(value));

/** Bytes to send: a text, or one of the forms. */
export const bytes: Shape<Uint8Array> = defined(
  "bytes",
  either(
    utf8Text,
    changed(
      object("bytes (a text, or text, base64, hex, latin1, file)", { ...forms, json: [json, "A value, sent as JSON"] }),
      ({ json: value, ...given }, node, reader) => {
        if (value === undefined) return bytesOfForms(given, node, reader);
        if (formNames.some((one) => given[one] !== undefined) || given.times !== undefined)
          return reader.problem(node, "Expected json or another form, found both");
        return utf8(JSON.stringify(value.value));
      },
    ),
  ),
);

/** A body: one piece, or a list of them. */
export const body: Shape<Uint8Array[]> = defined("body", oneOrMore(bytes, "a list of pieces"));

/** A regular expression of JavaScript: a text, or flags behind slashes as `/…/i`. */
export const regex: Shape<RegExp> = changed(text, (given, node, reader) => {
  const [, source = given, flags = ""] = /^\/(.*)\/([imsu]*)$/s.exec(given) ?? [];
  try {
    return new RegExp(source, flags);
  } catch (thrown) {
    return reader.problem(
      node,
      `Cannot use the regular expression: ${messageOf(thrown).replace(/^Invalid regular expression: /, "")}`,
    );
  }
});

/** What bytes have to be: exactly a text, or conditions. */
export const matcher: Shape<BytesMatcher> = {
  words: "a text, or a condition (regex, contains, startsWith, endsWith, size, json, not, base64, hex, latin1, file)",
  schema: { $ref: "#/definitions/matcher" },
  takes: (node) => conditions.takes(node) || text.takes(node),
  read: (node, reader) => {
    const exact = text.takes(node) ? text.read(node, reader) : undefined;
    return exact === undefined ? conditions.read(node, reader) : { exactly: utf8(exact) };
  },
};

/** A matcher inside of a matcher. */
const inner: Shape<BytesMatcher> = {
  words: matcher.words,
  schema: matcher.schema,
  takes: (node) => matcher.takes(node),
  read: (node, reader) => matcher.read(node, reader),
};

/** Keys of a condition: all that are given must hold. */
export const conditionFields = {
  ...forms,
  contains: [bytes, "These bytes are found in it"],
  startsWith: [bytes, "It begins with these bytes"],
  endsWith: [bytes, "It ends with these bytes"],
  regex: [regex, "The expression is found in it; ^ and $ tie it to the ends. Flags as in /…/i"],
  size: [integer(0, limits.fileBytes), "It has so many bytes"],
  json: [json, "It is this value as JSON, whatever the spaces and the order of keys"],
  not: [inner, "It is not so"],
} as const satisfies Readonly<Record<string, Field<unknown>>>;

type Conditions = { readonly [K in keyof typeof conditionFields]?: Value<(typeof conditionFields)[K][0]> };

/** The condition that these keys make. */
export function conditionOf(all: Conditions, node: Node, reader: Reader): BytesMatcher | undefined {
  const { text: exact, base64, hex, latin1, file, times, ...rest } = all;
  const given = Object.fromEntries(
    Object.entries({ text: exact, base64, hex, latin1, file, times }).filter(([, value]) => value !== undefined),
  ) as Forms;
  if (Object.keys(given).length > 0) {
    const exactly = bytesOfForms(given, node, reader);
    return exactly && { ...rest, exactly };
  }
  if (Object.keys(rest).length > 0) return rest;
  return reader.problem(node, `Expected a condition, found none of ${conditionNames.join(", ")}`);
}

const conditions: Shape<BytesMatcher> = changed(object("a condition", conditionFields), (given, node, reader) =>
  conditionOf(placeless(given), node, reader),
);
const conditionNames = [...formNames, "contains", "startsWith", "endsWith", "regex", "size", "json", "not"];

definitions["matcher"] = { anyOf: [text.schema, conditions.schema] };

// ----------------------------------------------------------------------------------------------------------- headers

/** A name that HTTP allows, in lower case. */
export function headerName(given: string, node: Node, reader: Reader): string | undefined {
  if (/^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(given)) return lowerAscii(given);
  return reader.problem(
    node,
    `Cannot use ${JSON.stringify(given)} as a header name: letters, digits and !#$%&'*+-.^_\`|~ are possible`,
  );
}

const headerValue: Shape<string> = changed(bytes, (value, node, reader) =>
  value.some((byte) => byte === 0 || byte === 10 || byte === 13)
    ? reader.problem(node, "Cannot use this as a header value: it has a CR, LF or NUL, which no header can hold")
    : byteString(value),
);

const namedHeaders: Shape<Pair[]> = {
  ...entries(oneOrMore(headerValue, "a list of values"), "headers: values by name, or a list of [name, value]"),
  read(node, reader) {
    const pairs: Pair[] = [];
    const before = reader.problems.length;
    for (const { key, value, keyNode } of valuesByName.read(node, reader) ?? []) {
      const header = headerName(key, keyNode, reader);
      if (header !== undefined) for (const one of value) pairs.push([header, one]);
    }
    return reader.problems.length > before ? undefined : pairs;
  },
};
const valuesByName = entries(oneOrMore(headerValue, "a list of values"), namedHeaders.words);

const pair: Shape<Pair> = {
  words: "a pair [name, value]",
  schema: { type: "array", minItems: 2, maxItems: 2 },
  takes: (node) => isPairNode(node),
  read(node, reader) {
    const [key, value] = (node as unknown as { items: Node[] }).items as [Node, Node];
    const header = reader.read(key, changed(name, headerName));
    const read = reader.read(value, headerValue);
    return header === undefined || read === undefined ? undefined : [header, read];
  },
};

function isPairNode(node: Node): boolean {
  return isSeq(node) && node.items.length === 2;
}

/** Headers to send, in order: values by name, or a list of pairs. */
export const headers: Shape<Pair[]> = defined("headers", either(namedHeaders, list(pair, "a list of [name, value]")));

/** The whole list that is expected. */
export const headerList: Shape<Pair[]> = list(pair, "a list of [name, value]");

const presence = changed(
  object("a header's presence", {
    absent: [flag, "The header is not there"],
    present: [flag, "The header is there, whatever its value"],
  }),
  ({ absent, present }, node, reader) => {
    if (absent !== undefined && present !== undefined)
      return reader.problem(node, "Expected one of absent, present, found both");
    return (absent ?? present === false) ? "absent" : "present";
  },
);

/** What a header has to be. */
const headerIs: Shape<HeaderMatcher["is"]> = {
  words: "a text, a list of values, a condition, absent: true or present: true",
  schema: { anyOf: [presence.schema, matcher.schema, { type: "array", items: matcher.schema }] },
  takes: (node) => !isScalar(node) || text.takes(node),
  read(node, reader) {
    const keys = "items" in node ? (node.items as { key?: Node }[]).map(({ key }) => isScalar(key) && key.value) : [];
    if (keys.includes("absent") || keys.includes("present")) return presence.read(node, reader);
    return oneOrMore(matcher, "a list of values").read(node, reader);
  },
};

/** Headers that are expected among others. */
export const headerMatchers: Shape<Located<HeaderMatcher>[]> = defined(
  "headerMatchers",
  changed(entries(headerIs, "expected headers by name"), (given: Entry<HeaderMatcher["is"]>[], _, reader) => {
    const before = reader.problems.length;
    const all = given.map(({ key, value, where, keyNode }) => {
      return { where, value: { name: headerName(key, keyNode, reader) ?? "", is: value } };
    });
    return reader.problems.length > before ? undefined : all;
  }),
);

import { byteString, bytesOf, isByteString } from "../../abi/bytes.js";
import { didYouMean } from "../../abi/nearest.js";
import type { Reply } from "../../harness/upstreams.js";
import type { FuzzCase, FuzzExchange } from "../case.js";
import { isFieldName, isFieldValue, isLine, isPath } from "../field-rules.js";

/** A case as a value that `JSON.stringify` can write: bodies are lists of strings in which each character is a byte. */
export function caseToJson(given: FuzzCase): Record<string, unknown> {
  const { exchanges, together, repeat, callReply, faults } = given;
  return {
    exchanges: exchanges.map(({ request, reply }) => ({ request: message(request), reply: message(reply) })),
    ...(together === true && { together }),
    ...(repeat !== 1 && { repeat }),
    ...(Object.keys(callReply).length > 0 && { callReply: message(callReply) }),
    ...(faults && { faults }),
  };
}

function message<T extends { readonly body?: Reply["body"] }>(given: T): T | Record<string, unknown> {
  const { body } = given;
  if (body === undefined || typeof body === "string") return given;
  const pieces = body instanceof Uint8Array ? [body] : body;
  return { ...given, body: pieces.map((piece) => (typeof piece === "string" ? piece : byteString(piece))) };
}

/**
 * The case that a JSON value stands for.
 *
 * @returns A text that says why it is none: `exchanges[0].request.path is "a": it has to begin with "/"`.
 */
export function caseFromJson(value: unknown): FuzzCase | string {
  const wrong = wrongCase(value, "the file");
  if (wrong !== undefined) return wrong;
  const { exchanges, ...rest } = value as {
    readonly exchanges: readonly { request: JsonMessage; reply: JsonMessage }[];
  };
  return {
    exchanges: exchanges.map(
      ({ request, reply }): FuzzExchange =>
        ({ request: withBytes(request), reply: withBytes(reply) }) as unknown as FuzzExchange,
    ),
    repeat: 1,
    callReply: {},
    ...rest,
  };
}

interface JsonMessage {
  readonly body?: readonly string[];
}

const withBytes = ({ body, ...rest }: JsonMessage): object => ({ ...rest, ...(body && { body: body.map(bytesOf) }) });

/** Why a value is not right; `at` names it. */
type Check = (value: unknown, at: string) => string | undefined;

const is =
  (wanted: string, right: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (right(value)) return undefined;
    const shown = JSON.stringify(value) ?? String(value);
    return `${at} is ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}: it has to be ${wanted}`;
  };

const isObject = is("an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value));
const text = (wanted: string, right: (value: string) => boolean): Check =>
  is(wanted, (value) => typeof value === "string" && right(value));
const whole = (least: number, most: number): Check =>
  is(`a whole number from ${least} to ${most}`, (value) => Number.isInteger(value) && between(value, least, most));
const between = (value: unknown, least: number, most: number): boolean =>
  (value as number) >= least && (value as number) <= most;
const oneOf = (...known: readonly unknown[]): Check =>
  is(`one of ${known.map((one) => JSON.stringify(one)).join(", ")}`, (value) => known.includes(value));

const list =
  (each: Check, least = 0, most = 10_000): Check =>
  (value, at) => {
    const size = `a list of ${least} to ${most}`;
    const wrong = is(size, (one) => Array.isArray(one) && between(one.length, least, most))(value, at);
    if (wrong !== undefined) return wrong;
    for (const [i, one] of (value as unknown[]).entries()) {
      const inside = each(one, `${at}[${i}]`);
      if (inside !== undefined) return inside;
    }
    return undefined;
  };

const members =
  (needed: Readonly<Record<string, Check>>, others: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    const wrong = isObject(value, at);
    if (wrong !== undefined) return wrong;
    const given = value as Record<string, unknown>;
    const known = { ...needed, ...others };
    const path = (name: string): string => (at === "the file" ? name : `${at}.${name}`);
    for (const name of Object.keys(needed)) if (!Object.hasOwn(given, name)) return `${at} has no "${name}"`;
    for (const [name, one] of Object.entries(given)) {
      if (!Object.hasOwn(known, name))
        return `${at} has "${name}", which is nothing${didYouMean(name, Object.keys(known))}`;
      const inside = known[name]!(one, path(name));
      if (inside !== undefined) return inside;
    }
    return undefined;
  };

const bytes = text("a text in which each character is a byte", isByteString);
const name = text("a token in lower case and no field of framing", isFieldName);
const value = text("a field value of bytes, without control characters", isFieldValue);
const pair = is("a name and a value", (one) => Array.isArray(one) && one.length === 2);
const line: Check = (given, at) => {
  const wrong = pair(given, at);
  if (wrong !== undefined) return wrong;
  const [first, second] = given as [unknown, unknown];
  if (typeof first === "string" && typeof second === "string" && isLine(first, second)) return undefined;
  return name(first, `${at}[0]`) ?? value(second, `${at}[1]`);
};
const lines = list(line);
/** Milliseconds of virtual time. */
const time = whole(0, 120_000);

const request = members(
  {
    method: text("a token", (one) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(one)),
    path: text('"/" and what may follow', isPath),
    authority: text("an authority", (one) => /^[!-~]+$/.test(one)),
    protocol: oneOf("HTTP/1.0", "HTTP/1.1", "HTTP/2"),
    headers: lines,
  },
  { body: list(bytes), trailers: lines, chunkDelayMs: time, abortAfterMs: time },
);
const ofReply = {
  status: whole(200, 599),
  headers: lines,
  trailers: lines,
  delayMs: time,
  chunkDelayMs: time,
  fault: oneOf("refused", "reset", "reset after headers", "silence"),
};
const reply = members({ status: ofReply.status, headers: lines }, { ...ofReply, body: list(bytes) });
const wrongCase = members(
  { exchanges: list(members({ request, reply }, {}), 1, 100) },
  {
    together: oneOf(true, false),
    repeat: whole(1, 4096),
    callReply: members({}, { ...ofReply, body: is("a text", (one) => typeof one === "string") }),
    faults: list(
      members({ hostcall: text("a name", (one) => one !== ""), nth: whole(1, 1e6), status: whole(0, 2 ** 32 - 1) }, {}),
    ),
  },
);

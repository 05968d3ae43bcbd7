import type { Node } from "yaml";
import { concat, utf8ByteString } from "../abi/bytes.js";
import type { ProxyRequest } from "../harness/exchange.js";
import type { Reply } from "../harness/upstreams.js";
import type { Reader, Shape } from "./reader.js";
import {
  changed,
  defined,
  duration,
  either,
  flag,
  integer,
  list,
  name,
  object,
  placeless,
  text,
  word,
} from "./shape.js";
import type { ScenarioUpstream } from "./types.js";
import { body, bytes, headers } from "./values.js";

/** A text of the request line: no header can hold controls. */
const lineText: Shape<string> = changed(name, (given, node, reader) =>
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  /[\u0000-\u0020\u007f]/.test(given)
    ? reader.problem(node, `Cannot use ${JSON.stringify(given)}: it has a space or a control character`)
    : utf8ByteString(given),
);

const requestLine: Shape<ProxyRequest> = changed(text, (given, node, reader) => {
  const [, method, path] = /^([A-Z]+) (\S+)$/.exec(given) ?? [];
  if (path !== undefined) return { method: method!, path: utf8ByteString(path) };
  return reader.problem(node, `Expected a request such as "GET /path", found the text ${JSON.stringify(given)}`);
});

const protocols = ["HTTP/1.0", "HTTP/1.1", "HTTP/2"] as const;

const requestFields = changed(
  object("a request", {
    method: [lineText, "Default GET, or POST with a body"],
    path: [lineText, 'Path with query. Default "/"'],
    authority: [lineText, 'Host and port. Default "example.com"'],
    scheme: [word(["http", "https"]), "Default http"],
    headers: [headers, "Values by name, or a list of [name, value]"],
    body: [body, "Text, bytes (base64, hex, file …) or a list of pieces"],
    trailers: [headers, "Values by name, or a list of [name, value]"],
    protocol: [word(protocols), "Default HTTP/1.1"],
    chunkDelay: [duration, "Virtual time before each piece of the body and before its end"],
    abortAfter: [duration, "The client leaves after this time"],
    incomplete: [flag, "The request is never finished"],
    sourceAddress: [lineText, "ip:port of the client"],
  }),
  (given): ProxyRequest => {
    const { chunkDelay, abortAfter, ...rest } = placeless(given);
    return {
      ...rest,
      ...(chunkDelay !== undefined && { chunkDelayMs: chunkDelay }),
      ...(abortAfter !== undefined && { abortAfterMs: abortAfter }),
    };
  },
);

/** What a client sends: `GET /path`, or its parts. */
export const request: Shape<ProxyRequest> = defined("request", either(requestLine, requestFields));

// ----------------------------------------------------------------------------------------------------------- replies

const faults = ["refused", "reset", "reset after headers", "silence"] as const;
const grpcFields = object("an answer of gRPC", {
  status: [integer(0, 16), "Default 0, OK"],
  message: [text, "grpc-message"],
  messages: [list(bytes, "a list of messages"), "Messages, without gRPC's framing"],
});

const replyFields = {
  status: [integer(100, 999), "Default 200"],
  headers: [headers, "Values by name, or a list of [name, value]"],
  body: [body, "Text, bytes (base64, hex, file …) or a list of pieces"],
  trailers: [headers, "Values by name, or a list of [name, value]"],
  delay: [duration, "Virtual time before the answer begins"],
  chunkDelay: [duration, "Virtual time between the pieces of the body"],
  fault: [word(faults), "Instead of an answer, or in its middle"],
  grpc: [grpcFields, "An answer of gRPC, in place of status, headers, body and trailers"],
} as const;

type ReplyFields = NonNullable<ReturnType<(typeof replyShape)["read"]>>;
const replyShape = object("an answer", replyFields);

function replyOf(given: ReplyFields, node: Node, reader: Reader): Reply | undefined {
  const { grpc, delay, chunkDelay, ...rest } = placeless(given);
  const times = {
    ...(delay !== undefined && { delayMs: delay }),
    ...(chunkDelay !== undefined && { chunkDelayMs: chunkDelay }),
  };
  if (grpc === undefined) return { ...rest, ...times };
  for (const key of ["status", "headers", "body", "trailers"] as const) {
    if (rest[key] !== undefined) return reader.problem(node, `Expected grpc or ${key}, found both`);
  }
  const { status = 0, message, messages = [] } = grpc;
  const end: [string, string][] = [["grpc-status", String(status)]];
  if (message !== undefined) end.push(["grpc-message", utf8ByteString(message)]);
  return {
    ...rest,
    ...times,
    status: 200,
    headers: [["content-type", "application/grpc"]],
    body: messages.map(framed),
    trailers: end,
  };
}

/** Length-prefixed, as gRPC puts messages on the wire. */
function framed(message: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(5);
  new DataView(prefix.buffer).setUint32(1, message.length);
  return concat([prefix, message]);
}

const canned = ["hold", ...faults] as const;
const cannedReply: Shape<Reply | "hold"> = {
  words: `a status, or ${canned.join(", ")}`,
  schema: { anyOf: [{ type: "integer", minimum: 100, maximum: 999 }, { enum: canned }] },
  takes: (node) => text.takes(node),
  read(node, reader) {
    if (typeof (node as { value?: unknown }).value === "number") {
      const status = integer(100, 999).read(node, reader);
      return status === undefined ? undefined : { status };
    }
    const given = word(canned, "a status, or one of").read(node, reader);
    return given === undefined || given === "hold" ? given : { fault: given };
  },
};

const anyReply: Shape<Reply | "hold"> = defined("reply", either(cannedReply, changed(replyShape, replyOf)));

/** An answer that a step gives to a held request. */
export const reply: Shape<Reply> = changed(anyReply, (given, node, reader) =>
  given === "hold" ? reader.problem(node, 'Expected an answer, found "hold"') : given,
);

const replies = list(anyReply, "a list of answers", { least: 1 });

const upstreamFields = {
  replies: [replies, "One for each request; the last one repeats"],
  protocol: [word(["HTTP/1.1", "HTTP/2"]), "Default HTTP/1.1; HTTP/2 where an answer is of gRPC"],
  enableTrailers: [flag, "HTTP/1 trailers of responses are passed on. Default false, as in Envoy"],
  address: [lineText, "ip:port. Default 127.0.0.1:8000 and up"],
  unhealthy: [flag, "No host is healthy"],
} as const;

export type UpstreamAnswers = Omit<ScenarioUpstream, "name" | "where">;

const upstreamShape = changed(
  object("an upstream", { ...replyFields, ...upstreamFields }),
  (given, node, reader): UpstreamAnswers | undefined => {
    const { replies: several, protocol, enableTrailers, address, unhealthy, ...one } = given;
    const own = Object.keys(replyFields).find((key) => one[key as keyof typeof replyFields] !== undefined);
    if (several !== undefined && own !== undefined)
      return reader.problem(node, `Expected replies or ${own}, found both`);
    const single = several === undefined ? replyOf(one, node, reader) : undefined;
    if (several === undefined && single === undefined) return undefined;
    return {
      replies: several ?? [single!],
      ...(protocol !== undefined ? { protocol } : one.grpc !== undefined && { protocol: "HTTP/2" }),
      ...(enableTrailers !== undefined && { trailers: enableTrailers }),
      ...(address !== undefined && { address }),
      ...(unhealthy !== undefined && { unhealthy }),
    };
  },
);

/** What an upstream answers: a status, `hold` or a fault; one answer; a list of them; or more about it. */
export const upstream: Shape<UpstreamAnswers> = defined(
  "upstream",
  either(
    either(
      changed(cannedReply, (one): UpstreamAnswers => ({ replies: [one] })),
      changed(replies, (all): UpstreamAnswers => ({ replies: all })),
    ),
    upstreamShape,
  ),
);

import type { Reply } from "../../harness/upstreams.js";
import type { FuzzCase, FuzzExchange, FuzzReply, FuzzRequest, HeaderLine, HostFault } from "../case.js";
import { drawBody, drawPieces } from "./body.js";
import { Draw, numbersOf } from "./draw.js";
import { drawAuthority, drawLines, drawName, drawPath, drawValue } from "./fields.js";
import type { RequestHint, Vocabulary } from "./vocabulary.js";

const otherMethods = ["PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"];

/** Requests valid for HTTP/1.1 and HTTP/2, with body and trailers in part of them; some clients leave. */
export function drawRequest(draw: Draw, words: Vocabulary): FuzzRequest {
  const request = drawAnyRequest(draw, words);
  const { requests } = words;
  return requests.length > 0 && draw.once(2) ? wanted(request, draw.pick(requests), draw, words) : request;
}

/** The request, made like one that something is wanted of. */
function wanted(request: FuzzRequest, hint: RequestHint, draw: Draw, words: Vocabulary): FuzzRequest {
  const { method, path, exact = false, lines, without } = hint;
  const rest = exact || draw.once(2) ? "" : request.path!.slice(1);
  return {
    ...request,
    ...(method !== undefined && { method }),
    ...(path !== undefined && { path: path + rest }),
    headers: [
      ...request.headers.filter(([name]) => !without.includes(name)),
      ...lines.map(([name, value]): HeaderLine => [name, value ?? drawValue(draw, words)]),
    ],
  };
}

function drawAnyRequest(draw: Draw, words: Vocabulary): FuzzRequest {
  if (draw.once(25)) return drawGrpc(draw, words);
  const request: Mutable<FuzzRequest> = {
    method: draw.once(5) ? draw.pick(otherMethods) : draw.once(2) ? "GET" : "POST",
    path: drawPath(draw, words),
    authority: drawAuthority(draw),
    protocol: draw.once(2) ? "HTTP/2" : "HTTP/1.1",
    headers: drawLines(draw, words),
  };
  if (draw.once(2)) {
    const body = drawPieces(draw, drawBody(draw, words));
    if (body.length > 0) {
      request.body = body;
      if (draw.once(12)) request.trailers = drawTrailers(draw, words);
      if (draw.once(10)) request.chunkDelayMs = 10;
    }
  }
  if (draw.once(13)) request.abortAfterMs = draw.pick([0, 1, 15, 25]);
  return request;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const drawTrailers = (draw: Draw, words: Vocabulary): HeaderLine[] =>
  draw.list(draw.between(1, 2), () => [drawName(draw, words), drawValue(draw, words)]);

/** A gRPC message is a byte of flags and four of length before its bytes; now and then the length is a lie. */
function drawGrpc(draw: Draw, words: Vocabulary): FuzzRequest {
  const message = drawBody(draw, words).subarray(0, 4096);
  const framed = new Uint8Array(5 + message.length);
  framed[0] = draw.once(8) ? draw.below(256) : 0;
  new DataView(framed.buffer).setUint32(1, draw.once(8) ? draw.below(2 ** 32) : message.length);
  framed.set(message, 5);
  return {
    method: "POST",
    path: `/pkg.Service/${draw.pick(words.keys)}`,
    authority: drawAuthority(draw),
    protocol: "HTTP/2",
    headers: [["content-type", "application/grpc"], ["te", "trailers"], ...drawLines(draw, words)],
    body: drawPieces(draw, framed),
  };
}

const statuses = [201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 502, 503];

/** Answers of an upstream: any final status, body in pieces, trailers, now and then a fault. */
export function drawReply(draw: Draw, words: Vocabulary): FuzzReply {
  const kind = draw.below(7);
  const status = kind < 4 ? 200 : kind < 6 ? draw.pick(statuses) : draw.between(200, 599);
  const reply: Mutable<FuzzReply> = { status, headers: drawLines(draw, words).filter(([name]) => name !== "range") };
  if (status !== 204 && status !== 304 && !draw.once(3)) {
    const body = drawPieces(draw, drawBody(draw, words));
    if (body.length > 0) {
      reply.body = body;
      if (draw.once(20)) reply.trailers = drawTrailers(draw, words);
    }
  }
  if (draw.once(15)) reply.fault = draw.pick(["refused", "reset", "reset after headers"]);
  if (draw.once(10)) reply.delayMs = draw.pick([5, 40]);
  return reply;
}

/** A request and the answer to it. */
export const drawExchange = (draw: Draw, words: Vocabulary): FuzzExchange => ({
  request: drawRequest(draw, words),
  reply: drawReply(draw, words),
});

/** Rounds that show whether memory grows. */
const rounds = 128;

const callReplies: readonly Reply[] = [
  {},
  { status: 200, body: "{}" },
  { status: 403 },
  { status: 500 },
  { fault: "silence" },
  { fault: "reset" },
  { delayMs: 50, status: 200, headers: [["x-user", "a"]] },
];

/** What cases are made of besides words. */
export interface CaseSettings {
  /** Hostcalls that may fail; default none. */
  readonly faulty?: readonly { readonly hostcall: string; readonly statuses: readonly number[] }[];
}

/** The run whose case is always played many times over: a plugin that grows is met early, while there is memory left. */
const growthRun = 20;

/** The case of a run: the same for the same seed, words and settings. */
export function drawCaseOf(seed: number, run: number, words: Vocabulary, settings: CaseSettings): FuzzCase {
  const given = drawCase(new Draw(numbersOf(seed, run)), words, settings);
  return run === growthRun ? { ...given, repeat: rounds } : given;
}

/** Cases: mostly one exchange, now and then up to three on the same plugin, seldom the same many times over. */
export function drawCase(draw: Draw, words: Vocabulary, { faulty = [] }: CaseSettings = {}): FuzzCase {
  const count = draw.below(7) < 5 ? 1 : draw.between(1, 3);
  const exchanges = draw.list(count, () => drawExchange(draw, words));
  const faults: HostFault[] = [];
  if (faulty.length > 0 && draw.once(3)) {
    const { hostcall, statuses: answers } = draw.pick(faulty);
    faults.push({ hostcall, nth: draw.between(1, draw.once(3) ? 12 : 3), status: draw.pick(answers) });
  }
  return {
    exchanges,
    ...(count > 1 && draw.once(2) && { together: true }),
    repeat: draw.once(500) ? rounds : 1,
    callReply: draw.pick(callReplies),
    ...(faults.length > 0 && { faults }),
  };
}

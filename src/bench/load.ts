import { concat, utf8 } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { ProxyRequest } from "../harness/exchange.js";
import { pairsOf } from "../harness/headers.js";
import { readNamedFile } from "../harness/source.js";
import type { Reply } from "../harness/upstreams.js";
import { sha256Of } from "../scenario/attestation.js";
import type { BenchExchange } from "./subject.js";

/**
 * The exchanges of a file: of an HTTP archive (`.har`), or the requests of a scenario file, answered by its first upstream.
 *
 * Only what is sent is taken: what a scenario expects, waits for or configures is not.
 *
 * @throws {HarnessError} FILE_UNREADABLE, SCENARIO_INVALID; OPTION_INVALID when there is no request in it.
 */
export async function loadOf(file: string): Promise<BenchExchange[]> {
  const exchanges = /\.har$/i.test(file) ? await ofHar(file) : await ofScenario(file);
  if (exchanges.length > 0) return exchanges;
  throw new HarnessError("OPTION_INVALID", `Cannot take the load from ${file}: it has no request`);
}

async function ofHar(file: string): Promise<BenchExchange[]> {
  const { casesOfHar } = await import("../scenario/import-har.js");
  const text = Buffer.from(await readNamedFile(file)).toString();
  return casesOfHar(text, { keepSecrets: true }).map(({ request, reply }) => exchangeOf(request, reply));
}

async function ofScenario(file: string): Promise<BenchExchange[]> {
  const { readScenarioFile } = await import("../scenario/read.js");
  const cases = await readScenarioFile(file);
  return cases.flatMap(({ steps, upstreams, play }) => {
    if (play?.case !== undefined) return play.case.exchanges.map((one) => exchangeOf(one.request, one.reply));
    const replies = (upstreams[0]?.replies ?? []).filter((reply) => reply !== "hold");
    const requests = steps.flatMap((step) => (step.kind === "request" ? [step.request] : []));
    return requests.map((request, i) => exchangeOf(request, replies[Math.min(i, replies.length - 1)]));
  });
}

/** What a client and an upstream send, as the parts of one exchange; pieces of a body become one, trailers are left out. */
export function exchangeOf(request: ProxyRequest, reply: Reply = {}): BenchExchange {
  const [requestBody, responseBody] = [bytesOf(request.body), bytesOf(reply.body)];
  const given = pairsOf(request.headers ?? []);
  const pseudo: Pair[] = [
    [":authority", request.authority ?? "example.com"],
    [":path", request.path ?? "/"],
    [":method", request.method ?? (requestBody === undefined ? "GET" : "POST")],
    [":scheme", request.scheme ?? "http"],
  ];
  const answered = pairsOf(reply.headers ?? []).filter(([name]) => name !== ":status");
  return {
    requestHeaders: [
      ...pseudo.filter(([name]) => !given.some(([one]) => one === name)),
      ...given.filter(([name]) => name.startsWith(":")),
      ...given.filter(([name]) => !name.startsWith(":")),
    ],
    ...(requestBody !== undefined && { requestBody }),
    responseHeaders: [[":status", String(reply.status ?? 200)], ...answered],
    ...(responseBody !== undefined && { responseBody }),
  };
}

function bytesOf(body: ProxyRequest["body"]): Uint8Array | undefined {
  if (body === undefined) return undefined;
  const pieces = (Array.isArray(body) ? body : [body]) as readonly (string | Uint8Array)[];
  const bytes = concat(pieces.map((one) => (typeof one === "string" ? utf8(one) : one)));
  return bytes.length === 0 ? undefined : bytes;
}

/** Sha256 over all that is sent. */
export function sentSha256(exchanges: readonly BenchExchange[]): string {
  const text = (body: Uint8Array | undefined): string => Buffer.from(body ?? []).toString("base64");
  const sent = exchanges.map((one) => [
    [one.requestHeaders, text(one.requestBody)],
    [one.responseHeaders, text(one.responseBody)],
  ]);
  return sha256Of(utf8(JSON.stringify(sent)));
}

/** What a sweep varies: how many headers the request has more, or bytes of its body. */
export interface Sweep {
  readonly over: "headers" | "body";
  readonly values: readonly number[];
}

/** @param text Such as `headers=1,10,50,100` or `body=0,1024,65536`. @throws {HarnessError} OPTION_INVALID */
export function parseSweep(text: string): Sweep {
  const refuse = (why: string): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot use sweep ${JSON.stringify(text)}: ${why}`);
  };
  const found = /^(headers|body)=(.*)$/.exec(text);
  if (found === null) return refuse("write it as headers=1,10,50,100 or body=0,1024,65536");
  const over = found[1] as Sweep["over"];
  const values = found[2]!.split(",").map((one) => (/^\d+$/.test(one.trim()) ? Number(one) : NaN));
  const most = over === "headers" ? 1000 : 16 * 1024 * 1024;
  if (!values.every((value) => value <= most))
    refuse(`its values are whole numbers up to ${most}, with commas between them`);
  if (new Set(values).size < 2) refuse("a line needs two different values");
  return { over, values: [...new Set(values)].sort((a, b) => a - b) };
}

/** An exchange with so many headers more in its request, or with such a body in it; what was a GET is a POST then. */
export function sweptExchange(base: BenchExchange, over: Sweep["over"], value: number): BenchExchange {
  if (over === "headers") {
    const more = Array.from({ length: value }, (_, i): Pair => [`x-header-${i}`, "a value of 24 characters"]);
    return { ...base, requestHeaders: [...base.requestHeaders, ...more] };
  }
  const { requestBody: _, ...rest } = base;
  const kept = base.requestHeaders.filter(([name]) => name !== "content-length");
  const posted = kept.map(([name, of]): Pair => [name, name === ":method" && of === "GET" ? "POST" : of]);
  const requestHeaders: Pair[] = [...posted, ["content-length", String(value)]];
  return { ...rest, requestHeaders, ...(value > 0 && { requestBody: new Uint8Array(value).fill(0x61) }) };
}

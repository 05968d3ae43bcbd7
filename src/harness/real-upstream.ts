import { isUtf8 } from "node:buffer";
import { textOf } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError, messageOf } from "../errors.js";
import type { Reply, UpstreamRequestView } from "./upstreams.js";

export interface RealUpstreamOptions {
  /** Speak HTTP/2 where the server offers it (ALPN, so https only). Default false. */
  readonly http2?: boolean;
  /** Milliseconds of the machine's time that an answer may take. Default 10,000. */
  readonly timeoutMs?: number;
}

/** Headers that belong to one connection: they are made anew on the real one, and taken away from its answer. */
const ofConnection: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/**
 * An upstream that hands requests to a real server, through undici. This is the only way in which anything of a test reaches the
 * network.
 *
 * Virtual time stands still while the server works. What cannot be reached answers as a refused connection does.
 *
 * @param origin `http://127.0.0.1:8080`; path and query come from the request.
 * @throws {HarnessError} OPTION_INVALID when it is no http or https URL.
 */
export function realUpstream(
  origin: string | URL,
  { http2 = false, timeoutMs = 10_000 }: RealUpstreamOptions = {},
): (request: UpstreamRequestView) => Promise<Reply> {
  const base = urlOf(origin);
  return async (request) => {
    const { Client } = await import("undici");
    const client = new Client(base, {
      allowH2: http2,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connectTimeout: timeoutMs,
    });
    try {
      return await ask(
        (options) => client.request(options as unknown as Parameters<typeof client.request>[0]),
        base,
        request,
      );
    } finally {
      await client.close();
    }
  };
}

/** undici's MockAgent, of whatever release. */
export interface MockAgentLike {
  request(options: never): Promise<unknown>;
}

/**
 * An upstream that asks undici's `MockAgent`: its interceptors for `origin` answer. `agent.assertNoPendingInterceptors()` tells of
 * those that nobody asked for.
 *
 * @param origin As in `agent.get(origin)`.
 * @throws {HarnessError} OPTION_INVALID when it is no http or https URL. What no interceptor matches fails the exchange
 *   (UPSTREAM_FAILED).
 */
export function mockAgentUpstream(
  agent: MockAgentLike,
  origin: string | URL,
): (request: UpstreamRequestView) => Promise<Reply> {
  const base = urlOf(origin);
  // an interceptor's `body` is compared with text
  const send = ({ body, ...options }: UndiciRequest): Promise<unknown> =>
    agent.request({ ...options, ...(body && { body: isUtf8(body) ? textOf(body) : Buffer.from(body) }) } as never);
  return (request) => ask(send, base, request);
}

interface UndiciRequest {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body?: Uint8Array;
  readonly responseHeaders: "raw";
}

interface UndiciAnswer {
  readonly statusCode: number;
  readonly headers: unknown;
  readonly body: { arrayBuffer(): Promise<ArrayBuffer> };
}

async function ask(
  send: (options: UndiciRequest) => Promise<unknown>,
  base: URL,
  { method, path, headers, body }: UpstreamRequestView,
): Promise<Reply> {
  try {
    const authority = headers.first(":authority");
    const sent = headers.pairs().filter(([name]) => !name.startsWith(":") && !ofConnection.has(name));
    const answer = (await send({
      origin: base.origin,
      method,
      path,
      headers: [...(authority === undefined ? [] : ["host", authority]), ...sent.flat()],
      ...(body.length > 0 && { body }),
      responseHeaders: "raw",
    })) as UndiciAnswer;
    const given = pairsOfRaw(answer.headers as readonly (Buffer | string)[]);
    return {
      status: answer.statusCode,
      headers: given.filter(([name]) => !ofConnection.has(name)),
      body: new Uint8Array(await answer.body.arrayBuffer()),
    };
  } catch (thrown) {
    const { code } = thrown as { code?: string };
    if (code === "ECONNREFUSED") return { fault: "refused" };
    throw new HarnessError("UPSTREAM_FAILED", `Cannot get an answer from ${base.origin}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function urlOf(origin: string | URL): URL {
  let url: URL | undefined;
  try {
    url = new URL(origin);
  } catch {
    // told below
  }
  if (url?.protocol === "http:" || url?.protocol === "https:") return new URL(url.origin);
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot use upstream "${String(origin)}": a URL like http://127.0.0.1:8080 is wanted`,
  );
}

/** undici's raw list, or its object when it has no list. */
function pairsOfRaw(headers: readonly (Buffer | string)[] | Record<string, string | string[]>): Pair[] {
  if (!Array.isArray(headers)) {
    return Object.entries(headers as Record<string, string | string[]>).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one): Pair => [name.toLowerCase(), one]),
    );
  }
  const list = headers as readonly (Buffer | string)[];
  const text = (one: Buffer | string): string => (typeof one === "string" ? one : one.toString("latin1"));
  const pairs: Pair[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([text(list[i]!).toLowerCase(), text(list[i + 1]!)]);
  return pairs;
}

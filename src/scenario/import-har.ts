import { utf8ByteString, utf8 } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError, messageOf } from "../errors.js";
import type { ProxyRequest } from "../harness/exchange.js";
import type { Reply } from "../harness/upstreams.js";
import type { DraftCase } from "./record.js";
import { redactBody, redactHeaders, redactPath } from "./redact.js";

/** Those that a hop makes anew: they would be wrong in another one. */
const ofTheHop: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
  "content-encoding",
  "host",
]);

interface HarEntry {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers?: readonly { readonly name: string; readonly value: string }[];
    readonly postData?: { readonly text?: string; readonly mimeType?: string };
  };
  readonly response?: {
    readonly status: number;
    readonly headers?: readonly { readonly name: string; readonly value: string }[];
    readonly content?: { readonly text?: string; readonly encoding?: string; readonly mimeType?: string };
  };
}

/**
 * The exchanges of an HTTP archive (HAR 1.2): what the client sent, and what the origin answered as the upstream's answer.
 *
 * @throws {HarnessError} SCENARIO_INVALID for what is no HAR, or has no exchange over HTTP.
 */
export function casesOfHar(text: string, { keepSecrets = false } = {}): DraftCase[] {
  const invalid = (why: string): HarnessError => new HarnessError("SCENARIO_INVALID", `Cannot import the HAR: ${why}`);
  let entries: unknown;
  try {
    entries = (JSON.parse(text) as { log?: { entries?: unknown } } | null)?.log?.entries;
  } catch (thrown) {
    throw invalid(`it is no JSON (${messageOf(thrown)})`);
  }
  if (!Array.isArray(entries)) throw invalid("it has no list at log.entries");
  const names = new Map<string, number>();
  const cases = (entries as HarEntry[]).flatMap((entry, i) => {
    if (typeof entry?.request?.url !== "string" || typeof entry.request.method !== "string")
      throw invalid(`log.entries[${i}] has no request with method and url`);
    let url: URL;
    try {
      url = new URL(entry.request.url);
    } catch {
      throw invalid(`log.entries[${i}].request.url is no URL`);
    }
    if (!/^https?:$/.test(url.protocol)) return []; // data:, blob:, chrome-extension: never reach a proxy
    const base = `${entry.request.method} ${url.pathname}`;
    const times = (names.get(base) ?? 0) + 1;
    names.set(base, times);
    const reply = replyOf(entry, keepSecrets);
    return [
      {
        name: times === 1 ? base : `${base} (${times})`,
        request: requestOf(entry, url, keepSecrets),
        ...(reply && { reply }),
      },
    ];
  });
  if (cases.length === 0) throw invalid("it has no exchange over HTTP");
  return cases;
}

function requestOf({ request }: HarEntry, url: URL, keepSecrets: boolean): ProxyRequest {
  const headers = headersOf(request.headers, keepSecrets);
  const { text = "", mimeType = "" } = request.postData ?? {};
  const path = url.pathname + url.search;
  return {
    method: request.method,
    path: keepSecrets ? path : redactPath(path),
    authority: url.host,
    ...(url.protocol === "https:" && { scheme: "https" }),
    headers,
    ...(text !== "" && { body: keepSecrets ? text : redactBody(text, mimeType) }),
  };
}

function replyOf({ response }: HarEntry, keepSecrets: boolean): Reply | undefined {
  if (response === undefined || !(response.status >= 200 && response.status <= 599)) return undefined;
  const { text = "", encoding, mimeType = "" } = response.content ?? {};
  const body =
    encoding === "base64"
      ? new Uint8Array(Buffer.from(text, "base64"))
      : utf8(keepSecrets ? text : redactBody(text, mimeType));
  return {
    status: response.status,
    headers: headersOf(response.headers, keepSecrets),
    ...(body.length > 0 && { body }),
  };
}

function headersOf(
  given: readonly { readonly name: string; readonly value: string }[] = [],
  keepSecrets: boolean,
): Pair[] {
  const pairs = given
    .map(({ name, value }): Pair => [
      String(name).toLowerCase(),
      utf8ByteString(String(value)).replace(/[\r\n\0]+/g, " "),
    ])
    .filter(([name]) => !name.startsWith(":") && !ofTheHop.has(name) && /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name));
  return keepSecrets ? pairs : redactHeaders(pairs);
}

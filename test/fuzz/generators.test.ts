// What generators promise really comes: each kind is looked for in samples, by what the kind is and not by how it was made.
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fuzzCase } from "../../src/fuzz/arbitraries.js";
import type { FuzzCase, FuzzExchange } from "../../src/fuzz/index.js";
import { body, configurationNear, path } from "../../src/fuzz/index.js";

const settings = { faulty: [{ hostcall: "proxy_get_property", statuses: [10] }] };
const cases: readonly FuzzCase[] = fc.sample(fuzzCase({}, settings), { numRuns: 4000, seed: 11 });
const exchanges = cases.flatMap((one) => one.exchanges);
const bodyOf = ({ request }: FuzzExchange): Buffer => Buffer.concat(request.body ?? []);
const header =
  (name: string, value = /^/) =>
  ({ request }: FuzzExchange): boolean =>
    request.headers.some(([one, has]) => one === name && value.test(has));

function isJson(bytes: Buffer): boolean {
  try {
    return typeof JSON.parse(bytes.toString()) === "object";
  } catch {
    return false;
  }
}

function isGzip(bytes: Buffer): boolean {
  try {
    return gunzipSync(bytes).length > 0;
  } catch {
    return false;
  }
}

const ofExchange: Readonly<Record<string, (one: FuzzExchange) => boolean>> = {
  "HTTP/1.1": ({ request }) => request.protocol === "HTTP/1.1",
  "HTTP/2": ({ request }) => request.protocol === "HTTP/2",
  "GET, POST": ({ request }) => request.method === "POST",
  HEAD: ({ request }) => request.method === "HEAD",
  "other methods": ({ request }) => request.method === "DELETE",
  "escapes in a path": ({ request }) => /%[0-9A-Fa-f]{2}/.test(request.path!),
  "UTF-8 in a path": ({ request }) => /%C3%A9/.test(request.path!),
  "a broken escape in a path": ({ request }) => /%(?![0-9A-Fa-f]{2})/.test(request.path!),
  "a query": ({ request }) => request.path!.includes("?"),
  "an authority with a port": ({ request }) => /[^:]:\d+$/.test(request.authority!),
  "an IPv6 authority": ({ request }) => request.authority!.startsWith("["),
  cookies: header("cookie", /^\w+=/),
  "an empty header": ({ request }) => request.headers.some(([, value]) => value === ""),
  "x-forwarded-for": header("x-forwarded-for"),
  forwarded: header("forwarded"),
  authorization: header("authorization", /^(Basic|Bearer)/),
  gRPC: header("content-type", /^application\/grpc$/),
  duplicates: ({ request }) => new Set(request.headers.map(([name]) => name)).size < request.headers.length,
  "obs-text": ({ request }) => request.headers.some(([, value]) => /[\x80-\xff]/.test(value)),
  "a value of many kilobytes": ({ request }) => request.headers.some(([, value]) => value.length > 8192),
  "as many headers as a proxy takes": ({ request }) => request.headers.length >= 80,
  "no body": ({ request }) => request.body === undefined,
  "a binary body": (one) => bodyOf(one).some((byte) => byte < 9 || byte > 127),
  JSON: (one) => isJson(bodyOf(one)),
  "JSON that is cut off": (one) => /^[[{]/.test(bodyOf(one).toString()) && !isJson(bodyOf(one)),
  gzip: (one) => isGzip(bodyOf(one)),
  "gzip that is cut off": (one) => bodyOf(one)[0] === 0x1f && bodyOf(one)[1] === 0x8b && !isGzip(bodyOf(one)),
  multipart: (one) => bodyOf(one).toString().includes("content-disposition: form-data"),
  "a form": (one) => bodyOf(one).toString() === "a=1&b=2",
  "a body of kilobytes": (one) => bodyOf(one).length > 1024,
  "a body over a limit": (one) => bodyOf(one).length > 65_536,
  pieces: ({ request }) => (request.body?.length ?? 0) > 3,
  "pieces with time between": ({ request }) => request.chunkDelayMs !== undefined,
  trailers: ({ request }) => request.trailers !== undefined,
  "a client that leaves at once": ({ request }) => request.abortAfterMs === 0,
  "a client that leaves later": ({ request }) => (request.abortAfterMs ?? 0) > 0,
  "an answer in pieces": ({ reply }) => (reply.body?.length ?? 0) > 1,
  "an answer with trailers": ({ reply }) => reply.trailers !== undefined,
  "an answer that is late": ({ reply }) => reply.delayMs !== undefined,
  "204": ({ reply }) => reply.status === 204,
  "503": ({ reply }) => reply.status === 503,
  "an upstream that refuses": ({ reply }) => reply.fault === "refused",
  "an upstream that resets": ({ reply }) => reply.fault === "reset",
  "an upstream that resets after headers": ({ reply }) => reply.fault === "reset after headers",
};

test.each(Object.keys(ofExchange))("requests and answers: %s", (kind) => {
  expect(exchanges.some(ofExchange[kind]!)).toBe(true);
});

const ofCase: Readonly<Record<string, (one: FuzzCase) => boolean>> = {
  "one exchange": (one) => one.exchanges.length === 1,
  "a sequence": (one) => one.exchanges.length === 3 && one.together === undefined,
  "streams at the same time": (one) => one.exchanges.length > 1 && one.together === true,
  "the same many times": ({ repeat }) => repeat > 1,
  "a call that is answered": ({ callReply }) => callReply.status === 200,
  "a call that is refused": ({ callReply }) => callReply.status === 403,
  "a call that times out": ({ callReply }) => callReply.fault === "silence",
  "a call that is reset": ({ callReply }) => callReply.fault === "reset",
  "a hostcall that fails": ({ faults }) => faults !== undefined,
};

test.each(Object.keys(ofCase))("cases: %s", (kind) => {
  expect(cases.some(ofCase[kind]!)).toBe(true);
});

test("bodies near an example: a part is gone, there twice, or of another type", () => {
  const example = { id: 7, items: [{ sku: "a", count: 2 }], note: null };
  const made = fc.sample(body({ bodies: [JSON.stringify(example)] }), { numRuns: 2000, seed: 11 });
  const near = made.flatMap((bytes) => {
    try {
      const value = JSON.parse(Buffer.from(bytes).toString()) as Partial<typeof example> | null;
      return typeof value === "object" && value !== null && "items" in value ? [value] : [];
    } catch {
      return [];
    }
  });
  expect(near.some((value) => !("id" in value))).toBe(true);
  expect(near.some(({ id }) => id !== undefined && typeof id !== "number")).toBe(true);
  expect(near.some(({ items }) => Array.isArray(items) && items.length === 2)).toBe(true);
  expect(near.some(({ items }) => Array.isArray(items) && items.length === 0)).toBe(true);
  expect(near.some(({ items }) => Array.isArray(items) && items[0]?.sku === "a" && !("count" in items[0]))).toBe(true);
});

test("configurations near one: empty, no JSON, and the same with a value of another type", () => {
  const made = fc.sample(configurationNear('{"header":"x-a"}'), { numRuns: 2000, seed: 11 });
  for (const one of ["", "{}", '{"header":null}', '{"header":0}', '{"header":[]}']) expect(made).toContain(one);
  expect(made.some((one) => one.startsWith('{"h') && !one.endsWith("}"))).toBe(true);
});

test("paths begin with a slash and hold what a client may send", () => {
  fc.assert(fc.property(path(), (one) => /^\/[!-~]*$/.test(one)));
});

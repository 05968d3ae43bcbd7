import { dirname, relative, resolve, sep } from "node:path";
import { stringify } from "yaml";
import type { Pair } from "../abi/pairs.js";
import { bytesOf, textOf, utf8 } from "../abi/bytes.js";
import { HarnessError } from "../errors.js";
import type { Exchange, ProxyRequest } from "../harness/exchange.js";
import { pairsOf } from "../harness/headers.js";
import type { FilterOptions, ProxyOptions } from "../harness/proxy-options.js";
import { createProxy } from "../harness/create-proxy.js";
import type { Reply } from "../harness/upstreams.js";

/** What is to become a scenario file: a plugin and the requests to send through it. */
export interface Draft {
  readonly plugin: Omit<FilterOptions, "module"> & { readonly module: string };
  readonly properties?: ProxyOptions["properties"];
  readonly cases: readonly DraftCase[];
}

export interface DraftCase {
  readonly name: string;
  readonly request: ProxyRequest;
  /** What the upstream answers. Default: 200 with the body `hello`. */
  readonly reply?: Reply;
}

/** What to begin with. */
export const firstCases: readonly DraftCase[] = [
  { name: "a request without a body", request: { method: "GET", path: "/" } },
  {
    name: "a request with a body",
    request: { method: "POST", path: "/items", headers: { "content-type": "text/plain" }, body: "a body" },
  },
];

const defaultReply: Reply = { status: 200, body: "hello" };

/**
 * Runs a draft and writes what was seen as a scenario: what the plugin changed of headers and bodies, what the client got, the
 * calls it made.
 *
 * @param file Where it will stand: paths in it are seen from there.
 * @throws {HarnessError} As `createProxy` and `send`: a plugin that fails makes no scenario.
 */
export async function recordScenario(draft: Draft, file: string): Promise<string> {
  const upstreams: Record<string, unknown> = {};
  const tests: unknown[] = [];
  for (const one of draft.cases) {
    const reply = one.reply ?? defaultReply;
    const { exchange, plain } = await runBoth(draft, one, reply);
    for (const { upstream } of exchange.calls) upstreams[upstream] ??= 200;
    tests.push({
      name: one.name,
      ...(one.reply !== undefined && { upstreams: { web: replyValue(one.reply) } }),
      request: requestValue(one.request),
      expect: expectValue(exchange, plain),
    });
  }
  const text = stringify(
    {
      defaults: {
        plugin: pluginValue(draft.plugin, file),
        ...(draft.properties && { properties: draft.properties }),
        upstreams: { web: replyValue(defaultReply), ...upstreams },
      },
      tests,
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
  return `${schemaLine(file)}\n${text}`;
}

/** A plugin as a file has it, its module seen from there. */
export function pluginValue(given: Draft["plugin"], file: string): object {
  const { module, configuration, vmConfiguration, environment = {}, ...rest } = given;
  return {
    module: pathFrom(file, module),
    ...rest,
    ...(Object.keys(environment).length > 0 && { environment }),
    ...configurationValue(configuration),
    ...vmValue(vmConfiguration),
  };
}

/** Names the JSON Schema, so that editors complete and check. */
export function schemaLine(file: string): string {
  const schema = pathFrom(file, "node_modules/proxy-wasm-harness/dist/schemas/scenario.json");
  return `# yaml-language-server: $schema=${schema}`;
}

/** A path as it is seen from the folder of a file. */
export function pathFrom(file: string, path: string): string {
  const seen = relative(dirname(resolve(file)), resolve(path))
    .split(sep)
    .join("/");
  return seen.startsWith(".") ? seen : `./${seen}`;
}

interface Both {
  readonly exchange: Exchange;
  /** The same without the plugin: what differs is its work. */
  readonly plain: Exchange;
}

async function runBoth(draft: Draft, { request }: DraftCase, reply: Reply): Promise<Both> {
  const options: ProxyOptions = {
    filters: [draft.plugin],
    upstreams: { web: reply },
    onUnknownUpstream: { status: 200 },
    ...(draft.properties && { properties: draft.properties }),
  };
  await using proxy = await createProxy(options);
  await using without = await createProxy({ ...options, filters: [] });
  return { exchange: await proxy.send(request), plain: await without.send(request) };
}

function expectValue({ upstreamRequest, response, calls }: Exchange, plain: Exchange): unknown {
  return {
    response: {
      status: response.status,
      ...headersChanged(plain.response.headers.pairs(), response.headers.pairs()),
      ...bodyChanged(plain.response.body, response.body),
    },
    upstreamRequest:
      upstreamRequest === undefined
        ? "none"
        : nonEmpty({
            ...headersChanged(plain.upstreamRequest?.headers.pairs() ?? [], upstreamRequest.headers.pairs()),
            ...bodyChanged(plain.upstreamRequest?.body, upstreamRequest.body),
          }),
    ...(calls.length > 0 && {
      calls: calls.map(({ upstream, headers }) => ({
        upstream,
        method: textValue(headers.first(":method") ?? ""),
        path: textValue(headers.first(":path") ?? ""),
      })),
    }),
  };
}

/** At least the path, where nothing differs. */
const nonEmpty = (given: object): object => (Object.keys(given).length > 0 ? given : { upstream: "web" });

const bodyChanged = (before: Uint8Array | undefined, after: Uint8Array): object =>
  before !== undefined && Buffer.from(before).equals(after) ? {} : { body: bytesValue(after) };

/** Headers that the plugin added, changed or took away. */
function headersChanged(before: Iterable<Pair>, after: Iterable<Pair>): object {
  const [old, now] = [byName(before), byName(after)];
  const changed: Record<string, unknown> = {};
  for (const [name, values] of now) {
    if (name.startsWith(":") || old.get(name)?.join("\0") === values.join("\0")) continue;
    changed[name] = values.length === 1 ? textValue(values[0]!) : values.map(textValue);
  }
  for (const name of old.keys()) if (!now.has(name) && !name.startsWith(":")) changed[name] = { absent: true };
  return Object.keys(changed).length > 0 ? { headers: changed } : {};
}

function byName(pairs: Iterable<Pair>): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const values = names.get(name);
    if (values === undefined) names.set(name, [value]);
    else values.push(value);
  }
  return names;
}

// --------------------------------------------------------------------------------------------- values as a file has them

/** Text where it is UTF-8 that an editor shows, else base64. */
export function bytesValue(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  const plain = !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufeff]/.test(text) && Buffer.from(utf8(text)).equals(bytes);
  return plain ? text : { base64: Buffer.from(bytes).toString("base64") };
}

const textValue = (value: string): unknown => bytesValue(bytesOf(value));

/** Values by name where no name comes back later, and none looks like a number; else a list of pairs: order and repeats are kept. */
function headersValue(given: NonNullable<ProxyRequest["headers"]>): unknown {
  const pairs = pairsOf(given).map(([name, value]) => [name, textValue(value)] as const);
  const isMap =
    new Set(pairs.map(([name]) => name)).size === pairs.length && !pairs.some(([name]) => /^\d+$/.test(name));
  return isMap ? Object.fromEntries(pairs) : pairs;
}

function bodyValue(body: NonNullable<ProxyRequest["body"]>): unknown {
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  const values = pieces.map((one) => bytesValue(typeof one === "string" ? utf8(one) : one));
  return values.length === 1 ? values[0] : values;
}

export function requestValue({ headers, body, trailers, chunkDelayMs, abortAfterMs, ...rest }: ProxyRequest): unknown {
  return {
    ...rest,
    ...(headers !== undefined && { headers: headersValue(headers) }),
    ...(body !== undefined && { body: bodyValue(body) }),
    ...(trailers !== undefined && { trailers: headersValue(trailers) }),
    ...(chunkDelayMs !== undefined && { chunkDelay: chunkDelayMs }),
    ...(abortAfterMs !== undefined && { abortAfter: abortAfterMs }),
  };
}

export function replyValue({ headers, body, trailers, delayMs, chunkDelayMs, ...rest }: Reply): unknown {
  return {
    ...rest,
    ...(headers !== undefined && { headers: headersValue(headers) }),
    ...(body !== undefined && { body: bodyValue(body) }),
    ...(trailers !== undefined && { trailers: headersValue(trailers) }),
    ...(delayMs !== undefined && { delay: delayMs }),
    ...(chunkDelayMs !== undefined && { chunkDelay: chunkDelayMs }),
  };
}

/** JSON is written as keys and values, where that gives the same bytes again. */
function configurationValue(given: FilterOptions["configuration"]): object {
  if (given === undefined) return {};
  const bytes = given instanceof Uint8Array ? given : utf8(typeof given === "string" ? given : JSON.stringify(given));
  const value = bytesValue(bytes);
  if (typeof value !== "string") return { configurationBytes: value };
  try {
    const json: unknown = JSON.parse(value);
    if (typeof json === "object" && json !== null && JSON.stringify(json) === value) return { configuration: json };
  } catch {
    // no JSON: the text as it is
  }
  return { configuration: value };
}

function vmValue(given: FilterOptions["vmConfiguration"]): object {
  if (given === undefined) return {};
  const value = bytesValue(
    given instanceof Uint8Array ? given : utf8(typeof given === "string" ? given : JSON.stringify(given)),
  );
  if (typeof value === "string") return { vmConfiguration: value };
  throw new HarnessError("OPTION_INVALID", "Cannot write the VM configuration into a scenario: it is no UTF-8 text");
}

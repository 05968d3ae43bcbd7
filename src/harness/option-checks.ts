import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import type { ListenerSettings } from "../proxy/envoy/settings.js";
import type { PluginOptions } from "./plugin.js";
import type { FilterOptions, ProxyOptions, ServiceOptions } from "./proxy-options.js";
import type { UpstreamOptions } from "./upstreams.js";

/** What is wrong with a value, as "a whole number is wanted"; undefined: nothing. */
type Check = (value: unknown) => string | undefined;
/** A check for every option there is: the compiler sees that none is missing. */
type Checks<T> = Readonly<Record<keyof T, Check>>;

const must =
  (wanted: string, holds: (value: unknown) => boolean): Check =>
  (value) =>
    holds(value) ? undefined : `${wanted} is wanted`;

/** Checked where it is used. */
const any: Check = () => undefined;
const text = must("a text", (value) => typeof value === "string");
const flag = must("true or false", (value) => typeof value === "boolean");
const object = must("an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value));
const list = must("a list", Array.isArray);
const whole = must("a whole number from 0", (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const integer = must("a whole number", Number.isSafeInteger);
const amount = must("a number from 0", (value) => Number.isFinite(value) && (value as number) >= 0);
const date = must("a Date that is one", (value) => value instanceof Date && !Number.isNaN(value.getTime()));
const texts: Check = must(
  "a list of texts",
  (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
);
const environment = must(
  "an object of texts",
  (value) => object(value) === undefined && Object.values(value as object).every((one) => typeof one === "string"),
);

const oneOf =
  (...names: readonly string[]): Check =>
  (value) =>
    names.includes(value as string)
      ? undefined
      : `${names.map((name) => `"${name}"`).join(" or ")} is wanted${typeof value === "string" ? didYouMean(value, names) : ""}`;

const module: Check = must(
  "the path or file URL of a module, or its bytes",
  (value) => typeof value === "string" || value instanceof URL || value instanceof Uint8Array,
);
const unknownImports = oneOf("refuse", "trap", "unimplemented");
const onFailure = oneOf("throw", "policy");

const ofBoth = {
  name: text,
  rootId: text,
  vmId: text,
  configuration: any,
  vmConfiguration: any,
  environment,
  capabilities: texts,
  unknownImports,
  hostFunctions: object,
  allowOnHeadersStopIteration: flag,
};

const ofProcess = {
  logLevel: any,
  properties: object,
  startTime: date,
  realClock: flag,
  seed: integer,
  budgetMs: any,
  trace: flag,
  foreignFunctions: object,
  resolveDns: object,
  envoy: text,
  onFailure,
};

export const pluginChecks: Checks<PluginOptions> = { ...ofBoth, ...ofProcess, upstreams: texts, with: object };

export const filterChecks: Checks<FilterOptions> = {
  ...ofBoth,
  module,
  coverage: object,
  failurePolicy: oneOf("FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"),
  failOpen: flag,
  reloadMs: amount,
};

export const serviceChecks: Checks<ServiceOptions> = { ...filterChecks, singleton: flag };

export const proxyChecks: Checks<ProxyOptions> = {
  ...ofProcess,
  filters: list,
  tcp: any,
  accessLoggers: list,
  services: list,
  statsSinks: object,
  upstreamFilters: object,
  upstreams: object,
  route: text,
  routes: list,
  virtualHosts: list,
  onUnknownUpstream: any,
  listener: object,
  dynamicMetadata: object,
  node: object,
  strict: flag,
  workers: whole,
  order: integer,
};

export const upstreamChecks: Checks<UpstreamOptions> = {
  answer: any,
  protocol: oneOf("HTTP/1.0", "HTTP/1.1", "HTTP/2"),
  enableTrailers: flag,
  address: text,
  unhealthy: flag,
  metadata: object,
  hostMetadata: object,
  locality: object,
};

export const listenerChecks: Checks<ListenerSettings> = {
  address: text,
  bufferLimit: whole,
  streamIdleTimeoutMs: amount,
  enableTrailers: flag,
  allowMetadata: flag,
  useRemoteAddress: flag,
  localAddress: text,
  acceptHttp10: flag,
  upgrades: list,
  localReplyMappers: list,
  direction: whole,
  metadata: object,
  maxHeaders: whole,
  filterChainName: text,
};

/**
 * Looks at names and values of options; an option that is undefined counts as not given.
 *
 * @param of Whose options they are, to follow "Cannot use option x of".
 * @throws {HarnessError} OPTION_INVALID
 */
export function checkOptions(of: string, given: object, checks: Readonly<Record<string, Check>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const wrong =
      check === undefined ? `there is none of that name${didYouMean(name, Object.keys(checks))}` : check(value);
    if (wrong !== undefined) throw new HarnessError("OPTION_INVALID", `Cannot use option ${name} of ${of}: ${wrong}`);
  }
}

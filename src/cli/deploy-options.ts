import { basename } from "node:path";
import { textOf, utf8 } from "../abi/bytes.js";
import { didYouMean } from "../abi/nearest.js";
import type { CommandOptions } from "./arguments.js";
import { outputOption } from "./deploy-oci.js";
import { testedOptions } from "./deploy-tested.js";
import { UsageError } from "./errors.js";
import { lastOf, repeated, text } from "./exchange-options.js";
import { assignmentArgument, bytesArgument, listOf, numberArgument } from "./values.js";

/** Options of all targets; each takes those that it names. */
export const manifestOptions: CommandOptions = {
  output: outputOption,
  check: { ...text, describe: "write nothing; fail when what is in this file or folder differs" },
  config: { ...text, alias: "c", describe: "plugin configuration: text, @file, or @-" },
  "root-id": { ...text, describe: "root id" },
  "vm-id": { ...text, describe: "VM id" },
  "plugin-name": { ...text, describe: "plugin name, in logs and property plugin_name" },
  runtime: { ...text, describe: "engine of the VM [envoy.wasm.runtime.v8]" },
  env: { ...repeated, describe: "environment variable NAME=value of the VM" },
  "fail-open": { type: "boolean", describe: "requests pass when the plugin fails" },
  "failure-policy": {
    ...text,
    describe: "FAIL_CLOSED, FAIL_OPEN or FAIL_RELOAD, for Envoy 1.33 and Istio 1.25 and newer",
  },
  name: { ...text, describe: "name of the object, or of the filter [after the module]" },
  namespace: { ...text, describe: "namespace to write into the manifests [none]" },
  deployment: { ...text, describe: "the Deployment whose proxies get the filter" },
  label: { ...repeated, describe: "label=value of the pods [app=<deployment>]" },
  target: { ...text, describe: "instead of labels: HTTPRoute/name, Gateway/name, Service/name" },
  context: { ...text, describe: "SIDECAR_INBOUND, SIDECAR_OUTBOUND, GATEWAY or ANY [SIDECAR_INBOUND]" },
  port: { ...text, describe: "port of the listener: the container's inbound, the Service's outbound [every one]" },
  istio: { ...text, describe: "release, 1.11: only its proxies; what it lacks is refused [any]" },
  "proxy-version": { ...text, describe: "regular expression over the proxy's version [what --istio makes]" },
  insert: { ...text, describe: "before, after or first in the chain [before]" },
  anchor: { ...text, describe: "the filter that it stands before or after [envoy.filters.http.router]" },
  "filter-name": { ...text, describe: "name of the HTTP filter [envoy.filters.http.wasm]" },
  priority: { ...text, describe: "order among EnvoyFilters, or plugins of a phase" },
  phase: { ...text, describe: "AUTHN, AUTHZ or STATS: the part of the chain [behind all of them]" },
  url: { ...text, describe: "https://, http://, oci:// or file:/// address of the module [a mounted file]" },
  sha256: { ...text, describe: "digest of the image's manifest [of the image that pwh deploy oci makes]" },
  "pull-secret": { ...text, describe: "Secret with which the image is pulled" },
  upstream: { ...text, describe: "host:port behind the filter [127.0.0.1:8080]" },
  hashed: { type: "boolean", describe: "names carry the module's hash, so that a new one restarts pods" },
  immutable: { type: "boolean", describe: "the ConfigMap cannot be changed" },
  kustomize: { type: "boolean", describe: "the patch names its Deployment, as Kustomize wants it" },
  "mount-path": { ...text, describe: "folder in the proxy [/var/local/lib/wasm-filters]" },
  ...testedOptions,
};

/** What the options say, as the makers of documents take it. */
export type Given = ReturnType<typeof givenOf>;

/** Reads them. @throws {UsageError} */
export function givenOf(path: string, module: Uint8Array, args: Record<string, unknown>) {
  const string = <K extends string>(option: string, key: K): Partial<Record<K, string>> => {
    const value = lastOf(args, option);
    return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
  };
  const number = <K extends string>(
    option: string,
    key: K,
    least: number,
    most: number,
  ): Partial<Record<K, number>> => {
    const value = lastOf(args, option);
    return value === undefined
      ? {}
      : ({ [key]: numberArgument(`--${option}`, value, least, most) } as Record<K, number>);
  };
  const config = lastOf(args, "config");
  const labels = labelsOf(listOf(args["label"]));
  const variables = listOf(args["env"]).map((one) => assignmentArgument("--env", one, "NAME=value"));
  const context = oneOf(args, "context", ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "ANY"] as const);
  const insert = oneOf(args, "insert", ["before", "after", "first"] as const);
  const failurePolicy = oneOf(args, "failure-policy", ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] as const);
  const phase = oneOf(args, "phase", ["AUTHN", "AUTHZ", "STATS"] as const);
  return {
    path,
    module,
    fileName: basename(path),
    ...(config !== undefined && { configuration: configurationText(config) }),
    ...string("root-id", "rootId"),
    ...string("vm-id", "vmId"),
    ...string("plugin-name", "pluginName"),
    ...string("runtime", "runtime"),
    ...(variables.length > 0 && { environment: Object.fromEntries(variables) }),
    ...string("name", "name"),
    ...string("namespace", "namespace"),
    ...string("deployment", "deployment"),
    ...(labels && { labels }),
    ...string("target", "target"),
    ...(context && { context }),
    ...number("port", "port", 1, 65_535),
    ...string("istio", "istio"),
    ...string("proxy-version", "proxyVersion"),
    ...(insert && { insert }),
    ...string("anchor", "anchor"),
    ...string("filter-name", "filterName"),
    ...number("priority", "priority", -(2 ** 31), 2 ** 31 - 1),
    ...(phase && { phase }),
    ...string("url", "url"),
    ...string("sha256", "sha256"),
    ...string("pull-secret", "pullSecret"),
    ...string("upstream", "upstream"),
    ...string("mount-path", "mountPath"),
    ...(failurePolicy && { failurePolicy }),
    failOpen: args["fail-open"] === true,
    hashed: args["hashed"] === true,
    immutable: args["immutable"] === true,
    kustomize: args["kustomize"] === true,
  };
}

function oneOf<T extends string>(args: Record<string, unknown>, option: string, values: readonly T[]): T | undefined {
  const given = lastOf(args, option);
  const found = values.find((one) => one === given);
  if (given === undefined || found !== undefined) return found;
  throw new UsageError(
    `Cannot use --${option} "${given}"${didYouMean(given, values)}: it is one of ${values.join(", ")}`,
  );
}

/** @throws {UsageError} A manifest is text: other bytes would not arrive as they are. */
function configurationText(given: string): string {
  const bytes = bytesArgument("--config", given);
  const text = textOf(bytes);
  if (!Buffer.from(utf8(text)).equals(bytes))
    throw new UsageError(
      "Cannot use --config: it is not UTF-8, or begins with a byte order mark; a manifest holds text",
    );
  return text;
}

/** `app=name`, each; undefined: none was given. */
export function labelsOf(given: readonly string[]): Record<string, string> | undefined {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((one): [string, string] => {
      const [, name, value] = /^([^=]+)=([^=]*)$/.exec(one) ?? [];
      if (name === undefined) throw new UsageError(`Cannot use --label ${one}: write it as app=name`);
      return [name, value!];
    }),
  );
}

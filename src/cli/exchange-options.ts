import type { Pair } from "../abi/pairs.js";
import type { ExchangeInput } from "../harness/run.js";
import type { CommandOptions } from "./arguments.js";
import { UsageError } from "./errors.js";
import { assignmentArgument, bytesArgument, headerArguments, headerText, listOf, numberArgument } from "./values.js";

export const text = { type: "string", nargs: 1, requiresArg: true } as const;
export const repeated = { ...text, array: true } as const;

/** The plugin: shared by the verbs that run one. */
export const pluginOptions: CommandOptions = {
  config: {
    ...text,
    alias: "c",
    describe: "plugin configuration: text, @file, or @- for standard input",
  },
  "vm-config": { ...text, describe: "VM configuration, likewise" },
  name: { ...text, describe: "plugin name, in logs and property plugin_name [the file's name]" },
  "root-id": { ...text, describe: "root id" },
  "vm-id": { ...text, describe: "VM id" },
  env: { ...repeated, describe: "environment variable NAME=value for WASI" },
};

/** Which Envoy to be. */
export const releaseOptions: CommandOptions = {
  envoy: { ...text, describe: "release of Envoy to be, such as 1.38 [the newest that was recorded]" },
  istio: { ...text, describe: "release of Istio whose Envoy to be, such as 1.11" },
};

/**
 * What `releaseOptions` gave; undefined: the newest.
 *
 * @throws {UsageError} For both, and for a release that there is none of.
 */
export function releaseInput(args: Record<string, unknown>): string | undefined {
  const [envoy, istio] = [lastOf(args, "envoy"), lastOf(args, "istio")];
  if (envoy !== undefined && istio !== undefined) throw new UsageError("Cannot use --envoy and --istio: choose one");
  return istio === undefined ? envoy : `istio-${istio.replace(/^istio-/, "")}`;
}

/** A request and the upstream's answer, named as curl's options where curl has them. */
export const exchangeOptions: CommandOptions = {
  method: { ...text, alias: ["X", "request"], describe: "method [GET, or POST with a body]" },
  path: { ...text, describe: "path with query [/]" },
  authority: { ...text, describe: "host and port [example.com]" },
  scheme: { ...text, describe: "http or https [http]" },
  header: {
    ...repeated,
    alias: "H",
    describe: "request header 'name: value', or @file with one a line; order and repeats are kept",
  },
  body: { ...text, alias: ["d", "data"], describe: "request body: text, @file, or @-" },
  trailer: { ...repeated, describe: "request trailer 'name: value'" },
  "response-status": {
    ...text,
    describe: "status of the upstream's response [200]",
  },
  "response-header": { ...repeated, describe: "header of the upstream's response" },
  "response-body": { ...text, describe: "its body: text, @file, or @- [hello]" },
  "response-trailer": { ...repeated, describe: "its trailer" },
};

/** An option that is given twice: the last one counts, as in curl. */
export const lastOf = (args: Record<string, unknown>, name: string): string | undefined => listOf(args[name]).at(-1);

/** What `pluginOptions` gave. */
export function pluginInput(args: Record<string, unknown>) {
  const config = lastOf(args, "config");
  const vmConfig = lastOf(args, "vm-config");
  return {
    ...(config !== undefined && { configuration: bytesArgument("--config", config) }),
    ...(vmConfig !== undefined && { vmConfiguration: bytesArgument("--vm-config", vmConfig) }),
    ...(args["name"] !== undefined && { name: lastOf(args, "name")! }),
    ...(args["root-id"] !== undefined && { rootId: lastOf(args, "root-id")! }),
    ...(args["vm-id"] !== undefined && { vmId: lastOf(args, "vm-id")! }),
    environment: Object.fromEntries(listOf(args["env"]).map((one) => assignmentArgument("--env", one, "NAME=value"))),
  };
}

/** What `exchangeOptions` gave. */
export function exchangeInput(args: Record<string, unknown>): ExchangeInput {
  const string = (name: string): string | undefined => lastOf(args, name);
  const body = string("body");
  const responseBody = string("response-body");
  const given = headerArguments("--header", args["header"]);
  const defaults: Pair[] = [
    ["user-agent", "pwh"],
    ["accept", "*/*"],
  ];
  const own = defaults.filter(([name]) => !given.some(({ pair }) => pair[0] === name));
  const pairs = (name: string): Pair[] =>
    headerArguments(`--${name}`, args[name])
      .filter(({ removed }) => !removed)
      .map(({ pair }) => pair);
  return {
    ...(args["method"] !== undefined && { method: headerText("--method", string("method")!) }),
    ...(args["path"] !== undefined && { path: headerText("--path", string("path")!) }),
    ...(args["authority"] !== undefined && { authority: headerText("--authority", string("authority")!) }),
    ...(args["scheme"] !== undefined && { scheme: headerText("--scheme", string("scheme")!) }),
    headers: [...own, ...given.filter(({ removed }) => !removed).map(({ pair }) => pair)],
    ...(body !== undefined && { body: bytesArgument("--body", body) }),
    trailers: pairs("trailer"),
    response: {
      ...(args["response-status"] !== undefined && {
        status: numberArgument("--response-status", string("response-status"), 100, 999),
      }),
      headers: pairs("response-header"),
      ...(responseBody !== undefined && { body: bytesArgument("--response-body", responseBody) }),
      trailers: pairs("response-trailer"),
    },
  };
}

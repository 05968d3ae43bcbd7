import { existsSync } from "node:fs";
import { isMap, isSeq } from "yaml";
import { noBytes, utf8 } from "../abi/bytes.js";
import { logLevelNames } from "../abi/enums.js";
import { messageOf } from "../errors.js";
import type { Property } from "../proxy/envoy/property-value.js";
import { givenProperties } from "../proxy/envoy/given-properties.js";
import { profileOf } from "../proxy/envoy/profiles.js";
import { expectations } from "./expectation-shapes.js";
import { reply, request, upstream } from "./exchange-shapes.js";
import { forAll } from "./for-all.js";
import { holds, play } from "./play-shapes.js";
import type { Shape } from "./reader.js";
import type { Value } from "./shape.js";
import {
  changed,
  defined,
  duration,
  either,
  entries,
  flag,
  integer,
  json,
  list,
  name,
  object,
  oneOrMore,
  placeless,
  text,
  word,
} from "./shape.js";
import type { Step, StepAction } from "./types.js";
import { body, bytes, headers, regex } from "./values.js";

/** A file that is there, as a path from the root. */
const path: Shape<string> = changed(name, (given, node, reader) => {
  const full = reader.path(given);
  reader.files.add(full);
  return existsSync(full) ? full : reader.problem(node, `Cannot read ${given}: there is no such file`);
});

/** A text as it stands; keys and values or a list become JSON. */
const configuration: Shape<Uint8Array> = {
  words: "a text, or a value that becomes JSON",
  schema: {},
  takes: () => true,
  read(node, reader) {
    if (!isMap(node) && !isSeq(node)) return text.takes(node) ? utf8(text.read(node, reader)!) : noBytes;
    const value = json.read(node, reader);
    return value && utf8(JSON.stringify(value.value));
  },
};

const environment = changed(entries(text, "environment variables by name"), (all) =>
  Object.fromEntries(all.map(({ key, value }) => [key, value])),
);

const policies = ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] as const;

const pluginFields = object(
  "a plugin",
  {
    module: [path, "The .wasm, its path seen from this file"],
    name: [name, "Default: the file's name without .wasm"],
    rootId: [text, 'Default ""'],
    vmId: [text, 'Default ""'],
    configuration: [configuration, "Text, or a value that becomes JSON"],
    configurationBytes: [bytes, "Configuration from a file, base64, hex …"],
    vmConfiguration: [configuration, "Text, or a value that becomes JSON"],
    environment: [environment, "Environment variables by name"],
    failurePolicy: [word(policies), "Default FAIL_CLOSED"],
    reload: [duration, "FAIL_RELOAD: first interval of the back-off. Default 1s"],
    allowOnHeadersStopIteration: [flag, "As in Envoy's configuration"],
    capabilities: [list(name, "a list of names"), "What the plugin may import and export; default everything"],
  },
  ["module"],
);

export type PluginFields = Omit<Value<typeof pluginFields>, "where">;

const plugin: Shape<PluginFields> = defined(
  "plugin",
  either(
    changed(path, (module): PluginFields => ({ module })),
    changed(pluginFields, (given, node, reader): PluginFields | undefined => {
      const { configurationBytes, ...rest } = placeless(given);
      if (configurationBytes === undefined) return rest;
      if (rest.configuration !== undefined)
        return reader.problem(node, "Expected configuration or configurationBytes, found both");
      return { ...rest, configuration: configurationBytes };
    }),
  ),
);

const envoy = changed(text, (given, node, reader) => {
  try {
    profileOf(given);
    return given;
  } catch (thrown) {
    return reader.problem(node, messageOf(thrown));
  }
});

const properties = changed(entries(either(bytesProperty(), json), "properties by path"), (all, _, reader) => {
  const given: Record<string, Property> = {};
  const before = reader.problems.length;
  for (const { key, value, keyNode } of all) {
    const one = value instanceof Uint8Array ? value : (value.value as Property);
    try {
      givenProperties({ [key]: one });
      given[key] = one;
    } catch (thrown) {
      reader.problem(keyNode, messageOf(thrown));
    }
  }
  return reader.problems.length > before ? undefined : given;
});

/** Only what is clearly bytes: any other map is a value. */
function bytesProperty(): Shape<Uint8Array> {
  return {
    ...bytes,
    takes: (node) => isMap(node) && node.items.length === 1 && (node.has("base64") || node.has("hex")),
  };
}

const routeMatch = object("what a route is for", {
  prefix: [text, "The path begins so"],
  path: [text, "The path is this"],
  regex: [regex, "The whole path matches"],
});

const route = defined(
  "route",
  object(
    "a route",
    {
      name: [text, ""],
      match: [routeMatch, "Which requests it is for"],
      cluster: [name, "Name of the upstream"],
      clusterHeader: [name, "The header that has the upstream's name"],
      directResponse: [
        object("a direct response", { status: [integer(200, 599), ""], body: [text, ""] }, ["status"]),
        "",
      ],
      timeout: [duration, "Default 15s; 0: none"],
      prefixRewrite: [text, ""],
      requestHeadersToAdd: [headers, ""],
      responseHeadersToAdd: [headers, ""],
    },
    ["match"],
  ),
);

const listener = defined(
  "listener",
  object("the listener", {
    bufferLimit: [integer(0, 2 ** 32 - 1), "Bytes. Default 1 MiB"],
    streamIdleTimeout: [duration, "Default 5m; 0: none"],
    enableTrailers: [flag, "HTTP/1 trailers of requests are passed on. Default false"],
    useRemoteAddress: [flag, "Default false"],
    acceptHttp10: [flag, "Default false"],
  }),
);

const upstreams = defined("upstreams", entries(upstream, "upstreams by name"));

/** What cases and defaults have in common. */
const setupFields = {
  plugin: [plugin, "The plugin: a path, or more about it"],
  plugins: [list(plugin, "a list of plugins", { least: 1 }), "The filter chain, the first meets requests first"],
  configuration: [configuration, "Configuration of the one plugin"],
  environment: [environment, "Environment variables of every plugin"],
  envoy: [envoy, 'The release of Envoy to be, such as "1.38". Default: the newest'],
  upstreams: [upstreams, "Upstreams by name: where routes and calls of plugins go. The first is the default route's"],
  route: [name, "Upstream of every request. Default: the first"],
  routes: [list(route, "a list of routes", { least: 1 }), "Routes in order"],
  listener: [listener, "Buffer limit, idle timeout, …"],
  properties: [properties, "Properties by path: they win over those that the exchange has"],
  logLevel: [word(logLevelNames), "Default info"],
  onUnknownUpstream: [
    word(["error", "envoy", "503"]),
    "What happens when an unknown upstream is wanted. Default error",
  ],
  onFailure: [word(["throw", "policy"]), "A trap fails the case, or is answered as Envoy does. Default throw"],
  strict: [flag, "Diagnostics fail the case. Default false"],
  seed: [integer(0, 2 ** 32 - 1), "Of random numbers. Default 1"],
  startTime: [
    changed(text, (given, node, reader) => {
      const time = new Date(given);
      return Number.isNaN(time.getTime()) ? reader.wrong(node, "a time such as 2024-02-29T12:00:00Z") : time;
    }),
    "Wall time at the start. Default 2023-11-14T22:13:20Z",
  ],
  budget: [duration, "Real time that one entry into a plugin may take. Default 1s"],
  tags: [oneOrMore(name, "a list of tags"), "For pwh test --tag"],
  skip: [name, "Why it is not run"],
} as const;

const defaults = object("defaults", setupFields);

// -------------------------------------------------------------------------------------------------------------- steps

const stepFields = {
  request: [request, '"GET /path", or its parts. Time passes until it is over, unless it has a name (as)'],
  as: [name, "The request stays under way under this name until a step finish"],
  finish: [name, "Time passes until the request of this name is over"],
  abort: [name, "The client of the request of this name leaves"],
  wait: [duration, "Time passes"],
  tick: [integer(1, 1_000_000), "Time passes until timers of plugins have ticked so often"],
  queue: [
    object(
      "an entry of a shared queue",
      {
        name: [name, "Name of the queue"],
        vmId: [text, 'VM id of its owner. Default ""'],
        items: [body, "One or more"],
      },
      ["name", "items"],
    ),
    "Puts items into a shared queue, as another VM would",
  ],
  answer: [
    object("an answer to a held request", { upstream: [name, "Whose reply is hold"], reply: [reply, "The answer"] }, [
      "upstream",
      "reply",
    ]),
    "Answers the oldest request of an upstream whose reply is hold",
  ],
  expect: [expectations, "What has to be true after this step"],
} as const;

const actions = ["request", "finish", "abort", "wait", "tick", "queue", "answer"] as const;

const stepShape = object("a step", stepFields);
type StepFields = Value<typeof stepShape>;

const step: Shape<Step> = defined(
  "step",
  changed(stepShape, (given, node, reader): Step | undefined => {
    const named = actions.filter((one) => given[one] !== undefined);
    if (named.length !== 1 && !(named.length === 0 && given.expect !== undefined)) {
      const found = named.length === 0 ? "none" : named.join(" and ");
      return reader.problem(node, `Expected one of ${actions.join(", ")} in a step, found ${found}`);
    }
    if (given.as !== undefined && named[0] !== "request")
      return reader.problem(node, 'Key "as" names a request, and this step has none');
    return { ...actionOf(given), where: given.where, ...(given.expect && { expect: given.expect }) };
  }),
);

function actionOf(given: StepFields): StepAction {
  if (given.request)
    return { kind: "request", request: given.request, ...(given.as !== undefined && { name: given.as }) };
  if (given.finish !== undefined) return { kind: "finish", name: given.finish };
  if (given.abort !== undefined) return { kind: "abort", name: given.abort };
  if (given.tick !== undefined) return { kind: "tick", times: given.tick };
  if (given.queue)
    return { kind: "queue", vmId: given.queue.vmId ?? "", name: given.queue.name, items: given.queue.items };
  if (given.answer) return { kind: "answer", upstream: given.answer.upstream, reply: given.answer.reply };
  return { kind: "wait", ms: given.wait ?? 0 };
}

// ------------------------------------------------------------------------------------------------------ cases and files

/** Variants of an axis: by label, or a list that gives its own labels. */
function axis<T>(item: Shape<T>, words: string): Shape<{ readonly label: string | undefined; readonly value: T }[]> {
  return either(
    changed(list(item, `a list of ${words}`, { least: 1 }), (all) => all.map((value) => ({ label: undefined, value }))),
    changed(entries(item, `${words} by label`), (all, node, reader) =>
      all.length === 0
        ? reader.problem(node, `Expected ${words} by label, found none`)
        : all.map(({ key, value }) => ({ label: key, value })),
    ),
  );
}

const matrix = defined(
  "matrix",
  object("a matrix", {
    plugin: [axis(path, "modules"), "Each case runs once for each of these modules"],
    configuration: [axis(configuration, "configurations"), "Each case runs once for each of these configurations"],
    envoy: [axis(envoy, "releases"), "Each case runs as each of these Envoys"],
  }),
);

export type MatrixFields = Value<typeof matrix>;

const caseShape = object(
  "a case",
  {
    name: [name, "Unique in the file"],
    ...setupFields,
    matrix: [matrix, "Runs the case several times"],
    request: [request, "A case of one exchange; for more, steps"],
    steps: [list(step, "a list of steps", { least: 1 }), "What happens, in order"],
    forAll: [forAll, "Which requests expect is about: pwh test generates them, pwh fuzz --properties too"],
    play: [play, "A case of pwh fuzz, as --save writes it; needs holds"],
    holds: [holds, "Properties of pwh fuzz that hold for what is played"],
    expect: [expectations, "What has to be true in the end"],
  },
  ["name"],
);

export type SetupFields = Value<typeof defaults>;
export type CaseFields = Value<typeof caseShape>;

/** A whole file. */
export const fileShape = object("a scenario file", {
  include: [oneOrMore(name, "a list of files"), "Files whose defaults come before those of this one"],
  defaults: [defaults, "What every case has that does not say otherwise"],
  matrix: [matrix, "Runs every case several times"],
  tests: [list(caseShape, "a list of cases", { least: 1 }), "The cases"],
});

export type FileFields = Value<typeof fileShape>;
